//! The start-up proof: clients of our own ask the running broker, at its real doors, what the
//! sentences allow and what they forbid.
//!
//! Nobody hears of it: what is forbidden is published for real; what is allowed is published only
//! where nobody listens, and elsewhere shown by a will, which the broker checks when it is handed
//! in and which is taken back at once.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};

use broker::{Message, Origin};
use bytes::{Bytes, BytesMut};
use mqtt::{
    Ack, Disconnect, Filter, Packet, Publish, QoS, Reason, RetainHandling, SubAck, Subscribe, SubscribeOptions, Topic,
    Version, Will, codec,
};
use tokio::io::AsyncReadExt;
use wire::{RightsFault, RightsProof};

use super::cases::{Case, How, Prover};
use super::flatten::Member;
use crate::doors::{Knocker, Line, PROVER, Tried, connect, in_time, send};

/// No device and no group can have these names: they are too long.
pub(crate) const STAND_IN: &str = "courtier-proves-its-rights";
pub(crate) const ELSEWHERE: &str = "courtier-proves-it-elsewhere";
static KNOCKS: AtomicU64 = AtomicU64::new(0);
/// A door that is busy is asked again.
const TRIES: u32 = 3;

/// Members that stand for devices where there are none yet.
pub(crate) fn stand_ins() -> impl Iterator<Item = Member> {
    (1..=2).map(|number| Member { id: format!("{STAND_IN}-{number}"), group: STAND_IN.to_owned() })
}

pub(crate) fn is_stand_in(identity: &str) -> bool {
    identity.starts_with(STAND_IN)
}

/// What the stand-ins say is kept and shown nowhere.
pub(crate) fn is_trial(message: &Message) -> bool {
    matches!(&message.origin, Origin::Client { identity, .. } if is_stand_in(identity.as_str()))
}

/// Asks everything. `heard` are the topics that somebody subscribed to.
pub(crate) async fn prove(
    knocker: &Knocker<'_>,
    provers: &[Prover],
    heard: &[String],
    password: &str,
    at_ms: i64,
) -> RightsProof {
    let mut proof = RightsProof { at_ms, tried: 0, wrong: Vec::new(), hindrance: None };
    for prover in provers {
        let mut tried = Err("not tried");
        for _ in 0..TRIES {
            tried = in_time(examine(knocker, prover, heard, password)).await;
            if tried.is_ok() {
                break;
            }
        }
        match tried {
            Ok(answers) => {
                proof.tried += u32::try_from(answers.len()).unwrap_or(u32::MAX);
                let wrong = prover.cases.iter().zip(answers).filter(|(case, answer)| case.allowed != *answer);
                proof.wrong.extend(wrong.map(|(case, _)| RightsFault {
                    device: prover.member.id.clone(),
                    action: case.action(),
                    topic: case.asked.clone(),
                    allowed: case.allowed,
                }));
            }
            Err(hindrance) => {
                proof.hindrance = Some(format!("{}: {hindrance}", prover.member.id));
                break;
            }
        }
    }
    proof
}

/// What the broker answers to each case of one member.
async fn examine(knocker: &Knocker<'_>, prover: &Prover, heard: &[String], password: &str) -> Tried<Vec<bool>> {
    let mut asking = Asking::open(knocker, prover, password).await?;
    let mut answers = Vec::new();
    for case in &prover.cases {
        let quiet = is_stand_in(&prover.member.id) && !heard.contains(&case.asked);
        answers.push(match case.how {
            How::Subscribe => asking.subscribe(&case.asked).await?,
            How::Publish if case.allowed && !quiet => by_will(knocker, prover, password, case).await?,
            How::Publish | How::Retain => asking.publish(&case.asked, case.how == How::Retain).await?,
            How::Will => by_will(knocker, prover, password, case).await?,
        });
    }
    asking.leave().await?;
    Ok(answers)
}

/// Whether a will to this topic is taken; it is never sent.
async fn by_will(knocker: &Knocker<'_>, prover: &Prover, password: &str, case: &Case) -> Tried<bool> {
    let will = Will {
        topic: Topic::parse(case.asked.as_str()).map_err(|_| "no topic")?,
        payload: Bytes::from_static(b"proof"),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Default::default(),
    };
    let mut asking = Asking::line(knocker, prover).await?;
    let reason = asking.hello(&prover.member.id, password, Some(will)).await?;
    match reason {
        Reason::NotAuthorized => Ok(false),
        Reason::Success => asking.leave().await.map(|()| true),
        _ => Err("the broker did not let it in"),
    }
}

/// One connection that asks.
struct Asking {
    line: Line,
    buffer: BytesMut,
    next: u16,
}

impl Asking {
    /// Guests come by their own door, the others by that with TLS.
    async fn line(knocker: &Knocker<'_>, prover: &Prover) -> Tried<Asking> {
        let line = knocker.line(prover.member.guest()).await?;
        Ok(Asking { line, buffer: BytesMut::new(), next: 0 })
    }

    async fn open(knocker: &Knocker<'_>, prover: &Prover, password: &str) -> Tried<Asking> {
        let mut asking = Asking::line(knocker, prover).await?;
        match asking.hello(&prover.member.id, password, None).await? {
            Reason::Success => Ok(asking),
            _ => Err("the broker did not let it in"),
        }
    }

    async fn hello(&mut self, member: &str, password: &str, will: Option<Will>) -> Tried<Reason> {
        // Each has a client id of its own: an older one is not pushed out by the next.
        let client_id = format!("{PROVER}-{}", KNOCKS.fetch_add(1, Ordering::Relaxed));
        let mut hello = connect(&client_id, Some((&format!("{PROVER}/{member}"), password)));
        if let Packet::Connect(connect) = &mut hello {
            connect.will = will;
        }
        send(&mut self.line, &hello).await?;
        match self.receive().await? {
            Packet::ConnAck(ack) => Ok(ack.reason),
            _ => Err("no CONNACK"),
        }
    }

    fn packet_id(&mut self) -> NonZeroU16 {
        self.next += 1;
        NonZeroU16::new(self.next).unwrap_or(NonZeroU16::MIN)
    }

    async fn publish(&mut self, topic: &str, retain: bool) -> Tried<bool> {
        let packet_id = self.packet_id();
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain,
            topic: Some(Topic::parse(topic).map_err(|_| "no topic")?),
            packet_id: Some(packet_id),
            properties: Default::default(),
            payload: Bytes::from_static(b"proof"),
        };
        send(&mut self.line, &Packet::Publish(Box::new(publish))).await?;
        loop {
            match self.receive().await? {
                Packet::PubAck(Ack { packet_id: answered, reason, .. }) if answered == packet_id => {
                    return answer(reason);
                }
                Packet::Publish(_) => {}
                _ => return Err("no PUBACK"),
            }
        }
    }

    async fn subscribe(&mut self, filter: &str) -> Tried<bool> {
        let packet_id = self.packet_id();
        let options = SubscribeOptions { retain_handling: RetainHandling::DoNotSend, ..Default::default() };
        let subscribe = Subscribe {
            packet_id,
            filters: vec![(Filter::parse(filter).map_err(|_| "no filter")?, options)],
            subscription_id: None,
            user_properties: Default::default(),
        };
        send(&mut self.line, &Packet::Subscribe(Box::new(subscribe))).await?;
        loop {
            match self.receive().await? {
                Packet::SubAck(ack) if ack.packet_id == packet_id => {
                    let SubAck { reasons, .. } = *ack;
                    return answer(reasons.first().copied().ok_or("no reason in the SUBACK")?);
                }
                Packet::Publish(_) => {}
                _ => return Err("no SUBACK"),
            }
        }
    }

    async fn leave(&mut self) -> Tried<()> {
        let goodbye = Disconnect { reason: Reason::Success, properties: Default::default() };
        send(&mut self.line, &Packet::Disconnect(Box::new(goodbye))).await?;
        // The broker closes: then the will is gone, and the name is free.
        while self.line.read_buf(&mut self.buffer).await.is_ok_and(|read| read > 0) {
            self.buffer.clear();
        }
        Ok(())
    }

    async fn receive(&mut self) -> Tried<Packet> {
        let limits = mqtt::Limits::default();
        loop {
            if let Some(len) = codec::frame_len(&self.buffer, &limits).map_err(|_| "no MQTT")?
                && self.buffer.len() >= len
            {
                let frame = self.buffer.split_to(len).freeze();
                return codec::decode(&frame, Some(Version::V5), &limits).map_err(|_| "no MQTT");
            }
            if self.line.read_buf(&mut self.buffer).await.map_err(|_| "cut off")? == 0 {
                return Err("cut off");
            }
        }
    }
}

/// A refusal for any other reason than rights is no answer.
fn answer(reason: Reason) -> Tried<bool> {
    match reason {
        Reason::NotAuthorized => Ok(false),
        reason if reason.is_error() => Err("refused for another reason"),
        _ => Ok(true),
    }
}
