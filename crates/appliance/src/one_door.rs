//! One port for everything that speaks TLS: MQTT, MQTT over WebSocket and HTTPS. For networks whose
//! firewall lets 443 through and nothing else; closed until somebody asks for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use broker::{HttpHandoff, HttpStream, Rewound};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use wire::{EventKind, Problem, SetOnePort, SiteStatus};

use crate::limits::HANDED_ON;
use crate::settings::{Ports, Settings};
use crate::{Appliance, Inner};

/// A connection of the one port that speaks HTTP, for whoever serves it.
pub struct RoomStream {
    pub stream: Rewound<TlsStream<TcpStream>>,
    pub peer: SocketAddr,
    /// The certificate that the client showed, checked by TLS.
    pub certificate: Option<Vec<u8>>,
    /// What it may write into `Host`.
    pub hosts: Arc<[String]>,
}

/// Carries connections from the broker's thread to the one who serves HTTP.
#[derive(Clone)]
pub(crate) struct RoomStreams {
    sender: mpsc::Sender<RoomStream>,
    receiver: Arc<Mutex<Option<mpsc::Receiver<RoomStream>>>>,
}

impl Default for RoomStreams {
    fn default() -> RoomStreams {
        let (sender, receiver) = mpsc::channel(HANDED_ON);
        RoomStreams { sender, receiver: Arc::new(Mutex::new(Some(receiver))) }
    }
}

impl RoomStreams {
    pub fn handoff(&self, hosts: Arc<[String]>) -> HttpHandoff {
        let sender = self.sender.clone();
        Arc::new(move |http: HttpStream| {
            let (certificate, peer) = (http.certificate(), http.peer);
            let handed = RoomStream { stream: http.stream, peer, certificate, hosts: hosts.clone() };
            // The broker never waits: who finds the queue full is cut off, and asks again.
            sender.try_send(handed).ok();
        })
    }

    /// All that comes, for the first who asks.
    pub fn take(&self) -> Option<mpsc::Receiver<RoomStream>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The names of the port. Programs leave 443 out, because it is that of HTTPS.
pub(crate) fn hosts(settings: &Settings, address: Ipv4Addr, port: u16) -> Arc<[String]> {
    let mut names = vec![address.to_string(), settings.host_name()];
    if address.is_loopback() {
        names.push("localhost".to_owned());
    }
    let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
    if port == 443 {
        hosts.extend(names);
    }
    hosts.into()
}

impl Appliance {
    /// What speaks HTTP on the one port. `None` for all but the first who asks.
    pub fn room_streams(&self) -> Option<mpsc::Receiver<RoomStream>> {
        self.inner.room_streams.take()
    }

    /// Opens, moves or closes the one port while everything else goes on. Where it cannot be opened,
    /// all stays as it was.
    pub async fn one_port_set(&self, request: SetOnePort) -> Result<SiteStatus, Problem> {
        let inner: &Arc<Inner> = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let before = site.settings.load_full();
        if before.ports.one == request.port {
            return Ok(inner.status().await);
        }
        let ports = Ports { one: request.port, ..before.ports };
        ports.check()?;
        let engine = site.engine();
        if let Some(engine) = &engine {
            engine.close_one_port().await;
        }
        let opened = match (&engine, request.port) {
            (Some(engine), Some(port)) => engine.open_one_port(&before, port).await,
            _ => Ok(()),
        };
        let changed = match opened {
            Ok(()) => {
                let keep = |settings: &mut Settings| {
                    settings.ports = ports;
                    Ok(())
                };
                site.change(inner, keep).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            if let Some(engine) = &engine {
                engine.close_one_port().await;
                if let Some(port) = before.ports.one {
                    engine.open_one_port(&before, port).await?;
                }
            }
            return Err(error.into());
        }
        let kind = if request.port.is_some() { EventKind::OnePortOpened } else { EventKind::OnePortClosed };
        inner.journal.tell(inner.clock.now_ms(), kind, None);
        Ok(inner.status().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    #[test]
    fn only_443_may_be_left_out_of_a_name() {
        let settings = sample();
        let own = hosts(&settings, Ipv4Addr::new(10, 0, 0, 2), 8444);
        assert_eq!(*own, ["10.0.0.2:8444".to_owned(), "salle114.local:8444".to_owned()]);
        assert!(hosts(&settings, Ipv4Addr::LOCALHOST, 443).contains(&"localhost".to_owned()));
    }
}
