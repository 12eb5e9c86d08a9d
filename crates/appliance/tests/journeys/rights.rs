//! Rights as sentences, on a broker that runs: shown, tried, changed, undone, proven.

use std::time::{Duration, Instant};

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{PubAckReason, SubscribeReasonCode};
use rumqttc::{Event, Incoming};
use serde_json::{Value, json};
use wire::{Code, RightsAnswer, RightsChanged, RightsShown, RightsWhy};

use crate::harness::{Client, House, PATIENCE, Room};

impl House {
    async fn rights(&self) -> RightsShown {
        self.call("rights_show", json!({})).await.unwrap()
    }

    /// The sentences of today with one more.
    async fn allow(&self, sentence: Value, apply: bool) -> Result<RightsChanged, wire::Problem> {
        let shown = self.rights().await;
        let mut sentences = serde_json::to_value(&shown.sentences).unwrap();
        sentences.as_array_mut().unwrap().push(sentence);
        let request = json!({"sentences": sentences, "revision": shown.revision, "apply": apply});
        self.call("rights_change", request).await
    }

    async fn try_out(&self, device: &str, action: &str, topic: &str) -> RightsAnswer {
        let request = json!({"device": device, "action": action, "topic": topic});
        self.call("rights_test", request).await.unwrap()
    }

    async fn in_group(&self, id: &str, group: &str) -> wire::ProvisionedDevice {
        let request = json!({"id": id, "group": group, "kind": "other", "language": "fr"});
        self.call("device_create", request).await.unwrap()
    }
}

fn sentence(subject: Value, verb: &str, object: Value) -> Value {
    json!({"number": 0, "subject": subject, "verb": verb, "object": object, "until_ms": null})
}

fn device(name: &str) -> Value {
    json!({"kind": "device", "name": name})
}

fn group(name: &str) -> Value {
    json!({"kind": "group", "name": name})
}

fn filter(filter: &str) -> Value {
    json!({"kind": "filter", "name": filter})
}

impl Client {
    /// Whether the broker lets it subscribe.
    pub async fn subscribes(&mut self, filter: &str) -> bool {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let answered = async {
            loop {
                if let Event::Incoming(Incoming::SubAck(ack)) = self.next().await {
                    return ack.return_codes;
                }
            }
        };
        let codes = tokio::time::timeout(PATIENCE, answered).await.expect("a SUBACK");
        codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_)))
    }

    async fn may_publish(&mut self, topic: &str) -> bool {
        let reason = self.publish(topic, "1", false).await;
        assert!(matches!(
            reason,
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers | PubAckReason::NotAuthorized
        ));
        reason != PubAckReason::NotAuthorized
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_rights_are_sentences_and_the_running_broker_keeps_them() {
    let room = Room::new();
    let house = room.start().await;
    let proof = house.status().await.proof.expect("a proof at the start");
    assert!(proof.holds() && proof.tried >= 12, "{proof:?}");

    house.create("serre-04").await;
    house.in_group("pi-salle", "meteo").await;
    let shown = house.rights().await;
    assert_eq!(shown.sentences.len(), 3);
    assert_eq!(shown.groups, ["meteo", "serre"]);
    let row = shown.rows.iter().find(|row| row.subject == wire::RightsSubject::Group("serre".into())).unwrap();
    let cell = |column: &str| {
        let at = shown.columns.iter().position(|each| each.filter == format!("salle114/{column}/#")).unwrap();
        (row.cells[at].writes, row.cells[at].reads)
    };
    use wire::RightsReach::{Nothing, Own};
    assert_eq!(cell("serre"), (Own, Own));
    assert_eq!(cell("meteo"), (Nothing, Nothing));
    assert_eq!(cell("guests"), (Nothing, Nothing));

    let of: wire::DeviceRights = house.call("rights_of", json!({"id": "serre-04"})).await.unwrap();
    assert_eq!(of.sentences.iter().map(|each| each.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(of.allowed.len(), 2);
    let proven: RightsShown = house.call("rights_prove", json!({})).await.unwrap();
    let proof = proven.proof.unwrap();
    assert!(proof.holds() && proof.tried >= 40, "two devices and two stand-ins: {proof:?}");
    // Nobody hears or keeps the trials, and nobody is accused of them.
    let trial = "salle114/courtier-proves-its-rights/courtier-proves-its-rights-1/proof";
    assert!(house.records(trial).await.is_empty());
    let view = house.call::<wire::TopicDetail>("topic_read", json!({"topic": trial})).await.unwrap();
    assert_eq!(view.count, 0);
    let page: wire::EventPage =
        house.call("event_list", json!({"since": 0, "wait_ms": 0, "device": null})).await.unwrap();
    assert!(page.events.iter().all(|event| event.refusal.is_none()), "{page:?}");
    assert_eq!(house.device("serre-04").await.state, wire::DeviceState::Expected);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tester_says_what_the_broker_does() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    house.create("serre-05").await;
    house.in_group("toit", "meteo").await;
    for sentence in [
        sentence(group("serre"), "reads", group("meteo")),
        sentence(group("serre"), "must_not", filter("salle114/meteo/secret/#")),
        sentence(device("serre-04"), "writes", filter("lab/+/x")),
        sentence(json!({"kind": "everybody"}), "reads", filter("$SYS/#")),
        sentence(json!({"kind": "everybody"}), "writes_and_reads", filter("shared/%u/#")),
    ] {
        let changed = house.allow(sentence, true).await.unwrap();
        assert!(changed.applied && changed.rights.proof.as_ref().unwrap().holds(), "{:?}", changed.rights.proof);
    }
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    let topics = [
        "salle114/serre/serre-04/measures",
        "salle114/serre/serre-05/measures",
        "salle114/serre/serre-04",
        "salle114/meteo/toit/x",
        "salle114/meteo/secret/x",
        "lab/a/x",
        "lab/a/y",
        "lab/x",
        "shared/serre-04/a",
        "shared/serre-05/a",
        "salle114/guests/x/y",
        "$SYS/broker/x",
    ];
    for topic in topics {
        let answer = house.try_out("serre-04", "publish", topic).await;
        assert_eq!(client.may_publish(topic).await, answer.allowed, "publish {topic}: {answer:?}");
    }
    let filters = [
        "#",
        "+/#",
        "salle114/#",
        "salle114/meteo/#",
        "salle114/meteo/secret/#",
        "salle114/meteo/+/x",
        "salle114/serre/serre-04/commands/#",
        "salle114/serre/serre-04/#",
        "salle114/serre/+/commands/#",
        "$share/g/#",
        "$share/g/salle114/meteo/#",
        "$SYS/#",
        "shared/serre-04/#",
        "shared/+/#",
        "lab/+/x",
    ];
    let mut denied = 0;
    for filter in filters {
        let answer = house.try_out("serre-04", "subscribe", filter).await;
        assert_eq!(client.subscribes(filter).await, answer.allowed, "subscribe {filter}: {answer:?}");
        assert!(answer.allowed || answer.sentence.is_some() || answer.why == RightsWhy::NothingAllows);
        denied += usize::from(!answer.allowed);
    }
    assert_eq!(denied, 9);
    let whole = house.try_out("serre-04", "subscribe", "salle114/meteo/#").await;
    assert_eq!((whole.sentence, whole.held_back), (Some(4), vec![5]));
    let secret = house.try_out("serre-04", "publish", "salle114/meteo/secret/x").await;
    assert_eq!((secret.why, secret.sentence, secret.proposal), (RightsWhy::Forbidden, Some(5), None));
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_hold_at_once_on_open_and_on_kept_sessions() {
    let room = Room::new();
    let house = room.start().await;
    let (reader, sleeper) = (house.create("lecteur").await, house.create("dormeur").await);
    let writer = house.in_group("toit", "meteo").await;
    let reads = sentence(group("serre"), "reads", group("meteo"));
    let preview = house.allow(reads.clone(), false).await.unwrap();
    assert!(!preview.applied && preview.rights.sentences.len() == 3, "a preview changes nothing");
    let gains: Vec<_> =
        preview.preview.differences.iter().map(|each| (each.device.as_str(), each.gains.len())).collect();
    assert_eq!(gains, [("lecteur", 1), ("dormeur", 1)]);
    house.allow(reads, true).await.unwrap();

    let mut live = house.client("lecteur", reader.password.expose());
    live.connect().await.unwrap();
    assert!(live.subscribes("salle114/meteo/#").await);
    let mut kept = house.durable("dormeur", sleeper.password.expose());
    kept.connect().await.unwrap();
    assert!(kept.subscribes("salle114/meteo/#").await);
    drop(kept);
    let mut writer = house.client("toit", writer.password.expose());
    writer.connect().await.unwrap();
    writer.publish("salle114/meteo/toit/x", "before", false).await;
    live.hears("before").await;

    let shown = house.rights().await;
    let fewer: Vec<_> = shown.sentences.iter().filter(|each| each.number != 4).cloned().collect();
    let request = |apply: bool| json!({"sentences": fewer, "revision": shown.revision, "apply": apply});
    let preview: RightsChanged = house.call("rights_change", request(false)).await.unwrap();
    let mut ended: Vec<_> = preview.preview.ended.iter().map(|each| each.device.as_str()).collect();
    ended.sort_unstable();
    assert_eq!(ended, ["dormeur", "lecteur"]);
    let asked = Instant::now();
    let changed: RightsChanged = house.call("rights_change", request(true)).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "changed and proven in {:?}", asked.elapsed());
    assert!(changed.rights.proof.unwrap().holds());

    writer.publish("salle114/meteo/toit/x", "after", false).await;
    assert!(!live.subscribes("salle114/meteo/#").await, "and the sentinel was not heard before");
    let mut kept = house.durable("dormeur", sleeper.password.expose());
    kept.connect().await.unwrap();
    // What was queued is not handed out either.
    kept.caught_up().await;
    let clients: Vec<wire::Client> = house.call("client_list", json!({})).await.unwrap();
    let session = clients.iter().find(|client| client.client_id == "dormeur").unwrap();
    assert!(session.subscriptions.is_empty() && session.queued == 0, "{session:?}");
    assert!(live.heard.is_empty() && kept.heard.is_empty(), "{:?} {:?}", live.heard, kept.heard);

    let undone: RightsShown = house.call("rights_undo", json!({})).await.unwrap();
    assert_eq!(undone.sentences.len(), 4);
    assert!(live.subscribes("salle114/meteo/#").await);
    let stale = house.call::<RightsChanged>("rights_change", request(true)).await;
    assert!(stale.is_ok(), "the sentences are those of the revision again");
    let outdated = json!({"sentences": [], "revision": shown.revision, "apply": true});
    let problem = house.call::<RightsChanged>("rights_change", outdated).await.unwrap_err();
    assert_eq!(problem.code, Code::RightsOutdated);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_this_is_the_narrowest_sentence_and_may_last_ten_minutes() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    let topic = "salle114/meteo/toit/x";
    assert!(!client.may_publish(topic).await);
    let event = house.refusal(Some("serre-04")).await;
    let answer = house.try_out("serre-04", "publish", event.topic.as_deref().unwrap()).await;
    assert_eq!((answer.why, answer.nearby), (RightsWhy::NothingAllows, vec![1]));
    let mut proposal = serde_json::to_value(answer.proposal.unwrap()).unwrap();
    assert_eq!(proposal["object"], filter(topic));
    let ends = house.status().await.now_ms + 600_000;
    proposal["until_ms"] = json!(ends);
    let changed = house.allow(proposal, true).await.unwrap();
    assert_eq!(changed.rights.sentences.last().unwrap().number, 4);
    assert!(client.may_publish(topic).await && !client.may_publish("salle114/meteo/toit/y").await);

    room.move_clock(Duration::from_secs(601));
    let over = async {
        while client.may_publish(topic).await {}
        while house.rights().await.sentences.len() > 3 {}
    };
    tokio::time::timeout(PATIENCE, over).await.expect("the right ends by itself");
    // Its number is not given again: an old refusal must not name another sentence.
    let next = house.allow(sentence(device("serre-04"), "reads", filter("a")), true).await.unwrap();
    assert_eq!(next.rights.sentences.last().unwrap().number, 5);
    // A device that is gone leaves no right to the next one of its name.
    let _: wire::Nothing = house.call("device_remove", json!({"id": "serre-04"})).await.unwrap();
    assert_eq!(house.rights().await.sentences.len(), 3);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_at_its_word() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    let everybody = || json!({"kind": "everybody"});
    for (wrong, field) in [
        (sentence(device("nobody"), "writes", filter("a")), "sentences.3.subject"),
        (sentence(everybody(), "reads", filter("a/#/b")), "sentences.3.object"),
        (sentence(everybody(), "reads", filter("in/%c")), "sentences.3.object"),
        (sentence(json!({"kind": "guests"}), "reads", json!({"kind": "own_branch"})), "sentences.3.verb"),
    ] {
        let problem = house.allow(wrong, true).await.unwrap_err();
        assert_eq!((problem.code, problem.field.as_deref()), (Code::RightsInvalid, Some(field)));
    }
    // None at all deny everything, and that is proven too.
    let shown = house.rights().await;
    let none = json!({"sentences": [], "revision": shown.revision, "apply": true});
    let changed: RightsChanged = house.call("rights_change", none).await.unwrap();
    assert!(changed.rights.proof.unwrap().holds());
    let answer = house.try_out("serre-04", "publish", "salle114/serre/serre-04/x").await;
    assert!(!answer.allowed && answer.nearby.is_empty());
    house.appliance.shutdown().await;

    let house = room.open().await;
    assert!(house.rights().await.sentences.is_empty(), "and after a restart");
    assert!(house.status().await.proof.unwrap().holds());
    house.appliance.shutdown().await;
}

/// Every device may write and read everything, whatever the sentences say.
fn open_to_all(table: &mut [(broker::Identity, Vec<broker::Rule>)]) {
    for (_, rules) in table {
        rules.push(broker::Rule {
            id: "wrong".into(),
            effect: broker::Effect::Allow,
            publish: true,
            read: true,
            filter: "#".into(),
        });
    }
}

/// Nobody may write.
fn closed_to_all(table: &mut [(broker::Identity, Vec<broker::Rule>)]) {
    table.iter_mut().for_each(|(_, rules)| rules.clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_decides_otherwise_has_no_door_to_the_room() {
    let Some(address) = Room::other_address() else { return };
    let mut room = Room::new();
    let one = room.ports.mtls.take().unwrap();
    let reached = |port: u16| std::net::TcpStream::connect((address, port)).is_ok();
    for (tamper, refused_wrongly) in [(open_to_all as appliance::Tamper, false), (closed_to_all, true)] {
        let house = room.open_tampered(tamper).await;
        if house.status().await.phase == wire::Phase::FirstRun {
            house.first_run(json!({"address": address.to_string()})).await.unwrap();
            let _: wire::SiteStatus = house.call("one_port_set", json!({"port": one})).await.unwrap();
        }
        let status = house.status().await;
        assert_eq!(status.ports.one, Some(one));
        let proof = status.proof.expect("a proof");
        assert!(!proof.holds() && proof.hindrance.is_none(), "{proof:?}");
        assert!(proof.wrong.iter().any(|fault| fault.allowed == refused_wrongly), "{proof:?}");
        assert!([room.ports.mqtts, room.ports.wss, one].iter().all(|port| !reached(*port)), "no door to the room");
        assert!(std::net::TcpStream::connect(("127.0.0.1", room.ports.mqtts)).is_ok(), "this computer may come in");
        assert_eq!(*house.appliance.claim_door().borrow(), None);
        house.event(None, |event| event.kind == wire::EventKind::RightsWrong).await;
        house.appliance.shutdown().await;
    }
    // The same site with a broker that decides as it should opens.
    let house = room.open().await;
    assert!(house.status().await.proof.unwrap().holds());
    assert!(reached(room.ports.mqtts) && reached(room.ports.wss) && reached(one));
    assert!(house.appliance.claim_door().borrow().is_some());
    let _: wire::SiteStatus = house.call("one_port_set", json!({"port": null})).await.unwrap();
    assert!(reached(room.ports.mqtts) && !reached(one));
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_is_given_the_sentence_that_its_kind_asks_for_and_takes_it_along_when_it_goes() {
    let room = Room::new();
    let house = room.start().await;
    let request = json!({"id": "zigbee", "group": "serre", "kind": "zigbee2mqtt", "language": "fr"});
    let hub: wire::ProvisionedDevice = house.call("device_create", request).await.unwrap();
    assert_eq!(house.rights().await.sentences.len(), 4);
    let mut client = house.client("zigbee", hub.password.expose());
    client.connect().await.unwrap();
    assert!(client.subscribes("salle114/serre/zigbee/#").await);
    assert!(!client.subscribes("salle114/serre/#").await);
    let _: wire::Nothing = house.call("device_remove", json!({"id": "zigbee"})).await.unwrap();
    assert_eq!(house.rights().await.sentences.len(), 3);
    house.appliance.shutdown().await;
}
