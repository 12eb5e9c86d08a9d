//! Enhanced authentication (5.0 §4.12): the exchange of AUTH packets before CONNACK, and again
//! later on a connection that stands.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use mqtt::{Auth, AuthProperties, Connect, Packet, Reason, Version, codec};
use tokio::io::AsyncWriteExt;

use crate::core::{Outbox, Verdict};
use crate::handshake::{Duplex, Shard};
use crate::scram::{self, ClientFirst, Exchange};
use crate::{AuthOutcome, AuthRefusal, Authenticator, ConnectFault, Identity, Zone};

/// What a connection that came in this way remembers of it.
pub(crate) struct Enhanced {
    pub identity: Identity,
    zone: Zone,
    exchange: RefCell<Option<Exchange>>,
    /// The server's own proof, for the CONNACK.
    pub proof: Cell<Option<Bytes>>,
}

type Refused = (Reason, ConnectFault);

fn refused(refusal: AuthRefusal) -> Refused {
    (Reason::NotAuthorized, ConnectFault::Auth(refusal))
}

fn auth(reason: Reason, data: String) -> Packet {
    let properties =
        AuthProperties { method: Some(scram::METHOD.into()), data: Some(data.into()), ..AuthProperties::default() };
    Packet::Auth(Box::new(Auth { reason, properties }))
}

/// Answers a first message; a name that nobody has is asked for a proof like any other.
fn begin(first: Option<&Bytes>, authenticator: &dyn Authenticator, zone: Zone) -> Option<(Exchange, String)> {
    let first = ClientFirst::parse(first?)?;
    let mut own = [0; 18];
    getrandom::fill(&mut own).ok()?;
    let credential = authenticator.scram(&first.name, zone);
    let credential = credential.unwrap_or_else(|| scram::invented(&first.name, &authenticator.scram_key()));
    Some(first.answer(credential, own))
}

/// The exchange of a client that wants in. The caller limits its time.
pub(crate) async fn prove(
    stream: &mut Box<dyn Duplex>,
    rest: &mut BytesMut,
    connect: &Connect,
    zone: Zone,
    shard: &Shard,
) -> Result<Enhanced, Refused> {
    let authenticator = &*shard.authenticator;
    let properties = &connect.properties;
    if !authenticator.knows_scram() || properties.authentication_method.as_deref() != Some(scram::METHOD) {
        return Err((Reason::BadAuthenticationMethod, ConnectFault::AuthMethod));
    }
    let malformed = || refused(AuthRefusal::NoCredentials);
    let (exchange, first) =
        begin(properties.authentication_data.as_ref(), authenticator, zone).ok_or_else(malformed)?;
    let mut out = BytesMut::new();
    codec::encode(&auth(Reason::ContinueAuthentication, first), Version::V5, &mut out).map_err(|_| malformed())?;
    if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
        return Err(malformed());
    }
    let answer = next_auth(stream, rest, shard).await.ok_or_else(malformed)?;
    if answer.reason != Reason::ContinueAuthentication || answer.properties.method.as_deref() != Some(scram::METHOD) {
        return Err((Reason::ProtocolError, ConnectFault::AuthMethod));
    }
    let proof = answer.properties.data.as_deref().and_then(|last| exchange.finish(last));
    let delay = authenticator.scram_delay(&exchange.name);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match (authenticator.scram_outcome(&exchange.name, zone, proof.is_some()), proof) {
        (AuthOutcome::Accept(identity), Some(proof)) => {
            let proof = Cell::new(Some(proof.into()));
            Ok(Enhanced { identity, zone, exchange: RefCell::default(), proof })
        }
        (AuthOutcome::Refuse(refusal), _) => Err(refused(refusal)),
        (AuthOutcome::Accept(_), None) => Err(refused(AuthRefusal::WrongPassword)),
    }
}

async fn next_auth(stream: &mut Box<dyn Duplex>, rest: &mut BytesMut, shard: &Shard) -> Option<Auth> {
    use tokio::io::AsyncReadExt;
    let limits = shard.core.borrow().limits;
    loop {
        if let Some(len) = codec::frame_len(rest, &limits).ok()?
            && rest.len() >= len
        {
            let frame = rest.split_to(len).freeze();
            return match codec::decode(&frame, Some(Version::V5), &limits).ok()? {
                Packet::Auth(auth) => Some(*auth),
                _ => None,
            };
        }
        if stream.read_buf(rest).await.ok()? == 0 {
            return None;
        }
    }
}

/// AUTH on a connection that stands (5.0 §4.12.1): the method and the name stay; a wrong proof ends it.
pub(crate) fn again(outbox: &Rc<Outbox>, packet: &Auth, authenticator: &dyn Authenticator) -> Verdict {
    let Some(enhanced) = &outbox.enhanced else {
        return Verdict::Fault(Reason::ProtocolError, "AUTH without an authentication method");
    };
    if packet.properties.method.as_deref() != Some(scram::METHOD) {
        return Verdict::Fault(Reason::ProtocolError, "another authentication method");
    }
    let data = packet.properties.data.as_ref();
    let denied = Verdict::Fault(Reason::NotAuthorized, "the proof is wrong");
    match packet.reason {
        Reason::ReAuthenticate => match begin(data, authenticator, enhanced.zone) {
            Some((exchange, first)) if exchange.name == enhanced.identity.as_str() => {
                enhanced.exchange.replace(Some(exchange));
                outbox.send(&auth(Reason::ContinueAuthentication, first));
                Verdict::GoOn
            }
            _ => denied,
        },
        Reason::ContinueAuthentication => {
            let Some(exchange) = enhanced.exchange.take() else {
                return Verdict::Fault(Reason::ProtocolError, "AUTH that continues nothing");
            };
            let proof = data.and_then(|last| exchange.finish(last));
            let outcome = authenticator.scram_outcome(&exchange.name, enhanced.zone, proof.is_some());
            match (outcome, proof) {
                (AuthOutcome::Accept(identity), Some(proof)) if identity == enhanced.identity => {
                    outbox.send(&auth(Reason::Success, proof));
                    Verdict::GoOn
                }
                _ => denied,
            }
        }
        _ => Verdict::Fault(Reason::ProtocolError, "AUTH that neither continues nor begins"),
    }
}
