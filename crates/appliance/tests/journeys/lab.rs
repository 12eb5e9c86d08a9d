use appliance::lab::{Lab, LabError, Options};
use rumqttc::mqttbytes::v5::PubAckReason;
use rumqttc::{AsyncClient, MqttOptions};

use crate::harness::Client;

fn options(deny: &[&str]) -> Options {
    Options {
        port: 0,
        ws_port: 0,
        tls: None,
        data: None,
        deny: deny.iter().map(|filter| (*filter).to_owned()).collect(),
        record: false,
        watch: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_lets_anybody_in_but_not_everywhere() {
    let lab = Lab::start(options(&["secret/#"])).await.unwrap();
    let settings = MqttOptions::new("anybody", ("127.0.0.1".to_owned(), lab.port));
    let (client, events) = AsyncClient::builder(settings).capacity(10).build();
    let mut client = Client { client, events, heard: Vec::new() };
    client.connect().await.unwrap();
    assert_ne!(client.publish("open/x", "1", false).await, PubAckReason::NotAuthorized);
    assert_eq!(client.publish("secret/x", "1", false).await, PubAckReason::NotAuthorized);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_is_not_started_with_a_filter_that_denies_nothing() {
    assert!(matches!(Lab::start(options(&["a/#/b"])).await.err().unwrap(), LabError::Filter(_)));
}
