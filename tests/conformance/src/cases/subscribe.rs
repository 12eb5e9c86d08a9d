//! SUBSCRIBE and UNSUBSCRIBE.

use anyhow::{Result, ensure};

use super::{BOTH, NEW, OLD, Test, fresh};
use crate::bytes::{self, Publish, id, packet, text};
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "SUBACK answers each filter in order",
        versions: BOTH,
        covers: &[
            "5:3.8.4-1",
            "5:3.8.4-2",
            "5:3.8.4-5",
            "5:3.8.4-6",
            "5:3.8.4-7",
            "5:3.9.3-1",
            "5:3.9.3-2",
            "5:2.2.1-6",
            "4:3.8.4-1",
            "4:3.8.4-2",
            "4:3.8.4-4",
            "4:3.8.4-5",
            "4:3.9.3-1",
            "4:3.9.3-2",
            "4:2.3.1-7",
        ],
        run: each,
    },
    Test {
        name: "an equal filter replaces the subscription",
        versions: BOTH,
        covers: &["5:3.8.4-3", "4:3.8.4-3"],
        run: replaced,
    },
    Test {
        name: "overlapping subscriptions deliver at the highest QoS",
        versions: BOTH,
        covers: &["5:3.3.4-2", "4:3.3.5-1"],
        run: overlapping,
    },
    Test {
        name: "subscription identifiers come with each message",
        versions: NEW,
        covers: &["5:3.3.4-3", "5:3.3.4-4", "5:3.3.4-5"],
        run: identifiers,
    },
    Test { name: "no local keeps a client's own messages away", versions: NEW, covers: &["5:3.8.3-3"], run: no_local },
    Test {
        name: "a SUBSCRIBE without filters is an error",
        versions: BOTH,
        covers: &["5:3.8.3-2", "4:3.8.3-3"],
        run: no_filters,
    },
    Test {
        name: "reserved bits of the options are an error",
        versions: BOTH,
        covers: &["5:3.8.3-5", "4:3.8.3-4"],
        run: reserved,
    },
    Test {
        name: "an illegal filter is never granted",
        versions: BOTH,
        covers: &["5:4.7.3-1", "4:4.7.3-1"],
        run: illegal,
    },
    Test {
        name: "UNSUBSCRIBE ends exactly the filter it names",
        versions: BOTH,
        covers: &[
            "5:3.10.4-1",
            "5:3.10.4-2",
            "5:3.10.4-4",
            "5:3.10.4-5",
            "5:3.10.4-6",
            "5:3.11.3-1",
            "5:3.11.3-2",
            "4:3.10.4-1",
            "4:3.10.4-2",
            "4:3.10.4-4",
            "4:3.10.4-5",
            "4:3.10.4-6",
        ],
        run: unsubscribed,
    },
    Test {
        name: "what was in flight is finished after UNSUBSCRIBE",
        versions: BOTH,
        covers: &["5:3.10.4-3", "4:3.10.4-3"],
        run: in_flight,
    },
    Test {
        name: "an UNSUBSCRIBE without filters is an error",
        versions: BOTH,
        covers: &["5:3.10.3-2", "4:3.10.3-2"],
        run: no_names,
    },
    Test { name: "a filter of the old version has no options", versions: OLD, covers: &[], run: old_options },
];

fn each(t: &Target, v: u8) -> Result<()> {
    let root = fresh("each");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    let names: Vec<String> = (0..6).map(|n| format!("{root}/{n}")).collect();
    let filters: Vec<(&str, u8)> =
        names.iter().zip([0, 1, 2, 2, 1, 0]).map(|(name, qos)| (name.as_str(), qos)).collect();
    client.send(&bytes::subscribe(v, 65_535, &[], &filters))?;
    let answer = client.next()?.list(0x90, v)?;
    ensure!(answer.id == 65_535 && answer.reasons == [0, 1, 2, 2, 1, 0], "{answer:?}");
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for name in &names {
        publisher.publish(&Publish::new(name, "x", 2, 1))?;
        ensure!(client.message()?.topic == *name);
    }
    Ok(())
}

fn replaced(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("replaced");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    for qos in [2, 0, 1] {
        ensure!(client.subscribe(&topic, qos)? == qos);
    }
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 2, 1))?;
    ensure!(client.message()?.qos == 1);
    client.nothing()
}

fn overlapping(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("over");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    for (filter, qos) in [(format!("{topic}/#"), 0), (format!("{topic}/+"), 2), (format!("{topic}/a"), 1)] {
        client.subscribe(&filter, qos)?;
    }
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&format!("{topic}/a"), "x", 2, 1))?;
    // One copy, or one for each subscription: the highest QoS is among them.
    let mut highest = 0;
    client.send(&bytes::PING)?;
    while let Some(packet) = client.read()?.filter(|packet| packet.first != 0xd0) {
        highest = highest.max(packet.message(v)?.qos);
    }
    ensure!(highest == 2, "the highest was {highest}");
    Ok(())
}

fn identifiers(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("ids");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.subscribe_with(&format!("{topic}/#"), 0, &[id::SUBSCRIPTION_ID, 7])?;
    client.subscribe_with(&format!("{topic}/+"), 0, &[id::SUBSCRIPTION_ID, 0xff, 0xff, 0xff, 0x7f])?;
    client.subscribe(&format!("{topic}/a/b"), 0)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(&format!("{topic}/a"), "x", 0, 0))?;
    publisher.publish(&Publish::new(&format!("{topic}/a/b"), "end", 0, 0))?;
    let mut ids = Vec::new();
    let mut last = Vec::new();
    loop {
        let message = client.message()?;
        let own = message
            .properties
            .iter()
            .filter(|(property, _)| *property == id::SUBSCRIPTION_ID)
            .map(|(_, id)| id.clone());
        if message.payload == b"end" {
            last.extend(own);
            break;
        }
        ids.extend(own);
    }
    ids.sort();
    ensure!(ids == [vec![7], vec![0xff, 0xff, 0xff, 0x7f]], "{ids:?}");
    // Of the two that match here one has an identifier; copies may come one by one.
    ensure!(last.iter().all(|id| *id == [7]), "{last:?}");
    Ok(())
}

fn no_local(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("local");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.subscribe(&topic, 0x04)?;
    client.publish(&Publish::new(&topic, "own", 0, 0))?;
    client.nothing()?;
    Client::connect(t, v, &fresh("other"))?.publish(&Publish::new(&topic, "other", 0, 0))?;
    ensure!(client.text()? == "other");
    Ok(())
}

fn no_filters(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("none"))?;
    client.send(&bytes::subscribe(v, 1, &[], &[]))?;
    client.expect_end().map(drop)
}

fn reserved(t: &Target, v: u8) -> Result<()> {
    for options in [0x03, 0x40, 0x80, 0xc0] {
        let mut client = Client::connect(t, v, &fresh("reserved"))?;
        client.send(&bytes::subscribe(v, 1, &[], &[("t", options)]))?;
        client.expect_end()?;
    }
    Ok(())
}

fn illegal(t: &Target, v: u8) -> Result<()> {
    for filter in ["", "a/#/b", "a#", "#a", "a+", "+a", "a/b+/c"] {
        let mut client = Client::connect(t, v, &fresh("illegal"))?;
        client.send(&bytes::subscribe(v, 1, &[], &[(filter, 0)]))?;
        while let Some(packet) = client.read()? {
            if packet.first == 0x90 {
                ensure!(packet.list(0x90, v)?.reason() >= 0x80, "{filter:?} was granted");
                break;
            }
        }
    }
    Ok(())
}

fn unsubscribed(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("ended");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.subscribe(&format!("{topic}/+"), 0)?;
    client.subscribe(&format!("{topic}/a"), 0)?;
    client.subscribe(&format!("{topic}/b"), 0)?;
    // Not the same text: it ends nothing.
    let answer = client.unsubscribe(&format!("{topic}/c"))?;
    ensure!(v == 4 || answer.reasons == [0x11], "{answer:?}");
    client.send(&bytes::unsubscribe(v, 99, &[&format!("{topic}/+"), "nothing", &format!("{topic}/b")]))?;
    let answer = client.next()?.list(0xb0, v)?;
    ensure!(answer.id == 99 && (v == 4 && answer.reasons.is_empty() || answer.reasons == [0, 0x11, 0]), "{answer:?}");
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for name in ["b", "c", "a"] {
        publisher.publish(&Publish::new(&format!("{topic}/{name}"), name, 0, 0))?;
    }
    ensure!(client.text()? == "a");
    client.nothing()
}

fn in_flight(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("flight");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.subscribe(&topic, 2)?;
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 2, 1))?;
    let message = client.raw_message()?;
    client.unsubscribe(&topic)?;
    client.send(&bytes::ack(0x50, message.id))?;
    ensure!(client.next()?.ack(0x62, v)?.id == message.id);
    client.send(&bytes::ack(0x70, message.id))?;
    client.nothing()
}

fn no_names(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("none"))?;
    client.send(&bytes::unsubscribe(v, 1, &[]))?;
    client.expect_end().map(drop)
}

fn old_options(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("old"))?;
    client.send(&packet(0x82, &[vec![0, 1], text("t"), vec![0x04]].concat()))?;
    client.expect_end().map(drop)
}
