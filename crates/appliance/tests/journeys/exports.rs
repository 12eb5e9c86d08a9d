//! What was recorded, as files. Foreign programs open them in the journeys of `tests/`.

use serde_json::{Value, json};
use wire::{Code, ExportJob, ExportPreview, ExportState, Role};

use crate::asked::request;
use crate::harness::{House, Room};

impl House {
    pub async fn says(&self, topic: &str, payload: &str) {
        let request = json!({"topic": topic, "payload": payload, "qos": 1, "retain": false});
        let _: wire::Nothing = self.call("message_publish", request).await.unwrap();
    }

    async fn export_text(&self, request: Value) -> String {
        let job = self.exported(request).await;
        assert_eq!(job.state, ExportState::Done, "{job:?}");
        let file = self.appliance.export_file(job.id).unwrap();
        let bytes = std::fs::read(&file.path).unwrap();
        assert_eq!(bytes.len() as u64, job.bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_holds_what_was_said() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    house.says("salle114/serre/serre-04/temperature", "-21.5").await;
    house.says("salle114/serre/serre-04/etat", "=cmd()").await;
    house.says("other", "1").await;
    let french = house.export_text(request("salle114/#", "csv_fr", json!({}))).await;
    let lines: Vec<&str> = french.lines().collect();
    assert_eq!(lines[0], "\u{FEFF}heure locale;heure UTC;appareil;sujet;valeur;message");
    assert!(lines[1].ends_with(";serre-04;salle114/serre/serre-04/etat;;'=cmd()"), "{french}");
    assert!(lines[2].ends_with(";serre-04;salle114/serre/serre-04/temperature;-21,5;"), "{french}");
    assert_eq!(lines.len(), 3);
    let starts = [
        ("xlsx", "PK"),
        ("ods", "PK"),
        ("parquet", "PAR1"),
        ("sqlite", "SQLite format 3"),
        ("json_lines", "{\"time\":"),
    ];
    for (format, start) in starts {
        assert!(house.export_text(request("#", format, json!({}))).await.starts_with(start), "{format}");
    }
    let job = house.exported(request("salle114/serre/serre-04/temperature", "ods", json!({}))).await;
    assert!(job.file_name.starts_with("salle114_serre_serre-04_temperature-") && job.file_name.ends_with(".ods"));
    assert_eq!((job.rows, job.read, job.to_read), (1, 1, 1));
    let other = json!({"selection": {"filters": [], "devices": ["serre-04"], "from_ms": null, "until_ms": null}});
    assert_eq!(house.exported(request("#", "csv_plain", other)).await.rows, 2);
    let selection = json!({"filters": ["salle114/#"], "devices": [], "from_ms": null, "until_ms": null});
    let preview: ExportPreview = house.call("export_preview", selection).await.unwrap();
    assert_eq!((preview.messages, preview.topics), (2, 2));
    assert!(preview.first_ms <= preview.last_ms && preview.first_ms.is_some());
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_data_set_names_neither_site_nor_devices() {
    let room = Room::new();
    let house = room.start().await;
    house.create("lea-01").await;
    house.says("salle114/serre/lea-01/temperature", "21.5").await;
    house.says("salle114/serre/lea-01/note", "bonjour").await;
    let choice = json!({"open_data": {"times": "minute", "place": "left_out", "licence": "etalab"}});
    let job = house.exported(request("#", "open_data", choice)).await;
    assert_eq!((job.state, job.rows, job.file_name.as_str()), (ExportState::Done, 1, "donnees-ouvertes.zip"));
    let file = std::fs::File::open(house.appliance.export_file(job.id).unwrap().path).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    for index in 0..zip.len() {
        let text = std::io::read_to_string(zip.by_index(index).unwrap()).unwrap().to_lowercase();
        for name in ["lea", "114", "serre", "tilleuls", "bonjour"] {
            assert!(!text.contains(name), "{name}: {text}");
        }
    }
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_stopped_and_its_file_goes() {
    let room = Room::new();
    let house = room.start().await;
    house.says("a", "1").await;
    let job = house.exported(request("#", "csv_fr", json!({}))).await;
    let path = house.appliance.export_file(job.id).unwrap().path;
    assert!(path.exists());
    let _: wire::Nothing = house.call("export_drop", json!({"id": job.id})).await.unwrap();
    assert!(!path.exists());
    let gone = house.call::<ExportJob>("export_status", json!({"id": job.id, "wait_ms": 0})).await.unwrap_err();
    assert_eq!(gone.code, Code::ExportUnknown);
    assert_eq!(house.appliance.export_file(job.id).unwrap_err().code, Code::ExportUnknown);
    let forgotten = house.exported(request("#", "csv_fr", json!({}))).await;
    let path = house.appliance.export_file(forgotten.id).unwrap().path;
    room.move_clock(std::time::Duration::from_secs(3_700));
    house.appliance.upkeep().await.unwrap();
    assert!(!path.exists(), "an hour later");
    let role = house.call_as::<ExportJob>(Role::Pupil, "export_start", request("#", "csv_fr", json!({}))).await;
    assert_eq!(role.unwrap_err().code, Code::NotAllowed);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_series_are_told_and_nothing_is_left() {
    let room = Room::new();
    let house = room.start().await;
    let fields: Vec<String> = (0..201).map(|n| format!("\"f{n}\":{n}")).collect();
    house.says("a", &format!("{{{}}}", fields.join(","))).await;
    let job = house.exported(request("#", "xlsx", json!({"form": "wide"}))).await;
    assert_eq!((job.state, job.code), (ExportState::Failed, Some(Code::SeriesTooMany)));
    assert_eq!(std::fs::read_dir(room.path("exports")).unwrap().count(), 0);
    house.appliance.shutdown().await;
}
