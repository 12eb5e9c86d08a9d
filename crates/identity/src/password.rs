//! Device passwords and the hashes of them that stay behind.
//!
//! A generated password has 80 bits, so that its hashes may be cheap to check: thirty boards that
//! come back after a power cut must not wait for each other.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::pbkdf2_hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use crate::{Error, Secret, crockford};

const ROUNDS: u32 = 1_000;
/// A damaged or foreign settings file must not keep the processor busy for minutes.
const MOST_ROUNDS: u32 = 1_000_000;
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

    let password = password.expose().as_bytes();
    Ok(PasswordHashes {
        pbkdf2_sha512: mosquitto(password, &salt, ROUNDS),
        bcrypt: bcrypt::non_truncating_hash_with_salt(password, BCRYPT_COST, bcrypt_salt)?
            .format_for_version(bcrypt::Version::TwoA),
        rabbit_sha512: rabbit(password, rabbit_salt),
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

fn rabbit(password: &[u8], salt: [u8; 4]) -> String {
    let digest = Sha512::new().chain_update(salt).chain_update(password).finalize();
    STANDARD.encode([&salt[..], &digest[..]].concat())
}
