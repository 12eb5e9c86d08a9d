//! Files that were made to be saved, a piece at a time: they may be larger than memory.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, header};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use wire::Code;

use crate::reply::{Refusal, with_type};
use crate::router::Shared;

const PIECE_BYTES: usize = 128 * 1024;

/// The number of an export is no secret: the session is what lets through.
pub(crate) async fn export(State(shared): State<Shared>, Path(id): Path<u32>) -> Response {
    let ready = match shared.appliance.export_file(id) {
        Ok(ready) => ready,
        Err(problem) => return Refusal(problem).into_response(),
    };
    // What was opened stays readable, though the export may be dropped meanwhile.
    let opened = async {
        let file = File::open(&ready.path).await?;
        let length = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, length))
    };
    let Ok((file, length)) = opened.await else {
        return Refusal::new(Code::ExportUnknown, "the file is gone").into_response();
    };
    let mut response = with_type(ready.media_type, Body::from_stream(pieces(file)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    // Names are made of ASCII alone (`appliance::exports`).
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", ready.name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn pieces(file: File) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}
