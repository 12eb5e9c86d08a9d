//! Thousands of packet sequences made from tables: malformed, out of order, at limits. Each runs on
//! a connection of its own and ends in one of few ways.

use crate::bytes::{self, Connect, Publish, Will, id, packet, text, two, varint};

/// What a broker must, or may, do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The connection ends; a reason may be said before.
    Closed,
    /// The connection goes on.
    Served,
    /// The connection ends, or the request is refused with a reason code.
    Refused,
    /// The standard leaves it open; the broker lives.
    Either,
}

pub struct Case {
    pub name: String,
    pub version: u8,
    /// The sequence follows a good CONNECT.
    pub connected: bool,
    pub bytes: Vec<u8>,
    pub expect: Expect,
}

pub fn cases() -> Vec<Case> {
    let mut all = Cases(Vec::new());
    for version in [4, 5] {
        all.header_flags(version);
        all.connect_flags(version);
        all.protocols(version);
        all.cuts(version);
        all.strings(version);
        all.filters(version);
        all.options(version);
        all.not_first(version);
        all.orders(version);
        all.lengths(version);
        all.mutations(version);
    }
    all.property_places();
    all.property_values();
    all.0
}

/// A CONNECT of its own for each case: they run side by side.
fn hello(version: u8, number: usize) -> Connect {
    Connect::new(version, &format!("raw{number}"))
}

/// A right packet of each kind that a client sends, with its first byte and body.
fn right(version: u8) -> Vec<(&'static str, u8, Vec<u8>)> {
    let ack = || two(3).to_vec();
    let body = |packet: Vec<u8>| packet.get(2..).unwrap_or_default().to_vec();
    let mut all = vec![
        ("PUBLISH QoS 0", 0x30, body(Publish::new("raw/t", "payload", 0, 0).bytes(version))),
        ("PUBLISH QoS 1", 0x32, body(Publish::new("raw/t", "payload", 1, 3).bytes(version))),
        ("PUBLISH QoS 2", 0x34, body(Publish::new("raw/t", "payload", 2, 3).bytes(version))),
        ("PUBACK", 0x40, ack()),
        ("PUBREC", 0x50, ack()),
        ("PUBREL", 0x62, ack()),
        ("PUBCOMP", 0x70, ack()),
        ("SUBSCRIBE", 0x82, body(bytes::subscribe(version, 3, &[], &[("raw/s", 0)]))),
        ("UNSUBSCRIBE", 0xa2, body(bytes::unsubscribe(version, 3, &["raw/s"]))),
        ("PINGREQ", 0xc0, Vec::new()),
        ("DISCONNECT", 0xe0, Vec::new()),
    ];
    if version == 5 {
        all.push(("DISCONNECT with reason", 0xe0, vec![0, 0]));
        all.push(("PUBACK with reason", 0x40, [two(3).to_vec(), vec![0x10, 0]].concat()));
    }
    all
}

struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: String, version: u8, connected: bool, bytes: Vec<u8>, expect: Expect) {
        self.0.push(Case { name, version, connected, bytes, expect });
    }

    fn after_connect(&mut self, name: String, version: u8, bytes: Vec<u8>, expect: Expect) {
        self.add(name, version, true, bytes, expect);
    }

    /// Every first byte with a body that is right for its kind (5.0 §2.1.3).
    fn header_flags(&mut self, version: u8) {
        let right = right(version);
        for first in 0..=255u8 {
            let (kind, flags) = (first >> 4, first & 15);
            let body = match right.iter().find(|(_, byte, _)| byte >> 4 == kind) {
                Some((_, _, body)) if kind != 3 => body.clone(),
                _ if kind == 3 => {
                    let qos = flags >> 1 & 3;
                    Publish::new("raw/t", "x", qos.min(2), 3).bytes(version).get(2..).unwrap_or_default().to_vec()
                }
                _ => vec![0, 0],
            };
            let expect = match kind {
                3 if flags >> 1 & 3 == 3 => Expect::Closed,
                3 if flags & 8 != 0 && flags & 6 == 0 => Expect::Either,
                3 => Expect::Served,
                4 | 5 | 7 if flags == 0 => Expect::Served,
                6 if flags == 2 => Expect::Served,
                8 | 10 if flags == 2 => Expect::Served,
                12 if flags == 0 => Expect::Served,
                _ => Expect::Closed,
            };
            self.after_connect(format!("first byte {first:#04x}"), version, packet(first, &body), expect);
        }
    }

    /// Every combination of the flags of CONNECT, each with the fields that it announces.
    fn connect_flags(&mut self, version: u8) {
        for flags in 0..=255u8 {
            let mut connect = hello(version, usize::from(flags) + usize::from(version) * 1000);
            if flags & 4 != 0 {
                connect.will = Some(Will::new("raw/will", "x"));
            }
            connect.user = (flags & 0x80 != 0).then(|| "u".into());
            connect.password = (flags & 0x40 != 0).then(|| b"p".to_vec());
            let mut bytes = connect.bytes();
            if let Some(byte) = bytes.get_mut(9) {
                *byte = flags;
            }
            let will_bits = flags & 0x38;
            let wrong = flags & 1 != 0
                || flags & 4 == 0 && will_bits != 0
                || flags & 0x18 == 0x18
                || version == 4 && flags & 0xc0 == 0x40;
            // Whether user name and password are right is not asked here.
            let expect = if wrong {
                Expect::Closed
            } else if flags & 0xc0 != 0 {
                Expect::Either
            } else {
                Expect::Served
            };
            self.add(format!("CONNECT flags {flags:#04x}"), version, false, bytes, expect);
        }
    }

    fn protocols(&mut self, version: u8) {
        for name in ["MQTT", "MQIsdp", "mqtt", "MQTTX", "MQT", "", "MQTT\0", "HTTP"] {
            for level in [0, 1, 2, 3, 4, 5, 6, 7, 127, 128, 131, 132, 255] {
                let own = hello(version, 5000 + usize::from(level)).bytes();
                let mut body = text(name);
                body.push(level);
                body.extend_from_slice(own.get(9..).unwrap_or_default());
                let expect = match (name, level) {
                    ("MQTT", level) if level == version => Expect::Served,
                    // The body is that of the other version.
                    ("MQTT", 4 | 5) | ("MQIsdp", 3) | ("MQTT", 131 | 132) | ("MQIsdp", 131) => Expect::Either,
                    _ => Expect::Closed,
                };
                self.add(format!("protocol {name:?} level {level}"), version, false, packet(0x10, &body), expect);
            }
        }
    }

    /// Each right packet cut at every byte, with a length that fits, and with a byte too many.
    fn cuts(&mut self, version: u8) {
        for (name, first, body) in right(version) {
            for len in 0..body.len() {
                let cut = body.get(..len).unwrap_or_default();
                let expect = match first >> 4 {
                    // The payload of PUBLISH is whatever is left.
                    3 => {
                        let head = 7 + if first & 6 != 0 { 2 } else { 0 } + if version == 5 { 1 } else { 0 };
                        if len >= head { Expect::Served } else { Expect::Closed }
                    }
                    // A reason without properties is a right short form; so is DISCONNECT without both.
                    4..=7 if len == 3 && version == 5 || len == 2 => Expect::Served,
                    14 => Expect::Closed,
                    _ => Expect::Closed,
                };
                self.after_connect(format!("{name} cut at {len}"), version, packet(first, cut), expect);
            }
            if first >> 4 != 3 && body != [0, 0] {
                let expect = match (first >> 4, version) {
                    // One byte more is a reason code, and 0 is one; or 0 properties.
                    (4..=7 | 14, 5) => continue,
                    _ => Expect::Closed,
                };
                let long = [body.as_slice(), &[0]].concat();
                self.after_connect(format!("{name} with a byte too many"), version, packet(first, &long), expect);
            }
        }
        let whole = Connect { will: Some(Will::new("w", "x")), ..hello(version, 6000) }.bytes();
        let body = whole.get(2..).unwrap_or_default();
        for len in 0..body.len() {
            let cut = packet(0x10, body.get(..len).unwrap_or_default());
            self.add(format!("CONNECT cut at {len}"), version, false, cut, Expect::Closed);
        }
        let long = packet(0x10, &[body, &[0]].concat());
        self.add("CONNECT with a byte too many".into(), version, false, long, Expect::Closed);
    }

    /// Ill-formed UTF-8 and U+0000 wherever a string stands (5.0 §1.5.4).
    fn strings(&mut self, version: u8) {
        let bad: [&[u8]; 12] = [
            b"\0",
            b"a\0b",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xe2\x82",
            b"\xff",
            b"\xf5\x80\x80\x80",
            b"\x80",
            b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80",
            b"a\xc3",
        ];
        for bytes in bad {
            let s = text(bytes);
            let empty = bytes::props(version, &[]);
            let connect = |flags: u8, properties: &[u8], payload: &[u8]| {
                let head = [text("MQTT"), vec![version, flags, 0, 60], bytes::props(version, properties)].concat();
                packet(0x10, &[&head, payload].concat())
            };
            let mut places = vec![
                ("client id", false, connect(2, &[], &s)),
                ("will topic", false, connect(6, &[], &[text("i"), empty.clone(), s.clone(), text("x")].concat())),
                ("user name", false, connect(0x82, &[], &[text("i"), s.clone()].concat())),
                ("topic name", true, packet(0x30, &[s.clone(), empty.clone()].concat())),
                ("filter", true, packet(0x82, &[two(1).to_vec(), empty.clone(), s.clone(), vec![0]].concat())),
                ("unsubscribed filter", true, packet(0xa2, &[two(1).to_vec(), empty.clone(), s.clone()].concat())),
            ];
            if version == 5 {
                let key = [vec![id::USER_PROPERTY], s.clone(), text("v")].concat();
                let value = [vec![id::USER_PROPERTY], text("k"), s.clone()].concat();
                let with = |property: u8| [vec![property], s.clone()].concat();
                let publish = |properties: &[u8]| packet(0x30, &[text("t"), bytes::block(properties)].concat());
                let will = |properties: &[u8]| {
                    connect(6, &[], &[text("i"), bytes::block(properties), text("w"), text("x")].concat())
                };
                places.extend([
                    ("content type", true, publish(&with(id::CONTENT_TYPE))),
                    ("response topic", true, publish(&with(id::RESPONSE_TOPIC))),
                    ("key of a user property", true, publish(&key)),
                    ("value of a user property", true, publish(&value)),
                    ("key in CONNECT", false, connect(2, &key, &text("i"))),
                    ("value in CONNECT", false, connect(2, &value, &text("i"))),
                    ("authentication method", false, connect(2, &with(id::AUTH_METHOD), &text("i"))),
                    ("content type of a will", false, will(&with(id::CONTENT_TYPE))),
                    ("response topic of a will", false, will(&with(id::RESPONSE_TOPIC))),
                    ("key in a will", false, will(&key)),
                    ("key in SUBSCRIBE", true, bytes::subscribe(5, 1, &key, &[("f", 0)])),
                    (
                        "reason string of PUBACK",
                        true,
                        packet(0x40, &[two(1).to_vec(), vec![0], bytes::block(&with(id::REASON_STRING))].concat()),
                    ),
                    (
                        "reason string of DISCONNECT",
                        true,
                        packet(0xe0, &[vec![0], bytes::block(&with(id::REASON_STRING))].concat()),
                    ),
                ]);
            }
            for (place, connected, sent) in places {
                self.add(format!("{place} {bytes:02x?}"), version, connected, sent, Expect::Closed);
            }
        }
    }

    fn filters(&mut self, version: u8) {
        let illegal =
            ["", "a/#/b", "#/a", "a#", "#a", "##", "a+", "+a", "++", "a/b+", "a/+b/c", "a/##", "+#", "#+", "a/#/"];
        let shares = [
            "$share",
            "$share/",
            "$share/g",
            "$share//a",
            "$share/g+/a",
            "$share/g#/a",
            "$share/g/",
            "$share/+/a",
            "$share/#",
        ];
        for filter in illegal {
            self.after_connect(
                format!("filter {filter:?}"),
                version,
                bytes::subscribe(version, 1, &[], &[(filter, 0)]),
                Expect::Refused,
            );
            self.after_connect(
                format!("filter {filter:?} behind a good one"),
                version,
                bytes::subscribe(version, 1, &[], &[("good", 0), (filter, 0)]),
                Expect::Refused,
            );
            let expect = if filter.is_empty() { Expect::Closed } else { Expect::Either };
            self.after_connect(
                format!("unsubscribe {filter:?}"),
                version,
                bytes::unsubscribe(version, 1, &[filter]),
                expect,
            );
        }
        for filter in shares {
            let expect =
                if version == 5 && !matches!(filter, "$share" | "$share/#") { Expect::Refused } else { Expect::Either };
            self.after_connect(
                format!("share {filter:?}"),
                version,
                bytes::subscribe(version, 1, &[], &[(filter, 0)]),
                expect,
            );
        }
        for topic in ["", "+", "#", "a/+", "a/#", "a+", "a#b", "/+/", "+/b"] {
            for qos in 0..=2 {
                let publish = Publish::new(topic, "x", qos, 1).bytes(version);
                self.after_connect(format!("topic {topic:?} with QoS {qos}"), version, publish, Expect::Refused);
            }
        }
        let deep = "a/".repeat(20_000);
        for (name, sent) in [
            ("a topic of 20,000 levels", Publish::new(&deep, "x", 0, 0).bytes(version)),
            ("a filter of 20,000 levels", bytes::subscribe(version, 1, &[], &[(&deep, 0)])),
        ] {
            self.after_connect(name.into(), version, sent, Expect::Either);
        }
    }

    fn options(&mut self, version: u8) {
        for options in 0..=255u8 {
            let wrong = options & 3 == 3
                || if version == 5 { options & 0xc0 != 0 || options & 0x30 == 0x30 } else { options & 0xfc != 0 };
            let expect = if wrong { Expect::Closed } else { Expect::Served };
            self.after_connect(
                format!("options {options:#04x}"),
                version,
                bytes::subscribe(version, 1, &[], &[("raw/o", options)]),
                expect,
            );
        }
    }

    fn not_first(&mut self, version: u8) {
        for (name, first, body) in right(version) {
            self.add(format!("{name} before CONNECT"), version, false, packet(first, &body), Expect::Closed);
        }
        let rubbish: [&[u8]; 9] = [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\0\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
            b"SSH-2.0-x\r\n",
            b"\x20\x02\0\0",
            b"\xf0\x00",
            b"\x10\xff\xff\xff\xff\x7f",
            b"hello",
        ];
        for bytes in rubbish {
            self.add(format!("{bytes:02x?} first"), version, false, bytes.to_vec(), Expect::Closed);
        }
    }

    fn orders(&mut self, version: u8) {
        let again = hello(version, 7000).bytes();
        let other = hello(9 - version, 7001).bytes();
        for (name, sent) in [("CONNECT", again.clone()), ("CONNECT of the other version", other)] {
            self.after_connect(format!("a second {name}"), version, sent, Expect::Closed);
        }
        self.after_connect(
            "CONNACK and CONNECT".into(),
            version,
            [vec![0x20, 2, 0, 0], again].concat(),
            Expect::Closed,
        );
        for (name, first) in [("PUBACK", 0x40), ("PUBREC", 0x50), ("PUBREL", 0x62), ("PUBCOMP", 0x70)] {
            for id in [1, 77, 65_535] {
                self.after_connect(format!("{name} of unknown {id}"), version, bytes::ack(first, id), Expect::Served);
            }
            self.after_connect(format!("{name} of identifier 0"), version, bytes::ack(first, 0), Expect::Either);
        }
        for (name, sent) in [
            ("SUBSCRIBE", bytes::subscribe(version, 0, &[], &[("f", 0)])),
            ("UNSUBSCRIBE", bytes::unsubscribe(version, 0, &["f"])),
            ("PUBLISH QoS 1", Publish::new("t", "x", 1, 0).bytes(version)),
            ("PUBLISH QoS 2", Publish::new("t", "x", 2, 0).bytes(version)),
        ] {
            self.after_connect(format!("{name} with identifier 0"), version, sent, Expect::Closed);
        }
        let twice = Publish::new("raw/twice", "x", 2, 9).bytes(version);
        self.after_connect(
            "a QoS 2 message sent twice".into(),
            version,
            [twice.clone(), twice, bytes::ack(0x62, 9)].concat(),
            Expect::Served,
        );
        self.after_connect(
            "PUBREL before PUBLISH".into(),
            version,
            [bytes::ack(0x62, 5), Publish::new("raw/late", "x", 2, 5).bytes(version)].concat(),
            Expect::Served,
        );
    }

    /// Remaining lengths that are too long, or not as short as they could be (5.0 §1.5.5).
    fn lengths(&mut self, version: u8) {
        for first in [0xc0, 0x30, 0x82, 0xe0] {
            let five = vec![first, 0xff, 0xff, 0xff, 0xff, 0x7f];
            self.after_connect(format!("{first:#04x} with a length of five bytes"), version, five, Expect::Closed);
            let five = vec![first, 0x80, 0x80, 0x80, 0x80, 0x00];
            self.after_connect(
                format!("{first:#04x} with an empty length of five bytes"),
                version,
                five,
                Expect::Closed,
            );
        }
        for padding in [vec![0x80, 0], vec![0x80, 0x80, 0], vec![0x80, 0x80, 0x80, 0]] {
            self.after_connect(
                format!("PINGREQ with length {padding:02x?}"),
                version,
                [vec![0xc0], padding].concat(),
                Expect::Either,
            );
        }
        // 256 MiB are announced and never come: the broker must not wait with the memory for them.
        self.after_connect(
            "PUBLISH of 256 MiB announced".into(),
            version,
            vec![0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't'],
            Expect::Either,
        );
    }

    /// Right packets with a few bits turned, from a seed: the broker lives.
    fn mutations(&mut self, version: u8) {
        let mut dice: u64 = 0x2545_f491_4f6c_dd1d ^ u64::from(version);
        let mut roll = move |below: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice >> 16).unwrap_or(0) % below.max(1)
        };
        let right = right(version);
        for number in 0..300 {
            let (connected, mut bytes) = if roll(4) == 0 {
                let will = Will::new("raw/w", "x");
                (false, Connect { will: Some(will), user: Some("u".into()), ..hello(version, 8000 + number) }.bytes())
            } else {
                let chosen = right.get(roll(right.len()));
                (true, chosen.map(|(_, first, body)| packet(*first, body)).unwrap_or_default())
            };
            for _ in 0..=roll(3) {
                let at = roll(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << roll(8);
                }
            }
            self.add(format!("mutation {number}"), version, connected, bytes, Expect::Either);
        }
    }

    /// Every property identifier in every packet that has properties (5.0 §2.2.2.2).
    fn property_places(&mut self) {
        for identifier in 0..=0x7fu8 {
            let known = value_of(identifier);
            let property = [vec![identifier], known.clone().unwrap_or_else(|| vec![0])].concat();
            for (place, allowed) in PLACES {
                let fits = known.is_some() && allowed.contains(&identifier);
                let (connected, sent) = placed(place, &property, usize::from(identifier));
                let expect = match () {
                    () if !fits => Expect::Closed,
                    () if matches!(identifier, id::AUTH_METHOD | id::AUTH_DATA) => Expect::Either,
                    () if *place == "DISCONNECT" => Expect::Closed,
                    () => Expect::Served,
                };
                self.add(format!("property {identifier} in {place}"), 5, connected, sent, expect);
                if fits && !matches!(identifier, id::USER_PROPERTY) {
                    let (connected, sent) =
                        placed(place, &[property.clone(), property.clone()].concat(), 200 + usize::from(identifier));
                    self.add(format!("property {identifier} twice in {place}"), 5, connected, sent, Expect::Closed);
                }
            }
        }
    }

    fn property_values(&mut self) {
        let values: [(&str, u8, &[u8]); 12] = [
            ("CONNECT", id::RECEIVE_MAXIMUM, &[0, 0]),
            ("CONNECT", id::MAXIMUM_PACKET, &[0, 0, 0, 0]),
            ("CONNECT", id::REQUEST_PROBLEM, &[2]),
            ("CONNECT", id::REQUEST_RESPONSE, &[2]),
            ("will", id::PAYLOAD_FORMAT, &[2]),
            ("PUBLISH", id::PAYLOAD_FORMAT, &[2]),
            ("PUBLISH", id::ALIAS, &[0, 0]),
            ("PUBLISH", id::ALIAS, &[0xff, 0xff]),
            ("PUBLISH", id::SUBSCRIPTION_ID, &[1]),
            ("SUBSCRIBE", id::SUBSCRIPTION_ID, &[0]),
            ("SUBSCRIBE", id::SUBSCRIPTION_ID, &[0xff, 0xff, 0xff, 0xff, 0x7f]),
            ("DISCONNECT", id::SESSION_EXPIRY, &[0, 0, 0, 1]),
        ];
        for (number, (place, property, value)) in values.into_iter().enumerate() {
            let (connected, sent) = placed(place, &[&[property], value].concat(), 400 + number);
            self.add(format!("property {property} = {value:02x?} in {place}"), 5, connected, sent, Expect::Closed);
        }
        // Lengths of property blocks that do not fit.
        for len in [1usize, 5, 127, 128, 16_383] {
            let block = varint(len);
            for (place, first, head, tail) in [
                ("PUBLISH", 0x30, text("t"), Vec::new()),
                ("SUBSCRIBE", 0x82, two(1).to_vec(), Vec::new()),
                ("PUBACK", 0x40, vec![0, 1, 0], Vec::new()),
                ("DISCONNECT", 0xe0, vec![0], Vec::new()),
            ] {
                let body = [head, block.clone(), tail].concat();
                self.after_connect(
                    format!("a property block of {len} that is not there in {place}"),
                    5,
                    packet(first, &body),
                    Expect::Closed,
                );
            }
        }
        for (name, properties) in [
            ("many user properties", bytes::user_property("k", "v").repeat(30)),
            ("empty ones", bytes::user_property("", "").repeat(5)),
        ] {
            let (connected, sent) = placed("PUBLISH", &properties, 500);
            self.add(name.into(), 5, connected, sent, Expect::Served);
        }
    }
}

/// Where properties stand, and which.
const PLACES: &[(&str, &[u8])] = &[
    ("CONNECT", &[17, 21, 22, 23, 25, 33, 34, 38, 39]),
    ("will", &[1, 2, 3, 8, 9, 24, 38]),
    ("PUBLISH", &[1, 2, 3, 8, 9, 35, 38]),
    ("PUBACK", &[31, 38]),
    ("PUBREC", &[31, 38]),
    ("PUBREL", &[31, 38]),
    ("PUBCOMP", &[31, 38]),
    ("SUBSCRIBE", &[11, 38]),
    ("UNSUBSCRIBE", &[38]),
    ("DISCONNECT", &[17, 31, 38]),
];

/// A right value for each identifier.
fn value_of(identifier: u8) -> Option<Vec<u8>> {
    Some(match identifier {
        id::PAYLOAD_FORMAT | id::REQUEST_PROBLEM | id::REQUEST_RESPONSE => vec![1],
        id::MAXIMUM_QOS | id::RETAIN_AVAILABLE | id::WILDCARD_AVAILABLE => vec![1],
        id::SUBSCRIPTION_ID_AVAILABLE | id::SHARED_AVAILABLE => vec![1],
        id::SERVER_KEEP_ALIVE | id::RECEIVE_MAXIMUM | id::ALIAS_MAXIMUM | id::ALIAS => vec![0, 1],
        id::SESSION_EXPIRY => vec![0, 0, 0, 0],
        id::MESSAGE_EXPIRY | id::WILL_DELAY => vec![0, 0, 0, 1],
        id::MAXIMUM_PACKET => vec![0, 1, 0, 0],
        id::SUBSCRIPTION_ID => vec![1],
        id::CONTENT_TYPE | id::RESPONSE_TOPIC | id::CORRELATION_DATA | id::ASSIGNED_CLIENT_ID => text("a"),
        id::AUTH_METHOD | id::AUTH_DATA | id::RESPONSE_INFORMATION | id::SERVER_REFERENCE => text("a"),
        id::REASON_STRING => text("a"),
        id::USER_PROPERTY => [text("k"), text("v")].concat(),
        _ => return None,
    })
}

/// A packet with these properties, and whether it follows a CONNECT.
fn placed(place: &str, properties: &[u8], number: usize) -> (bool, Vec<u8>) {
    let acked = |first: u8| (true, packet(first, &[vec![0, 1, 0], bytes::block(properties)].concat()));
    match place {
        "CONNECT" => (false, Connect { properties: properties.to_vec(), ..hello(5, 9000 + number) }.bytes()),
        "will" => {
            let will = Will { properties: properties.to_vec(), ..Will::new("raw/will", "x") };
            (false, Connect { will: Some(will), ..hello(5, 9500 + number) }.bytes())
        }
        "PUBLISH" => (true, Publish::new("raw/p", "x", 0, 0).with(properties).bytes(5)),
        "PUBACK" => acked(0x40),
        "PUBREC" => acked(0x50),
        "PUBREL" => acked(0x62),
        "PUBCOMP" => acked(0x70),
        "SUBSCRIBE" => (true, bytes::subscribe(5, 1, properties, &[("raw/f", 0)])),
        "UNSUBSCRIBE" => (true, packet(0xa2, &[vec![0, 1], bytes::block(properties), text("raw/f")].concat())),
        _ => (true, packet(0xe0, &[vec![0], bytes::block(properties)].concat())),
    }
}
