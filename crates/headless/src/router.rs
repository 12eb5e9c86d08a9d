//! The one router: commands, live frames, files, the interface.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use appliance::Appliance;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use wire::{Code, LiveView, Role};

use crate::codes::Codes;
use crate::download;
use crate::guard::{COOKIE, Door, guard};
use crate::install_page::install_page;
use crate::limits::BODY_BYTES;
use crate::reply::{self, Refusal, json, with_type};
use crate::tries::Tries;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub appliance: Appliance,
    pub codes: Arc<Codes>,
    /// The loopback door, once it is open.
    pub loopback_port: Option<u16>,
    /// Of the doors where tokens can be guessed at.
    pub tries: Arc<Tries>,
}

/// The whole interface behind one door.
pub(crate) fn router(shared: Shared, door: Door) -> Router {
    Router::new()
        .route("/api/live", post(live))
        .route("/api/{*command}", post(command).fallback(no_such_command))
        .route("/files/export/{id}", get(download::export))
        .route("/door/open", post(open_door))
        .route("/door/new", post(new_code))
        .route("/ping", get(|| async { with_type("text/plain; charset=utf-8", "courtier") }))
        .merge(public())
        .fallback(get(page))
        .with_state(shared)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(axum::middleware::from_fn_with_state(door, guard))
        .layer(axum::middleware::map_response(reply::headers))
}

/// What anyone in the room may ask for: the time, and the authority that is no secret.
pub(crate) fn public<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Shared: FromRef<S>,
{
    Router::new()
        .route("/time", get(time))
        .route("/ca.pem", get(ca_pem))
        .route("/ca.der", get(ca_der))
        .route("/ca.crl", get(ca_crl))
        .route("/ca", get(install_page))
}

async fn command(State(shared): State<Shared>, Path(command): Path<String>, body: Bytes) -> Response {
    // Both doors are the administrator's: the socket by its owner, loopback by its one-time code.
    match shared.appliance.dispatch(&command, Role::Administrator, &body).await {
        Ok(answer) => json(answer),
        Err(problem) => Refusal(problem).into_response(),
    }
}

async fn no_such_command() -> Refusal {
    Refusal::new(Code::UnknownCommand, "there is no such command")
}

async fn live(State(shared): State<Shared>, body: Bytes) -> Response {
    let view: LiveView = match serde_json::from_slice(&body) {
        Ok(view) => view,
        Err(error) => return Refusal::new(Code::Malformed, &error.to_string()).into_response(),
    };
    match shared.appliance.live_frame(view).await {
        Ok(frame) => with_type("application/octet-stream", frame),
        Err(problem) => Refusal(problem).into_response(),
    }
}

#[derive(Deserialize)]
struct OpenDoor {
    code: String,
}

/// Burns the one-time code and gives the browser its session.
async fn open_door(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(OpenDoor { code }) = serde_json::from_slice(&body) else {
        return Refusal::new(Code::Malformed, "a code is needed").into_response();
    };
    match shared.codes.redeem(&code, Instant::now()) {
        Ok(Some(session)) => {
            let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", session.expose());
            let mut response = StatusCode::NO_CONTENT.into_response();
            if let Ok(value) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, value);
            }
            response
        }
        Ok(None) => Refusal::new(Code::NotSignedIn, "this code was used, is too old, or never was").into_response(),
        Err(error) => Refusal::new(Code::Internal, &error.to_string()).into_response(),
    }
}

/// A new one-time address, for `courtierd open`: over the socket, or from a browser that has a session.
async fn new_code(State(shared): State<Shared>) -> Response {
    let Some(port) = shared.loopback_port else {
        return Refusal::new(Code::NotAllowed, "this courtierd was started without its browser door").into_response();
    };
    match shared.codes.new_code(Instant::now()) {
        Ok(code) => json(serde_json::json!({ "url": address(port, code.expose()) }).to_string().into_bytes()),
        Err(error) => Refusal::new(Code::Internal, &error.to_string()).into_response(),
    }
}

/// The code stands in the fragment, which a browser never sends.
pub(crate) fn address(port: u16, code: &str) -> String {
    format!("http://127.0.0.1:{port}/#code={code}")
}

/// Seconds first: boards read the first ten digits.
pub(crate) async fn time() -> Response {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = serde_json::json!({ "unix": since.as_secs(), "unix_ms": u64::try_from(since.as_millis()).unwrap_or(0) });
    json(body.to_string().into_bytes())
}

async fn ca_pem(State(shared): State<Shared>) -> Response {
    match shared.appliance.authority_files() {
        Some(files) => with_type("application/x-pem-file", files.pem),
        None => Refusal::new(Code::SiteNotStarted, "there is no authority yet").into_response(),
    }
}

async fn ca_der(State(shared): State<Shared>) -> Response {
    match shared.appliance.authority_files() {
        Some(files) => with_type("application/x-x509-ca-cert", files.der),
        None => Refusal::new(Code::SiteNotStarted, "there is no authority yet").into_response(),
    }
}

async fn ca_crl(State(shared): State<Shared>) -> Response {
    match shared.appliance.revocation_list() {
        Some(list) => with_type("application/pkix-crl", list),
        None => Refusal::new(Code::BrokerStopped, "the list is made while the site runs").into_response(),
    }
}

async fn page(uri: Uri) -> Response {
    crate::interface::serve(uri.path())
}
