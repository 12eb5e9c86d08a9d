//! The recorder as a source of messages, each with the device that its topic belongs to.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use export::{Message, Messages, Take};
use recorder::{Reading, Record};

use crate::Error;
use crate::folder::Folder;
use crate::limits::EXPORT_ROOM_BYTES;
use crate::settings::Settings;

/// Messages between two looks at the room on the disk.
const LOOK_EACH: u64 = 65_536;

pub(crate) struct Recorded<'a> {
    reading: Reading,
    topics: Vec<(Arc<str>, Option<Arc<str>>)>,
    devices: HashMap<String, Arc<str>>,
    folder: &'a Folder,
}

/// Why a reading ended early.
enum Stopped {
    Recorder(recorder::Error),
    Export(export::Error),
}

impl From<recorder::Error> for Stopped {
    fn from(error: recorder::Error) -> Stopped {
        Stopped::Recorder(error)
    }
}

impl From<Stopped> for export::Error {
    fn from(stopped: Stopped) -> export::Error {
        match stopped {
            Stopped::Recorder(error) => export::Error::Source(error.into()),
            Stopped::Export(error) => error,
        }
    }
}

impl<'a> Recorded<'a> {
    pub fn new(reading: Reading, settings: &Settings, folder: &'a Folder) -> Recorded<'a> {
        let devices = settings.devices.iter().map(|device| (settings.branch(device), device.id.as_str().into()));
        let mut recorded = Recorded { reading, topics: Vec::new(), devices: devices.collect(), folder };
        recorded.name_topics();
        recorded
    }

    fn name_topics(&mut self) {
        let named = |topic: &str| (topic.into(), device_of(&self.devices, topic));
        self.topics = self.reading.topics().map(named).collect();
    }

    /// An order of topics that says nothing of their names, another each time.
    pub fn shuffle(&mut self) -> Result<(), Error> {
        let key = RandomState::new();
        self.reading.order_by(|topic| key.hash_one(topic));
        self.name_topics();
        Ok(())
    }

    fn message(&self, place: usize, record: Record) -> Option<Message> {
        let (topic, device) = self.topics.get(place)?;
        Some(Message {
            at_us: record.at_us,
            topic: topic.clone(),
            device: device.clone(),
            qos: record.qos,
            retain: record.retain,
            payload_len: record.payload_len,
            payload: record.payload,
        })
    }

    /// The room on the disk is the recorder's before it is ours.
    fn handed<'t>(&'t self, take: &'t mut Take<'_>) -> impl FnMut(usize, Record) -> Result<(), Stopped> + 't {
        let mut handed = 0u64;
        move |place, record| {
            handed += 1;
            if handed.is_multiple_of(LOOK_EACH) && self.folder.free_bytes() < EXPORT_ROOM_BYTES {
                let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
                return Err(Stopped::Export(export::Error::Write(full)));
            }
            let Some(message) = self.message(place, record) else { return Ok(()) };
            take(message).map_err(Stopped::Export)
        }
    }
}

impl Messages for Recorded<'_> {
    fn by_topic(&mut self, take: &mut Take<'_>) -> Result<(), export::Error> {
        Ok(self.reading.by_topic(self.handed(take))?)
    }

    fn by_time(&mut self, take: &mut Take<'_>) -> Result<(), export::Error> {
        Ok(self.reading.by_time(self.handed(take))?)
    }
}

/// `<site>/<group>/<device>/…`
pub(crate) fn device_of(devices: &HashMap<String, Arc<str>>, topic: &str) -> Option<Arc<str>> {
    let end = topic.match_indices('/').nth(2).map_or(topic.len(), |(at, _)| at);
    devices.get(topic.get(..end)?).cloned()
}
