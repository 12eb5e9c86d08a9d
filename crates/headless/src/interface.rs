//! The interface, as it was built into the program.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::reply::with_type;

include!(concat!(env!("OUT_DIR"), "/interface.rs"));

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Courtier</title>\
<h1>The interface was not built into this courtierd</h1>\
<p>The broker works. To build the interface: <code>cargo xtask run</code>, or <code>npm ci</code> and \
<code>npm run build</code> in <code>ui</code>, then build courtierd again.</p>\
<h2 lang=\"fr\">L’interface n’a pas été construite dans ce courtierd</h2>\
<p lang=\"fr\">Le courtier fonctionne. Pour construire l’interface : <code>cargo xtask run</code>.</p></html>";

/// A file of the interface; its first page for every other path without an extension.
pub(crate) fn serve(path: &str) -> Response {
    let name = path.trim_start_matches('/');
    let wanted = if name.is_empty() || !name.contains('.') { "index.html" } else { name };
    if FILES.is_empty() {
        return with_type("text/html; charset=utf-8", NOT_BUILT);
    }
    let Some((name, bytes)) = FILES.iter().find(|(name, _)| *name == wanted) else {
        let mut response = with_type("text/plain; charset=utf-8", "not found");
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = with_type(content_type(name), *bytes);
    // Vite puts a hash of the contents into the names below assets/.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
