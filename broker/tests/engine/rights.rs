//! Rights at every way in and out: publish, will, subscribe, delivery, retained, shared.

use broker::*;
use bytes::Bytes;
use mqtt::{Connect, Publish, QoS, Version};

use crate::client::*;
use crate::site::{Site, builder, rule};

fn named(name: &str, version: Version, client_id: &str) -> Connect {
    Connect { user_name: Some(name.into()), password: Some(Bytes::from("right")), ..hello(version, client_id) }
}

/// "device" writes its branch and reads its commands; "teacher" does everything but read secrets.
fn school() -> Rights {
    let device = vec![
        rule(Effect::Allow, true, false, "a/%u/#"),
        rule(Effect::Allow, false, true, "a/%u/commands/#"),
        rule(Effect::Deny, true, false, "a/%u/sealed"),
    ];
    let teacher = vec![rule(Effect::Allow, true, true, "#"), rule(Effect::Deny, false, true, "secret/#")];
    Rights::new([(Identity::new("device"), device), (Identity::new("teacher"), teacher)])
}

async fn school_site() -> Site {
    Site::of(builder(Config::default()).rights(school())).await
}

async fn denied(site: &mut Site) -> (String, Option<String>) {
    let pick = |kind: &EventKind| match kind {
        EventKind::PublishDenied { topic, rule } => Some((topic.clone(), rule.clone())),
        _ => None,
    };
    site.event("PublishDenied", pick).await
}

#[tokio::test]
async fn a_denied_publication_goes_nowhere_and_says_which_rule() {
    let mut site = school_site().await;
    let mut teacher = Client::connect(site.addr, named("teacher", Version::V5, "t")).await;
    teacher.subscribe("#", QoS::AtLeastOnce).await;
    for (version, answer) in [(Version::V3_1_1, Reason::Success), (Version::V5, Reason::NotAuthorized)] {
        let mut device = Client::connect(site.addr, named("device", version, "d")).await;
        assert_eq!(device.tell("a/other/x", "no").await, answer);
        assert_eq!(denied(&mut site).await, ("a/other/x".into(), None));
        assert_eq!(device.tell("a/device/sealed", "no").await, answer);
        assert_eq!(denied(&mut site).await, ("a/device/sealed".into(), Some("a/%u/sealed".into())));
        device.say("a/other/y", "no").await;
        device.publish(Publish { retain: true, ..publication("a/other/r", "no", QoS::AtMostOnce, 0) }).await;
        assert_eq!([denied(&mut site).await.0, denied(&mut site).await.0], ["a/other/y", "a/other/r"]);
        assert_eq!(device.tell("a/device/x", "yes").await, Reason::Success);
        assert_eq!(teacher.text().await, "yes");
    }
    assert_eq!(site.retained_topics().await, [""; 0]);
}

#[tokio::test]
async fn a_denied_publication_with_qos_2_is_over_at_once() {
    let site = school_site().await;
    let mut device = Client::connect(site.addr, named("device", Version::V5, "d")).await;
    for _ in 0..2 {
        device.publish(publication("a/other/x", "no", QoS::ExactlyOnce, 5)).await;
        let mqtt::Packet::PubRec(answer) = device.receive().await else { panic!("no PUBREC") };
        assert_eq!(answer.reason, Reason::NotAuthorized);
    }
}

#[tokio::test]
async fn a_filter_is_granted_only_where_all_of_it_is_allowed() {
    let mut site = school_site().await;
    let mut device = Client::connect(site.addr, named("device", Version::V5, "d")).await;
    for filter in ["#", "a/#", "a/+/commands/#", "a/other/commands/x", "$share/g/#", "a/device/x", "$SYS/#"] {
        assert_eq!(device.subscribe(filter, QoS::AtMostOnce).await, Reason::NotAuthorized, "{filter}");
        let pick = |kind: &EventKind| match kind {
            EventKind::SubscribeDenied { filter, .. } => Some(filter.clone()),
            _ => None,
        };
        assert_eq!(site.event("SubscribeDenied", pick).await, filter);
    }
    assert_eq!(device.subscribe("a/device/commands/+", QoS::AtMostOnce).await, Reason::Success);
    let mut old = Client::connect(site.addr, named("device", Version::V3_1_1, "d2")).await;
    assert_eq!(old.subscribe("#", QoS::AtMostOnce).await.code(), 0x80);
}

#[tokio::test]
async fn what_is_denied_within_a_wide_subscription_is_held_back_at_delivery() {
    let site = school_site().await;
    let mut teacher = Client::connect(site.addr, named("teacher", Version::V5, "t")).await;
    teacher.retain("secret/kept", "no").await;
    teacher.retain("open/kept", "yes").await;
    assert_eq!(teacher.subscribe("#", QoS::AtLeastOnce).await, Reason::GrantedQoS1);
    assert_eq!(teacher.text().await, "yes");
    teacher.tell("secret/x", "no").await;
    teacher.tell("open/x", "live").await;
    assert_eq!(teacher.text().await, "live");
    assert_eq!(teacher.subscribe("$share/g/#", QoS::AtLeastOnce).await, Reason::GrantedQoS1);
    teacher.unsubscribe("#").await;
    teacher.tell("secret/x", "no").await;
    teacher.tell("open/x", "shared").await;
    assert_eq!(teacher.text().await, "shared");
}

#[tokio::test]
async fn a_will_that_may_not_be_said_refuses_its_client() {
    let mut site = school_site().await;
    let mortal = Connect { will: Some(will("a/other/x", "no")), ..named("device", Version::V5, "d") };
    let (mut client, answer) = Client::try_connect(site.addr, mortal).await;
    assert_eq!(answer.reason, Reason::NotAuthorized);
    assert_eq!(client.next().await, None);
    let pick = |kind: &EventKind| match kind {
        EventKind::ConnectRefused { fault, .. } => Some(fault.clone()),
        _ => None,
    };
    assert!(
        matches!(site.event("ConnectRefused", pick).await, ConnectFault::WillDenied { topic } if topic == "a/other/x")
    );
}

#[tokio::test]
async fn without_rights_nothing_is_allowed() {
    let site = Site::of(builder(Config::default()).rights(Rights::default())).await;
    let mut client = site.client("c").await;
    assert_eq!(client.tell("t", "x").await, Reason::NotAuthorized);
    assert_eq!(client.subscribe("t", QoS::AtMostOnce).await, Reason::NotAuthorized);
}

#[tokio::test]
async fn new_rights_hold_for_those_who_are_connected() {
    let mut site = school_site().await;
    let mut device = Client::connect(site.addr, named("device", Version::V5, "d")).await;
    device.subscribe("a/device/commands/#", QoS::AtMostOnce).await;
    let mut teacher = Client::connect(site.addr, named("teacher", Version::V5, "t")).await;
    let everything = vec![rule(Effect::Allow, true, true, "#")];
    site.handle.set_rights(Rights::new([(Identity::new("teacher"), everything.clone())])).await;
    device.expect_end(Reason::NotAuthorized).await;
    teacher.subscribe("secret/#", QoS::AtMostOnce).await;
    teacher.say("secret/x", "now").await;
    assert_eq!(teacher.text().await, "now");
    site.gone().await;
    assert_eq!(site.handle.stats().connected, 1);
}

#[tokio::test]
async fn a_subscription_whose_right_is_lost_delivers_nothing_more() {
    let site = school_site().await;
    let mut teacher = Client::connect(site.addr, named("teacher", Version::V5, "t")).await;
    teacher.subscribe("lab/#", QoS::AtMostOnce).await;
    teacher.subscribe("mark", QoS::AtMostOnce).await;
    let narrow = vec![rule(Effect::Allow, true, false, "#"), rule(Effect::Allow, false, true, "mark")];
    site.handle.set_rights(Rights::new([(Identity::new("teacher"), narrow)])).await;
    site.handle.publish(Message::from_site(topic("lab/x"), "no")).await.unwrap();
    site.handle.publish(Message::from_site(topic("mark"), "after")).await.unwrap();
    // It is disconnected, or it stays and gets only what it may.
    match teacher.next().await {
        None | Some(mqtt::Packet::Disconnect(_)) => {}
        Some(mqtt::Packet::Publish(message)) => assert_eq!(message.payload, "after"),
        Some(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_client_is_told_why_and_so_is_the_doctor() {
    let mut site = Site::open().await;
    let wrong = |name: &str| Connect { password: Some(Bytes::from("wrong")), ..named(name, Version::V5, "c") };
    for (name, reason, refusal) in [
        ("device", Reason::BadUserNameOrPassword, AuthRefusal::WrongPassword),
        ("nobody", Reason::BadUserNameOrPassword, AuthRefusal::UnknownIdentity),
        ("revoked", Reason::Banned, AuthRefusal::Revoked),
    ] {
        let (mut client, answer) = Client::try_connect(site.addr, wrong(name)).await;
        assert_eq!(answer.reason, reason);
        assert_eq!(client.next().await, None);
        let pick = |kind: &EventKind| match kind {
            EventKind::ConnectRefused { fault, user_name } => Some((fault.clone(), user_name.clone())),
            _ => None,
        };
        let told = site.event("ConnectRefused", pick).await;
        assert_eq!(told, (ConnectFault::Auth(refusal), Some(name.to_owned())));
    }
    let old = Connect { version: Version::V3_1_1, ..wrong("device") };
    let (_, answer) = Client::try_connect(site.addr, old).await;
    assert_eq!(answer.reason, Reason::BadUserNameOrPassword);
}
