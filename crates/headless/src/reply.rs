//! Answers: JSON, problems, and the headers that every page gets.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use wire::{Code, Problem};

pub(crate) fn json(body: Vec<u8>) -> Response {
    with_type("application/json", body)
}

pub(crate) fn with_type(kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A refusal as a response.
pub(crate) struct Refusal(pub Problem);

impl Refusal {
    pub fn new(code: Code, message: &str) -> Refusal {
        Refusal(Problem::new(code, message))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Invariant: a problem is plain data; if it could not be written, the status still tells.
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = json(body);
        *response.status_mut() = status(self.0.code);
        response
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed => StatusCode::BAD_REQUEST,
        Code::NotSignedIn => StatusCode::UNAUTHORIZED,
        Code::NotAllowed | Code::WrongOrigin => StatusCode::FORBIDDEN,
        Code::UnknownCommand
        | Code::DeviceUnknown
        | Code::ClaimUnknown
        | Code::IngestUnknown
        | Code::ExportUnknown
        | Code::FeedUnknown => StatusCode::NOT_FOUND,
        Code::RightsOutdated | Code::NothingToUndo => StatusCode::CONFLICT,
        Code::NameTaken | Code::PortTaken | Code::SiteAlreadyStarted | Code::SiteNotStarted => StatusCode::CONFLICT,
        Code::ClaimExpired => StatusCode::GONE,
        Code::EnrolmentClosed => StatusCode::SERVICE_UNAVAILABLE,
        Code::RequestInvalid => StatusCode::BAD_REQUEST,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyTries | Code::TooFast | Code::ExportsBusy => StatusCode::TOO_MANY_REQUESTS,
        Code::DataDamaged | Code::DiskFull | Code::BrokerStopped => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    font-src 'self' data:; connect-src 'self' ipc: http://ipc.localhost; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// What a browser is told with every answer.
pub(crate) async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
