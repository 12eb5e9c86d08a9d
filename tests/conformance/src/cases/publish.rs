//! PUBLISH: properties, aliases, matching, order.

use anyhow::{Result, ensure};

use super::{BOTH, NEW, Test, fresh};
use crate::bytes::{self, Connect, Publish, id, text, two, user_property};
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "a publication reaches exactly those whose filters match",
        versions: BOTH,
        covers: &[
            "5:3.3.2-3",
            "4:3.3.2-3",
            "5:4.7.1-1",
            "5:4.7.1-2",
            "4:4.7.1-2",
            "4:4.7.1-3",
            "5:4.7.3-4",
            "4:4.7.3-4",
            "5:3.3.2-1",
            "4:3.3.2-1",
        ],
        run: matching,
    },
    Test {
        name: "topics that begin with $ are not matched by a leading wildcard",
        versions: BOTH,
        covers: &["5:4.7.2-1", "4:4.7.2-1"],
        run: dollar,
    },
    Test {
        name: "a wildcard in a topic name is an error",
        versions: BOTH,
        covers: &["5:3.3.2-2", "4:3.3.2-2", "5:4.7.0-1", "4:4.7.1-1"],
        run: wildcard,
    },
    Test {
        name: "properties of a publication pass unaltered and in order",
        versions: NEW,
        covers: &["5:3.3.2-4", "5:3.3.2-15", "5:3.3.2-16", "5:3.3.2-17", "5:3.3.2-18", "5:3.3.2-20"],
        run: properties,
    },
    Test { name: "a message expires", versions: NEW, covers: &["5:3.3.2-5", "5:3.3.2-6"], run: expiry },
    Test {
        name: "an alias stands for its topic and goes no further",
        versions: NEW,
        covers: &["5:3.3.2-7", "5:3.3.2-8", "5:3.3.2-10"],
        run: alias,
    },
    Test {
        name: "no alias is sent to a client that takes none",
        versions: NEW,
        covers: &["5:3.1.2-27"],
        run: no_alias,
    },
    Test {
        name: "aliases stay within what the client takes",
        versions: NEW,
        covers: &["5:3.1.2-26", "5:3.3.2-11"],
        run: few_aliases,
    },
    Test {
        name: "a subscription identifier from a client is an error",
        versions: NEW,
        covers: &["5:3.3.4-6"],
        run: identifier_of_a_client,
    },
    Test {
        name: "a wildcard in a response topic is an error",
        versions: NEW,
        covers: &["5:3.3.2-14"],
        run: response_topic,
    },
    Test {
        name: "the DUP flag of a publisher is not passed on",
        versions: BOTH,
        covers: &["5:3.3.1-3", "4:3.3.1-3", "5:3.3.1-2", "4:3.3.1-2"],
        run: dup,
    },
    Test {
        name: "messages keep their order",
        versions: BOTH,
        covers: &["5:4.6.0-5", "5:4.6.0-6", "4:4.6.0-5", "4:4.6.0-6", "5:4.2.0-1"],
        run: order,
    },
    Test { name: "long topics and large payloads", versions: BOTH, covers: &["5:4.7.3-3", "4:4.7.3-3"], run: large },
    Test {
        name: "a receiver answers as the QoS demands",
        versions: BOTH,
        covers: &["5:3.3.4-1", "4:3.3.4-1", "5:4.3.1-1", "4:4.3.1-1", "5:2.2.1-5", "4:2.3.1-6"],
        run: answers,
    },
];

fn matching(t: &Target, v: u8) -> Result<()> {
    let root = fresh("m");
    let topics = ["a", "a/b", "a/b/c", "a/", "/a", "A/b", "a/bb", "a//b", "é", " a"];
    let filters: [(&str, &[usize]); 11] = [
        ("a", &[0]),
        ("a/b", &[1]),
        ("+/b", &[1, 5]),
        ("a/+", &[1, 3, 6]),
        ("a/#", &[0, 1, 2, 3, 6, 7]),
        ("#", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("+/+", &[1, 3, 4, 5, 6]),
        ("+/+/+", &[2, 7]),
        ("/a", &[4]),
        ("/+", &[4]),
        ("a//b", &[7]),
    ];
    for (filter, expected) in filters {
        let mut reader = Client::connect(t, v, &fresh("reader"))?;
        reader.subscribe(&format!("{root}/{filter}"), 0)?;
        let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
        for topic in topics {
            publisher.publish(&Publish::new(&format!("{root}/{topic}"), topic, 1, 7))?;
        }
        for at in expected {
            let message = reader.message()?;
            let wanted = topics.get(*at).copied().unwrap_or_default();
            ensure!(
                message.topic == format!("{root}/{wanted}"),
                "{filter} got {:?} instead of {wanted:?}",
                message.topic
            );
        }
        reader.nothing()?;
    }
    Ok(())
}

fn dollar(t: &Target, v: u8) -> Result<()> {
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe("#", 0)?;
    reader.subscribe("+/broker/version", 0)?;
    let last = fresh("last");
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(&last, "x", 1, 1))?;
    loop {
        let message = reader.message()?;
        ensure!(!message.topic.starts_with('$'), "{} came by a wildcard", message.topic);
        if message.topic == last {
            return Ok(());
        }
    }
}

fn wildcard(t: &Target, v: u8) -> Result<()> {
    for topic in ["+", "#", "a/+", "a/#", "a+", "+a/b"] {
        let mut client = Client::connect(t, v, &fresh("wild"))?;
        client.send(&Publish::new(topic, "x", 0, 0).bytes(v))?;
        client.expect_end()?;
    }
    Ok(())
}

fn properties(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("props");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 1)?;
    let correlation = b"\x00\xff\x01".as_slice();
    let sent = [
        vec![id::PAYLOAD_FORMAT, 1],
        [vec![id::CONTENT_TYPE], text("text/é")].concat(),
        [vec![id::RESPONSE_TOPIC], text("answer/here")].concat(),
        [vec![id::CORRELATION_DATA], text(correlation)].concat(),
        user_property("b", "1"),
        user_property("a", "2"),
        user_property("b", "3"),
        user_property("", ""),
    ]
    .concat();
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    publisher.publish(&Publish::new(&topic, "x", 1, 1).with(&sent))?;
    let message = reader.message()?;
    ensure!(message.property(id::PAYLOAD_FORMAT) == Some([1].as_slice()));
    ensure!(message.property(id::CONTENT_TYPE) == Some(text("text/é").as_slice()));
    ensure!(message.property(id::RESPONSE_TOPIC) == Some(text("answer/here").as_slice()));
    ensure!(message.property(id::CORRELATION_DATA) == Some(text(correlation).as_slice()));
    let pairs: Vec<_> =
        message.properties.iter().filter(|(id, _)| *id == id::USER_PROPERTY).map(|(_, pair)| pair.clone()).collect();
    let pair = |key: &str, value: &str| [text(key), text(value)].concat();
    ensure!(pairs == [pair("b", "1"), pair("a", "2"), pair("b", "3"), pair("", "")], "{pairs:?}");
    ensure!(message.properties.len() == 8, "the broker added properties: {:?}", message.properties);
    Ok(())
}

fn expiry(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("expiry");
    let connect = Connect::lasting(v, &fresh("reader"));
    let (mut reader, _) = Client::with(t, &connect)?;
    reader.subscribe(&topic, 1)?;
    reader.leave()?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for (payload, secs) in [("short", 1), ("long", 100)] {
        let property = [vec![id::MESSAGE_EXPIRY], u32::to_be_bytes(secs).to_vec()].concat();
        publisher.publish(&Publish::new(&topic, payload, 1, 1).with(&property))?;
    }
    // A connection with a keep-alive of 2 s is the clock: it ends after 3 s.
    let (mut clock, _) = Client::with(t, &Connect { keep_alive: 2, ..Connect::new(v, &fresh("clock")) })?;
    clock.expect_end()?;
    let (mut reader, _) = Client::with(t, &connect)?;
    let message = reader.message()?;
    ensure!(message.payload == b"long", "{message:?} should have expired");
    let left = message.property(id::MESSAGE_EXPIRY).and_then(|left| left.try_into().ok()).map(u32::from_be_bytes);
    ensure!(left.is_some_and(|left| (90..=98).contains(&left)), "{left:?} of 100 s left after 3 s");
    reader.leave()
}

fn alias(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("alias");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&format!("{topic}/#"), 0)?;
    let (mut publisher, answer) = Client::with(t, &Connect::new(v, &fresh("publisher")))?;
    let maximum =
        answer.property(id::ALIAS_MAXIMUM).and_then(|most| most.try_into().ok()).map_or(0, u16::from_be_bytes);
    for alias in [1, maximum].into_iter().filter(|alias| *alias <= maximum && maximum > 0) {
        let property = [&[id::ALIAS][..], &two(alias)].concat();
        let name = format!("{topic}/{alias}");
        publisher.publish(&Publish::new(&name, "named", 0, 0).with(&property))?;
        publisher.publish(&Publish::new("", "by alias", 0, 0).with(&property))?;
        for payload in ["named", "by alias"] {
            let message = reader.message()?;
            ensure!(message.topic == name && message.payload == payload.as_bytes(), "{message:?}");
            ensure!(message.property(id::ALIAS).is_none(), "the alias was passed on");
        }
    }
    // An alias of 0, one above the maximum, one that was never set.
    for (topic, alias) in [("t", 0), ("t", maximum.saturating_add(1)), ("", maximum.min(2))] {
        let mut client = Client::connect(t, v, &fresh("bad"))?;
        client.send(&Publish::new(topic, "x", 0, 0).with(&[&[id::ALIAS][..], &two(alias)].concat()).bytes(v))?;
        client.expect_end()?;
    }
    Ok(())
}

fn no_alias(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("no-alias");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 0)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for _ in 0..5 {
        publisher.publish(&Publish::new(&topic, "x", 0, 0))?;
        ensure!(reader.message()?.property(id::ALIAS).is_none());
    }
    Ok(())
}

fn few_aliases(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("aliases");
    let properties = [&[id::ALIAS_MAXIMUM][..], &two(2)].concat();
    let (mut reader, _) = Client::with(t, &Connect { properties, ..Connect::new(v, &fresh("reader")) })?;
    reader.subscribe(&format!("{topic}/#"), 0)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    let mut names = std::collections::HashMap::new();
    for n in [1, 2, 3, 4, 1, 2, 3, 4, 4] {
        let name = format!("{topic}/{n}");
        publisher.publish(&Publish::new(&name, "x", 0, 0))?;
        let message = reader.message()?;
        let alias = message.property(id::ALIAS).map(<[u8]>::to_vec);
        if let Some(alias) = &alias {
            ensure!(matches!(alias.as_slice(), [0, 1 | 2]), "alias {alias:?} of 2");
            if !message.topic.is_empty() {
                names.insert(alias.clone(), message.topic.clone());
            }
        }
        let meant = if message.topic.is_empty() {
            alias.and_then(|alias| names.get(&alias).cloned())
        } else {
            Some(message.topic)
        };
        ensure!(meant.as_deref() == Some(&name), "{meant:?} instead of {name}");
    }
    Ok(())
}

fn identifier_of_a_client(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("id"))?;
    client.send(&Publish::new("t", "x", 0, 0).with(&[id::SUBSCRIPTION_ID, 1]).bytes(v))?;
    client.expect_end().map(drop)
}

fn response_topic(t: &Target, v: u8) -> Result<()> {
    let mut client = Client::connect(t, v, &fresh("response"))?;
    let property = [vec![id::RESPONSE_TOPIC], text("a/+")].concat();
    client.send(&Publish::new("t", "x", 0, 0).with(&property).bytes(v))?;
    client.expect_end().map(drop)
}

fn dup(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("dup");
    let mut reader = Client::connect(t, v, &fresh("reader"))?;
    reader.subscribe(&topic, 2)?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for qos in [1, 2] {
        publisher.publish(&Publish { dup: true, ..Publish::new(&topic, "x", qos, 3) })?;
        let message = reader.message()?;
        ensure!(!message.dup && message.qos == qos, "{message:?}");
    }
    publisher.publish(&Publish::new(&topic, "x", 0, 0))?;
    ensure!(!reader.message()?.dup);
    Ok(())
}

fn order(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("order");
    for qos in 0..=2 {
        let mut reader = Client::connect(t, v, &fresh("reader"))?;
        reader.subscribe(&topic, qos)?;
        let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
        for n in 0..30u16 {
            publisher.publish(&Publish::new(&topic, &n.to_string(), qos, n + 1))?;
        }
        for n in 0..30 {
            let text = reader.text()?;
            ensure!(text == n.to_string(), "{text} instead of {n} with QoS {qos}");
        }
    }
    Ok(())
}

fn large(t: &Target, v: u8) -> Result<()> {
    let topic = format!("{}/{}", fresh("long"), "é".repeat(1500));
    let payload = "payload ".repeat(20_000);
    let mut client = Client::connect(t, v, &fresh("large"))?;
    client.subscribe(&topic, 1)?;
    client.send(&Publish::new(&topic, &payload, 1, 1).bytes(v))?;
    client.answer()?.ack(0x40, v)?;
    let message = client.message()?;
    ensure!(message.topic == topic && message.payload == payload.as_bytes());
    Ok(())
}

fn answers(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("answers");
    let mut client = Client::connect(t, v, &fresh("client"))?;
    client.send(&Publish::new(&topic, "x", 0, 0).bytes(v))?;
    client.nothing()?;
    ensure!(client.publish(&Publish::new(&topic, "x", 1, 65_535))? < 0x80);
    client.send(&Publish::new(&topic, "x", 2, 1).bytes(v))?;
    let received = client.next()?.ack(0x50, v)?;
    ensure!(received.id == 1 && received.reason() < 0x80, "{received:?}");
    client.send(&bytes::ack(0x62, 1))?;
    ensure!(client.next()?.ack(0x70, v)?.id == 1);
    client.nothing()
}
