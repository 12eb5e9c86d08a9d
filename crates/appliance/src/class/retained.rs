//! Retained messages follow devices to their new branches.

use std::collections::HashSet;

use broker::{BrokerHandle, Message};
use bytes::Bytes;
use mqtt::{Filter, Topic};

use crate::Error;

/// Publishes below each new branch what was retained below the old one, then ends what is left at
/// the old places. All is read first: devices may have changed places with each other.
pub(super) async fn follow(broker: &BrokerHandle, branches: &[(String, String)]) -> Result<(), Error> {
    let (mut moved, mut old) = (Vec::new(), Vec::new());
    for (from, to) in branches {
        let Ok(below) = Filter::parse(format!("{from}/#")) else { continue };
        for message in broker.retained(&below, usize::MAX).await {
            let Some(rest) = message.topic.as_str().strip_prefix(from) else { continue };
            moved.push(Message { topic: Topic::parse(format!("{to}{rest}"))?, ..Message::clone(&message) });
            old.push(message.topic.clone());
        }
    }
    let taken: HashSet<Topic> = moved.iter().map(|message| message.topic.clone()).collect();
    for message in moved {
        broker.publish(message).await?;
    }
    for topic in old.into_iter().filter(|topic| !taken.contains(topic)) {
        broker.publish(Message { retain: true, ..Message::from_site(topic, Bytes::new()) }).await?;
    }
    Ok(())
}
