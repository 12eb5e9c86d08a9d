//! What other programs read as data is well-formed for readers that are not ours, and says what
//! their makers ask for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod handout;

use std::collections::BTreeSet;

use handout::*;
use kinds::{Handout, Language};
use serde_json::Value;

fn json_of(key: &str, name: &str, handout: &Handout<'_>) -> Value {
    serde_json::from_str(&text(&files(key, handout), name)).unwrap()
}

fn toml_of(key: &str, name: &str, handout: &Handout<'_>) -> toml::Table {
    text(&files(key, handout), name).parse().unwrap()
}

/// XML as Python's reader sees it: every element as `[tag, attributes, text]`.
fn xml_of(name: &str, handout: &Handout<'_>) -> Vec<(String, Value, String)> {
    let script = "import sys, json; import xml.etree.ElementTree as E; \
        print(json.dumps([[e.tag, e.attrib, (e.text or '').strip()] for e in E.parse(sys.argv[1]).iter()]))";
    let dir = write(&files("phyphox", handout));
    serde_json::from_str(&run("python3", &["-c", script, name], dir.path())).unwrap()
}

/// `{any text}` for a text, as `quoted` and `xml` show it: what is not seen becomes a space.
fn shown(text: &str) -> String {
    let unseen =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}' | '\u{e0041}' | '\u{fffe}');
    text.chars().map(|c| if unseen(c) { ' ' } else { c }).collect()
}

#[test]
fn every_json_file_reads_back_with_the_worst_values_everywhere() {
    for text in HOSTILE {
        for (name, file) in of_syntax("json", &hostile(text)) {
            let written = std::str::from_utf8(&file.bytes).unwrap();
            assert!(!written.contains('<') && !written.contains('\u{0}'), "{name}: {written}");
            let read: Value =
                serde_json::from_str(written).unwrap_or_else(|error| panic!("{name}: {error}\n{written}"));
            if name.ends_with("config.json") {
                for key in ["id", "site", "host", "user", "password", "client_id", "topic", "commands"] {
                    assert_eq!(read[key], **text, "{name} {key}");
                }
            }
        }
        assert_eq!(json_of("owntracks", "courtier.otrc", &hostile(text))["password"], *text);
        assert_eq!(json_of("shelly", "2-mqtt.json", &hostile(text))["params"]["config"]["pass"], *text);
    }
}

#[test]
fn every_toml_file_reads_back_with_the_worst_values_everywhere() {
    for text in HOSTILE {
        // The authority's line ends are texts, a password's are not kept: none is made with one.
        let expected = text.replace(|c: char| c != '\n' && shown(&c.to_string()) == " " && c != ' ', " ");
        let handout = hostile(text);
        let circuit = toml_of("circuitpython", "settings.toml", &handout);
        assert_eq!(circuit["COURTIER_PASSWORD"].as_str().unwrap(), expected);
        let chirp = toml_of("chirpstack", "chirpstack-mqtt.toml", &handout);
        assert_eq!(chirp["integration"]["mqtt"]["password"].as_str().unwrap(), expected);
        let telegraf = toml_of("telegraf", "courtier.conf", &handout);
        assert_eq!(telegraf["outputs"]["mqtt"][0]["password"].as_str().unwrap(), expected);
    }
}

/// Keys of the configuration of ChirpStack 4 and of the plugins of Telegraf, from their manuals.
#[test]
fn chirpstack_and_telegraf_are_told_nothing_they_do_not_know() {
    let handout = handout(Language::En);
    let known = |table: &toml::Value, keys: &[&str]| {
        let unknown: Vec<_> = table.as_table().unwrap().keys().filter(|key| !keys.contains(&key.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    };
    let chirp = toml_of("chirpstack", "chirpstack-mqtt.toml", &handout);
    assert_eq!(chirp["integration"]["enabled"].as_array().unwrap()[0].as_str(), Some("mqtt"));
    let mqtt = &chirp["integration"]["mqtt"];
    known(
        mqtt,
        &[
            "event_topic",
            "state_topic",
            "command_topic",
            "json",
            "server",
            "username",
            "password",
            "qos",
            "clean_session",
            "client_id",
            "keep_alive_interval",
            "ca_cert",
            "tls_cert",
            "tls_key",
        ],
    );
    assert_eq!(mqtt["server"].as_str(), Some("ssl://salle114.local:8883"));
    assert!(
        mqtt["event_topic"].as_str().unwrap().starts_with("salle114/groupe-b/serre-04/application/{{application_id}}")
    );
    let commands = mqtt["command_topic"].as_str().unwrap();
    assert!(commands.starts_with("salle114/groupe-b/serre-04/commands/"), "it may read nothing else");

    let telegraf = toml_of("telegraf", "courtier.conf", &handout);
    let shared =
        ["servers", "qos", "client_id", "username", "password", "tls_ca", "insecure_skip_verify", "data_format"];
    known(&telegraf["outputs"]["mqtt"][0], &[&shared[..], &["protocol", "topic", "namepass"][..]].concat());
    known(&telegraf["inputs"]["mqtt_consumer"][0], &[&shared[..], &["topics", "data_type"][..]].concat());
    for plugin in [&telegraf["outputs"]["mqtt"][0], &telegraf["inputs"]["mqtt_consumer"][0]] {
        assert_eq!(plugin["insecure_skip_verify"].as_bool(), Some(false));
        assert_eq!(plugin["servers"][0].as_str(), Some("ssl://salle114.local:8883"));
    }
    assert_ne!(
        telegraf["outputs"]["mqtt"][0]["client_id"], telegraf["inputs"]["mqtt_consumer"][0]["client_id"],
        "two connections of one client id would throw each other out"
    );
}

#[test]
fn the_node_red_flow_checks_the_server_and_carries_its_credentials_inline() {
    for language in LANGUAGES {
        let flow = json_of("node-red", "flows-import.json", &handout(language));
        let nodes = flow.as_array().unwrap();
        let of_type = |kind: &str| nodes.iter().find(|node| node["type"] == kind).unwrap();
        let (broker, tls) = (of_type("mqtt-broker"), of_type("tls-config"));
        assert_eq!(broker["credentials"]["password"], PASSWORD);
        assert_eq!(broker["credentials"]["user"], "serre-04");
        assert_eq!(broker["broker"], "192.168.1.20");
        assert_eq!(broker["port"], "8883");
        assert_eq!(broker["tls"], tls["id"]);
        assert_eq!(tls["verifyservercert"], true);
        assert_eq!(tls["credentials"]["cadata"], CA_PEM);
        assert_eq!(of_type("mqtt out")["broker"], broker["id"]);

        let ids: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), nodes.len());
        assert!(ids.iter().all(|id| id.len() == 16));
        let wired = nodes.iter().flat_map(|node| node["wires"].as_array().into_iter().flatten());
        for target in wired.flat_map(|port| port.as_array().unwrap()) {
            assert!(ids.contains(target.as_str().unwrap()));
        }
    }
    let other = Handout { device_id: "serre-05", ..handout(Language::Fr) };
    let ids = |handout: &Handout<'_>| {
        let flow = json_of("node-red", "flows-import.json", handout);
        flow.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(ids(&other).iter().all(|id| !ids(&handout(Language::Fr)).contains(id)));
}

/// Home Assistant's rules for a device announced by MQTT, from its manual.
#[test]
fn home_assistant_finds_all_that_an_announcement_must_hold() {
    for language in LANGUAGES {
        let announced = json_of("home-assistant", "discovery.json", &handout(language));
        let keys: BTreeSet<&str> = announced.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["device", "origin", "components", "qos"]));
        assert!(!announced["device"]["identifiers"].as_array().unwrap().is_empty());
        assert!(announced["origin"]["name"].is_string(), "a device announcement must say where it comes from");
        let components = announced["components"].as_object().unwrap();
        let mut unique = BTreeSet::new();
        for (name, component) in components {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{name}");
            assert_eq!(component["platform"], "sensor");
            assert!(unique.insert(component["unique_id"].as_str().unwrap()), "each its own");
            assert_eq!(component["state_topic"], "salle114/groupe-b/serre-04/measures");
            assert_eq!(
                (&component["device_class"], &component["unit_of_measurement"]),
                (&"temperature".into(), &"°C".into())
            );
            assert_eq!(component["value_template"], "{{ value_json.temperature }}");
        }
        let readme = if language == Language::Fr { "LISEZMOI.txt" } else { "README.txt" };
        let readme = text(&files("home-assistant", &handout(language)), readme);
        assert!(readme.contains("salle114/groupe-b/serre-04/homeassistant"), "the prefix, with the branch in it");
    }
}

/// Tasmota's console: at most 30 commands, none with a `;` in it, no `.local` name.
#[test]
fn tasmota_gets_one_backlog_that_it_can_take() {
    let value = |line: &str, command: &str| {
        let found = line.split("; ").find_map(|each| each.trim_start_matches("Backlog ").strip_prefix(command));
        found.map(|value| value.trim().to_owned())
    };
    let handout = handout(Language::Fr);
    let line = text(&files("tasmota", &handout), "tasmota.txt");
    assert_eq!(line.lines().count(), 1);
    assert!(line.matches(';').count() < 30 && !line.contains(".local"));
    assert_eq!(value(&line, "MqttPassword ").as_deref(), Some(PASSWORD));
    assert_eq!(value(&line, "MqttPort ").as_deref(), Some("8883"));
    assert_eq!(value(&line, "SetOption103 ").as_deref(), Some("1"), "TLS on");
    assert_eq!(value(&line, "SetOption132 ").as_deref(), Some("1"), "its key is checked");
    assert_eq!(value(&line, "MqttFingerprint1 ").unwrap().split(' ').count(), 20);
    // What it writes is below its branch, what it reads are its commands.
    let full = value(&line, "FullTopic ").unwrap().replace("%topic%", &value(&line, "Topic ").unwrap());
    let topic = |prefix: &str| format!("{}SENSOR", full.replace("%prefix%", &value(&line, prefix).unwrap()));
    assert_eq!(topic("Prefix3 "), "salle114/groupe-b/serre-04/measures/SENSOR");
    assert_eq!(topic("Prefix1 "), "salle114/groupe-b/serre-04/commands/SENSOR");

    let plain = &kinds::guest_files(kinds::find("tasmota").unwrap(), &handout)[0];
    let plain = String::from_utf8(plain.bytes.clone()).unwrap();
    assert_eq!(value(&plain, "MqttPort ").as_deref(), Some("1883"));
    assert_eq!(value(&plain, "SetOption103 ").as_deref(), Some("0"));
    for text in HOSTILE {
        let commands =
            |handout: &Handout<'_>| self::text(&files("tasmota", handout), "tasmota.txt").matches(';').count();
        assert_eq!(commands(&hostile(text)), commands(&handout), "{text:?}");
    }
}

#[test]
fn shelly_is_given_the_authority_before_it_must_check_with_it() {
    let handout = handout(Language::En);
    let calls = ["1-authority.json", "2-mqtt.json", "3-restart.json"].map(|name| json_of("shelly", name, &handout));
    let methods = calls.iter().map(|call| call["method"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(methods, ["Shelly.PutUserCA", "MQTT.SetConfig", "Shelly.Reboot"]);
    assert_eq!(calls[0]["params"]["data"], CA_PEM);
    assert_eq!(calls[0]["params"]["append"], false);
    let config = &calls[1]["params"]["config"];
    assert_eq!(config["ssl_ca"], "user_ca.pem", "“*” would check nothing");
    assert_eq!(config["server"], "192.168.1.20:8883");
    assert_eq!(config["topic_prefix"], "salle114/groupe-b/serre-04");
}

#[test]
fn owntracks_reads_back_from_its_address_what_its_file_says() {
    for language in LANGUAGES {
        let handout = handout(language);
        let link = kinds::app_link(kinds::find("owntracks").unwrap(), &handout).unwrap();
        let file = text(&files("owntracks", &handout), "courtier.otrc");
        let script = "import sys, base64, urllib.parse as u; a = u.urlsplit(sys.argv[1]); \
            q = u.parse_qs(a.query, strict_parsing=True); assert (a.scheme, a.path, list(q)) == ('owntracks', '/config', ['inline']); \
            sys.stdout.write(base64.b64decode(q['inline'][0], validate=True).decode())";
        let read: Value =
            serde_json::from_str(&run("python3", &["-c", script, &link], std::path::Path::new("."))).unwrap();
        assert_eq!(read, serde_json::from_str::<Value>(&file).unwrap());
        assert!(link.len() < 700, "{} characters would be too fine to scan", link.len());
        assert_eq!((&read["_type"], &read["mode"]), (&"configuration".into(), &0.into()));
        assert_eq!((&read["tls"], &read["port"]), (&true.into(), &8883.into()));
        assert_eq!(read["pubTopicBase"], "salle114/groupe-b/serre-04/position");
        assert_eq!(read["sub"], false, "it would ask for what it may not read");
    }
    let others = real_kinds().filter(|kind| kind.key != "owntracks");
    assert!(others.into_iter().all(|kind| kinds::app_link(kind, &handout(Language::Fr)).is_none()));
}

/// phyphox's file format 1.10: what a connection must say, and that every buffer exists.
#[test]
fn phyphox_gets_an_experiment_that_posts_numbers_to_the_address_it_was_given() {
    let elements = xml_of("courtier.phyphox", &handout(Language::Fr));
    let of = |tag: &str| elements.iter().filter(|(each, ..)| each == tag).collect::<Vec<_>>();
    let buffers: BTreeSet<&str> = of("container").iter().map(|(.., text)| text.as_str()).collect();
    for tag in ["input", "output", "send"] {
        for (.., buffer) in of(tag).iter().filter(|(.., text)| !text.is_empty()) {
            assert!(buffers.contains(buffer.as_str()), "{tag} {buffer}");
        }
    }
    let connection = &of("connection")[0].1;
    assert_eq!(connection["address"], INGEST);
    assert_eq!(connection["service"], "http/post");
    assert_eq!(connection["conversion"], "none");
    assert_eq!(connection["autoConnect"], "true");
    assert_eq!(connection["interval"], "0.5");
    assert_eq!(connection["privacy"], "http://192.168.1.20:8480/privacy");
    let sent = of("send");
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, given, _)| given["type"] == "buffer" && given["datatype"] == "number"));
    for text in HOSTILE {
        let elements = xml_of("courtier.phyphox", &hostile(text));
        let address = &elements.iter().find(|(tag, ..)| tag == "connection").unwrap().1["address"];
        assert_eq!(address.as_str().unwrap(), shown(text), "{text:?}");
    }
}
