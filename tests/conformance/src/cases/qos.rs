//! Delivery: identifiers, acknowledgements, flow control, redelivery.

use anyhow::{Result, ensure};

use super::{BOTH, NEW, Test, fresh};
use crate::bytes::{self, Connect, Publish, id, two};
use crate::client::{Client, ack_with};
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "a delivery has the lower QoS of both",
        versions: BOTH,
        covers: &["5:3.8.4-8", "4:3.8.4-6"],
        run: lower,
    },
    Test {
        name: "identifiers of the broker are never 0 and never used twice at a time",
        versions: BOTH,
        covers: &[
            "5:2.2.1-4",
            "4:2.3.1-4",
            "5:4.3.2-1",
            "5:4.3.2-2",
            "5:4.3.3-1",
            "5:4.3.3-2",
            "4:4.3.2-1",
            "4:4.3.3-1",
        ],
        run: identifiers,
    },
    Test {
        name: "QoS 2 is delivered once though it was sent twice",
        versions: BOTH,
        covers: &["5:4.3.3-8", "5:4.3.3-9", "5:4.3.3-10", "5:4.3.3-11", "5:4.3.3-12", "4:4.3.3-2"],
        run: once,
    },
    Test {
        name: "after PUBACK the identifier is another message",
        versions: BOTH,
        covers: &["5:4.3.2-4", "5:4.3.2-5", "4:4.3.2-2", "5:4.3.3-13"],
        run: again,
    },
    Test {
        name: "unacknowledged messages come again after a reconnect, as duplicates",
        versions: BOTH,
        covers: &[
            "5:4.4.0-1",
            "4:4.4.0-1",
            "5:3.3.1-1",
            "4:3.3.1-1",
            "5:4.3.2-3",
            "5:4.3.3-3",
            "5:4.6.0-1",
            "4:4.6.0-1",
        ],
        run: duplicates,
    },
    Test {
        name: "PUBREL comes again after a reconnect, not PUBLISH",
        versions: BOTH,
        covers: &["5:4.3.3-4", "5:4.3.3-5", "5:4.3.3-6", "5:4.3.3-7"],
        run: releases,
    },
    Test {
        name: "no more is in flight than the client takes",
        versions: NEW,
        covers: &["5:3.3.4-9", "5:4.9.0-1", "5:4.9.0-2"],
        run: window,
    },
    Test {
        name: "a full window holds up nothing else",
        versions: NEW,
        covers: &["5:3.3.4-10", "5:4.9.0-3"],
        run: others,
    },
    Test { name: "a refused message is over", versions: NEW, covers: &["5:4.4.0-2"], run: refused },
    Test {
        name: "PUBREL of an unknown identifier is answered",
        versions: BOTH,
        covers: &["5:3.6.2-1", "5:3.7.2-1"],
        run: unknown,
    },
    Test {
        name: "acknowledgements may come in any order",
        versions: BOTH,
        covers: &["5:4.6.0-2", "5:4.6.0-3", "5:4.6.0-4", "4:4.6.0-2", "4:4.6.0-3", "4:4.6.0-4"],
        run: any_order,
    },
    Test {
        name: "reason codes of acknowledgements are those of the table",
        versions: NEW,
        covers: &["5:3.4.2-1", "5:3.5.2-1"],
        run: reasons,
    },
    Test { name: "no message is lost in a burst", versions: BOTH, covers: &["5:4.5.0-1", "4:4.5.0-1"], run: burst },
];

fn lower(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("lower");
    for granted in 0..=2 {
        let mut reader = Client::connect(t, v, &fresh("reader"))?;
        reader.subscribe(&topic, granted)?;
        let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
        for sent in 0..=2 {
            publisher.publish(&Publish::new(&topic, "x", sent, 9))?;
            let message = reader.message()?;
            ensure!(message.qos == sent.min(granted), "QoS {sent} to {granted} came as {}", message.qos);
        }
    }
    Ok(())
}

fn identifiers(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("ids");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 1..=10 {
        publisher.publish(&Publish::new(&topic, "x", 1 + u8::try_from(n % 2)?, n))?;
    }
    let mut seen = Vec::new();
    for _ in 0..10 {
        let message = reader.raw_message()?;
        ensure!(message.id != 0 && !message.dup && !seen.contains(&message.id), "{message:?} after {seen:?}");
        seen.push(message.id);
    }
    Ok(())
}

fn once(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("once");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    let publish = Publish::new(&topic, "one", 2, 77);
    for dup in [false, true, true] {
        publisher.send(&Publish { dup, ..publish.clone() }.bytes(v))?;
        ensure!(publisher.next()?.ack(0x50, v)?.id == 77);
    }
    publisher.release(77)?;
    publisher.release(77)?;
    ensure!(reader.text()? == "one");
    reader.nothing()?;
    // Released, the identifier is free for another message.
    publisher.publish(&Publish::new(&topic, "two", 2, 77))?;
    ensure!(reader.text()? == "two");
    reader.nothing()
}

fn again(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("again");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for payload in ["one", "two"] {
        publisher.publish(&Publish::new(&topic, payload, 1, 5))?;
        ensure!(reader.text()? == payload);
    }
    reader.nothing()
}

fn duplicates(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("redeliver");
    let connect = Connect::lasting(v, &fresh("reader"));
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for (n, qos) in [1, 2, 1].into_iter().enumerate() {
        publisher.publish(&Publish::new(&topic, &n.to_string(), qos, 3))?;
    }
    let first = [reader.raw_message()?, reader.raw_message()?, reader.raw_message()?];
    drop(reader);
    let (mut reader, answer) = Client::with(t, &connect)?;
    ensure!(answer.session_present);
    for original in first {
        let copy = reader.raw_message()?;
        ensure!(copy.dup && copy.id == original.id && copy.payload == original.payload, "{copy:?} for {original:?}");
    }
    Client::connect(t, v, &connect.id)?.leave()
}

fn releases(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("release");
    let connect = Connect::lasting(v, &fresh("reader"));
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.subscribe(&topic, 2)?;
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 2, 3))?;
    let message = reader.raw_message()?;
    reader.send(&bytes::ack(0x50, message.id))?;
    ensure!(reader.next()?.ack(0x62, v)?.id == message.id);
    drop(reader);
    let (mut reader, _) = Client::with(t, &connect)?;
    ensure!(reader.next()?.ack(0x62, v)?.id == message.id);
    reader.send(&bytes::ack(0x70, message.id))?;
    reader.nothing()?;
    reader.leave()?;
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.nothing()?;
    Client::connect(t, v, &connect.id)?.leave()
}

fn limited(t: &Target, v: u8, most: u16) -> Result<Client> {
    let properties = [&[id::RECEIVE_MAXIMUM][..], &two(most)].concat();
    Ok(Client::with(t, &Connect { properties, ..Connect::new(v, &fresh("limited")) })?.0)
}

fn window(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("window");
    let mut reader = limited(t, v, 2)?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 0..6u16 {
        publisher.publish(&Publish::new(&topic, &n.to_string(), 1, n + 1))?;
    }
    let mut open = vec![reader.raw_message()?, reader.raw_message()?];
    reader.nothing()?;
    for n in 2..6 {
        reader.send(&bytes::ack(0x40, open.remove(0).id))?;
        open.push(reader.raw_message()?);
        ensure!(open.last().is_some_and(|message| message.payload == n.to_string().as_bytes()));
        reader.nothing()?;
    }
    Ok(())
}

fn others(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("others");
    let mut reader = limited(t, v, 1)?;
    reader.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 1..=2 {
        publisher.publish(&Publish::new(&topic, "x", 1, n))?;
    }
    reader.raw_message()?;
    // The window is closed: everything but PUBLISH with QoS above 0 goes on.
    reader.nothing()?;
    ensure!(reader.subscribe(&fresh("more"), 1)? == 1);
    ensure!(reader.publish(&Publish::new(&fresh("out"), "x", 1, 1))? < 0x80);
    Ok(())
}

fn refused(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("refused");
    let connect = Connect::lasting(v, &fresh("reader"));
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for qos in [1, 2] {
        publisher.publish(&Publish::new(&topic, "x", qos, 3))?;
        let message = reader.raw_message()?;
        reader.send(&ack_with(if qos == 1 { 0x40 } else { 0x50 }, message.id, 0x80))?;
        reader.nothing()?;
    }
    reader.leave()?;
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.nothing()?;
    Client::connect(t, v, &connect.id)?.leave()
}

fn unknown(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("unknown"))?;
    let reason = client.release(4711)?;
    ensure!(matches!(reason, 0 | 0x92), "{reason:#x}");
    client.nothing()
}

fn any_order(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("any");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for n in 1..=5 {
        publisher.publish(&Publish::new(&topic, "x", 1, n))?;
    }
    let ids = (0..5).map(|_| Ok(reader.raw_message()?.id)).collect::<Result<Vec<_>>>()?;
    for id in ids.into_iter().rev() {
        reader.send(&bytes::ack(0x40, id))?;
    }
    reader.nothing()?;
    publisher.publish(&Publish::new(&topic, "after", 1, 6))?;
    ensure!(reader.text()? == "after");
    Ok(())
}

fn reasons(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("reasons"))?;
    for qos in [1, 2] {
        let reason = client.publish(&Publish::new(&fresh("nobody"), "x", qos, 1))?;
        ensure!(matches!(reason, 0 | 0x10), "{reason:#x}");
    }
    Ok(())
}

fn burst(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("burst");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    // Fewer than the smallest queue limit that brokers usually have.
    for n in 1..=100 {
        publisher.send(&Publish::new(&topic, &n.to_string(), 1, n).bytes(v))?;
    }
    for _ in 1..=100 {
        ensure!(publisher.next()?.ack(0x40, v)?.reason() < 0x80);
    }
    for n in 1..=100 {
        ensure!(reader.text()? == n.to_string());
    }
    Ok(())
}
