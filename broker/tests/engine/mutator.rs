//! Seeded storms against the state machine of a connection: right packets in any order, wrong ones
//! among them, cut anywhere, from clients that take each other over. No panic, and everybody else
//! is served. `COURTIER_MUTATE_SECS` lets it run on.

use std::time::{Duration, Instant};

use broker::Config;
use bytes::{BufMut, Bytes, BytesMut};
use mqtt::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::*;
use crate::site::{Site, builder};

/// Small, fast, and the same on every machine (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % below.max(1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

const TOPICS: &[&str] = &["a", "a/b", "a/b/c", "b", "$SYS/x", "c/d"];
const FILTERS: &[&str] = &["a", "a/#", "+/b", "#", "$share/g/a/#", "$share/h/+/b", "b", "c/+"];

fn qos(dice: &mut Dice) -> QoS {
    dice.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn connect(dice: &mut Dice, version: Version) -> Packet {
    let mut connect = hello(version, &format!("m{}", dice.roll(6)));
    connect.clean_start = dice.roll(2) == 0;
    connect.bridge = dice.roll(10) == 0;
    if dice.roll(3) == 0 {
        let mut last = will(dice.pick(TOPICS), "will");
        (last.qos, last.retain) = (qos(dice), dice.roll(2) == 0);
        if version == Version::V5 && dice.roll(2) == 0 {
            last.properties.delay_secs = Some(dice.roll(3) as u32);
        }
        connect.will = Some(last);
    }
    if version == Version::V5 {
        connect.properties.session_expiry_secs = (dice.roll(2) == 0).then(|| dice.roll(100) as u32);
        connect.properties.receive_maximum = (dice.roll(3) == 0).then(|| dice.roll(4) as u16 + 1);
        connect.properties.topic_alias_maximum = (dice.roll(3) == 0).then(|| dice.roll(3) as u16);
        connect.properties.maximum_packet_size = (dice.roll(5) == 0).then(|| dice.roll(60) as u32 + 1);
    }
    Packet::Connect(Box::new(connect))
}

fn any(dice: &mut Dice, version: Version) -> Packet {
    let id = dice.roll(5) as u16 + 1;
    match dice.roll(14) {
        0..=4 => {
            let mut publish = publication(dice.pick(TOPICS), "payload", qos(dice), id);
            (publish.retain, publish.dup) = (dice.roll(4) == 0, dice.roll(4) == 0 && publish.qos != QoS::AtMostOnce);
            if dice.roll(6) == 0 {
                publish.payload = Bytes::new();
            }
            if version == Version::V5 {
                publish.properties.topic_alias = (dice.roll(4) == 0).then(|| dice.roll(70) as u16 + 1);
                publish.properties.message_expiry_secs = (dice.roll(6) == 0).then(|| dice.roll(2) as u32);
                if publish.properties.topic_alias.is_some() && dice.roll(2) == 0 {
                    publish.topic = None;
                }
            }
            Packet::Publish(Box::new(publish))
        }
        5 => Packet::PubAck(ack(id)),
        6 => Packet::PubRec(ack(id)),
        7 => Packet::PubRel(ack(id)),
        8 => Packet::PubComp(ack(id)),
        9 | 10 => Packet::Subscribe(Box::new(Subscribe {
            packet_id: packet_id(id),
            filters: (0..=dice.roll(3))
                .map(|_| {
                    let filter = Filter::parse(dice.pick(FILTERS)).unwrap();
                    (filter, SubscribeOptions { qos: qos(dice), ..SubscribeOptions::default() })
                })
                .collect(),
            subscription_id: (version == Version::V5 && dice.roll(3) == 0).then(|| dice.roll(9) as u32 + 1),
            user_properties: Vec::new(),
        })),
        11 => Packet::Unsubscribe(Box::new(Unsubscribe {
            packet_id: packet_id(id),
            filters: vec![Filter::parse(dice.pick(FILTERS)).unwrap()],
            user_properties: Vec::new(),
        })),
        12 => Packet::PingReq,
        _ => match dice.roll(8) {
            0 => Packet::Disconnect(Box::new(Disconnect { reason: Reason::Success, properties: Default::default() })),
            1 => connect(dice, version),
            _ => Packet::PingReq,
        },
    }
}

/// What one client sends in its life.
fn life(seed: u64) -> (Vec<u8>, Vec<usize>) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let version = dice.pick(&[Version::V5, Version::V5, Version::V3_1_1, Version::V3_1]);
    let mut all = BytesMut::new();
    let mut packets = vec![connect(&mut dice, version)];
    packets.extend((0..dice.roll(30)).map(|_| any(&mut dice, version)));
    for packet in &packets {
        let before = all.len();
        if codec::encode(packet, version, &mut all).is_err() {
            all.truncate(before);
        }
    }
    // Most lives are right to the end; in some a few bits turn, behind the CONNECT mostly.
    if dice.roll(3) == 0 {
        for _ in 0..=dice.roll(3) {
            let from = if dice.roll(4) == 0 { 0 } else { 20.min(all.len() - 1) };
            let at = from + dice.roll(all.len() - from);
            all[at] ^= 1 << dice.roll(8);
        }
    }
    if dice.roll(20) == 0 {
        all.put_slice(&[0xff; 9]);
    }
    let cuts = (0..dice.roll(4)).map(|_| dice.roll(all.len())).collect();
    (all.to_vec(), cuts)
}

async fn live(addr: std::net::SocketAddr, seed: u64) {
    let (bytes, mut cuts) = life(seed);
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let Ok(mut stream) = TcpStream::connect(addr).await else { return };
    let mut from = 0;
    for cut in cuts {
        if stream.write_all(&bytes[from..cut]).await.is_err() {
            return;
        }
        from = cut;
    }
    // Reads a little, or nothing, and goes.
    if seed.is_multiple_of(3) {
        let mut some = [0; 512];
        let _ = tokio::time::timeout(Duration::from_millis(5), stream.readable()).await;
        stream.try_read(&mut some).ok();
    }
}

/// So many at once from one address may find the door full for a moment.
async fn patient(addr: std::net::SocketAddr) -> Client {
    loop {
        let mut client = Client::open(addr, Version::V5).await;
        client.send(&Packet::Connect(Box::new(hello(Version::V5, "good")))).await;
        if let Some(Packet::ConnAck(answer)) = client.next().await {
            assert_eq!(answer.reason, Reason::Success);
            return client;
        }
    }
}

#[tokio::test]
async fn storms_of_right_and_wrong_packets_harm_nobody_else() {
    let secs = std::env::var("COURTIER_MUTATE_SECS").ok().and_then(|secs| secs.parse().ok());
    let until = Instant::now() + Duration::from_secs(secs.unwrap_or(0));
    let folder = tempfile::tempdir().unwrap();
    let config = Config { store_path: Some(folder.path().join("broker.db")), ..Config::default() };
    let site = Site::of(builder(config)).await;
    let mut seed = 1;
    while seed < 4000 || Instant::now() < until {
        let mut lives = tokio::task::JoinSet::new();
        for own in seed..seed + 50 {
            lives.spawn(live(site.addr, own));
        }
        while lives.join_next().await.is_some() {}
        seed += 50;
        assert_eq!(site.handle.stats().panics, 0, "a panic of ours below seed {seed}");
        if seed % 1000 == 1 {
            let mut good = in_time("a place at the door", patient(site.addr)).await;
            good.subscribe("good/topic", QoS::ExactlyOnce).await;
            good.publish(publication("good/topic", "served", QoS::AtLeastOnce, 1)).await;
            assert!(!good.puback(1).await.is_error());
            assert_eq!(good.text().await, "served", "below seed {seed}");
            good.leave(Reason::Success).await;
        }
    }
    let stats = site.handle.stats();
    println!("{seed} lives, {} publications accepted, {} delivered", stats.messages_in, stats.messages_out);
    assert!(stats.messages_in > seed / 10 && stats.messages_out > seed / 10, "{stats:?}: hardly anything got through");
    in_time("stop", site.handle.shutdown()).await;
    // And what they left behind is a sound store.
    let again = Site::with_store(folder.path().join("broker.db")).await;
    again.client("after").await.ping().await;
    in_time("stop", again.handle.shutdown()).await;
}
