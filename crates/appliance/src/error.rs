//! What the application service refuses or fails at. `problem.rs` gives each its code.

use std::path::PathBuf;

use wire::Role;

/// Why a data folder could not be opened at all. Damage in it is no reason: it is shown.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another Courtier is using the data folder ({path})", path = path.display())]
    Locked { path: PathBuf },
    #[error("cannot use the data folder: {source} ({path})", path = path.display())]
    Folder { path: PathBuf, source: std::io::Error },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request is not the JSON that the command takes: {0}")]
    Malformed(serde_json::Error),
    #[error("there is no command {0:?}")]
    UnknownCommand(String),
    #[error("{command} asks for the role {least:?}; this is {role:?}")]
    NotAllowed { command: &'static str, role: Role, least: Role },
    #[error("{field} is too large: at most {limit} bytes")]
    TooLarge { field: &'static str, limit: usize },
    #[error("a name is missing")]
    NameEmpty { field: &'static str },
    #[error("the name cannot be used")]
    NameInvalid { field: &'static str, offer: Option<String> },
    #[error("there is a device {id:?} already")]
    NameTaken { id: String, offer: Option<String> },
    #[error("a group is 1 to 23 of a-z, 0-9 and dashes; \"guests\" needs the guest zone")]
    GroupInvalid { offer: Option<String> },
    #[error("there is no kind {0:?}")]
    KindUnknown(String),
    #[error("a simulated device has neither password nor files")]
    NotForSimulated { id: String },
    #[error("there is no device {0:?}")]
    DeviceUnknown(String),
    #[error("there are as many devices as one site can have")]
    TooManyDevices,
    #[error("the language {0:?} is unknown")]
    LanguageUnknown(String),
    #[error("the site has not been set up")]
    SiteNotStarted,
    #[error("the site is running already")]
    SiteAlreadyStarted,
    #[error("{0:?} is no address of this computer")]
    AddressUnknown(String),
    #[error("port {port} is taken{by}", by = held_by(.holder))]
    PortTaken { field: &'static str, port: u16, holder: Option<String>, offer: Option<u16> },
    #[error("a serial port is called /dev/… or COM…")]
    SerialPortInvalid,
    #[error("this firewall is opened by hand: copy its command")]
    FirewallByHand,
    #[error("port {port} cannot be used")]
    PortInvalid { field: &'static str, port: u16 },
    #[error("the system keeps port {port} for programs with a right to low ports, which courtierd has not")]
    PortForbidden { field: &'static str, port: u16, offer: Option<u16> },
    #[error("{0}")]
    Topic(#[from] mqtt::TopicError),
    #[error("QoS is 0, 1 or 2; this is {0}")]
    Qos(u8),
    #[error("the span of time ends before it begins")]
    Time,
    #[error("{field} is between 1 and {most}")]
    LimitOutside { field: &'static str, most: u64 },
    #[error("{0:?} belongs to the broker itself")]
    TopicReserved(String),
    #[error("a pattern of names knows {{g}}, {{letter}}, {{group}}, {{n}} and {{all}}")]
    PatternInvalid { field: &'static str },
    #[error("the table has no column {column:?}")]
    ColumnMissing { column: &'static str },
    #[error("the list holds no device")]
    ListEmpty,
    #[error("line {line}: {field} cannot be used")]
    Row { line: u32, field: String, code: wire::Code, offer: Option<String> },
    #[error("sheets: {0}")]
    Sheets(#[from] sheets::Error),
    #[error("there is no such claim, or it was used")]
    ClaimUnknown,
    #[error("the claim has expired")]
    ClaimExpired,
    #[error("sentence {index}: the {part} cannot be this: {why}")]
    RightsWord { index: usize, part: &'static str, why: &'static str },
    #[error("the rights were changed meanwhile: read them again")]
    RightsOutdated,
    #[error("there is no change to undo")]
    NothingToUndo,
    #[error("that is no topic filter")]
    Filter,
    #[error("no sentence of the rights allows it to write to {0:?}")]
    RightsDenied(String),
    #[error("nobody posts to this address now")]
    IngestUnknown,
    #[error("more than {0} messages a second")]
    TooFast(u32),
    #[error("enrolment is closed: open it on the computer of the site")]
    EnrolmentClosed,
    #[error("{waiting} devices know the old authority alone")]
    AuthorityInUse { waiting: usize },
    #[error("no other authority is being brought in")]
    NoAuthorityChange,
    #[error("UDP port {port} cannot be opened: {source}")]
    ClockPort { port: u16, source: std::io::Error },
    #[error("enrolment takes either a token or a code")]
    EnrolWith,
    #[error("{id:?} cannot have a certificate: it is a guest, simulated or revoked, or that door is closed")]
    NoCertificateFor { id: String },
    #[error("there is no such export, or its file is gone")]
    ExportUnknown,
    #[error("as many exports run as may; wait for one, or stop it")]
    ExportsBusy,
    #[error("an open-data set needs its choices, and only it")]
    OpenDataChoice,
    #[error("the disk has too little room left for an export")]
    DiskLow,
    #[error("export: {0}")]
    Export(#[from] export::Error),
    #[error("there is no such address for spreadsheets, or not any more")]
    FeedUnknown,
    #[error("no free port for the addresses of spreadsheets")]
    FeedPort,
    #[error("the broker is stopped")]
    BrokerStopped,
    #[error("{what} is damaged: {detail}")]
    Damaged { what: &'static str, detail: String },
    #[error("there is no last good copy to put back")]
    NoGoodCopy,
    #[error("nothing is damaged")]
    NothingDamaged,

    #[error("the settings cannot be read: {0}")]
    SettingsText(String),
    #[error("the settings were written by another version: {0}")]
    SettingsVersion(i64),
    #[error("the settings hold something that cannot be right: {what} {value:?}")]
    SettingsValue { what: &'static str, value: String },
    #[error("cannot {doing} a file: {source} ({path})", path = path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("identity: {0}")]
    Identity(#[from] identity::Error),
    #[error("kinds: {0}")]
    Kinds(#[from] kinds::Error),
    #[error("recorder: {0}")]
    Recorder(#[from] recorder::Error),
    #[error("broker: {0}")]
    Broker(#[from] broker::Error),
    #[error("broker: {0}")]
    Listen(broker::ListenError),
    #[error("broker: {0}")]
    Publish(#[from] broker::PublishError),
    #[error("an answer cannot be written as JSON: {0}")]
    Answer(serde_json::Error),
    #[error("work on another thread was lost: {0}")]
    Thread(#[from] tokio::task::JoinError),
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
}

fn held_by(holder: &Option<String>) -> String {
    holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default()
}
