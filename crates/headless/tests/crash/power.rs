//! A power cut at any point: what had been acknowledged is in the store when the power is back.
//! The writes, syncs and sent bytes of a real courtierd are recorded, and the disk is played back to
//! thousands of points, with anything missing that was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::{Cut, Disk, Record, records};
use crate::lab::{Client, Lab, ack, publication};
use bytes::{Bytes, BytesMut};
use mqtt::{Limits, Packet, QoS, Version, codec};

const MESSAGES: u32 = 600;

/// The recorder, built by the system's C compiler; nothing where there is none or it is no Linux.
fn recorder(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("recorder.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/recorder.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl", "-pthread"])
        .status();
    (cfg!(target_os = "linux") && built.is_ok_and(|status| status.success())).then_some(library)
}

/// Publishes one by one and in bursts, to a session that is away and one that reads and acknowledges.
fn load(lab: &Lab) {
    for reader in ["offline", "online"] {
        Client::connect(lab.addr, reader).0.subscribe(&["t"]);
    }
    let (mut online, _) = Client::connect(lab.addr, "online");
    let reader = std::thread::spawn(move || {
        while let Some(packet) = online.next() {
            if let Packet::Publish(publish) = packet {
                online.put(&Packet::PubAck(ack(publish.packet_id.unwrap())));
                online.flush();
            }
        }
    });
    let (mut publishing, _) = Client::connect(lab.addr, "publisher");
    let mut sent = 0;
    for burst in [1, 1, 1, 7, 30].into_iter().cycle() {
        let until = (sent + burst).min(MESSAGES);
        for number in sent..until {
            let id = u16::try_from(number + 1).unwrap();
            publishing.put(&publication("t", format!("{number:06}"), QoS::AtLeastOnce, id, false));
        }
        publishing.flush();
        for _ in sent..until {
            assert!(matches!(publishing.next(), Some(Packet::PubAck(_))));
        }
        sent = until;
        if sent == MESSAGES {
            break;
        }
    }
    drop(publishing);
    // The reader ends with the broker.
    std::mem::forget(reader);
}

/// The numbers whose PUBACK was sent, as the bytes go by.
#[derive(Default)]
struct Acknowledged {
    sockets: BTreeMap<u32, BytesMut>,
    numbers: BTreeSet<u32>,
}

impl Acknowledged {
    fn sent(&mut self, socket: u32, data: &[u8]) {
        let buffer = self.sockets.entry(socket).or_default();
        buffer.extend_from_slice(data);
        while let Ok(Some(len)) = codec::frame_len(buffer, &Limits::default())
            && buffer.len() >= len
        {
            let frame: Bytes = buffer.split_to(len).freeze();
            // What is no packet: a new connection has taken the number of an old socket.
            if let Ok(Packet::PubAck(ack)) = codec::decode(&frame, Some(Version::V5), &Limits::default()) {
                self.numbers.insert(u32::from(ack.packet_id.get()) - 1);
            }
        }
    }
}

/// What the store holds for the session that is away.
fn kept(folder: &Path) -> rusqlite::Result<BTreeSet<u32>> {
    let database = rusqlite::Connection::open(folder.join("lab.db"))?;
    let check: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    assert_eq!(check, "ok");
    let mut query = database.prepare(
        "SELECT packet FROM queue JOIN session ON session.id = queue.session JOIN message ON message.id = queue.message
         WHERE client_id = 'offline'",
    )?;
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|packet| {
        let packet = packet?;
        let digits = std::str::from_utf8(&packet[packet.len() - 6..]).unwrap().to_owned();
        Ok(digits.parse().unwrap())
    })
    .collect()
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = recorder(folder.path()) else {
        println!("skipped: no C compiler for the recorder, or no Linux");
        return;
    };
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let lab = Lab::start_with(&data, &[("LD_PRELOAD", library.as_path()), ("COURTIER_RECORD", log.as_path())]);
    load(&lab);
    lab.kill();
    let records = records(&std::fs::read(&log).unwrap());

    let long = std::env::var("COURTIER_LONG").is_ok_and(|long| !long.is_empty());
    let cuts_each = if long { 16 } else { 2 };
    let (mut disk, mut acknowledged) = (Disk::default(), Acknowledged::default());
    let (mut points, mut with_acks) = (0u64, 0u64);
    let place = folder.path().join("after");
    for (at, record) in records.iter().enumerate() {
        disk.apply(record);
        if let Record::Sent { socket, data } = record {
            acknowledged.sent(*socket, data);
        }
        // Before the first subscription there is nothing to lose; and a short run takes every third.
        if acknowledged.numbers.is_empty() || !long && at % 3 != 0 {
            continue;
        }
        let random = (0..cuts_each).map(|n| Cut::Some((at * 100 + n) as u64));
        for cut in [Cut::Nothing, Cut::Everything].into_iter().chain(random) {
            std::fs::remove_dir_all(&place).ok();
            std::fs::create_dir(&place).unwrap();
            disk.after(cut, &place);
            let kept = kept(&place).unwrap_or_else(|error| panic!("record {at}, {cut:?}: {error}"));
            let lost: Vec<_> = acknowledged.numbers.difference(&kept).collect();
            assert!(lost.is_empty(), "record {at}, {cut:?}: acknowledged and lost: {lost:?}");
            points += 1;
            with_acks += u64::from(!acknowledged.numbers.is_empty());
        }
    }
    assert_eq!(acknowledged.numbers.len(), MESSAGES as usize, "every acknowledgement was seen");
    println!("{points} power cuts over {} records: nothing acknowledged was lost", records.len());
    assert!(points > if long { 10_000 } else { 800 }, "{points} points");
    assert!(with_acks > 0);
}
