use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::keyring::RingFault;
use super::*;

/// A keyring that can be told to misbehave.
#[derive(Default)]
struct TestRing {
    entries: Mutex<BTreeMap<String, String>>,
    refuses: bool,
    lies: bool,
    never_forgets: bool,
    /// Every call waits for the other end, which a test holds.
    hangs: Option<Mutex<Receiver<()>>>,
}

impl TestRing {
    fn enter(&self) -> Result<(), RingFault> {
        if let Some(hangs) = &self.hangs {
            hangs.lock().unwrap().recv().ok();
        }
        if self.refuses { Err(RingFault::Refused("locked".to_owned())) } else { Ok(()) }
    }

    fn hanging() -> (TestRing, Sender<()>) {
        let (held_by_the_test, waits) = channel();
        (TestRing { hangs: Some(Mutex::new(waits)), ..TestRing::default() }, held_by_the_test)
    }
}

impl Ring for TestRing {
    fn set(&self, name: &str, text: &Secret) -> Result<(), RingFault> {
        self.enter()?;
        self.entries.lock().unwrap().insert(name.to_owned(), text.expose().to_owned());
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Secret, RingFault> {
        self.enter()?;
        if self.lies {
            return Ok(Secret::new("something else"));
        }
        self.entries.lock().unwrap().get(name).map(Secret::new).ok_or(RingFault::Absent)
    }

    fn delete(&self, name: &str) -> Result<(), RingFault> {
        self.enter()?;
        if !self.never_forgets {
            self.entries.lock().unwrap().remove(name);
        }
        Ok(())
    }
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("secrets");
    (parent, dir)
}

fn with_ring(dir: &Path, ring: &Arc<TestRing>, limit: Duration) -> Result<SecretStore, Error> {
    let ring: Arc<dyn Ring> = Arc::clone(ring) as Arc<dyn Ring>;
    SecretStore::open_with(dir, Some(ring), limit, limit)
}

fn text(store: &SecretStore, name: &str) -> Option<String> {
    store.get(name).unwrap().map(|secret| secret.expose().to_owned())
}

#[test]
fn what_is_set_is_there_after_reopening_and_gone_after_deleting() {
    let (_parent, dir) = folder();
    let store = SecretStore::open_file(&dir).unwrap();
    assert_eq!(text(&store, "authority.key"), None);
    store.set("authority.key", &Secret::new("one")).unwrap();
    store.set("server.key", &Secret::new("two\nlines \"é\"")).unwrap();
    store.set("authority.key", &Secret::new("three")).unwrap();
    drop(store);

    let store = SecretStore::open_file(&dir).unwrap();
    assert_eq!(store.which(), Kept::File);
    assert_eq!(text(&store, "authority.key").as_deref(), Some("three"));
    assert_eq!(text(&store, "server.key").as_deref(), Some("two\nlines \"é\""));
    store.delete("server.key").unwrap();
    store.delete("never there").unwrap_err();
    store.delete("never-there").unwrap();
    assert_eq!(text(&store, "server.key"), None);
    assert_eq!(text(&store, "authority.key").as_deref(), Some("three"));
}

#[test]
fn nothing_on_disk_shows_a_secret_or_is_left_over() {
    let (parent, dir) = folder();
    let store = SecretStore::open_file(&dir).unwrap();
    store.set("device", &Secret::new("K7QH-2M9D-XW4T-PB8R")).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"K7QH"), "{path:?}");
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["secrets.key", "secrets.sealed"]);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let (_parent, dir) = folder();
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let store = SecretStore::open_file(&dir).unwrap();
    store.set("a", &Secret::new("b")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join(SEALED_FILE)), 0o600);
    assert_eq!(mode(&dir.join(KEY_FILE)), 0o600);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused_and_named() {
    use std::os::unix::fs::PermissionsExt;
    for name in [KEY_FILE, SEALED_FILE] {
        let (_parent, dir) = folder();
        SecretStore::open_file(&dir).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o640)).unwrap();
        match SecretStore::open_file(&dir) {
            Err(Error::StoreOpenToOthers { path }) => assert_eq!(path, dir.join(name)),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn any_changed_byte_is_damage_and_the_file_stays_as_it_was_found() {
    let (_parent, dir) = folder();
    SecretStore::open_file(&dir).unwrap().set("a", &Secret::new("b")).unwrap();
    let path = dir.join(SEALED_FILE);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        match SecretStore::open_file(&dir) {
            Err(Error::StoreDamaged { path: named, .. }) => assert_eq!(named, path),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), bad, "byte {at}");
    }
    for len in [0, 1, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..len]).unwrap();
        assert!(matches!(SecretStore::open_file(&dir), Err(Error::StoreDamaged { .. })), "{len} bytes");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(text(&SecretStore::open_file(&dir).unwrap(), "a").as_deref(), Some("b"));
}

#[test]
fn damage_after_opening_refuses_the_change_instead_of_emptying_the_store() {
    let (_parent, dir) = folder();
    let store = SecretStore::open_file(&dir).unwrap();
    store.set("a", &Secret::new("b")).unwrap();
    let bad = b"courtier-secrets 1 file".to_vec();
    fs::write(dir.join(SEALED_FILE), &bad).unwrap();
    assert!(matches!(store.set("c", &Secret::new("d")), Err(Error::StoreDamaged { .. })));
    assert!(matches!(store.get("a"), Err(Error::StoreDamaged { .. })));
    assert_eq!(fs::read(dir.join(SEALED_FILE)).unwrap(), bad);
}

#[test]
fn one_of_the_two_files_missing_is_damage_not_a_new_store() {
    for name in [KEY_FILE, SEALED_FILE] {
        let (_parent, dir) = folder();
        SecretStore::open_file(&dir).unwrap();
        fs::remove_file(dir.join(name)).unwrap();
        match SecretStore::open_file(&dir) {
            Err(Error::StoreDamaged { path, .. }) => assert_eq!(path, dir.join(name)),
            other => panic!("{name}: {other:?}"),
        }
        assert!(!dir.join(name).exists());
    }
}

#[test]
fn the_key_of_another_store_opens_nothing() {
    let ((_a, one), (_b, other)) = (folder(), folder());
    SecretStore::open_file(&one).unwrap();
    SecretStore::open_file(&other).unwrap();
    fs::copy(other.join(KEY_FILE), one.join(KEY_FILE)).unwrap();
    assert!(matches!(SecretStore::open_file(&one), Err(Error::StoreDamaged { .. })));
}

#[test]
fn what_a_power_cut_left_half_made_does_not_stop_the_next_start() {
    let (parent, dir) = folder();
    let half = parent.path().join("secrets.new");
    fs::create_dir(&half).unwrap();
    fs::write(half.join(KEY_FILE), "half").unwrap();
    let store = SecretStore::open_file(&dir).unwrap();
    fs::write(dir.join("secrets.new"), "half").unwrap();
    store.set("a", &Secret::new("b")).unwrap();
    assert_eq!(text(&store, "a").as_deref(), Some("b"));
}

#[test]
fn two_threads_that_write_at_once_lose_nothing() {
    let (_parent, dir) = folder();
    let store = SecretStore::open_file(&dir).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for index in 0..5 {
                    store.set(&format!("{thread}-{index}"), &Secret::new("x")).unwrap();
                }
            });
        }
    });
    assert_eq!(store.read().unwrap().len(), 20);
}

#[test]
fn names_are_checked_at_the_door() {
    let (_parent, dir) = folder();
    let store = SecretStore::open_file(&dir).unwrap();
    for name in ["", "A", "a/b", "a b", "é", "a\n", &"a".repeat(65)] {
        assert!(matches!(store.get(name), Err(Error::SecretName(_))), "{name:?}");
        assert!(matches!(store.set(name, &Secret::new("x")), Err(Error::SecretName(_))), "{name:?}");
    }
}

#[test]
fn a_keyring_that_works_holds_the_key_and_no_key_is_on_disk() {
    let (_parent, dir) = folder();
    let ring = Arc::new(TestRing::default());
    let store = with_ring(&dir, &ring, LONG).unwrap();
    assert_eq!(store.which(), Kept::Keyring);
    store.set("a", &Secret::new("b")).unwrap();
    assert!(!dir.join(KEY_FILE).exists());
    let names: Vec<String> = ring.entries.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, [format!("secrets-{}", store.header.id)], "the probe is gone");
    drop(store);
    assert_eq!(text(&with_ring(&dir, &ring, LONG).unwrap(), "a").as_deref(), Some("b"));
}

#[test]
fn a_keyring_that_refuses_lies_or_never_forgets_is_not_used() {
    let refusing = TestRing { refuses: true, ..TestRing::default() };
    let lying = TestRing { lies: true, ..TestRing::default() };
    let unforgetting = TestRing { never_forgets: true, ..TestRing::default() };
    for ring in [refusing, lying, unforgetting] {
        let (_parent, dir) = folder();
        let store = with_ring(&dir, &Arc::new(ring), LONG).unwrap();
        assert_eq!(store.which(), Kept::File);
    }
}

#[test]
fn a_keyring_that_never_answers_holds_nobody() {
    let (_parent, dir) = folder();
    let (ring, held) = TestRing::hanging();
    let start = Instant::now();
    let store = with_ring(&dir, &Arc::new(ring), SHORT).unwrap();
    assert_eq!(store.which(), Kept::File);
    assert!(start.elapsed() < LONG);
    drop(held);
}

#[test]
fn a_lost_or_silent_keyring_is_told_and_never_answered_with_a_new_store() {
    let (_parent, dir) = folder();
    let ring = Arc::new(TestRing::default());
    with_ring(&dir, &ring, LONG).unwrap().set("a", &Secret::new("b")).unwrap();
    let before = fs::read(dir.join(SEALED_FILE)).unwrap();

    let empty = Arc::new(TestRing::default());
    assert!(matches!(with_ring(&dir, &empty, LONG), Err(Error::KeyringLost { .. })));
    let locked = Arc::new(TestRing { refuses: true, ..TestRing::default() });
    assert!(matches!(with_ring(&dir, &locked, LONG), Err(Error::KeyringUnreachable { .. })));
    let (silent, held) = TestRing::hanging();
    assert!(matches!(with_ring(&dir, &Arc::new(silent), SHORT), Err(Error::KeyringUnreachable { .. })));
    drop(held);

    assert_eq!(fs::read(dir.join(SEALED_FILE)).unwrap(), before);
    assert_eq!(text(&with_ring(&dir, &ring, LONG).unwrap(), "a").as_deref(), Some("b"));
}
