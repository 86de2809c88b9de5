//! An interval, and how far from the middle of a normal curve it reaches.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::EvaluationError;
use crate::scored::share;

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Standard deviations within which a normal variable lies with probability `level`: 1.96 for 0.95.
/// Errors: `Value` for a level that is not between 0 and 1.
pub(crate) fn normal_reach(level: f64) -> Result<f64, EvaluationError> {
    let level = share("confidence level", level)?;
    Ok(Normal::standard().inverse_cdf(f64::midpoint(1.0, level)))
}
