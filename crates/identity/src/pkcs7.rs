//! The one PKCS#7 shape that EST answers with: a list of certificates, signed by nobody.

/// 1.2.840.113549.1.7.2, signedData.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.1, data.
const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;

/// DER of a "certs-only" message (RFC 5652 §5, RFC 7030 §4.1.3).
pub fn certificates_only<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let certificates = certificates.into_iter().collect::<Vec<_>>().concat();
    let signed_data = [
        element(INTEGER, &[1]),
        element(SET, &[]), // digest algorithms: none
        element(SEQUENCE, &DATA),
        element(CONTEXT_0, &certificates),
        element(SET, &[]), // signers: none
    ];
    let content = element(CONTEXT_0, &element(SEQUENCE, &signed_data.concat()));
    element(SEQUENCE, &[&SIGNED_DATA[..], &content].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
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
