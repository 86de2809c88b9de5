//! What a threshold does: the four counts and the rates that they give.

use serde::{Deserialize, Serialize};

use crate::Scored;

/// Counts of cases by truth and by call. A case is called positive where its score is at least the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    /// There, and called.
    pub true_positives: u64,
    /// There, and not called.
    pub false_negatives: u64,
    /// Not there, and called.
    pub false_positives: u64,
    /// Not there, and not called.
    pub true_negatives: u64,
}

impl Confusion {
    /// Of cases at a threshold.
    pub fn at(cases: &[Scored], threshold: f64) -> Self {
        let mut counts = Self::default();
        for case in cases {
            *match (case.positive, case.score >= threshold) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_negatives,
                (false, true) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
            } += 1;
        }
        counts
    }

    /// Share of those with the finding who are called. `None`: there are none.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// Share of those without the finding who are not called. `None`: there are none.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.false_positives)
    }

    /// Share of the called who have the finding, in this sample. `None`: nobody is called.
    pub fn positive_predictive_value(&self) -> Option<f64> {
        share(self.true_positives, self.false_positives)
    }

    /// Share of the not called who do not have the finding, in this sample. `None`: everybody is called.
    pub fn negative_predictive_value(&self) -> Option<f64> {
        share(self.true_negatives, self.false_negatives)
    }
}

/// `part` of `part` and `rest`.
fn share(part: u64, rest: u64) -> Option<f64> {
    let all = part + rest;
    (all > 0).then(|| part as f64 / all as f64)
}

/// A threshold with what it gave on the sample it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPoint {
    /// Scores from here on are called.
    pub threshold: f64,
    /// Counts at it.
    pub confusion: Confusion,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 258 livers with and 86 without disease, by scan. Source: Altman and Bland, BMJ 308 (1994) 1552 and 309
    /// (1994) 102.
    #[test]
    fn altman_and_blands_liver_scans() {
        let counts =
            Confusion { true_positives: 231, false_negatives: 27, false_positives: 32, true_negatives: 54 };
        let rates = [
            (counts.sensitivity(), 0.90),
            (counts.specificity(), 0.63),
            (counts.positive_predictive_value(), 0.88),
            (counts.negative_predictive_value(), 0.67),
        ];
        for (got, printed) in rates {
            assert!((got.unwrap() - printed).abs() < 0.005, "{got:?} {printed}");
        }
    }

    #[test]
    fn rates_of_nobody_are_unknown() {
        let none = Confusion::at(&[], 0.5);
        assert_eq!((none.sensitivity(), none.specificity()), (None, None));
        let one = Confusion::at(&[Scored { score: 0.5, positive: true }], 0.5);
        assert_eq!((one.sensitivity(), one.specificity()), (Some(1.0), None));
        assert_eq!((one.positive_predictive_value(), one.negative_predictive_value()), (Some(1.0), None));
    }
}
