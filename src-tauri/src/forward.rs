//! Each request of the page goes to the daemon's local socket, and its answer comes back whole.

use http_body_util::{BodyExt, Full};
use tauri::http::{Request, Response, StatusCode, header};

use crate::daemon::Daemon;

type Whole = Response<Vec<u8>>;

/// Forwards one request. A daemon that is gone is started again, and the page is told to ask anew.
pub async fn forward(daemon: &Daemon, request: Request<Vec<u8>>) -> Whole {
    match send(daemon, request).await {
        Ok(response) => response,
        Err(error) => {
            let daemon = daemon.clone();
            let restarted = tauri::async_runtime::spawn_blocking(move || daemon.ensure()).await;
            let fate = match restarted {
                Ok(Ok(())) => "courtierd was started again".to_owned(),
                Ok(Err(again)) => format!("{again:#}"),
                Err(again) => again.to_string(),
            };
            plain(StatusCode::BAD_GATEWAY, &format!("{error:#}; {fate}"))
        }
    }
}

/// A window that is not ours gets nothing.
pub fn refused() -> Whole {
    plain(StatusCode::FORBIDDEN, "this page may not speak to Courtier")
}

fn plain(status: StatusCode, text: &str) -> Whole {
    let mut response = Response::new(text.as_bytes().to_vec());
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(unix)]
async fn send(daemon: &Daemon, request: Request<Vec<u8>>) -> anyhow::Result<Whole> {
    let stream = tokio::net::UnixStream::connect(daemon.socket()).await?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    let driven = tauri::async_runtime::spawn(connection);
    let (mut parts, body) = request.into_parts();
    // The socket takes paths, and hyper writes the length of the body itself.
    parts.uri = parts.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
    let request = Request::from_parts(parts, Full::new(bytes::Bytes::from(body)));
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    driven.abort();
    Ok(Response::from_parts(parts, body))
}

/// Writes what the daemon answers to a file, a piece at a time.
#[cfg(unix)]
pub async fn download(daemon: &Daemon, path: &str, to: &std::path::Path) -> anyhow::Result<()> {
    use std::io::Write;
    let stream = tokio::net::UnixStream::connect(daemon.socket()).await?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    let driven = tauri::async_runtime::spawn(connection);
    let request = Request::get(path).header(header::HOST, "localhost").body(Full::new(bytes::Bytes::new()))?;
    let mut response = sender.send_request(request).await?;
    if response.status() != StatusCode::OK {
        anyhow::bail!("the daemon answered {}", response.status());
    }
    let mut file = std::fs::File::create(to)?;
    while let Some(frame) = response.body_mut().frame().await {
        if let Some(piece) = frame?.data_ref() {
            file.write_all(piece)?;
        }
    }
    file.sync_all()?;
    driven.abort();
    Ok(())
}

#[cfg(not(unix))]
pub async fn download(_daemon: &Daemon, _path: &str, _to: &std::path::Path) -> anyhow::Result<()> {
    anyhow::bail!("named pipes are not built yet")
}

#[cfg(not(unix))]
async fn send(_daemon: &Daemon, _request: Request<Vec<u8>>) -> anyhow::Result<Whole> {
    anyhow::bail!("named pipes are not built yet")
}
