//! Temperature scaling: logits divided by one number.

use serde::{Deserialize, Serialize};

use crate::scored::by_class;
use crate::{EvaluationError, Scored};

/// Natural logarithms of the coldest and the hottest temperature that is looked at.
const RANGE: (f64, f64) = (-7.0, 7.0);
/// Steps of the search, each of which keeps 0.618 of the range: far finer than f64 resolves.
const STEPS: usize = 100;

/// p = 1 / (1 + exp(−logit / temperature)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// Above 0. Above 1: the model was too sure.
    pub temperature: f64,
}

impl Temperature {
    /// Fit by maximum likelihood; scores are logits. The likelihood has one maximum in 1/temperature.
    /// Errors: `OneClass`; `Value` for a score that is not finite; `NotConverged` where the best lies outside of
    /// exp(−7) to exp(7): the sign of a logit alone tells the classes apart, or is no better than chance.
    /// Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks (2017), section 4.
    pub fn fit(cases: &[Scored]) -> Result<Self, EvaluationError> {
        by_class("temperature scaling", cases)?;
        let cost = |ln: f64| -> f64 {
            let of = |case: &Scored| {
                let x = case.score / ln.exp();
                x.max(0.0) + (-x.abs()).exp().ln_1p() - if case.positive { x } else { 0.0 }
            };
            cases.iter().map(of).sum()
        };
        // Golden-section search.
        let keep = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = RANGE;
        for _ in 0..STEPS {
            let (a, b) = (high - keep * (high - low), low + keep * (high - low));
            (low, high) = if cost(a) <= cost(b) { (low, b) } else { (a, high) };
        }
        let ln = f64::midpoint(low, high);
        if (ln - RANGE.0).min(RANGE.1 - ln) < 1e-6 {
            return Err(EvaluationError::NotConverged { what: "temperature scaling", steps: STEPS });
        }
        Ok(Self { temperature: ln.exp() })
    }

    /// Probability at a logit, 0 to 1.
    pub fn probability(&self, logit: f64) -> f64 {
        1.0 / (1.0 + (-logit / self.temperature).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network that is 99 % sure (logits of ± ln 99) and right in 80 % has to become 80 % sure: ln 99 / T = ln 4.
    /// Guo et al. 2017, section 2: calibrated means that confidence equals accuracy.
    #[test]
    fn confidence_becomes_accuracy() {
        let sure = 99f64.ln();
        let case = |i: usize| {
            let positive = i.is_multiple_of(2);
            let right = i < 80;
            Scored { score: if positive == right { sure } else { -sure }, positive }
        };
        let cases: Vec<Scored> = (0..100).map(case).collect();
        let got = Temperature::fit(&cases).unwrap();
        // The cost is flat to 1e-8 around its minimum in f64.
        assert!((got.temperature - sure / 4f64.ln()).abs() < 1e-6, "{got:?}");
        assert!((got.probability(sure) - 0.8).abs() < 1e-7);
    }

    #[test]
    fn without_a_best_temperature_there_is_none() {
        let apart = [(-1.0, false), (1.0, true)].map(|(score, positive)| Scored { score, positive });
        assert!(matches!(Temperature::fit(&apart), Err(EvaluationError::NotConverged { .. })));
        let wrong = [(1.0, false), (-1.0, true)].map(|(score, positive)| Scored { score, positive });
        assert!(matches!(Temperature::fit(&wrong), Err(EvaluationError::NotConverged { .. })));
        assert!(matches!(Temperature::fit(&apart[..1]), Err(EvaluationError::OneClass { .. })));
    }
}
