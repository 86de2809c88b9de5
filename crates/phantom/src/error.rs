//! What can be wrong with a scene, with ranges, or with a request.

use bedside_imaging::ImagingError;
use thiserror::Error;

/// Everything this crate refuses. Nothing is clamped into its range.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PhantomError {
    /// A parameter outside its limits, or not finite.
    #[error("{name}: expected {low} to {high}, got {got}")]
    Limit {
        /// The parameter's name in the table of quantities.
        name: &'static str,
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
        /// The value given.
        got: f64,
    },
    /// A name that is not in the table of quantities, or that the given ranges lack.
    #[error("{name} is no quantity of these ranges")]
    UnknownQuantity {
        /// The name asked for.
        name: String,
    },
    /// An interval whose ends are not in order, not finite, or outside the quantity's limits.
    #[error("range of {name}: expected an interval within {low} to {high}, got {got_low} to {got_high}")]
    Interval {
        /// The quantity.
        name: String,
        /// Smallest value of its limits.
        low: f64,
        /// Largest value of its limits.
        high: f64,
        /// Lower end given.
        got_low: f64,
        /// Upper end given.
        got_high: f64,
    },
    /// A rate that is no probability.
    #[error("rate of {name}: expected 0 to 1, got {got}")]
    Rate {
        /// The rate.
        name: &'static str,
        /// The value given.
        got: f64,
    },
    /// Weights of alternatives of which none can be chosen.
    #[error(
        "weights of {name}: expected finite weights of at least 0 with a sum above 0, got a sum of {got}"
    )]
    Weights {
        /// The choice.
        name: &'static str,
        /// Their sum.
        got: f64,
    },
    /// Parts that cannot be together.
    #[error("scene: {what}: expected {expected}, got {got}")]
    Scene {
        /// The part.
        what: &'static str,
        /// What goes together.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// More of something than the named limit.
    #[error("{what}: at most {limit} are supported, got {got}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The number given.
        got: usize,
    },
    /// A change of orientation the caller did not allow.
    #[error("orientation: a flip was asked for, but the protocol does not allow it")]
    Orientation,
    /// A sector that does not fit the canvas of the machine's screen.
    #[error("screen: a frame of {frame_width} x {frame_height} pixels does not fit {width} x {height}")]
    Screen {
        /// Columns of the frame with its margins.
        frame_width: u32,
        /// Rows of the frame with its margins.
        frame_height: u32,
        /// Columns of the screen.
        width: u32,
        /// Rows of the screen.
        height: u32,
    },
    /// Pictures `imaging` refused.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
}
