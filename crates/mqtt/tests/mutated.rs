//! A million broken packets: none may panic, and what is still read must be written and read alike.
//! `COURTIER_MUTATE_SECS` lets it run on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod random;

use bytes::{Bytes, BytesMut};
use mqtt::{Limits, Packet, Version, codec};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// xorshift64*: the same packets every time.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn seeds(version: Version) -> Vec<Vec<u8>> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = random::packet(version);
    (0..500)
        .map(|_| {
            let packet: Packet = strategy.new_tree(&mut runner).unwrap().current();
            let mut bytes = BytesMut::new();
            codec::encode(&packet, version, &mut bytes).unwrap();
            bytes.to_vec()
        })
        .collect()
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Seeded) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.next() as u8),
            4 => {
                bytes.remove(at);
            }
            _ => bytes[at] = [0, 0x7f, 0x80, 0xff][random.below(4)],
        }
    }
    // Half of them keep a length that fits, so that the body is what is wrong.
    if random.below(2) == 0 && bytes.len() >= 2 && bytes.len() < 130 {
        bytes[1] = (bytes.len() - 2) as u8;
    }
}

#[test]
fn a_million_broken_packets_neither_panic_nor_change() {
    let mut random = Seeded(0x00C0_FFEE);
    let mut read = 0;
    let secs = std::env::var("COURTIER_MUTATE_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(0);
    let began = std::time::Instant::now();
    let mut tried = 0u64;
    for (version, share, until) in [(Version::V5, 600_000, secs / 2), (Version::V3_1_1, 400_000, secs)] {
        let seeds = seeds(version);
        let mut done = 0;
        while done < share || began.elapsed().as_secs() < until {
            (done, tried) = (done + 1, tried + 1);
            let mut bytes = seeds[random.below(seeds.len())].clone();
            mutate(&mut bytes, &mut random);
            let known = if random.below(8) == 0 { None } else { Some(version) };
            codec::frame_len(&bytes, &Limits::default()).ok();
            let Ok(packet) = codec::decode(&Bytes::from(bytes), known, &Limits::default()) else { continue };
            read += 1;
            let version = if let Packet::Connect(connect) = &packet { connect.version } else { version };
            let mut again = BytesMut::new();
            codec::encode(&packet, version, &mut again).unwrap();
            let known = if matches!(packet, Packet::Connect(_)) { None } else { Some(version) };
            assert_eq!(codec::decode(&again.freeze(), known, &Limits::NONE), Ok(packet));
        }
    }
    println!("{tried} packets, {read} of them still read");
    assert!(read > 100_000, "only {read} of a million were readable: the mutations are too rough to test much");
}

#[test]
fn every_packet_cut_at_every_byte_is_refused_or_waits() {
    for version in [Version::V5, Version::V3_1_1] {
        for whole in seeds(version) {
            for end in 0..whole.len() {
                let part = &whole[..end];
                let needed = codec::frame_len(part, &Limits::default()).unwrap();
                assert!(needed.is_none_or(|needed| needed > end), "a part of a packet looks whole");
                assert!(codec::decode(&Bytes::copy_from_slice(part), Some(version), &Limits::default()).is_err());
            }
        }
    }
}
