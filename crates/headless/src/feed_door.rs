//! The door of spreadsheets: on loopback, open while there is an address for one. It reads, and
//! never knows a login: the token in the address is all that it asks for, and writes to no journal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use appliance::FeedForm;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use serde::Deserialize;
use wire::{Code, Problem};

use crate::plain_door;
use crate::reply::{self, Refusal, with_type};
use crate::router::Shared;
use crate::tries::Tries;

/// Opens and closes the door as the site says, until its word is over.
pub(crate) async fn run(shared: Shared) {
    plain_door::follow(shared.appliance.feed_door(), |addr| serve(addr, shared.clone())).await;
}

async fn serve(addr: SocketAddr, shared: Shared) {
    let Some(listener) = plain_door::listen(addr, "spreadsheets").await else { return };
    let door = FeedDoor { shared, wrong: Arc::default(), port: addr.port() };
    let router = Router::new()
        .route("/x/{token}/{file}", get(feed))
        .layer(axum::middleware::from_fn_with_state(door.port, own_name))
        .layer(axum::middleware::map_response(reply::headers))
        .with_state(door);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the door of spreadsheets closed");
    }
}

#[derive(Clone)]
struct FeedDoor {
    shared: Shared,
    wrong: Arc<Tries>,
    port: u16,
}

/// A name that somebody pointed at this computer is not this computer (DNS rebinding).
async fn own_name(State(port): State<u16>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    match host.is_some_and(|host| own.iter().any(|own| own == host)) {
        true => next.run(request).await,
        false => Refusal::new(Code::WrongOrigin, "ask 127.0.0.1").into_response(),
    }
}

/// For one value: which, where there are several.
#[derive(Deserialize)]
struct Asked {
    topic: Option<String>,
    field: Option<String>,
}

async fn feed(
    State(door): State<FeedDoor>,
    Path((token, file)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Response {
    let site = &door.shared.appliance;
    let answer = match file.as_str() {
        "fr.csv" => site.feed_table(&token, FeedForm::French).await.map(csv),
        "plain.csv" => site.feed_table(&token, FeedForm::Plain).await.map(csv),
        "fr.txt" => site.feed_value(&token, FeedForm::French, asked.topic, asked.field).await.map(value),
        "plain.txt" => site.feed_value(&token, FeedForm::Plain, asked.topic, asked.field).await.map(value),
        _ => {
            return Refusal::new(Code::FeedUnknown, "there are fr.csv, plain.csv, fr.txt and plain.txt")
                .into_response();
        }
    };
    answer.unwrap_or_else(|problem| door.refused(problem))
}

fn csv(table: Vec<u8>) -> Response {
    let mut response = with_type("text/csv; charset=utf-8", table);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    response
}

fn value(text: String) -> Response {
    with_type("text/plain; charset=utf-8", text)
}

impl FeedDoor {
    /// A spreadsheet that asks with an old address must not shut out the others: only the guess is slowed.
    fn refused(&self, problem: Problem) -> Response {
        let (here, now) = (IpAddr::from(Ipv4Addr::LOCALHOST), Instant::now());
        if problem.code == Code::FeedUnknown {
            if self.wrong.exhausted(here, now) {
                return Refusal::new(Code::TooManyTries, "too many unknown addresses; wait a minute").into_response();
            }
            self.wrong.wrong(here, now);
        }
        Refusal(problem).into_response()
    }
}
