//! The one place where an error becomes what a screen has words for.

use wire::{Code, Problem};

use crate::Error;

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let message = error.to_string();
        let plain = |code: Code| Problem::new(code, message.clone());
        match error {
            Error::Malformed(_) => plain(Code::Malformed),
            Error::UnknownCommand(_) => plain(Code::UnknownCommand),
            Error::NotAllowed { .. } => plain(Code::NotAllowed),
            Error::TooLarge { field, .. } => plain(Code::TooLarge).at(field),
            Error::NameEmpty { field } => plain(Code::NameEmpty).at(field),
            Error::NameInvalid { field, offer } => offered(plain(Code::NameInvalid).at(field), offer),
            Error::NameTaken { offer, .. } => offered(plain(Code::NameTaken).at("id"), offer),
            Error::GroupInvalid { offer } => offered(plain(Code::GroupInvalid).at("group"), offer),
            Error::KindUnknown(_) => plain(Code::KindUnknown).at("kind"),
            Error::NotForSimulated { .. } => plain(Code::KindUnknown).at("id"),
            Error::DeviceUnknown(_) => plain(Code::DeviceUnknown).at("id"),
            Error::TooManyDevices => plain(Code::LimitInvalid),
            Error::LanguageUnknown(_) => plain(Code::Malformed).at("language"),
            Error::SiteNotStarted => plain(Code::SiteNotStarted),
            Error::SiteAlreadyStarted => plain(Code::SiteAlreadyStarted),
            Error::AddressUnknown(_) => plain(Code::AddressUnknown).at("address"),
            Error::PortTaken { field, offer, .. } => {
                offered(plain(Code::PortTaken).at(field), offer.map(|port| port.to_string()))
            }
            Error::SerialPortInvalid => plain(Code::PortInvalid).at("port"),
            Error::FirewallByHand => plain(Code::NotAllowed).at("tool"),
            Error::PortInvalid { field, .. } => plain(Code::PortInvalid).at(field),
            Error::PortForbidden { field, offer, .. } => {
                offered(plain(Code::PortForbidden).at(field), offer.map(|port| port.to_string()))
            }
            Error::Topic(_) => plain(Code::TopicInvalid).at("topic"),
            Error::Qos(_) => plain(Code::QosInvalid).at("qos"),
            Error::Time => plain(Code::TimeInvalid).at("until_ms"),
            Error::LimitOutside { field, .. } => plain(Code::LimitInvalid).at(field),
            Error::TopicReserved(_) => plain(Code::TopicInvalid).at("topic"),
            Error::RightsWord { index, part, .. } => plain(Code::RightsInvalid).at(format!("sentences.{index}.{part}")),
            Error::RightsOutdated => plain(Code::RightsOutdated),
            Error::NothingToUndo => plain(Code::NothingToUndo),
            Error::Filter => plain(Code::FilterInvalid).at("topic"),
            Error::RightsDenied(_) => plain(Code::NotAllowed),
            Error::IngestUnknown => plain(Code::IngestUnknown),
            Error::TooFast(_) => plain(Code::TooFast),
            Error::PatternInvalid { field } => plain(Code::PatternInvalid).at(field),
            Error::ColumnMissing { column } => plain(Code::ColumnMissing).at("source.text").offering(column),
            Error::ListEmpty => plain(Code::ListEmpty).at("rows"),
            Error::Row { line, field, code, offer } => offered(plain(code).at(format!("rows.{line}.{field}")), offer),
            Error::ClaimUnknown => plain(Code::ClaimUnknown),
            Error::ClaimExpired => plain(Code::ClaimExpired),
            Error::EnrolmentClosed => plain(Code::EnrolmentClosed),
            Error::AuthorityInUse { .. } => plain(Code::AuthorityInUse).at("leave_behind"),
            Error::NoAuthorityChange => plain(Code::NoAuthorityChange),
            Error::ClockPort { ref source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                plain(Code::PortTaken).at("port")
            }
            Error::ClockPort { .. } => plain(Code::PortInvalid).at("port"),
            Error::EnrolWith => plain(Code::Malformed).at("token"),
            Error::NoCertificateFor { .. } => plain(Code::NotAllowed).at("id"),
            Error::Identity(identity::Error::Request(_)) => plain(Code::RequestInvalid).at("csr"),
            Error::ExportUnknown => plain(Code::ExportUnknown).at("id"),
            Error::ExportsBusy => plain(Code::ExportsBusy),
            Error::OpenDataChoice => plain(Code::Malformed).at("open_data"),
            Error::DiskLow => plain(Code::DiskFull),
            Error::Export(export::Error::TooManySeries { .. }) => plain(Code::SeriesTooMany).at("form"),
            Error::Export(export::Error::TooLarge { .. }) => plain(Code::TooLarge).at("format"),
            Error::Export(export::Error::Write(ref source)) if source.kind() == std::io::ErrorKind::StorageFull => {
                plain(Code::DiskFull)
            }
            Error::FeedUnknown => plain(Code::FeedUnknown).at("id"),
            Error::FeedPort => plain(Code::PortTaken).at("port"),
            Error::BrokerStopped => plain(Code::BrokerStopped),
            Error::Damaged { .. } | Error::NoGoodCopy => plain(Code::DataDamaged),
            Error::NothingDamaged => plain(Code::SiteAlreadyStarted),
            Error::File { ref source, .. } if source.kind() == std::io::ErrorKind::StorageFull => plain(Code::DiskFull),
            Error::Publish(broker::PublishError::Stopped) | Error::Listen(broker::ListenError::Stopped) => {
                plain(Code::BrokerStopped)
            }
            // What could not be stored was not for want of rights or form: the disk is full or failing.
            Error::Publish(broker::PublishError::NotStored) => plain(Code::DiskFull),
            Error::SettingsText(_)
            | Error::SettingsVersion(_)
            | Error::SettingsValue { .. }
            | Error::File { .. }
            | Error::Identity(_)
            | Error::Kinds(_)
            | Error::Sheets(_)
            | Error::Recorder(_)
            | Error::Export(_)
            | Error::Broker(_)
            | Error::Listen(_)
            | Error::Answer(_)
            | Error::Thread(_)
            | Error::Randomness(_) => {
                // The screen says "a fault of ours"; the journal says which.
                tracing::error!(error = %message, "a command failed");
                plain(Code::Internal)
            }
        }
    }
}

fn offered(problem: Problem, offer: Option<String>) -> Problem {
    Problem { offer, ..problem }
}
