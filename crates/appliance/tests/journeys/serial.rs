//! A board on a cable, played by a pseudo-terminal pair.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use serialport::{SerialPort, TTYPort};
use wire::{Code, DeviceState, SerialList, SerialState};

use crate::harness::{House, PATIENCE, Room};

/// The end of a cable where the board is. Dropped, the cable is out.
struct Board {
    line: TTYPort,
    port: PathBuf,
}

/// A socket of the computer: the name stays, boards come and go.
fn socket(room: &Room) -> PathBuf {
    let name = room.dir.path().file_name().unwrap().to_string_lossy().replace('.', "");
    PathBuf::from(format!("/dev/shm/courtier-{name}"))
}

impl Board {
    fn plug_in(room: &Room) -> Board {
        let (line, mut other) = TTYPort::pair().unwrap();
        other.set_exclusive(false).unwrap();
        let port = socket(room);
        std::fs::remove_file(&port).ok();
        std::os::unix::fs::symlink(other.name().unwrap(), &port).unwrap();
        Board { line, port }
    }

    fn says(&mut self, text: &str) {
        self.line.write_all(text.as_bytes()).unwrap();
    }

    fn hears(&mut self) -> String {
        self.line.set_timeout(PATIENCE).unwrap();
        let mut heard = String::new();
        while !heard.ends_with('\n') {
            let mut byte = [0];
            self.line.read_exact(&mut byte).unwrap();
            heard.push(char::from(byte[0]));
        }
        heard
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        std::fs::remove_file(&self.port).ok();
    }
}

async fn state(house: &House, wanted: SerialState) -> wire::SerialLink {
    let began = Instant::now();
    loop {
        let list: SerialList = house.call("serial_list", json!({})).await.unwrap();
        if let Some(link) = list.links.into_iter().find(|link| link.state == wanted) {
            return link;
        }
        assert!(began.elapsed() < PATIENCE, "the port never was {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for `count` readings on disk; answers their texts.
async fn readings(house: &House, topic: &str, count: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let records = house.records(topic).await;
        if records.len() >= count {
            return records.into_iter().map(|record| record.text.unwrap_or_default()).collect();
        }
        assert!(began.elapsed() < PATIENCE, "{} of {count} readings", records.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_on_a_cable_speaks_as_its_device_and_comes_back() {
    let room = Room::new();
    let house = room.start().await;
    let topic = house.create("microbit-01").await.topic;
    let mut board = Board::plug_in(&room);
    let request = json!({"device": "microbit-01", "port": board.port, "baud": 115_200});
    let _: wire::SerialLink = house.call("serial_attach", request).await.unwrap();
    state(&house, SerialState::Reading).await;
    board.says("temp:23\r\n{\"light\": 80}\r\n19,5\r\n");
    let texts = readings(&house, &topic, 3).await;
    for text in [r#"{"temp":23}"#, r#"{"light": 80}"#, "19.5"] {
        assert!(texts.iter().any(|each| each == text), "{text} in {texts:?}");
    }
    let device = house.device("microbit-01").await;
    assert_eq!(device.state, DeviceState::Online);

    // What is published below its commands reaches the board as a line.
    let order =
        json!({"topic": "salle114/serre/microbit-01/commands/led", "payload": "allume", "qos": 1, "retain": false});
    let _: wire::Nothing = house.call("message_publish", order).await.unwrap();
    assert_eq!(board.hears(), "allume\n");

    drop(board);
    state(&house, SerialState::Waiting).await;
    assert_ne!(house.device("microbit-01").await.state, DeviceState::Online);
    let plugged = Instant::now();
    let mut board = Board::plug_in(&room);
    state(&house, SerialState::Reading).await;
    board.says("temp:24\n");
    readings(&house, &topic, 4).await;
    let took = plugged.elapsed();
    println!("unplugged and plugged in again: {} ms to the next reading on disk", took.as_millis());
    assert!(took < Duration::from_secs(3), "{took:?}");

    // It has the rights of its device, and no others.
    let _: wire::Device = house.call("device_revoke", json!({"id": "microbit-01"})).await.unwrap();
    board.says("temp:25\n");
    let began = Instant::now();
    while state(&house, SerialState::Reading).await.dropped == 0 {
        assert!(began.elapsed() < PATIENCE);
    }
    assert_eq!(house.records(&topic).await.len(), 4);
    let _: wire::Nothing = house.call("serial_detach", json!({"id": "microbit-01"})).await.unwrap();
    let list: SerialList = house.call("serial_list", json!({})).await.unwrap();
    assert!(list.links.is_empty());
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_is_remembered_over_a_restart() {
    let room = Room::new();
    let house = room.start().await;
    let topic = house.create("microbit-01").await.topic;
    let mut board = Board::plug_in(&room);
    let request = json!({"device": "microbit-01", "port": board.port, "baud": 115_200});
    let _: wire::SerialLink = house.call("serial_attach", request).await.unwrap();
    house.appliance.shutdown().await;
    drop(house);
    let house = room.open().await;
    state(&house, SerialState::Reading).await;
    board.says("7\n");
    assert_eq!(readings(&house, &topic, 1).await, ["7"]);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ports_of_devices_are_attached() {
    let room = Room::new();
    let house = room.start().await;
    house.create("microbit-01").await;
    let refused = async |device: &str, port: &str, baud: u32| {
        let request = json!({"device": device, "port": port, "baud": baud});
        house.call::<wire::SerialLink>("serial_attach", request).await.unwrap_err().code
    };
    assert_eq!(refused("microbit-01", "/etc/passwd", 9600).await, Code::PortInvalid);
    assert_eq!(refused("microbit-01", "/dev/ttyACM0", 1).await, Code::LimitInvalid);
    assert_eq!(refused("nobody", "/dev/ttyACM0", 9600).await, Code::DeviceUnknown);
    house.appliance.shutdown().await;
}
