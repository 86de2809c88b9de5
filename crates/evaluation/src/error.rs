//! What these statistics refuse.

use thiserror::Error;

/// Every refusal names what was asked and what came.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A statistic of positives against negatives over a sample that lacks one of them.
    #[error(
        "{what}: expected positive and negative cases, got {positives} positive and {negatives} negative"
    )]
    OneClass {
        /// The statistic.
        what: &'static str,
        /// Positive cases.
        positives: usize,
        /// Negative cases.
        negatives: usize,
    },
    /// A statistic over nobody.
    #[error("{what}: expected at least one case, got none")]
    Empty {
        /// The statistic.
        what: &'static str,
    },
    /// A number outside what the statistic takes.
    #[error("{what}: expected {expected}, got {got}")]
    Value {
        /// Which number.
        what: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What came.
        got: f64,
    },
    /// Lists that belong together and differ in length.
    #[error("{what}: expected {expected} entries, got {got}")]
    Length {
        /// Which list.
        what: &'static str,
        /// As many as these.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// No threshold gives the rate that was asked for.
    #[error(
        "no threshold reaches a {rate} of {floor}: the best that still calls someone positive has {best}"
    )]
    NoThreshold {
        /// `sensitivity` or `specificity`.
        rate: &'static str,
        /// What was asked.
        floor: f64,
        /// What can be had.
        best: f64,
    },
    /// An iteration that did not come to rest.
    #[error("{what} did not converge in {steps} steps")]
    NotConverged {
        /// The fit.
        what: &'static str,
        /// Steps taken.
        steps: usize,
    },
}
