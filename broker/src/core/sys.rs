//! `$SYS/broker/…`: what the broker tells of itself, retained and with QoS 0, in the names that
//! Mosquitto made usual. Only what changed is told again; no keeper and no tap sees it.

use std::sync::Arc;

use mqtt::{QoS, Topic};

use super::Core;
use crate::Message;

impl Core {
    /// Called by the sweep; acts when its time has come.
    pub(super) fn tell_sys(&mut self, now_ms: i64) {
        let Some(interval_ms) = self.sys_interval_ms else { return };
        if now_ms < self.sys_due_ms {
            return;
        }
        self.sys_due_ms = now_ms + interval_ms;
        for (name, value) in self.sys_values(now_ms) {
            let Ok(topic) = Topic::parse(format!("$SYS/broker/{name}")) else { continue };
            let known = self.retained.get(topic.as_str());
            if known.is_some_and(|message| message.payload == value.as_bytes()) {
                continue;
            }
            let mut message = Message::from_site(topic, value);
            (message.qos, message.retain, message.at_us) = (QoS::AtMostOnce, true, self.clock.now_us());
            let message = Arc::new(message);
            self.retained.put(message.clone());
            self.route(&message);
        }
    }

    fn sys_values(&self, now_ms: i64) -> Vec<(&'static str, String)> {
        let stats = self.counters.stats();
        let total = self.sessions.len() as u64;
        let subscriptions: usize = self.sessions.values().map(|session| session.subscriptions.len()).sum();
        let queued: usize = self.sessions.values().map(|session| session.queue.len() + session.inflight.len()).sum();
        vec![
            ("version", concat!("courtier ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("uptime", format!("{} seconds", (now_ms - self.started_ms) / 1000)),
            ("clients/total", total.to_string()),
            ("clients/connected", stats.connected.to_string()),
            ("clients/disconnected", total.saturating_sub(stats.connected).to_string()),
            ("subscriptions/count", subscriptions.to_string()),
            ("retained messages/count", self.retained.len().to_string()),
            ("store/messages/count", queued.to_string()),
            ("publish/messages/received", stats.messages_in.to_string()),
            ("publish/messages/sent", stats.messages_out.to_string()),
            ("publish/messages/dropped", stats.dropped.to_string()),
            ("publish/bytes/received", stats.bytes_in.to_string()),
        ]
    }
}
