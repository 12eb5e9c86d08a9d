//! What can still be read of a damaged broker store, as lines of JSON.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::Message;
use serde_json::{Value, json};

fn shown(what: &str, client: Option<&str>, message: &Message) -> Value {
    let mut line = json!({
        "what": what,
        "client": client,
        "topic": message.topic.as_str(),
        "qos": message.qos as u8,
        "at_us": message.at_us,
    });
    let (name, payload) = match std::str::from_utf8(&message.payload) {
        Ok(text) => ("payload", text.to_owned()),
        Err(_) => ("payload_base64", STANDARD.encode(&message.payload)),
    };
    if let Some(line) = line.as_object_mut() {
        line.insert(name.to_owned(), Value::String(payload));
    }
    line
}

/// One line for each retained message, each session, each message that waits for somebody, and each
/// place that cannot be read. The file is not written to. Blocks.
pub fn rescue(store: &Path) -> Result<Vec<String>, broker::Error> {
    let found = broker::rescue(store)?;
    let retained = found.retained.iter().map(|message| shown("retained", None, message));
    let sessions = found
        .sessions
        .iter()
        .map(|(client, identity)| json!({ "what": "session", "client": client, "identity": identity }));
    let queued = found.queued.iter().map(|(client, message)| shown("queued", Some(client), message));
    let faults = found.faults.iter().map(|fault| json!({ "what": "unreadable", "detail": fault }));
    Ok(retained.chain(sessions).chain(queued).chain(faults).map(|line| line.to_string()).collect())
}
