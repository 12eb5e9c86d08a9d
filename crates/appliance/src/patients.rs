//! Who was refused in the last 24 hours, and why: what the doctor's page lists. Bounded, and kept on
//! disk, because the bad day is also the day on which somebody restarts the computer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::{Nothing, Patient, PatientRef, Problem, Refusal, RefusalCause, Visit};

use crate::folder::{read_text, write_whole};
use crate::limits::{PATIENTS, PATIENTS_SAVE_MS, VISITS};
use crate::{Appliance, Error};

const KEPT_MS: i64 = 24 * 3_600 * 1_000;

#[derive(Default)]
pub(crate) struct Patients {
    patients: Mutex<HashMap<String, Patient>>,
    /// One patient a line, as JSON; `None` keeps nothing.
    file: Option<PathBuf>,
    changed: AtomicBool,
    saved_ms: AtomicI64,
}

/// Somebody who was refused.
pub(crate) struct Who {
    pub device: Option<String>,
    pub user: Option<String>,
    pub client_id: Option<String>,
    pub address: Option<IpAddr>,
}

impl Who {
    /// A device is one patient wherever it comes from; a stranger is one by what it calls itself
    /// and where it is. Many libraries make up a new client id each time: the user name counts first.
    pub fn key(&self) -> String {
        match &self.device {
            Some(device) => device.clone(),
            None => {
                let name = self.user.as_deref().or(self.client_id.as_deref()).unwrap_or_default();
                let address = self.address.map(|ip| ip.to_string()).unwrap_or_default();
                format!("{name}@{address}")
            }
        }
    }
}

/// Whether who has this cause is not connected: coming in is then the proof that it is cured.
fn keeps_out(cause: RefusalCause) -> bool {
    !matches!(
        cause,
        RefusalCause::PublishDenied
            | RefusalCause::SubscribeDenied
            | RefusalCause::DuplicateClientId
            | RefusalCause::PacketTooLarge
            | RefusalCause::ProtocolError
    )
}

impl Patients {
    /// What was kept. A line that cannot be read is left out: it is a help, and holds nobody up.
    pub fn load(file: &Path) -> Patients {
        let text = read_text(file).unwrap_or_else(|error| {
            tracing::warn!(%error, "the doctor remembers nobody");
            None
        });
        let kept = text.iter().flat_map(|text| text.lines()).take(PATIENTS);
        let read = kept.filter_map(|line| serde_json::from_str::<Patient>(line).ok());
        let patients = read.map(|patient| (patient.key.clone(), patient)).collect();
        Patients { patients: Mutex::new(patients), file: Some(file.to_owned()), ..Patients::default() }
    }

    /// Writes what changed, now and then: a flood of strangers must not wear the disk out. May wait
    /// for the disk.
    pub fn save_sometimes(&self, now_ms: i64) -> Result<(), Error> {
        let since = now_ms - self.saved_ms.load(Ordering::Relaxed);
        if (0..PATIENTS_SAVE_MS).contains(&since) { Ok(()) } else { self.save(now_ms) }
    }

    pub fn save(&self, now_ms: i64) -> Result<(), Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let list = self.list(now_ms);
        if !self.changed.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.saved_ms.store(now_ms, Ordering::Relaxed);
        let lines = list.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let text = lines.map_err(Error::Answer)?.join("\n");
        let written = write_whole(file, text.as_bytes());
        if written.is_err() {
            self.changed.store(true, Ordering::Relaxed);
        }
        written
    }

    fn patients(&self) -> MutexGuard<'_, HashMap<String, Patient>> {
        self.patients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patients_to_change(&self) -> MutexGuard<'_, HashMap<String, Patient>> {
        let patients = self.patients();
        self.changed.store(true, Ordering::Relaxed);
        patients
    }

    /// Answers how often this cause was met in a row.
    pub fn add(&self, who: Who, refusal: Refusal, topic: Option<String>) -> u32 {
        let mut patients = self.patients_to_change();
        let (key, at_ms) = (who.key(), refusal.at_ms);
        make_room(&mut patients, &key, at_ms);
        let before = patients.remove(&key);
        let cured = before.as_ref().is_some_and(|before| before.cured_ms.is_some());
        let mut visits = before.map(|before| before.visits).unwrap_or_default();
        match visits.first_mut() {
            Some(last) if last.cause == refusal.cause && !cured => {
                last.last_ms = at_ms;
                last.tries = last.tries.saturating_add(1);
            }
            _ => visits.insert(0, Visit { cause: refusal.cause, first_ms: at_ms, last_ms: at_ms, tries: 1 }),
        }
        visits.truncate(VISITS);
        let tries = visits.first().map_or(1, |visit| visit.tries);
        let patient = Patient {
            key: key.clone(),
            device: who.device,
            client_id: who.client_id,
            address: who.address.map(|ip| ip.to_string()),
            refusal: Refusal { tries, ..refusal },
            topic,
            cured_ms: None,
            visits,
        };
        patients.insert(key, patient);
        tries
    }

    /// A device came in: it is cured of what kept it out, and so is who gave no name at its address.
    pub fn connected(&self, device: &str, address: Option<IpAddr>, at_ms: i64) {
        let address = address.map(|ip| ip.to_string());
        let mut cured = false;
        for patient in self.patients().values_mut() {
            let nameless = patient.device.is_none() && patient.client_id.is_none();
            let same = patient.device.as_deref() == Some(device)
                || nameless && patient.address.is_some() && patient.address == address;
            if same && patient.cured_ms.is_none() && keeps_out(patient.refusal.cause) {
                patient.cured_ms = Some(at_ms);
                cured = true;
            }
        }
        self.changed.fetch_or(cured, Ordering::Relaxed);
    }

    pub fn forget(&self, key: &str) {
        self.patients_to_change().retain(|each, patient| each != key && patient.device.as_deref() != Some(key));
    }

    /// Newest first.
    pub fn list(&self, now_ms: i64) -> Vec<Patient> {
        let mut patients = self.patients();
        let before = patients.len();
        patients.retain(|_, patient| now_ms - patient.refusal.at_ms < KEPT_MS);
        // What is no longer told is no longer kept either.
        self.changed.fetch_or(patients.len() < before, Ordering::Relaxed);
        let mut list: Vec<Patient> = patients.values().cloned().collect();
        drop(patients);
        for patient in &mut list {
            patient.visits.retain(|visit| now_ms - visit.last_ms < KEPT_MS);
        }
        list.sort_by(|a, b| b.refusal.at_ms.cmp(&a.refusal.at_ms).then_with(|| a.key.cmp(&b.key)));
        list
    }
}

/// Strangers come and go without end: the oldest of them makes room, a device only as the last.
fn make_room(patients: &mut HashMap<String, Patient>, key: &str, now_ms: i64) {
    if patients.len() < PATIENTS || patients.contains_key(key) {
        return;
    }
    patients.retain(|_, patient| now_ms - patient.refusal.at_ms < KEPT_MS);
    let oldest = patients.values().min_by_key(|patient| (patient.device.is_some(), patient.refusal.at_ms));
    if let Some(oldest) = oldest.map(|patient| patient.key.clone())
        && patients.len() >= PATIENTS
    {
        patients.remove(&oldest);
    }
}

impl Appliance {
    pub async fn doctor_list(&self, _: Nothing) -> Result<Vec<Patient>, Problem> {
        Ok(self.inner.patients.list(self.inner.clock.now_ms()))
    }

    /// Takes a patient off the list; it comes back when it is refused again.
    pub async fn doctor_forget(&self, request: PatientRef) -> Result<Nothing, Problem> {
        self.inner.patients.forget(&request.key);
        Ok(Nothing {})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wire::Whose;

    fn refused(patients: &Patients, device: Option<&str>, last: u8, cause: RefusalCause, at_ms: i64) -> u32 {
        let address = Some(IpAddr::from([192, 168, 1, last]));
        let who = Who { device: device.map(str::to_owned), user: None, client_id: None, address };
        let refusal =
            Refusal { cause, at_ms, tries: 1, detail: String::new(), facts: Vec::new(), whose: Whose::Unknown };
        patients.add(who, refusal, None)
    }

    #[test]
    fn the_history_counts_in_a_row_and_coming_in_is_the_cure() {
        let patients = Patients::default();
        let mut at_ms = 0;
        for (cause, tries) in [
            (RefusalCause::WrongPassword, 1),
            (RefusalCause::WrongPassword, 2),
            (RefusalCause::UntrustedAuthority, 1),
            (RefusalCause::WrongPassword, 1),
        ] {
            at_ms += 1;
            assert_eq!(refused(&patients, Some("serre-04"), 1, cause, at_ms), tries);
        }
        refused(&patients, None, 1, RefusalCause::PlainOnTls, 5);
        refused(&patients, None, 2, RefusalCause::PlainOnTls, 6);
        patients.connected("serre-04", Some(IpAddr::from([192, 168, 1, 1])), 7);
        let cured: Vec<_> = patients.list(8).iter().map(|each| (each.key.clone(), each.cured_ms.is_some())).collect();
        let wanted = [("@192.168.1.2", false), ("@192.168.1.1", true), ("serre-04", true)];
        assert_eq!(cured, wanted.map(|(key, cured)| (key.to_owned(), cured)));
        assert_eq!(refused(&patients, Some("serre-04"), 1, RefusalCause::WrongPassword, 9), 1, "a new illness");
        let visits: Vec<_> = patients.list(9).first().unwrap().visits.iter().map(|visit| visit.tries).collect();
        assert_eq!(visits, [1, 1, 1, 2]);
    }

    #[test]
    fn a_day_is_kept_on_disk_and_what_cannot_be_read_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("doctor.jsonl");
        let patients = Patients::load(&file);
        refused(&patients, Some("serre-04"), 1, RefusalCause::WrongPassword, 1);
        refused(&patients, Some("serre-05"), 1, RefusalCause::WrongPassword, KEPT_MS);
        patients.connected("serre-05", None, KEPT_MS + 1);
        patients.save(KEPT_MS + 2).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("serre-04"), "a day later: {text}");
        std::fs::write(&file, format!("half a li\n{text}")).unwrap();
        let again = Patients::load(&file);
        assert_eq!(again.list(KEPT_MS + 3), patients.list(KEPT_MS + 3));
        assert!(again.list(KEPT_MS + 3).first().unwrap().cured_ms.is_some());
        // Nothing changed: nothing is written.
        std::fs::remove_file(&file).unwrap();
        again.save(KEPT_MS + 4).unwrap();
        assert!(!file.exists());
        again.forget("serre-05");
        again.save_sometimes(KEPT_MS + 5).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "");
        refused(&again, Some("serre-06"), 1, RefusalCause::WrongPassword, KEPT_MS + 5);
        again.save_sometimes(KEPT_MS + 6).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "", "not so soon");
    }

    #[test]
    fn a_denied_topic_is_not_cured_by_connecting_again() {
        let patients = Patients::default();
        refused(&patients, Some("serre-04"), 1, RefusalCause::PublishDenied, 1);
        patients.connected("serre-04", None, 2);
        assert_eq!(patients.list(3).first().unwrap().cured_ms, None);
    }

    #[test]
    fn strangers_are_bounded_and_never_push_a_device_out() {
        let patients = Patients::default();
        refused(&patients, Some("serre-04"), 1, RefusalCause::WrongPassword, 0);
        for at_ms in 0..2_000_i64 {
            let who = Who { device: None, user: None, client_id: Some(format!("stranger-{at_ms}")), address: None };
            let refusal = patients.list(at_ms).first().unwrap().refusal.clone();
            patients.add(who, Refusal { at_ms, ..refusal }, None);
        }
        let list = patients.list(2_000);
        assert!(list.len() <= PATIENTS && list.iter().any(|patient| patient.device.is_some()));
        assert!(patients.list(2_000 + KEPT_MS).is_empty(), "a day later nothing is left");
    }
}
