//! Sessions: what stays when a connection ends.

use anyhow::{Result, ensure};

use super::{BOTH, NEW, OLD, Test, fresh};
use crate::bytes::{Connect, Publish, id, packet};
use crate::client::Client;
use crate::link::Target;

pub const TESTS: &[Test] = &[
    Test {
        name: "a session is resumed with its subscriptions and messages",
        versions: BOTH,
        covers: &[
            "5:3.1.2-5",
            "5:3.1.2-23",
            "5:3.2.2-3",
            "4:3.1.2-4",
            "4:3.1.2-5",
            "4:3.2.2-2",
            "5:4.1.0-1",
            "4:4.1.0-1",
            "5:3.1.4-4",
            "4:3.1.4-3",
        ],
        run: resumed,
    },
    Test {
        name: "a clean start forgets",
        versions: BOTH,
        covers: &["5:3.1.2-4", "5:3.2.2-2", "4:3.1.2-6", "4:3.2.2-1"],
        run: clean,
    },
    Test {
        name: "without a session there is none to resume",
        versions: BOTH,
        covers: &["5:3.1.2-6", "4:3.2.2-3"],
        run: none,
    },
    Test {
        name: "a session without expiry ends with its connection",
        versions: NEW,
        covers: &["5:4.1.0-2"],
        run: ends,
    },
    Test { name: "a session expires", versions: NEW, covers: &["5:4.1.0-2"], run: expires },
    Test { name: "a clean session leaves nothing behind", versions: OLD, covers: &["4:4.1.0-2"], run: leaves_nothing },
    Test { name: "DISCONNECT may set the expiry", versions: NEW, covers: &[], run: set_by_goodbye },
    Test { name: "a resumed subscription needs no SUBSCRIBE", versions: BOTH, covers: &[], run: subscribed },
];

fn forget(t: &Target, v: u8, name: &str) -> Result<()> {
    Client::connect(t, v, name)?.leave()
}

fn resumed(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("resumed");
    let connect = Connect::lasting(v, &fresh("session"));
    let (mut client, answer) = Client::with(t, &connect)?;
    ensure!(!answer.session_present);
    client.subscribe(&topic, 2)?;
    client.leave()?;
    let mut publisher = Client::connect(t, v, &fresh("publisher"))?;
    for (n, qos) in [1, 2, 1, 2].into_iter().enumerate() {
        publisher.publish(&Publish::new(&topic, &n.to_string(), qos, 1))?;
    }
    let (mut client, answer) = Client::with(t, &connect)?;
    ensure!(answer.session_present, "the session was forgotten");
    for n in 0..4 {
        let message = client.message()?;
        ensure!(message.payload == n.to_string().as_bytes() && !message.dup, "{message:?} instead of {n}");
    }
    client.nothing()?;
    client.leave()?;
    forget(t, v, &connect.id)
}

fn clean(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("clean");
    let connect = Connect::lasting(v, &fresh("session"));
    let (mut client, _) = Client::with(t, &connect)?;
    client.subscribe(&topic, 1)?;
    client.leave()?;
    let (client, answer) = Client::with(t, &Connect { clean: true, ..connect.clone() })?;
    ensure!(!answer.session_present);
    client.leave()?;
    let (mut client, _) = Client::with(t, &connect)?;
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 1, 1))?;
    client.nothing()?;
    client.leave()?;
    forget(t, v, &connect.id)
}

fn none(t: &Target, v: u8) -> Result<()> {
    let (client, answer) = Client::with(t, &Connect { clean: false, ..Connect::new(v, &fresh("new")) })?;
    ensure!(!answer.session_present && answer.flags == 0);
    client.leave()
}

fn ends(t: &Target, v: u8) -> Result<()> {
    let connect = Connect { clean: false, ..Connect::new(v, &fresh("short")) };
    Client::with(t, &connect)?.0.leave()?;
    ensure!(!Client::with(t, &connect)?.1.session_present);
    Ok(())
}

fn expires(t: &Target, v: u8) -> Result<()> {
    let connect =
        Connect { properties: vec![id::SESSION_EXPIRY, 0, 0, 0, 1], ..Connect::lasting(v, &fresh("expires")) };
    Client::with(t, &connect)?.0.leave()?;
    let (client, answer) = Client::with(t, &connect)?;
    ensure!(answer.session_present, "gone within its second");
    client.leave()?;
    // The clock: a connection with a keep-alive of 2 s ends after 3 s.
    let (mut clock, _) = Client::with(t, &Connect { keep_alive: 2, ..Connect::new(v, &fresh("clock")) })?;
    clock.expect_end()?;
    ensure!(!Client::with(t, &connect)?.1.session_present, "still there after 3 s");
    Ok(())
}

fn leaves_nothing(t: &Target, v: u8) -> Result<()> {
    let name = fresh("clean");
    let mut client = Client::connect(t, v, &name)?;
    client.subscribe(&fresh("t"), 1)?;
    client.leave()?;
    let (client, answer) = Client::with(t, &Connect::lasting(v, &name))?;
    ensure!(!answer.session_present);
    client.leave()?;
    forget(t, v, &name)
}

fn set_by_goodbye(t: &Target, v: u8) -> Result<()> {
    let connect = Connect::lasting(v, &fresh("goodbye"));
    let (mut client, _) = Client::with(t, &connect)?;
    client.send(&packet(0xe0, &[0, 5, id::SESSION_EXPIRY, 0, 0, 0, 0]))?;
    client.expect_end()?;
    ensure!(!Client::with(t, &connect)?.1.session_present);
    forget(t, v, &connect.id)
}

fn subscribed(t: &Target, v: u8) -> Result<()> {
    let topic = fresh("kept");
    let connect = Connect::lasting(v, &fresh("session"));
    let (mut client, _) = Client::with(t, &connect)?;
    client.subscribe(&topic, 1)?;
    client.leave()?;
    let (mut client, _) = Client::with(t, &connect)?;
    Client::connect(t, v, &fresh("publisher"))?.publish(&Publish::new(&topic, "x", 1, 1))?;
    ensure!(client.text()? == "x");
    client.leave()?;
    forget(t, v, &connect.id)
}
