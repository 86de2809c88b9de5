//! Statistics over scores and labels, in f64: ROC, intervals, operating points, calibration, conformal sets.
//!
//! One file per statistic, each with a worked example that was published elsewhere as its test. A score is any
//! number that grows with the evidence; a case is called positive where its score is at least the threshold.
//!
//! What it deliberately does not do: read a file, draw a random number that no seed explains, or fill in for
//! what cannot be known. A rate over nobody is `None`, a sample with one class only is an error, and so few
//! patients that no quantile holds give no bound.
//!
//! ```
//! use bedside_evaluation::{Scored, auroc};
//!
//! let cases = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
//! let cases = cases.map(|(score, positive)| Scored { score, positive });
//! assert_eq!(auroc(&cases, 0.95)?.area, 0.75);
//! # Ok::<(), bedside_evaluation::EvaluationError>(())
//! ```

mod auroc;
mod bootstrap;
mod brier;
mod conformal;
mod error;
mod interval;
mod operating_point;
mod platt;
mod reliability;
mod scored;
mod temperature;
mod threshold;
mod wilson;

pub use auroc::{Auroc, auroc};
pub use bootstrap::{Bootstrap, MAX_REPLICATES, cluster_bootstrap, percentile_interval};
pub use brier::brier;
pub use conformal::{ConformalBounds, ConformalSet, class_conditional, conformal_rank};
pub use error::EvaluationError;
pub use interval::Interval;
pub use operating_point::{Confusion, OperatingPoint};
pub use platt::Platt;
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub use scored::Scored;
pub use temperature::Temperature;
pub use threshold::{Role, choose_threshold};
pub use wilson::wilson;
