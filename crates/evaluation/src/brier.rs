//! Brier score: the mean squared error of probabilities.

use crate::{EvaluationError, Scored};

/// Mean of (probability − truth)², 0 (best) to 1. The scores are probabilities.
/// Errors: `Empty`; `Value` for a probability outside 0 to 1.
/// Source: Brier, Monthly Weather Review 78 (1950) 1, in its usual form for two classes (half of Brier's).
pub fn brier(cases: &[Scored]) -> Result<f64, EvaluationError> {
    probabilities("Brier score", cases)?;
    let error = |case: &Scored| (case.score - f64::from(u8::from(case.positive))).powi(2);
    Ok(cases.iter().map(error).sum::<f64>() / cases.len() as f64)
}

/// Errors: `Empty`; `Value` for a probability outside 0 to 1.
pub(crate) fn probabilities(what: &'static str, cases: &[Scored]) -> Result<(), EvaluationError> {
    if cases.is_empty() {
        return Err(EvaluationError::Empty { what });
    }
    match cases.iter().find(|case| !(0.0..=1.0).contains(&case.score)) {
        Some(wrong) => Err(EvaluationError::Value { what, expected: "probabilities", got: wrong.score }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: scikit-learn documentation of `brier_score_loss`.
    #[test]
    fn scikit_learns_example() {
        let cases = [(0.1, false), (0.9, true), (0.8, true), (0.3, false)];
        let cases = cases.map(|(score, positive)| Scored { score, positive });
        assert!((brier(&cases).unwrap() - 0.0375).abs() < 1e-12);
        assert!(matches!(brier(&[]), Err(EvaluationError::Empty { .. })));
        assert!(brier(&[Scored { score: 1.5, positive: true }]).is_err());
    }
}
