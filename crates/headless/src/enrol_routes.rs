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

const PKCS10: &str = "application/pkcs10";

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

type Answer = Result<Response, Refusal>;

/// An answer as it is sent. What was wrong is counted: an unknown token and a wrong code are one and
/// the same.
fn settled<T>(shared: &Shared, peer: &Peer, result: Result<T, Problem>, show: fn(T) -> Response) -> Response {
    let problem = match result {
        Ok(answer) => return show(answer),
        Err(problem) => problem,
    };
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

/// Whoever guessed too often waits, whatever they ask next; and a body is what the route takes.
fn may_ask(shared: &Shared, peer: &Peer, headers: &HeaderMap, kind: &str) -> Result<(), Refusal> {
    if shared.tries.exhausted(peer.address, Instant::now()) {
        let why = "too many wrong tokens or codes; try again in a minute";
        return Err(Refusal::new(Code::TooManyTries, why));
    }
    if !is_type(headers, kind) {
        return Err(Refusal::new(Code::Malformed, &format!("the body must be {kind}")));
    }
    Ok(())
}

async fn enroll(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    may_ask(&shared, &peer, &headers, "application/json")?;
    let request: Enrol = serde_json::from_slice(&body).map_err(|error| {
        // The position, not the text: a token may stand there.
        let at = format!("not the JSON of an enrolment (line {}, column {})", error.line(), error.column());
        Refusal::new(Code::Malformed, &at)
    })?;
    Ok(settled(&shared, &peer, shared.appliance.enrol(request).await, json))
}

async fn est_authorities(State(shared): State<Shared>) -> Answer {
    let list = shared.appliance.est_authorities().map_err(Refusal)?;
    Ok(pkcs7("application/pkcs7-mime", list))
}

async fn est_enrol(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    may_ask(&shared, &peer, &headers, PKCS10)?;
    let signed = match basic(&headers) {
        Some((user, token)) => shared.appliance.est_enrol(&user, &token, &body).await,
        None => Err(Problem::new(Code::ClaimUnknown, "HTTP Basic is needed: device id and token")),
    };
    Ok(settled(&shared, &peer, signed, certificates))
}

async fn est_renew(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    may_ask(&shared, &peer, &headers, PKCS10)?;
    let signed = match &peer.certificate {
        Some(shown) => shared.appliance.est_renew(shown, &body).await,
        None => Err(Problem::new(Code::ClaimUnknown, "the certificate in use is needed")),
    };
    Ok(settled(&shared, &peer, signed, certificates))
}

fn certificates(list: String) -> Response {
    pkcs7("application/pkcs7-mime; smime-type=certs-only", list)
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
