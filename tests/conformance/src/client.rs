//! A client for the tests: it sends what it is told, and reads packets as they come.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};

use anyhow::{Result, anyhow, bail, ensure};

use crate::bytes::{self, Connect, PING, Publish, two};
use crate::link::{self, Kind, Link, Target};

#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

/// A property: its identifier and its value as it stood on the wire.
pub type Property = (u8, Vec<u8>);

/// What was read as PUBLISH.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    pub id: u16,
    pub properties: Vec<Property>,
    pub payload: Vec<u8>,
}

impl Message {
    pub fn property(&self, id: u8) -> Option<&[u8]> {
        find(&self.properties, id)
    }
}

/// CONNACK.
#[derive(Clone, Debug)]
pub struct Answer {
    pub session_present: bool,
    pub flags: u8,
    pub reason: u8,
    pub properties: Vec<Property>,
}

impl Answer {
    pub fn property(&self, id: u8) -> Option<&[u8]> {
        find(&self.properties, id)
    }
}

/// PUBACK and its like, SUBACK, DISCONNECT.
#[derive(Clone, Debug)]
pub struct Ack {
    pub id: u16,
    pub reasons: Vec<u8>,
    pub properties: Vec<Property>,
}

impl Ack {
    pub fn reason(&self) -> u8 {
        self.reasons.first().copied().unwrap_or(0)
    }
}

fn find(properties: &[Property], id: u8) -> Option<&[u8]> {
    properties.iter().find(|(each, _)| *each == id).map(|(_, value)| value.as_slice())
}

/// Reads a packet's body from the front.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        ensure!(self.0.len() >= len, "the packet ends too early");
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(head)
    }

    pub fn byte(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().ok_or_else(|| anyhow!("no byte"))
    }

    pub fn two(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into()?))
    }

    pub fn text(&mut self) -> Result<&'a [u8]> {
        let len = self.two()?;
        self.take(usize::from(len))
    }

    pub fn varint(&mut self) -> Result<usize> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
            ensure!(shift < 28, "a variable byte integer of more than four bytes");
        }
    }

    pub fn properties(&mut self, version: u8) -> Result<Vec<Property>> {
        if version != 5 {
            return Ok(Vec::new());
        }
        let len = self.varint()?;
        let mut inside = Reader(self.take(len)?);
        let mut all = Vec::new();
        while !inside.0.is_empty() {
            let id = inside.byte()?;
            let before = inside.0;
            match id {
                1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => drop(inside.take(1)?),
                19 | 33 | 34 | 35 => drop(inside.take(2)?),
                2 | 17 | 24 | 39 => drop(inside.take(4)?),
                11 => drop(inside.varint()?),
                3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => drop(inside.text()?),
                38 => drop((inside.text()?, inside.text()?)),
                other => bail!("the broker sent property {other}"),
            }
            let used = before.len() - inside.0.len();
            all.push((id, before.get(..used).unwrap_or_default().to_vec()));
        }
        Ok(all)
    }
}

impl Packet {
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }

    pub fn answer(&self, version: u8) -> Result<Answer> {
        ensure!(self.first == 0x20, "{self:02x?} instead of CONNACK");
        let mut r = Reader(&self.body);
        let (flags, reason) = (r.byte()?, r.byte()?);
        let properties = r.properties(version)?;
        ensure!(r.0.is_empty(), "bytes behind the CONNACK");
        Ok(Answer { session_present: flags & 1 == 1, flags, reason, properties })
    }

    pub fn message(&self, version: u8) -> Result<Message> {
        ensure!(self.kind() == 3, "{self:02x?} instead of PUBLISH");
        let mut r = Reader(&self.body);
        let topic = String::from_utf8(r.text()?.to_vec())?;
        let qos = self.first >> 1 & 3;
        let id = if qos > 0 { r.two()? } else { 0 };
        let properties = r.properties(version)?;
        let (dup, retain) = (self.first & 8 != 0, self.first & 1 != 0);
        Ok(Message { dup, qos, retain, topic, id, properties, payload: r.0.to_vec() })
    }

    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    pub fn ack(&self, first: u8, version: u8) -> Result<Ack> {
        ensure!(self.first == first, "{self:02x?} instead of {first:02x}");
        let mut r = Reader(&self.body);
        let id = r.two()?;
        let reasons = if r.0.is_empty() { vec![0] } else { vec![r.byte()?] };
        let properties = if r.0.is_empty() { Vec::new() } else { r.properties(version)? };
        ensure!(version == 5 || self.body.len() == 2, "3.1.1 has no reason here");
        Ok(Ack { id, reasons, properties })
    }

    /// SUBACK 0x90, UNSUBACK 0xb0.
    pub fn list(&self, first: u8, version: u8) -> Result<Ack> {
        ensure!(self.first == first, "{self:02x?} instead of {first:02x}");
        let mut r = Reader(&self.body);
        let id = r.two()?;
        let properties = r.properties(version)?;
        Ok(Ack { id, reasons: r.0.to_vec(), properties })
    }

    pub fn goodbye(&self) -> Result<Ack> {
        ensure!(self.first == 0xe0, "{self:02x?} instead of DISCONNECT");
        let mut r = Reader(&self.body);
        let reasons = if r.0.is_empty() { vec![0] } else { vec![r.byte()?] };
        let properties = if r.0.is_empty() { Vec::new() } else { r.properties(5)? };
        Ok(Ack { id: 0, reasons, properties })
    }
}

pub struct Client {
    link: Link,
    pub version: u8,
    buffer: Vec<u8>,
    /// Publications that came while something else was waited for.
    early: VecDeque<Message>,
}

impl Client {
    pub fn open(target: &Target, version: u8) -> Result<Client> {
        Client::over(target, Kind::Tcp, version)
    }

    pub fn over(target: &Target, kind: Kind, version: u8) -> Result<Client> {
        Ok(Client { link: link::open(target, kind)?, version, buffer: Vec::new(), early: VecDeque::new() })
    }

    /// Connected, with a clean start.
    pub fn connect(target: &Target, version: u8, id: &str) -> Result<Client> {
        Ok(Client::with(target, &Connect::new(version, id))?.0)
    }

    pub fn with(target: &Target, connect: &Connect) -> Result<(Client, Answer)> {
        let mut client = Client::open(target, connect.version)?;
        let answer = client.hello(connect)?;
        ensure!(answer.reason == 0, "refused with {:#04x}", answer.reason);
        Ok((client, answer))
    }

    pub fn hello(&mut self, connect: &Connect) -> Result<Answer> {
        self.send(&connect.bytes())?;
        self.next()?.answer(self.version)
    }

    pub fn send(&mut self, data: &[u8]) -> Result<()> {
        self.link.write_all(data)?;
        Ok(self.link.flush()?)
    }

    /// The next packet; `None` when the broker ended the connection.
    pub fn read(&mut self) -> Result<Option<Packet>> {
        loop {
            if let Some(packet) = self.whole()? {
                return Ok(Some(packet));
            }
            let mut chunk = [0; 4096];
            match self.link.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(read) => self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => bail!("nothing came in time"),
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof => return Ok(None),
                    _ => return Err(error.into()),
                },
            }
        }
    }

    fn whole(&mut self) -> Result<Option<Packet>> {
        let lengths: Vec<u8> = self.buffer.iter().skip(1).take(4).copied().collect();
        let Some(end) = lengths.iter().position(|byte| byte & 0x80 == 0) else {
            ensure!(lengths.len() < 4, "a remaining length of more than four bytes");
            return Ok(None);
        };
        let len = Reader(&lengths).varint()?;
        let head = 2 + end;
        if self.buffer.len() < head + len {
            return Ok(None);
        }
        let whole: Vec<u8> = self.buffer.drain(..head + len).collect();
        let (first, body) = (whole.first().copied().unwrap_or(0), whole.get(head..).unwrap_or_default().to_vec());
        Ok(Some(Packet { first, body }))
    }

    pub fn next(&mut self) -> Result<Packet> {
        self.read()?.ok_or_else(|| anyhow!("the broker closed the connection"))
    }

    /// The next packet that is no publication; those are kept for `message`.
    pub fn answer(&mut self) -> Result<Packet> {
        loop {
            let packet = self.next()?;
            if packet.kind() != 3 {
                return Ok(packet);
            }
            self.early.push_back(packet.message(self.version)?);
        }
    }

    /// The next publication, not acknowledged.
    pub fn raw_message(&mut self) -> Result<Message> {
        match self.early.pop_front() {
            Some(message) => Ok(message),
            None => self.next()?.message(self.version),
        }
    }

    /// The next publication, acknowledged in full.
    pub fn message(&mut self) -> Result<Message> {
        let message = self.raw_message()?;
        match message.qos {
            1 => self.send(&bytes::ack(0x40, message.id))?,
            2 => {
                self.send(&bytes::ack(0x50, message.id))?;
                let release = self.answer()?.ack(0x62, self.version)?;
                ensure!(release.id == message.id, "PUBREL for {} instead of {}", release.id, message.id);
                self.send(&bytes::ack(0x70, message.id))?;
            }
            _ => {}
        }
        Ok(message)
    }

    pub fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.message()?.payload)?)
    }

    /// The broker is there, and has sent nothing else before its answer.
    pub fn nothing(&mut self) -> Result<()> {
        self.send(&PING)?;
        let packet = self.next()?;
        ensure!(self.early.is_empty(), "{:?} was not expected", self.early);
        ensure!(packet.first == 0xd0 && packet.body.is_empty(), "{packet:02x?} was not expected");
        Ok(())
    }

    /// The broker has done all that came before.
    pub fn ping(&mut self) -> Result<()> {
        self.send(&PING)?;
        let packet = self.answer()?;
        ensure!(packet.first == 0xd0, "{packet:02x?} instead of PINGRESP");
        Ok(())
    }

    pub fn subscribe(&mut self, filter: &str, options: u8) -> Result<u8> {
        self.subscribe_with(filter, options, &[])
    }

    pub fn subscribe_with(&mut self, filter: &str, options: u8, properties: &[u8]) -> Result<u8> {
        self.send(&bytes::subscribe(self.version, 10, properties, &[(filter, options)]))?;
        let answer = self.answer()?.list(0x90, self.version)?;
        ensure!(answer.id == 10 && answer.reasons.len() == 1, "{answer:?}");
        Ok(answer.reason())
    }

    pub fn unsubscribe(&mut self, filter: &str) -> Result<Ack> {
        self.send(&bytes::unsubscribe(self.version, 11, &[filter]))?;
        let answer = self.answer()?.list(0xb0, self.version)?;
        ensure!(answer.id == 11, "{answer:?}");
        Ok(answer)
    }

    /// Publishes and goes through the whole exchange; answers the first reason code.
    pub fn publish(&mut self, publish: &Publish) -> Result<u8> {
        self.send(&publish.bytes(self.version))?;
        match publish.qos {
            1 => {
                let ack = self.answer()?.ack(0x40, self.version)?;
                ensure!(ack.id == publish.id, "PUBACK for {}", ack.id);
                Ok(ack.reason())
            }
            2 => {
                let ack = self.answer()?.ack(0x50, self.version)?;
                ensure!(ack.id == publish.id, "PUBREC for {}", ack.id);
                if ack.reason() < 0x80 {
                    self.release(publish.id)?;
                }
                Ok(ack.reason())
            }
            _ => self.ping().map(|()| 0),
        }
    }

    pub fn release(&mut self, id: u16) -> Result<u8> {
        self.send(&bytes::ack(0x62, id))?;
        let complete = self.answer()?.ack(0x70, self.version)?;
        ensure!(complete.id == id, "PUBCOMP for {}", complete.id);
        Ok(complete.reason())
    }

    /// The broker ends the connection; answers the reason of its DISCONNECT, if it said one.
    pub fn expect_end(&mut self) -> Result<Option<u8>> {
        let mut said = None;
        while let Some(packet) = self.read()? {
            match packet.kind() {
                14 => said = Some(packet.goodbye()?.reason()),
                3 => {}
                _ => bail!("{packet:02x?} instead of the end"),
            }
        }
        Ok(said)
    }

    /// Says goodbye, and waits until the broker has heard it.
    pub fn leave(mut self) -> Result<()> {
        self.send(&bytes::GOODBYE)?;
        while self.read()?.is_some() {}
        Ok(())
    }
}

/// A shortest acknowledgement with a reason (5.0).
pub fn ack_with(first: u8, id: u16, reason: u8) -> Vec<u8> {
    bytes::packet(first, &[&two(id)[..], &[reason]].concat())
}
