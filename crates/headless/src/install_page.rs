//! `/ca`: how a phone or a computer is made to trust the site, with what that means said first.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use wire::Code;

use crate::reply::{Refusal, with_type};
use crate::router::Shared;

type Words = HashMap<String, String>;

static FRENCH: LazyLock<Words> = LazyLock::new(|| read(include_str!("../../../assets/words/fr.json")));
static ENGLISH: LazyLock<Words> = LazyLock::new(|| read(include_str!("../../../assets/words/en.json")));

// Invariant: the words are built in, and tests/tidy.rs reads both files.
#[allow(clippy::expect_used)]
fn read(text: &str) -> Words {
    serde_json::from_str(text).expect("words that are built in")
}

pub(crate) async fn install_page(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let french = speaks_french(headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()));
    match (shared.appliance.authority_files(), shared.appliance.authority_words(french)) {
        (Some(files), Some(words)) => with_type("text/html; charset=utf-8", page(french, &files.der, &words)),
        _ => Refusal::new(Code::SiteNotStarted, "there is no authority yet").into_response(),
    }
}

/// The first language that a browser names; French where it names none.
fn speaks_french(accepted: Option<&str>) -> bool {
    accepted.is_none_or(|accepted| accepted.trim().is_empty() || accepted.trim().to_ascii_lowercase().starts_with("fr"))
}

fn page(french: bool, der: &[u8], authority: &[&str]) -> String {
    let words = if french { &*FRENCH } else { &*ENGLISH };
    let say = |key: &str| escape(words.get(key).map_or("", String::as_str));
    let digest: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    let digest: Vec<String> = digest.chunks(4).map(|four| four.concat()).collect();
    let systems = ["install_ios", "install_android", "install_windows"]
        .map(|key| format!("<section><h2>{}</h2><p>{}</p></section>", say(key), say(&format!("{key}_text"))));
    format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/c/claim.css\"></head><body>\
         <header><strong>Courtier</strong></header><main><h1>{title}</h1><p>{intro}</p>\
         <section class=\"bad\"><h2>{warning}</h2><p>{warning_text}</p><p>{plain}</p></section>\
         <section class=\"label\"><h2>{words_title}</h2><p class=\"words\">{authority}</p>\
         <p>{sha_title}</p><p class=\"print\">{digest}</p><p>{failed}</p></section>\
         <a class=\"file\" href=\"/ca.der\" download=\"courtier.cer\">{get}</a>\
         <a class=\"file\" href=\"/ca.pem\" download=\"courtier.pem\">{get_pem}</a>{systems}</main></body></html>\n",
        language = if french { "fr" } else { "en" },
        title = say("install_title"),
        intro = say("install_intro"),
        warning = say("install_warning"),
        warning_text = say("install_warning_text"),
        plain = say("install_plain"),
        words_title = say("install_words"),
        authority = escape(&authority.join(" · ")),
        sha_title = say("install_sha256"),
        digest = digest.join(" "),
        failed = say("install_check_failed"),
        get = say("install_get"),
        get_pem = say("install_get_pem"),
        systems = systems.concat(),
    )
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_speaks_the_language_of_the_browser_and_says_every_sentence() {
        for (accepted, french) in
            [(Some("fr-FR,fr;q=0.9"), true), (Some("en-GB"), false), (None, true), (Some("de"), false)]
        {
            assert_eq!(speaks_french(accepted), french, "{accepted:?}");
        }
        for french in [true, false] {
            let page = page(french, b"der", &["acorn", "actor"]);
            assert!(page.contains("acorn · actor"));
            assert!(!page.contains("<p></p>") && !page.contains("<h2></h2>"), "a sentence is missing: {page}");
        }
    }
}
