//! Wilson's interval of a share.

use crate::interval::normal_reach;
use crate::{EvaluationError, Interval};

/// Interval of the share `successes` / `of` at `level` (0.95), without continuity correction. `None` for a share
/// of nobody.
/// Errors: `Value` for more successes than cases, or a level that is not between 0 and 1.
/// Source: Wilson, Journal of the American Statistical Association 22 (1927) 209; Newcombe, Statistics in
/// Medicine 17 (1998) 857, method 3.
pub fn wilson(successes: u64, of: u64, level: f64) -> Result<Option<Interval>, EvaluationError> {
    let reach = normal_reach(level)?;
    if successes > of {
        let what = "successes";
        return Err(EvaluationError::Value {
            what,
            expected: "at most the number of cases",
            got: successes as f64,
        });
    }
    if of == 0 {
        return Ok(None);
    }
    let (n, square) = (of as f64, reach * reach);
    let share = successes as f64 / n;
    let middle = share + square / (2.0 * n);
    let half = reach * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let all = 1.0 + square / n;
    // Exactly 0 and 1 where the formula is, whatever rounding makes of it.
    let low = if successes == 0 { 0.0 } else { (middle - half) / all };
    let high = if successes == of { 1.0 } else { (middle + half) / all };
    Ok(Some(Interval { low, high }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: Newcombe 1998, table I, method 3.
    #[test]
    fn newcombes_examples() {
        let cases = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];
        for (successes, of, low, high) in cases {
            let got = wilson(successes, of, 0.95).unwrap().unwrap();
            assert!(
                (got.low - low).abs() < 5e-5 && (got.high - high).abs() < 5e-5,
                "{successes}/{of}: {got:?}"
            );
        }
        let all = wilson(20, 20, 0.95).unwrap().unwrap();
        assert_eq!(all.high, 1.0);
        assert!((all.low - (1.0 - 0.1611)).abs() < 5e-5);
    }

    #[test]
    fn a_share_of_nobody_is_unknown() {
        assert_eq!(wilson(0, 0, 0.95).unwrap(), None);
        assert!(matches!(wilson(2, 1, 0.95), Err(EvaluationError::Value { .. })));
        assert!(matches!(wilson(1, 2, 0.0), Err(EvaluationError::Value { .. })));
    }
}
