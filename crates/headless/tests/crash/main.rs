//! kill -9 under load, right after an acknowledgement: nothing that was acknowledged is lost, no
//! QoS 2 message comes twice, every session is back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod disk;
mod full;
mod lab;
mod power;
mod soak;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::{Client, Lab, ack, publication};
use mqtt::{Packet, PacketId, QoS};

/// A publisher that does what MQTT asks of it, also over a crash of the broker.
#[derive(Default)]
struct Publisher {
    next: u32,
    /// What is not yet fully acknowledged, and whether PUBREC came.
    open: BTreeMap<u16, (u32, QoS, bool)>,
    /// Numbers whose PUBACK or PUBREC was read.
    acknowledged: BTreeSet<u32>,
}

const WINDOW: usize = 60;

impl Publisher {
    fn resume(&mut self, client: &mut Client) {
        for (id, (number, qos, received)) in &self.open {
            match received {
                true => client.put(&Packet::PubRel(ack(PacketId::new(*id).unwrap()))),
                false => client.put(&publication("load/x", number.to_string(), *qos, *id, true)),
            }
        }
        client.flush();
    }

    /// Keeps the window full.
    fn fill(&mut self, client: &mut Client) {
        while self.open.len() < WINDOW {
            self.next += 1;
            let id = u16::try_from(self.next % 60_000 + 1).unwrap();
            if self.open.contains_key(&id) {
                break;
            }
            let qos = if self.next.is_multiple_of(2) { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            self.open.insert(id, (self.next, qos, false));
            client.put(&publication("load/x", self.next.to_string(), qos, id, false));
        }
        client.flush();
    }

    /// Takes an acknowledgement; false once the broker is gone.
    fn take(&mut self, client: &mut Client) -> bool {
        match client.next() {
            None => return false,
            Some(Packet::PubAck(ack)) => {
                assert!(!ack.reason.is_error(), "{ack:?}");
                if let Some((number, ..)) = self.open.remove(&ack.packet_id.get()) {
                    self.acknowledged.insert(number);
                }
            }
            Some(Packet::PubRec(answer)) => {
                assert!(!answer.reason.is_error(), "{answer:?}");
                if let Some((number, _, received)) = self.open.get_mut(&answer.packet_id.get()) {
                    *received = true;
                    self.acknowledged.insert(*number);
                }
                client.put(&Packet::PubRel(ack(answer.packet_id)));
            }
            Some(Packet::PubComp(ack)) => drop(self.open.remove(&ack.packet_id.get())),
            Some(other) => panic!("{other:?}"),
        }
        true
    }
}

/// A subscriber that does what MQTT asks of it: it counts a QoS 2 message when it first sees the
/// identifier, and forgets the identifier at PUBREL.
#[derive(Default)]
struct Reader {
    pending: HashSet<PacketId>,
    /// How often each number came, by QoS.
    seen: BTreeMap<u32, [u32; 3]>,
}

impl Reader {
    /// Takes one packet; answers the number of a message that was counted.
    fn take(&mut self, client: &mut Client) -> Option<Option<u32>> {
        let mut counted = None;
        match client.next()? {
            Packet::Publish(publish) => {
                let number: u32 = std::str::from_utf8(&publish.payload).unwrap().parse().unwrap();
                let id = publish.packet_id.unwrap();
                if publish.qos == QoS::AtLeastOnce || self.pending.insert(id) {
                    self.seen.entry(number).or_default()[publish.qos as usize] += 1;
                    counted = Some(number);
                }
                client.put(&match publish.qos {
                    QoS::ExactlyOnce => Packet::PubRec(ack(id)),
                    _ => Packet::PubAck(ack(id)),
                });
            }
            Packet::PubRel(release) => {
                self.pending.remove(&release.packet_id);
                client.put(&Packet::PubComp(ack(release.packet_id)));
            }
            other => panic!("{other:?}"),
        }
        if !client.has_more() {
            client.flush();
        }
        Some(counted)
    }

    fn drain_until(&mut self, client: &mut Client, last: u32) {
        while self.take(client).expect("the broker is gone") != Some(last) {}
    }
}

fn rounds() -> u32 {
    if std::env::var("COURTIER_LONG").is_ok_and(|long| !long.is_empty()) { 200 } else { 20 }
}

fn connect(addr: SocketAddr, client_id: &str, round: u32) -> Client {
    let (client, present) = Client::connect(addr, client_id);
    assert_eq!(present, round > 0, "round {round}: the session of {client_id}");
    client
}

/// Everybody who takes part, over all crashes.
#[derive(Default)]
struct Players {
    publisher: Publisher,
    online: Reader,
    offline: Reader,
}

impl Players {
    /// Publishes with one reader connected and one away, and kills the broker after so many more
    /// acknowledgements.
    fn load_and_kill(&mut self, folder: &Path, round: u32, acknowledgements: usize) {
        let lab = Lab::start(folder);
        let mut reading = connect(lab.addr, "online", round);
        let mut away = connect(lab.addr, "offline", round);
        if round == 0 {
            reading.subscribe(&["load/#"]);
            away.subscribe(&["load/#"]);
        }
        drop(away);
        let mut publishing = connect(lab.addr, "publisher", round);
        let enough = self.publisher.acknowledged.len() + acknowledgements;
        let mut online = std::mem::take(&mut self.online);
        let reader = std::thread::spawn(move || {
            while online.take(&mut reading).is_some() {}
            online
        });
        self.publisher.resume(&mut publishing);
        while self.publisher.acknowledged.len() < enough {
            self.publisher.fill(&mut publishing);
            assert!(self.publisher.take(&mut publishing), "the broker ended by itself");
        }
        lab.kill();
        self.online = reader.join().unwrap();
        // What had come before the kill was acknowledged too.
        while self.publisher.take(&mut publishing) {}
    }

    /// Finishes what is open, and lets both readers have everything.
    fn check(&mut self, folder: &Path) {
        let lab = Lab::start(folder);
        let mut publishing = connect(lab.addr, "publisher", 1);
        self.publisher.resume(&mut publishing);
        while !self.publisher.open.is_empty() {
            assert!(self.publisher.take(&mut publishing));
            publishing.flush();
        }
        self.publisher.next += 1;
        let last = self.publisher.next;
        publishing.put(&publication("load/x", last.to_string(), QoS::AtLeastOnce, 65_000, false));
        publishing.flush();
        assert!(matches!(publishing.next(), Some(Packet::PubAck(_))));
        let acknowledged = &self.publisher.acknowledged;
        for (name, reader) in [("online", &mut self.online), ("offline", &mut self.offline)] {
            let mut client = connect(lab.addr, name, 1);
            reader.drain_until(&mut client, last);
            let lost: Vec<_> = acknowledged.iter().filter(|number| !reader.seen.contains_key(number)).collect();
            assert!(lost.is_empty(), "{name}: {} of {} acknowledged lost: {lost:?}", lost.len(), acknowledged.len());
            let twice: Vec<_> = reader.seen.iter().filter(|(_, seen)| seen[2] > 1).collect();
            assert!(twice.is_empty(), "{name}: QoS 2 came more than once: {twice:?}");
        }
        lab.kill();
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_exactly_once_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut players = Players::default();
    for round in 0..rounds() {
        // Where it is killed differs from round to round.
        players.load_and_kill(folder.path(), round, 40 + (round as usize * 97) % 700);
        // Queues have a limit: the one that is away comes back before it is reached.
        if round % 10 == 9 {
            players.check(folder.path());
        }
    }
    println!("{} acknowledged over {} kills", players.publisher.acknowledged.len(), rounds());
}

#[test]
fn a_thousand_sessions_with_full_queues_are_back_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (sessions, messages) = if rounds() > 20 { (10_000, 10) } else { (1_000, 10) };
    let lab = Lab::start(folder.path());
    for n in 0..sessions {
        let (mut client, _) = Client::connect(lab.addr, &format!("s{n}"));
        client.subscribe(&[&format!("to/{n}")]);
    }
    let (mut publishing, _) = Client::connect(lab.addr, "publisher");
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < sessions * messages {
        while sent < sessions * messages && sent - acknowledged < 1000 {
            let id = u16::try_from(sent % 2000 + 1).unwrap();
            let topic = format!("to/{}", sent % sessions);
            publishing.put(&publication(&topic, (sent / sessions).to_string(), QoS::AtLeastOnce, id, false));
            sent += 1;
        }
        publishing.flush();
        match publishing.next() {
            Some(Packet::PubAck(ack)) => assert!(!ack.reason.is_error()),
            other => panic!("{other:?}"),
        }
        acknowledged += 1;
    }
    lab.kill();
    let lab = Lab::start(folder.path());
    for n in 0..sessions {
        let (mut client, present) = Client::connect(lab.addr, &format!("s{n}"));
        assert!(present, "session s{n} is gone");
        let mut reader = Reader::default();
        reader.drain_until(&mut client, u32::try_from(messages - 1).unwrap());
        assert_eq!(reader.seen.len(), messages, "session s{n}");
    }
    println!("{sessions} sessions with {messages} messages each: ready again after {:?}", lab.ready);
    // A generous bound: a start that reads every message twice, or one by one, is over it.
    assert!(lab.ready < Duration::from_secs(10));
    assert!(Path::new(folder.path()).exists());
}
