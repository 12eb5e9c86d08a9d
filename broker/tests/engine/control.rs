//! What the site sets and changes at run time: limits, rates, doors, lists.

use std::time::{Duration, Instant};

use broker::*;
use mqtt::*;

use crate::client::*;
use crate::site::{Hands, Site, builder, loopback, rule};

#[tokio::test]
async fn the_queue_limit_that_the_user_set_is_kept_counted_and_told() {
    let queue = QueueLimits { messages: 5, bytes: 1000 };
    let mut site = Site::of(builder(Config { queue, ..Config::default() })).await;
    let mut connect = Connect { clean_start: false, ..hello(Version::V5, "away") };
    connect.properties.session_expiry_secs = Some(600);
    let mut away = Client::connect(site.addr, connect.clone()).await;
    away.subscribe("t", QoS::AtLeastOnce).await;
    away.leave(Reason::Success).await;
    site.gone().await;
    let mut publisher = site.client("publisher").await;
    for text in ["1", "2", "3", "4", "5", "6", "7"] {
        publisher.tell("t", text).await;
    }
    assert_eq!(site.handle.stats().dropped, 2);
    let told = site.event("Dropped", |kind| matches!(kind, EventKind::Dropped { .. }).then_some(()));
    told.await;
    let mut back = Client::connect(site.addr, connect).await;
    for expected in ["1", "2", "3", "4", "5"] {
        assert_eq!(back.text().await, expected);
    }
    publisher.publish(publication("t", vec![b'x'; 2000], QoS::AtLeastOnce, 9)).await;
    publisher.puback(9).await;
    assert_eq!(back.message().await.payload.len(), 2000, "who reads is not held by a queue");
}

#[tokio::test]
async fn a_client_that_publishes_too_fast_is_slowed_and_loses_nothing() {
    let rates = Rates { messages: Some(Rate { per_sec: 100, burst: 10 }), ..Rates::default() };
    let site = Site::of(builder(Config { rates: vec![(Zone::Main, rates)], ..Config::default() })).await;
    let mut subscriber = site.client("subscriber").await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    let began = Instant::now();
    for n in 0..40u16 {
        publisher.publish(publication("t", n.to_string(), QoS::AtLeastOnce, n + 1)).await;
    }
    for n in 0..40u16 {
        assert_eq!(publisher.puback(n + 1).await, Reason::Success);
        assert_eq!(subscriber.text().await, n.to_string());
    }
    // What is read at once goes on credit; what comes then is paid for.
    publisher.tell("t", "after").await;
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?} for 30 messages above the burst", began.elapsed());
    let mut other = site.client("other").await;
    other.tell("t", "other").await;
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_refused_for_a_while() {
    let hands = Hands::default();
    let rates = Rates { connects: Some(Rate { per_sec: 1, burst: 3 }), ..Rates::default() };
    let config = Config { rates: vec![(Zone::Main, rates)], ..Config::default() };
    let mut site = Site::of(builder(config).clock(hands.clock())).await;
    let mut inside = Vec::new();
    for id in ["a", "b", "c"] {
        inside.push(site.client(id).await);
    }
    let mut refused = Client::open(site.addr, Version::V5).await;
    assert_eq!(refused.next().await, None);
    let fault = site.event("ConnectRefused", |kind| match kind {
        EventKind::ConnectRefused { fault, .. } => Some(fault.clone()),
        _ => None,
    });
    assert_eq!(fault.await, ConnectFault::TooManyConnections);
    for client in &mut inside {
        client.ping().await;
    }
    hands.forward_secs(2);
    site.client("d").await.ping().await;
}

#[tokio::test]
async fn a_payload_that_says_it_is_text_and_is_not_is_refused_where_that_is_asked_for() {
    for (check, expected) in [(true, Reason::PayloadFormatInvalid), (false, Reason::NoMatchingSubscribers)] {
        let site = Site::of(builder(Config { check_payload_format: check, ..Config::default() })).await;
        let mut client = site.client("c").await;
        let mut publish = publication("t", vec![0xFF, 0xFE], QoS::AtLeastOnce, 1);
        publish.properties.payload_is_utf8 = Some(true);
        client.publish(publish.clone()).await;
        assert_eq!(client.puback(1).await, expected);
        publish.properties.payload_is_utf8 = Some(false);
        client.publish(publish).await;
        assert_eq!(client.puback(1).await, Reason::NoMatchingSubscribers);
    }
}

#[tokio::test]
async fn a_client_that_asks_is_told_where_its_answers_may_go() {
    let who = Identity::new("anyone");
    let all = rule(Effect::Allow, true, true, "#");
    let rights = Rights::new([(who.clone(), vec![all])]).answer_at(&who, "s/g/anyone/answers");
    let site = Site::of(builder(Config::default()).rights(rights)).await;
    for (asks, expected) in [(Some(true), Some("s/g/anyone/answers")), (Some(false), None), (None, None)] {
        let mut connect = hello(Version::V5, "c");
        connect.properties.request_response_information = asks;
        let (_, answer) = Client::try_connect(site.addr, connect).await;
        assert_eq!(answer.properties.response_information.as_deref(), expected, "{asks:?}");
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_miss_nobody() {
    let site = Site::open().await;
    let mut clients = Vec::new();
    for n in 0..25 {
        let mut client = site.client(&format!("c{n:02}")).await;
        client.subscribe("b", QoS::AtMostOnce).await;
        client.subscribe("a/#", QoS::AtMostOnce).await;
        client.retain(Box::leak(format!("r/{n:02}").into_boxed_str()), "x").await;
        clients.push(client);
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = site.handle.clients_page(after.as_deref(), 10).await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 10);
        after = Some(last.client_id.clone());
        seen.extend(page.into_iter().map(|client| client.client_id));
    }
    assert_eq!(seen, (0..25).map(|n| format!("c{n:02}")).collect::<Vec<_>>());

    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = site.handle.subscriptions_page(after.clone(), 7).await;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page);
    }
    assert_eq!(seen.len(), 50);
    assert!(seen.is_sorted(), "{seen:?}");

    let filter = Filter::parse("r/+").unwrap();
    let (mut after, mut seen) = (None, 0);
    loop {
        let page = site.handle.retained_page(&filter, after.as_deref(), 10).await;
        let Some(last) = page.last() else { break };
        after = Some(last.topic.as_str().to_owned());
        seen += page.len();
    }
    assert_eq!(seen, 25);
}

#[tokio::test]
async fn a_door_moves_and_nobody_inside_notices() {
    let site = Site::open().await;
    let mut inside = site.client("inside").await;
    let moved = site.handle.move_listener(site.listener, loopback()).await.unwrap();
    assert_eq!(moved.id, site.listener);
    assert_ne!(moved.local_addr, site.addr);
    Client::connect(moved.local_addr, hello(Version::V5, "late")).await.ping().await;
    inside.ping().await;
    in_time("the old door to close", async {
        while tokio::net::TcpStream::connect(site.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;

    // Where the new place is taken the old one stays.
    let taken = std::net::TcpListener::bind(loopback()).unwrap();
    let failed = site.handle.move_listener(site.listener, taken.local_addr().unwrap()).await;
    assert!(matches!(failed, Err(ListenError::Taken { .. })));
    Client::connect(moved.local_addr, hello(Version::V5, "later")).await.ping().await;
    site.handle.remove_listener(site.listener).await;
    assert!(matches!(site.handle.move_listener(site.listener, loopback()).await, Err(ListenError::Unknown)));
}

#[tokio::test]
async fn what_can_be_read_of_a_damaged_store_is_handed_out_and_the_file_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let mut site = Site::with_store(path.clone()).await;
    let mut connect = Connect { clean_start: false, ..hello(Version::V5, "away") };
    connect.properties.session_expiry_secs = Some(3600);
    let mut away = Client::connect(site.addr, connect).await;
    away.subscribe("queued/#", QoS::AtLeastOnce).await;
    away.leave(Reason::Success).await;
    site.gone().await;
    let mut publisher = site.client("publisher").await;
    for n in 0..300u16 {
        let mut kept = publication(&format!("kept/{n:03}"), vec![b'k'; 200], QoS::AtLeastOnce, n + 1);
        kept.retain = true;
        publisher.publish(kept).await;
        publisher.puback(n + 1).await;
        publisher.publish(publication(&format!("queued/{n:03}"), vec![b'q'; 200], QoS::AtLeastOnce, n + 1)).await;
        publisher.puback(n + 1).await;
    }
    // As a crash leaves it: much is in the write-ahead log still.
    let copy = folder.path().join("crashed");
    std::fs::create_dir(&copy).unwrap();
    for name in ["broker.db", "broker.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.join(name)).unwrap();
    }
    site.handle.shutdown().await;
    let whole = rescue(&copy.join("broker.db")).unwrap();
    assert_eq!((whole.retained.len(), whole.queued.len(), whole.faults.len()), (300, 300, 0), "{:?}", whole.faults);
    assert_eq!(whole.sessions, [("away".to_owned(), "anyone".to_owned())]);

    // One page in the middle of the retained messages is rubbish.
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|text| text == b"kept/150").unwrap() / 4096 * 4096;
    bytes[at..at + 4096].fill(0x5A);
    std::fs::write(&path, &bytes).unwrap();
    let config = Config { store_path: Some(path.clone()), ..Config::default() };
    assert!(matches!(builder(config).spawn(), Err(Error::StoreDamaged { .. })));
    let rescued = rescue(&path).unwrap();
    assert!(!rescued.faults.is_empty());
    let topics: Vec<&str> = rescued.retained.iter().map(|message| message.topic.as_str()).collect();
    assert!(topics.len() > 200 && topics.len() < 300, "{} of 300", topics.len());
    assert!(topics.contains(&"kept/000") && topics.contains(&"kept/299") && topics.is_sorted());
    assert_eq!(rescued.queued.len(), 300);
    assert!(
        rescued
            .queued
            .iter()
            .enumerate()
            .all(|(n, (client, message))| { client == "away" && message.topic.as_str() == format!("queued/{n:03}") })
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file was written to");
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().filter_map(Result::ok).map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("rescue")), "{left:?}");

    std::fs::write(&path, vec![0x5A; 20_000]).unwrap();
    let nothing = rescue(&path).unwrap();
    assert!(nothing.retained.is_empty() && !nothing.faults.is_empty());
}

#[tokio::test]
async fn new_rights_of_a_group_hold_at_once_for_all_its_members() {
    let who = |name: &str| Identity::new(name);
    let of = |filter: &str| {
        let group = [("serre".to_owned(), vec![rule(Effect::Allow, true, true, filter)])];
        Rights::grouped(group, ["a", "b"].map(|name| (who(name), vec!["serre".to_owned()], Vec::new())))
    };
    let site = Site::of(builder(Config::default()).rights(of("serre/#"))).await;
    let named = |name: &str| {
        let mut connect = hello(Version::V5, name);
        (connect.user_name, connect.password) = (Some(name.into()), Some("right".into()));
        connect
    };
    let (mut a, mut b) = (Client::connect(site.addr, named("a")).await, Client::connect(site.addr, named("b")).await);
    assert_eq!(b.subscribe("serre/#", QoS::AtLeastOnce).await, Reason::GrantedQoS1);
    assert_eq!(a.tell("serre/x", "1").await, Reason::Success);
    assert_eq!(b.text().await, "1");
    site.handle.set_rights(of("serre/%u/#")).await;
    assert_eq!(a.tell("serre/x", "2").await, Reason::NotAuthorized);
    assert_eq!(a.tell("serre/a/x", "3").await, Reason::NoMatchingSubscribers, "the wide subscription is over");
    assert_eq!(b.subscribe("serre/#", QoS::AtLeastOnce).await, Reason::NotAuthorized);
    assert_eq!(b.subscribe("serre/b/#", QoS::AtLeastOnce).await, Reason::GrantedQoS1);
}
