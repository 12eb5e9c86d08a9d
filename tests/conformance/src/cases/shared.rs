//! Shared subscriptions (5.0 §4.8.2).

use anyhow::{Result, ensure};

use super::{NEW, Test, fresh};
use crate::bytes::Publish;
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "each message goes to one member of a share",
        versions: NEW,
        covers: &["5:4.8.2-1", "5:4.8.2-2"],
        run: one_member,
    },
    Test { name: "a share delivers at the QoS of its member", versions: NEW, covers: &["5:4.8.2-3"], run: qos },
    Test {
        name: "what one member did not take goes to another",
        versions: NEW,
        covers: &["5:4.8.2-4", "5:4.8.2-5"],
        run: left,
    },
    Test {
        name: "a member that refuses does not pass the message on",
        versions: NEW,
        covers: &["5:4.8.2-6"],
        run: refused,
    },
    Test { name: "no local on a share is an error", versions: NEW, covers: &["5:3.8.3-4"], run: no_local },
];

fn one_member(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("share");
    let filter = format!("$share/{}/{topic}", fresh("g"));
    let mut members = [Client::connect(t, v, &fresh("one"))?, Client::connect(t, v, &fresh("two"))?];
    for member in &mut members {
        member.subscribe(&filter, 0)?;
    }
    let mut plain = Client::connect(t, v, &fresh("plain"))?;
    plain.subscribe(&topic, 0)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 0..20 {
        publisher.publish(&Publish::new(&topic, &n.to_string(), 0, 0))?;
    }
    publisher.publish(&Publish::new(&format!("{topic}-end"), "", 0, 0))?;
    let mut seen = Vec::new();
    for member in &mut members {
        member.subscribe(&format!("{topic}-end"), 0)?;
        publisher.publish(&Publish::new(&format!("{topic}-end"), "end", 0, 0))?;
        loop {
            match member.text()?.as_str() {
                "end" => break,
                number => seen.push(number.to_owned()),
            }
        }
    }
    seen.sort();
    let count = seen.len();
    seen.dedup();
    ensure!(count == 20 && seen.len() == 20, "{count} deliveries of 20 messages, {} different", seen.len());
    for n in 0..20 {
        ensure!(plain.text()? == n.to_string());
    }
    Ok(())
}

fn qos(t: &Target, v: u8) -> Result<()> {
    for granted in 0..=2 {
        let topic = fresh("share");
        let mut member = Client::connect(t, v, &fresh("member"))?;
        member.subscribe(&format!("$share/g/{topic}"), granted)?;
        Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 2, 1))?;
        ensure!(member.message()?.qos == granted);
    }
    Ok(())
}

fn left(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("share");
    let filter = format!("$share/{}/{topic}", fresh("g"));
    let mut first = Client::connect(t, v, &fresh("first"))?;
    first.subscribe(&filter, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(&topic, "one", 1, 1))?;
    first.raw_message()?;
    let mut second = Client::connect(t, v, &fresh("second"))?;
    second.subscribe(&filter, 1)?;
    // Its session ends without an acknowledgement.
    first.leave()?;
    publisher.publish(&Publish::new(&topic, "two", 1, 1))?;
    let mut seen = vec![second.text()?];
    if seen == ["one"] {
        seen.push(second.text()?);
    }
    ensure!(seen.last().is_some_and(|last| last == "two"), "{seen:?}");
    Ok(())
}

fn refused(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("share");
    let filter = format!("$share/{}/{topic}", fresh("g"));
    let mut members = [Client::connect(t, v, &fresh("one"))?, Client::connect(t, v, &fresh("two"))?];
    for member in &mut members {
        member.subscribe(&filter, 1)?;
    }
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 1..=2 {
        publisher.publish(&Publish::new(&topic, &n.to_string(), 1, n))?;
    }
    let mut got = 0;
    for member in &mut members {
        while let Some(packet) = {
            member.send(&crate::bytes::PING)?;
            Some(member.next()?).filter(|packet| packet.kind() == 3)
        } {
            got += 1;
            member.send(&crate::client::ack_with(0x40, packet.message(v)?.id, 0x83))?;
            member.ping()?;
        }
    }
    ensure!(got == 2, "{got} deliveries of 2");
    Ok(())
}

fn no_local(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("local"))?;
    client.send(&crate::bytes::subscribe(v, 1, &[], &[("$share/g/t", 0x04)]))?;
    client.expect_end().map(drop)
}
