//! Strings, WebSockets, and the rows of probes that other brokers were seen to fail.

use std::net::TcpStream;

use anyhow::{Result, bail, ensure};

use super::{BOTH, Test, fresh};
use crate::bytes::{self, Connect, Publish};
use crate::client::Client;
use crate::link::{DEADLINE, Kind, Target, WebSocket};

pub const TESTS: &[Test] = &[
    Test {
        name: "a byte order mark is a character like any other",
        versions: BOTH,
        covers: &["5:1.5.4-3", "4:1.5.3-3"],
        run: mark,
    },
    Test { name: "keep-alive 0 is legal", versions: BOTH, covers: &[], run: keep_alive_0 },
    Test { name: "both versions on one port", versions: BOTH, covers: &[], run: both_versions },
    Test { name: "a client id may hold a slash", versions: BOTH, covers: &[], run: slash },
    Test {
        name: "a QoS 1 subscriber of QoS 0 data acknowledges nothing",
        versions: BOTH,
        covers: &[],
        run: nothing_to_acknowledge,
    },
    Test { name: "UNSUBSCRIBE of an unknown filter is answered", versions: BOTH, covers: &[], run: unknown_filter },
    Test { name: "SUBSCRIBE to $SYS/# keeps the connection", versions: BOTH, covers: &[], run: sys },
    Test {
        name: "a foreign packet ends one connection and no other",
        versions: BOTH,
        covers: &["5:4.13.2-1"],
        run: foreign_packet,
    },
    Test {
        name: "MQTT over WebSocket",
        versions: BOTH,
        covers: &["5:6.0.0-1", "5:6.0.0-2", "5:6.0.0-4", "4:6.0.0-1", "4:6.0.0-2", "4:6.0.0-4"],
        run: websocket,
    },
    Test { name: "the same over every door", versions: BOTH, covers: &[], run: every_door },
];

fn mark(t: &Target, v: u8) -> Result<()> {
    let (plain, marked) = (fresh("bom"), fresh("\u{feff}bom"));
    let mut reader = Client::connect(t, v, &fresh("\u{feff}reader"))?;
    reader.subscribe(&marked, 0)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(marked.trim_start_matches('\u{feff}'), "without", 0, 0))?;
    publisher.publish(&Publish::new(&plain, "other", 0, 0))?;
    publisher.publish(&Publish::new(&marked, "with", 0, 0))?;
    let message = reader.message()?;
    ensure!(message.payload == b"with" && message.topic == marked, "{message:?}");
    Ok(())
}

fn keep_alive_0(t: &Target, v: u8) -> Result<()> {
    Client::with(t, &Connect { keep_alive: 0, ..Connect::new(v, &fresh("zero")) })?.0.nothing()
}

fn both_versions(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("both");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    Client::connect(t, 9 - v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 1, 1))?;
    ensure!(reader.text()? == "x");
    Ok(())
}

fn slash(t: &Target, v: u8) -> Result<()> {
    Client::connect(t, v, &format!("a/b\\c {}", fresh("id")))?.nothing()
}

fn nothing_to_acknowledge(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("q0");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 0..200 {
        publisher.publish(&Publish::new(&topic, "x", 0, 0))?;
        ensure!(reader.raw_message()?.qos == 0, "message {n}");
    }
    Ok(())
}

fn unknown_filter(t: &Target, v: u8) -> Result<()> {
    let answer = Client::connect(t, v, &fresh("client"))?.unsubscribe("never/heard/of")?;
    ensure!(v == 4 && answer.reasons.is_empty() || answer.reasons == [0x11], "{answer:?}");
    Ok(())
}

fn sys(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.subscribe("$SYS/#", 0)?;
    client.ping()
}

/// A packet that only a server may send, between two CONNECTs: seen to lock up a broker.
fn foreign_packet(t: &Target, v: u8) -> Result<()> {
    let mut other = Client::connect(t, v, &fresh("other"))?;
    for _ in 0..3 {
        let connect = Connect::new(v, &fresh("foreign"));
        let mut client = Client::open(t, v)?;
        client.send(&[connect.bytes(), vec![0x20, 2, 0, 0], connect.bytes()].concat())?;
        client.next()?.answer(v)?;
        client.expect_end()?;
    }
    other.nothing()?;
    Client::connect(t, v, &fresh("next"))?.nothing()
}

fn websocket(t: &Target, v: u8) -> Result<()> {
    let Some(address) = t.ws else { bail!("no --ws address was given") };
    let open = || -> Result<TcpStream> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        Ok(tcp)
    };
    // The subprotocol is named by the client and confirmed; another is not spoken.
    let (_, answer) = WebSocket::offering(open()?, "Sec-WebSocket-Protocol: soap\r\n")?;
    ensure!(!answer.to_ascii_lowercase().contains("sec-websocket-protocol: mqtt"), "{answer}");
    // A packet may be cut anywhere, and a frame may hold several.
    let mut client = Client::over(t, Kind::Ws, v)?;
    client.hello(&Connect::new(v, &fresh("ws")))?;
    client.send(&[bytes::PING, bytes::PING].concat())?;
    ensure!(client.next()?.first == 0xd0 && client.next()?.first == 0xd0);
    client.send(&bytes::PING[..1])?;
    client.send(&bytes::PING[1..])?;
    ensure!(client.next()?.first == 0xd0);
    // A text frame ends it.
    let mut socket = WebSocket::new(open()?)?;
    socket.frame(1, true, &Connect::new(v, &fresh("ws-text")).bytes())?;
    let mut byte = [0];
    let read = std::io::Read::read(&mut socket, &mut byte);
    ensure!(matches!(read, Ok(0) | Err(_)), "a text frame was answered");
    Ok(())
}

fn every_door(t: &Target, v: u8) -> Result<()> {
    for kind in t.kinds() {
        let topic = fresh("door");
        let mut client = Client::over(t, kind, v)?;
        ensure!(client.hello(&Connect::new(v, &fresh("door")))?.reason == 0);
        client.subscribe(&topic, 2)?;
        for qos in 0..=2 {
            client.send(&Publish::new(&topic, "x", qos, 1).bytes(v))?;
            match qos {
                1 => drop(client.answer()?.ack(0x40, v)?),
                2 => {
                    client.answer()?.ack(0x50, v)?;
                    client.release(1)?;
                }
                _ => {}
            }
            ensure!(client.text()? == "x", "{kind:?}");
        }
    }
    Ok(())
}
