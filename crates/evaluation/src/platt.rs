//! Platt scaling: a logistic curve from scores to probabilities.

use serde::{Deserialize, Serialize};

use crate::scored::by_class;
use crate::{EvaluationError, Scored};

/// Newton steps, at most.
const STEPS: usize = 100;
/// Decrease that a step still promises, as a share of the cost, below which it is the last: Newton's method then has
/// about twice as many digits behind it, which is all that f64 holds.
const LAST_STEP: f64 = 1e-12;
/// Added to the Hessian's diagonal, and the least line-search step. Source: Lin, Lin, Weng 2007, algorithm 1.
const RIDGE: f64 = 1e-12;
const LEAST_STEP: f64 = 1e-10;
/// A decrease that counts, as a share of the predicted one. Source: the same.
const DECREASE: f64 = 1e-4;

/// p = 1 / (1 + exp(−(slope · score + offset))).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Above 0 where scores grow with the evidence.
    pub slope: f64,
    /// At score 0.
    pub offset: f64,
}

impl Platt {
    /// Fit by maximum likelihood with Platt's targets, (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2) instead of 1 and 0, which
    /// keep the curve finite where the classes do not overlap.
    /// Errors: `OneClass`, `Value` for a score that is not finite, `NotConverged`.
    /// Source: Platt, Probabilistic Outputs for Support Vector Machines (1999); Newton's method with line search by
    /// Lin, Lin, Weng, Machine Learning 68 (2007) 267.
    pub fn fit(cases: &[Scored]) -> Result<Self, EvaluationError> {
        let (positives, negatives) = by_class("Platt scaling", cases)?;
        let (m, n) = (positives.len() as f64, negatives.len() as f64);
        let target = |positive| if positive { (m + 1.0) / (m + 2.0) } else { 1.0 / (n + 2.0) };
        // Scores with mean 0 and deviation 1, so that their unit has no influence on the rounding.
        let (mean, deviation) = spread(cases);
        let aims: Vec<(f64, f64)> =
            cases.iter().map(|case| ((case.score - mean) / deviation, target(case.positive))).collect();
        let start = Self { slope: 0.0, offset: ((m + 1.0) / (n + 1.0)).ln() };
        let Self { slope, offset } = start.descend(&aims)?;
        Ok(Self { slope: slope / deviation, offset: offset - slope * mean / deviation })
    }

    /// Newton's method with a line search. Errors: `NotConverged`.
    fn descend(mut self, aims: &[(f64, f64)]) -> Result<Self, EvaluationError> {
        let mut cost = self.cost(aims);
        for _ in 0..STEPS {
            let (gradient, hessian) = self.derivatives(aims);
            let [a, b, c] = [hessian[0] + RIDGE, hessian[1], hessian[2] + RIDGE];
            let determinant = a * c - b * b;
            let step = [
                -(c * gradient[0] - b * gradient[1]) / determinant,
                -(a * gradient[1] - b * gradient[0]) / determinant,
            ];
            let predicted = gradient[0] * step[0] + gradient[1] * step[1];
            let moved = |length: f64| Self {
                slope: self.slope + length * step[0],
                offset: self.offset + length * step[1],
            };
            if -predicted <= LAST_STEP * cost {
                return Ok(moved(1.0));
            }
            let lengths = std::iter::successors(Some(1.0), |length| Some(length / 2.0));
            let mut lengths = lengths.take_while(|length| *length >= LEAST_STEP);
            let enough = |length: &f64| moved(*length).cost(aims) <= cost + DECREASE * length * predicted;
            // None: rounding hides any further decrease. This is the minimum that can be had.
            let Some(length) = lengths.find(enough) else { return Ok(self) };
            self = moved(length);
            cost = self.cost(aims);
        }
        Err(EvaluationError::NotConverged { what: "Platt scaling", steps: STEPS })
    }

    /// Probability at a score, 0 to 1.
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * score + self.offset)).exp())
    }

    /// Negative log-likelihood, written so that nothing overflows.
    fn cost(&self, aims: &[(f64, f64)]) -> f64 {
        let of = |(score, target): &(f64, f64)| {
            let x = self.slope * score + self.offset;
            // ln(1 + exp(x)) − t x
            x.max(0.0) + (-x.abs()).exp().ln_1p() - target * x
        };
        aims.iter().map(of).sum()
    }

    /// Gradient by slope and offset; Hessian as [slope², slope · offset, offset²].
    fn derivatives(&self, aims: &[(f64, f64)]) -> ([f64; 2], [f64; 3]) {
        let (mut gradient, mut hessian) = ([0.0; 2], [0.0; 3]);
        for (score, target) in aims {
            let p = self.probability(*score);
            let (error, weight) = (p - target, p * (1.0 - p));
            gradient[0] += error * score;
            gradient[1] += error;
            hessian[0] += weight * score * score;
            hessian[1] += weight * score;
            hessian[2] += weight;
        }
        (gradient, hessian)
    }
}

/// Mean and standard deviation of the scores; 1 where they are all the same.
fn spread(cases: &[Scored]) -> (f64, f64) {
    let count = cases.len() as f64;
    let mean = cases.iter().map(|case| case.score).sum::<f64>() / count;
    let square = cases.iter().map(|case| (case.score - mean).powi(2)).sum::<f64>() / count;
    (mean, if square > 0.0 { square.sqrt() } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(pairs: &[(f64, bool)]) -> Vec<Scored> {
        pairs.iter().map(|(score, positive)| Scored { score: *score, positive: *positive }).collect()
    }

    /// Source: scikit-learn, `test_sigmoid_calibration`: A and B of LIBSVM's own script, whose sign is the other one.
    #[test]
    fn libsvms_three_points() {
        let got = Platt::fit(&cases(&[(5.0, true), (-4.0, false), (1.0, false)])).unwrap();
        // LIBSVM stops at a gradient of 1e-5.
        assert!((got.slope - 0.202_613_543_911_878_55).abs() < 1e-4, "{got:?}");
        assert!((got.offset + 0.652_363_149_800_105_1).abs() < 1e-4, "{got:?}");
    }

    #[test]
    fn classes_that_do_not_overlap_stay_finite() {
        let apart = cases(&[(-900.0, false), (-800.0, false), (700.0, true), (1000.0, true)]);
        let got = Platt::fit(&apart).unwrap();
        assert!(got.slope > 0.0 && got.slope.is_finite() && got.offset.is_finite());
        // Two of two give a target of 3/4: never certain.
        assert!(got.probability(700.0) < 0.9 && got.probability(-800.0) > 0.1, "{got:?}");
    }

    /// Another unit and another zero of the scores give the same curve.
    #[test]
    fn the_unit_of_the_scores_does_not_matter() {
        for gap in [0.1, 2.0, 300.0] {
            let spread = |i: u32| f64::from(i * 7 % 60) / 30.0 - 1.0;
            let score = |i: u32| spread(i) + if i.is_multiple_of(2) { gap } else { -gap };
            let of = |unit: f64, zero: f64| {
                let case = |i| (score(i) * unit + zero, i % 2 == 0);
                Platt::fit(&cases(&(0..60).map(case).collect::<Vec<_>>())).unwrap()
            };
            let (own, other) = (of(1.0, 0.0), of(1000.0, -5e4));
            for i in 0..60 {
                let (p, q) = (own.probability(score(i)), other.probability(score(i) * 1000.0 - 5e4));
                assert!((p - q).abs() < 1e-9, "{gap}: {p} {q}");
            }
        }
        let alike = Platt::fit(&cases(&[(2.0, true), (2.0, false), (2.0, false)])).unwrap();
        assert_eq!(alike.slope, 0.0);
    }

    #[test]
    fn one_class_is_refused() {
        assert!(matches!(Platt::fit(&cases(&[(1.0, true)])), Err(EvaluationError::OneClass { .. })));
        assert!(Platt::fit(&cases(&[(f64::INFINITY, true), (0.0, false)])).is_err());
    }
}
