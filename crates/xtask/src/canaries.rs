//! The last check of a whole test run: the secrets that its sites handed out are found nowhere but
//! where they were handed. `tests/harness/ledger.mjs` writes down what they were and what was left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

/// Secrets, a line each: what it is, a tab, the secret.
const SECRETS: &str = "secrets";
/// Where none may stand: what programs printed, their arguments, folders of sites, exports.
const PLACES: &[&str] = &["output", "argv", "sites", "exports"];
/// The one folder of a site that holds secrets, sealed.
const STORE: &str = "secrets";
/// Of a larger file the beginning is searched.
const SEARCHED_BYTES: u64 = 32 * 1024 * 1024;
/// Files that one `grep` is given.
const AT_ONCE: usize = 200;
/// What stands in no file of a site and in no log, whoever's it is.
const ALWAYS: &[(&str, &str)] = &[("a private key", "PRIVATE KEY-----")];

/// Closed to others, and gone when dropped: it holds secrets.
pub struct Ledger(PathBuf);

/// A secret where none belongs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spilt {
    what: String,
    file: PathBuf,
}

impl Ledger {
    pub fn open(path: &Path) -> Result<Ledger> {
        let ledger = Ledger(path.to_owned());
        for folder in PLACES.iter().chain([&SECRETS]) {
            fs::create_dir_all(path.join(folder)).with_context(|| format!("cannot make {}", path.display()))?;
        }
        #[cfg(unix)]
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(ledger)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fails when a secret was spilt, or when there was nothing to search: then the search is broken.
    pub fn check(&self, pictures: &Path) -> Result<()> {
        println!("── secrets of the run");
        let start = Instant::now();
        let secrets = self.secrets()?;
        let mut files = Vec::new();
        for place in PLACES {
            let before = files.len();
            list(&self.0.join(place), &mut files)?;
            ensure!(*place == "exports" || files.len() > before, "nothing was written down of {place}");
        }
        ensure!(secrets.len() > ALWAYS.len(), "the run wrote down no secret");
        // A name can tell too.
        let mut named = files.clone();
        if pictures.is_dir() {
            list(pictures, &mut named)?;
        }
        let names = self.0.join("names");
        fs::write(&names, named.iter().map(|file| format!("{}\n", file.display())).collect::<String>())?;
        files.push(names);
        let spilt = self.search(&secrets, &files)?;
        for Spilt { what, file } in &spilt {
            println!("   {what} stands in {}", file.strip_prefix(&self.0).unwrap_or(file).display());
        }
        ensure!(spilt.is_empty(), "secrets where they do not belong: {}", spilt.len());
        let (count, seconds) = (secrets.len(), start.elapsed().as_secs_f64());
        println!("   {count} secrets, {} files: none where it does not belong ({seconds:.1} s)", files.len());
        Ok(())
    }

    /// Each form in which a secret would be one, with what it is.
    fn secrets(&self) -> Result<BTreeMap<String, String>> {
        let always = ALWAYS.iter().map(|(what, text)| ((*text).to_owned(), (*what).to_owned()));
        let mut secrets: BTreeMap<String, String> = always.collect();
        let mut files = Vec::new();
        list(&self.0.join(SECRETS), &mut files)?;
        for file in files {
            for line in fs::read_to_string(file)?.lines() {
                let (what, secret) = line.split_once('\t').context("a line of the ledger without a tab")?;
                for form in [secret.to_owned(), secret.to_lowercase(), secret.replace('-', "")] {
                    secrets.insert(form, what.to_owned());
                }
            }
        }
        Ok(secrets)
    }

    fn search(&self, secrets: &BTreeMap<String, String>, files: &[PathBuf]) -> Result<Vec<Spilt>> {
        let patterns = self.0.join("patterns");
        fs::write(&patterns, secrets.keys().map(|secret| format!("{secret}\n")).collect::<String>())?;
        let long = |file: &&PathBuf| fs::metadata(file).is_ok_and(|data| data.len() > SEARCHED_BYTES);
        let (long, short): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(long);
        let mut output = Vec::new();
        for some in short.chunks(AT_ONCE) {
            output.extend(grep(&patterns, some.iter().map(OsString::from), None)?);
        }
        for file in long {
            let label = format!("--label={}", file.display());
            let mut head = Command::new("head");
            head.args(["-c", &SEARCHED_BYTES.to_string()]).arg(file);
            output.extend(grep(&patterns, [label.into(), "-".into()], Some(head))?);
        }
        let text = String::from_utf8_lossy(&output).into_owned();
        let mut spilt: Vec<Spilt> = text
            .lines()
            .filter_map(|line| line.split_once('\0'))
            .map(|(file, secret)| Spilt {
                what: secrets.get(secret).cloned().unwrap_or_else(|| "a secret".to_owned()),
                file: PathBuf::from(file),
            })
            .collect();
        spilt.sort();
        spilt.dedup();
        Ok(spilt)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Bytes, not letters: a database is searched like a text. Each find is a file, a zero, the secret.
fn grep(patterns: &Path, what: impl IntoIterator<Item = OsString>, from: Option<Command>) -> Result<Vec<u8>> {
    let mut grep = Command::new("grep");
    grep.env("LC_ALL", "C").args(["-a", "-o", "-H", "--null", "-F", "-f"]).arg(patterns).args(what);
    grep.stdin(Stdio::null());
    if let Some(mut from) = from {
        let mut source = from.stdout(Stdio::piped()).spawn().context("cannot start head")?;
        grep.stdin(source.stdout.take().context("head says nothing")?);
        let found = grep.output();
        source.wait()?;
        return finds(found?);
    }
    finds(grep.output().context("cannot start grep")?)
}

fn finds(output: std::process::Output) -> Result<Vec<u8>> {
    match output.status.code() {
        Some(0 | 1) => Ok(output.stdout),
        _ => {
            std::io::stderr().write_all(&output.stderr)?;
            bail!("grep: {}", output.status)
        }
    }
}

/// Every plain file below a folder but those of the store.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let store =
                entry.file_name() == STORE && entry.path().parent().is_some_and(|site| site.join("lock").exists());
            if !store {
                list(&entry.path(), files)?;
            }
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PASSWORD: &str = "K7QH-2M9D-XW4T-PB8R";

    /// The ledger of a run in which nothing was spilt.
    fn clean(name: &str) -> (Ledger, PathBuf) {
        let path = std::env::temp_dir().join(format!("courtier-ledger-test-{name}-{}", std::process::id()));
        let ledger = Ledger::open(&path).unwrap();
        let site = path.join("sites/1-1");
        fs::create_dir_all(site.join("secrets")).unwrap();
        for (file, text) in [
            ("secrets/1", format!("the password of a device\t{PASSWORD}\na claim token\tN4Z2M9DXW4TPB8RK7QH2M9DXW4\n")),
            ("output/1", "the broker runs\n".to_owned()),
            ("argv/1", "courtierd run --data x\n".to_owned()),
            ("sites/1-1/lock", String::new()),
            ("sites/1-1/settings.toml", "name = \"Salle 114\"\n".to_owned()),
            ("sites/1-1/secrets/store", format!("sealed {PASSWORD}")),
        ] {
            fs::write(path.join(file), text).unwrap();
        }
        (ledger, site)
    }

    fn spilt(ledger: &Ledger) -> String {
        ledger.check(Path::new("no pictures")).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_in_its_store_is_where_it_belongs() {
        let (ledger, _) = clean("clean");
        ledger.check(Path::new("no pictures")).unwrap();
        let path = ledger.path().to_owned();
        drop(ledger);
        assert!(!path.exists(), "what holds secrets does not stay");
    }

    #[test]
    fn a_planted_secret_is_found_wherever_it_is_and_named() {
        let places: &[(&str, &[u8], &str)] = &[
            ("output/1", b"WARN refused K7QH-2M9D-XW4T-PB8R\n", "the password of a device"),
            ("argv/1", b"setup --password k7qh-2m9d-xw4t-pb8r\n", "the password of a device"),
            ("sites/1-1/recordings.db", b"\0\xff\x10K7QH2M9DXW4TPB8R\0\xfe", "the password of a device"),
            ("sites/1-1/deep/down/N4Z2M9DXW4TPB8RK7QH2M9DXW4.txt", b"", "a claim token"),
            ("exports/1", b"topic;value\na;N4Z2M9DXW4TPB8RK7QH2M9DXW4\n", "a claim token"),
            ("sites/1-1/authority.pem", b"-----BEGIN PRIVATE KEY-----\n", "a private key"),
        ];
        for (number, (file, bytes, what)) in places.iter().enumerate() {
            let (ledger, _) = clean(&format!("planted-{number}"));
            let planted = ledger.path().join(file);
            fs::create_dir_all(planted.parent().unwrap()).unwrap();
            fs::write(&planted, bytes).unwrap();
            let mut files = Vec::new();
            PLACES.iter().for_each(|place| list(&ledger.path().join(place), &mut files).unwrap());
            let names = ledger.path().join("names");
            fs::write(&names, planted.display().to_string()).unwrap();
            files.push(names.clone());
            let found = ledger.search(&ledger.secrets().unwrap(), &files).unwrap();
            let file = if bytes.is_empty() { names } else { planted };
            assert_eq!(found, [Spilt { what: (*what).to_owned(), file }]);
            assert_eq!(spilt(&ledger), "secrets where they do not belong: 1");
        }
    }

    #[test]
    fn a_large_file_is_searched_from_its_beginning() {
        let (ledger, site) = clean("large");
        let file = fs::File::create(site.join("recordings.db")).unwrap();
        (&file).write_all(PASSWORD.as_bytes()).unwrap();
        file.set_len(SEARCHED_BYTES + 1).unwrap();
        assert_eq!(spilt(&ledger), "secrets where they do not belong: 1");
    }

    #[test]
    fn a_run_that_wrote_nothing_down_was_not_searched() {
        let (ledger, site) = clean("empty");
        fs::remove_file(ledger.path().join("secrets/1")).unwrap();
        assert!(spilt(&ledger).contains("no secret"));
        fs::remove_dir_all(site).unwrap();
        assert!(spilt(&ledger).contains("sites"));
    }
}
