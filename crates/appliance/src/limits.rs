//! Every limit of the application service in one table.

/// One row of the table, which a test reads.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
    pub why: &'static str,
}

macro_rules! limits {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $why:literal;)*) => {
        $(#[doc = $why] pub(crate) const $name: $type = $value;)*

        pub const LIMITS: &[Limit] = &[
            $(Limit { name: stringify!($name), value: $value as u64, unit: $unit, why: $why }),*
        ];
    };
}

limits! {
    SITE_NAME_CHARS: usize = 40, "characters", "it must fit on a label and in a window title";
    PLACE_CHARS: usize = 60, "characters", "the second line of a label";
    ID_CHARS: usize = 23, "characters", "the longest client id that every MQTT 3.1.1 server takes";
    DEVICES: usize = 1_000, "devices", "a school, not a data centre";
    SIMULATED: u32 = 30, "devices", "as many as a class has pupils";
    REQUEST_BYTES: usize = 512 * 1024, "bytes a request", "a whole message to publish, escaped";
    PUBLISH_BYTES: usize = 256 * 1024, "bytes a message", "what a person types or pastes";
    EVENTS: usize = 2_000, "events", "a day of a class, in memory";
    EVENT_PAGE: usize = 500, "events an answer", "a page draws no more at once";
    EVENT_WAIT_MS: u32 = 25_000, "ms", "below the usual 30 s of proxies";
    LIVE_WAIT_MS: u64 = 25_000, "ms", "below the usual 30 s of proxies";
    LIVE_PAUSE_MS: u64 = 100, "ms", "ten frames a second are enough for a table";
    LIVE_ROWS: u32 = 200, "rows a frame", "more than any screen shows";
    LIVE_OPEN: usize = 10_000, "open branches a view", "more than any person opens";
    SEARCH_CHARS: usize = 1_000, "characters", "a search is typed";
    DETAIL_BYTES: usize = 64 * 1024, "bytes of a payload shown", "more is no reading matter";
    RECORD_PAGE: u32 = 1_000, "records an answer", "a page draws no more at once";
    RECORD_TEXT_BYTES: usize = 4 * 1024, "bytes of a recorded payload shown", "a line of a table";
    SERIES_COLUMNS: u32 = 4_000, "columns", "the width of the widest screen";
    EXPORT_FILTERS: usize = 200, "filters or devices", "chosen by a person";
    EXPORT_STEP_MS: u32 = 86_400_000, "ms", "one row a day";
    EXPORTS_RUNNING: usize = 2, "exports at once", "the broker comes first";
    EXPORTS_KEPT: usize = 6, "exports", "the disk is for recordings";
    EXPORT_KEPT_MS: i64 = 3_600_000, "ms", "as long as a lesson";
    EXPORT_ROOM_BYTES: u64 = 250_000_000, "bytes", "an export ends before recording does";
    FEEDS: usize = 50, "addresses", "more nobody looks after";
    FEED_DAYS: u32 = 366, "days", "a school year";
    FEED_TOPICS: usize = 2_000, "topics", "a sheet that is read every few seconds";
    FEEDS_AT_ONCE: usize = 2, "answers at once", "the broker comes first";
    CLAIM_MS: i64 = 15 * 60 * 1_000, "ms", "as long as one fetches a phone";
    CARD_MS: i64 = 7 * 24 * 3_600 * 1_000, "ms", "a printed card is handed out within the week";
    CLASS_DEVICES: usize = 500, "devices at once", "a year of a school in one list";
    ARCHIVED_RECORDS: u64 = 200_000, "records in the archive of a year", "more is a file of its own";
    CLAIMS: usize = 200, "open claims", "memory stays bounded";
    CERTIFICATES_EACH: usize = 4, "certificates a device", "one in use, one being renewed, two for a card that was lost";
    SIGHTINGS: usize = 24, "addresses", "the certificate stays small enough for a board";
    SIGHTING_DAYS: i64 = 30, "days", "a laptop that comes back to a room every month";
    CRL_DAYS: i64 = 1, "days", "the list of revoked certificates says that it is valid for 30";
    ENROLMENT_MS: i64 = 10 * 60 * 1_000, "ms", "long enough for a class, short enough to be forgotten open";
    HANDED_ON: usize = 64, "connections", "those of one port that speak HTTP, until somebody serves them";
    PATIENTS_SAVE_MS: i64 = 5_000, "ms", "a crash loses no more of the doctor's day";
    JOIN_TRIES: u32 = 20, "wrong join codes", "a code of six digits is guessed once in 50,000 times";
    JOINS: u32 = 60, "devices a join code", "two classes that share a room";
    CHECKED_AT_ONCE: usize = 2, "passwords", "hashing must leave processor time to the broker";
    CHECKS_WAITING: usize = 64, "passwords", "two classes that come back after a power cut";
    CHECKS_WAITING_FOR_ONE: usize = 4, "passwords a device", "guessing at one device must not hold up the others";
    QUEUED_MESSAGES_MOST: u32 = 10_000_000, "messages a device", "the most that a settings file may ask to hold";
    QUEUED_MEGABYTES_MOST: u32 = 65_536, "MiB a device", "the most that a settings file may ask to hold";
    FREE_TRIES_OF_ADDRESS: u32 = 100, "wrong passwords a minute", "a class of 30 behind one address mistypes three times each";
    ADDRESSES: usize = 10_000, "addresses", "memory stays bounded";
    CONNECTS_A_SECOND: u32 = 100, "connections of one address", "a class that comes back after a power cut";
    CONNECTS_AT_ONCE: u32 = 500, "connections of one address", "the same, at once";
    GUEST_MESSAGES_A_SECOND: u32 = 50, "messages of one guest", "a phone's sensors, not a flood";
    GUEST_MESSAGES_AT_ONCE: u32 = 200, "messages of one guest", "what a phone saved up";
    FREE_TRIES: u32 = 3, "wrong passwords", "everybody mistypes";
    LONGEST_DELAY_MS: u64 = 4_000, "ms", "a handshake may last 10 s";
    PATIENTS: usize = 500, "patients", "a page draws no more; strangers come without end";
    VISITS: usize = 50, "causes a patient", "a day of one board, in memory";
    PINGS: usize = 100, "phones", "more than a class has";
    SERIAL_LINKS: usize = 32, "ports", "the boards of a class on hubs";
    SERIAL_LINE_BYTES: usize = 4 * 1024, "bytes a line", "a line of readings, not a file";
    SERIAL_LINES_PER_SECOND: u32 = 100, "lines a port", "a board in an endless loop must not fill the disk";
    RIGHTS_SENTENCES: usize = 200, "sentences", "more nobody reads";
    RIGHTS_UNDONE: usize = 10, "changes", "a lesson of trying";
    RIGHTS_COLUMNS: usize = 40, "columns", "more no screen shows";
    PROVERS: usize = 24, "members", "a change of rights is proven in about a second";
    PROVEN_OBJECTS: usize = 12, "objects", "a change of rights is proven in about a second";
    INGEST_BYTES: usize = 64 * 1024, "bytes a post", "ten seconds of three axes at 100 Hz";
    INGEST_MS: i64 = 2_592_000_000, "ms", "a project of some weeks";
    DISK_LOW_BYTES: u64 = 500_000_000, "bytes", "time to make room before recording stops";
}
