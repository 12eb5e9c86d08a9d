//! What a page sees before anything new is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::BrokerHandle;
use bytes::Bytes;
use live::Seen;

use crate::Inner;
use crate::site::Site;

/// Retained messages that the first picture shows.
const FIRST_PICTURE: usize = 10_000;

/// One message of the first picture.
struct Past {
    topic: String,
    payload: Bytes,
    qos: u8,
    retain: bool,
    at_ms: i64,
}

/// Fills the live view with what was recorded or is retained.
pub(crate) async fn recall(inner: &Arc<Inner>, site: &Arc<Site>, broker: &BrokerHandle) {
    if inner.live.tree().messages() > 0 {
        return;
    }
    let retained = match mqtt::Filter::parse("#") {
        Ok(all) => broker.retained(&all, FIRST_PICTURE).await,
        Err(_) => Vec::new(),
    };
    let mut past: BTreeMap<String, Past> = retained
        .iter()
        .map(|message| {
            let (topic, payload) = (message.topic.as_str().to_owned(), message.payload.clone());
            let (qos, at_ms) = (message.qos as u8, message.at_us / 1000);
            (topic.clone(), Past { topic, payload, qos, retain: true, at_ms })
        })
        .collect();
    let recorder = site.recorder.clone();
    match tokio::task::spawn_blocking(move || recorder.last_values()).await {
        Ok(Ok(recorded)) => {
            for (topic, record) in recorded {
                let retain = past.contains_key(&topic);
                let (payload, at_ms) = (Bytes::from(record.payload), record.at_us / 1000);
                past.insert(topic.clone(), Past { topic, payload, qos: record.qos, retain, at_ms });
            }
        }
        Ok(Err(error)) => tracing::warn!(%error, "the last values cannot be read"),
        Err(error) => tracing::warn!(%error, "the last values cannot be read"),
    }
    let settings = site.settings.load();
    for device in &settings.devices {
        let below = format!("{}/", settings.branch(device));
        let said = past.range(below.clone()..).take_while(|(topic, _)| topic.starts_with(&below));
        if let Some(at_ms) = said.map(|(_, past)| past.at_ms).max() {
            inner.presence.said(&device.id, at_ms);
        }
    }
    // In the order of time, as it was said: rates are counted by it.
    let mut past: Vec<Past> = past.into_values().collect();
    past.sort_by_key(|past| past.at_ms);
    inner.live.recall(past.iter().map(|past| Seen {
        topic: &past.topic,
        payload: &past.payload,
        qos: past.qos,
        retain: past.retain,
        at_ms: past.at_ms,
        publisher: None,
    }));
}
