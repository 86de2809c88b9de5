//! Split conformal sets, each class with its own quantile (Mondrian).

use serde::{Deserialize, Serialize};

use crate::scored::share;
use crate::{EvaluationError, Scored};

/// Rank, counted from 1, of the nonconformity among `n` calibration values that bounds a new one with probability
/// at least 1 − `error_rate`: ⌈(n + 1)(1 − error_rate)⌉. `None`: the sample is too small, the bound is infinite.
/// Errors: `Value` for an error rate that is not between 0 and 1.
/// Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005); Angelopoulos and Bates, A Gentle
/// Introduction to Conformal Prediction (2021), section 1.
pub fn conformal_rank(n: usize, error_rate: f64) -> Result<Option<usize>, EvaluationError> {
    let covered = 1.0 - share("error rate", error_rate)?;
    // (n + 1)(1 − α) is a whole number for the usual n and α; rounding must not lift it to the next one.
    let rank = ((n as f64 + 1.0) * covered - 1e-9).ceil().max(1.0) as usize;
    Ok((rank <= n).then_some(rank))
}

/// Which scores each class holds as its own. Each class on its own keeps 1 − error rate of its patients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformalBounds {
    /// Share of the patients of a class that its bound may leave out, between 0 and 1.
    pub error_rate: f64,
    /// Scores from here up are like those of patients with the finding. `None`: too few of them, every score is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_from: Option<f64>,
    /// Scores up to here are like those of patients without. `None`: too few of them, every score is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_to: Option<f64>,
}

/// The classes that a score is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConformalSet {
    /// With the finding only.
    Present,
    /// Without it only.
    Absent,
    /// Both: it cannot be told.
    Both,
    /// None of the two: it is unlike what was calibrated.
    Neither,
}

/// Bounds from one score per patient and class; see [`crate::cluster_bootstrap`] for why patients and not pictures:
/// pictures of one patient are not exchangeable with those of a new one.
/// Errors: `Value` for a score that is not finite or an error rate that is not between 0 and 1.
/// Source: Vovk 2012, Conditional Validity of Inductive Conformal Predictors; Angelopoulos and Bates 2021, section 4.3.
pub fn class_conditional(patients: &[Scored], error_rate: f64) -> Result<ConformalBounds, EvaluationError> {
    if let Some(wrong) = patients.iter().find(|case| !case.score.is_finite()) {
        let what = "conformal bounds";
        return Err(EvaluationError::Value { what, expected: "finite scores", got: wrong.score });
    }
    // Nonconformity grows with what speaks against the class.
    let bound = |class: bool, sign: f64| {
        let mut values: Vec<f64> =
            patients.iter().filter(|case| case.positive == class).map(|case| sign * case.score).collect();
        values.sort_by(f64::total_cmp);
        Ok(conformal_rank(values.len(), error_rate)?.map(|rank| sign * values[rank - 1]))
    };
    Ok(ConformalBounds { error_rate, present_from: bound(true, -1.0)?, absent_to: bound(false, 1.0)? })
}

impl ConformalBounds {
    /// What a score is like. A score that is not a number is like neither.
    pub fn set(&self, score: f64) -> ConformalSet {
        let number = !score.is_nan();
        let present = number && self.present_from.is_none_or(|from| score >= from);
        let absent = number && self.absent_to.is_none_or(|to| score <= to);
        match (present, absent) {
            (true, false) => ConformalSet::Present,
            (false, true) => ConformalSet::Absent,
            (true, true) => ConformalSet::Both,
            (false, false) => ConformalSet::Neither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Angelopoulos and Bates 2021, section 1: the ⌈(n+1)(1−α)⌉/n quantile. By that formula 19 values are the fewest
    /// for α = 0.05 and 9 for α = 0.1; of 1000 the 901st is taken for α = 0.1.
    #[test]
    fn the_finite_sample_correction() {
        let rank = |n, alpha| conformal_rank(n, alpha).unwrap();
        assert_eq!(rank(1000, 0.1), Some(901));
        assert_eq!((rank(18, 0.05), rank(19, 0.05)), (None, Some(19)));
        assert_eq!((rank(8, 0.1), rank(9, 0.1)), (None, Some(9)));
        assert_eq!(rank(0, 0.1), None);
        assert!(conformal_rank(9, 0.0).is_err() && conformal_rank(9, 1.0).is_err());
    }

    fn patients(present: &[f64], absent: &[f64]) -> Vec<Scored> {
        let of = |scores: &[f64], positive| {
            scores.iter().map(move |score| Scored { score: *score, positive }).collect::<Vec<_>>()
        };
        [of(present, true), of(absent, false)].concat()
    }

    #[test]
    fn each_class_has_its_own_bound() {
        let scores: Vec<f64> = (1..=9).map(f64::from).collect();
        let bounds = class_conditional(&patients(&scores, &scores), 0.2).unwrap();
        // ⌈10 · 0.8⌉ = 8th of 9.
        assert_eq!((bounds.present_from, bounds.absent_to), (Some(2.0), Some(8.0)));
        let sets = [1.0, 2.0, 8.0, 9.0].map(|score| bounds.set(score));
        use ConformalSet::{Absent, Both, Present};
        assert_eq!(sets, [Absent, Both, Both, Present]);
        let apart = class_conditional(&patients(&[7.0, 8.0, 9.0, 10.0], &[1.0, 2.0, 3.0, 4.0]), 0.2).unwrap();
        assert_eq!(apart.set(5.0), ConformalSet::Neither);
        assert_eq!(apart.set(f64::NAN), ConformalSet::Neither);
    }

    #[test]
    fn too_few_patients_can_tell_nothing() {
        let bounds = class_conditional(&patients(&[9.0, 8.0, 7.0], &[1.0, 2.0, 3.0, 4.0]), 0.2).unwrap();
        assert_eq!((bounds.present_from, bounds.absent_to), (None, Some(4.0)));
        assert_eq!(bounds.set(-100.0), ConformalSet::Both);
        assert_eq!(bounds.set(100.0), ConformalSet::Present);
        let none = class_conditional(&[], 0.1).unwrap();
        assert_eq!(none.set(0.0), ConformalSet::Both);
        assert!(class_conditional(&patients(&[f64::NAN], &[]), 0.1).is_err());
    }

    proptest! {
        /// Left out of a sample of n + 1 distinct scores of one class, at most ⌊(n + 1) α⌋ fall outside the bound that
        /// the other n give: the guarantee, counted.
        #[test]
        fn the_guarantee_holds_exactly(n in 1usize..60, alpha in 0.02f64..0.5, seed in 0u64..1000) {
            let score = |i: usize| ((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed) >> 11) as f64;
            let all: Vec<f64> = (0..=n).map(score).collect();
            let outside = (0..=n).filter(|left_out| {
                let rest: Vec<f64> = (0..=n).filter(|i| i != left_out).map(|i| all[i]).collect();
                let bounds = class_conditional(&patients(&rest, &[]), alpha).unwrap();
                bounds.present_from.is_some_and(|from| all[*left_out] < from)
            });
            prop_assert!(outside.count() as f64 <= (n as f64 + 1.0) * alpha + 1e-6);
        }
    }
}
