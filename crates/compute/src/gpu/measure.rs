//! Which kernel variant is the fastest on a device: the operations of a plan at its bounds, in every variant that the
//! device runs, by the time of their nodes. Seconds, not minutes: each is played a few times.

use std::collections::BTreeMap;
use std::time::Duration;

use super::device::Device;
use super::doctor;
use super::tune::{TUNING_VERSION, Tuning, Variants};
use crate::ComputeError;
use crate::graph::{Graph, Sizes};
use crate::plan::Plan;
use crate::source::WeightSource;

/// Runs of each variant, after one that compiles; the best counts.
const RUNS: usize = 2;

/// Measure the operations of this plan at its bounds. `known`: earlier choices of this device, which stay for
/// families that the plan does not ask about. Variants that the device refuses are left out.
/// Errors: weights that cannot be read; a lost device.
pub fn tune(
    graph: &Graph,
    plan: &Plan,
    source: &dyn WeightSource,
    device: &Device,
    known: Option<&Tuning>,
) -> Result<Tuning, ComputeError> {
    let mut tuning = known.filter(|known| known.is_for(device)).cloned().unwrap_or_default();
    (tuning.version, tuning.key) = (TUNING_VERSION, device.key());
    let bounds = full(&plan.settings().bounds);
    let mut taken: BTreeMap<String, BTreeMap<&'static str, Duration>> = BTreeMap::new();
    for case in doctor::cases_of_plan(graph, plan, source, &bounds)? {
        let asked = match case.executor(device, &Variants::default()) {
            Ok(executor) => executor.asked(),
            Err(_) => continue, // refused: the doctor's affair
        };
        for (family, names) in asked.into_iter().filter(|(_, names)| names.len() > 1) {
            let times = taken.entry(family.clone()).or_default();
            for name in names {
                let mut forced = Variants::default();
                forced.force(&family, name);
                let time = case.seconds(device, &forced, RUNS);
                device.check()?;
                let total = times.entry(name).or_default();
                *total = total.saturating_add(time.unwrap_or(Duration::MAX));
            }
        }
    }
    for (family, times) in taken {
        if let Some((name, _)) = times.into_iter().min_by_key(|(_, time)| *time) {
            tuning.fastest.insert(family, name.to_owned());
        }
    }
    Ok(tuning)
}

/// The bounds themselves, but nothing in the past: an operation then does all of its work.
fn full(bounds: &Sizes) -> Sizes {
    bounds.with(crate::Symbol::Past, 0)
}
