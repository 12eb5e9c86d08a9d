//! Each format is read back; foreign programs do the same in the journeys.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use export::{
    Blur, Error, Form, Format, Licence, Message, Messages, OpenData, Place, Plan, Progress, Take, Titles, write,
};
use jiff::tz::TimeZone;

const NOW_US: i64 = 1_789_999_999_500_000;

/// A source in memory, sorted by topic.
struct Said(Vec<Message>);

impl Messages for Said {
    fn by_topic(&mut self, take: &mut Take<'_>) -> Result<(), Error> {
        self.0.iter().cloned().try_for_each(take)
    }

    fn by_time(&mut self, take: &mut Take<'_>) -> Result<(), Error> {
        let mut sorted = self.0.clone();
        sorted.sort_by_key(|message| message.at_us);
        sorted.into_iter().try_for_each(take)
    }
}

fn message(topic: &str, payload: impl AsRef<[u8]>, after_ms: i64) -> Message {
    Message {
        at_us: NOW_US + after_ms * 1000,
        topic: topic.into(),
        device: topic.split('/').nth(2).map(Arc::from),
        qos: 1,
        retain: false,
        payload_len: payload.as_ref().len() as u64,
        payload: payload.as_ref().to_vec(),
    }
}

fn plan(format: Format, form: Form) -> Plan {
    let word = |text: &str| text.to_owned();
    Plan {
        format,
        form,
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        titles: Titles {
            local_time: word("heure locale"),
            utc_time: word("heure UTC"),
            device: word("appareil"),
            topic: word("sujet"),
            value: word("valeur"),
            message: word("message"),
            sheet: word("Mesures"),
        },
    }
}

fn written(plan: &Plan, messages: Vec<Message>, check: impl FnOnce(&Path)) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join(format!("out.{}", plan.format.extension()));
    let rows = write(plan, &mut Said(messages), &path, &Progress::default()).unwrap();
    check(&path);
    rows
}

fn text(plan: &Plan, messages: Vec<Message>) -> String {
    let mut text = String::new();
    written(plan, messages, |path| text = std::fs::read_to_string(path).unwrap());
    text
}

fn two() -> Vec<Message> {
    vec![message("s/g/a/t", "-21.5", 0), message("s/g/b/t", "=cmd()", 0)]
}

#[test]
fn a_spreadsheet_in_french_opens_the_export() {
    assert_eq!(
        text(&plan(Format::CsvFrench, Form::Long), two()),
        "\u{FEFF}heure locale;heure UTC;appareil;sujet;valeur;message\r\n\
         21/09/2026 16:13:19,500;2026-09-21T14:13:19.500000Z;a;s/g/a/t;-21,5;\r\n\
         21/09/2026 16:13:19,500;2026-09-21T14:13:19.500000Z;b;s/g/b/t;;'=cmd()\r\n"
    );
}

#[test]
fn a_plain_export_is_plain() {
    assert_eq!(
        text(&plan(Format::CsvPlain, Form::Long), two()).lines().nth(1).unwrap(),
        "2026-09-21 16:13:19.500,2026-09-21T14:13:19.500000Z,a,s/g/a/t,-21.5,"
    );
}

#[test]
fn series_stand_beside_each_other_on_one_time_base() {
    let said = || {
        vec![
            message("s/g/a/m", r#"{"t":1.5,"on":"yes"}"#, 0),
            message("s/g/a/m", r#"{"t":2}"#, 1_200),
            message("s/g/b/t", "7", 300),
        ]
    };
    let each = text(&plan(Format::CsvPlain, Form::Wide { step_us: 0 }), said());
    assert_eq!(
        each,
        "heure locale,heure UTC,a/m · t,a/m · on,b/t\n\
         2026-09-21 16:13:19.500,2026-09-21T14:13:19.500000Z,1.5,yes,\n\
         2026-09-21 16:13:19.800,2026-09-21T14:13:19.800000Z,,,7\n\
         2026-09-21 16:13:20.700,2026-09-21T14:13:20.700000Z,2,,\n"
    );
    let second = text(&plan(Format::CsvPlain, Form::Wide { step_us: 1_000_000 }), said());
    let rows: Vec<&str> = second.lines().skip(1).map(|line| line.splitn(3, ',').nth(2).unwrap()).collect();
    assert_eq!(rows, ["1.5,yes,7", "2,,"]);
}

#[test]
fn more_series_than_a_table_holds_are_refused() {
    let many = (0..=export::SERIES).map(|n| message(&format!("s/g/d/{n:04}"), "1", 0)).collect();
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Format::Xlsx, Form::Wide { step_us: 0 });
    let refused = write(&plan, &mut Said(many), &folder.path().join("x"), &Progress::default());
    assert!(matches!(refused, Err(Error::TooManySeries { most: export::SERIES })));
}

#[test]
fn json_lines_hold_one_object_a_message() {
    let lines = text(&plan(Format::JsonLines, Form::Long), vec![message("s/g/a/t", "2", 0), message("x", [0xff], 0)]);
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["value"], 2.0);
    assert_eq!(lines[0]["time"], "2026-09-21T14:13:19.500000Z");
    assert_eq!((&lines[1]["text"], &lines[1]["encoding"]), (&"/w==".into(), &"base64".into()));
    assert!(lines[1].get("value").is_none());
}

#[test]
fn sqlite_answers_questions() {
    let same = vec![message("m", r#"{"Temp":1,"temp":2}"#, 0)];
    let rows = written(&plan(Format::Sqlite, Form::Wide { step_us: 0 }), same, |path| {
        let database = rusqlite::Connection::open(path).unwrap();
        let both: (f64, f64) = database
            .query_row("SELECT \"Temp\", \"temp (2)\" FROM messages", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(both, (1.0, 2.0));
    });
    assert_eq!(rows, 1);
}

#[test]
fn a_parquet_file_holds_what_was_said() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let said = vec![message("s/g/a/t", "2.5", 0), message("s/g/a/t", "on", 1)];
    written(&plan(Format::Parquet, Form::Long), said, |path| {
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert!(rows[0].contains("value: 2.5") && rows[1].contains("value: null"), "{rows:?}");
    });
}

#[test]
fn an_export_that_is_given_up_ends() {
    let progress = Progress::default();
    progress.cancel();
    let folder = tempfile::tempdir().unwrap();
    let ended = write(&plan(Format::Ods, Form::Long), &mut Said(two()), &folder.path().join("x"), &progress);
    assert!(matches!(ended, Err(Error::Cancelled)));
    assert_eq!(progress.read(), 1);
}

fn open_data(times: Blur, place: Place, said: Vec<Message>) -> Vec<(String, String)> {
    let options = OpenData {
        times,
        place,
        licence: Licence::Etalab,
        site: "salle114".into(),
        names: ["salle114", "groupe-lea", "lea", "Lycée des Tilleuls"].map(str::to_owned).to_vec(),
        readme: "{rows} valeurs, {devices} appareils, {left_out} messages laissés de côté, {licence}".into(),
        from_us: Some(NOW_US),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.zip");
    export::write_open_data(&options, &mut Said(said), &path, &Progress::default()).unwrap();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut text = String::new();
            std::io::Read::read_to_string(&mut file, &mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}

fn of_lea() -> Vec<Message> {
    vec![
        message("salle114/groupe-lea/lea/mesures", r#"{"t":21.5,"who":"Léa","lat":48.8566,"alt":35}"#, 0),
        message("salle114/groupe-lea/lea/lea-temp", "19", 61_000),
        message("salle114/groupe-lea/tom/t", "20", 5_000),
        message("other/lea/x/y", "1", 0),
        message("salle114/groupe-lea/lea/chat", "bonjour Léa", 0),
    ]
}

#[test]
fn an_open_data_set_names_nobody_and_blurs_times_and_places() {
    let files = open_data(Blur::Minute, Place::Tenth, of_lea());
    let all: String = files.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
    for name in ["lea", "Léa", "tom", "salle114", "Tilleuls", "bonjour", "48.8566", "14:13:19", ".500"] {
        assert!(!all.to_lowercase().contains(&name.to_lowercase()), "{name}: {all}");
    }
    assert_eq!(
        files[0].1,
        "time_utc,group,device,quantity,value\n\
         2026-09-21T14:13Z,group-01,device-01,mesures.t,21.5\n\
         2026-09-21T14:13Z,group-01,device-01,mesures.lat,48.9\n\
         2026-09-21T14:14Z,group-01,device-01,x-temp,19\n\
         2026-09-21T14:13Z,group-01,device-02,t,20\n"
    );
    let readme = &files.iter().find(|(name, _)| name == "README.txt").unwrap().1;
    assert!(readme.starts_with("4 valeurs, 2 appareils, 2 messages laissés de côté, Licence Ouverte"), "{readme}");
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data.csv", "README.txt", "dictionary.csv", "datapackage.json", "LICENCE.txt"]);
    assert!(files[2].1.contains("mesures.t,1,21.5,21.5"), "{}", files[2].1);
}

#[test]
fn elapsed_times_tell_no_date_and_places_can_be_left_out() {
    let files = open_data(Blur::Elapsed, Place::LeftOut, of_lea());
    let data = &files[0].1;
    assert!(data.contains("61,group-01,device-01,x-temp,19") && !data.contains("lat") && !data.contains("2026"));
}
