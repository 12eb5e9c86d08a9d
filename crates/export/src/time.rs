//! Times as each kind of program wants them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time that no calendar holds is the start of the epoch.
pub(crate) fn timestamp(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn civil(at_us: i64, zone: &TimeZone) -> DateTime {
    zone.to_datetime(timestamp(at_us))
}

/// 25/11/2026 07:09:17,123
pub(crate) fn french(at_us: i64, zone: &TimeZone) -> String {
    civil(at_us, zone).strftime("%d/%m/%Y %H:%M:%S,%3f").to_string()
}

/// 2026-11-25 07:09:17.123
pub(crate) fn plain(at_us: i64, zone: &TimeZone) -> String {
    civil(at_us, zone).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

/// 2026-11-25T07:09:17.123, as an office document has it
pub(crate) fn office(at_us: i64, zone: &TimeZone) -> String {
    civil(at_us, zone).strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}

/// 2026-11-25T06:09:17.123456Z
pub(crate) fn utc(at_us: i64) -> String {
    timestamp(at_us).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Days since 30 December 1899 by the clock on the wall, to the millisecond.
pub(crate) fn serial(at_us: i64, zone: &TimeZone) -> f64 {
    let start = DateTime::constant(1899, 12, 30, 0, 0, 0, 0);
    let since: SignedDuration = civil(at_us, zone).duration_since(start);
    (since.as_millis() as f64) / 86_400_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_every_form() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at_us = 1_795_500_557_123_456;
        assert_eq!(utc(at_us), "2026-11-24T06:09:17.123456Z");
        assert_eq!(french(at_us, &zone), "24/11/2026 07:09:17,123");
        assert_eq!(plain(at_us, &zone), "2026-11-24 07:09:17.123");
        assert_eq!(office(at_us, &zone), "2026-11-24T07:09:17.123");
        assert!((serial(at_us, &zone) - 46_350.298_114_849_54).abs() < 1e-8, "{}", serial(at_us, &zone));
        assert_eq!(utc(i64::MAX), "1970-01-01T00:00:00.000000Z");
    }
}
