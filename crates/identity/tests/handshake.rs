//! TLS handshakes between our server side and clients as they are found in the field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use identity::tls::{self, ClientAuth, Clients, Leaves};
use identity::{Authority, Certificate, Revoked, Secret, ServerKey};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

struct Site {
    authority: Authority,
    server: Arc<ServerConfig>,
}

fn leaves(certificate: &Certificate, key: &ServerKey) -> Leaves {
    Leaves::new(certificate, key, Arc::default()).unwrap()
}

fn site_with(clients: impl FnOnce(&Authority) -> Clients) -> Site {
    let authority = Authority::create(now()).unwrap();
    let key = ServerKey::generate().unwrap();
    let ip: IpAddr = "192.168.1.20".parse().unwrap();
    let certificate = authority.issue_server(&key, &["salle114.local".to_owned()], &[ip], now()).unwrap();
    let server = tls::server(Arc::new(leaves(&certificate, &key)), clients(&authority), &[]).unwrap();
    Site { authority, server }
}

fn site() -> Site {
    site_with(|_| Clients::Unasked)
}

fn root(authority: &Authority) -> CertificateDer<'static> {
    CertificateDer::from(authority.cert_der().to_vec())
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(root(authority)).unwrap();
    roots
}

fn client(authority: &Authority) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(authority))
        .with_no_client_auth()
}

/// What a board with mbedTLS can do: TLS 1.2 and the curve P-256, nothing newer.
fn old_board(authority: &Authority) -> ClientConfig {
    let all = ring::default_provider();
    let provider = CryptoProvider {
        kx_groups: vec![ring::kx_group::SECP256R1],
        cipher_suites: vec![ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
        ..all
    };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots(authority))
        .with_no_client_auth()
}

fn client_with(authority: &Authority, certificate: &Certificate, key: &Secret) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(authority))
        .with_client_auth_cert(
            certificate.chain.clone(),
            PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).unwrap(),
        )
        .unwrap()
}

/// Carries bytes between the two ends, without a network, until both have nothing more to say or
/// one of them refuses.
fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut from_client = bytes.as_slice();
        while !from_client.is_empty() {
            server.read_tls(&mut from_client).unwrap();
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        if bytes.is_empty() && !client.wants_write() {
            assert!(!client.is_handshaking() && !server.is_handshaking());
            return Ok((client, server));
        }
        let mut from_server = bytes.as_slice();
        while !from_server.is_empty() {
            client.read_tls(&mut from_server).unwrap();
            client.process_new_packets()?;
        }
    }
}

fn refusal(client: ClientConfig, server: &Arc<ServerConfig>, name: &str) -> rustls::Error {
    match shake(&Arc::new(client), server, name) {
        Ok(_) => panic!("{name} was accepted"),
        Err(error) => error,
    }
}

#[test]
fn a_client_connects_by_every_name_and_address_of_the_server() {
    let site = site();
    let own = format!("courtier-{}.local", site.authority.id4());
    let config = Arc::new(client(&site.authority));
    for name in ["salle114.local", "localhost", &own, "192.168.1.20", "127.0.0.1", "::1"] {
        let (client, _) = shake(&config, &site.server, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    }
}

#[test]
fn a_client_refuses_another_name_or_address() {
    let site = site();
    for name in ["salle115.local", "192.168.1.21", "example.org"] {
        let error = refusal(client(&site.authority), &site.server, name);
        let expected =
            matches!(error, rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }));
        assert!(expected, "{name}: {error}");
    }
}

#[test]
fn a_client_refuses_the_authority_of_another_site() {
    let (site, other) = (site(), site());
    let error = refusal(client(&other.authority), &site.server, "salle114.local");
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "{error}");
}

#[test]
fn a_board_limited_to_tls_1_2_and_p256_connects_by_name_and_address() {
    let site = site();
    let config = Arc::new(old_board(&site.authority));
    for name in ["salle114.local", "192.168.1.20"] {
        let (client, _) = shake(&config, &site.server, name).unwrap();
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_2));
        let suite = client.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    }
    refusal(old_board(&site.authority), &site.server, "salle115.local");
}

#[test]
fn a_second_connection_resumes_in_both_versions() {
    let site = site();
    for config in [client(&site.authority), old_board(&site.authority)] {
        let config = Arc::new(config);
        let (first, _) = shake(&config, &site.server, "salle114.local").unwrap();
        assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full));
        let (second, _) = shake(&config, &site.server, "salle114.local").unwrap();
        assert_eq!(second.handshake_kind(), Some(HandshakeKind::Resumed), "{:?}", second.protocol_version());
    }
}

#[test]
fn the_password_door_does_not_ask_for_a_client_certificate() {
    let site = site();
    let (device, key) = site.authority.issue_device("serre-04", now()).unwrap();
    let config = Arc::new(client_with(&site.authority, &device, &key));
    let (_, server) = shake(&config, &site.server, "salle114.local").unwrap();
    assert!(server.peer_certificates().is_none());
}

#[test]
fn the_certificate_door_lets_in_devices_and_no_revoked_foreign_or_missing_certificate() {
    let mut lost = None;
    let site = site_with(|authority| {
        let device = authority.issue_device("lost", now()).unwrap();
        let revoked = [Revoked { serial: device.0.serial.clone(), at_ms: now() }];
        lost = Some(device);
        let list = authority.revocation_list(&revoked, 1, now()).unwrap();
        Clients::Required(ClientAuth { roots: vec![root(authority)], revocation_lists: vec![list.der] })
    });
    let (device, key) = site.authority.issue_device("serre-04", now()).unwrap();
    let config = Arc::new(client_with(&site.authority, &device, &key));
    let (_, server) = shake(&config, &site.server, "salle114.local").unwrap();
    assert_eq!(server.peer_certificates().unwrap(), device.chain);

    let (lost, lost_key) = lost.unwrap();
    let error = refusal(client_with(&site.authority, &lost, &lost_key), &site.server, "salle114.local");
    assert_eq!(error, rustls::Error::InvalidCertificate(CertificateError::Revoked));

    let foreign = Authority::create(now()).unwrap();
    let (device, key) = foreign.issue_device("serre-04", now()).unwrap();
    let error = refusal(client_with(&site.authority, &device, &key), &site.server, "salle114.local");
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "{error}");

    let error = refusal(client(&site.authority), &site.server, "salle114.local");
    assert_eq!(error, rustls::Error::NoCertificatesPresented);

    let server_key = ServerKey::generate().unwrap();
    let server = site.authority.issue_server(&server_key, &[], &[], now()).unwrap();
    let error = refusal(client_with(&site.authority, &server, &server_key.key_pem()), &site.server, "salle114.local");
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "a server's certificate: {error}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::create(now()).unwrap();
    let certificate = authority.issue_server(&ServerKey::generate().unwrap(), &[], &[], now()).unwrap();
    assert!(Leaves::new(&certificate, &ServerKey::generate().unwrap(), Arc::default()).is_err());
}

#[test]
fn a_ticket_does_not_outlive_the_configuration_that_gave_it() {
    let site = site_with(|authority| {
        let list = authority.revocation_list(&[], 1, now()).unwrap();
        Clients::Required(ClientAuth { roots: vec![root(authority)], revocation_lists: vec![list.der] })
    });
    let (device, key) = site.authority.issue_device("serre-04", now()).unwrap();
    let config = Arc::new(client_with(&site.authority, &device, &key));
    shake(&config, &site.server, "salle114.local").unwrap();
    let (again, _) = shake(&config, &site.server, "salle114.local").unwrap();
    assert_eq!(again.handshake_kind(), Some(HandshakeKind::Resumed));

    let revoked = [Revoked { serial: device.serial.clone(), at_ms: now() }];
    let list = site.authority.revocation_list(&revoked, 2, now()).unwrap();
    let auth = ClientAuth { roots: vec![root(&site.authority)], revocation_lists: vec![list.der] };
    let server_key = ServerKey::generate().unwrap();
    let certificate = site.authority.issue_server(&server_key, &["salle114.local".to_owned()], &[], now()).unwrap();
    let reloaded = tls::server(Arc::new(leaves(&certificate, &server_key)), Clients::Required(auth), &[]).unwrap();
    let refused = shake(&config, &reloaded, "salle114.local").expect_err("the ticket is worth nothing");
    assert_eq!(refused, rustls::Error::InvalidCertificate(CertificateError::Revoked));
}

/// What a Tasmota of before October 2025 can do: no ECDSA at all.
fn rsa_board(authority: &Authority) -> ClientConfig {
    let all = ring::default_provider();
    let provider =
        CryptoProvider { cipher_suites: vec![ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], ..all };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots(authority))
        .with_no_client_auth()
}

#[test]
fn who_knows_no_ecdsa_is_missed_and_then_served_with_rsa() {
    let authority = Authority::create(now()).unwrap();
    let (key, rsa_key) = (ServerKey::generate().unwrap(), ServerKey::generate_rsa().unwrap());
    let kept = ServerKey::from_rsa_pem(&rsa_key.key_pem()).unwrap();
    assert_eq!(kept.fingerprint(), rsa_key.fingerprint());
    assert!(ServerKey::from_rsa_pem(&key.key_pem()).is_err() && ServerKey::from_pem(&rsa_key.key_pem()).is_err());

    let certificate =
        |key: &ServerKey| authority.issue_server(key, &["salle114.local".to_owned()], &[], now()).unwrap();
    let missed = Arc::new(AtomicBool::new(false));
    let ecdsa_alone = Leaves::new(&certificate(&key), &key, missed.clone()).unwrap();
    let server = tls::server(Arc::new(ecdsa_alone), Clients::Unasked, &[]).unwrap();
    shake(&Arc::new(client(&authority)), &server, "salle114.local").unwrap();
    assert!(!missed.load(Ordering::Relaxed));
    refusal(rsa_board(&authority), &server, "salle114.local");
    assert!(missed.load(Ordering::Relaxed));

    let both = leaves(&certificate(&key), &key).with_rsa(&certificate(&kept), &kept).unwrap();
    let server = tls::server(Arc::new(both), Clients::Unasked, &[]).unwrap();
    let (old, _) = shake(&Arc::new(rsa_board(&authority)), &server, "salle114.local").unwrap();
    let (new, _) = shake(&Arc::new(client(&authority)), &server, "salle114.local").unwrap();
    let shown = |client: &ClientConnection| client.peer_certificates().unwrap()[0].clone();
    assert_ne!(shown(&old), shown(&new), "whoever can read ECDSA gets ECDSA");
}
