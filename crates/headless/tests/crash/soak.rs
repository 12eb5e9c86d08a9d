//! Clients that come, publish, subscribe and go, for as long as it takes to see whether anything
//! grows: 10 minutes in the long form, some seconds in the short one.

use std::time::{Duration, Instant};

use mqtt::{Packet, QoS};

use crate::lab::{Client, Lab, ack, publication};

const CLIENTS: usize = 200;

/// Resident memory in KiB and open file descriptors.
fn used(pid: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (kib, std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
}

/// One client's life: some messages, some of its own back, and the end, polite or not.
fn live(lab: &Lab, number: usize, round: u32) {
    let id = format!("soak{number}");
    let (mut client, _) = match round % 3 {
        0 => Client::connect(lab.addr, &id),
        _ => Client::connect_for_now(lab.addr, &id),
    };
    let topic = format!("soak/{}/{number}", round % 7);
    client.put_subscribe(&[&topic]);
    for n in 1..=5u16 {
        let qos = if n % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        client.put(&publication(&topic, format!("round {round}"), qos, n, false));
    }
    client.flush();
    let (mut got, mut done) = (0, 0);
    while got < 5 || done < 5 {
        match client.next().expect("the broker is gone") {
            Packet::Publish(message) => {
                // What an earlier life left unfinished comes too.
                got += u32::from(message.payload == format!("round {round}"));
                let id = message.packet_id.unwrap();
                client.put(&if message.qos == QoS::ExactlyOnce {
                    Packet::PubRec(ack(id))
                } else {
                    Packet::PubAck(ack(id))
                });
            }
            Packet::PubRec(received) => client.put(&Packet::PubRel(ack(received.packet_id))),
            Packet::PubRel(release) => client.put(&Packet::PubComp(ack(release.packet_id))),
            Packet::PubAck(_) | Packet::PubComp(_) => done += 1,
            Packet::SubAck(_) => {}
            other => panic!("{other:?}"),
        }
        client.flush();
    }
    if round.is_multiple_of(2) {
        client.put(&Packet::Disconnect(Box::new(mqtt::Disconnect {
            reason: mqtt::Reason::Success,
            properties: mqtt::DisconnectProperties::default(),
        })));
        client.flush();
        while client.next().is_some() {}
    }
}

#[test]
fn nothing_grows_while_clients_come_and_go() {
    let long = std::env::var("COURTIER_LONG").is_ok_and(|long| !long.is_empty());
    let secs = Duration::from_secs(if long { 600 } else { 6 });
    if !cfg!(target_os = "linux") {
        return println!("skipped: memory and descriptors are read from /proc");
    }
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::start(folder.path());
    let began = Instant::now();
    let (mut samples, mut rounds) = (Vec::new(), 0);
    while began.elapsed() < secs {
        std::thread::scope(|scope| {
            for part in 0..4 {
                let lab = &lab;
                scope.spawn(move || (part..CLIENTS).step_by(4).for_each(|number| live(lab, number, rounds)));
            }
        });
        rounds += 1;
        // Every client has gone: what is held now is held for nobody.
        samples.push(used(lab.id()));
    }
    let curve: Vec<_> = samples.iter().step_by(samples.len() / 10 + 1).chain(samples.last()).collect();
    println!("{rounds} rounds of {CLIENTS} clients; KiB and descriptors: {curve:?}");
    // The first third warms up: caches, sessions that stay, the store's pages.
    let (early, late) = samples.split_at(samples.len() / 3 + 1);
    let most =
        |part: &[(u64, usize)]| (part.iter().map(|s| s.0).max().unwrap(), part.iter().map(|s| s.1).max().unwrap());
    let (before, after) = (most(early), most(late));
    assert!(after.0 < before.0 + before.0 / 4 + 4096, "memory grew from {} to {} KiB", before.0, after.0);
    assert!(after.1 <= before.1 + 8, "descriptors grew from {} to {}", before.1, after.1);
}
