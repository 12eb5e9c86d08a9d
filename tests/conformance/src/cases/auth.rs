//! Enhanced authentication (5.0 §4.12) with SCRAM-SHA-256; only where a name and its password are given.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{NEW, Test, fresh};
use crate::bytes::{self, Connect, id, packet, text};
use crate::client::{Client, Packet, Property, Reader};
use crate::link::Target;

/// Tests whose name begins so are left out where no password is given.
pub const NEEDS_SCRAM: &str = "enhanced authentication: ";

pub const TESTS: &[Test] = &[
    Test {
        name: "enhanced authentication: an exchange in AUTH packets lets in",
        versions: NEW,
        covers: &["5:3.15.2-1", "5:4.12.0-2", "5:4.12.0-5"],
        run: lets_in,
    },
    Test {
        name: "enhanced authentication: AUTH says no more than the client takes",
        versions: NEW,
        covers: &["5:3.15.2-2", "5:3.15.2-3"],
        run: small,
    },
    Test {
        name: "enhanced authentication: again, by the same method",
        versions: NEW,
        covers: &["5:4.12.1-1"],
        run: again,
    },
    Test {
        name: "enhanced authentication: a failed one ends the connection",
        versions: NEW,
        covers: &["5:4.12.1-2"],
        run: failed,
    },
];

const METHOD: &str = "SCRAM-SHA-256";

struct Auth {
    reason: u8,
    properties: Vec<Property>,
}

impl Auth {
    fn read(packet: &Packet) -> Result<Auth> {
        ensure!(packet.first == 0xf0, "{packet:02x?} instead of AUTH");
        let mut r = Reader(&packet.body);
        let reason = if r.0.is_empty() { 0 } else { r.byte()? };
        let properties = if r.0.is_empty() { Vec::new() } else { r.properties(5)? };
        ensure!(matches!(reason, 0 | 0x18 | 0x19), "reason {reason:#04x} is none of AUTH");
        Ok(Auth { reason, properties })
    }

    fn field(&self, id: u8) -> Option<&[u8]> {
        // The value stands with its length of two bytes.
        let (_, value) = self.properties.iter().find(|(each, _)| *each == id)?;
        value.get(2..)
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = match <Hmac<Sha256> as Mac>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => return [0; 32],
    };
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// The last message of a client (RFC 5802 §3), and what the server must prove.
fn proof(bare: &str, password: &str, server_first: &[u8]) -> Result<(String, String)> {
    let first = std::str::from_utf8(server_first)?;
    let part = |name: &str| first.split(',').find_map(|part| part.strip_prefix(name)).context("a part is missing");
    let (salt, rounds): (_, u32) = (STANDARD.decode(part("s=")?)?, part("i=")?.parse()?);
    let mut block = hmac(password.as_bytes(), &[&salt[..], &[0, 0, 0, 1]].concat());
    let mut salted = block;
    for _ in 1..rounds {
        block = hmac(password.as_bytes(), &block);
        salted.iter_mut().zip(block).for_each(|(byte, other)| *byte ^= other);
    }
    let said = format!("c=biws,r={}", part("r=")?);
    let all = format!("{bare},{first},{said}");
    let key = hmac(&salted, b"Client Key");
    let signature = hmac(&Sha256::digest(key), all.as_bytes());
    let proof: Vec<u8> = key.iter().zip(signature).map(|(byte, other)| byte ^ other).collect();
    let server = hmac(&hmac(&salted, b"Server Key"), all.as_bytes());
    Ok((format!("{said},p={}", STANDARD.encode(proof)), format!("v={}", STANDARD.encode(server))))
}

fn credential(target: &Target) -> Result<(String, String)> {
    target.scram.clone().context("no name and password")
}

fn auth(reason: u8, data: &str) -> Vec<u8> {
    let properties = [vec![id::AUTH_METHOD], text(METHOD), vec![id::AUTH_DATA], text(data)].concat();
    packet(0xf0, &[vec![reason], bytes::block(&properties)].concat())
}

/// Goes through the exchange; answers the client, the server's last words and what they must be.
fn enter(target: &Target, more: &[u8]) -> Result<(Client, Packet, String)> {
    let (name, password) = credential(target)?;
    let bare = format!("n={name},r={}", fresh("nonce"));
    let mut connect = Connect::new(5, &fresh("auth"));
    connect.properties =
        [vec![id::AUTH_METHOD], text(METHOD), vec![id::AUTH_DATA], text(format!("n,,{bare}")), more.to_vec()].concat();
    let mut client = Client::open(target, 5)?;
    client.send(&connect.bytes())?;
    let expected = answer(&mut client, &bare, &password)?;
    let last = client.next()?;
    Ok((client, last, expected))
}

/// The server asks with 0x18 and the same method; the client answers.
fn answer(client: &mut Client, bare: &str, password: &str) -> Result<String> {
    let asked = Auth::read(&client.next()?)?;
    ensure!(asked.reason == 0x18, "AUTH with {:#04x} instead of 0x18", asked.reason);
    ensure!(asked.field(id::AUTH_METHOD) == Some(METHOD.as_bytes()), "another method");
    let (last, expected) = proof(bare, password, asked.field(id::AUTH_DATA).context("no data")?)?;
    client.send(&auth(0x18, &last))?;
    Ok(expected)
}

fn lets_in(target: &Target, _: u8) -> Result<()> {
    let (mut client, last, expected) = enter(target, &[])?;
    let welcome = last.answer(5)?;
    ensure!(welcome.reason == 0, "refused with {:#04x}", welcome.reason);
    ensure!(welcome.property(id::AUTH_METHOD).and_then(|value| value.get(2..)) == Some(METHOD.as_bytes()), "no method");
    let data = welcome.property(id::AUTH_DATA).and_then(|value| value.get(2..));
    ensure!(data == Some(expected.as_bytes()), "the server did not prove itself");
    client.ping()
}

/// A client that takes 200 bytes at most: AUTH and CONNACK keep within them.
fn small(target: &Target, _: u8) -> Result<()> {
    let (mut client, last, _) = enter(target, &[id::MAXIMUM_PACKET, 0, 0, 0, 200])?;
    ensure!(last.body.len() + 2 <= 200, "{} bytes", last.body.len() + 2);
    client.ping()
}

fn again(target: &Target, _: u8) -> Result<()> {
    let (mut client, _, _) = enter(target, &[])?;
    let (name, password) = credential(target)?;
    let bare = format!("n={name},r={}", fresh("nonce"));
    client.send(&auth(0x19, &format!("n,,{bare}")))?;
    let expected = answer(&mut client, &bare, &password)?;
    let done = Auth::read(&client.next()?)?;
    ensure!(done.reason == 0 && done.field(id::AUTH_DATA) == Some(expected.as_bytes()), "no success");
    client.ping()?;
    // Another method is none of this connection.
    let properties = [vec![id::AUTH_METHOD], text("SCRAM-SHA-1"), vec![id::AUTH_DATA], text("n,,n=a,r=b")].concat();
    client.send(&packet(0xf0, &[vec![0x19], bytes::block(&properties)].concat()))?;
    let said = client.expect_end()?;
    ensure!(said.is_some_and(|reason| reason >= 0x80), "{said:?}");
    Ok(())
}

fn failed(target: &Target, _: u8) -> Result<()> {
    let (mut client, _, _) = enter(target, &[])?;
    let (name, password) = credential(target)?;
    let bare = format!("n={name},r={}", fresh("nonce"));
    client.send(&auth(0x19, &format!("n,,{bare}")))?;
    answer(&mut client, &bare, &format!("not {password}"))?;
    let said = client.expect_end()?;
    ensure!(said.is_some_and(|reason| reason >= 0x80), "{said:?}");
    Ok(())
}
