//! There and back on the host's threads.

use std::num::NonZeroUsize;

use rayon::ThreadPool;

use super::step::{self, Step};
use super::{Run, Upstream};
use crate::ComputeError;
use crate::graph::{Element, Graph, Node, Value};
use crate::host::call::{Call, Data, Seen};
use crate::host::weight::{self, Weight};
use crate::ops::{Numerics, Operation};
use crate::source::WeightSource;
use crate::tensor::HostTensor;

/// Weights and threads.
pub(super) struct OnHost {
    weights: Vec<Option<Weight>>,
    /// Values that a gradient passes through.
    needs: Vec<bool>,
    pool: ThreadPool,
}

/// Every value of a run; `None` where it is a weight.
pub(super) struct Played(Vec<Option<HostTensor>>);

impl Played {
    pub(super) fn value(&self, value: Value) -> Option<&HostTensor> {
        self.0[value.index()].as_ref()
    }
}

impl OnHost {
    /// Errors: weights that are missing, threads that are refused.
    pub(super) fn new(
        graph: &Graph,
        source: &dyn WeightSource,
        wanted: &[Value],
        threads: NonZeroUsize,
    ) -> Result<Self, ComputeError> {
        let load = |(value, _)| {
            let kept = if wanted.contains(&value) { weight::Kept::Numbers } else { weight::Kept::AsStored };
            weight::load(graph, value, source, kept, Numerics::Exact)
        };
        let weights = graph.values().map(load).collect::<Result<_, _>>()?;
        let mut needs: Vec<bool> = graph.values().map(|(value, _)| wanted.contains(&value)).collect();
        for (value, node) in graph.values() {
            needs[value.index()] |= node.inputs.iter().any(|input| needs[input.index()]);
        }
        Ok(Self { weights, needs, pool: crate::host::pool(threads)? })
    }

    pub(super) fn weight(&self, value: Value) -> Option<&[f32]> {
        match &self.weights[value.index()] {
            Some(Weight::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    pub(super) fn weight_mut(&mut self, value: Value) -> Option<&mut [f32]> {
        match &mut self.weights[value.index()] {
            Some(Weight::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Errors: as the host executor's `run`.
    pub(super) fn forward(
        &self,
        run: &Run<'_>,
        inputs: &[(&str, HostTensor)],
    ) -> Result<Played, ComputeError> {
        let mut played = Played(Vec::with_capacity(run.dims.len()));
        for (value, node) in run.graph.values() {
            let made = match node.op.operation() {
                Some(operation) => {
                    Some(self.pool.install(|| self.play(run, &played, value, node, operation))?)
                }
                None => run.given(value, inputs)?,
            };
            played.0.push(made);
        }
        Ok(played)
    }

    fn play(
        &self,
        run: &Run<'_>,
        played: &Played,
        value: Value,
        node: &Node,
        operation: &dyn Operation,
    ) -> Result<HostTensor, ComputeError> {
        let inputs = self.seen(run, played, node);
        let dims = run.dims(value);
        let mut out = vec![0.0; dims.iter().product()];
        if !out.is_empty() {
            let mut call = Call { inputs: &inputs, dims, out: &mut out, sizes: &run.sizes, pool: &self.pool };
            operation.host(&mut call).map_err(|wrong| wrong.at(&node.name, node.op.name()))?;
        }
        match node.value.element {
            Element::F32 => HostTensor::f32(dims, out),
            Element::U32 => HostTensor::u32(dims, bytemuck::cast_slice(&out).to_vec()),
        }
    }

    /// Gradients of what is wanted, in its order; `None` where no path leads. Errors: an operation without one.
    pub(super) fn backward(
        &self,
        run: &Run<'_>,
        played: &Played,
        upstream: &[Upstream<'_>],
    ) -> Result<Vec<Option<Vec<f32>>>, ComputeError> {
        let mut gradients: Vec<Option<Vec<f32>>> = vec![None; run.dims.len()];
        for (value, numbers) in upstream {
            accumulate(&mut gradients[value.index()], numbers.to_vec());
        }
        for (value, node) in run.graph.values().collect::<Vec<_>>().into_iter().rev() {
            let (true, Some(operation)) = (self.needs[value.index()], node.op.operation()) else {
                continue;
            };
            let Some(gradient) = gradients[value.index()].take().filter(|g| !g.is_empty()) else { continue };
            let parts = self.pool.install(|| self.back(run, played, (value, node, operation), &gradient))?;
            for (input, part) in node.inputs.iter().zip(parts) {
                if let Some(part) = part {
                    accumulate(&mut gradients[input.index()], part);
                }
            }
        }
        Ok(run.wanted.iter().map(|value| gradients[value.index()].take()).collect())
    }

    fn back(
        &self,
        run: &Run<'_>,
        played: &Played,
        (value, node, operation): (Value, &Node, &dyn Operation),
        upstream: &[f32],
    ) -> Result<step::Gradients, ComputeError> {
        let inputs = self.seen(run, played, node);
        let needs: Vec<bool> = node.inputs.iter().map(|input| self.needs[input.index()]).collect();
        let (dims, sizes, pool) = (run.dims(value), &run.sizes, &self.pool);
        let step = Step { inputs: &inputs, needs: &needs, dims, upstream, sizes, pool };
        operation.backward(&step).map_err(|wrong| wrong.at(&node.name, node.op.name()))
    }

    fn seen<'a>(&'a self, run: &'a Run<'_>, played: &'a Played, node: &Node) -> Vec<Seen<'a>> {
        let one = |input: &Value| {
            let data = match (played.value(*input), &self.weights[input.index()]) {
                (Some(kept), _) => kept.as_u32().map_or_else(|| Data::Numbers(kept.f32s()), Data::Indices),
                (None, Some(weight)) => weight.data(),
                (None, None) => Data::Numbers(&[]), // no node is like this
            };
            Seen { dims: run.dims(*input), data }
        };
        node.inputs.iter().map(one).collect()
    }
}

fn accumulate(sum: &mut Option<Vec<f32>>, part: Vec<f32>) {
    match sum {
        Some(sum) => sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part),
        None => *sum = Some(part),
    }
}
