//! What was recorded: pages, series, status.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt::Topic;
use recorder::Recorder;
use wire::{Nothing, Problem, QueryRecords, QuerySeries, RecordPage, RecordedMessage, RecorderStatus, Series};

use crate::limits::{RECORD_PAGE, RECORD_TEXT_BYTES, SERIES_COLUMNS};
use crate::site::Site;
use crate::{Appliance, Error, Inner};

impl Appliance {
    pub async fn record_query(&self, request: QueryRecords) -> Result<RecordPage, Problem> {
        within("limit", request.limit, RECORD_PAGE)?;
        let topic = Topic::parse(request.topic).map_err(Error::Topic)?;
        let (from_us, until_us) = span(request.from_ms, request.until_ms)?;
        let limit = request.limit;
        let page = self.recorder(move |recorder| recorder.page(topic.as_str(), from_us, until_us, limit)).await?;
        Ok(RecordPage { records: page.records.into_iter().map(shown).collect(), more: page.more })
    }

    pub async fn record_series(&self, request: QuerySeries) -> Result<Series, Problem> {
        within("columns", request.columns, SERIES_COLUMNS)?;
        let topic = Topic::parse(request.topic).map_err(Error::Topic)?;
        let QuerySeries { field, from_ms, until_ms, columns, .. } = request;
        if until_ms < from_ms || until_ms.checked_sub(from_ms).is_none() {
            return Err(Error::Time.into());
        }
        let series =
            self.recorder(move |recorder| recorder.series(topic.as_str(), &field, from_ms, until_ms, columns)).await?;
        Ok(Series {
            at_ms: series.at_ms,
            min: series.min,
            max: series.max,
            last: series.last,
            gaps: series.gaps,
            samples: series.samples,
        })
    }

    pub async fn record_status(&self, _: Nothing) -> Result<RecorderStatus, Problem> {
        let site = self.inner.site()?;
        let status = self.inner.recorder_status(&site).await?;
        let running = site.engine().is_some();
        Ok(RecorderStatus {
            recording: status.recording && running,
            bytes: status.bytes,
            limit_bytes: status.limit_bytes,
            limit_days: status.limit_days,
            messages: status.messages,
            oldest_ms: status.oldest_us.map(|us| us / 1000),
            dropped: status.dropped,
        })
    }

    /// Reads block: they run on a thread of their own.
    async fn recorder<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Recorder) -> Result<T, recorder::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let recorder = self.inner.site()?.recorder.clone();
        Ok(tokio::task::spawn_blocking(move || question(&recorder)).await??)
    }
}

/// The last status of the recorder, and what it cost.
pub(crate) struct Known {
    status: recorder::Status,
    asked: Instant,
    took: Duration,
}

impl Inner {
    /// The next status is counted afresh.
    pub async fn forget_recorder_status(&self) {
        *self.recorded.lock().await = None;
    }

    /// Counting gigabytes takes its time: an answer is good for a hundred times as long as it took.
    pub async fn recorder_status(&self, site: &Site) -> Result<recorder::Status, Error> {
        let mut known = self.recorded.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.asked.elapsed() < known.took * 100) {
            return Ok(known.status.clone());
        }
        let (recorder, asked) = (site.recorder.clone(), Instant::now());
        let status = tokio::task::spawn_blocking(move || recorder.status()).await??;
        *known = Some(Known { status: status.clone(), asked, took: asked.elapsed() });
        Ok(status)
    }
}

fn within(field: &'static str, value: u32, most: u32) -> Result<(), Error> {
    if (1..=most).contains(&value) { Ok(()) } else { Err(Error::LimitOutside { field, most: u64::from(most) }) }
}

/// Whole milliseconds, both ends included, as microseconds.
pub(crate) fn span(from_ms: Option<i64>, until_ms: Option<i64>) -> Result<(Option<i64>, Option<i64>), Error> {
    if let (Some(from), Some(until)) = (from_ms, until_ms)
        && until < from
    {
        return Err(Error::Time);
    }
    let until_us = until_ms.map(|ms| ms.saturating_mul(1000).saturating_add(999));
    Ok((from_ms.map(|ms| ms.saturating_mul(1000)), until_us))
}

fn shown(record: recorder::Record) -> RecordedMessage {
    let kept = record.payload.get(..RECORD_TEXT_BYTES).unwrap_or(&record.payload);
    // A cut may fall within a character: what is whole before it is text all the same.
    let text = match std::str::from_utf8(kept) {
        Ok(text) => Some(text.to_owned()),
        Err(error) if error.error_len().is_none() && kept.len() < record.payload_len as usize => {
            kept.get(..error.valid_up_to()).map(|whole| String::from_utf8_lossy(whole).into_owned())
        }
        Err(_) => None,
    };
    RecordedMessage {
        at_us: record.at_us,
        qos: record.qos,
        retain: record.retain,
        payload_len: record.payload_len,
        base64: text.is_none().then(|| STANDARD.encode(kept)),
        text,
    }
}
