//! Which threshold a task asks for.

use serde::{Deserialize, Serialize};

use crate::scored::by_class;
use crate::{Confusion, EvaluationError, OperatingPoint, Scored};

/// What a finding's threshold is for. The first rate has a floor; the other is then as high as it can be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Role {
    /// Nobody is to be missed: sensitivity first.
    Screening {
        /// Least sensitivity, above 0, at most 1.
        least_sensitivity: f64,
    },
    /// Nobody is to be called wrongly: specificity first.
    Confirmation {
        /// Least specificity, above 0, at most 1.
        least_specificity: f64,
    },
}

/// The threshold, halfway between two scores of the sample (below the lowest: that score itself).
/// Errors: `OneClass`; `Value` for a floor that is no rate; `NoThreshold` where a confirmation could call nobody.
pub fn choose_threshold(cases: &[Scored], role: Role) -> Result<OperatingPoint, EvaluationError> {
    by_class("choice of a threshold", cases)?;
    let (Role::Screening { least_sensitivity: floor } | Role::Confirmation { least_specificity: floor }) =
        role;
    if !(floor > 0.0 && floor <= 1.0) {
        return Err(EvaluationError::Value {
            what: "least rate",
            expected: "above 0, at most 1",
            got: floor,
        });
    }
    let mut scores: Vec<f64> = cases.iter().map(|case| case.score).collect();
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    let points = scores.iter().enumerate().map(|(i, score)| {
        let below = i.checked_sub(1).map_or(*score, |before| scores[before]);
        let threshold = f64::midpoint(below, *score);
        OperatingPoint { threshold, confusion: Confusion::at(cases, threshold) }
    });
    let points: Vec<OperatingPoint> = points.collect();
    let sensitivity = |point: &OperatingPoint| point.confusion.sensitivity().unwrap_or(0.0);
    let specificity = |point: &OperatingPoint| point.confusion.specificity().unwrap_or(0.0);
    // The rate with the floor comes first, the other one is then the best there is, and of equals the first rate's.
    let (rate, first, second): (_, Rate<'_>, Rate<'_>) = match role {
        Role::Screening { .. } => ("sensitivity", &sensitivity, &specificity),
        Role::Confirmation { .. } => ("specificity", &specificity, &sensitivity),
    };
    let best = points.iter().map(first).fold(0.0, f64::max);
    let held = points.iter().filter(|point| first(point) >= floor);
    let order = |a: &&OperatingPoint, b: &&OperatingPoint| {
        second(a).total_cmp(&second(b)).then(first(a).total_cmp(&first(b)))
    };
    held.max_by(order).copied().ok_or(EvaluationError::NoThreshold { rate, floor, best })
}

/// A rate of an operating point.
type Rate<'a> = &'a dyn Fn(&OperatingPoint) -> f64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Sample of the scikit-learn documentation of `roc_curve`: there, calling from 0.35 up has a true positive rate
    /// of 1 at a false positive rate of 0.5, calling from 0.8 up 0.5 at 0.
    #[test]
    fn each_role_takes_its_corner_of_the_curve() {
        let cases = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        let cases = cases.map(|(score, positive)| Scored { score, positive });
        let screening =
            |floor| choose_threshold(&cases, Role::Screening { least_sensitivity: floor }).unwrap();
        let confirming =
            |floor| choose_threshold(&cases, Role::Confirmation { least_specificity: floor }).unwrap();
        let all = screening(1.0);
        assert_eq!(all.threshold, f64::midpoint(0.1, 0.35));
        assert_eq!((all.confusion.sensitivity(), all.confusion.specificity()), (Some(1.0), Some(0.5)));
        let half = screening(0.5);
        assert_eq!(half.threshold, f64::midpoint(0.4, 0.8));
        assert_eq!(confirming(1.0).threshold, f64::midpoint(0.4, 0.8));
        assert_eq!(confirming(0.5).threshold, f64::midpoint(0.1, 0.35));
    }

    #[test]
    fn classes_apart_are_parted_between_them() {
        let cases: Vec<Scored> = (0..20)
            .map(|i| Scored { score: f64::from(i) + if i < 10 { 0.0 } else { 5.0 }, positive: i >= 10 })
            .collect();
        for role in
            [Role::Screening { least_sensitivity: 0.8 }, Role::Confirmation { least_specificity: 0.8 }]
        {
            assert_eq!(choose_threshold(&cases, role).unwrap().threshold, 12.0, "{role:?}");
        }
    }

    #[test]
    fn a_floor_that_calls_nobody_is_refused() {
        let cases = [(0.9, false), (0.2, true)].map(|(score, positive)| Scored { score, positive });
        let error = choose_threshold(&cases, Role::Confirmation { least_specificity: 0.9 }).unwrap_err();
        assert_eq!(error, EvaluationError::NoThreshold { rate: "specificity", floor: 0.9, best: 0.0 });
        let all = choose_threshold(&cases, Role::Screening { least_sensitivity: 0.9 }).unwrap();
        assert_eq!(all.threshold, 0.2);
        for floor in [0.0, 1.1, f64::NAN] {
            assert!(choose_threshold(&cases, Role::Screening { least_sensitivity: floor }).is_err());
        }
        assert!(choose_threshold(&cases[..1], Role::Screening { least_sensitivity: 0.9 }).is_err());
    }
}
