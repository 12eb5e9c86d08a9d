//! Exports as a screen asks for them.

use serde_json::{Value, json};
use wire::{ExportJob, ExportState};

use crate::harness::House;

pub fn request(filter: &str, format: &str, changes: Value) -> Value {
    let mut request = json!({
        "selection": {"filters": [filter], "devices": [], "from_ms": null, "until_ms": null},
        "format": format, "form": "long", "step_ms": 0, "language": "fr", "open_data": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

impl House {
    /// Starts an export and waits for its end.
    pub async fn exported(&self, request: Value) -> ExportJob {
        let mut job: ExportJob = self.call("export_start", request).await.unwrap();
        while job.state == ExportState::Running {
            job = self.call("export_status", json!({"id": job.id, "wait_ms": 25_000})).await.unwrap();
        }
        job
    }
}
