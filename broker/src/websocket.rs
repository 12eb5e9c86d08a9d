//! MQTT over WebSocket (5.0 §6): binary frames as a byte stream, subprotocol `mqtt`, and the
//! Origin rule that keeps foreign web pages out.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use crate::ProtocolFault;
use crate::listener::OriginRule;

pub(crate) enum UpgradeError {
    ForeignOrigin(String),
    Wrong(ProtocolFault, String),
    /// It left, or fell silent.
    Other(String),
}

/// Takes the upgrade request; what comes out speaks plain bytes.
pub(crate) async fn accept<S>(stream: S, rule: &OriginRule, max_bytes: usize) -> Result<ByteStream<S>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let foreign: Rc<RefCell<Option<String>>> = Rc::default();
    let found = foreign.clone();
    // The type of the refusal is the library's.
    #[allow(clippy::result_large_err)]
    let check = move |request: &Request, response: Response| check(request, response, rule, &found);
    let config = WebSocketConfig::default().max_message_size(Some(max_bytes)).max_frame_size(Some(max_bytes));
    match tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config)).await {
        Ok(inner) => Ok(ByteStream { inner, rest: Bytes::new() }),
        Err(error) => Err(match foreign.take() {
            Some(origin) => UpgradeError::ForeignOrigin(origin),
            None => told(&error),
        }),
    }
}

fn told(error: &WsError) -> UpgradeError {
    let fault = match error {
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => None,
        // No letter of a request line: the first byte of a CONNECT is one of those.
        WsError::Protocol(ProtocolError::HttparseError(_)) => Some(ProtocolFault::MqttOnWebSocket),
        WsError::Protocol(_) => Some(ProtocolFault::NoUpgrade),
        WsError::Http(response) if response.status() == StatusCode::BAD_REQUEST => Some(ProtocolFault::Subprotocol),
        _ => None,
    };
    match fault {
        Some(fault) => UpgradeError::Wrong(fault, error.to_string()),
        None => UpgradeError::Other(error.to_string()),
    }
}

#[allow(clippy::result_large_err)]
fn check(
    request: &Request,
    mut response: Response,
    rule: &OriginRule,
    foreign: &Rc<RefCell<Option<String>>>,
) -> Result<Response, ErrorResponse> {
    let OriginRule::Listed(listed) = rule;
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
        if !listed.contains(&origin) {
            *foreign.borrow_mut() = Some(origin);
            return Err(refusal(StatusCode::FORBIDDEN, "this page may not speak to the broker"));
        }
    }
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let names = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let wanted = offered.iter().map(names).collect::<Vec<_>>().join(",");
    // `mqttv3.1` is what clients of MQTT 3.1 offer.
    match wanted.split(',').map(str::trim).find(|name| matches!(*name, "mqtt" | "mqttv3.1")) {
        Some(name) => {
            if let Ok(name) = HeaderValue::from_str(name) {
                response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
            }
            Ok(response)
        }
        None => Err(refusal(StatusCode::BAD_REQUEST, "the subprotocol mqtt is needed")),
    }
}

fn refusal(status: StatusCode, why: &str) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(why.to_owned()));
    *refusal.status_mut() = status;
    refusal
}

/// A WebSocket as a stream of bytes: a packet may span frames, and a frame hold several packets.
pub(crate) struct ByteStream<S> {
    inner: WebSocketStream<S>,
    rest: Bytes,
}

fn broken(error: WsError) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, error.to_string())
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                Some(Ok(WsMessage::Binary(bytes))) => this.rest = bytes,
                Some(Ok(WsMessage::Text(_))) => {
                    return Poll::Ready(Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a text frame")));
                }
                Some(Ok(WsMessage::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {}
                Some(Err(WsError::ConnectionClosed)) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let len = this.rest.len().min(buffer.remaining());
        buffer.put_slice(this.rest.get(..len).unwrap_or_default());
        this.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_ready(cx)).map_err(broken)?;
        Pin::new(&mut this.inner).start_send(WsMessage::Binary(Bytes::copy_from_slice(bytes))).map_err(broken)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx).map_err(broken)
    }
}
