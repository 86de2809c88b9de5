//! The clock: the only place that reads it for what is kept or shown.

use std::time::{SystemTime, UNIX_EPOCH};

use bedside_vault::{ClockReading, Stamp};

/// 2026-01-01, in milliseconds: a clock that shows less was never set.
const BUILT_AFTER_MS: i64 = 1_767_225_600_000;

/// What the system's clock says, and whether it was ever set.
pub(crate) fn read() -> ClockReading {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix_ms = since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0);
    ClockReading { unix_ms, trusted: unix_ms >= BUILT_AFTER_MS }
}

/// `2026-11-24 02:31:07 UTC`, with "unverified" behind it where that is what it is.
pub(crate) fn shown(stamp: Stamp) -> String {
    let [year, month, day, hour, minute, second] = civil(stamp.unix_ms);
    let unverified = if stamp.verified { "" } else { " (unverified)" };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC{unverified}")
}

/// `20261124` and `023107`, as DICOM writes them.
pub(crate) fn dicom(unix_ms: i64) -> (String, String) {
    let [year, month, day, hour, minute, second] = civil(unix_ms);
    (format!("{year:04}{month:02}{day:02}"), format!("{hour:02}{minute:02}{second:02}"))
}

/// Year, month, day, hour, minute and second of the proleptic Gregorian calendar, UTC.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(unix_ms: i64) -> [i64; 6] {
    let seconds = unix_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468; // days since 0000-03-01
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153; // 0 is March
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    [year, month, day, second / 3600, second / 60 % 60, second % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_767_225_599_999, "2025-12-31 23:59:59 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(shown(Stamp { unix_ms, verified: true }), text);
        }
        assert_eq!(dicom(951_782_461_000), ("20000229".to_owned(), "000101".to_owned()));
        assert!(shown(Stamp { unix_ms: 0, verified: false }).ends_with("(unverified)"));
    }
}
