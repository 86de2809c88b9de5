//! A case as these statistics see it.

use serde::{Deserialize, Serialize};

use crate::EvaluationError;

/// A score and the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Grows with the evidence; finite.
    pub score: f64,
    /// The finding is there.
    pub positive: bool,
}

/// Scores of the positive and of the negative cases.
/// Errors: `Value` for a score that is not finite, `OneClass`.
pub(crate) fn by_class(
    what: &'static str,
    cases: &[Scored],
) -> Result<(Vec<f64>, Vec<f64>), EvaluationError> {
    if let Some(wrong) = cases.iter().find(|case| !case.score.is_finite()) {
        return Err(EvaluationError::Value { what, expected: "finite scores", got: wrong.score });
    }
    let of = |class: bool| cases.iter().filter(|c| c.positive == class).map(|c| c.score).collect();
    let (positives, negatives): (Vec<f64>, Vec<f64>) = (of(true), of(false));
    if positives.is_empty() || negatives.is_empty() {
        let (positives, negatives) = (positives.len(), negatives.len());
        return Err(EvaluationError::OneClass { what, positives, negatives });
    }
    Ok((positives, negatives))
}

/// Errors: `Value` unless `got` lies strictly between 0 and 1.
pub(crate) fn share(what: &'static str, got: f64) -> Result<f64, EvaluationError> {
    if got > 0.0 && got < 1.0 {
        return Ok(got);
    }
    Err(EvaluationError::Value { what, expected: "a number between 0 and 1", got })
}
