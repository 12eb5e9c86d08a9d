use serde_json::json;
use wire::Code;

use crate::harness::Room;

fn limit(name: &str) -> u64 {
    appliance::LIMITS.iter().find(|limit| limit.name == name).unwrap().value
}

#[test]
fn every_limit_has_a_unit_and_a_reason() {
    for limit in appliance::LIMITS {
        assert!(limit.value > 0 && !limit.unit.is_empty() && limit.why.len() > 10, "{limit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_bounded_as_the_table_says() {
    let room = Room::new();
    let house = room.start().await;
    let refused = async |command: &str, request: serde_json::Value, code: Code| {
        let problem = house.call::<serde_json::Value>(command, request).await.unwrap_err();
        assert_eq!(problem.code, code, "{command}");
    };
    let publish = |topic: &str, payload: String, qos: u8| json!({"topic": topic, "payload": payload, "qos": qos, "retain": false});
    let most = limit("PUBLISH_BYTES") as usize;
    refused("message_publish", publish("a", "x".repeat(most + 1), 0), Code::TooLarge).await;
    let _: wire::Nothing = house.call("message_publish", publish("a", "x".repeat(most), 1)).await.unwrap();
    refused("message_publish", publish("a", "x".repeat(limit("REQUEST_BYTES") as usize), 0), Code::TooLarge).await;
    refused("message_publish", publish("", String::new(), 0), Code::TopicInvalid).await;
    refused("message_publish", publish("a/#", String::new(), 0), Code::TopicInvalid).await;
    refused("message_publish", publish("$SYS/x", String::new(), 0), Code::TopicInvalid).await;
    refused("message_publish", publish("a", String::new(), 3), Code::QosInvalid).await;
    refused("topic_read", json!({"topic": "+"}), Code::TopicInvalid).await;
    let query =
        |limit: u64, from: i64, until: i64| json!({"topic": "a", "from_ms": from, "until_ms": until, "limit": limit});
    refused("record_query", query(0, 0, 1), Code::LimitInvalid).await;
    refused("record_query", query(limit("RECORD_PAGE") + 1, 0, 1), Code::LimitInvalid).await;
    refused("record_query", query(1, 2, 1), Code::TimeInvalid).await;
    let series = |columns: u64, from: i64, until: i64| json!({"topic": "a", "field": "", "from_ms": from, "until_ms": until, "columns": columns});
    refused("record_series", series(limit("SERIES_COLUMNS") + 1, 0, 1), Code::LimitInvalid).await;
    refused("record_series", series(10, i64::MIN, i64::MAX), Code::TimeInvalid).await;
    let view = wire::LiveView { limit: limit("LIVE_ROWS") as u32 + 1, ..wire::LiveView::default() };
    assert_eq!(house.appliance.live_frame(view).await.unwrap_err().code, Code::LimitInvalid);
    let export = |filters: Vec<String>, step_ms: u64, format: &str| {
        json!({
            "selection": {"filters": filters, "devices": [], "from_ms": null, "until_ms": null},
            "format": format, "form": "long", "step_ms": step_ms, "language": "fr", "open_data": null,
        })
    };
    refused("export_start", export(vec!["a/#/b".into()], 0, "csv_fr"), Code::FilterInvalid).await;
    let many = vec!["a".to_owned(); limit("EXPORT_FILTERS") as usize + 1];
    refused("export_start", export(many, 0, "csv_fr"), Code::LimitInvalid).await;
    refused("export_start", export(vec![], limit("EXPORT_STEP_MS") + 1, "csv_fr"), Code::LimitInvalid).await;
    refused("export_start", export(vec![], 0, "open_data"), Code::Malformed).await;
    let feed = |days: u64| json!({"name": "x", "filter": "#", "shows": "last", "days": days});
    refused("feed_create", feed(0), Code::LimitInvalid).await;
    refused("feed_create", feed(limit("FEED_DAYS") + 1), Code::LimitInvalid).await;
    for _ in 0..limit("FEEDS") {
        let _: wire::CreatedFeed = house.call("feed_create", feed(1)).await.unwrap();
    }
    refused("feed_create", feed(1), Code::LimitInvalid).await;
    house.appliance.shutdown().await;
}
