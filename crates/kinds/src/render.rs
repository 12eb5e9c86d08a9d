//! Templates: a text with `<<how:what>>` in it, replaced in one pass, so that what is inserted is
//! never read again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kind::{FileSpec, Kind};
use crate::{File, Handout, Language, config, embedded, escape};

pub fn file(kind: &Kind, spec: &FileSpec, handout: &Handout<'_>) -> File {
    let template = embedded::template(&spec.template).unwrap_or_default();
    File {
        name: spec.name.clone(),
        syntax: spec.syntax.clone(),
        bytes: render(template, kind, handout).into_bytes(),
        blanks: spec.blanks.iter().filter_map(|key| kind.word(key, handout.language)).map(str::to_owned).collect(),
        main: spec.main,
    }
}

pub fn readme(kind: &Kind, handout: &Handout<'_>, settings: bool, main: bool) -> File {
    let name = match handout.language {
        Language::Fr => "LISEZMOI.txt",
        Language::En => "README.txt",
    };
    let template = if settings { embedded::README } else { embedded::README_SHORT };
    File {
        name: name.to_owned(),
        syntax: "text".to_owned(),
        bytes: render(template, kind, handout).into_bytes(),
        blanks: Vec::new(),
        main,
    }
}

pub fn render(template: &str, kind: &Kind, handout: &Handout<'_>) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("<<") {
        out.push_str(before);
        let Some((hole, tail)) = after.split_once(">>") else {
            out.push_str("<<");
            rest = after;
            continue;
        };
        match hole.split_once(':').and_then(|(how, what)| fill(how, what, kind, handout)) {
            Some(text) => {
                out.push_str(&text);
                rest = tail;
            }
            // Not ours (`1 << 2`): left as it is. A test finds what was misspelt.
            None => {
                out.push_str("<<");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn fill(how: &str, what: &str, kind: &Kind, handout: &Handout<'_>) -> Option<String> {
    let value = || value(what, kind, handout);
    Some(match how {
        "w" => kind.word(what, handout.language)?.to_owned(),
        // Ours like the template itself, and as often read: a part has no parts.
        "part" => render(embedded::part(what)?, kind, handout).trim_end_matches('\n').to_owned(),
        "c" => escape::c_string(&value()?),
        "q" => escape::quoted(&value()?),
        "sh" => escape::shell(&value()?),
        "xml" => escape::xml(&value()?),
        "word" => escape::word(&value()?),
        "pem_in" => escape::pem(&value()?).trim_end().replace('\n', "\n      "),
        "pem_c" => pem_c(&value()?),
        "uri64" => uri64(what, kind, handout)?,
        "json" => escape::json_string(&value()?),
        "rem" => escape::comment(&value()?),
        "text" => escape::line(&value()?),
        "pem" => escape::pem(&value()?),
        "int" => value()?.parse::<u16>().ok()?.to_string(),
        "node" => node_id(handout.device_id, what),
        "steps" => steps(kind, handout),
        _ => return None,
    })
}

fn value(what: &str, kind: &Kind, handout: &Handout<'_>) -> Option<String> {
    let [host, host_other] = handout.hosts(kind);
    Some(match what {
        "device_id" => handout.device_id.to_owned(),
        "group" => handout.group.to_owned(),
        "site" => handout.site.to_owned(),
        "site_slug" => handout.site_slug.to_owned(),
        "host" => host.to_owned(),
        "host_other" => host_other.to_owned(),
        "host_name" => handout.host_name.to_owned(),
        "mdns_name" => handout.host_name.strip_suffix(".local").unwrap_or(handout.host_name).to_owned(),
        "ip" => handout.ip.to_owned(),
        "port_mqtts" => handout.port_mqtts.to_string(),
        "port_wss" => handout.port_wss.to_string(),
        "port_mqtt" => handout.port_mqtt?.to_string(),
        "ingest_url" => handout.ingest_url?.to_owned(),
        "branch" => handout.branch.to_owned(),
        "branch_parent" => handout.branch.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned(),
        "page_port" => crate::PAGE_PORT.to_string(),
        "page_origin" => crate::page_origin(),
        "claim_port" => handout.claim_port.to_string(),
        "password" => handout.password.to_owned(),
        "topic" => handout.topic.to_owned(),
        "command_filter" => handout.command_filter.to_owned(),
        "ca_pem" => handout.ca_pem.to_owned(),
        "ca_sha256" => handout.ca_sha256.to_owned(),
        "not_after_day" => config::date(handout.not_after).chars().take_while(|c| *c != 'T').collect(),
        _ => return None,
    })
}

/// A PEM text as lines of a C string.
fn pem_c(pem: &str) -> String {
    escape::pem(pem).lines().map(|line| format!("\"{line}\\n\"")).collect::<Vec<_>>().join("\n")
}

/// One of the kind's own JSON files, for the value of a query: on one line, so that its code to scan
/// stays coarse, then base64, percent-encoded.
fn uri64(name: &str, kind: &Kind, handout: &Handout<'_>) -> Option<String> {
    let spec = kind.files.iter().find(|spec| spec.name == name)?;
    let bytes = file(kind, spec, handout).bytes;
    let line: String = std::str::from_utf8(&bytes).ok()?.lines().map(str::trim).collect();
    let text = STANDARD.encode(line);
    Some(text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
}

fn steps(kind: &Kind, handout: &Handout<'_>) -> String {
    let lines = kind.steps(handout.language).iter().enumerate();
    let line = |(index, step): (usize, &String)| format!("  {}. {}", index + 1, render(step, kind, handout));
    lines.map(line).collect::<Vec<_>>().join("\n")
}

/// A Node-RED node's name for itself: the same each time, and another one for another device, so
/// that two imported flows do not replace each other. 64 bits of FNV-1a.
fn node_id(device_id: &str, node: &str) -> String {
    let bytes = device_id.bytes().chain([0]).chain(node.bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
