//! Running the exam: the named tests, then the raw sequences over every door.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail, ensure};

use crate::bytes::{Connect, PING};
use crate::cases::{self, fresh};
use crate::client::Client;
use crate::link::{Kind, Target};
use crate::raw::{self, Case, Expect};

/// Connections at a time: fewer than a broker may allow to be half open.
const SIDE_BY_SIDE: usize = 24;

pub struct Failure {
    pub name: String,
    pub why: String,
}

/// How many ran, and what failed.
#[derive(Default)]
pub struct Outcome {
    pub ran: usize,
    pub failures: Vec<Failure>,
}

pub fn named(target: &Target, only: &str) -> Outcome {
    let mut all = Vec::new();
    for test in cases::all() {
        for version in test.versions {
            let name = format!("{}: {}", if *version == 5 { "5.0" } else { "3.1.1" }, test.name);
            let possible = target.scram.is_some() || !test.name.starts_with(cases::auth::NEEDS_SCRAM);
            if possible && name.contains(only) {
                all.push((name, move |target: &Target| (test.run)(target, *version)));
            }
        }
    }
    side_by_side(&all, |(name, run)| (name.clone(), run(target)))
}

pub fn sequences(target: &Target, kind: Kind, only: &str) -> Outcome {
    let all: Vec<(String, Case)> = raw::cases()
        .into_iter()
        .map(|case| (format!("{kind:?} {}: {}", if case.version == 5 { "5.0" } else { "3.1.1" }, case.name), case))
        .filter(|(name, _)| name.contains(only))
        .collect();
    let mut outcome = side_by_side(&all, |(name, case)| (name.clone(), sequence(target, kind, case)));
    // Whatever came, everybody else is still served.
    outcome.ran += 1;
    if let Err(error) = healthy(target) {
        outcome.failures.push(Failure { name: format!("{kind:?}: a good client afterwards"), why: error.to_string() });
    }
    outcome
}

fn side_by_side<T: Sync>(all: &[T], run: impl Fn(&T) -> (String, Result<()>) + Sync) -> Outcome {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(all.len()) {
            scope.spawn(|| {
                while let Some(item) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let (name, Err(error)) = run(item)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(Failure { name, why: format!("{error:#}") });
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_default();
    failures.sort_by(|a, b| a.name.cmp(&b.name));
    Outcome { ran: all.len(), failures }
}

fn healthy(target: &Target) -> Result<()> {
    for version in [4, 5] {
        let topic = fresh("healthy");
        let mut client = Client::connect(target, version, &fresh("healthy"))?;
        client.subscribe(&topic, 1)?;
        client.publish(&crate::bytes::Publish::new(&topic, "x", 1, 1))?;
        ensure!(client.text()? == "x");
    }
    Ok(())
}

fn sequence(target: &Target, kind: Kind, case: &Case) -> Result<()> {
    let mut client = Client::over(target, kind, case.version)?;
    if case.connected {
        let answer = client.hello(&Connect::new(case.version, &fresh("raw")))?;
        ensure!(answer.reason == 0, "the connection was refused: {answer:?}");
    }
    // The broker may have closed before all was written.
    let written = client.send(&case.bytes).and_then(|()| match case.expect {
        Expect::Closed | Expect::Either => Ok(()),
        Expect::Served | Expect::Refused => client.send(&PING),
    });
    match case.expect {
        Expect::Either => Ok(()),
        Expect::Closed => ended(&mut client),
        Expect::Served => {
            written?;
            loop {
                match client.read()? {
                    Some(packet) if packet.first == 0xd0 => return Ok(()),
                    Some(packet) => refuses_nothing(&packet)?,
                    None => bail!("the connection was closed"),
                }
            }
        }
        Expect::Refused => loop {
            match client.read()? {
                None => return Ok(()),
                Some(packet) => match (packet.kind(), packet.body.last()) {
                    (9 | 4 | 5, Some(reason)) if *reason >= 0x80 => return Ok(()),
                    (14, _) => {}
                    _ => bail!("answered with {packet:02x?}"),
                },
            }
        },
    }
}

/// Nothing but refusals until the end.
fn ended(client: &mut Client) -> Result<()> {
    while let Some(packet) = client.read()? {
        match packet.kind() {
            2 => ensure!(packet.body.get(1).is_some_and(|reason| *reason != 0), "accepted: {packet:02x?}"),
            14 => {}
            _ => bail!("answered with {packet:02x?}"),
        }
    }
    Ok(())
}

fn refuses_nothing(packet: &crate::client::Packet) -> Result<()> {
    let refused = match packet.kind() {
        2 => packet.body.get(1).is_some_and(|reason| *reason != 0),
        9 => packet.body.last().is_some_and(|reason| *reason >= 0x80),
        14 => true,
        _ => false,
    };
    ensure!(!refused, "refused with {packet:02x?}");
    Ok(())
}
