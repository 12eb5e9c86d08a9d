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
    let plain = house.appliance.export_csv("a", None, None, appliance::CsvStyle::Plain).await.unwrap();
    assert_eq!(String::from_utf8(plain).unwrap().lines().count(), 2, "a header and one message");
    let wrong = house.appliance.export_csv("a/#/b", None, None, appliance::CsvStyle::Plain).await.unwrap_err();
    assert_eq!(wrong.code, Code::FilterInvalid);
    house.appliance.shutdown().await;
}
