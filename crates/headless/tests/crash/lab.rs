//! `courtierd lab --data`, started and killed, and a small client that blocks.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mqtt::{Ack, Connect, ConnectProperties, Limits, Packet, PacketId, Publish, QoS, Reason, Topic, Version, codec};

/// Nothing that is waited for takes so long.
pub const DEADLINE: Duration = Duration::from_secs(60);

const COURTIERD: &str = env!("CARGO_BIN_EXE_courtierd");

pub struct Lab {
    child: Child,
    pub addr: SocketAddr,
    /// From the start of the process until it said that it listens.
    pub ready: Duration,
}

impl Lab {
    pub fn start(data: &Path) -> Lab {
        Lab::start_with(data, &[])
    }

    pub fn start_with(data: &Path, environment: &[(&str, &Path)]) -> Lab {
        let mut command = Command::new(COURTIERD);
        command.envs(environment.iter().copied());
        Lab::run(command, data)
    }

    /// Started by another program, which is given the path and the arguments.
    pub fn start_by(program: &[&str], data: &Path) -> Lab {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(COURTIERD);
        Lab::run(command, data)
    }

    fn run(mut command: Command, data: &Path) -> Lab {
        let began = Instant::now();
        command.args(["lab", "--port", "0", "--ws-port", "0", "--data"]).arg(data).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.split("mqtt://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let addr = addr.unwrap_or_else(|| panic!("the lab did not start: {line:?}")).parse().unwrap();
        Lab { child, addr, ready: began.elapsed() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of the process runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub struct Client {
    stream: TcpStream,
    buffer: BytesMut,
    out: BytesMut,
}

impl Client {
    /// Connects with a session that stays; answers whether it was still there.
    pub fn connect(addr: SocketAddr, client_id: &str) -> (Client, bool) {
        Client::connect_for(addr, client_id, 3600)
    }

    /// The same with a session that ends with the connection.
    pub fn connect_for_now(addr: SocketAddr, client_id: &str) -> (Client, bool) {
        Client::connect_for(addr, client_id, 0)
    }

    fn connect_for(addr: SocketAddr, client_id: &str, expiry_secs: u32) -> (Client, bool) {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut client = Client { stream, buffer: BytesMut::new(), out: BytesMut::new() };
        client.put(&Packet::Connect(Box::new(Connect {
            version: Version::V5,
            bridge: false,
            clean_start: false,
            keep_alive_secs: 0,
            client_id: client_id.to_owned(),
            user_name: None,
            password: None,
            will: None,
            properties: ConnectProperties {
                session_expiry_secs: Some(expiry_secs),
                receive_maximum: Some(200),
                ..ConnectProperties::default()
            },
        })));
        client.flush();
        match client.next() {
            Some(Packet::ConnAck(answer)) => {
                assert_eq!(answer.reason, Reason::Success);
                (client, answer.session_present)
            }
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    pub fn put(&mut self, packet: &Packet) {
        codec::encode(packet, Version::V5, &mut self.out).unwrap();
    }

    /// Writes what was put; a broker that is gone is seen when reading.
    pub fn flush(&mut self) {
        self.stream.write_all(&self.out).ok();
        self.out.clear();
    }

    /// The next packet, or `None` once the broker is gone.
    pub fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(len) = codec::frame_len(&self.buffer, &Limits::default()).unwrap()
                && self.buffer.len() >= len
            {
                let frame = self.buffer.split_to(len).freeze();
                return Some(codec::decode(&frame, Some(Version::V5), &Limits::default()).unwrap());
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing came within {DEADLINE:?}")
                }
                Err(_) => return None,
            }
        }
    }

    /// Whether a whole packet was read already.
    pub fn has_more(&self) -> bool {
        codec::frame_len(&self.buffer, &Limits::default())
            .is_ok_and(|len| len.is_some_and(|len| self.buffer.len() >= len))
    }

    pub fn subscribe(&mut self, filters: &[&str]) {
        self.put_subscribe(filters);
        self.flush();
        assert!(matches!(self.next(), Some(Packet::SubAck(_))));
    }

    pub fn put_subscribe(&mut self, filters: &[&str]) {
        let options = mqtt::SubscribeOptions { qos: QoS::ExactlyOnce, ..mqtt::SubscribeOptions::default() };
        self.put(&Packet::Subscribe(Box::new(mqtt::Subscribe {
            packet_id: PacketId::MIN,
            filters: filters.iter().map(|filter| (mqtt::Filter::parse(*filter).unwrap(), options)).collect(),
            subscription_id: None,
            user_properties: Vec::new(),
        })));
    }
}

pub fn publication(topic: &str, payload: impl Into<Bytes>, qos: QoS, id: u16, dup: bool) -> Packet {
    Packet::Publish(Box::new(Publish {
        dup,
        qos,
        retain: false,
        topic: Some(Topic::parse(topic).unwrap()),
        packet_id: PacketId::new(id),
        properties: mqtt::PublishProperties::default(),
        payload: payload.into(),
    }))
}

pub fn ack(packet_id: PacketId) -> Ack {
    Ack { packet_id, reason: Reason::Success, properties: None }
}
