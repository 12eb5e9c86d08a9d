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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use std::process::Command;

    use super::*;

    const QUIET: usize = 4;
    const MODULE: usize = 8;

    /// Draws the picture as a browser does: a white square, then the rectangles of its one path.
    fn draw(svg: &str) -> (usize, Vec<u8>) {
        let after = |text: &str, key: &str| text.split_once(key).expect("in the picture").1.to_owned();
        let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        let size: usize = number(&after(svg, "width=\""));
        assert!(svg.contains("fill=\"#fff\"") && svg.contains("fill=\"#000\""));
        let mut pixels = vec![255u8; size * size];
        let path = after(svg, " d=\"M");
        for rectangle in path.split_once('"').unwrap().0.split('M') {
            let (left, rest) = (number(rectangle), after(rectangle, " "));
            let (top, width): (usize, usize) = (number(&rest), number(&after(&rest, "h")));
            let height: usize = number(&after(&rest, "v"));
            for y in top..top + height {
                pixels[y * size + left..y * size + left + width].fill(0);
            }
        }
        (size, pixels)
    }

    /// Reads it with zbar, which knows nothing of how it was made.
    fn decode(svg: &str) -> String {
        let (size, pixels) = draw(svg);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("code.pgm");
        std::fs::write(&path, [format!("P5 {size} {size} 255\n").as_bytes(), &pixels].concat()).unwrap();
        let out = Command::new("zbarimg")
            .args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"])
            .arg(&path)
            .output()
            .expect("this test needs `zbarimg` (Debian package zbar-tools) in the PATH");
        String::from_utf8(out.stdout).unwrap().trim_end_matches('\n').to_owned()
    }

    #[test]
    fn what_is_drawn_is_read_back_by_an_independent_decoder() {
        let claim = "http://192.168.1.20:8480/c#K7QH2M9DXW4TPB8R0123456789";
        let wifi = wifi("Classe \"IoT\"; 1,2:3\\", &Secret::new("mot;de:passe"));
        assert_eq!(wifi.expose(), r#"WIFI:T:WPA;S:Classe \"IoT\"\; 1\,2\:3\\;P:mot\;de\:passe;;"#);
        for text in [claim, wifi.expose(), "a"] {
            assert_eq!(decode(&svg(text).unwrap()), text);
        }
    }

    #[test]
    fn four_white_modules_surround_the_code() {
        let (size, pixels) = draw(&svg("http://192.168.1.20:8480/c#K7QH2M9DXW4TPB8R0123456789").unwrap());
        let dark = |x: usize, y: usize| pixels[y * size + x] == 0;
        let edge = QUIET * MODULE;
        for along in 0..size {
            for across in 0..edge {
                assert!(!dark(along, across) && !dark(across, along));
                assert!(!dark(along, size - 1 - across) && !dark(size - 1 - across, along));
            }
        }
        assert!(dark(edge, edge), "the code begins right behind it");
        assert_eq!(size / MODULE - 2 * QUIET, 33, "version 4: 53 characters at level M");
    }

    #[test]
    fn an_open_network_has_no_password_field() {
        assert_eq!(wifi("Invités", &Secret::new("")).expose(), "WIFI:T:nopass;S:Invités;;");
    }

    #[test]
    fn a_text_that_fits_no_code_is_refused() {
        assert!(matches!(svg(&"x".repeat(3_000)), Err(Error::QrTooLong { len: 3_000 })));
    }
}
