//! Device passwords and the hashes of them that stay behind.
//!
//! A generated password has 80 bits, so that its hashes may be cheap to check: thirty boards that
//! come back after a power cut must not wait for each other.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use pbkdf2::pbkdf2_hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::{Error, Secret, crockford};

const ROUNDS: u32 = 1_000;
/// A damaged or foreign settings file must not keep the processor busy for minutes.
const MOST_ROUNDS: u32 = 1_000_000;
/// The least that RFC 7677 asks for; clients compute them too, and boards are slow.
const SCRAM_ROUNDS: u32 = 4_096;
const BCRYPT_COST: u32 = 10;
const HASH_LEN: usize = 64;
const SALT_LEN: usize = 12;
const SALT_SYMBOLS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `XXXX-XXXX-XXXX-XXXX` in Crockford's base32: 80 bits, and no symbol that any of the formats it
/// ends up in would have to escape. The dashes and capitals are part of the password.
pub fn generate() -> Result<Secret, Error> {
    let symbols = Secret::new(crockford::random(16)?);
    let mut text = String::with_capacity(19);
    for (index, symbol) in symbols.expose().chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(symbol);
    }
    Ok(Secret::new(text))
}

/// What is kept of a password, in the forms that other brokers import.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHashes {
    /// `$7$<rounds>$<salt>$<hash>` as Mosquitto and EMQX read it; ours is checked with it too.
    pub pbkdf2_sha512: String,
    /// `$2a$10$…` as NATS reads it.
    pub bcrypt: String,
    /// base64 of a 4-byte salt and SHA-512 over salt and password, as RabbitMQ reads it.
    pub rabbit_sha512: String,
    /// `SCRAM-SHA-256$<rounds>:<salt>$<stored key>:<server key>` as PostgreSQL writes it; `None` in
    /// settings of older versions, until the password is issued anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scram_sha256: Option<String>,
}

/// What a server of SCRAM-SHA-256 keeps (RFC 5802 §3, RFC 7677). No Debug.
pub struct ScramKeys {
    pub salt: Vec<u8>,
    pub rounds: u32,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

/// Costs 50 to 100 ms of processor time, nearly all of it bcrypt's: run it on a thread for
/// blocking work. Only for generated passwords: the fast RabbitMQ hash would give away one that a
/// person chose.
pub fn hash(password: &Secret) -> Result<PasswordHashes, Error> {
    let mut salt = [0u8; SALT_LEN];
    getrandom::fill(&mut salt).map_err(Error::Randomness)?;
    // EMQX reads the salt as text, hence letters and digits: 71 bits are plenty for a salt.
    let salt = salt.map(salt_symbol);
    let mut bcrypt_salt = [0u8; 16];
    getrandom::fill(&mut bcrypt_salt).map_err(Error::Randomness)?;
    let mut rabbit_salt = [0u8; 4];
    getrandom::fill(&mut rabbit_salt).map_err(Error::Randomness)?;
    let mut scram_salt = [0u8; 16];
    getrandom::fill(&mut scram_salt).map_err(Error::Randomness)?;

    let password = password.expose().as_bytes();
    Ok(PasswordHashes {
        pbkdf2_sha512: mosquitto(password, &salt, ROUNDS),
        bcrypt: bcrypt_2a(password, bcrypt_salt)?,
        rabbit_sha512: rabbit(password, rabbit_salt),
        scram_sha256: Some(scram(password, &scram_salt)),
    })
}

/// What SCRAM-SHA-256 needs of a password, and nothing else: for a throw-away broker.
pub fn scram_only(password: &Secret) -> Result<PasswordHashes, Error> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(Error::Randomness)?;
    Ok(PasswordHashes {
        pbkdf2_sha512: String::new(),
        bcrypt: String::new(),
        rabbit_sha512: String::new(),
        scram_sha256: Some(scram(password.expose().as_bytes(), &salt)),
    })
}

impl PasswordHashes {
    /// Whether this is the password, in a time that does not tell how much of it was right.
    /// A damaged hash matches nothing.
    pub fn verify(&self, offered: &[u8]) -> bool {
        let Some((rounds, salt, expected)) = parse_mosquitto(&self.pbkdf2_sha512) else {
            return false;
        };
        let mut computed = [0u8; HASH_LEN];
        pbkdf2_hmac::<Sha512>(offered, &salt, rounds, &mut computed);
        computed.ct_eq(&expected).into()
    }

    /// The keys of SCRAM-SHA-256; `None` where they are missing or damaged.
    pub fn scram(&self) -> Option<ScramKeys> {
        let (head, keys) = self.scram_sha256.as_deref()?.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (rounds, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        Some(ScramKeys {
            salt: STANDARD.decode(salt).ok()?,
            rounds: rounds.parse().ok().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Whether the part that sign-in needs can be read: a settings file is checked with it.
    pub fn check(&self) -> Result<(), Error> {
        parse_mosquitto(&self.pbkdf2_sha512).map(drop).ok_or(Error::HashDamaged)
    }
}

impl fmt::Debug for PasswordHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHashes(…)")
    }
}

// Invariant: the remainder of 62 is an index into 62 symbols.
#[allow(clippy::indexing_slicing)]
fn salt_symbol(byte: u8) -> u8 {
    SALT_SYMBOLS[usize::from(byte) % SALT_SYMBOLS.len()]
}

fn mosquitto(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let mut hash = [0u8; HASH_LEN];
    pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut hash);
    format!("$7${rounds}${}${}", STANDARD.encode(salt), STANDARD.encode(hash))
}

fn parse_mosquitto(text: &str) -> Option<(u32, Vec<u8>, [u8; HASH_LEN])> {
    let mut parts = text.strip_prefix("$7$")?.split('$');
    let rounds = parts.next()?.parse().ok().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))?;
    let salt = STANDARD.decode(parts.next()?).ok()?;
    let hash = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
    parts.next().is_none().then_some((rounds, salt, hash))
}

/// Refuses what bcrypt would cut off, 72 bytes and more.
fn bcrypt_2a(password: &[u8], salt: [u8; 16]) -> Result<String, Error> {
    let hash = bcrypt::non_truncating_hash_with_salt(password, BCRYPT_COST, salt)?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA))
}

fn rabbit(password: &[u8], salt: [u8; 4]) -> String {
    let digest = Sha512::new().chain_update(salt).chain_update(password).finalize();
    STANDARD.encode([&salt[..], &digest[..]].concat())
}

fn scram(password: &[u8], salt: &[u8]) -> String {
    let mut salted = [0u8; 32];
    pbkdf2_hmac::<Sha256>(password, salt, SCRAM_ROUNDS, &mut salted);
    let client_key = hmac(&salted, b"Client Key");
    let (stored, server) = (Sha256::digest(client_key), hmac(&salted, b"Server Key"));
    let [salt, stored, server] = [salt, &stored[..], &server[..]].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${SCRAM_ROUNDS}:{salt}${stored}:{server}")
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // Invariant: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::collections::BTreeSet;

    use super::*;

    const PASSWORD: &[u8] = b"K7QH-2M9D-XW4T-PB8R";
    /// Computed by Python's hashlib.
    const MOSQUITTO: &str = "$7$1000$WmszdlE5eExyN0Fi$\
        Z75EFQbyWAMELB1dc/InQE95SaCwjs8XaK5nc0iwSeVA9dECq5sBpYNN6DvdRYsvOs3rNDgRN5StWPF9fdUZBw==";

    fn with_mosquitto(line: &str) -> PasswordHashes {
        PasswordHashes {
            pbkdf2_sha512: line.to_owned(),
            bcrypt: String::new(),
            rabbit_sha512: String::new(),
            scram_sha256: None,
        }
    }

    #[test]
    fn the_keys_of_scram_are_those_of_the_standard() {
        // RFC 7677 §3: user "user", password "pencil".
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let hashes = PasswordHashes { scram_sha256: Some(scram(b"pencil", &salt)), ..with_mosquitto(MOSQUITTO) };
        let keys = hashes.scram().unwrap();
        assert_eq!((keys.salt, keys.rounds), (salt, 4096));
        assert_eq!(STANDARD.encode(keys.stored_key), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(STANDARD.encode(keys.server_key), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
        for damaged in ["", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:eA==$eA==:eA==", "SCRAM-SHA-1$4096:eA==$eA==:eA=="] {
            let hashes = PasswordHashes { scram_sha256: Some(damaged.to_owned()), ..with_mosquitto(MOSQUITTO) };
            assert!(hashes.scram().is_none(), "{damaged}");
        }
    }

    #[test]
    fn a_generated_password_has_four_groups_of_four_and_80_bits() {
        let many: BTreeSet<String> = (0..50).map(|_| generate().unwrap().expose().to_owned()).collect();
        assert_eq!(many.len(), 50);
        for password in &many {
            let groups: Vec<&str> = password.split('-').collect();
            assert_eq!(groups.len(), 4);
            for group in groups {
                assert_eq!((group.len(), crockford::canonical(group).as_deref()), (4, Some(group)));
            }
        }
    }

    #[test]
    fn the_hash_for_mosquitto_is_the_one_that_python_computes() {
        assert_eq!(mosquitto(PASSWORD, b"Zk3vQ9xLr7Ab", 1_000), MOSQUITTO);
        let salt: Vec<u8> = (0..12).collect();
        let python = "$7$101$AAECAwQFBgcICQoL$\
            Ef1VV3nGTowSMzjntamPvHFU+Rvu+r8cM74W0BryH4/CuysgUV8zs487uhPv0qGbspjPNNDuHxhj6OmPCxC2Jg==";
        assert_eq!(mosquitto("mot de passe été".as_bytes(), &salt, 101), python);
        assert!(with_mosquitto(python).verify("mot de passe été".as_bytes()));
    }

    #[test]
    fn the_hash_for_rabbitmq_is_the_one_that_python_computes() {
        let python = "kI3GCtjRm8P4GbHnn67z0um3ckjMIuFhJWxOc5upGhOc79ykeZHyQ/ui+by7dhVatS9tUHFoZX3c7BfkXd0R+bGZFPk=";
        assert_eq!(rabbit(PASSWORD, [0x90, 0x8d, 0xc6, 0x0a]), python);
    }

    #[test]
    fn the_hash_for_nats_is_the_one_of_the_published_vector() {
        let vector = "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi";
        let salt = vector.parse::<bcrypt::HashParts>().unwrap().get_salt_raw();
        assert_eq!(bcrypt_2a(b"abc", salt).unwrap(), vector);
    }

    #[test]
    fn all_three_hashes_of_a_password_accept_it_and_refuse_others() {
        let password = generate().unwrap();
        let hashes = hash(&password).unwrap();
        assert!(hashes.verify(password.expose().as_bytes()));
        let lower = password.expose().to_lowercase();
        let bare = password.expose().replace('-', "");
        for wrong in [lower.as_str(), bare.as_str(), "", "K7QH-2M9D-XW4T-PB8S"] {
            assert!(!hashes.verify(wrong.as_bytes()), "{wrong}");
        }
        assert!(hashes.bcrypt.starts_with("$2a$10$"));
        assert!(bcrypt::verify(password.expose(), &hashes.bcrypt).unwrap());
        let rabbit_bytes = STANDARD.decode(&hashes.rabbit_sha512).unwrap();
        let salt: [u8; 4] = rabbit_bytes[..4].try_into().unwrap();
        assert_eq!(rabbit(password.expose().as_bytes(), salt), hashes.rabbit_sha512);

        let (rounds, salt, _) = parse_mosquitto(&hashes.pbkdf2_sha512).unwrap();
        assert_eq!((rounds, salt.len()), (ROUNDS, SALT_LEN));
        assert!(salt.iter().all(u8::is_ascii_alphanumeric));
        assert_ne!(hash(&password).unwrap(), hashes, "a new salt each time");
    }

    #[test]
    fn hashes_come_back_from_a_settings_file_and_debug_hides_them() {
        let hashes = with_mosquitto(MOSQUITTO);
        let json = serde_json::to_string(&hashes).unwrap();
        assert_eq!(serde_json::from_str::<PasswordHashes>(&json).unwrap(), hashes);
        assert_eq!(format!("{hashes:?}"), "PasswordHashes(…)");
    }

    #[test]
    fn a_damaged_hash_is_told_and_matches_nothing() {
        assert!(with_mosquitto(MOSQUITTO).check().is_ok());
        let damaged = [
            String::new(),
            MOSQUITTO.replace("$7$", "$6$"),
            MOSQUITTO.replace("$1000$", "$0$"),
            MOSQUITTO.replace("$1000$", "$-1$"),
            MOSQUITTO.replace("$1000$", "$4294967295$"),
            MOSQUITTO.replace("==", ""),
            MOSQUITTO.replace("WmszdlE5eExyN0Fi", "?"),
            format!("{MOSQUITTO}$"),
            MOSQUITTO.replace("Z75E", ""),
        ];
        for line in damaged {
            let hashes = with_mosquitto(&line);
            assert!(!hashes.verify(PASSWORD), "{line}");
            assert!(matches!(hashes.check(), Err(Error::HashDamaged)), "{line}");
        }
    }
}
