//! What an event of the broker means, with its evidence: the one place where causes are told apart.

use std::net::IpAddr;

use broker::{AuthRefusal, ConnectFault, EventKind as What, Hello, ProtocolFault, Reason, TlsFault};
use wire::{Fact, FactKind, RefusalCause};

/// Clocks without a battery start here: 1970, 2000 and 2021. Most libraries put something random
/// where mbedTLS puts its clock; what falls into the first days of these years is no accident.
const BIRTHDAYS_SECS: [u32; 3] = [0, 946_684_800, 1_609_459_200];
const FIRST_DAYS_SECS: u32 = 10 * 86_400;
/// What a client calls itself is shown up to here.
const SHOWN_CHARS: usize = 64;

#[derive(Debug)]
pub(crate) struct Finding {
    pub cause: RefusalCause,
    pub detail: String,
    pub topic: Option<String>,
    pub facts: Vec<Fact>,
}

/// By what a client may know this site.
#[derive(Default)]
pub(crate) struct Known {
    pub host_name: String,
    pub address: String,
    pub names: Vec<String>,
    pub ips: Vec<IpAddr>,
    pub valid_since_ms: i64,
}

impl Known {
    /// Whether the client asked for a name, or reached an address, that our certificate holds.
    fn rightly_named(&self, hello: &Hello) -> bool {
        match &hello.server_name {
            Some(name) => self.names.iter().any(|known| known.eq_ignore_ascii_case(name)),
            None => hello.reached.is_none_or(|ip| self.ips.contains(&ip)),
        }
    }
}

fn fact(kind: FactKind, value: impl Into<String>) -> Fact {
    Fact { kind, value: value.into() }
}

fn short(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

impl Finding {
    fn new(cause: RefusalCause, detail: impl Into<String>) -> Finding {
        Finding { cause, detail: detail.into(), topic: None, facts: Vec::new() }
    }

    fn with(mut self, kind: FactKind, value: impl Into<String>) -> Finding {
        self.facts.push(fact(kind, value));
        self
    }
}

/// `None`: nothing went wrong. `is_device` knows the names of this site.
pub(crate) fn diagnose(kind: &What, known: &Known, is_device: impl Fn(&str) -> bool) -> Option<Finding> {
    let denied = |cause, topic: &str, rule: &Option<String>| {
        let finding = match rule {
            Some(rule) => Finding::new(cause, format!("rule {rule}")).with(FactKind::Rule, rule),
            None => Finding::new(cause, "no rule allows it").with(FactKind::NoRule, ""),
        };
        Some(Finding { topic: Some(topic.to_owned()), ..finding })
    };
    match kind {
        What::TlsRefused { fault, detail, hello } => Some(tls_finding(fault, detail, hello, known)),
        What::LeftAfterTls { hello } if !known.rightly_named(hello) => Some(wrong_name("left after TLS", hello, known)),
        What::LeftAfterTls { .. } => Some(Finding::new(RefusalCause::LeftAfterTls, "left after TLS, before CONNECT")),
        What::WrongProtocol { fault, detail } => Some(Finding::new(protocol_cause(fault), detail)),
        What::ForeignOrigin { origin } => {
            let page: String = origin.chars().take(200).collect();
            Some(Finding::new(RefusalCause::ForeignOrigin, &page).with(FactKind::Page, &page))
        }
        What::ConnectRefused { fault, user_name } => Some(connect_finding(fault, user_name.as_deref(), is_device)),
        What::PublishDenied { topic, rule } => denied(RefusalCause::PublishDenied, topic, rule),
        What::SubscribeDenied { filter, rule } => denied(RefusalCause::SubscribeDenied, filter, rule),
        What::ProtocolError { reason: Reason::PacketTooLarge, what, .. } => Some(too_large(what)),
        What::ProtocolError { what, offset, .. } => {
            Some(Finding::new(RefusalCause::ProtocolError, format!("{what} (byte {offset})")))
        }
        What::Disconnected { reason: Reason::KeepAliveTimeout } => {
            Some(Finding::new(RefusalCause::KeepAliveTimeout, "nothing was heard for 1.5 times the keep-alive"))
        }
        What::Connected { .. }
        | What::Disconnected { .. }
        | What::TakenOver { .. }
        | What::Kicked
        | What::Dropped { .. }
        | What::StoreFailing { .. }
        | What::Panicked => None,
    }
}

fn too_large(what: &str) -> Finding {
    let largest = mqtt::Limits::default().max_packet_bytes;
    Finding::new(RefusalCause::PacketTooLarge, what).with(FactKind::Largest, largest.to_string())
}

fn protocol_cause(fault: &ProtocolFault) -> RefusalCause {
    match fault {
        ProtocolFault::MqttOnWebSocket => RefusalCause::MqttOnWebSocket,
        ProtocolFault::WebOnMqtt => RefusalCause::WebOnMqtt,
        ProtocolFault::NoUpgrade => RefusalCause::NoWebSocket,
        ProtocolFault::Subprotocol => RefusalCause::WebSocketSubprotocol,
    }
}

fn wrong_name(detail: &str, hello: &Hello, known: &Known) -> Finding {
    let finding = Finding::new(RefusalCause::WrongHostName, detail);
    let finding = match &hello.server_name {
        Some(name) => finding.with(FactKind::AskedName, short(name)),
        None => finding,
    };
    finding.with(FactKind::RightName, &known.host_name).with(FactKind::RightName, &known.address)
}

/// Libraries share few alerts among many reasons: the name that was asked for, and the clock where
/// it shows, tell them apart.
fn tls_finding(fault: &TlsFault, detail: &str, hello: &Hello, known: &Known) -> Finding {
    let plain = |cause| Finding::new(cause, detail);
    match fault {
        TlsFault::UntrustedAuthority => plain(RefusalCause::UntrustedAuthority),
        TlsFault::ClientClock => wrong_clock(detail, hello, known),
        TlsFault::CertificateRejected if !known.rightly_named(hello) => wrong_name(detail, hello, known),
        TlsFault::CertificateRejected if detail.contains("UnsupportedCertificate") => plain(RefusalCause::TlsKeyType),
        // OpenSSL says "bad certificate" (42) of a date in its future. "Certificate unknown" (46) is
        // what mbedTLS says of that, and then its clock shows; Java and browsers say it of an
        // authority that they do not know.
        TlsFault::CertificateRejected if detail.contains("BadCertificate") || born(hello).is_some() => {
            wrong_clock(detail, hello, known)
        }
        TlsFault::CertificateRejected => plain(RefusalCause::UntrustedAuthority),
        TlsFault::ProtocolVersion => plain(RefusalCause::TlsVersion),
        TlsFault::KeyType => plain(RefusalCause::TlsKeyType),
        TlsFault::PlainOnTls if detail == "HTTP" => plain(RefusalCause::WebOnMqtt),
        TlsFault::PlainOnTls => plain(RefusalCause::PlainOnTls),
        TlsFault::TlsOnPlain => plain(RefusalCause::TlsOnPlain),
        TlsFault::ClientCertificate => plain(RefusalCause::ClientCertificate),
        TlsFault::ClientCertificateDate => plain(RefusalCause::ClientCertificateDate),
        TlsFault::ClientCertificateRevoked => plain(RefusalCause::ClientCertificateRevoked),
        TlsFault::Other => plain(RefusalCause::TlsOther),
    }
}

fn wrong_clock(detail: &str, hello: &Hello, known: &Known) -> Finding {
    let finding = Finding::new(RefusalCause::ClientClockWrong, detail);
    let finding = match born(hello) {
        Some(secs) => finding.with(FactKind::Clock, rfc3339(i64::from(secs) * 1000)),
        None => finding,
    };
    finding.with(FactKind::ValidSince, rfc3339(known.valid_since_ms))
}

/// The client's clock, where it certainly is one and certainly wrong.
fn born(hello: &Hello) -> Option<u32> {
    let near = |secs: &u32| {
        BIRTHDAYS_SECS.iter().any(|birthday| secs.checked_sub(*birthday).is_some_and(|age| age < FIRST_DAYS_SECS))
    };
    hello.clock_secs.filter(near)
}

fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

fn connect_finding(fault: &ConnectFault, user: Option<&str>, is_device: impl Fn(&str) -> bool) -> Finding {
    let found = |cause| {
        let detail = user.map(|user| format!("user {:?}", short(user))).unwrap_or_default();
        let finding = Finding::new(cause, detail);
        match user {
            Some(user) => finding.with(FactKind::User, short(user)),
            None => finding,
        }
    };
    match fault {
        ConnectFault::Auth(refusal) => match refusal {
            AuthRefusal::WrongPassword => found(RefusalCause::WrongPassword),
            // A name that exists is unknown at one door alone: the other is its own.
            AuthRefusal::UnknownIdentity if user.is_some_and(is_device) => found(RefusalCause::WrongZone),
            AuthRefusal::UnknownIdentity => found(RefusalCause::UnknownIdentity),
            AuthRefusal::NoCredentials => found(RefusalCause::NoCredentials),
            AuthRefusal::Revoked => found(RefusalCause::Revoked),
            AuthRefusal::NotClaimed => found(RefusalCause::NotClaimed),
            AuthRefusal::Busy => found(RefusalCause::ServerBusy),
        },
        ConnectFault::ClientIdTaken { owner } => {
            found(RefusalCause::ClientIdTaken).with(FactKind::Owner, short(owner.as_str()))
        }
        ConnectFault::ClientIdInvalid => found(RefusalCause::ClientIdInvalid),
        ConnectFault::ProtocolVersion => found(RefusalCause::ProtocolVersion),
        ConnectFault::WillDenied { topic } => Finding { topic: Some(topic.clone()), ..found(RefusalCause::WillDenied) },
        ConnectFault::AuthMethod => Finding::new(RefusalCause::ProtocolError, "authentication method"),
        ConnectFault::TooSlow => found(RefusalCause::TooSlow),
        ConnectFault::TooManyConnections => found(RefusalCause::TooManyConnections),
        ConnectFault::Malformed { what, offset } => {
            Finding::new(RefusalCause::ProtocolError, format!("{what} (byte {offset})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let ip = IpAddr::from([172, 16, 14, 20]);
        Known {
            host_name: "salle114.local".into(),
            address: ip.to_string(),
            names: vec!["salle114.local".into()],
            ips: vec![ip],
            valid_since_ms: 1_793_750_400_000,
        }
    }

    fn tls(fault: TlsFault, detail: &str, name: Option<&str>, clock_secs: Option<u32>) -> Finding {
        let reached = Some(IpAddr::from([172, 16, 14, 20]));
        let hello = Hello { server_name: name.map(str::to_owned), clock_secs, reached };
        tls_finding(&fault, detail, &hello, &known())
    }

    #[test]
    fn one_alert_for_many_reasons_is_told_apart_by_name_and_clock() {
        let cause = |detail, name, clock| tls(TlsFault::CertificateRejected, detail, name, clock).cause;
        for detail in ["received fatal alert: BadCertificate", "received fatal alert: CertificateUnknown"] {
            assert_eq!(cause(detail, Some("courtier.local"), None), RefusalCause::WrongHostName);
            assert_eq!(cause(detail, Some("Salle114.LOCAL"), Some(3600)), RefusalCause::ClientClockWrong);
        }
        assert_eq!(cause("received fatal alert: BadCertificate", None, None), RefusalCause::ClientClockWrong);
        let random = Some(0x9f3a_2210);
        assert_eq!(cause("received fatal alert: CertificateUnknown", None, random), RefusalCause::UntrustedAuthority);
    }

    #[test]
    fn a_clock_is_told_only_where_it_certainly_is_one() {
        let clock = |secs| {
            let found = tls(TlsFault::ClientClock, "", None, Some(secs));
            found.facts.into_iter().find(|fact| fact.kind == FactKind::Clock).map(|fact| fact.value)
        };
        assert_eq!(clock(12).as_deref(), Some("1970-01-01T00:00:12Z"));
        assert_eq!(clock(946_684_801).as_deref(), Some("2000-01-01T00:00:01Z"));
        assert_eq!(clock(1_500_000_000), None);
    }

    #[test]
    fn a_known_name_at_the_wrong_door_is_not_called_unknown() {
        let fault = ConnectFault::Auth(AuthRefusal::UnknownIdentity);
        let cause = |user| connect_finding(&fault, Some(user), |name| name == "serre-04").cause;
        assert_eq!(cause("serre-04"), RefusalCause::WrongZone);
        assert_eq!(cause("inconnu"), RefusalCause::UnknownIdentity);
    }
}
