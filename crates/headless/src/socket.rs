//! The local socket: a file that only the owner of the data folder can open.

use std::path::{Path, PathBuf};

use axum::Router;

#[derive(Debug, thiserror::Error)]
#[error("the local socket cannot be opened: {source} ({path})", path = path.display())]
pub struct SocketError {
    path: PathBuf,
    source: std::io::Error,
}

/// Where the socket of a data folder lies.
pub fn path(data: &Path) -> PathBuf {
    data.join("run").join("courtierd.sock")
}

#[cfg(unix)]
pub(crate) type Listener = tokio::net::UnixListener;

/// Serves until `stop` resolves.
#[cfg(unix)]
pub(crate) async fn serve(
    listener: Listener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Opens the socket. The data folder's lock is held: an old socket file is nobody's.
#[cfg(unix)]
pub(crate) fn bind(data: &Path) -> Result<Listener, SocketError> {
    use std::fs::{DirBuilder, Permissions, remove_file, set_permissions};
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let path = path(data);
    let bound = || -> std::io::Result<tokio::net::UnixListener> {
        let folder = data.join("run");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        set_permissions(&folder, Permissions::from_mode(0o700))?;
        match remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = tokio::net::UnixListener::bind(&path)?;
        set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    bound().map_err(|source| SocketError { path, source })
}

/// Windows has named pipes instead; they are not built yet.
#[cfg(not(unix))]
pub(crate) struct Listener;

#[cfg(not(unix))]
pub(crate) fn bind(data: &Path) -> Result<Listener, SocketError> {
    let source = std::io::Error::new(std::io::ErrorKind::Unsupported, "named pipes are not built yet");
    Err(SocketError { path: path(data), source })
}

#[cfg(not(unix))]
pub(crate) async fn serve(
    _: Listener,
    _: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    stop.await;
    Ok(())
}
