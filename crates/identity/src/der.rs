//! The little of DER (X.690 §8) that this room writes itself.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: [u8; 2] = [0x05, 0x00];
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// 1.2.840.113549.1.7.1, data.
pub(crate) const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let digits: Vec<u8> = len.iter().copied().skip_while(|byte| *byte == 0).collect();
    let head = match *digits.as_slice() {
        [] => vec![tag, 0],
        [short] if short < 0x80 => vec![tag, short],
        // At most 8 digits: the length of a slice.
        _ => [&[tag, 0x80 | digits.len() as u8][..], &digits].concat(),
    };
    [head, content.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (len, head) in
            [(0, vec![4, 0]), (127, vec![4, 127]), (128, vec![4, 0x81, 128]), (300, vec![4, 0x82, 1, 44])]
        {
            let written = element(4, &vec![7; len]);
            assert_eq!(written.get(..head.len()), Some(&head[..]), "{len}");
            assert_eq!(written.len(), head.len() + len);
        }
    }
}
