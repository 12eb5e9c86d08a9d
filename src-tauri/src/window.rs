//! The one window, on the page of this computer's own site.

use tauri::{AppHandle, Manager, Runtime, WebviewUrl, WebviewWindowBuilder};

pub const MAIN: &str = "main";

/// WebKitGTK dies on a Blob or FormData body at a scheme of one's own: such bodies are refused
/// before they reach it. The page sends text only; this holds for whatever may come.
const GUARD: &str = "(() => {
  const plain = (body) => body == null || typeof body === 'string' || body instanceof ArrayBuffer
    || ArrayBuffer.isView(body) || body instanceof URLSearchParams;
  const ask = window.fetch;
  window.fetch = (input, init) => {
    const foreign = input instanceof Request && input.body != null;
    if (foreign || !plain(init && init.body)) return Promise.reject(new TypeError('send text or an ArrayBuffer'));
    return ask.call(window, input, init);
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    if (!plain(body)) throw new TypeError('send text or an ArrayBuffer');
    return send.call(this, body);
  };
  navigator.sendBeacon = () => false;
})();";

pub fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    if app.get_webview_window(MAIN).is_some() {
        raise(app);
        return Ok(());
    }
    let page: tauri::Url = match "courtier://localhost/".parse() {
        Ok(page) => page,
        Err(_) => return Err(tauri::Error::InvalidWebviewUrl("courtier://localhost/")),
    };
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::CustomProtocol(page))
        .title("Courtier")
        .inner_size(1280.0, 800.0)
        .min_inner_size(380.0, 480.0)
        .initialization_script(GUARD)
        .on_navigation(ours)
        .build()?;
    Ok(())
}

/// Foreign pages never load in this window.
fn ours(url: &tauri::Url) -> bool {
    let own = url.scheme() == "courtier" && url.host_str() == Some("localhost");
    own || url.host_str() == Some("courtier.localhost")
}

/// Brings the window to the front, or makes it anew.
pub fn raise<R: Runtime>(app: &AppHandle<R>) {
    match app.get_webview_window(MAIN) {
        Some(window) => {
            window.unminimize().ok();
            window.show().ok();
            window.set_focus().ok();
        }
        None => {
            open(app).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_loads() {
        let allowed = |url: &str| url.parse().is_ok_and(|url| ours(&url));
        assert!(allowed("courtier://localhost/") && allowed("courtier://localhost/#/live"));
        assert!(allowed("http://courtier.localhost/"));
        for foreign in
            ["https://evil.example/", "courtier://evil/", "http://courtier.localhost.evil/", "file:///etc/passwd"]
        {
            assert!(!allowed(foreign), "{foreign}");
        }
    }
}
