//! The certificates, judged by OpenSSL and by an X.509 reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Output};

use identity::{Authority, Certificate, Error, Revoked, Secret, ServerKey};
use x509_parser::prelude::*;

const DAY: i64 = 86_400_000;
/// OpenSSL compares with its own clock, so these tests need the real one.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn names() -> Vec<String> {
    vec!["salle114".to_owned(), "Salle114.local".to_owned()]
}

fn ips() -> Vec<IpAddr> {
    vec!["192.168.1.20".parse().unwrap(), "fd00::20".parse().unwrap()]
}

fn openssl(args: &[&str], dir: &Path) -> Output {
    Command::new("openssl")
        .args(args)
        .current_dir(dir)
        .output()
        .expect("this test needs `openssl` (Debian package openssl) in the PATH")
}

fn check_openssl(args: &[&str], dir: &Path, accepted: bool) {
    let out = openssl(args, dir);
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.success(), accepted, "openssl {args:?}: {said}");
}

struct Issued {
    dir: tempfile::TempDir,
    authority: Authority,
    server: Certificate,
    device: Certificate,
}

fn issued() -> Issued {
    let authority = Authority::create(now()).unwrap();
    let server = authority.issue_server(&ServerKey::generate().unwrap(), &names(), &ips(), now()).unwrap();
    let (device, device_key) = authority.issue_device("serre-04", now()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let device_key = device_key.expose().to_owned();
    let files = [
        ("ca.pem", authority.cert_pem()),
        ("server.pem", &server.pem),
        ("device.pem", &device.pem),
        ("device.key", &device_key),
    ];
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    Issued { dir, authority, server, device }
}

#[test]
fn openssl_accepts_the_chains_under_its_strictest_rules() {
    let issued = issued();
    let verify = |rest: &[&str], accepted| {
        let args = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "ca.pem"];
        check_openssl(&[&args[..], rest].concat(), issued.dir.path(), accepted);
    };
    for name in ["localhost", "salle114", "salle114.local", &format!("courtier-{}.local", issued.authority.id4())] {
        verify(&["-purpose", "sslserver", "-verify_hostname", name, "server.pem"], true);
    }
    for ip in ["127.0.0.1", "::1", "192.168.1.20", "fd00::20"] {
        verify(&["-purpose", "sslserver", "-verify_ip", ip, "server.pem"], true);
    }
    verify(&["-purpose", "sslserver", "-verify_hostname", "salle115.local", "server.pem"], false);
    verify(&["-purpose", "sslserver", "-verify_ip", "192.168.1.21", "server.pem"], false);
    verify(&["-purpose", "sslclient", "device.pem"], true);
    verify(&["-purpose", "sslclient", "server.pem"], false);
    verify(&["-purpose", "sslserver", "device.pem"], false);
    verify(&["ca.pem"], true);
}

#[test]
fn openssl_refuses_the_chain_of_another_site() {
    let (issued, other) = (issued(), issued());
    std::fs::write(issued.dir.path().join("other.pem"), other.authority.cert_pem()).unwrap();
    check_openssl(&["verify", "-CAfile", "other.pem", "server.pem"], issued.dir.path(), false);
}

#[test]
fn openssl_refuses_a_revoked_device_and_accepts_the_others() {
    let issued = issued();
    let (lost, _) = issued.authority.issue_device("lost", now()).unwrap();
    let revoked = [Revoked { serial: lost.serial.clone(), at_ms: now() }];
    let list = issued.authority.revocation_list(&revoked, 7, now()).unwrap();
    std::fs::write(issued.dir.path().join("list.pem"), &list.pem).unwrap();
    std::fs::write(issued.dir.path().join("lost.pem"), &lost.pem).unwrap();
    let verify = |file, accepted| {
        let args = ["verify", "-x509_strict", "-crl_check", "-CRLfile", "list.pem", "-CAfile", "ca.pem", file];
        check_openssl(&args, issued.dir.path(), accepted);
    };
    verify("device.pem", true);
    verify("lost.pem", false);
}

#[test]
fn the_key_handed_to_a_device_is_that_of_its_certificate() {
    let issued = issued();
    let public_key = |args: &[&str]| openssl(args, issued.dir.path()).stdout;
    let of_certificate = public_key(&["x509", "-in", "device.pem", "-noout", "-pubkey"]);
    assert!(!of_certificate.is_empty());
    assert_eq!(of_certificate, public_key(&["pkey", "-in", "device.key", "-pubout"]));
}

/// Subject, validity in days from now, constraints, usages: everything a strict client looks at.
#[test]
fn each_certificate_says_exactly_what_it_should() {
    let issued = issued();
    let authority_der = issued.authority.cert_der().to_vec();
    let (_, ca) = X509Certificate::from_der(&authority_der).unwrap();
    let (_, server) = X509Certificate::from_der(&issued.server.chain[0]).unwrap();
    let (_, device) = X509Certificate::from_der(&issued.device.chain[0]).unwrap();

    let id4 = issued.authority.id4();
    assert_eq!(ca.subject().to_string(), format!("O=Courtier, CN=Courtier CA {id4}"));
    assert_eq!(ca.subject(), ca.issuer());
    assert_eq!(server.issuer(), ca.subject());
    assert_eq!(device.subject().to_string(), "CN=serre-04");
    assert_eq!(&id4, &issued.authority.fingerprint()[..4]);

    for (certificate, days) in [(&ca, 3_652), (&server, 397), (&device, 825)] {
        let start = certificate.validity().not_before.timestamp();
        let end = certificate.validity().not_after.timestamp();
        assert_eq!((end - start) / 86_400, days);
        assert!((now() / 1_000 - 86_400 - start).abs() < 60, "starts a day ago");

        let constraints = certificate.basic_constraints().unwrap().expect("basic constraints");
        let usage = certificate.key_usage().unwrap().expect("key usage");
        assert!(constraints.critical && usage.critical);
        let is_ca = days == 3_652;
        assert_eq!((constraints.value.ca, constraints.value.path_len_constraint), (is_ca, is_ca.then_some(0)));
        assert_eq!(usage.value.flags, if is_ca { 0b110_0000 } else { 1 });
        assert!(certificate.name_constraints().unwrap().is_none());
        assert_eq!(
            certificate.public_key().algorithm.parameters.as_ref().unwrap().as_oid().unwrap().to_id_string(),
            "1.2.840.10045.3.1.7"
        );

        let key_id = |ca: bool| {
            certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) if !ca => Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) if ca => Some(id.key_identifier.as_ref()?.0.to_vec()),
                _ => None,
            })
        };
        assert!(key_id(false).is_some(), "subject key identifier");
        if !is_ca {
            let ca_key_id = ca.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            });
            assert_eq!(key_id(true), ca_key_id, "authority key identifier");
            let serial = certificate.raw_serial();
            assert!(serial.len() == 16 && serial[0] < 0x80, "128 bits, positive");
        }
    }
    let purposes = |certificate: &X509Certificate<'_>| {
        let usage = certificate.extended_key_usage().unwrap().unwrap().value.clone();
        (usage.server_auth, usage.client_auth)
    };
    assert_eq!(purposes(&server), (true, false));
    assert_eq!(purposes(&device), (false, true));
    let san = server.subject_alternative_name().unwrap().unwrap();
    let addresses = san.value.general_names.iter().filter(|name| matches!(name, GeneralName::IPAddress(_))).count();
    assert_eq!((san.value.general_names.len(), addresses), (8, 4));
}

#[test]
fn an_authority_comes_back_from_its_two_texts_and_signs_as_before() {
    let first = Authority::create(now()).unwrap();
    let again = Authority::load(first.cert_pem(), &first.key_pem()).unwrap();
    assert_eq!(again.cert_der(), first.cert_der());
    assert_eq!(again.fingerprint(), first.fingerprint());
    assert_eq!(again.check_code(), first.check_code());
    assert_eq!(again.not_after(), first.not_after());

    let dir = tempfile::tempdir().unwrap();
    let server = again.issue_server(&ServerKey::generate().unwrap(), &[], &[], now()).unwrap();
    std::fs::write(dir.path().join("ca.pem"), first.cert_pem()).unwrap();
    std::fs::write(dir.path().join("server.pem"), &server.pem).unwrap();
    check_openssl(&["verify", "-x509_strict", "-CAfile", "ca.pem", "server.pem"], dir.path(), true);

    std::fs::write(dir.path().join("ca.der"), first.cert_der()).unwrap();
    let sum = openssl(&["dgst", "-sha256", "-r", "ca.der"], dir.path());
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(&first.cert_sha256()));
}

#[test]
fn damaged_or_foreign_texts_are_refused_by_name() {
    let (one, other) = (Authority::create(now()).unwrap(), Authority::create(now()).unwrap());
    assert!(matches!(Authority::load(one.cert_pem(), &other.key_pem()), Err(Error::KeyMismatch)));
    assert!(matches!(Authority::load("", &one.key_pem()), Err(Error::CertificateText(_))));
    let cut = &one.cert_pem()[..200];
    assert!(matches!(Authority::load(cut, &one.key_pem()), Err(Error::CertificateText(_))));
    let damaged = one.cert_pem().replacen("MII", "MIJ", 1);
    assert!(matches!(Authority::load(&damaged, &one.key_pem()), Err(Error::CertificateText(_))));
    for key in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert!(matches!(Authority::load(one.cert_pem(), &Secret::new(key)), Err(Error::KeyText)));
        assert!(matches!(ServerKey::from_pem(&Secret::new(key)), Err(Error::KeyText)));
    }
    let (leaf, leaf_key) = one.issue_device("a", now()).unwrap();
    assert!(matches!(Authority::load(&leaf.pem, &leaf_key), Err(Error::CertificateText("not an authority"))));
}

#[test]
fn no_certificate_outlives_the_clocks_of_small_boards() {
    let last_day = 2_145_830_400_000;
    let in_2034 = 2_020_000_000_000;
    let authority = Authority::create(in_2034).unwrap();
    assert_eq!(authority.not_after(), last_day);
    let in_2037 = last_day - 30 * DAY;
    let server = authority.issue_server(&ServerKey::generate().unwrap(), &[], &[], in_2037).unwrap();
    assert_eq!(server.not_after, last_day);
    assert!(matches!(Authority::create(last_day + DAY), Err(Error::Time(_))));
    assert!(matches!(Authority::create(i64::MAX), Err(Error::Time(_))));
    assert!(matches!(Authority::create(i64::MIN), Err(Error::Time(_))));
    assert!(matches!(authority.revocation_list(&[], 1, i64::MIN), Err(Error::Time(_))));
    assert!(matches!(authority.revocation_list(&[], 1, i64::MAX), Err(Error::Time(_))));
    let odd = [Revoked { serial: "abc".to_owned(), at_ms: 0 }, Revoked { serial: "é".to_owned(), at_ms: 0 }];
    for revoked in &odd {
        let refused = authority.revocation_list(std::slice::from_ref(revoked), 1, in_2034);
        assert!(matches!(refused, Err(Error::CertificateText(_))), "{}", revoked.serial);
    }
}

#[test]
fn what_is_no_host_name_is_refused_before_signing() {
    let authority = Authority::create(now()).unwrap();
    let key = ServerKey::generate().unwrap();
    let long = "a".repeat(64);
    for name in ["", "a b", "-a", "a-", "a..b", "été", "a\0b", "*.local", "192.168.1.20", "::1", "a,b", &long] {
        let refused = authority.issue_server(&key, &[name.to_owned()], &[], now());
        assert!(matches!(refused, Err(Error::HostName(_))), "{name:?}");
    }
}

#[test]
fn a_kept_certificate_knows_what_it_covers_and_when_it_is_due() {
    let authority = Authority::create(now()).unwrap();
    let key = ServerKey::generate().unwrap();
    let issued = authority.issue_server(&key, &names(), &ips(), now()).unwrap();
    let kept = Certificate::from_pem(&issued.pem).unwrap();
    assert_eq!((kept.serial.as_str(), kept.not_after), (issued.serial.as_str(), issued.not_after));
    assert!(kept.covers(&names(), &ips()));
    assert!(kept.covers(&["LOCALHOST".to_owned()], &["127.0.0.1".parse().unwrap()]));
    assert!(!kept.covers(&["salle115.local".to_owned()], &[]));
    assert!(!kept.covers(&[], &["192.168.1.21".parse().unwrap()]));
    assert!(!kept.renewal_due(now()));
    assert!(!kept.renewal_due(kept.not_after - 30 * DAY));
    assert!(kept.renewal_due(kept.not_after - 30 * DAY + 1));
    assert!(kept.renewal_due(kept.not_before - 1));

    let again = ServerKey::from_pem(&key.key_pem()).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    let renewed = authority.issue_server(&again, &names(), &ips(), now() + 370 * DAY).unwrap();
    let spki = |certificate: &Certificate| {
        X509Certificate::from_der(&certificate.chain[0]).unwrap().1.public_key().raw.to_vec()
    };
    assert_eq!(spki(&renewed), spki(&issued), "a renewal keeps the key that clients pin");
    assert_ne!(renewed.serial, issued.serial);
}

#[test]
fn debug_of_everything_that_holds_a_key_shows_none() {
    let authority = Authority::create(now()).unwrap();
    let key = ServerKey::generate().unwrap();
    let shown = format!("{authority:?} {key:?} {:?} {:?}", authority.key_pem(), key.key_pem());
    assert_eq!(shown, format!("Authority({:?}) ServerKey(…) Secret(…) Secret(…)", authority.id4()));
}

#[test]
fn a_device_that_made_its_key_gets_the_name_of_its_record_and_nothing_it_asked_for() {
    let issued = issued();
    let dir = issued.dir.path();
    check_openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "own.key"], dir, true);
    let wish = "subjectAltName=DNS:evil.example";
    let request = ["req", "-new", "-key", "own.key", "-subj", "/CN=admin", "-out", "own.csr"];
    let asked =
        ["-addext", wish, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "tlsfeature=status_request"];
    check_openssl(&[&request[..], &asked].concat(), dir, true);
    let sent = std::fs::read(dir.join("own.csr")).unwrap();
    let request = identity::SigningRequest::parse(&sent).unwrap();
    let certificate = issued.authority.certify_device("serre-05", &request, now()).unwrap();
    assert_eq!(certificate.common_name(), Some("serre-05"));
    std::fs::write(dir.join("own.pem"), &certificate.pem).unwrap();
    check_openssl(&["verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose", "sslclient", "own.pem"], dir, true);
    check_openssl(&["verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose", "sslserver", "own.pem"], dir, false);
    let text = openssl(&["x509", "-in", "own.pem", "-noout", "-text"], dir);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("CA:FALSE") && !text.contains("evil.example") && !text.contains("CN = admin"), "{text}");
    let days = (certificate.not_after - certificate.not_before) / DAY;
    assert_eq!(days, 825);
}

#[test]
fn openssl_reads_the_list_of_certificates_that_est_answers() {
    let issued = issued();
    let der = identity::pkcs7::certificates_only([issued.device.chain[0].as_ref(), issued.authority.cert_der()]);
    std::fs::write(issued.dir.path().join("list.p7"), der).unwrap();
    let out = openssl(&["pkcs7", "-inform", "DER", "-in", "list.p7", "-print_certs"], issued.dir.path());
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.matches("BEGIN CERTIFICATE").count() == 2, "{text}");
}

#[test]
fn a_pkcs12_file_opens_with_its_password_and_no_other() {
    let authority = Authority::create(now()).unwrap();
    let (device, key) = authority.issue_device("serre-04", now()).unwrap();
    let password = identity::password::generate().unwrap();
    let packed = identity::pkcs12::pack("serre-04 é", &key, &device, authority.cert_pem(), &password).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    std::fs::write(path.join("device.p12"), &packed).unwrap();
    std::fs::write(path.join("ca.pem"), authority.cert_pem()).unwrap();
    let given = format!("pass:{}", password.expose());
    check_openssl(&["pkcs12", "-in", "device.p12", "-noout", "-passin", "pass:another"], path, false);
    check_openssl(&["pkcs12", "-in", "device.p12", "-noout", "-info", "-passin", &given], path, true);
    check_openssl(
        &["pkcs12", "-in", "device.p12", "-nocerts", "-noenc", "-passin", &given, "-out", "out.key"],
        path,
        true,
    );
    check_openssl(
        &["pkcs12", "-in", "device.p12", "-clcerts", "-nokeys", "-passin", &given, "-out", "out.pem"],
        path,
        true,
    );
    check_openssl(&["verify", "-CAfile", "ca.pem", "out.pem"], path, true);
    // The key that came out is the one that belongs to the certificate.
    let of = |args: &[&str]| openssl(args, path).stdout;
    let (of_key, of_certificate) =
        (of(&["pkey", "-in", "out.key", "-pubout"]), of(&["x509", "-in", "out.pem", "-noout", "-pubkey"]));
    assert!(!of_key.is_empty());
    assert_eq!(of_key, of_certificate);
    // Neither key nor certificate can be read without the password.
    let haystack = packed.as_slice();
    assert!(!haystack.windows(8).any(|window| window == b"serre-04"), "the certificate is encrypted");
}
