//! A client that does exactly what it is told, one packet at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Far more than anything here takes, far less than a person waits.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("no {what} in time"),
    }
}

pub fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub fn topic(name: &str) -> Topic {
    Topic::parse(name).unwrap()
}

/// A CONNECT with a clean start, keep-alive off and nothing else.
pub fn hello(version: Version, client_id: &str) -> Connect {
    Connect {
        bridge: false,
        version,
        clean_start: true,
        keep_alive_secs: 0,
        client_id: client_id.into(),
        user_name: None,
        password: None,
        will: None,
        properties: ConnectProperties::default(),
    }
}

pub fn will(name: &str, payload: &'static str) -> Will {
    let (topic, payload) = (topic(name), Bytes::from(payload));
    Will { topic, payload, qos: QoS::AtLeastOnce, retain: false, properties: WillProperties::default() }
}

pub fn publication(name: &str, payload: impl Into<Bytes>, qos: QoS, id: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Some(topic(name)),
        packet_id: (qos != QoS::AtMostOnce).then(|| packet_id(id)),
        properties: PublishProperties::default(),
        payload: payload.into(),
    }
}

pub fn ack(id: u16) -> Ack {
    Ack { packet_id: packet_id(id), reason: Reason::Success, properties: None }
}

pub struct Client {
    stream: Box<dyn Duplex>,
    version: Version,
    read: BytesMut,
    /// Messages that came while something else was waited for.
    early: VecDeque<Publish>,
}

impl Client {
    pub fn over(stream: impl Duplex + 'static, version: Version) -> Client {
        Client { stream: Box::new(stream), version, read: BytesMut::new(), early: VecDeque::new() }
    }

    /// An open TCP connection on which nothing was said yet.
    pub async fn open(addr: SocketAddr, version: Version) -> Client {
        let stream = in_time("connection", TcpStream::connect(addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client::over(stream, version)
    }

    /// Connects and answers what the broker said, which may be a refusal.
    pub async fn try_connect(addr: SocketAddr, connect: Connect) -> (Client, ConnAck) {
        let mut client = Client::open(addr, connect.version).await;
        let answer = client.say_hello(connect).await;
        (client, answer)
    }

    pub async fn say_hello(&mut self, connect: Connect) -> ConnAck {
        self.send(&Packet::Connect(Box::new(connect))).await;
        match self.receive().await {
            Packet::ConnAck(answer) => *answer,
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    pub async fn connect(addr: SocketAddr, connect: Connect) -> Client {
        let (client, answer) = Client::try_connect(addr, connect).await;
        assert_eq!(answer.reason, Reason::Success);
        client
    }

    pub async fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        codec::encode(packet, self.version, &mut bytes).unwrap();
        self.send_bytes(&bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        in_time("room to write", self.stream.write_all(bytes)).await.unwrap();
        in_time("room to write", self.stream.flush()).await.unwrap();
    }

    /// The next packet, or nothing when the broker closed the connection.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(len) = codec::frame_len(&self.read, &Limits::NONE).unwrap()
                && self.read.len() >= len
            {
                let frame = self.read.split_to(len).freeze();
                return Some(codec::decode(&frame, Some(self.version), &Limits::NONE).unwrap());
            }
            // A reset is an end like any other.
            if in_time("packet or end", self.stream.read_buf(&mut self.read)).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub async fn receive(&mut self) -> Packet {
        self.next().await.expect("the broker closed the connection")
    }

    /// The next packet that is no PUBLISH: an answer and a message may come in any order.
    pub async fn answer(&mut self) -> Packet {
        loop {
            match self.receive().await {
                Packet::Publish(publish) => self.early.push_back(*publish),
                other => return other,
            }
        }
    }

    /// The next PUBLISH, acknowledged as far as its QoS asks.
    pub async fn message(&mut self) -> Publish {
        let publish = self.unacknowledged().await;
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(&Packet::PubAck(ack(id.get()))).await,
            (QoS::ExactlyOnce, Some(id)) => {
                self.send(&Packet::PubRec(ack(id.get()))).await;
                assert_eq!(self.answer().await, Packet::PubRel(ack(id.get())));
                self.send(&Packet::PubComp(ack(id.get()))).await;
            }
            _ => {}
        }
        publish
    }

    pub async fn unacknowledged(&mut self) -> Publish {
        if let Some(publish) = self.early.pop_front() {
            return publish;
        }
        match self.receive().await {
            Packet::Publish(publish) => *publish,
            other => panic!("{other:?} instead of PUBLISH"),
        }
    }

    /// The payload of the next message, as text.
    pub async fn text(&mut self) -> String {
        String::from_utf8(self.message().await.payload.to_vec()).unwrap()
    }

    pub async fn subscribe(&mut self, filter: &str, qos: QoS) -> Reason {
        self.subscribe_with(filter, SubscribeOptions { qos, ..SubscribeOptions::default() }, None).await
    }

    pub async fn subscribe_with(&mut self, filter: &str, options: SubscribeOptions, id: Option<u32>) -> Reason {
        let subscribe = Subscribe {
            packet_id: packet_id(77),
            filters: vec![(Filter::parse(filter).unwrap(), options)],
            subscription_id: id,
            user_properties: Vec::new(),
        };
        self.send(&Packet::Subscribe(Box::new(subscribe))).await;
        match self.answer().await {
            Packet::SubAck(answer) => {
                assert_eq!(answer.packet_id, packet_id(77));
                answer.reasons[0]
            }
            other => panic!("{other:?} instead of SUBACK"),
        }
    }

    pub async fn unsubscribe(&mut self, filter: &str) -> Vec<Reason> {
        let filters = vec![Filter::parse(filter).unwrap()];
        let packet = Unsubscribe { packet_id: packet_id(78), filters, user_properties: Vec::new() };
        self.send(&Packet::Unsubscribe(Box::new(packet))).await;
        match self.answer().await {
            Packet::UnsubAck(answer) => answer.reasons,
            other => panic!("{other:?} instead of UNSUBACK"),
        }
    }

    pub async fn publish(&mut self, publish: Publish) {
        self.send(&Packet::Publish(Box::new(publish))).await;
    }

    pub async fn say(&mut self, name: &str, payload: &'static str) {
        self.publish(publication(name, payload, QoS::AtMostOnce, 0)).await;
    }

    /// Publishes with QoS 1 and answers the reason of the PUBACK.
    pub async fn tell(&mut self, name: &str, payload: &'static str) -> Reason {
        self.publish(publication(name, payload, QoS::AtLeastOnce, 9)).await;
        self.puback(9).await
    }

    pub async fn retain(&mut self, name: &str, payload: &'static str) {
        self.publish(Publish { retain: true, ..publication(name, payload, QoS::AtLeastOnce, 8) }).await;
        assert!(!self.puback(8).await.is_error());
    }

    pub async fn puback(&mut self, id: u16) -> Reason {
        match self.answer().await {
            Packet::PubAck(answer) => {
                assert_eq!(answer.packet_id, packet_id(id));
                answer.reason
            }
            other => panic!("{other:?} instead of PUBACK"),
        }
    }

    /// A round trip: everything said before was handled, everything due before has arrived.
    pub async fn ping(&mut self) {
        assert_eq!(self.early, []);
        self.send(&Packet::PingReq).await;
        assert_eq!(self.receive().await, Packet::PingResp);
    }

    /// The broker says why, where the version can say it, and closes.
    pub async fn expect_end(&mut self, reason: Reason) {
        if self.version == Version::V5 {
            match self.receive().await {
                Packet::Disconnect(goodbye) => assert_eq!(goodbye.reason, reason),
                other => panic!("{other:?} instead of DISCONNECT"),
            }
        }
        assert_eq!(self.next().await, None);
    }

    /// DISCONNECT, and the broker has seen it.
    pub async fn leave(mut self, reason: Reason) {
        let properties = DisconnectProperties::default();
        self.send(&Packet::Disconnect(Box::new(Disconnect { reason, properties }))).await;
        assert_eq!(self.next().await, None);
    }
}
