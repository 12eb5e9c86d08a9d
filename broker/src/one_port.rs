//! One door for everything that speaks TLS: MQTT, MQTT over WebSocket and HTTPS on one port (443,
//! mostly), told apart by ALPN and by the first bytes.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The longest head of a request that is looked through for an upgrade to WebSocket.
const HEAD_BYTES: usize = 8 * 1024;
/// The ALPN name of MQTT (IANA registry).
const MQTT: &[u8] = b"mqtt";

/// A connection that speaks HTTP: somebody else serves it.
pub struct HttpStream {
    pub stream: Rewound<TlsStream<TcpStream>>,
    pub peer: SocketAddr,
}

impl HttpStream {
    /// The certificate that the client showed, checked by TLS.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let shown = self.stream.inner.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        shown.map(|der| der.to_vec())
    }
}

/// Takes the connections that speak HTTP. Called on the broker's thread: it must not wait.
pub type HttpHandoff = Arc<dyn Fn(HttpStream) + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Mqtt,
    WebSocket,
    Http,
}

/// Looks at what a client says first, without taking it away. `None`: it went.
pub(crate) async fn listen(
    stream: TlsStream<TcpStream>,
) -> std::io::Result<Option<(Speaks, Rewound<TlsStream<TcpStream>>)>> {
    let named_mqtt = stream.get_ref().1.alpn_protocol() == Some(MQTT);
    let mut stream = Rewound { head: BytesMut::new(), inner: stream };
    if named_mqtt {
        return Ok(Some((Speaks::Mqtt, stream)));
    }
    loop {
        if let Some(speaks) = told(&stream.head) {
            return Ok(Some((speaks, stream)));
        }
        if stream.inner.read_buf(&mut stream.head).await? == 0 {
            return Ok(None);
        }
    }
}

/// What the first bytes tell, as soon as they do.
fn told(head: &[u8]) -> Option<Speaks> {
    match head.first()? {
        // The verb of a request is in capital letters (RFC 9110 §9.1); the first byte of a CONNECT is 0x10.
        b'A'..=b'Z' => {}
        _ => return Some(Speaks::Mqtt),
    }
    let ended = head.windows(4).any(|end| end == b"\r\n\r\n");
    if !ended && head.len() < HEAD_BYTES {
        return None;
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let upgrade = text.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| name.trim() == "upgrade" && value.trim() == "websocket")
    });
    Some(if upgrade { Speaks::WebSocket } else { Speaks::Http })
}

/// A stream whose first bytes were read already: they come again.
pub struct Rewound<S> {
    head: BytesMut,
    inner: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.head.is_empty() {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        let len = this.head.len().min(buffer.remaining());
        buffer.put_slice(this.head.get(..len).unwrap_or_default());
        this.head.advance(len);
        if this.head.is_empty() {
            this.head = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(told(b""), None);
        assert_eq!(told(b"\x10"), Some(Speaks::Mqtt));
        assert_eq!(told(b"GET / HT"), None);
        assert_eq!(told(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(Speaks::Http));
        let upgrade = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n";
        assert_eq!(told(upgrade), Some(Speaks::WebSocket));
        assert_eq!(told(&[b'A'; HEAD_BYTES]), Some(Speaks::Http), "an endless head is not waited for");
    }
}
