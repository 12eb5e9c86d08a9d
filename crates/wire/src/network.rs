//! The way to this computer: addresses, reachability, firewalls.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the network shows since `since_ms`, usually since a page began to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckNetwork {
    #[ts(type = "number")]
    pub since_ms: i64,
}

/// Why nobody knocks. Each has words under `network_cause_<cause>` and `network_remedy_<cause>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NetworkCause {
    /// Somebody did knock: the network is not the reason.
    Reached,
    Stopped,
    /// The site listens on this computer alone.
    Loopback,
    /// A machine looks for this computer, and nothing of it arrives: something on this computer
    /// drops it.
    Firewall,
    /// A machine reached this computer at a port where nobody listens.
    ClosedPort,
    /// A phone came through: whoever does not knows another address, or is in another network.
    WrongAddress,
    /// No machine even looked for this computer: another network, another address, or a Wi-Fi that
    /// keeps its clients apart.
    Silence,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NetworkReport {
    pub cause: NetworkCause,
    /// Machines that look for this computer and did not come through.
    pub looking: Vec<String>,
    /// Machines that opened the page behind the code.
    pub pings: Vec<String>,
    /// `http://<address>:8480/ping`
    pub ping_url: String,
    /// SVG of the same.
    pub ping_qr_svg: String,
    pub firewalls: Vec<FirewallHelp>,
    /// Whether this system shows which machines look for it.
    pub neighbours_known: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FirewallTool {
    Ufw,
    Firewalld,
    Nftables,
    WindowsPowershell,
    WindowsNetsh,
    Macos,
}

/// How a firewall is told to let the ports in use through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FirewallHelp {
    pub tool: FirewallTool,
    /// As an administrator types it.
    pub command: String,
    /// It guards this computer now.
    pub here: bool,
    /// `firewall_open` can run it, after the system has asked for consent.
    pub runnable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenFirewall {
    pub tool: FirewallTool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FirewallOpened {
    pub opened: bool,
    /// What the tool said.
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChooseAddress {
    /// One of the addresses of `network_list`.
    pub address: String,
}

/// The address in use, and who still holds another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AddressReport {
    pub address: String,
    pub host_name: String,
    /// The last change since the start; doors, certificate and name followed it by themselves.
    pub changed: Option<AddressChange>,
    /// Devices whose files hold another address, and no name that leads here: to be touched.
    pub to_touch: Vec<String>,
    /// Devices that hold another address and the name too: they follow by themselves.
    pub following: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AddressChange {
    pub from: String,
    pub to: String,
    #[ts(type = "number")]
    pub at_ms: i64,
}
