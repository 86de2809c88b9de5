//! Reliability: whether what is given a probability happens as often.

use serde::{Deserialize, Serialize};

use crate::brier::probabilities;
use crate::{EvaluationError, Scored};

/// Most bins of a diagram.
const MAX_BINS: usize = 1000;

/// Cases whose probabilities lie in one stretch of 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Cases in it.
    pub cases: usize,
    /// Their mean probability. `None`: nobody.
    pub predicted: Option<f64>,
    /// Share of them with the finding. `None`: nobody.
    pub observed: Option<f64>,
}

/// A reliability diagram and its summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Of equal width, from 0 up; each holds its upper end, the first 0 too.
    pub bins: Vec<ReliabilityBin>,
    /// Mean over the cases of |predicted − observed| of their bins, 0 (best) to 1.
    pub expected_calibration_error: f64,
}

/// The diagram in `bins` bins. The scores are probabilities of the finding, not of the call.
/// Errors: `Empty`; `Value` for a probability outside 0 to 1, or no bins, or more than 1000.
/// Source: Naeini, Cooper, Hauskrecht, AAAI 2015, section 2; bins as in Guo et al. 2017, section 2.
pub fn reliability(cases: &[Scored], bins: usize) -> Result<Reliability, EvaluationError> {
    probabilities("reliability", cases)?;
    if !(1..=MAX_BINS).contains(&bins) {
        let got = bins as f64;
        return Err(EvaluationError::Value { what: "bins", expected: "1 to 1000", got });
    }
    let mut sums = vec![(0usize, 0.0, 0usize); bins];
    for case in cases {
        // (k/bins, (k+1)/bins]
        let bin = ((case.score * bins as f64).ceil() as usize).clamp(1, bins) - 1;
        let (count, predicted, observed) = &mut sums[bin];
        *count += 1;
        *predicted += case.score;
        *observed += usize::from(case.positive);
    }
    let mean = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
    let bin = |&(cases, predicted, observed): &(usize, f64, usize)| ReliabilityBin {
        cases,
        predicted: mean(predicted, cases),
        observed: mean(observed as f64, cases),
    };
    let gap = |&(_, predicted, observed): &(usize, f64, usize)| (predicted - observed as f64).abs();
    let expected_calibration_error = sums.iter().map(gap).sum::<f64>() / cases.len() as f64;
    Ok(Reliability { bins: sums.iter().map(bin).collect(), expected_calibration_error })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of scikit-learn's documentation of `calibration_curve` with three bins: observed 0, 0.5, 1 at
    /// predicted 0.2, 0.525, 0.85; so 3, 2 and 4 of 9 cases are off by 0.2, 0.025 and 0.15.
    #[test]
    fn scikit_learns_curve() {
        let truth = [false, false, false, false, true, true, true, true, true];
        let scores = [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0];
        let cases: Vec<Scored> =
            scores.into_iter().zip(truth).map(|(score, positive)| Scored { score, positive }).collect();
        let got = reliability(&cases, 3).unwrap();
        let shown: Vec<(usize, f64, f64)> =
            got.bins.iter().map(|b| (b.cases, b.predicted.unwrap(), b.observed.unwrap())).collect();
        let expected = [(3, 0.2, 0.0), (2, 0.525, 0.5), (4, 0.85, 1.0)];
        for (got, expected) in shown.iter().zip(expected) {
            assert_eq!(got.0, expected.0);
            assert!((got.1 - expected.1).abs() < 1e-12 && (got.2 - expected.2).abs() < 1e-12, "{got:?}");
        }
        let error = (3.0 * 0.2 + 2.0 * 0.025 + 4.0 * 0.15) / 9.0;
        assert!((got.expected_calibration_error - error).abs() < 1e-12);
    }

    #[test]
    fn empty_bins_are_unknown() {
        let got = reliability(&[Scored { score: 0.0, positive: false }], 2).unwrap();
        assert_eq!(got.bins[0], ReliabilityBin { cases: 1, predicted: Some(0.0), observed: Some(0.0) });
        assert_eq!(got.bins[1], ReliabilityBin { cases: 0, predicted: None, observed: None });
        assert!(reliability(&[], 2).is_err());
        assert!(reliability(&[Scored { score: 0.5, positive: true }], 0).is_err());
    }
}
