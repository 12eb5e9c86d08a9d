//! The exports that run or wait to be fetched. Their files lie in a folder of their own that only
//! the owner may enter, and go after an hour and at the next start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use export::Progress;
use tokio::sync::watch;
use wire::{Code, ExportJob, ExportState};

use super::ExportFile;
use crate::Error;
use crate::folder::{Folder, make_private_folder};
use crate::limits::{EXPORT_KEPT_MS, EXPORTS_KEPT, EXPORTS_RUNNING};

#[derive(Default)]
pub(crate) struct Exports(Mutex<Known>);

#[derive(Default)]
struct Known {
    last_id: u32,
    jobs: BTreeMap<u32, Arc<Job>>,
}

pub(crate) struct Job {
    pub id: u32,
    pub path: PathBuf,
    pub progress: Progress,
    name: String,
    media_type: &'static str,
    to_read: AtomicU64,
    end: Mutex<Option<End>>,
    over: watch::Sender<bool>,
}

struct End {
    at_ms: i64,
    rows: u64,
    bytes: u64,
    state: ExportState,
    code: Option<Code>,
}

impl Exports {
    /// What an earlier process left behind is of no use.
    pub fn sweep_left(folder: &Folder) {
        std::fs::remove_dir_all(folder.exports()).ok();
    }

    pub fn start(
        &self,
        folder: &Folder,
        name: String,
        media_type: &'static str,
        now_ms: i64,
    ) -> Result<Arc<Job>, Error> {
        self.sweep(now_ms);
        make_private_folder(&folder.exports())?;
        let mut known = self.hold();
        let running = known.jobs.values().filter(|job| job.running()).count();
        if running >= EXPORTS_RUNNING {
            return Err(Error::ExportsBusy);
        }
        while known.jobs.len() >= EXPORTS_KEPT {
            let Some(oldest) = known.jobs.values().find(|job| !job.running()).map(|job| job.id) else { break };
            if let Some(job) = known.jobs.remove(&oldest) {
                job.discard();
            }
        }
        known.last_id += 1;
        let id = known.last_id;
        let job = Arc::new(Job {
            id,
            path: folder.exports().join(id.to_string()),
            progress: Progress::default(),
            name,
            media_type,
            to_read: AtomicU64::new(0),
            end: Mutex::default(),
            over: watch::channel(false).0,
        });
        known.jobs.insert(id, job.clone());
        Ok(job)
    }

    pub fn find(&self, id: u32) -> Result<Arc<Job>, Error> {
        self.hold().jobs.get(&id).cloned().ok_or(Error::ExportUnknown)
    }

    pub fn drop(&self, id: u32) -> Result<(), Error> {
        self.hold().jobs.remove(&id).ok_or(Error::ExportUnknown)?.discard();
        Ok(())
    }

    /// Files that nobody fetched in time go.
    pub fn sweep(&self, now_ms: i64) {
        self.hold().jobs.retain(|_, job| {
            let old = job.is_old(now_ms);
            if old {
                job.discard();
            }
            !old
        });
    }

    pub fn cancel_all(&self) {
        self.hold().jobs.values().for_each(|job| job.progress.cancel());
    }

    /// What was erased must not lie about in a file.
    pub fn drop_all(&self) {
        let jobs = std::mem::take(&mut self.hold().jobs);
        jobs.values().for_each(|job| job.discard());
    }

    fn hold(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn running(&self) -> bool {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn is_old(&self, now_ms: i64) -> bool {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.as_ref().is_some_and(|end| now_ms.saturating_sub(end.at_ms) > EXPORT_KEPT_MS)
    }

    /// Stops where it runs; its file goes now, and again when the writer is through.
    fn discard(&self) {
        self.progress.cancel();
        std::fs::remove_file(&self.path).ok();
    }

    pub fn expect(&self, to_read: u64) {
        self.to_read.store(to_read, Ordering::Relaxed);
    }

    /// The writer is through.
    pub fn end(&self, written: Result<u64, Error>, at_ms: i64) {
        let (state, rows, code) = match written {
            Ok(rows) => (ExportState::Done, rows, None),
            Err(Error::Export(export::Error::Cancelled)) => (ExportState::Cancelled, 0, None),
            // The one place where an error gets its code also writes a fault of ours into the journal.
            Err(error) => (ExportState::Failed, 0, Some(wire::Problem::from(error).code)),
        };
        if state != ExportState::Done {
            std::fs::remove_file(&self.path).ok();
        }
        let bytes = std::fs::metadata(&self.path).map_or(0, |data| data.len());
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(End { at_ms, rows, bytes, state, code });
        self.over.send_replace(true);
    }

    /// Returns when the writer is through.
    pub async fn ended(&self) {
        self.over.subscribe().wait_for(|over| *over).await.ok();
    }

    pub fn file(&self) -> ExportFile {
        ExportFile { path: self.path.clone(), name: self.name.clone(), media_type: self.media_type }
    }

    pub fn to_wire(&self) -> ExportJob {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, rows, bytes, code) = match end.as_ref() {
            None => (ExportState::Running, 0, 0, None),
            Some(end) => (end.state, end.rows, end.bytes, end.code),
        };
        ExportJob {
            id: self.id,
            state,
            file_name: self.name.clone(),
            read: self.progress.read(),
            to_read: self.to_read.load(Ordering::Relaxed),
            rows,
            bytes,
            code,
        }
    }
}

/// Whoever still reads the file goes on reading; its place on the disk is free afterwards.
impl Drop for Job {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}
