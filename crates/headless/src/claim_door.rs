//! The plain door of the room: the time, the authority, claims, and what guests post. Open while
//! the site says so; never a login. GET reveals and burns nothing, only POST does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRef, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use wire::Code;

use crate::limits::POST_BYTES;
use crate::plain_door;
use crate::reply::{self, Refusal, with_type};
use crate::router::{Shared, public};
use crate::tries::Tries;

const PAGE: &str = include_str!("../claim/page.html");
const REACHED: &str = include_str!("../claim/ping.html");
/// Phones show this before they send anything.
const PRIVACY: &str = include_str!("../claim/privacy.txt");
const SCRIPT: &str = include_str!("../claim/claim.js");
const CRYPTO: &str = include_str!("../claim/crypto.js");
const STYLE: &str = include_str!("../claim/claim.css");

/// Opens and closes the door as the site says, until its word is over.
pub(crate) async fn run(shared: Shared) {
    plain_door::follow(shared.appliance.claim_door(), |addr| serve(addr, shared.clone())).await;
}

async fn serve(addr: SocketAddr, shared: Shared) {
    let Some(listener) = plain_door::listen(addr, "claims").await else { return };
    let claims = Router::new()
        .route("/c", get(|| async { page("text/html; charset=utf-8", PAGE) }))
        .route("/c/claim.js", get(|| async { page("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/c/crypto.js", get(|| async { page("text/javascript; charset=utf-8", CRYPTO) }))
        .route("/c/claim.css", get(|| async { page("text/css; charset=utf-8", STYLE) }))
        .route("/c/{id}", post(claim))
        .route("/x/{file}", get(app_file))
        .route("/ping", get(ping))
        .route("/in/{token}", post(ingest).layer(DefaultBodyLimit::max(POST_BYTES)))
        .route("/privacy", get(|| async { page("text/plain; charset=utf-8", PRIVACY) }))
        .merge(public());
    let router = claims
        .with_state(Claims { shared, posts: Arc::default() })
        .layer(axum::middleware::map_response(reply::headers));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::warn!(%error, "the claim door closed");
    }
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let mut response = with_type(kind, text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Clone)]
struct Claims {
    shared: Shared,
    posts: Arc<Tries>,
}

impl FromRef<Claims> for Shared {
    fn from_ref(door: &Claims) -> Shared {
        door.shared.clone()
    }
}

/// Whoever asks this has reached us: the page that shows the code learns it. A browser gets a page,
/// a board one word.
async fn ping(State(door): State<Claims>, ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    door.shared.appliance.pinged(peer.ip());
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        page("text/html; charset=utf-8", REACHED)
    } else {
        page("text/plain; charset=utf-8", "courtier")
    }
}

async fn claim(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
) -> Response {
    let now = Instant::now();
    if shared.tries.exhausted(peer.ip(), now) {
        return Refusal::new(Code::TooManyTries, "too many wrong claims; try again in a minute").into_response();
    }
    match shared.appliance.claim_redeem(&id).await {
        Ok(sealed) => with_type("application/octet-stream", sealed),
        Err(problem) => {
            shared.tries.wrong(peer.ip(), now);
            Refusal(problem).into_response()
        }
    }
}

/// What an app fetches by the address in its code. It asks more than once (first by HTTPS, which is
/// not here), so that nothing is burnt; the token ends by itself after some minutes.
async fn app_file(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(file): Path<String>,
) -> Response {
    let now = Instant::now();
    if shared.tries.exhausted(peer.ip(), now) {
        return Refusal::new(Code::TooManyTries, "too many wrong addresses; try again in a minute").into_response();
    }
    match shared.appliance.app_file(&file) {
        Ok(bytes) => with_type("application/octet-stream", bytes),
        Err(problem) => {
            shared.tries.wrong(peer.ip(), now);
            Refusal(problem).into_response()
        }
    }
}

/// What a guest measured, as phyphox posts it: any content type, for some name a parameter wrongly.
/// 204 only when it is stored.
async fn ingest(
    State(door): State<Claims>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(body) = body else {
        return Refusal::new(Code::TooLarge, "the body is too large or was cut off").into_response();
    };
    match door.shared.appliance.ingest(&token, peer.ip(), body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) if problem.code == Code::IngestUnknown => {
            // Others behind the same address may hold a token that is right: only the guess is slowed.
            let now = Instant::now();
            if door.posts.exhausted(peer.ip(), now) {
                return Refusal::new(Code::TooManyTries, "too many unknown addresses; wait a minute").into_response();
            }
            door.posts.wrong(peer.ip(), now);
            Refusal(problem).into_response()
        }
        Err(problem) => Refusal(problem).into_response(),
    }
}
