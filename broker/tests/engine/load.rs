//! Many messages, and clients that do not keep up.

use mqtt::*;
use tokio::task::JoinSet;

use crate::client::*;
use crate::site::Site;

#[tokio::test]
async fn ten_thousand_messages_fan_out_without_a_loss() {
    const SUBSCRIBERS: usize = 10;
    const MESSAGES: u16 = 1000;
    let site = Site::open().await;
    let mut tasks = JoinSet::new();
    for number in 0..SUBSCRIBERS {
        let mut subscriber = site.client(&format!("s{number}")).await;
        subscriber.subscribe("t", QoS::AtLeastOnce).await;
        tasks.spawn(async move {
            for n in 1..=MESSAGES {
                assert_eq!(subscriber.text().await, n.to_string());
            }
        });
    }
    let mut publisher = site.client("publisher").await;
    for n in 1..=MESSAGES {
        publisher.publish(publication("t", n.to_string(), QoS::AtLeastOnce, n)).await;
        assert_eq!(publisher.puback(n).await, Reason::Success);
    }
    while let Some(done) = in_time("subscriber", tasks.join_next()).await {
        done.unwrap();
    }
    assert_eq!(site.handle.stats().messages_out, 10_000);
    assert_eq!(site.handle.stats().dropped, 0);
}

#[tokio::test]
async fn a_reader_that_stopped_holds_up_nobody() {
    let site = Site::open().await;
    let mut stopped = site.client("stopped").await;
    stopped.subscribe("t", QoS::AtMostOnce).await;
    let mut healthy = site.client("healthy").await;
    healthy.subscribe("t", QoS::AtMostOnce).await;
    let mut publisher = site.client("publisher").await;
    // Far more than the socket buffers and every queue of the one that stopped can hold.
    for n in 0..600u32 {
        let mut payload = n.to_string().into_bytes();
        payload.resize(100_000, b' ');
        publisher.publish(publication("t", payload, QoS::AtMostOnce, 0)).await;
        let got = healthy.message().await.payload;
        assert_eq!(String::from_utf8_lossy(&got).trim(), n.to_string());
    }
    // What is fresh replaces what is old: the one that stopped finds the last messages, in order.
    let mut last = None;
    while last != Some(599) {
        let got = stopped.message().await.payload;
        let n: u32 = String::from_utf8_lossy(&got).trim().parse().unwrap();
        assert!(last.is_none_or(|last| last < n));
        last = Some(n);
    }
    assert!(site.handle.stats().dropped > 0, "what was dropped is counted");
}

#[tokio::test]
async fn a_burst_with_qos_1_loses_nothing_that_was_acknowledged() {
    const PUBLISHERS: u16 = 10;
    const EACH: u16 = 3000;
    let site = Site::open().await;
    let mut subscriber = site.client("subscriber").await;
    subscriber.subscribe("t/#", QoS::AtLeastOnce).await;
    let mut tasks = JoinSet::new();
    for number in 0..PUBLISHERS {
        let mut publisher = site.client(&format!("p{number}")).await;
        tasks.spawn(async move {
            let name = format!("t/{number}");
            for id in (1..=EACH).step_by(500) {
                for id in id..id + 500 {
                    publisher.publish(publication(&name, id.to_string(), QoS::AtLeastOnce, id)).await;
                }
                for id in id..id + 500 {
                    assert_eq!(publisher.puback(id).await, Reason::Success);
                }
            }
        });
    }
    let mut next = vec![1u16; usize::from(PUBLISHERS)];
    for _ in 0..u32::from(PUBLISHERS) * u32::from(EACH) {
        let message = subscriber.message().await;
        let name = message.topic.unwrap();
        let number: usize = name.as_str().strip_prefix("t/").unwrap().parse().unwrap();
        assert_eq!(message.payload, next[number].to_string(), "publisher {number}");
        next[number] += 1;
    }
    while let Some(done) = in_time("publisher", tasks.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn every_retained_message_is_delivered_however_many_there_are() {
    const TOPICS: u32 = 15_000;
    let site = Site::open().await;
    let mut publisher = site.client("publisher").await;
    for n in 0..TOPICS {
        let name = format!("r/{n:05}");
        publisher.publish(Publish { retain: true, ..publication(&name, "x", QoS::AtMostOnce, 0) }).await;
    }
    publisher.ping().await;
    let mut subscriber = site.client("subscriber").await;
    subscriber.subscribe("r/#", QoS::AtLeastOnce).await;
    for n in 0..TOPICS {
        assert_eq!(subscriber.message().await.topic, Some(topic(&format!("r/{n:05}"))));
    }
}
