//! CONNECT, CONNACK, DISCONNECT, keep-alive.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{BOTH, NEW, OLD, Test, fresh};
use crate::bytes::{self, Connect, PING, Publish, id, packet, text};
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "a good CONNECT is accepted",
        versions: BOTH,
        covers: &[
            "5:3.1.4-5",
            "5:3.2.0-1",
            "5:3.2.0-2",
            "5:3.2.2-1",
            "5:3.2.2-8",
            "5:3.1.3-1",
            "5:3.1.3-3",
            "4:3.1.4-4",
            "4:3.2.0-1",
            "4:3.1.3-1",
            "4:3.1.3-3",
        ],
        run: accepted,
    },
    Test {
        name: "client ids of 1 to 23 letters and digits",
        versions: BOTH,
        covers: &["5:3.1.3-5", "4:3.1.3-5"],
        run: ids,
    },
    Test {
        name: "an empty client id is replaced",
        versions: BOTH,
        covers: &["5:3.1.3-6", "5:3.1.3-7", "5:3.2.2-16", "4:3.1.3-6", "4:3.1.3-7"],
        run: empty_id,
    },
    Test {
        name: "an empty client id without a clean session is refused",
        versions: OLD,
        covers: &["4:3.1.3-8", "4:3.2.2-4", "4:3.2.2-5", "4:3.1.3-9"],
        run: empty_id_kept,
    },
    Test {
        name: "another level is refused with its code",
        versions: BOTH,
        covers: &["5:3.1.2-2", "5:3.2.2-6", "5:3.2.2-7", "4:3.1.2-2"],
        run: level,
    },
    Test {
        name: "a second CONNECT ends the connection",
        versions: BOTH,
        covers: &["5:3.1.0-2", "4:3.1.0-2"],
        run: twice,
    },
    Test {
        name: "the same client id takes over",
        versions: BOTH,
        covers: &["5:3.1.4-3", "4:3.1.4-2", "5:3.1.3-2", "4:3.1.3-2"],
        run: take_over,
    },
    Test {
        name: "a silent client is dropped after one and a half keep-alives",
        versions: BOTH,
        covers: &["5:3.1.2-22", "4:3.1.2-24"],
        run: keep_alive,
    },
    Test { name: "PINGREQ is answered", versions: BOTH, covers: &["5:3.12.4-1", "4:3.12.4-1"], run: ping },
    Test {
        name: "a rejected client is not listened to",
        versions: BOTH,
        covers: &["5:3.1.4-6", "4:3.1.4-5"],
        run: rejected,
    },
    Test { name: "no data before CONNECT", versions: BOTH, covers: &["5:3.1.0-1", "4:3.1.0-1"], run: not_first },
    Test { name: "data behind CONNECT may come at once", versions: BOTH, covers: &[], run: at_once },
    Test { name: "DISCONNECT ends the connection", versions: BOTH, covers: &[], run: goodbye },
    Test {
        name: "a session expiry of 0 cannot be raised by DISCONNECT",
        versions: NEW,
        covers: &["5:4.13.1-1"],
        run: raised,
    },
    Test {
        name: "no response information is sent unasked",
        versions: NEW,
        covers: &["5:3.1.2-28"],
        run: response_information,
    },
    Test {
        name: "no problem information where it is not wanted",
        versions: NEW,
        covers: &["5:3.1.2-29", "5:3.4.2-2", "5:3.4.2-3"],
        run: problem_information,
    },
    Test {
        name: "nothing longer than the client takes is sent",
        versions: NEW,
        covers: &["5:3.1.2-24", "5:3.1.2-25"],
        run: maximum_packet,
    },
    Test { name: "an unknown authentication method is refused", versions: NEW, covers: &["5:4.12.0-1"], run: method },
    Test {
        name: "AUTH without a method ends the connection",
        versions: NEW,
        covers: &["5:4.12.0-6"],
        run: auth_unasked,
    },
    Test {
        name: "user name and password fields are read where their flags are set",
        versions: BOTH,
        covers: &[
            "5:3.1.2-16",
            "5:3.1.2-17",
            "5:3.1.2-18",
            "5:3.1.2-19",
            "4:3.1.2-18",
            "4:3.1.2-19",
            "4:3.1.2-20",
            "4:3.1.2-21",
        ],
        run: credentials,
    },
    Test {
        name: "the broker says nothing of a session expiry in its DISCONNECT",
        versions: NEW,
        covers: &["5:3.14.2-2", "5:3.14.0-1"],
        run: goodbye_of_the_broker,
    },
];

fn accepted(t: &Target, v: u8) -> Result<()> {
    let (mut client, answer) = Client::with(t, &Connect::new(v, &fresh("good")))?;
    ensure!(answer.flags == 0 && answer.reason == 0, "{answer:?}");
    client.nothing()
}

fn ids(t: &Target, v: u8) -> Result<()> {
    let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // The two versions run side by side: each takes other ids.
    for at in (usize::from(v)..letters.len()).step_by(7) {
        let id: String = letters.chars().cycle().skip(at).take((at * 5) % 23 + 1).collect();
        Client::connect(t, v, &id)?.nothing()?;
    }
    Client::connect(t, v, &letters.chars().skip(usize::from(v)).take(23).collect::<String>())?.nothing()
}

fn empty_id(t: &Target, v: u8) -> Result<()> {
    let (mut one, first) = Client::with(t, &Connect::new(v, ""))?;
    let (mut two, second) = Client::with(t, &Connect::new(v, ""))?;
    one.nothing()?;
    two.nothing()?;
    if v == 5 {
        let (first, second) = (first.property(id::ASSIGNED_CLIENT_ID), second.property(id::ASSIGNED_CLIENT_ID));
        ensure!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    }
    Ok(())
}

fn empty_id_kept(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::open(t, v)?;
    let answer = client.hello(&Connect { clean: false, ..Connect::new(v, "") })?;
    ensure!(answer.reason == 2 && !answer.session_present, "{answer:?}");
    client.expect_end().map(drop)
}

fn level(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::open(t, if v == 5 { 5 } else { 4 })?;
    let mut connect = Connect::new(v, &fresh("level")).bytes();
    if let Some(level) = connect.get_mut(8) {
        *level = 77;
    }
    client.send(&connect)?;
    // The broker may answer in the form of either version, or not at all; the end is certain.
    while let Some(packet) = client.read()? {
        ensure!(packet.first == 0x20, "{packet:02x?}");
        ensure!(matches!(packet.body.as_slice(), [0, 1 | 0x84, ..]), "{packet:02x?}");
    }
    Ok(())
}

fn twice(t: &Target, v: u8) -> Result<()> {
    let connect = Connect::new(v, &fresh("twice"));
    let (mut client, _) = Client::with(t, &connect)?;
    client.send(&connect.bytes())?;
    let reason = client.expect_end()?;
    ensure!(reason.is_none_or(|reason| reason == 0x82), "{reason:02x?}");
    Ok(())
}

fn take_over(t: &Target, v: u8) -> Result<()> {
    let name = fresh("over");
    let mut old = Client::connect(t, v, &name)?;
    let mut new = Client::connect(t, v, &name)?;
    let reason = old.expect_end()?;
    ensure!(v == 4 || reason == Some(0x8e), "{reason:02x?}");
    new.nothing()
}

fn keep_alive(t: &Target, v: u8) -> Result<()> {
    let (mut client, _) = Client::with(t, &Connect { keep_alive: 1, ..Connect::new(v, &fresh("silent")) })?;
    let began = Instant::now();
    client.expect_end()?;
    let waited = began.elapsed().as_millis();
    ensure!(waited >= 1000, "dropped after {waited} ms, within its keep-alive");
    Ok(())
}

fn ping(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("ping"))?;
    for _ in 0..3 {
        client.nothing()?;
    }
    Ok(())
}

/// What stands behind a CONNECT that was refused does nothing.
fn rejected(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("rejected");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 0)?;
    let mut bad = Client::open(t, v)?;
    let mut connect = Connect::new(v, &fresh("bad")).bytes();
    // The reserved flag makes it malformed.
    if let Some(flags) = connect.get_mut(9) {
        *flags |= 1;
    }
    connect.extend(Publish::new(&topic, "x", 0, 0).bytes(v));
    bad.send(&connect)?;
    while let Some(packet) = bad.read()? {
        ensure!(packet.first == 0x20 && packet.body.get(1).is_some_and(|reason| *reason != 0), "{packet:02x?}");
    }
    reader.nothing()
}

fn not_first(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::open(t, v)?;
    client.send(&PING)?;
    client.expect_end().map(drop)
}

fn at_once(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("at-once");
    let mut client = Client::open(t, v)?;
    let mut all = Connect::new(v, &fresh("eager")).bytes();
    all.extend(bytes::subscribe(v, 1, &[], &[(&topic, 0)]));
    all.extend(Publish::new(&topic, "early", 0, 0).bytes(v));
    client.send(&all)?;
    client.next()?.answer(v)?;
    client.answer()?.list(0x90, v)?;
    ensure!(client.text()? == "early");
    Ok(())
}

fn goodbye(t: &Target, v: u8) -> Result<()> {
    Client::connect(t, v, &fresh("bye"))?.leave()
}

fn raised(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("raised"))?;
    client.send(&packet(0xe0, &[0, 5, id::SESSION_EXPIRY, 0, 0, 0, 9]))?;
    let reason = client.expect_end()?;
    ensure!(reason.is_none_or(|reason| reason == 0x82), "{reason:02x?}");
    Ok(())
}

fn response_information(t: &Target, v: u8) -> Result<()> {
    for asked in [vec![], vec![id::REQUEST_RESPONSE, 0]] {
        let (_, answer) = Client::with(t, &Connect { properties: asked, ..Connect::new(v, &fresh("info")) })?;
        ensure!(answer.property(id::RESPONSE_INFORMATION).is_none(), "{answer:?}");
    }
    Ok(())
}

fn problem_information(t: &Target, v: u8) -> Result<()> {
    let connect = Connect { properties: vec![id::REQUEST_PROBLEM, 0], ..Connect::new(v, &fresh("quiet")) };
    let (mut client, _) = Client::with(t, &connect)?;
    client.send(&bytes::subscribe(v, 1, &[], &[("$share/bad", 0), (&fresh("good"), 1)]))?;
    if let Some(packet) = client.read()?.filter(|packet| packet.first == 0x90) {
        ensure!(packet.list(0x90, v)?.properties.is_empty(), "{packet:02x?}");
    }
    let (mut client, _) = Client::with(t, &Connect { id: fresh("quiet"), ..connect })?;
    client.send(&Publish::new(&fresh("nobody"), "x", 1, 5).bytes(v))?;
    ensure!(client.next()?.ack(0x40, v)?.properties.is_empty());
    ensure!(client.unsubscribe("nobody")?.properties.is_empty());
    Ok(())
}

fn maximum_packet(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("max");
    let properties = vec![id::MAXIMUM_PACKET, 0, 0, 0, 100];
    let (mut small, _) = Client::with(t, &Connect { properties, ..Connect::new(v, &fresh("small")) })?;
    let mut large = Client::connect(t, v, &fresh("large"))?;
    small.subscribe(&topic, 1)?;
    large.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    let long = "x".repeat(200);
    for (n, payload) in [long.as_str(), "short"].into_iter().enumerate() {
        publisher.publish(&Publish::new(&topic, payload, 1, u16::try_from(n)? + 1))?;
    }
    // What is too long counts as delivered; others get it.
    ensure!(small.text()? == "short");
    ensure!(large.text()? == long && large.text()? == "short");
    Ok(())
}

fn method(t: &Target, v: u8) -> Result<()> {
    let properties = [vec![id::AUTH_METHOD], text("no such method")].concat();
    let mut client = Client::open(t, v)?;
    let answer = client.hello(&Connect { properties, ..Connect::new(v, &fresh("method")) })?;
    ensure!(matches!(answer.reason, 0x8c | 0x87), "{answer:?}");
    client.expect_end().map(drop)
}

fn auth_unasked(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("auth"))?;
    client.send(&packet(0xf0, &[0x19, 0]))?;
    client.expect_end().map(drop)
}

fn credentials(t: &Target, v: u8) -> Result<()> {
    let connect =
        Connect { user: Some("u".into()), password: Some(b"p\0\xff".to_vec()), ..Connect::new(v, &fresh("user")) };
    // Whether they are right is the broker's business; that they are read is the standard's.
    let mut client = Client::open(t, v)?;
    let answer = client.hello(&connect)?;
    ensure!(matches!(answer.reason, 0 | 4 | 5 | 0x86 | 0x87), "{answer:?}");
    // The flag is set, the field is missing.
    for flag in [0x80, 0xc0] {
        let mut bare = Connect::new(v, &fresh("bare")).bytes();
        if let Some(flags) = bare.get_mut(9) {
            *flags |= flag;
        }
        let mut client = Client::open(t, v)?;
        client.send(&bare)?;
        while let Some(packet) = client.read()? {
            ensure!(packet.first == 0x20 && packet.body.get(1).is_some_and(|reason| *reason != 0), "{packet:02x?}");
        }
    }
    Ok(())
}

fn goodbye_of_the_broker(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("bye"))?;
    client.send(&packet(0x36, &[0, 1, b'a', 0, 1, 0]))?;
    while let Some(packet) = client.read()? {
        let goodbye = packet.goodbye()?;
        ensure!(goodbye.properties.iter().all(|(property, _)| *property != id::SESSION_EXPIRY), "{goodbye:?}");
        ensure!(goodbye.reason() >= 0x80, "{goodbye:?}");
    }
    Ok(())
}
