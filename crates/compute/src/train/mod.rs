//! Gradients: of any output with respect to inputs, weights and inserted low-rank factors.
//!
//! Forward, each operation is played as the host executor plays it, and every value is kept. Backward, the
//! linear layers (on block weights too), rope, sums and moves are ours; the rest is burn's autodiff of one
//! operation at a time. Quantized weights are constants, computed `exact`.
//!
//! This module does not know losses, optimisers or steps: `adapt` does.

mod low_rank;
pub(crate) mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use rayon::ThreadPool;

pub use low_rank::{LowRank, insert_low_rank};

use crate::ComputeError;
use crate::graph::{Element, Graph, Node, Sizes, Value};
use crate::host::call::{Call, Data, Seen};
use crate::host::weight::{self, Weight};
use crate::ops::{Numerics, Op, Operation};
use crate::reference::host_dims;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use step::Step;

/// A graph whose inputs or weights are to have gradients.
pub struct Differentiator {
    graph: Graph,
    weights: Vec<Option<Weight>>,
    wanted: Vec<Value>,
    /// Values that a gradient passes through.
    needs: Vec<bool>,
    pool: ThreadPool,
}

impl Differentiator {
    /// `wanted`: names of inputs and weights. Their weights are loaded as f32 and can be changed; all others
    /// stay as they are. `threads`: as for the host executor.
    /// Errors: a name that is no f32 input or weight, weights that are missing, threads that are refused.
    pub fn new(
        graph: &Graph,
        source: &dyn WeightSource,
        wanted: &[&str],
        threads: NonZeroUsize,
    ) -> Result<Self, ComputeError> {
        graph.check_weights(source)?;
        let wanted = wanted.iter().map(|name| leaf(graph, name)).collect::<Result<Vec<Value>, _>>()?;
        let load = |(value, _)| {
            let kept = if wanted.contains(&value) { weight::Kept::Numbers } else { weight::Kept::AsStored };
            weight::load(graph, value, source, kept, Numerics::Exact)
        };
        let weights = graph.values().map(load).collect::<Result<_, _>>()?;
        let mut needs: Vec<bool> = graph.values().map(|(value, _)| wanted.contains(&value)).collect();
        for (value, node) in graph.values() {
            needs[value.index()] |= node.inputs.iter().any(|input| needs[input.index()]);
        }
        Ok(Self { graph: graph.clone(), weights, wanted, needs, pool: crate::host::pool(threads)? })
    }

    /// The numbers of a wanted weight, row-major; `None` for any other name.
    pub fn weight(&self, name: &str) -> Option<&[f32]> {
        let value = self.wanted.iter().find(|value| self.graph.node(**value).name == name)?;
        match &self.weights[value.index()] {
            Some(Weight::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// The same, to be changed between runs.
    pub fn weight_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        let value = self.wanted.iter().find(|value| self.graph.node(**value).name == name)?;
        match &mut self.weights[value.index()] {
            Some(Weight::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Play the graph at these sizes and keep every value. KV caches are empty: `past` must be 0.
    /// Errors: as the host executor's `run`.
    pub fn forward(&self, sizes: &Sizes, inputs: &[(&str, HostTensor)]) -> Result<Tape<'_>, ComputeError> {
        crate::host::check_names(&self.graph, inputs)?;
        let dims = self.graph.nodes().iter().map(|node| host_dims(&node.value, sizes));
        let dims = dims.collect::<Result<_, _>>()?;
        let mut tape = Tape { of: self, sizes: *sizes, dims, values: Vec::new() };
        for (value, node) in self.graph.values() {
            let made = match node.op.operation() {
                Some(operation) => self.pool.install(|| tape.play(value, node, operation))?,
                None => tape.leaf(value, node, inputs)?,
            };
            tape.values.push(made);
        }
        Ok(tape)
    }
}

/// The f32 input or weight of this name.
fn leaf(graph: &Graph, name: &str) -> Result<Value, ComputeError> {
    let found = graph.values().find(|(_, node)| {
        node.name == name && matches!(node.op, Op::Input | Op::Weight) && node.value.element == Element::F32
    });
    found.map(|(value, _)| value).ok_or_else(|| ComputeError::WeightMissing { name: name.to_owned() })
}

/// All values of one run, ready to go back.
pub struct Tape<'a> {
    of: &'a Differentiator,
    sizes: Sizes,
    dims: Vec<Vec<usize>>,
    /// `None` where the weight is the differentiator's.
    values: Vec<Option<HostTensor>>,
}

impl Tape<'_> {
    /// An output. Errors: [`ComputeError::OutputUnknown`].
    pub fn output(&self, name: &str) -> Result<&HostTensor, ComputeError> {
        let value = self.output_value(name)?;
        // A weight that is an output is not kept here; nobody differentiates those.
        self.values[value.index()].as_ref().ok_or_else(|| self.unknown(name))
    }

    /// Gradients of Σ upstream · output with respect to everything wanted, by name. `upstream`: by output
    /// name, each of the output's dimensions; for a loss of one element, a 1.
    /// Errors: an unknown output, other dimensions, an operation without gradient in the way.
    pub fn backward(
        &self,
        upstream: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let graph = &self.of.graph;
        let mut gradients: Vec<Option<Vec<f32>>> = vec![None; graph.nodes().len()];
        for (name, given) in upstream {
            let value = self.output_value(name)?;
            let dims = &self.dims[value.index()];
            let Some(numbers) = given.as_f32().filter(|_| given.dims() == dims) else {
                let (expected, got) =
                    (format!("f32 {dims:?}"), format!("{} {:?}", given.element(), given.dims()));
                return Err(ComputeError::Upstream { name: (*name).to_owned(), expected, got });
            };
            accumulate(&mut gradients[value.index()], numbers.to_vec());
        }
        for (value, node) in graph.values().collect::<Vec<_>>().into_iter().rev() {
            let (true, Some(operation)) = (self.of.needs[value.index()], node.op.operation()) else {
                continue;
            };
            let Some(gradient) = gradients[value.index()].take().filter(|g| !g.is_empty()) else { continue };
            let parts = self.of.pool.install(|| self.back(value, node, operation, &gradient))?;
            for (input, part) in node.inputs.iter().zip(parts) {
                if let Some(part) = part {
                    accumulate(&mut gradients[input.index()], part);
                }
            }
        }
        let named = |value: &Value| {
            let (node, dims) = (graph.node(*value), &self.dims[value.index()]);
            let zeros = || vec![0.0; dims.iter().product()]; // no path from the outputs
            let gradient = gradients[value.index()].take().unwrap_or_else(zeros);
            Ok((node.name.clone(), HostTensor::f32(dims, gradient)?))
        };
        self.of.wanted.iter().map(named).collect()
    }

    fn back(
        &self,
        value: Value,
        node: &Node,
        operation: &dyn Operation,
        upstream: &[f32],
    ) -> Result<step::Gradients, ComputeError> {
        let inputs = self.seen(node);
        let needs: Vec<bool> = node.inputs.iter().map(|input| self.of.needs[input.index()]).collect();
        let (dims, sizes, pool) = (&self.dims[value.index()], &self.sizes, &self.of.pool);
        let step = Step { inputs: &inputs, needs: &needs, dims, upstream, sizes, pool };
        operation.backward(&step).map_err(|wrong| wrong.at(&node.name, node.op.name()))
    }

    fn play(
        &self,
        value: Value,
        node: &Node,
        operation: &dyn Operation,
    ) -> Result<Option<HostTensor>, ComputeError> {
        let inputs = self.seen(node);
        let (dims, sizes, pool) = (&self.dims[value.index()], &self.sizes, &self.of.pool);
        let mut out = vec![0.0; dims.iter().product()];
        if !out.is_empty() {
            let mut call = Call { inputs: &inputs, dims, out: &mut out, sizes, pool };
            operation.host(&mut call).map_err(|wrong| wrong.at(&node.name, node.op.name()))?;
        }
        match node.value.element {
            Element::F32 => HostTensor::f32(dims, out).map(Some),
            Element::U32 => HostTensor::u32(dims, bytemuck::cast_slice(&out).to_vec()).map(Some),
        }
    }

    fn leaf(
        &self,
        value: Value,
        node: &Node,
        inputs: &[(&str, HostTensor)],
    ) -> Result<Option<HostTensor>, ComputeError> {
        match node.op {
            Op::Input => crate::host::given(node, &self.dims[value.index()], inputs).cloned().map(Some),
            // The cache is empty; its dimensions are the state's all the same.
            Op::State => HostTensor::f32(&[0], Vec::new()).map(Some),
            _ => Ok(None),
        }
    }

    fn seen(&self, node: &Node) -> Vec<Seen<'_>> {
        let one = |input: &Value| {
            let kept = self.values[input.index()].as_ref();
            let data = match (kept, &self.of.weights[input.index()]) {
                (Some(kept), _) => kept.as_u32().map_or_else(|| Data::Numbers(kept.f32s()), Data::Indices),
                (None, Some(weight)) => weight.data(),
                (None, None) => Data::Numbers(&[]), // no node is like this
            };
            Seen { dims: &self.dims[input.index()], data }
        };
        node.inputs.iter().map(one).collect()
    }

    fn output_value(&self, name: &str) -> Result<Value, ComputeError> {
        let found = self.of.graph.outputs().iter().find(|output| output.name == name);
        found.map(|output| output.value).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ComputeError {
        let known: Vec<&str> = self.of.graph.outputs().iter().map(|output| output.name.as_str()).collect();
        ComputeError::OutputUnknown { name: name.to_owned(), known: known.join(", ") }
    }
}

fn accumulate(sum: &mut Option<Vec<f32>>, part: Vec<f32>) {
    match sum {
        Some(sum) => sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part),
        None => *sum = Some(part),
    }
}
