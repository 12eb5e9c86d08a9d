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
