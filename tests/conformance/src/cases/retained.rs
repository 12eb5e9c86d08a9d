//! Retained messages.

use anyhow::{Result, ensure};

use super::{BOTH, NEW, OLD, Test, fresh};
use crate::bytes::Publish;
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "the last retained message is sent to a new subscription",
        versions: BOTH,
        covers: &["5:3.3.1-5", "4:3.3.1-5", "4:3.3.1-6", "4:3.3.1-7", "4:3.3.1-8", "5:3.3.1-9"],
        run: last,
    },
    Test {
        name: "an empty retained message removes and is not kept",
        versions: BOTH,
        covers: &["5:3.3.1-6", "5:3.3.1-7", "4:3.3.1-10", "4:3.3.1-11"],
        run: emptied,
    },
    Test {
        name: "without the flag nothing is kept, replaced or removed",
        versions: BOTH,
        covers: &["5:3.3.1-8", "4:3.3.1-12"],
        run: without_flag,
    },
    Test {
        name: "those who are subscribed get it without the flag",
        versions: BOTH,
        covers: &["5:3.3.1-12", "4:3.3.1-9"],
        run: live,
    },
    Test { name: "retain as published keeps the flag", versions: NEW, covers: &["5:3.3.1-13"], run: as_published },
    Test {
        name: "retain handling decides",
        versions: NEW,
        covers: &["5:3.3.1-10", "5:3.3.1-11", "5:3.8.4-4"],
        run: handling,
    },
    Test {
        name: "a repeated subscription gets retained messages again",
        versions: OLD,
        covers: &["4:3.8.4-3"],
        run: repeated,
    },
    Test {
        name: "retained messages are no part of a session",
        versions: BOTH,
        covers: &["4:3.1.2-7"],
        run: no_session,
    },
    Test { name: "retained messages keep their QoS up to what is granted", versions: BOTH, covers: &[], run: qos },
];

fn keep(t: &Target, v: u8, topic: &str, payload: &str, qos: u8) -> Result<()> {
    Client::connect(t, v, &fresh("keeper"))?.publish(&Publish::new(topic, payload, qos, 1).retained()).map(drop)
}

fn clear(t: &Target, v: u8, topic: &str) -> Result<()> {
    keep(t, v, topic, "", 1)
}

fn last(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("kept");
    for (payload, qos) in [("one", 1), ("two", 0), ("three", 2)] {
        keep(t, v, &topic, payload, qos)?;
    }
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 2)?;
    let message = reader.message()?;
    ensure!(message.payload == b"three" && message.retain && !message.dup, "{message:?}");
    reader.nothing()?;
    clear(t, v, &topic)
}

fn emptied(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("emptied");
    keep(t, v, &topic, "x", 1)?;
    clear(t, v, &topic)?;
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    reader.nothing()?;
    // Those who are subscribed get the empty message as any other.
    clear(t, v, &topic)?;
    ensure!(reader.message()?.payload.is_empty());
    Ok(())
}

fn without_flag(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("flagless");
    keep(t, v, &topic, "kept", 1)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(&topic, "passing", 1, 1))?;
    publisher.publish(&Publish::new(&topic, "", 1, 2))?;
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    ensure!(reader.text()? == "kept");
    reader.nothing()?;
    clear(t, v, &topic)
}

fn live(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("live");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    keep(t, v, &topic, "x", 1)?;
    ensure!(!reader.message()?.retain);
    clear(t, v, &topic)
}

fn as_published(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("published");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 0x08)?;
    keep(t, v, &topic, "kept", 1)?;
    ensure!(reader.message()?.retain);
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "passing", 0, 0))?;
    ensure!(!reader.message()?.retain);
    clear(t, v, &topic)
}

fn handling(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("handling");
    keep(t, v, &topic, "x", 1)?;
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    // 2: never.
    reader.subscribe(&topic, 0x20)?;
    reader.nothing()?;
    // 1: only for a new subscription.
    reader.subscribe(&topic, 0x10)?;
    reader.nothing()?;
    reader.unsubscribe(&topic)?;
    reader.subscribe(&topic, 0x10)?;
    ensure!(reader.message()?.retain);
    // 0: always.
    for _ in 0..2 {
        reader.subscribe(&topic, 0)?;
        ensure!(reader.message()?.retain);
    }
    clear(t, v, &topic)
}

fn repeated(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("repeated");
    keep(t, v, &topic, "x", 1)?;
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    for qos in [0, 1] {
        reader.subscribe(&topic, qos)?;
        let message = reader.message()?;
        ensure!(message.retain && message.qos == qos, "{message:?}");
    }
    // Replaced, not added: one copy of what comes.
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "once", 1, 1))?;
    ensure!(reader.text()? == "once");
    reader.nothing()?;
    clear(t, v, &topic)
}

fn no_session(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("own");
    keep(t, v, &topic, "stays", 1)?;
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 0)?;
    ensure!(reader.text()? == "stays");
    clear(t, v, &topic)
}

fn qos(t: &Target, v: u8) -> Result<()> {
    for (sent, granted) in [(0, 2), (1, 1), (2, 1), (2, 2)] {
        let topic = fresh("qos");
        keep(t, v, &topic, "x", sent)?;
        let mut reader = Client::connect(t, v, &fresh("reader"))?;
        reader.subscribe(&topic, granted)?;
        ensure!(reader.message()?.qos == sent.min(granted));
        clear(t, v, &topic)?;
    }
    Ok(())
}
