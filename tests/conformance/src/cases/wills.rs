//! Will messages.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{BOTH, NEW, Test, fresh};
use crate::bytes::{Connect, Publish, Will, id, packet, text, user_property};
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "a will is sent when the connection breaks",
        versions: BOTH,
        covers: &["5:3.1.2-7", "5:3.1.2-8", "5:3.1.2-9", "4:3.1.2-8", "4:3.1.2-9"],
        run: sent,
    },
    Test {
        name: "a will is not sent after DISCONNECT",
        versions: BOTH,
        covers: &["5:3.1.2-10", "5:3.14.4-3", "4:3.1.2-10", "4:3.14.4-3", "4:3.1.2-12"],
        run: not_sent,
    },
    Test {
        name: "a will has its QoS and is retained if it says so",
        versions: BOTH,
        covers: &["5:3.1.2-14", "5:3.1.2-15", "4:3.1.2-16", "4:3.1.2-17"],
        run: shape,
    },
    Test {
        name: "will flags without a will, and QoS 3, are errors",
        versions: BOTH,
        covers: &["5:3.1.2-11", "5:3.1.2-12", "5:3.1.2-13", "4:3.1.2-11", "4:3.1.2-13", "4:3.1.2-14", "4:3.1.2-15"],
        run: flags,
    },
    Test { name: "DISCONNECT with will sends it", versions: NEW, covers: &[], run: with_will },
    Test { name: "a delayed will is called off by a return", versions: NEW, covers: &["5:3.1.3-9"], run: called_off },
    Test { name: "a delayed will comes after its delay", versions: NEW, covers: &[], run: delayed },
    Test { name: "a will keeps its properties", versions: NEW, covers: &["5:3.1.3-10"], run: properties },
    Test { name: "a taken over client leaves its will", versions: BOTH, covers: &[], run: taken_over },
];

fn watcher(t: &Target, v: u8, topic: &str) -> Result<Client> {
    let mut watcher = Client::connect(t, v, &fresh("watcher"))?;
    watcher.subscribe(topic, 2)?;
    Ok(watcher)
}

fn dying(t: &Target, v: u8, will: Will) -> Result<Client> {
    Ok(Client::with(t, &Connect { will: Some(will), ..Connect::new(v, &fresh("dying")) })?.0)
}

fn sent(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    drop(dying(t, v, Will::new(&topic, "gone"))?);
    ensure!(watcher.text()? == "gone");
    // A protocol error is no goodbye either.
    let mut client = dying(t, v, Will::new(&topic, "thrown out"))?;
    client.send(&[0xf7, 0])?;
    client.expect_end()?;
    ensure!(watcher.text()? == "thrown out");
    Ok(())
}

fn not_sent(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    dying(t, v, Will::new(&topic, "gone"))?.leave()?;
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "after", 1, 1))?;
    ensure!(watcher.text()? == "after");
    Ok(())
}

fn shape(t: &Target, v: u8) -> Result<()> {
    for (qos, retain) in [(0, false), (1, true), (2, false), (2, true)] {
        let topic = fresh("will");
        let mut watcher = watcher(t, v, &topic)?;
        drop(dying(t, v, Will { qos, retain, ..Will::new(&topic, "") })?);
        drop(dying(t, v, Will { qos, retain, ..Will::new(&topic, "gone") })?);
        while watcher.message()?.payload != b"gone" {}
        let mut late = Client::connect(t, v, &fresh("late"))?;
        late.subscribe(&topic, 2)?;
        if retain {
            let message = late.message()?;
            ensure!(message.retain && message.qos == qos, "{message:?}");
            Client::connect(t, v, &fresh("clear"))?.publish(&Publish::new(&topic, "", 1, 1).retained())?;
        } else {
            late.nothing()?;
        }
    }
    Ok(())
}

fn flags(t: &Target, v: u8) -> Result<()> {
    for flags in [0x02 | 0x08, 0x02 | 0x10, 0x02 | 0x20, 0x02 | 0x04 | 0x18] {
        let mut client = Client::open(t, v)?;
        let will = if flags & 4 != 0 { Some(Will::new("t", "x")) } else { None };
        let mut connect = Connect { will, ..Connect::new(v, &fresh("flags")) }.bytes();
        if let Some(byte) = connect.get_mut(9) {
            *byte = flags;
        }
        client.send(&connect)?;
        while let Some(packet) = client.read()? {
            ensure!(
                packet.first == 0x20 && packet.body.get(1).is_some_and(|reason| *reason != 0),
                "{flags:#x}: {packet:02x?}"
            );
        }
    }
    Ok(())
}

fn with_will(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    let mut client = dying(t, v, Will::new(&topic, "said"))?;
    client.send(&packet(0xe0, &[4]))?;
    ensure!(watcher.text()? == "said");
    Ok(())
}

fn delay(topic: &str, payload: &str, secs: u8) -> Will {
    Will { properties: vec![id::WILL_DELAY, 0, 0, 0, secs], ..Will::new(topic, payload) }
}

fn called_off(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    let connect = Connect { will: Some(delay(&topic, "gone", 2)), ..Connect::lasting(v, &fresh("returns")) };
    drop(Client::with(t, &connect)?.0);
    let (client, answer) = Client::with(t, &Connect { will: None, ..connect.clone() })?;
    ensure!(answer.session_present);
    // The clock: a connection with a keep-alive of 2 s ends after 3 s.
    let (mut clock, _) = Client::with(t, &Connect { keep_alive: 2, ..Connect::new(v, &fresh("clock")) })?;
    clock.expect_end()?;
    watcher.nothing()?;
    drop(client);
    Client::connect(t, v, &connect.id)?.leave()
}

fn delayed(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    let began = Instant::now();
    let connect = Connect { will: Some(delay(&topic, "gone", 1)), ..Connect::lasting(v, &fresh("late")) };
    drop(Client::with(t, &connect)?.0);
    ensure!(watcher.text()? == "gone");
    ensure!(began.elapsed().as_millis() >= 1000, "after {} ms", began.elapsed().as_millis());
    Client::connect(t, v, &connect.id)?.leave()
}

fn properties(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    let properties = [
        vec![id::CONTENT_TYPE],
        text("words"),
        user_property("b", "1"),
        user_property("a", "2"),
        user_property("b", "0"),
    ]
    .concat();
    drop(dying(t, v, Will { properties, ..Will::new(&topic, "gone") })?);
    let message = watcher.message()?;
    ensure!(message.property(id::CONTENT_TYPE) == Some(text("words").as_slice()));
    let keys: Vec<_> = message
        .properties
        .iter()
        .filter(|(id, _)| *id == id::USER_PROPERTY)
        .filter_map(|(_, pair)| pair.get(2).copied())
        .collect();
    ensure!(keys == *b"bab", "{keys:?}");
    ensure!(message.property(id::WILL_DELAY).is_none());
    Ok(())
}

fn taken_over(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("will");
    let mut watcher = watcher(t, v, &topic)?;
    let name = fresh("taken");
    let (_old, _) = Client::with(t, &Connect { will: Some(Will::new(&topic, "old")), ..Connect::new(v, &name) })?;
    let mut new = Client::connect(t, v, &name)?;
    new.nothing()?;
    ensure!(watcher.text()? == "old");
    Ok(())
}
