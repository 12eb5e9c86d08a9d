//! Alone in its process: what it measures is the memory of all of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg(target_os = "linux")]

#[allow(dead_code)]
#[path = "../journeys/harness.rs"]
mod harness;

#[path = "../journeys/asked.rs"]
mod asked;

use asked::request;
use harness::Room;
use serde_json::json;
use wire::{ExportJob, ExportPreview, ExportState};

/// Puts rows into the recordings as the recorder has them, without waiting for a broker.
fn fill(room: &Room, rows: u64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // Whole steps of 100 ms that end a day ago: young enough to be kept.
    let start_us = (now.as_secs() as i64 - 86_400 * 2) * 1_000_000;
    let mut database = rusqlite::Connection::open(room.path("recordings.db")).unwrap();
    let change = database.transaction().unwrap();
    {
        change.execute("INSERT INTO topics(id, name) VALUES(900, 'big/a/one/t'), (901, 'big/a/two/t')", []).unwrap();
        let mut insert = change.prepare("INSERT INTO samples VALUES(?1, ?2, 0, 1, 4, ?3, NULL)").unwrap();
        for row in 0..rows {
            let at_us = start_us + (row / 2) as i64 * 100_000;
            insert.execute((900 + (row % 2) as i64, at_us, row as f64 / 10.0)).unwrap();
        }
    }
    change.commit().unwrap();
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 1.3 million rows in the long form of the tests; the memory of the process stays where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_recording_is_exported_without_being_held() {
    let long = std::env::var("COURTIER_LONG").is_ok_and(|long| !long.is_empty());
    let rows = if long { 1_300_000 } else { 20_000 };
    let room = Room::new();
    let house = room.start().await;
    fill(&room, rows);
    let selection = json!({"filters": ["big/#"], "devices": [], "from_ms": null, "until_ms": null});
    let preview: ExportPreview = house.call("export_preview", selection).await.unwrap();
    assert_eq!(preview.messages, rows);
    for format in ["csv_fr", "xlsx", "ods", "json_lines", "parquet", "sqlite"] {
        let (before, began) = (peak_kib(), std::time::Instant::now());
        let job = house.exported(request("big/#", format, json!({}))).await;
        assert_eq!((job.state, job.rows), (ExportState::Done, rows), "{format}");
        // The kernel's count is only about right: it may go back a little.
        let grown = peak_kib().saturating_sub(before);
        println!("{format}: {rows} rows, {} bytes, {:?}, {grown} KiB more", job.bytes, began.elapsed());
        assert!(grown < 64 * 1024, "{format}: {grown} KiB more");
        let _: wire::Nothing = house.call("export_drop", json!({"id": job.id})).await.unwrap();
    }
    let wide = house.exported(request("big/#", "csv_plain", json!({"form": "wide", "step_ms": 1_000}))).await;
    assert_eq!((wide.rows, wide.read), (rows / 20, rows * 2), "{wide:?}");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_export_can_be_given_up() {
    let room = Room::new();
    let house = room.start().await;
    fill(&room, 200_000);
    let job: ExportJob = house.call("export_start", request("big/#", "xlsx", json!({}))).await.unwrap();
    let path = room.path("exports").join(job.id.to_string());
    let _: wire::Nothing = house.call("export_drop", json!({"id": job.id})).await.unwrap();
    // The end of everything waits for no export.
    house.appliance.shutdown().await;
    assert!(!path.exists());
}
