//! A door without TLS that the site opens, moves and closes while the daemon runs.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves at the address that the site names, until its word is over.
pub(crate) async fn follow<Served: Future<Output = ()>>(
    mut wanted: watch::Receiver<Option<SocketAddr>>,
    serve: impl Fn(SocketAddr) -> Served,
) {
    loop {
        let addr = *wanted.borrow_and_update();
        let serving = async {
            match addr {
                None => std::future::pending().await,
                Some(addr) => serve(addr).await,
            }
        };
        tokio::select! {
            () = serving => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

/// `None` after a while where another program has the port: it may leave it.
pub(crate) async fn listen(addr: SocketAddr, door: &'static str) -> Option<TcpListener> {
    match TcpListener::bind(addr).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%addr, %error, door, "a door cannot be opened");
            tokio::time::sleep(Duration::from_secs(5)).await;
            None
        }
    }
}
