//! A whole class at once: planned, made, printed, changed together, and put away in summer.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Code, Device, ShownOnce};

/// One device of a class. A kind that is empty is the one of the whole class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClassRow {
    pub id: String,
    pub group: String,
    pub kind: String,
}

/// Where the devices of a class come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ClassSource {
    /// Names by pattern. Groups know `{g}` and `{letter}`; devices know these, `{group}`, `{n}`
    /// (within the group) and `{all}` (through the class), or in French `{lettre}`, `{groupe}`,
    /// `{tous}`. A number takes a width: `{n:02}`.
    Pattern { groups: u32, devices: u32, group_pattern: String, device_pattern: String },
    /// A table with a line of titles, separated by `;`, `,` or tabs.
    Csv { text: String },
    /// Lines that the screen changed.
    Rows { rows: Vec<ClassRow> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PreviewClass {
    pub source: ClassSource,
    /// For every line that names none.
    pub kind: String,
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowFault {
    /// `id`, `group`, `kind`, or `line` for the whole of it.
    pub field: String,
    pub code: Code,
    pub offer: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PreviewedRow {
    /// The line of the file, or the place in the list; 1 is the first.
    pub line: u32,
    pub row: ClassRow,
    /// `<site>/<group>/<id>`
    pub branch: String,
    pub faults: Vec<RowFault>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClassPreview {
    pub rows: Vec<PreviewedRow>,
    /// What keeps the whole list from being made: `source`, `source.groups`, …
    pub faults: Vec<RowFault>,
    pub groups: u32,
    /// Lines with a fault.
    pub faulty: u32,
    /// `;`, `,` or a tab, where a file was read.
    pub separator: Option<String>,
    /// Columns of the file that are not read: nothing in them is kept.
    pub ignored: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SheetFormat {
    /// 2 × 5 cards of 95 × 51 mm, to be cut out.
    Cards,
    /// 3 × 10 labels of 70 × 29.7 mm, as they are sold.
    Labels,
}

/// What stands on the cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SheetOptions {
    pub format: SheetFormat,
    /// In clear. Whoever holds the card is then the device, without a claim.
    pub passwords: bool,
    pub cut_lines: bool,
    /// `fr` or `en`
    pub language: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CreateClass {
    pub rows: Vec<ClassRow>,
    pub kind: String,
    pub sheet: SheetOptions,
    /// Also a zip with a folder of files for each device. The devices work at once then; without
    /// it, and without passwords on the cards, each works from the moment its card is scanned.
    pub bundles: bool,
}

/// What was made for many devices, in this one answer only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct HandedOut {
    pub devices: Vec<Device>,
    pub pdf_base64: ShownOnce,
    pub pdf_name: String,
    pub sheets: u32,
    /// Empty where no bundles were asked for.
    pub bundles_base64: ShownOnce,
    pub bundles_name: String,
    /// Until when the cards can be scanned.
    #[ts(type = "number")]
    pub expires_ms: i64,
    /// Devices whose password ended just now: they must be set up again.
    pub reissued: Vec<String>,
}

/// Cards again, for devices that exist. A card brings a new password, which takes the place of the
/// one before when the card is scanned; with `passwords` or `bundles` it does so now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PrintCards {
    pub ids: Vec<String>,
    pub sheet: SheetOptions,
    pub bundles: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceRefs {
    pub ids: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceName {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RenameDevices {
    pub names: Vec<DeviceName>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceGroup {
    pub id: String,
    pub group: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MoveDevices {
    pub groups: Vec<DeviceGroup>,
}

/// What a change of many devices did, and what it asks of people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct DevicesChanged {
    pub devices: Vec<Device>,
    /// Their cards no longer say what is true: they must be printed again.
    pub cards_void: Vec<String>,
    /// Set up with the name or topic of before: their files must be put on them again.
    pub to_touch: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum YearNames {
    Keep,
    /// Devices and groups get neutral names: `appareil-01` in `groupe-a`.
    Neutral,
    /// The devices are removed.
    Remove,
}

/// The end of a school year. Every password is made anew whatever is chosen here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EndYear {
    pub names: YearNames,
    /// Erase what was recorded below the topics of these devices.
    pub erase_recordings: bool,
    pub sheet: SheetOptions,
}

/// What the end of the year would do, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct YearPlan {
    pub devices: u32,
    pub groups: u32,
    /// Devices that are connected now and will be out.
    pub connected: u32,
    #[ts(type = "number")]
    pub retained: u64,
    #[ts(type = "number")]
    pub recorded: u64,
    /// The archive holds the records as well; beyond a limit they are exported by themselves.
    pub records_in_archive: bool,
    pub new_names: Vec<DeviceName>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct YearEnded {
    pub plan: YearPlan,
    /// What was, without a secret: for the user to keep.
    pub archive_base64: String,
    pub archive_name: String,
    pub handed: Option<HandedOut>,
    /// What still holds something of the year.
    pub left: YearLeft,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct YearLeft {
    pub devices: u32,
    #[ts(type = "number")]
    pub retained: u64,
    /// Records, which go by themselves after `record_days`.
    #[ts(type = "number")]
    pub recorded: u64,
    pub record_days: u32,
    /// Names of before that still stand in records.
    pub old_names: Vec<String>,
}
