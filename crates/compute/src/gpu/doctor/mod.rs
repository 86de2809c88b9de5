//! Whether an adapter computes rightly, and how fast: every kernel variant and format against the references. Drivers
//! of phones and boards return wrong numbers; a device that does is not used, and the report says what it did.

mod case;
mod cases;
mod known;
mod rates;

use serde::{Deserialize, Serialize};

use self::case::Case;
use super::adapter::Adapter;
use super::device::Device;
use super::tune::{Tuning, Variants};
use crate::ComputeError;
use crate::graph::{Graph, Sizes};
use crate::plan::Plan;
use crate::source::WeightSource;

pub use known::KnownAnswer;
pub use rates::Rates;

/// Layout of a serialised [`Report`].
pub const REPORT_VERSION: u32 = 1;

/// One kernel, or one chain of kernels, against the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Operation, format and shape.
    pub what: String,
    /// Labels of the kernels that took part.
    pub kernels: Vec<String>,
    /// Largest difference from the reference, of its largest magnitude (at least 1); `None`: there was no result, or
    /// one that is not finite.
    pub error: Option<f64>,
    /// Largest error that passes.
    pub allowed: f64,
    /// Why there was no result.
    pub problem: Option<String>,
}

impl Check {
    /// It computed, and rightly.
    pub fn passed(&self) -> bool {
        self.error.is_some_and(|error| error <= self.allowed)
    }
}

/// Which checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Every operation and format once, in the variants that would be chosen.
    Quick,
    /// Every variant of every kernel, every format, several shapes; and the rates.
    Full,
}

/// What was found on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// [`Device::key`] it is valid for.
    pub key: String,
    /// The adapter.
    pub adapter: Adapter,
    /// All checks, in order.
    pub checks: Vec<Check>,
    /// Measured speed; of full examinations.
    pub rates: Option<Rates>,
}

impl Report {
    fn new(device: &Device) -> Self {
        let adapter = device.adapter().clone();
        Self { version: REPORT_VERSION, key: device.key(), adapter, checks: Vec::new(), rates: None }
    }

    /// Every check passed: the device may be used.
    pub fn sound(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(Check::passed)
    }

    /// It was made for this device, its driver and these kernels.
    pub fn is_for(&self, device: &Device) -> bool {
        self.version == REPORT_VERSION && self.key == device.key()
    }

    /// Checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed())
    }
}

/// Known answers for the operations and formats of this build. A device that is lost meanwhile fails what is left.
pub fn examine(device: &Device, depth: Depth) -> Report {
    let mut report = Report::new(device);
    for case in cases::all(depth) {
        report.checks.extend(played(&case, device, depth, &Variants::default()));
        if device.check().is_err() {
            return report;
        }
    }
    if depth == Depth::Full {
        report.rates = rates::measure(device).ok();
    }
    report
}

/// Known answers for the operations of one graph as this plan would play them, in the formats of its weights: the
/// check before a model is first used on a device. Errors: weights that cannot be read.
pub fn examine_plan(
    graph: &Graph,
    plan: &Plan,
    source: &dyn WeightSource,
    device: &Device,
    tuning: Option<&Tuning>,
) -> Result<Report, ComputeError> {
    let mut report = Report::new(device);
    let tuning = tuning.filter(|tuning| tuning.is_for(device)).cloned().unwrap_or_default();
    let variants = Variants::of(tuning);
    let settings = plan.settings();
    let mut cases = case::of_plan(graph, plan, source, &case::small(&settings.bounds))?;
    cases.extend(cases::of_caches(graph, settings.kv)?);
    for case in cases {
        report.checks.extend(played(&case, device, Depth::Quick, &variants));
        if device.check().is_err() {
            break;
        }
    }
    Ok(report)
}

/// The distinct operations of a plan, for those who measure them. Errors: weights that cannot be read.
pub(super) fn cases_of_plan<'a>(
    graph: &Graph,
    plan: &Plan,
    source: &'a dyn WeightSource,
    sizes: &Sizes,
) -> Result<Vec<Case<'a>>, ComputeError> {
    case::of_plan(graph, plan, source, sizes)
}

/// One case in the chosen variants, or in each of them.
fn played(case: &Case<'_>, device: &Device, depth: Depth, variants: &Variants) -> Vec<Check> {
    let expected = match case.expected() {
        Ok(expected) => expected,
        Err(error) => return vec![case.failed(format!("reference: {error}"))],
    };
    let (first, asked) = case.check(device, variants, &expected);
    let mut checks = vec![first];
    if depth == Depth::Full {
        for (family, names) in asked {
            for name in names {
                let label = format!("{family}/{name}");
                if checks.iter().any(|check| check.kernels.contains(&label)) {
                    continue;
                }
                let mut forced = Variants::default();
                forced.force(&family, name);
                checks.push(case.check(device, &forced, &expected).0);
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests;
