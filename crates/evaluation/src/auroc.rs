//! Area under the ROC curve with DeLong's variance.

use serde::{Deserialize, Serialize};

use crate::interval::normal_reach;
use crate::scored::by_class;
use crate::{EvaluationError, Interval, Scored};

/// The area and its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Auroc {
    /// Probability that a positive case scores above a negative one, ties counted half; 0 to 1.
    pub area: f64,
    /// DeLong's standard error. `None`: fewer than two cases of a class.
    pub standard_error: Option<f64>,
    /// area ± reach · standard error, cut at 0 and 1.
    pub interval: Option<Interval>,
    /// The same on the logit of the area, which stays within 0 and 1 and is the better one near 1. `None` also
    /// where the classes do not overlap at all: such a sample says nothing about its own variance.
    pub logit_interval: Option<Interval>,
    /// Positive cases.
    pub positives: usize,
    /// Negative cases.
    pub negatives: usize,
}

/// Area under the ROC curve, DeLong's variance from the structural components of the Mann-Whitney statistic,
/// and two intervals at `level` (0.95).
/// Errors: `OneClass`; `Value` for a score that is not finite, for a level that is not between 0 and 1.
/// Source: DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837; mid-ranks as in Sun and Xu, IEEE Signal
/// Processing Letters 21 (2014) 1389; the logit interval as in Pepe, The Statistical Evaluation of Medical Tests
/// (2003), section 5.2.
pub fn auroc(cases: &[Scored], level: f64) -> Result<Auroc, EvaluationError> {
    let reach = normal_reach(level)?;
    let (positives, negatives) = by_class("area under the ROC curve", cases)?;
    let (m, n) = (positives.len() as f64, negatives.len() as f64);
    let pooled = [positives.as_slice(), &negatives].concat();
    let pooled = mid_ranks(&pooled);
    let (own_positives, own_negatives) = (mid_ranks(&positives), mid_ranks(&negatives));
    // Of each positive: the share of negatives below it; of each negative: the share of positives above it.
    let above: Vec<f64> = pooled.iter().zip(&own_positives).map(|(all, own)| (all - own) / n).collect();
    let below: Vec<f64> = pooled[positives.len()..]
        .iter()
        .zip(&own_negatives)
        .map(|(all, own)| 1.0 - (all - own) / m)
        .collect();
    let area = above.iter().sum::<f64>() / m;
    let variance = variance(&above).zip(variance(&below)).map(|(a, b)| a / m + b / n);
    let standard_error = variance.map(f64::sqrt);
    let interval = standard_error
        .map(|se| Interval { low: (area - reach * se).max(0.0), high: (area + reach * se).min(1.0) });
    let logit_interval = standard_error.filter(|_| area > 0.0 && area < 1.0).map(|se| {
        let (middle, se) = ((area / (1.0 - area)).ln(), se / (area * (1.0 - area)));
        let expit = |x: f64| 1.0 / (1.0 + (-x).exp());
        Interval { low: expit(middle - reach * se), high: expit(middle + reach * se) }
    });
    let (positives, negatives) = (positives.len(), negatives.len());
    Ok(Auroc { area, standard_error, interval, logit_interval, positives, negatives })
}

/// Ranks from 1; equal values share the middle of theirs.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let equal = order[first..].iter().take_while(|i| values[**i] <= values[order[first]]).count();
        let rank = first as f64 + f64::midpoint(1.0, equal as f64);
        order[first..first + equal].iter().for_each(|i| ranks[*i] = rank);
        first += equal;
    }
    ranks
}

/// With one less in the denominator. `None`: fewer than two.
fn variance(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (values.len() > 1).then(|| squares / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratings 1 to 5 of computed tomograms of 58 healthy and 51 ill people.
    /// Source: Hanley and McNeil, Radiology 143 (1982) 29, table I.
    fn tomograms() -> Vec<Scored> {
        let of = |positive: bool, counts: [usize; 5]| {
            let rated = counts.into_iter().enumerate();
            rated.flat_map(move |(rating, n)| vec![Scored { score: rating as f64 + 1.0, positive }; n])
        };
        of(false, [33, 6, 6, 11, 2]).chain(of(true, [3, 2, 2, 11, 33])).collect()
    }

    /// Source of the expected numbers: Stata Base Reference Manual, `roctab`, example 1 (DeLong's standard error).
    #[test]
    fn hanley_and_mcneils_tomograms() {
        let got = auroc(&tomograms(), 0.95).unwrap();
        assert_eq!((got.positives, got.negatives), (51, 58));
        assert!((got.area - 0.8932).abs() < 5e-5, "{got:?}");
        assert!((got.standard_error.unwrap() - 0.0307).abs() < 5e-5, "{got:?}");
        let Interval { low, high } = got.interval.unwrap();
        assert!((low - 0.83295).abs() < 5e-6 && (high - 0.95339).abs() < 5e-6, "{got:?}");
        let logit = got.logit_interval.unwrap();
        assert!(logit.low < low && logit.high < high, "near 1 the logit interval leans down: {got:?}");
    }

    #[test]
    fn the_area_counts_pairs() {
        let case = |score, positive| Scored { score, positive };
        let mut cases = vec![case(1.0, false), case(2.0, true), case(2.0, false), case(3.0, true)];
        // Pairs: 2>1, 2=2, 3>1, 3>2.
        assert_eq!(auroc(&cases, 0.95).unwrap().area, 3.5 / 4.0);
        cases.iter_mut().for_each(|c| c.positive = !c.positive);
        assert_eq!(auroc(&cases, 0.95).unwrap().area, 0.5 / 4.0);
    }

    #[test]
    fn what_cannot_be_known_is_not_given() {
        let case = |score, positive| Scored { score, positive };
        let apart = [case(0.0, false), case(1.0, false), case(2.0, true), case(3.0, true)];
        let got = auroc(&apart, 0.95).unwrap();
        assert_eq!((got.area, got.logit_interval), (1.0, None));
        let few = auroc(&apart[..3], 0.95).unwrap();
        assert_eq!((few.standard_error, few.interval), (None, None));
        assert!(matches!(auroc(&apart[..2], 0.95), Err(EvaluationError::OneClass { positives: 0, .. })));
        assert!(matches!(auroc(&apart, 1.0), Err(EvaluationError::Value { .. })));
        let not_finite = [case(f64::NAN, true), case(0.0, false)];
        assert!(matches!(auroc(&not_finite, 0.95), Err(EvaluationError::Value { .. })));
    }
}
