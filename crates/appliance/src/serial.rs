//! Boards on a USB cable: each port is read in a thread of its own and publishes as its device, with
//! the device's rights, QoS 1. A cable that is pulled out and put back goes on by itself.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use broker::{Identity, Message, Origin};
use bytes::Bytes;
use mqtt::{QoS, Topic};
use serde::{Deserialize, Serialize};
use serialport::SerialPortType;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use wire::{AttachSerial, DeviceRef, Nothing, Problem, SerialLink, SerialList, SerialPort, SerialState};

use crate::limits::{SERIAL_LINES_PER_SECOND, SERIAL_LINKS};
use crate::provision::measures_topic;
use crate::serial_line::{Cutter, payload};
use crate::site::Site;
use crate::{Appliance, Error, Inner, rights};

/// How often a port that is not there is looked for.
const RETRY: Duration = Duration::from_millis(500);
/// A thread looks whether it is still wanted at least this often.
const READ: Duration = Duration::from_millis(200);
const BUFFER: usize = 1024;
/// Lines that wait for the broker; then the port waits.
const QUEUED: usize = 64;
const BAUDS: std::ops::RangeInclusive<u32> = 300..=4_000_000;

/// A port that speaks for a device, as the settings keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SerialRecord {
    pub device: String,
    pub port: String,
    pub baud: u32,
    /// `<vendor>:<product>:<serial number>`: the board is found again at another port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usb: Option<String>,
}

/// The ports that are read now.
#[derive(Default)]
pub(crate) struct Cables(Mutex<HashMap<String, Cable>>);

struct Cable {
    wanted: Arc<AtomicBool>,
    link: Arc<Mutex<SerialLink>>,
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cables {
    /// Reads what the settings name, and nothing else.
    pub fn follow(&self, inner: &Arc<Inner>, site: &Arc<Site>) {
        let settings = site.settings.load_full();
        let mut cables = hold(&self.0);
        cables.retain(|device, cable| {
            let link = hold(&cable.link);
            settings
                .serial
                .iter()
                .any(|each| each.device == *device && each.port == link.port && each.baud == link.baud)
        });
        let known = settings.serial.iter().filter(|each| settings.device(&each.device).is_ok());
        for record in known {
            cables.entry(record.device.clone()).or_insert_with(|| plug(inner, site, record.clone()));
        }
    }

    pub fn pull_all(&self) {
        hold(&self.0).clear();
    }

    pub fn links(&self) -> Vec<SerialLink> {
        let mut links: Vec<SerialLink> = hold(&self.0).values().map(|cable| hold(&cable.link).clone()).collect();
        links.sort_by(|a, b| a.device.cmp(&b.device));
        links
    }

    /// Whether a board is there and speaks for this device.
    pub fn reads(&self, device: &str) -> bool {
        hold(&self.0).get(device).is_some_and(|cable| hold(&cable.link).state == SerialState::Reading)
    }
}

fn plug(inner: &Arc<Inner>, site: &Arc<Site>, record: SerialRecord) -> Cable {
    let SerialRecord { device, port, baud, .. } = record.clone();
    let link = SerialLink {
        device,
        port,
        baud,
        state: SerialState::Waiting,
        detail: String::new(),
        last_line: None,
        lines: 0,
        dropped: 0,
    };
    let cable = Cable { wanted: Arc::new(AtomicBool::new(true)), link: Arc::new(Mutex::new(link)) };
    let (lines, spoken) = mpsc::channel(QUEUED);
    let (orders, told) = std::sync::mpsc::sync_channel(QUEUED);
    tokio::spawn(speak(inner.clone(), site.clone(), record.device.clone(), cable.link.clone(), spoken));
    tokio::spawn(listen(site.clone(), record.device.clone(), cable.wanted.clone(), orders));
    let reader = Reader { record, wanted: cable.wanted.clone(), link: cable.link.clone(), lines, orders: told };
    // Opening and reading a port blocks.
    let spawned = std::thread::Builder::new().name("serial".into()).spawn(move || reader.run());
    if let Err(error) = spawned {
        hold(&cable.link).detail = error.to_string();
    }
    cable
}

/// Publishes as the device, while its rights let it.
async fn speak(
    inner: Arc<Inner>,
    site: Arc<Site>,
    device: String,
    link: Arc<Mutex<SerialLink>>,
    mut lines: mpsc::Receiver<String>,
) {
    let identity = Identity::new(&device);
    while let Some(line) = lines.recv().await {
        let settings = site.settings.load_full();
        let Ok(record) = settings.device(&device) else { continue };
        let Ok(topic) = Topic::parse(measures_topic(&settings, record)) else { continue };
        let Some(engine) = site.engine() else { continue };
        if !rights::may_write(&settings, record, &topic, inner.clock.now_ms()) {
            let mut link = hold(&link);
            link.dropped += 1;
            link.detail = "the device may not publish".to_owned();
            continue;
        }
        let origin = Origin::Client { client_id: device.as_str().into(), identity: identity.clone() };
        let bytes = Bytes::from(payload(&line));
        let qos = QoS::AtLeastOnce;
        let message = Message { origin, qos, at_us: inner.clock.now_us(), ..Message::from_site(topic, bytes) };
        let stored = engine.broker.publish(message).await;
        let mut link = hold(&link);
        match stored {
            Ok(()) => {
                link.lines += 1;
                link.last_line = Some(line);
            }
            Err(error) => {
                link.dropped += 1;
                link.detail = error.to_string();
            }
        }
    }
}

/// Hands what is published below the device's commands to its board, one line each; a board that is
/// away hears nothing of it.
async fn listen(site: Arc<Site>, device: String, wanted: Arc<AtomicBool>, orders: SyncSender<Bytes>) {
    let Some(engine) = site.engine() else { return };
    let mut tap = engine.broker.tap();
    drop(engine);
    while wanted.load(Ordering::Relaxed) {
        let message = match tokio::time::timeout(RETRY, tap.recv()).await {
            Ok(Ok(message)) => message,
            Ok(Err(RecvError::Closed)) => return,
            Ok(Err(RecvError::Lagged(_))) | Err(_) => continue,
        };
        let settings = site.settings.load();
        let Ok(record) = settings.device(&device) else { continue };
        if message.topic.as_str().starts_with(&format!("{}/commands/", settings.branch(record))) {
            orders.try_send(message.payload.clone()).ok();
        }
    }
}

struct Reader {
    record: SerialRecord,
    wanted: Arc<AtomicBool>,
    link: Arc<Mutex<SerialLink>>,
    lines: mpsc::Sender<String>,
    orders: Receiver<Bytes>,
}

impl Reader {
    fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    fn run(self) {
        while self.wanted() {
            let name = self.found();
            let detail = match serialport::new(&name, self.record.baud).timeout(READ).open() {
                Ok(port) => {
                    self.tell(SerialState::Reading, "");
                    self.read(port)
                }
                Err(error) => error.to_string(),
            };
            self.tell(SerialState::Waiting, &detail);
            if self.wanted() {
                std::thread::sleep(RETRY);
            }
        }
    }

    fn tell(&self, state: SerialState, detail: &str) {
        let mut link = hold(&self.link);
        link.state = state;
        link.detail = detail.to_owned();
    }

    /// A board that was put into another socket has another port: it is known by its USB identity.
    fn found(&self) -> String {
        let Some(usb) = &self.record.usb else { return self.record.port.clone() };
        let ports = serialport::available_ports().unwrap_or_default();
        let same = ports.into_iter().find(|port| usb_identity(&port.port_type).as_ref() == Some(usb));
        same.map_or_else(|| self.record.port.clone(), |port| port.port_name)
    }

    /// Until the cable is pulled out; answers why.
    fn read(&self, mut port: Box<dyn serialport::SerialPort>) -> String {
        let mut cutter = Cutter::default();
        let mut buffer = [0; BUFFER];
        let mut pace = Pace::default();
        // What was said while the board was away is no order any more.
        while self.orders.try_recv().is_ok() {}
        while self.wanted() {
            while let Ok(order) = self.orders.try_recv() {
                // One line: an order with a line end in it would be two.
                let line: Vec<u8> = order.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
                if let Err(error) = port.write_all(&[line.as_slice(), b"\n"].concat()) {
                    return error.to_string();
                }
            }
            let bytes = match port.read(&mut buffer) {
                // A port that is readable and says nothing has gone.
                Ok(0) => return "the board is gone".to_owned(),
                Ok(len) => buffer.get(..len).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => continue,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return error.to_string(),
            };
            let dropped = cutter.dropped;
            for line in cutter.feed(bytes) {
                if !pace.allows() {
                    cutter.dropped += 1;
                } else if self.lines.blocking_send(line).is_err() {
                    return "nobody listens".to_owned();
                }
            }
            hold(&self.link).dropped += cutter.dropped - dropped;
        }
        String::new()
    }
}

/// So many lines a second: a board in an endless loop must not fill the disk.
struct Pace {
    since: Instant,
    lines: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { since: Instant::now(), lines: 0 }
    }
}

impl Pace {
    fn allows(&mut self) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Pace::default();
        }
        self.lines += 1;
        self.lines <= SERIAL_LINES_PER_SECOND
    }
}

fn usb_identity(kind: &SerialPortType) -> Option<String> {
    let SerialPortType::UsbPort(usb) = kind else { return None };
    let number = usb.serial_number.as_deref().unwrap_or_default();
    Some(format!("{:04x}:{:04x}:{number}", usb.vid, usb.pid))
}

/// A name that can be that of a port: nothing else is ever opened.
fn is_port(name: &str) -> bool {
    let plain = name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let place = if cfg!(windows) { name.starts_with("COM") } else { name.starts_with("/dev/") };
    plain && place && !name.contains("..")
}

async fn available() -> Vec<serialport::SerialPortInfo> {
    let listed = tokio::task::spawn_blocking(serialport::available_ports).await;
    listed.ok().and_then(Result::ok).unwrap_or_default()
}

impl Appliance {
    pub async fn serial_list(&self, _: Nothing) -> Result<SerialList, Problem> {
        let links = self.inner.cables.links();
        let mut ports: Vec<SerialPort> = available()
            .await
            .into_iter()
            .map(|port| {
                let board = match &port.port_type {
                    SerialPortType::UsbPort(usb) => usb.product.clone(),
                    _ => None,
                };
                SerialPort {
                    board,
                    usb: matches!(port.port_type, SerialPortType::UsbPort(_)),
                    device: links.iter().find(|link| link.port == port.port_name).map(|link| link.device.clone()),
                    port: port.port_name,
                }
            })
            .collect();
        ports.sort_by(|a, b| (!a.usb, &a.port).cmp(&(!b.usb, &b.port)));
        Ok(SerialList { ports, links })
    }

    /// A device is read from a port from now on, and after each start.
    pub async fn serial_attach(&self, request: AttachSerial) -> Result<SerialLink, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        if !is_port(&request.port) {
            return Err(Error::SerialPortInvalid.into());
        }
        if !BAUDS.contains(&request.baud) {
            return Err(Error::LimitOutside { field: "baud", most: u64::from(*BAUDS.end()) }.into());
        }
        let listed = available().await.into_iter().find(|port| port.port_name == request.port);
        let usb = listed.and_then(|port| usb_identity(&port.port_type));
        let record = SerialRecord { device: request.device.clone(), port: request.port, baud: request.baud, usb };
        site.change(inner, |settings| {
            if settings.device(&record.device)?.simulated {
                return Err(Error::NotForSimulated { id: record.device.clone() });
            }
            // One port speaks for one device.
            settings.serial.retain(|each| each.device != record.device && each.port != record.port);
            if settings.serial.len() >= SERIAL_LINKS {
                return Err(Error::LimitOutside { field: "port", most: SERIAL_LINKS as u64 });
            }
            settings.serial.push(record);
            Ok(())
        })
        .await?;
        if site.engine().is_some() {
            inner.cables.follow(inner, &site);
        }
        let link = inner.cables.links().into_iter().find(|link| link.device == request.device);
        Ok(link.ok_or(Error::BrokerStopped)?)
    }

    pub async fn serial_detach(&self, request: DeviceRef) -> Result<Nothing, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        site.change(inner, |settings| {
            settings.serial.retain(|each| each.device != request.id);
            Ok(())
        })
        .await?;
        inner.cables.follow(inner, &site);
        Ok(Nothing {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_what_can_be_a_port_is_opened() {
        for (name, right) in
            [("/dev/ttyACM0", true), ("/dev/../etc/passwd", false), ("/etc/passwd", false), ("/dev/tty;x", false)]
        {
            assert_eq!(is_port(name), right, "{name}");
        }
    }

    #[test]
    fn a_board_in_an_endless_loop_is_slowed() {
        let mut pace = Pace::default();
        let allowed = (0..10_000).filter(|_| pace.allows()).count();
        assert!(allowed >= SERIAL_LINES_PER_SECOND as usize && allowed <= 3 * SERIAL_LINES_PER_SECOND as usize);
    }
}
