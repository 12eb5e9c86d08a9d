//! Who may come through which door.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use wire::Code;

use crate::codes::Codes;
use crate::reply::Refusal;

pub(crate) const COOKIE: &str = "courtier_session";

/// Where a request came in.
#[derive(Clone)]
pub(crate) enum Door {
    /// The local socket: its file lets only the owner of the data folder through.
    Socket,
    /// Loopback: any program or page of this computer can knock.
    Loopback { port: u16, codes: Arc<Codes> },
}

/// Pages of the desktop window, on Linux and macOS and on Windows.
const WINDOW_ORIGINS: [&str; 2] = ["courtier://localhost", "http://courtier.localhost"];

/// Refuses foreign hosts and origins, and on loopback everything but the page itself without a session.
pub(crate) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    match check(&door, request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(door: &Door, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = text(header::ORIGIN);
    let foreign = || Refusal::new(Code::WrongOrigin, "this page may not speak to Courtier");
    // A form of a foreign page cannot send JSON without asking first.
    if *method == Method::POST && text(header::CONTENT_TYPE).is_none_or(|kind| !kind.starts_with("application/json")) {
        return Err(Refusal::new(Code::Malformed, "the body must be application/json"));
    }
    match door {
        Door::Socket => match origin {
            Some(origin) if !WINDOW_ORIGINS.contains(&origin) => Err(foreign()),
            _ => Ok(()),
        },
        Door::Loopback { port, codes } => {
            let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
            // A name that somebody pointed at this computer is not this computer (DNS rebinding).
            let host = text(header::HOST).filter(|host| hosts.iter().any(|own| own == host));
            let Some(host) = host else { return Err(foreign()) };
            if origin.is_some_and(|origin| origin != format!("http://{host}")) {
                return Err(foreign());
            }
            let open = !path.starts_with("/api/") && !path.starts_with("/files/") && path != "/door/new";
            let session = cookie(headers).is_some_and(|token| codes.is_session(token, Instant::now()));
            if open || session {
                return Ok(());
            }
            Err(Refusal::new(Code::NotSignedIn, "open Courtier by the address that `courtierd open` prints"))
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn loopback() -> (Door, String) {
        let codes = Arc::new(Codes::default());
        let code = codes.new_code(Instant::now()).unwrap();
        let session = codes.redeem(code.expose(), Instant::now()).unwrap().unwrap();
        (Door::Loopback { port: 8443, codes }, format!("{COOKIE}={}", session.expose()))
    }

    fn code(door: &Door, method: Method, path: &str, pairs: &[(&'static str, &str)]) -> Option<Code> {
        check(door, &method, path, &headers(pairs)).err().map(|refusal| refusal.0.code)
    }

    #[test]
    fn loopback_takes_only_its_own_host_origin_and_session() {
        let (door, cookie) = loopback();
        let json = ("content-type", "application/json");
        let host = ("host", "127.0.0.1:8443");
        let session = ("cookie", cookie.as_str());
        let post = |pairs: &[(&'static str, &str)]| code(&door, Method::POST, "/api/site_status", pairs);
        assert_eq!(post(&[json, host, session]), None);
        assert_eq!(post(&[json, host, session, ("origin", "http://127.0.0.1:8443")]), None);
        assert_eq!(post(&[json, host]), Some(Code::NotSignedIn));
        assert_eq!(post(&[json, host, ("cookie", "courtier_session=guess")]), Some(Code::NotSignedIn));
        assert_eq!(post(&[json, ("host", "evil.example:8443"), session]), Some(Code::WrongOrigin));
        assert_eq!(post(&[json, session]), Some(Code::WrongOrigin));
        assert_eq!(post(&[json, host, session, ("origin", "https://evil.example")]), Some(Code::WrongOrigin));
        assert_eq!(post(&[json, host, session, ("origin", "null")]), Some(Code::WrongOrigin));
        assert_eq!(post(&[("content-type", "text/plain"), host, session]), Some(Code::Malformed));
        assert_eq!(code(&door, Method::GET, "/files/export/1", &[host]), Some(Code::NotSignedIn));
        assert_eq!(code(&door, Method::GET, "/", &[host]), None);
        assert_eq!(code(&door, Method::GET, "/", &[("host", "evil.example")]), Some(Code::WrongOrigin));
    }

    #[test]
    fn the_socket_takes_the_window_and_programs_but_no_foreign_page() {
        let json = ("content-type", "application/json");
        let post = |pairs: &[(&'static str, &str)]| code(&Door::Socket, Method::POST, "/api/site_status", pairs);
        assert_eq!(post(&[json]), None);
        assert_eq!(post(&[json, ("origin", "courtier://localhost")]), None);
        assert_eq!(post(&[json, ("origin", "https://evil.example")]), Some(Code::WrongOrigin));
    }
}
