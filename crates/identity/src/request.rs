//! A certificate request of a device that made its key itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm,
    SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::Error;

/// More than any request with an RSA key of 4,096 bits.
const LONGEST: usize = 8 * 1024;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Reduced to its public key, whose owner has proven to hold the private one. The name and the
/// extensions that a request asks for are never looked at: the record of the device decides them.
pub struct SigningRequest {
    key: SubjectPublicKeyInfo,
}

impl SigningRequest {
    /// PEM, as a form or JSON carries it, or base64 or plain DER, as EST carries it.
    pub fn parse(sent: &[u8]) -> Result<SigningRequest, Error> {
        if sent.len() > LONGEST {
            return Err(Error::Request("longer than 8 KiB"));
        }
        let der = to_der(sent)?;
        let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| Error::Request("not PKCS#10"))?;
        if !rest.is_empty() {
            return Err(Error::Request("bytes after the request"));
        }
        request.verify_signature().map_err(|_| Error::Request("its signature is not that of its key"))?;
        let sent_key = &request.certification_request_info.subject_pki;
        let key = SubjectPublicKeyInfo::from_der(sent_key.raw).map_err(|_| KEYS)?;
        let size = match sent_key.parsed().map_err(|_| KEYS)? {
            PublicKey::RSA(key) => Some(key.key_size()),
            _ => None,
        };
        let known = |known: &[&SignatureAlgorithm]| known.contains(&key.algorithm());
        match size {
            Some(bits) if RSA_BITS.contains(&bits) && known(&[&PKCS_RSA_SHA256]) => {}
            None if known(&[&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384]) => {}
            _ => return Err(KEYS),
        }
        Ok(SigningRequest { key })
    }

    pub(crate) fn public_key(&self) -> &impl PublicKeyData {
        &self.key
    }
}

const KEYS: Error = Error::Request("its key must be ECDSA P-256 or P-384, or RSA of 2,048 to 4,096 bits");

fn to_der(sent: &[u8]) -> Result<Vec<u8>, Error> {
    if sent.first() == Some(&0x30) && sent.get(1).is_some_and(|length| *length >= 0x80) {
        return Ok(sent.to_vec());
    }
    let text = std::str::from_utf8(sent).map_err(|_| Error::Request("neither PEM, base64 nor DER"))?;
    if text.contains("-----BEGIN") {
        let der = CertificateSigningRequestDer::from_pem_slice(sent).map_err(|_| Error::Request("no PEM block"))?;
        return Ok(der.to_vec());
    }
    let packed: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(packed).map_err(|_| Error::Request("neither PEM, base64 nor DER"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

    fn request(key: &KeyPair) -> (Vec<u8>, String) {
        let request = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap().serialize_request(key).unwrap();
        (request.der().to_vec(), request.pem().unwrap())
    }

    #[test]
    fn every_form_of_a_request_gives_the_same_key() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let (der, pem) = request(&key);
        let lines: String = STANDARD
            .encode(&der)
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
            .collect();
        for sent in [der.as_slice(), pem.as_bytes(), lines.as_bytes()] {
            let parsed = SigningRequest::parse(sent).unwrap();
            assert_eq!(parsed.public_key().subject_public_key_info(), key.subject_public_key_info());
        }
    }

    #[test]
    fn whoever_does_not_hold_the_key_is_refused() {
        let (mine, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (der, _) = request(&mine);
        let at = der.windows(65).position(|window| window == mine.der_bytes()).unwrap();
        let mut stolen = der.clone();
        stolen[at..at + 65].copy_from_slice(other.der_bytes());
        let refused = SigningRequest::parse(&stolen).err().unwrap();
        assert!(refused.to_string().contains("signature"), "{refused}");
    }

    #[test]
    fn a_key_that_no_client_could_use_is_refused_by_name() {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let refused = SigningRequest::parse(&request(&key).0).err().unwrap();
        assert!(refused.to_string().contains("P-256"), "{refused}");
    }

    #[test]
    fn no_bytes_whatever_make_it_panic() {
        let (der, pem) = request(&KeyPair::generate().unwrap());
        for sent in [der.as_slice(), pem.as_bytes()] {
            for len in 0..sent.len() {
                // A cut that leaves the PEM block whole is no fault.
                SigningRequest::parse(&sent[..len]).ok();
            }
        }
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 0x41;
            SigningRequest::parse(&changed).ok();
        }
        assert!(SigningRequest::parse(&[0x30; LONGEST + 1]).is_err());
    }
}
