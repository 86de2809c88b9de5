//! What a plan costs in all, and the budget it must fit.

use serde::{Deserialize, Serialize};

use super::{Place, Placement, Plan, aligned};
use crate::ComputeError;
use crate::graph::Graph;

/// Bytes and work of a plan. Each weight, cache, input and output is rounded up to the alignment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Weights in the formats they are kept in.
    pub weights_bytes: u64,
    /// The arena: inputs, intermediate values, scratch.
    pub activations_bytes: u64,
    /// What no plan can go below: the largest sum of what is in use at one step.
    pub activations_least_bytes: u64,
    /// KV caches.
    pub kv_cache_bytes: u64,
    /// Uploads of all inputs and readbacks of all outputs.
    pub staging_bytes: u64,
    /// Multiplications and additions of one run at the bounds.
    pub flops: u64,
    /// Bytes read and written by one run at the bounds.
    pub traffic_bytes: u64,
}

impl Totals {
    pub(super) fn of(graph: &Graph, placements: &[Placement], arena: u64, states: u64) -> Self {
        let mut totals = Self { activations_bytes: arena, kv_cache_bytes: states, ..Self::default() };
        for placement in placements {
            if matches!(placement.place, Place::Weight { .. }) {
                totals.weights_bytes = totals.weights_bytes.saturating_add(aligned(placement.bytes));
            }
            if placement.op == "input" {
                totals.staging_bytes = totals.staging_bytes.saturating_add(aligned(placement.bytes));
            }
            totals.flops = totals.flops.saturating_add(placement.flops);
            totals.traffic_bytes = totals.traffic_bytes.saturating_add(placement.traffic_bytes);
        }
        for output in graph.outputs() {
            let bytes = aligned(placements[output.value.index()].bytes);
            totals.staging_bytes = totals.staging_bytes.saturating_add(bytes);
        }
        totals.activations_least_bytes = least(placements);
        totals
    }

    /// All bytes.
    pub fn total_bytes(&self) -> u64 {
        let parts = [self.weights_bytes, self.activations_bytes, self.kv_cache_bytes, self.staging_bytes];
        parts.iter().fold(0, |sum, &part| sum.saturating_add(part))
    }

    /// Of two plans with weights of their own that stay loaded side by side: everything added up.
    #[must_use]
    pub fn beside(self, other: &Self) -> Self {
        Self {
            weights_bytes: self.weights_bytes.saturating_add(other.weights_bytes),
            activations_bytes: self.activations_bytes.saturating_add(other.activations_bytes),
            activations_least_bytes: self
                .activations_least_bytes
                .saturating_add(other.activations_least_bytes),
            kv_cache_bytes: self.kv_cache_bytes.saturating_add(other.kv_cache_bytes),
            staging_bytes: self.staging_bytes.saturating_add(other.staging_bytes),
            flops: self.flops.saturating_add(other.flops),
            traffic_bytes: self.traffic_bytes.saturating_add(other.traffic_bytes),
        }
    }

    /// Of plans that run one at a time on the same weights and caches, such as a decoder's two: weights and
    /// caches once, the larger arena and staging. Flops and traffic are those of all together.
    pub fn shared(plans: &[&Plan]) -> Self {
        plans.iter().map(|plan| plan.totals).fold(Self::default(), |a, b| Self {
            weights_bytes: a.weights_bytes.max(b.weights_bytes),
            activations_bytes: a.activations_bytes.max(b.activations_bytes),
            activations_least_bytes: a.activations_least_bytes.max(b.activations_least_bytes),
            kv_cache_bytes: a.kv_cache_bytes.max(b.kv_cache_bytes),
            staging_bytes: a.staging_bytes.max(b.staging_bytes),
            flops: a.flops.saturating_add(b.flops),
            traffic_bytes: a.traffic_bytes.saturating_add(b.traffic_bytes),
        })
    }
}

/// Largest sum of distinct arena offsets in use at one step. Values that take each other's place meet at one
/// step and lie at one offset, so an offset counts once, with its largest value.
fn least(placements: &[Placement]) -> u64 {
    let mut largest = 0;
    for step in 0..placements.len() {
        let mut used: Vec<(u64, u64)> = Vec::new();
        for placement in placements.iter().filter(|p| p.first <= step && step <= p.last) {
            if let Place::Arena { offset } = placement.place {
                used.push((offset, aligned(placement.bytes)));
            }
        }
        used.extend(placements[step].scratch.map(|scratch| (scratch.offset, aligned(scratch.bytes))));
        used.sort_unstable_by_key(|&(offset, bytes)| (offset, std::cmp::Reverse(bytes)));
        used.dedup_by_key(|(offset, _)| *offset);
        largest = largest.max(used.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes)));
    }
    largest
}

/// Bytes a model may take, all in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit.
    pub bytes: u64,
}

impl Budget {
    /// Errors: [`ComputeError::Budget`] with all the numbers.
    pub fn check(&self, totals: &Totals) -> Result<(), ComputeError> {
        let total = totals.total_bytes();
        if total <= self.bytes {
            return Ok(());
        }
        Err(ComputeError::Budget {
            budget: self.bytes,
            total,
            weights: totals.weights_bytes,
            activations: totals.activations_bytes,
            kv_cache: totals.kv_cache_bytes,
            staging: totals.staging_bytes,
        })
    }
}
