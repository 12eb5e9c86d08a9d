//! A second codec as judge: it must read what we write, and we must read what it writes, with
//! nothing changed on the way.
#![allow(clippy::unwrap_used, clippy::panic)]

mod random;

use bytes::{Bytes, BytesMut};
use mqtt::{Limits, Packet, Version, codec};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

/// Ours to the oracle, and what it makes of it back to us.
fn through_the_oracle(packet: &Packet, version: Version) -> Packet {
    let mut ours = BytesMut::new();
    codec::encode(packet, version, &mut ours).unwrap();
    let mut theirs = BytesMut::new();
    match version {
        Version::V5 => {
            let mut oracle = rmqtt_codec::v5::Codec::new(0, 0);
            let (read, _) = oracle.decode(&mut ours).unwrap().unwrap();
            oracle.encode(read, &mut theirs).unwrap();
        }
        _ => {
            let mut oracle = rmqtt_codec::v3::Codec::new(0);
            let (read, _) = oracle.decode(&mut ours).unwrap().unwrap();
            oracle.encode(read, &mut theirs).unwrap();
        }
    }
    assert!(ours.is_empty(), "the oracle left {} bytes of ours", ours.len());
    let known = if matches!(packet, Packet::Connect(_)) { None } else { Some(version) };
    codec::decode(&theirs.freeze(), known, &Limits::NONE).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_oracle_and_we_agree_on_3_1_1(packet in random::packet(Version::V3_1_1)) {
        prop_assert_eq!(through_the_oracle(&packet, Version::V3_1_1), packet);
    }

    #[test]
    fn the_oracle_and_we_agree_on_5_0(packet in random::packet(Version::V5)) {
        prop_assert_eq!(through_the_oracle(&packet, Version::V5), packet);
    }

    #[test]
    fn what_we_write_we_read_in_every_version(packet in random::packet(Version::V5), three in random::packet(Version::V3_1_1)) {
        for (packet, version) in [(packet, Version::V5), (three, Version::V3_1_1)] {
            let mut bytes = BytesMut::new();
            codec::encode(&packet, version, &mut bytes).unwrap();
            let bytes: Bytes = bytes.freeze();
            prop_assert_eq!(codec::frame_len(&bytes, &Limits::NONE), Ok(Some(bytes.len())));
            let known = if matches!(packet, Packet::Connect(_)) { None } else { Some(version) };
            prop_assert_eq!(codec::decode(&bytes, known, &Limits::NONE), Ok(packet));
        }
    }
}
