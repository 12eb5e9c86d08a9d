//! Who speaks something else than MQTT, or hangs up on our certificate, is told apart.

use broker::*;
use mqtt::{Packet, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::*;
use crate::doors::{Authority, shake};
use crate::site::{Site, spec};

#[tokio::test]
async fn who_speaks_something_else_is_told_apart() {
    let (mut site, authority) = (Site::open().await, Authority::new());
    let ws = site.handle.add_listener(spec(Transport::Ws(OriginRule::Listed(Vec::new())))).await.unwrap();
    let mut packet = bytes::BytesMut::new();
    let connect = Packet::Connect(Box::new(hello(Version::V5, "c")));
    mqtt::codec::encode(&connect, Version::V5, &mut packet).unwrap();
    let page = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".as_slice();
    let bare = b"GET /mqtt HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for (addr, said, wanted) in [
        (ws.local_addr, packet.as_ref(), ProtocolFault::MqttOnWebSocket),
        (ws.local_addr, page, ProtocolFault::NoUpgrade),
        (ws.local_addr, bare.as_slice(), ProtocolFault::Subprotocol),
        (site.addr, page, ProtocolFault::WebOnMqtt),
    ] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(said).await.unwrap();
        let pick = |kind: &EventKind| match kind {
            EventKind::WrongProtocol { fault, .. } => Some(fault.clone()),
            _ => None,
        };
        assert_eq!(site.event("WrongProtocol", pick).await, wanted);
    }
    // What Node does with a certificate that it does not like.
    let tls = site.handle.add_listener(spec(Transport::Tls(authority.server()))).await.unwrap();
    drop(shake(tls, authority.client()).await.unwrap());
    let pick = |kind: &EventKind| match kind {
        EventKind::LeftAfterTls { hello } => Some(hello.clone()),
        _ => None,
    };
    let hello = site.event("LeftAfterTls", pick).await;
    assert_eq!(hello.server_name.as_deref(), Some("localhost"));
    assert_eq!(hello.reached, Some(tls.local_addr.ip()));
}
