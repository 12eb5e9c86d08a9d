//! What was recorded, as a file: started, watched, stopped, fetched.

pub(crate) mod jobs;
pub(crate) mod plan;
pub(crate) mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wire::{
    ExportFormat, ExportJob, ExportPreview, ExportRef, ExportState, Nothing, Problem, Selection, StartExport,
    WatchExport,
};

use crate::limits::{DISK_LOW_BYTES, EVENT_WAIT_MS};
use crate::{Appliance, Error};
use jobs::Job;
use plan::Wanted;
use source::Recorded;

/// A file that is ready to be fetched.
#[derive(Clone, Debug)]
pub struct ExportFile {
    pub path: PathBuf,
    pub name: String,
    pub media_type: &'static str,
}

impl Appliance {
    /// How much there is of what is chosen.
    pub async fn export_preview(&self, request: Selection) -> Result<ExportPreview, Problem> {
        let site = self.inner.site()?;
        let wanted = Wanted::parse(&request, &site.settings.load(), self.inner.clock.now_ms())?;
        let recorder = site.recorder.clone();
        let counted = tokio::task::spawn_blocking(move || -> Result<_, Error> {
            let reading = wanted.reading(&recorder)?;
            Ok((reading.count()?, reading.topics().count(), reading.ends()?))
        });
        let (messages, topics, ends) = counted.await.map_err(Error::Thread)??;
        Ok(ExportPreview {
            messages,
            topics: topics as u64,
            first_ms: ends.map(|(first, _)| first / 1000),
            last_ms: ends.map(|(_, last)| last / 1000),
            sheet_rows: export::SHEET_ROWS - 1,
        })
    }

    /// Starts writing the file on a thread of its own.
    pub async fn export_start(&self, request: StartExport) -> Result<ExportJob, Problem> {
        let inner = &self.inner;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        let now_ms = inner.clock.now_ms();
        let wanted = Wanted::parse(&request.selection, &settings, now_ms)?;
        let task = plan::Task::parse(&request, &settings)?;
        if inner.folder.free_bytes() < DISK_LOW_BYTES {
            return Err(Error::DiskLow.into());
        }
        let name = plan::file_name(&request, &settings, now_ms);
        let job = inner.exports.start(&inner.folder, name, task.media_type(), now_ms)?;
        let (recorder, running, folder_of) = (site.recorder.clone(), job.clone(), inner.clone());
        tokio::task::spawn_blocking(move || {
            let written = write(&running, task, wanted, &recorder, &settings, &folder_of.folder);
            running.end(written, folder_of.clock.now_ms());
        });
        Ok(job.to_wire())
    }

    pub async fn export_status(&self, request: WatchExport) -> Result<ExportJob, Problem> {
        let job = self.inner.exports.find(request.id)?;
        let patience = Duration::from_millis(u64::from(request.wait_ms.min(EVENT_WAIT_MS)));
        tokio::time::timeout(patience, job.ended()).await.ok();
        Ok(job.to_wire())
    }

    /// Stops it where it runs, and removes its file.
    pub async fn export_drop(&self, request: ExportRef) -> Result<Nothing, Problem> {
        self.inner.exports.drop(request.id)?;
        Ok(Nothing {})
    }

    /// The file of an export that is done.
    pub fn export_file(&self, id: u32) -> Result<ExportFile, Problem> {
        let job = self.inner.exports.find(id)?;
        match job.to_wire().state {
            ExportState::Done => Ok(job.file()),
            _ => Err(Error::ExportUnknown.into()),
        }
    }
}

/// Blocks.
fn write(
    job: &Arc<Job>,
    task: plan::Task,
    wanted: Wanted,
    recorder: &recorder::Recorder,
    settings: &crate::settings::Settings,
    folder: &crate::folder::Folder,
) -> Result<u64, Error> {
    let reading = wanted.reading(recorder)?;
    let ends = reading.ends()?;
    job.expect(reading.count()? * task.passes());
    let mut source = Recorded::new(reading, settings, folder);
    match task {
        plan::Task::Table(plan) => Ok(export::write(&plan, &mut source, &job.path, &job.progress)?),
        plan::Task::OpenData(mut options) => {
            options.from_us = ends.map(|(first, _)| first);
            source.shuffle()?;
            Ok(export::write_open_data(&options, &mut source, &job.path, &job.progress)?)
        }
    }
}

pub(crate) fn extension(format: ExportFormat) -> &'static str {
    match plan::table_format(format) {
        Some(format) => format.extension(),
        None => "zip",
    }
}
