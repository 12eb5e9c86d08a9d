//! A reader over one whole frame: it never goes past the end, and its errors know where it stood.

use bytes::Bytes;

use crate::reason::Reason;

/// Why bytes are not a packet. `reason` is what a 5.0 server sends before it closes (§4.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset} (reason 0x{:02x})", reason.code())]
pub struct DecodeError {
    pub reason: Reason,
    /// Bytes from the start of the packet.
    pub offset: usize,
    pub what: &'static str,
}

#[derive(Clone)]
pub(super) struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a Bytes, start: usize) -> Reader<'a> {
        Reader { frame, at: start, end: frame.len() }
    }

    pub fn error(&self, reason: Reason, what: &'static str) -> DecodeError {
        DecodeError { reason, offset: self.at, what }
    }

    pub fn malformed(&self, what: &'static str) -> DecodeError {
        self.error(Reason::MalformedPacket, what)
    }

    pub fn protocol(&self, what: &'static str) -> DecodeError {
        self.error(Reason::ProtocolError, what)
    }

    pub fn left(&self) -> usize {
        self.end - self.at
    }

    pub fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// Nothing may follow what a packet type defines.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.malformed("bytes after the end of the packet")) }
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.end);
        let bytes = end.and_then(|end| self.frame.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.malformed("the packet ends too early"))?;
        self.at += len;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed("the packet ends too early"))
    }

    /// Variable byte integer (5.0 §1.5.5), in as few bytes as it needs.
    pub fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for position in 0..4 {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                if position > 0 && byte == 0 {
                    return Err(self.malformed("a variable byte integer is longer than it needs"));
                }
                return Ok(value);
            }
        }
        Err(self.malformed("a variable byte integer has more than 4 bytes"))
    }

    /// Binary data (5.0 §1.5.6), sharing the frame's bytes.
    pub fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let len = usize::from(self.u16()?);
        let slice = self.take(len)?;
        Ok(self.frame.slice_ref(slice))
    }

    /// UTF-8 encoded string (5.0 §1.5.4): well formed, without U+0000.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = usize::from(self.u16()?);
        let bytes = self.take(len)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.malformed("a string is not UTF-8"))?;
        if bytes.contains(&0) {
            return Err(self.malformed("a string holds U+0000"));
        }
        Ok(text)
    }

    pub fn string(&mut self) -> Result<String, DecodeError> {
        Ok(self.text()?.to_owned())
    }

    /// What is left, sharing the frame's bytes.
    pub fn rest(&mut self) -> Result<Bytes, DecodeError> {
        let slice = self.take(self.left())?;
        Ok(self.frame.slice_ref(slice))
    }

    /// A reader of the next `len` bytes, which this one skips.
    pub fn part(&mut self, len: usize) -> Result<Reader<'a>, DecodeError> {
        let start = self.at;
        self.take(len)?;
        Ok(Reader { frame: self.frame, at: start, end: self.at })
    }
}
