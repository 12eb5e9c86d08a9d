//! A full disk: nothing is acknowledged that is not stored, live traffic goes on, and when there is
//! room again everything does.

use std::collections::BTreeSet;
use std::process::Command;

use mqtt::{Packet, QoS, Reason};

use crate::lab::{Client, Lab, ack, publication};

/// So much may be written to one file before the disk counts as full.
const ROOM_BLOCKS: u32 = 600;

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // The limit on the size of a file stands for the disk; a signal that would end the process is ignored.
    let shell = format!("trap '' XFSZ; ulimit -S -f {ROOM_BLOCKS}; exec \"$0\" \"$@\"");
    let lab = Lab::start_by(&["sh", "-c", &shell], folder.path());
    let (mut away, _) = Client::connect(lab.addr, "away");
    away.subscribe(&["kept"]);
    drop(away);
    let (mut publisher, _) = Client::connect(lab.addr, "publisher");
    let mut stored = BTreeSet::new();
    let mut tell = |publisher: &mut Client, number: u32| {
        let payload = format!("{number:06}{}", "x".repeat(2000));
        publisher.put(&publication("kept", payload, QoS::AtLeastOnce, 1, false));
        publisher.flush();
        match publisher.next() {
            Some(Packet::PubAck(ack)) if ack.reason == Reason::Success => stored.insert(number),
            Some(Packet::PubAck(ack)) => {
                assert_eq!(ack.reason, Reason::QuotaExceeded);
                false
            }
            other => panic!("{other:?}"),
        }
    };
    let full = (0..2000).find(|number| !tell(&mut publisher, *number)).expect("the disk was never full");
    assert!(full > 10, "only {full} messages fitted");

    // What nobody must keep is delivered as ever.
    let (mut reader, _) = Client::connect_for_now(lab.addr, "reader");
    reader.subscribe(&["live"]);
    publisher.put(&publication("live", "goes on", QoS::AtLeastOnce, 2, false));
    publisher.flush();
    assert!(matches!(publisher.next(), Some(Packet::PubAck(answer)) if answer.reason == Reason::Success));
    assert!(matches!(reader.next(), Some(Packet::Publish(message)) if message.payload == "goes on"));

    // There is room again.
    let raised =
        Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid"]).arg(lab.id().to_string()).status();
    assert!(raised.is_ok_and(|status| status.success()), "prlimit of util-linux is needed");
    let again = (5000..5100).find(|number| tell(&mut publisher, *number)).expect("never stored again");
    for number in again + 1..again + 20 {
        assert!(tell(&mut publisher, number));
    }
    lab.kill();

    let lab = Lab::start(folder.path());
    let (mut away, present) = Client::connect(lab.addr, "away");
    assert!(present);
    let mut seen = BTreeSet::new();
    while seen.last() != stored.last() {
        let Some(Packet::Publish(message)) = away.next() else { panic!("the broker is gone") };
        seen.insert(std::str::from_utf8(&message.payload[..6]).unwrap().parse().unwrap());
        away.put(&Packet::PubAck(ack(message.packet_id.unwrap())));
        away.flush();
    }
    let lost: Vec<_> = stored.difference(&seen).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}
