//! The four ways to a broker: TCP, TLS, WebSocket, secure WebSocket. Blocking, with a deadline on
//! every read. The WebSocket is written by hand: the judge shares no code with who is judged.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Whatever a broker has to do, it has done it by then.
pub const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// Where the broker under test listens.
#[derive(Clone, Debug)]
pub struct Target {
    pub tcp: SocketAddr,
    pub tls: Option<SocketAddr>,
    pub ws: Option<SocketAddr>,
    pub wss: Option<SocketAddr>,
    /// A name and its password for enhanced authentication.
    pub scram: Option<(String, String)>,
}

impl Target {
    pub fn address(&self, kind: Kind) -> Option<SocketAddr> {
        match kind {
            Kind::Tcp => Some(self.tcp),
            Kind::Tls => self.tls,
            Kind::Ws => self.ws,
            Kind::Wss => self.wss,
        }
    }

    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        [Kind::Tcp, Kind::Tls, Kind::Ws, Kind::Wss].into_iter().filter(|kind| self.address(*kind).is_some())
    }
}

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

pub type Link = Box<dyn Stream>;

pub fn open(target: &Target, kind: Kind) -> io::Result<Link> {
    let address = target.address(kind).ok_or(ErrorKind::AddrNotAvailable)?;
    let tcp = TcpStream::connect_timeout(&address, DEADLINE)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(DEADLINE))?;
    tcp.set_write_timeout(Some(DEADLINE))?;
    match kind {
        Kind::Tcp => Ok(Box::new(tcp)),
        Kind::Tls => Ok(Box::new(secured(tcp)?)),
        Kind::Ws => Ok(Box::new(WebSocket::new(tcp)?)),
        Kind::Wss => Ok(Box::new(WebSocket::new(secured(tcp)?)?)),
    }
}

fn secured(tcp: TcpStream) -> io::Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection = rustls::ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(rustls::StreamOwned::new(connection, tcp))
}

/// Certificates are another exam.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// RFC 6455 as far as MQTT uses it: binary frames, masked by the client, a close that ends it.
pub struct WebSocket<S> {
    inner: S,
    rest: Vec<u8>,
}

impl<S: Read + Write> WebSocket<S> {
    pub fn new(inner: S) -> io::Result<WebSocket<S>> {
        let (socket, answer) = WebSocket::offering(inner, "Sec-WebSocket-Protocol: mqtt\r\n")?;
        let answer = answer.to_ascii_lowercase();
        if !answer.starts_with("http/1.1 101") || !answer.contains("sec-websocket-protocol: mqtt") {
            return Err(io::Error::other(format!("no WebSocket: {answer:?}")));
        }
        Ok(socket)
    }

    /// Asks with these headers; answers the head of the response.
    pub fn offering(mut inner: S, headers: &str) -> io::Result<(WebSocket<S>, String)> {
        write!(
            inner,
            "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        )?;
        inner.flush()?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && inner.read(&mut byte)? == 1 && head.len() < 16_384 {
            head.extend_from_slice(&byte);
        }
        Ok((WebSocket { inner, rest: Vec::new() }, String::from_utf8_lossy(&head).into_owned()))
    }

    /// One frame: `opcode` 1 text, 2 binary, 0 continuation; `last` of its message.
    pub fn frame(&mut self, opcode: u8, last: bool, data: &[u8]) -> io::Result<()> {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![opcode | if last { 0x80 } else { 0 }];
        match data.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap_or(0)),
            medium @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(medium).unwrap_or(0).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.inner.write_all(&frame)?;
        self.inner.flush()
    }

    fn exactly<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<S: Read + Write> Read for WebSocket<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let [first, second] = match self.exactly::<2>() {
                Ok(head) => head,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            };
            let len = match second & 0x7f {
                126 => u64::from(u16::from_be_bytes(self.exactly()?)),
                127 => u64::from_be_bytes(self.exactly()?),
                short => u64::from(short),
            };
            let mut data = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            self.inner.read_exact(&mut data)?;
            match first & 0x0f {
                8 => return Ok(0),
                // MQTT-6.0.0-1: what carries MQTT is binary.
                1 => return Err(io::Error::other("the broker sent a text frame")),
                9 | 10 => {}
                _ => self.rest = data,
            }
        }
        let take = out.len().min(self.rest.len());
        for (to, from) in out.iter_mut().zip(self.rest.drain(..take)) {
            *to = from;
        }
        Ok(take)
    }
}

impl<S: Read + Write> Write for WebSocket<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.frame(2, true, data).map(|()| data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
