//! What was settled is there, in order, after anything; what was erased is nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use recorder::{Error, Offer, Options, Recorder, Sample, Settled, Sink};
use tokio::sync::mpsc::UnboundedReceiver;

const NOW_US: i64 = 1_790_000_000_000_000;

fn open(path: &Path) -> (Recorder, Sink, UnboundedReceiver<Settled>) {
    Recorder::open(Options::new(path), Arc::new(|| NOW_US)).unwrap()
}

fn offer(sink: &mut Sink, topic: &str, payload: &[u8], qos: u8, at_us: i64) -> Offer {
    sink.offer(&Sample { topic, payload: &Bytes::copy_from_slice(payload), qos, retain: false, at_us })
}

/// Waits until everything up to the ticket is settled; whether all of it was stored.
fn settled(results: &mut UnboundedReceiver<Settled>, offer: Offer) -> bool {
    let Offer::Ticket(ticket) = offer else { panic!("no ticket: {offer:?}") };
    let mut stored = true;
    while let Some(result) = results.blocking_recv() {
        stored &= result.stored;
        if result.up_to >= ticket {
            return stored;
        }
    }
    panic!("the writer ended");
}

#[test]
fn what_is_settled_is_there_after_reopening_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.db");
    let payloads: [&[u8]; 7] = [b"21.5", b"21.50", b"{\"a\":1}", b"\xff\x00", b"", b"1e3", b"-0"];
    {
        let (recorder, mut sink, mut results) = open(&path);
        let mut last = Offer::Full;
        for payload in payloads {
            last = offer(&mut sink, "a/b", payload, 1, NOW_US);
        }
        assert!(settled(&mut results, last));
        recorder.close();
    }
    let (recorder, _sink, _results) = open(&path);
    let page = recorder.page("a/b", None, None, 100).unwrap();
    let read: Vec<_> = page.records.iter().rev().map(|record| record.payload.as_slice()).collect();
    assert_eq!(read, payloads, "equal times keep their order");
    assert!(!page.more && recorder.page("a/b", None, None, 3).unwrap().more);
}

/// QoS 0 lies in memory for a moment to share a commit: an orderly end writes it all the same.
#[test]
fn qos_0_that_waits_for_company_is_there_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.db");
    let (recorder, mut sink, _results) = open(&path);
    for n in 0..3 {
        assert_eq!(offer(&mut sink, "a", b"1", 0, NOW_US + n), Offer::Unticketed);
    }
    recorder.close();
    let (recorder, _sink, _results) = open(&path);
    assert_eq!(recorder.page("a", None, None, 10).unwrap().records.len(), 3);
}

#[test]
fn a_killed_process_loses_nothing_that_was_settled() {
    const CHILD: &str = "RECORDER_CRASH_CHILD";
    if let Some(path) = std::env::var_os(CHILD) {
        let (_recorder, mut sink, mut results) = open(Path::new(&path));
        for n in 0u64.. {
            let ticket = offer(&mut sink, "a", format!("{n}").as_bytes(), 1, NOW_US + i64::try_from(n).unwrap());
            assert!(settled(&mut results, ticket));
            println!("settled {n}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_killed_process_loses_nothing_that_was_settled", "--exact", "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut last = None;
    for line in lines {
        if let Some(n) = line.unwrap().strip_prefix("settled ") {
            last = Some(n.parse::<u64>().unwrap());
            if last == Some(200) {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    let (recorder, _sink, _results) = open(&path);
    let newest = recorder.page("a", None, None, 1000).unwrap().records;
    assert!(newest.len() as u64 > last.unwrap(), "{} of {last:?} are there", newest.len());
}

#[test]
fn a_full_queue_refuses_qos_1_and_marks_a_gap_for_qos_0() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { queue_bytes: 100, ..Options::new(folder.path().join("r.db")) };
    let (recorder, mut sink, mut results) = Recorder::open(options, Arc::new(|| NOW_US)).unwrap();
    let long = [b'x'; 200];
    assert_eq!(offer(&mut sink, "a", &long, 1, NOW_US), Offer::Full);
    assert_eq!(offer(&mut sink, "a", &long, 0, NOW_US), Offer::Unticketed);
    assert_eq!(offer(&mut sink, "a", &long, 0, NOW_US + 5000), Offer::Unticketed);
    // The queue empties between the writer's turns: offer until there is room.
    let ticket = loop {
        match offer(&mut sink, "a", b"1", 1, NOW_US + 9000) {
            Offer::Full => std::thread::yield_now(),
            ticket => break ticket,
        }
    };
    assert!(settled(&mut results, ticket));
    recorder.close();
    let series = recorder.series("a", "", NOW_US / 1000 - 10, NOW_US / 1000 + 100, 100).unwrap();
    let (from, until) = (series.gaps[0].0, series.gaps.last().unwrap().1);
    assert_eq!((from, until), (NOW_US as f64 / 1000.0, NOW_US as f64 / 1000.0 + 5.0));
    assert_eq!(recorder.status().unwrap().dropped, 2);
}

#[test]
fn a_series_hides_no_extreme() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, mut sink, mut results) = open(&folder.path().join("r.db"));
    let mut last = Offer::Full;
    for n in 0..1000i64 {
        let number = if n == 500 { 99.0 } else { 20.0 };
        let payload = format!("{{\"t\":{{\"x\":{number}}}}}");
        last = offer(&mut sink, "a", payload.as_bytes(), 1, NOW_US + n * 1000);
    }
    assert!(settled(&mut results, last));
    let from = NOW_US / 1000;
    let series = recorder.series("a", "t.x", from, from + 999, 50).unwrap();
    assert_eq!(series.samples, 1000);
    assert!(series.at_ms.len() <= 51, "{}", series.at_ms.len());
    assert_eq!(series.max.iter().copied().fold(0.0, f64::max), 99.0);
    assert!(series.at_ms.is_sorted());
}

#[test]
fn what_is_erased_leaves_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.db");
    let (recorder, mut sink, mut results) = open(&path);
    offer(&mut sink, "s/secret-device/t", b"a secret payload", 1, NOW_US);
    offer(&mut sink, "s/secret-device-2/t", b"kept payload", 1, NOW_US);
    let last = offer(&mut sink, "s/other/t", b"kept too", 1, NOW_US);
    assert!(settled(&mut results, last));
    recorder.forget_branch("s/secret-device").unwrap();
    recorder.close();
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        all.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |text: &str| all.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds("a secret payload") && !holds("secret-device/"));
    assert!(holds("kept payload") && holds("secret-device-2/t"));
}

#[test]
fn what_is_older_than_the_limit_goes_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW_US));
    let clock = now.clone();
    let options = Options::new(folder.path().join("r.db"));
    let (recorder, mut sink, mut results) =
        Recorder::open(options, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
    let old = offer(&mut sink, "a", b"old", 1, NOW_US);
    assert!(settled(&mut results, old));
    let later = NOW_US + 31 * 86_400_000_000;
    now.store(later, Ordering::Relaxed);
    let new = offer(&mut sink, "a", b"new", 1, later);
    assert!(settled(&mut results, new));
    recorder.close();
    let records = recorder.page("a", None, None, 10).unwrap().records;
    assert_eq!(records.iter().map(|record| record.payload.as_slice()).collect::<Vec<_>>(), [b"new"]);
}

#[test]
fn a_damaged_file_is_named_kept_and_never_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.db");
    let damaged = b"this is no database at all, but it may be somebody's data".repeat(100);
    std::fs::write(&path, &damaged).unwrap();
    match Recorder::open(Options::new(&path), Arc::new(|| NOW_US)) {
        Err(Error::Damaged { path: named, .. }) => assert_eq!(named, path),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a damaged file was opened"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), damaged);
    let aside = recorder::set_aside(&path, NOW_US).unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), damaged);
    let (recorder, _sink, _results) = open(&path);
    assert!(recorder.topics().unwrap().is_empty());
}

fn said(recorder: &Recorder, wanted: &str, span: (Option<i64>, Option<i64>), by_time: bool) -> Vec<String> {
    let reading = recorder.reading(|topic| topic.starts_with(wanted), span.0, span.1).unwrap();
    let names: Vec<String> = reading.topics().map(str::to_owned).collect();
    let mut said = Vec::new();
    let take = |place: usize, record: recorder::Record| -> Result<(), Error> {
        said.push(format!("{} {}", names[place], String::from_utf8_lossy(&record.payload)));
        Ok(())
    };
    if by_time {
        reading.by_time(take).unwrap()
    } else {
        reading.by_topic(take).unwrap()
    };
    assert_eq!(reading.count().unwrap(), said.len() as u64);
    said
}

#[test]
fn everything_is_read_once_in_either_order() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, mut sink, mut results) = open(&folder.path().join("r.db"));
    let mut last = Offer::Unticketed;
    // More than one piece of each, with equal times, and one topic whose records are large.
    for number in 0..1_500i64 {
        let at_us = NOW_US + number / 2;
        offer(&mut sink, "s/a", number.to_string().as_bytes(), 1, at_us);
        last = offer(&mut sink, "s/b", &[b'x'; 600], 1, at_us);
    }
    assert!(settled(&mut results, last));
    let by_topic = said(&recorder, "s/", (None, None), false);
    let expected: Vec<String> = (0..1_500).map(|number| format!("s/a {number}")).collect();
    assert_eq!(by_topic[..1_500], expected);
    assert_eq!(by_topic.len(), 3_000);
    let by_time = said(&recorder, "s/", (None, None), true);
    let of_a: Vec<String> = by_time.iter().filter(|line| line.starts_with("s/a")).cloned().collect();
    assert_eq!((of_a, by_time.len()), (expected, 3_000));
    assert_eq!(by_time[..4].iter().filter(|line| line.starts_with("s/b")).count(), 2, "merged by time");
    let span = (Some(NOW_US + 10), Some(NOW_US + 11));
    assert_eq!(said(&recorder, "s/a", span, true), ["s/a 20", "s/a 21", "s/a 22", "s/a 23"]);
    assert_eq!(recorder.reading(|_| true, Some(NOW_US + 5_000), None).unwrap().topics().count(), 0);
}
