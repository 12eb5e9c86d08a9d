//! What can be asked at the enrolment door: `POST /d/enroll`, and EST (RFC 7030) for stock tools.

use std::net::IpAddr;
use std::time::Instant;

use appliance::Enrol;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use wire::{Code, Problem};

use crate::limits::ENROL_BYTES;
use crate::reply::{self, Refusal, json, with_type};
use crate::router::Shared;

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    pub address: IpAddr,
    /// The certificate that it showed, checked by TLS.
    pub certificate: Option<Vec<u8>>,
}

/// All that the enrolment door has.
pub(crate) fn routes(shared: Shared, hosts: &[String]) -> Router {
    guarded(enrolment(), shared, hosts)
}

/// Routes of this door alone: whoever asks by another name asks somebody else.
pub(crate) fn guarded(routes: Router<Shared>, shared: Shared, hosts: &[String]) -> Router {
    let hosts = hosts.to_vec();
    routes
        .with_state(shared)
        .layer(axum::middleware::from_fn(move |request: Request, next: Next| {
            let refused = another_host(&request, &hosts);
            async move {
                match refused {
                    Some(refusal) => refusal,
                    None => next.run(request).await,
                }
            }
        }))
        .layer(axum::middleware::map_response(reply::headers))
}

pub(crate) fn enrolment() -> Router<Shared> {
    Router::new()
        .route("/d/enroll", post(enroll))
        .route("/api/v1/enroll", post(enroll))
        .route("/.well-known/est/cacerts", get(est_authorities))
        .route("/.well-known/est/simpleenroll", post(est_enrol))
        .route("/.well-known/est/simplereenroll", post(est_renew))
        .route_layer(DefaultBodyLimit::max(ENROL_BYTES))
        .route_layer(axum::middleware::from_fn(no_page))
}

/// Devices come here, and no page.
async fn no_page(request: Request, next: Next) -> Response {
    let page = request.headers().contains_key(header::ORIGIN) || request.headers().contains_key("sec-fetch-site");
    if page {
        return Refusal::new(Code::WrongOrigin, "pages may not speak to this door").into_response();
    }
    next.run(request).await
}

/// A name that somebody pointed at this computer is not this computer.
fn another_host(request: &Request, hosts: &[String]) -> Option<Response> {
    let known = |host: &str| hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let absolute = request.uri().authority().is_none_or(|authority| known(authority.as_str()));
    let ours = host.is_some_and(known) && named.next().is_none() && absolute;
    (!ours).then(|| {
        let mut response = Refusal::new(Code::WrongOrigin, "this is another host").into_response();
        *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        response
    })
}

/// Counts what was wrong, and answers it: an unknown token and a wrong code are one and the same.
fn refused(shared: &Shared, peer: &Peer, problem: Problem) -> Response {
    let wrong = matches!(problem.code, Code::ClaimUnknown | Code::ClaimExpired);
    let mut response = Refusal(problem).into_response();
    if wrong {
        shared.tries.wrong(peer.address, Instant::now());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let ask = HeaderValue::from_static("Basic realm=\"courtier\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
    }
    response
}

fn too_many(shared: &Shared, peer: &Peer) -> Option<Response> {
    let exhausted = shared.tries.exhausted(peer.address, Instant::now());
    exhausted.then(|| {
        Refusal::new(Code::TooManyTries, "too many wrong tokens or codes; try again in a minute").into_response()
    })
}

async fn enroll(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = too_many(&shared, &peer) {
        return refusal;
    }
    if !is_type(&headers, "application/json") {
        return Refusal::new(Code::Malformed, "the body must be application/json").into_response();
    }
    let request: Enrol = match serde_json::from_slice(&body) {
        Ok(request) => request,
        // The position, not the text: a token may stand there.
        Err(error) => {
            let at = format!("not the JSON of an enrolment (line {}, column {})", error.line(), error.column());
            return Refusal::new(Code::Malformed, &at).into_response();
        }
    };
    match shared.appliance.enrol(request).await {
        Ok(answer) => json(answer),
        Err(problem) => refused(&shared, &peer, problem),
    }
}

async fn est_authorities(State(shared): State<Shared>) -> Response {
    match shared.appliance.est_authorities() {
        Ok(list) => pkcs7("application/pkcs7-mime", list),
        Err(problem) => Refusal(problem).into_response(),
    }
}

async fn est_enrol(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = too_many(&shared, &peer) {
        return refusal;
    }
    let Some((user, token)) = basic(&headers) else {
        return refused(&shared, &peer, Problem::new(Code::ClaimUnknown, "HTTP Basic is needed: device id and token"));
    };
    if !is_type(&headers, "application/pkcs10") {
        return Refusal::new(Code::Malformed, "the body must be application/pkcs10").into_response();
    }
    match shared.appliance.est_enrol(&user, &token, &body).await {
        Ok(list) => pkcs7("application/pkcs7-mime; smime-type=certs-only", list),
        Err(problem) => refused(&shared, &peer, problem),
    }
}

async fn est_renew(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shown) = &peer.certificate else {
        return refused(&shared, &peer, Problem::new(Code::ClaimUnknown, "the certificate in use is needed"));
    };
    if !is_type(&headers, "application/pkcs10") {
        return Refusal::new(Code::Malformed, "the body must be application/pkcs10").into_response();
    }
    match shared.appliance.est_renew(shown, &body).await {
        Ok(list) => pkcs7("application/pkcs7-mime; smime-type=certs-only", list),
        Err(problem) => refused(&shared, &peer, problem),
    }
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// User and password of HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, packed) = value.split_once(' ')?;
    let text = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(packed.trim()))?.ok()?;
    let text = String::from_utf8(text).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn pkcs7(kind: &'static str, list: String) -> Response {
    let mut response = with_type(kind, list);
    let encoding = HeaderName::from_static("content-transfer-encoding");
    response.headers_mut().insert(encoding, HeaderValue::from_static("base64"));
    response
}
