//! Why a command was refused, as a code that screens have words for.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A refusal: `code` chooses the words, `field` names the input at fault in the dotted form of the
/// request (`ports.mqtts`), `message` is the English sentence for logs and scripts, and `offer` is
/// a value that would work instead, where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Problem {
    pub code: Code,
    pub message: String,
    pub field: Option<String>,
    pub offer: Option<String>,
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), field: None, offer: None }
    }

    pub fn at(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    pub fn offering(mut self, offer: impl Into<String>) -> Problem {
        self.offer = Some(offer.into());
        self
    }
}

/// Every reason for a refusal. Each has a sentence in `assets/words`, under `problem_<code>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not the JSON that the command takes.
    Malformed,
    UnknownCommand,
    /// Whoever asks has no role that may do this.
    NotAllowed,
    /// No session, or one that has ended.
    NotSignedIn,
    WrongOrigin,
    TooLarge,
    NameEmpty,
    NameInvalid,
    NameTaken,
    GroupInvalid,
    KindUnknown,
    DeviceUnknown,
    SiteNotStarted,
    SiteAlreadyStarted,
    AddressUnknown,
    PortTaken,
    PortInvalid,
    PortForbidden,
    TopicInvalid,
    FilterInvalid,
    QosInvalid,
    PayloadInvalid,
    TimeInvalid,
    LimitInvalid,
    PatternInvalid,
    ColumnMissing,
    ListEmpty,
    ClaimUnknown,
    ClaimExpired,
    /// The door for new devices is closed.
    EnrolmentClosed,
    /// A certificate request that cannot be read, or whose key cannot be used.
    RequestInvalid,
    /// Devices would be lost with the authority that they know.
    AuthorityInUse,
    /// No other authority is being brought in.
    NoAuthorityChange,
    TooManyTries,
    DataDamaged,
    DiskFull,
    BrokerStopped,
    /// A word of a sentence cannot be what it is.
    RightsInvalid,
    /// The rights were changed by somebody else meanwhile.
    RightsOutdated,
    /// There is nothing to go back to.
    NothingToUndo,
    /// The guest zone is closed, or the address to post to has ended.
    IngestUnknown,
    /// More messages a second than a guest may send.
    TooFast,
    /// There is no such export, or its file is gone.
    ExportUnknown,
    /// As many exports run as may.
    ExportsBusy,
    /// More series than one table has columns.
    SeriesTooMany,
    /// An address for spreadsheets that was revoked, has ended, or never was.
    FeedUnknown,
    /// A fault of ours: the journal holds the details.
    Internal,
}
