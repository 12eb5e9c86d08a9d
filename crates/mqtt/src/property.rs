//! Properties of MQTT 5.0 §2.2.2.2, a struct for each packet that carries them.

use bytes::Bytes;

use crate::topic::Topic;

/// Name and value pairs, untouched and in order (5.0 §3.1.2.11.8).
pub type UserProperties = Vec<(String, String)>;

#[derive(Clone, Default, PartialEq)]
pub struct ConnectProperties {
    pub session_expiry_secs: Option<u32>,
    pub receive_maximum: Option<u16>,
    pub maximum_packet_size: Option<u32>,
    pub topic_alias_maximum: Option<u16>,
    pub request_response_information: Option<bool>,
    pub request_problem_information: Option<bool>,
    pub authentication_method: Option<String>,
    pub authentication_data: Option<Bytes>,
    pub user_properties: UserProperties,
}

/// Shows everything but the authentication data.
impl std::fmt::Debug for ConnectProperties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectProperties")
            .field("session_expiry_secs", &self.session_expiry_secs)
            .field("receive_maximum", &self.receive_maximum)
            .field("maximum_packet_size", &self.maximum_packet_size)
            .field("topic_alias_maximum", &self.topic_alias_maximum)
            .field("request_response_information", &self.request_response_information)
            .field("request_problem_information", &self.request_problem_information)
            .field("authentication_method", &self.authentication_method)
            .field("user_properties", &self.user_properties)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WillProperties {
    pub delay_secs: Option<u32>,
    pub payload_is_utf8: Option<bool>,
    pub message_expiry_secs: Option<u32>,
    pub content_type: Option<String>,
    pub response_topic: Option<Topic>,
    pub correlation_data: Option<Bytes>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnAckProperties {
    pub session_expiry_secs: Option<u32>,
    pub receive_maximum: Option<u16>,
    /// 0 or 1; absent means 2.
    pub maximum_qos: Option<u8>,
    pub retain_available: Option<bool>,
    pub maximum_packet_size: Option<u32>,
    pub assigned_client_id: Option<String>,
    pub topic_alias_maximum: Option<u16>,
    pub reason_string: Option<String>,
    pub wildcard_subscription_available: Option<bool>,
    pub subscription_ids_available: Option<bool>,
    pub shared_subscription_available: Option<bool>,
    pub server_keep_alive_secs: Option<u16>,
    pub response_information: Option<String>,
    pub server_reference: Option<String>,
    pub authentication_method: Option<String>,
    pub authentication_data: Option<Bytes>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishProperties {
    pub payload_is_utf8: Option<bool>,
    pub message_expiry_secs: Option<u32>,
    pub topic_alias: Option<u16>,
    pub response_topic: Option<Topic>,
    pub correlation_data: Option<Bytes>,
    /// Several towards a client whose subscriptions overlap; none from a client.
    pub subscription_ids: Vec<u32>,
    pub content_type: Option<String>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReasonProperties {
    pub reason_string: Option<String>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DisconnectProperties {
    pub session_expiry_secs: Option<u32>,
    pub reason_string: Option<String>,
    pub server_reference: Option<String>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthProperties {
    pub method: Option<String>,
    pub data: Option<Bytes>,
    pub reason_string: Option<String>,
    pub user_properties: UserProperties,
}
