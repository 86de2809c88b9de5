//! The host executor: plays a graph on the CPU with the plan's settings. Matrix products, convolutions and
//! attention go through the tiles of the linear layer; everything else is plain loops over slices of the plan's
//! arena, beside each operation's reference. All memory but a few tiles is taken when the executor is made.
//!
//! Results are the same for any number of threads: work is cut into pieces that do not depend on it.

pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod memory;
pub(crate) mod rows;
mod run;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod vector;
pub(crate) mod weight;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use bedside_tensor::DType;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ComputeError;
use crate::graph::{Graph, Sizes, Value};
use crate::ops::Op;
use crate::plan::{Place, Plan};
use crate::reference::host_dims;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use cache::Cache;
use memory::{Arena, Root};
use run::Run;
pub(crate) use run::{check_known, check_names, given};
use weight::{Kept, Weight};

/// Most threads of an executor: more than any machine it runs on has cores.
pub const MAX_THREADS: usize = 256;

/// Name of the instruction-set tier of the integer dot products on this processor: part of the executor
/// identity.
pub fn tier() -> &'static str {
    crate::ops::Tier::best().name()
}

/// Plays one graph as one plan says. KV caches live as long as the executor.
pub struct Executor {
    graph: Graph,
    plan: Plan,
    weights: Vec<Option<Weight>>,
    caches: BTreeMap<Value, Cache>,
    roots: Vec<Root>,
    arena: Arena,
    pool: ThreadPool,
}

impl Executor {
    /// Load the weights and take all memory. `threads`: of a pool of its own, at most [`MAX_THREADS`].
    /// Errors: a plan that is not this graph's, weights that are missing or of another shape or format than
    /// planned, memory or threads that the system refuses.
    pub fn new(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        threads: NonZeroUsize,
    ) -> Result<Self, ComputeError> {
        plan.verify(graph)?;
        graph.check_weights(source)?;
        let pool = pool(threads)?;
        let arena = Arena::new(plan)?;
        let mut caches = BTreeMap::new();
        for (value, node) in graph.values().filter(|(_, node)| matches!(node.op, Op::State)) {
            let dims = host_dims(&node.value, &Sizes::new())?;
            caches.insert(value, Cache::new(node, &dims, plan.settings().kv)?);
        }
        let load = |(value, _)| {
            let kept = kept(graph, plan, value, source)?;
            weight::load(graph, value, source, kept, plan.settings().numerics)
        };
        let weights = graph.values().map(load).collect::<Result<_, _>>()?;
        let roots = memory::roots(graph, plan)?;
        Ok(Self { graph: graph.clone(), plan: plan.clone(), weights, caches, roots, arena, pool })
    }

    /// The graph it plays.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plan it plays by.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Play the graph once at these sizes, each at most the plan's bound. `inputs`: by name, each exactly as
    /// the graph asks for. Returns the outputs by name. The caller advances `past`.
    /// Errors: sizes beyond the bounds; inputs that are missing, unknown or of another shape; indices out of
    /// range; a full cache. After an error the caches hold some rows of the failed run behind `past`.
    pub fn run(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        self.play(sizes, inputs, None)
    }

    /// As [`Executor::run`], for the time that each node took, in the order of the graph; leaves, views and
    /// cache writes included, the copies of inputs and outputs not. Errors: as `run`'s.
    pub fn profile(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<Vec<Duration>, ComputeError> {
        let mut times = vec![Duration::ZERO; self.graph.nodes().len()];
        self.play(sizes, inputs, Some(&mut times))?;
        Ok(times)
    }

    fn play(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
        times: Option<&mut Vec<Duration>>,
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        self.plan.check_sizes(sizes)?;
        check_names(&self.graph, inputs)?;
        let Self { graph, plan, weights, caches, roots, arena, pool } = self;
        let dims = graph.nodes().iter().map(|node| host_dims(&node.value, sizes));
        let dims = dims.collect::<Result<_, _>>()?;
        let spots = roots.iter().map(|root| root.at(sizes)).collect::<Result<_, _>>()?;
        let mut run = Run { graph, plan, weights, caches, arena, dims, spots, sizes, pool };
        pool.install(|| run.play(inputs, times))
    }
}

/// How the plan keeps a weight. Errors: a plan made for other formats, or that no reader can follow.
pub(crate) fn kept(
    graph: &Graph,
    plan: &Plan,
    value: Value,
    source: &dyn WeightSource,
) -> Result<Kept, ComputeError> {
    let Place::Weight { format } = &plan.placements()[value.index()].place else { return Ok(Kept::F32) };
    let node = graph.node(value);
    if !matches!(node.op, Op::Weight) || format == DType::F32.name() {
        return Ok(Kept::F32);
    }
    if source.weight(&node.name)?.dtype().name() == format && weight::takes_any_format(graph, value) {
        return Ok(Kept::AsStored);
    }
    let reason = "the weight's format is not the one that was planned, or no reader takes it";
    Err(ComputeError::Plan { graph: graph.name().to_owned(), value: node.name.clone(), reason })
}

/// Threads of an executor's own.
pub(crate) fn pool(threads: NonZeroUsize) -> Result<ThreadPool, ComputeError> {
    let refused = |reason: String| ComputeError::Threads { threads: threads.get(), reason };
    if threads.get() > MAX_THREADS {
        return Err(refused(format!("at most {MAX_THREADS} are allowed")));
    }
    let name = |i: usize| format!("bedside-host-{i}");
    let builder = ThreadPoolBuilder::new().num_threads(threads.get()).thread_name(name);
    builder.build().map_err(|error| refused(error.to_string()))
}

/// `elements` copies of `filler`. Errors: [`ComputeError::Memory`].
pub(crate) fn reserve<T: Clone>(
    what: &'static str,
    elements: usize,
    filler: T,
) -> Result<Vec<T>, ComputeError> {
    let mut memory = Vec::new();
    let bytes = (elements as u64).saturating_mul(size_of::<T>() as u64);
    memory.try_reserve_exact(elements).map_err(|_| ComputeError::Memory { what, bytes })?;
    memory.resize(elements, filler);
    Ok(memory)
}
