//! The HTTPS door of the room, open while enrolment is: devices fetch their credentials here. It
//! knows no login, no page and no other route.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use appliance::EnrolDoor;
use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::enrol_routes::{Peer, routes};
use crate::limits::{ENROL_SECS, ENROLLING};
use crate::router::Shared;

/// Opens and closes the door as the site says, until its word is over.
pub(crate) async fn run(shared: Shared) {
    let mut wanted = shared.appliance.enrol_door();
    loop {
        let door = wanted.borrow_and_update().clone();
        let serving = async {
            match door {
                None => std::future::pending().await,
                Some(door) => serve(&door, &shared).await,
            }
        };
        tokio::select! {
            () = serving => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

async fn serve(door: &EnrolDoor, shared: &Shared) {
    let listener = door.listener().and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the enrolment door cannot be served");
            return std::future::pending().await;
        }
    };
    let places = Arc::new(Semaphore::new(ENROLLING));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, or a client that was gone at once.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Who finds no place is turned away at once: a queue would only hide it.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        tokio::spawn(one(stream, peer, door.clone(), shared.clone(), place));
    }
}

/// One connection, from its handshake to its end, within a limit of time.
async fn one(stream: TcpStream, peer: SocketAddr, door: EnrolDoor, shared: Shared, place: OwnedSemaphorePermit) {
    let _place = place;
    let served = async {
        // Whoever fails here has no TLS, or a certificate that does not count.
        let Ok(stream) = TlsAcceptor::from(door.tls()).accept(stream).await else { return };
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let peer = Peer { address: peer.ip(), certificate: shown.map(|der| der.to_vec()) };
        converse(stream, routes(shared, door.hosts()).layer(Extension(peer))).await;
    };
    tokio::time::timeout(Duration::from_secs(ENROL_SECS), served).await.ok();
}

/// Answers the requests of one connection.
pub(crate) async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of the room ended early");
    }
}
