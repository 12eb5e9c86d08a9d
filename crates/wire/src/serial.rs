//! Boards on a USB cable.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A serial port of this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SerialPort {
    /// `/dev/ttyACM0`, `COM3`.
    pub port: String,
    /// What the board calls itself: "BBC micro:bit CMSIS-DAP". Hostile until escaped.
    pub board: Option<String>,
    /// A board on USB, not a port of the computer itself.
    pub usb: bool,
    /// The device that it speaks for already.
    pub device: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AttachSerial {
    pub device: String,
    pub port: String,
    /// 115,200 for a micro:bit.
    pub baud: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SerialState {
    /// The cable is out, or another program has the port: tried again twice a second.
    Waiting,
    Reading,
}

/// A device that is read from a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SerialLink {
    pub device: String,
    pub port: String,
    pub baud: u32,
    pub state: SerialState,
    /// Why it waits, technical.
    pub detail: String,
    /// The last line that was published. Hostile until escaped.
    pub last_line: Option<String>,
    #[ts(type = "number")]
    pub lines: u64,
    /// Lines that were no text, too long, or too many.
    #[ts(type = "number")]
    pub dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SerialList {
    pub ports: Vec<SerialPort>,
    pub links: Vec<SerialLink>,
}
