//! Topics and clients: read, publish, clear, list.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::{Message, TransportKind};
use bytes::Bytes;
use mqtt::{QoS, Reason, Topic, Version};
use wire::{Client, KickClient, Nothing, Problem, PublishMessage, TopicDetail, TopicRef};

use crate::doors::is_probe;
use crate::limits::{DETAIL_BYTES, PUBLISH_BYTES};
use crate::{Appliance, Error};

impl Appliance {
    /// The last message of a topic. A topic that nobody wrote to yet is empty, not wrong.
    pub async fn topic_read(&self, request: TopicRef) -> Result<TopicDetail, Problem> {
        let site = self.inner.site()?;
        let topic = Topic::parse(request.topic).map_err(Error::Topic)?;
        let subscribers = match site.engine() {
            Some(engine) => engine.broker.subscribers(&topic).await,
            None => Vec::new(),
        };
        let state = self.inner.live.tree().topic(topic.as_str(), self.inner.clock.now_ms());
        let payload = state.as_ref().map(|state| state.payload.clone()).unwrap_or_default();
        let shown = payload.get(..DETAIL_BYTES).unwrap_or(&payload);
        Ok(TopicDetail {
            topic: topic.as_str().to_owned(),
            at_ms: state.as_ref().map_or(0, |state| state.at_ms),
            qos: state.as_ref().map_or(0, |state| state.qos),
            retained: state.as_ref().is_some_and(|state| state.retained),
            publisher: state.as_ref().and_then(|state| state.publisher.clone()),
            subscribers,
            count: state.as_ref().map_or(0, |state| state.count),
            rate: state.as_ref().map_or(0.0, |state| f64::from(state.rate)),
            payload_len: payload.len() as u64,
            payload_base64: STANDARD.encode(shown),
            numeric_fields: live::numeric_fields(&payload),
        })
    }

    /// Publishes as the site itself, which may write anywhere but to the broker's own topics.
    pub async fn message_publish(&self, request: PublishMessage) -> Result<Nothing, Problem> {
        if request.payload.len() > PUBLISH_BYTES {
            return Err(Error::TooLarge { field: "payload", limit: PUBLISH_BYTES }.into());
        }
        let qos = QoS::from_code(request.qos).ok_or(Error::Qos(request.qos))?;
        self.publish(&request.topic, Bytes::from(request.payload), qos, request.retain).await?;
        Ok(Nothing {})
    }

    pub async fn retained_clear(&self, request: TopicRef) -> Result<Nothing, Problem> {
        self.publish(&request.topic, Bytes::new(), QoS::AtLeastOnce, true).await?;
        Ok(Nothing {})
    }

    async fn publish(&self, topic: &str, payload: Bytes, qos: QoS, retain: bool) -> Result<(), Error> {
        let engine = self.inner.site()?.running()?;
        let topic = Topic::parse(topic)?;
        if topic.as_str().starts_with('$') {
            return Err(Error::TopicReserved(topic.as_str().to_owned()));
        }
        let at_us = self.inner.clock.now_us();
        let message = Message { qos, retain, at_us, ..Message::from_site(topic, payload) };
        Ok(engine.broker.publish(message).await?)
    }

    pub async fn client_list(&self, _: Nothing) -> Result<Vec<Client>, Problem> {
        let Some(engine) = self.inner.site()?.engine() else { return Ok(Vec::new()) };
        let clients = engine.broker.clients().await.into_iter().filter(|client| !is_probe(&client.client_id));
        Ok(clients
            .filter(|client| !client.peer.is_some_and(|peer| self.inner.probes.ours(peer)))
            .map(|client| Client {
                client_id: client.client_id,
                identity: Some(client.identity.as_str().to_owned()),
                connected: client.connected_since_ms.is_some(),
                peer: client.peer.map(|peer| peer.to_string()),
                protocol: match client.version {
                    Version::V3_1 => "3.1".to_owned(),
                    Version::V3_1_1 => "3.1.1".to_owned(),
                    Version::V5 => "5.0".to_owned(),
                },
                transport: match client.transport {
                    Some(TransportKind::Tcp) => "mqtt".to_owned(),
                    Some(TransportKind::Tls) => "mqtts".to_owned(),
                    Some(TransportKind::Ws) => "ws".to_owned(),
                    Some(TransportKind::Wss) => "wss".to_owned(),
                    None => String::new(),
                },
                since_ms: client.connected_since_ms,
                subscriptions: client.subscriptions,
                queued: client.queued as u64,
                in_flight: client.in_flight as u64,
                dropped: client.dropped,
            })
            .collect())
    }

    /// One that has gone meanwhile is no fault.
    pub async fn client_kick(&self, request: KickClient) -> Result<Nothing, Problem> {
        if let Some(engine) = self.inner.site()?.engine() {
            engine.broker.kick(&request.client_id, Reason::AdministrativeAction, request.forget).await;
        }
        Ok(Nothing {})
    }
}
