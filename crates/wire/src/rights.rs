//! Who may write and read what: sentences, the grid they make, the tester, and the proof.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum RightsSubject {
    /// Every device that is no guest.
    Everybody,
    /// Every guest: those write their own branch at most, whatever else is said.
    Guests,
    Group(String),
    Device(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RightsVerb {
    Writes,
    Reads,
    WritesAndReads,
    /// Neither writes nor reads, whatever other sentences say.
    MustNot,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum RightsObject {
    /// `<site>/<group>/<device>/#`
    OwnBranch,
    /// `<site>/<group>/<device>/commands/#`
    OwnCommands,
    /// `<site>/<its group>/#`
    OwnGroup,
    /// `<site>/<group>/#`
    Group(String),
    /// `<site>/guests/#`
    GuestZone,
    /// Any filter; `%u` stands for the name of the device.
    Filter(String),
}

/// One right, as a sentence says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsSentence {
    /// It never changes and is never given again; refusals name it. 0 asks for a new one.
    pub number: u32,
    pub subject: RightsSubject,
    pub verb: RightsVerb,
    pub object: RightsObject,
    /// A right for a while.
    #[ts(type = "number | null")]
    pub until_ms: Option<i64>,
}

/// How far a right reaches into a column of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RightsReach {
    Nothing,
    /// Below its own name only.
    Own,
    /// Something else than its own, not all.
    Part,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsCell {
    pub writes: RightsReach,
    pub reads: RightsReach,
    /// The sentences that make it so.
    pub sentences: Vec<u32>,
    /// Devices of the row for which it is otherwise.
    pub exceptions: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsRow {
    pub subject: RightsSubject,
    pub devices: u32,
    /// One a column.
    pub cells: Vec<RightsCell>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsColumn {
    pub object: RightsObject,
    /// As a filter: `salle114/groupe-a/#`.
    pub filter: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsShown {
    pub sentences: Vec<RightsSentence>,
    /// Of what is shown: a change that was made from an older one is refused.
    pub revision: String,
    pub columns: Vec<RightsColumn>,
    pub rows: Vec<RightsRow>,
    /// What the words of a sentence can be.
    pub groups: Vec<String>,
    pub devices: Vec<String>,
    /// When the sentences before these were replaced, if they can be brought back.
    #[ts(type = "number | null")]
    pub undo_ms: Option<i64>,
    pub proof: Option<RightsProof>,
}

/// The sentences as they shall be; nothing is changed before `apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChangeRights {
    pub sentences: Vec<RightsSentence>,
    pub revision: String,
    pub apply: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RightsAction {
    Publish,
    Subscribe,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct RightsGrant {
    pub action: RightsAction,
    pub filter: String,
}

/// What a change means to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsDifference {
    pub device: String,
    pub gains: Vec<RightsGrant>,
    pub losses: Vec<RightsGrant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsPreview {
    pub differences: Vec<RightsDifference>,
    /// Subscriptions of today that the sentences would end.
    pub ended: Vec<RightsEnded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsEnded {
    pub device: String,
    pub filter: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsChanged {
    pub applied: bool,
    pub preview: RightsPreview,
    pub rights: RightsShown,
}

/// May this device publish to, or subscribe to, this?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TestRights {
    pub device: String,
    pub action: RightsAction,
    pub topic: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RightsWhy {
    /// `sentence` allows it.
    Allowed,
    /// `sentence` forbids it.
    Forbidden,
    /// No sentence allows it: `nearby` are those that allow this device something of the kind.
    NothingAllows,
    /// The device is revoked: nothing is allowed to it.
    Revoked,
    /// It is a guest, and the guest zone is closed.
    GuestsClosed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsAnswer {
    pub allowed: bool,
    pub why: RightsWhy,
    pub sentence: Option<u32>,
    pub nearby: Vec<u32>,
    /// Sentences that hold back a part of what an allowed subscription asks for.
    pub held_back: Vec<u32>,
    /// The narrowest sentence that would allow it, where one can.
    pub proposal: Option<RightsSentence>,
}

/// Everything that a device may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceRights {
    pub device: String,
    /// The sentences that speak of it.
    pub sentences: Vec<RightsSentence>,
    pub allowed: Vec<RightsGrant>,
    pub forbidden: Vec<RightsGrant>,
}

/// The running broker was asked what the sentences say, by clients at its real doors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsProof {
    #[ts(type = "number")]
    pub at_ms: i64,
    pub tried: u32,
    /// What the broker decided otherwise than the sentences. While there is one, no door to the
    /// room is open.
    pub wrong: Vec<RightsFault>,
    /// It could not be tried at all: as bad as a wrong answer.
    pub hindrance: Option<String>,
}

impl RightsProof {
    pub fn holds(&self) -> bool {
        self.wrong.is_empty() && self.hindrance.is_none()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RightsFault {
    pub device: String,
    pub action: RightsAction,
    pub topic: String,
    /// What the sentences say; the broker said the opposite.
    pub allowed: bool,
}

/// Opens or closes the guest zone of a site that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SwitchGuests {
    pub open: bool,
    /// `None` takes the usual port, 1883.
    pub port: Option<u16>,
}
