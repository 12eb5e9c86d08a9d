//! QR codes, as pictures that a page can show and a phone can read.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::{Error, Secret};

/// Black on white at correction level M, with the quiet zone of four modules that scanners need,
/// whatever the page around it looks like.
pub fn svg(text: &str) -> Result<String, Error> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Error::QrTooLong { len: text.len() })?;
    Ok(code
        .render::<svg::Color<'_>>()
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .quiet_zone(true)
        .module_dimensions(8, 8)
        .build())
}

/// What a phone's camera reads to join a Wi-Fi network.
pub fn wifi(network: &str, password: &Secret) -> Secret {
    if password.expose().is_empty() {
        return Secret::new(format!("WIFI:T:nopass;S:{};;", escape(network)));
    }
    Secret::new(format!("WIFI:T:WPA;S:{};P:{};;", escape(network), escape(password.expose())))
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '\\' | ';' | ',' | ':' | '"') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
