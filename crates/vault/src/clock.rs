//! Time as the caller read it, and as the vault may believe it. Nothing in this crate reads a clock.

use serde::{Deserialize, Serialize};

use crate::limits::CLOCK_BACK_TOLERANCE_MS;

/// What the caller's clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Milliseconds since 1970-01-01 UTC, as the clock shows them.
    pub unix_ms: i64,
    /// Whether the caller has reason to believe it: false where the clock was never set or lost its battery.
    pub trusted: bool,
}

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Milliseconds since 1970-01-01 UTC, as the clock showed them.
    pub unix_ms: i64,
    /// False when the caller does not trust the clock, or when it is earlier than what the vault has seen:
    /// order is then known by sequence only.
    pub verified: bool,
}

/// The latest verified time seen, against which a reading is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Baseline(pub(crate) Option<i64>);

impl Baseline {
    /// Judges `reading` and moves forward if it may be believed.
    pub(crate) fn stamp(&mut self, reading: ClockReading) -> Stamp {
        let verified = reading.trusted && !self.is_behind(reading);
        if verified {
            self.0 = Some(self.0.map_or(reading.unix_ms, |latest| latest.max(reading.unix_ms)));
        }
        Stamp { unix_ms: reading.unix_ms, verified }
    }

    /// Whether `reading` lies before what was seen, beyond the tolerance.
    pub(crate) fn is_behind(&self, reading: ClockReading) -> bool {
        self.0.is_some_and(|latest| reading.unix_ms < latest.saturating_sub(CLOCK_BACK_TOLERANCE_MS))
    }
}

impl Stamp {
    /// Milliseconds from this stamp to `now`; `None` when either is unverified or the difference is negative:
    /// an age that is not known is not shown.
    pub fn age_ms(&self, now: Stamp) -> Option<u64> {
        if !(self.verified && now.verified) {
            return None;
        }
        now.unix_ms.checked_sub(self.unix_ms).and_then(|age| u64::try_from(age).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_is_unverified_until_it_catches_up() {
        let mut baseline = Baseline(None);
        let at = |unix_ms| ClockReading { unix_ms, trusted: true };
        for (reading, verified) in [
            (at(10_000), true),
            (at(10_000 - CLOCK_BACK_TOLERANCE_MS), true),
            (at(10_000 - CLOCK_BACK_TOLERANCE_MS - 1), false),
            (ClockReading { unix_ms: 90_000, trusted: false }, false),
            (at(10_001), true),
            (at(i64::MIN), false),
        ] {
            assert_eq!(baseline.stamp(reading).verified, verified, "{reading:?}");
        }
        assert_eq!(baseline, Baseline(Some(10_001)));
    }

    #[test]
    fn an_age_is_known_only_between_verified_times() {
        let stamp = |unix_ms, verified| Stamp { unix_ms, verified };
        assert_eq!(stamp(5, true).age_ms(stamp(9, true)), Some(4));
        assert_eq!(stamp(5, true).age_ms(stamp(9, false)), None);
        assert_eq!(stamp(5, false).age_ms(stamp(9, true)), None);
        assert_eq!(stamp(9, true).age_ms(stamp(5, true)), None);
        assert_eq!(stamp(i64::MIN, true).age_ms(stamp(i64::MAX, true)), None);
    }
}
