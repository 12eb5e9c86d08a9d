//! What the one port of the room answers to those who speak HTTPS there: the time, the authority,
//! and enrolment while it is open. MQTT and WebSocket on the same port are the broker's.

use std::sync::Arc;
use std::time::Duration;

use appliance::RoomStream;
use axum::extract::State;
use axum::response::{Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::sync::{Semaphore, mpsc};

use crate::enrol_door::converse;
use crate::enrol_routes::{Peer, enrolment, guarded};
use crate::limits::{ENROL_SECS, ENROLLING};
use crate::reply::with_type;
use crate::router::{Shared, public, time};

/// Serves what the broker hands on, until it hands on no more.
pub(crate) async fn run(shared: Shared) {
    let Some(streams) = shared.appliance.room_streams() else { return };
    let routes = Router::new()
        .route("/", get(|| async { Redirect::to("/ca") }))
        .route("/ping", get(ping))
        .merge(public())
        .merge(enrolment());
    serve(streams, move |peer, hosts| guarded(routes.clone(), shared.clone(), hosts).layer(Extension(peer))).await;
}

/// That of a lab has no site behind it, and no secret: it answers the time to whoever asks.
pub(crate) async fn run_lab(streams: mpsc::Receiver<RoomStream>) {
    let routes = Router::new().route("/ping", get(word)).route("/time", get(time));
    serve(streams, move |_, _| routes.clone()).await;
}

async fn serve(mut streams: mpsc::Receiver<RoomStream>, router: impl Fn(Peer, &[String]) -> Router) {
    let places = Arc::new(Semaphore::new(ENROLLING));
    while let Some(RoomStream { stream, peer, certificate, hosts }) = streams.recv().await {
        // Who finds no place is turned away at once: a queue would only hide it.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let answers = converse(stream, router(Peer { address: peer.ip(), certificate }, &hosts));
        tokio::spawn(async move {
            let _place = place;
            tokio::time::timeout(Duration::from_secs(ENROL_SECS), answers).await.ok();
        });
    }
}

async fn ping(State(shared): State<Shared>, Extension(peer): Extension<Peer>) -> Response {
    shared.appliance.pinged(peer.address);
    word().await
}

async fn word() -> Response {
    with_type("text/plain; charset=utf-8", "courtier")
}
