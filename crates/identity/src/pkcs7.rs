//! The one PKCS#7 shape that EST answers with: a list of certificates, signed by nobody.

use crate::der::{CONTEXT_0, DATA, INTEGER, SEQUENCE, SET, element};

/// 1.2.840.113549.1.7.2, signedData.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

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
