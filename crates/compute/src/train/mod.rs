//! Gradients: of any output with respect to inputs, weights and inserted low-rank factors.
//!
//! On the host's threads: forward, each operation is played as the host executor plays it, and every value is
//! kept; backward, the linear layers (on block weights too), rope, sums and moves are ours, the rest is burn's
//! autodiff of one operation at a time. On a device: the whole graph is played as the device executor plays
//! it, and burn's autodiff goes back over all of it. Quantized weights are constants, computed `exact`.
//!
//! This module does not know losses, optimisers or steps: `adapt` does.

mod device;
mod host;
mod low_rank;
pub(crate) mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

pub use low_rank::{LowRank, insert_low_rank};

use crate::ComputeError;
use crate::device::Device;
use crate::graph::{Element, Graph, Node, Sizes, Symbol, Value};
use crate::host::{check_known, given};
use crate::ops::Op;
use crate::reference::host_dims;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use device::OnDevice;
use host::OnHost;

/// A graph whose inputs or weights are to have gradients.
pub struct Differentiator {
    graph: Graph,
    wanted: Vec<Value>,
    place: Place,
}

/// Where it is played.
enum Place {
    Host(OnHost),
    Device(OnDevice),
}

impl Differentiator {
    /// On the host. `wanted`: names of inputs and weights. Their weights are loaded as f32 and can be changed;
    /// all others stay as they are. `threads`: as for the host executor.
    /// Errors: a name that is no f32 input or weight, weights that are missing, threads that are refused.
    pub fn new(
        graph: &Graph,
        source: &dyn WeightSource,
        wanted: &[&str],
        threads: NonZeroUsize,
    ) -> Result<Self, ComputeError> {
        graph.check_weights(source)?;
        let wanted = leaves(graph, wanted)?;
        let place = Place::Host(OnHost::new(graph, source, &wanted, threads)?);
        Ok(Self { graph: graph.clone(), wanted, place })
    }

    /// The same on a device, where all weights are f32; the wanted ones are brought there by each run.
    /// Errors: as `new`'s. Panics: see [`device`](crate::device).
    pub fn on_device(
        graph: &Graph,
        source: &dyn WeightSource,
        wanted: &[&str],
        device: &Device,
    ) -> Result<Self, ComputeError> {
        graph.check_weights(source)?;
        let wanted = leaves(graph, wanted)?;
        let place = Place::Device(OnDevice::new(graph, source, &wanted, device)?);
        Ok(Self { graph: graph.clone(), wanted, place })
    }

    /// The numbers of a wanted weight, row-major; `None` for any other name.
    pub fn weight(&self, name: &str) -> Option<&[f32]> {
        let value = self.wanted(name)?;
        match &self.place {
            Place::Host(host) => host.weight(value),
            Place::Device(device) => device.weight(value),
        }
    }

    /// The same, to be changed between runs.
    pub fn weight_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        let value = self.wanted(name)?;
        match &mut self.place {
            Place::Host(host) => host.weight_mut(value),
            Place::Device(device) => device.weight_mut(value),
        }
    }

    fn wanted(&self, name: &str) -> Option<Value> {
        self.wanted.iter().copied().find(|value| self.graph.node(*value).name == name)
    }

    /// Play the graph at these sizes and keep what the way back needs. `inputs`: as the executors', and by a
    /// state's name the `past` rows (past, kv_heads, head_dim) that its cache holds, which are constants.
    /// Without `past` none are needed. Nothing is kept for the next run.
    /// Errors: as the host executor's `run`.
    pub fn forward(&self, sizes: &Sizes, inputs: &[(&str, HostTensor)]) -> Result<Tape<'_>, ComputeError> {
        let graph = &self.graph;
        check_known(&graph.inputs().chain(graph.states()).collect::<Vec<_>>(), inputs)?;
        let dims = graph.nodes().iter().map(|node| host_dims(&node.value, sizes));
        let run = Run { graph, wanted: &self.wanted, sizes: *sizes, dims: dims.collect::<Result<_, _>>()? };
        let kept = match &self.place {
            Place::Host(host) => Kept::Host(host, host.forward(&run, inputs)?),
            Place::Device(device) => Kept::Device(device, device.forward(&run, inputs)?),
        };
        Ok(Tape { run, kept })
    }
}

/// The f32 inputs or weights of these names.
fn leaves(graph: &Graph, names: &[&str]) -> Result<Vec<Value>, ComputeError> {
    let is_leaf =
        |node: &Node| matches!(node.op, Op::Input | Op::Weight) && node.value.element == Element::F32;
    let leaf = |name: &&str| {
        let found = graph.values().find(|(_, node)| node.name == *name && is_leaf(node));
        found.map(|(value, _)| value).ok_or_else(|| ComputeError::WeightMissing { name: (*name).to_owned() })
    };
    names.iter().map(leaf).collect()
}

/// What both places know of a run.
struct Run<'a> {
    graph: &'a Graph,
    wanted: &'a [Value],
    sizes: Sizes,
    dims: Vec<Vec<usize>>,
}

impl Run<'_> {
    fn dims(&self, value: Value) -> &[usize] {
        &self.dims[value.index()]
    }

    /// An input, or the rows of a state; `None` for what no caller gives.
    /// Errors: [`ComputeError::InputMissing`], [`ComputeError::Input`].
    fn given(&self, value: Value, inputs: &[(&str, HostTensor)]) -> Result<Option<HostTensor>, ComputeError> {
        let node = self.graph.node(value);
        match node.op {
            Op::Input => given(node, self.dims(value), inputs).cloned().map(Some),
            Op::State => {
                let mut dims = self.dims(value).to_vec();
                let past = self.sizes.get(Symbol::Past).unwrap_or(0);
                // More rows than the cache holds: cache_append refuses them.
                dims[0] = usize::try_from(past).unwrap_or(usize::MAX).min(dims[0]);
                if past == 0 && !inputs.iter().any(|(name, _)| *name == node.name) {
                    return HostTensor::f32(&dims, Vec::new()).map(Some);
                }
                given(node, &dims, inputs).cloned().map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// One run, ready to go back.
pub struct Tape<'a> {
    run: Run<'a>,
    kept: Kept<'a>,
}

enum Kept<'a> {
    Host(&'a OnHost, host::Played),
    Device(&'a OnDevice, device::Played),
}

impl Tape<'_> {
    /// An output. Errors: [`ComputeError::OutputUnknown`].
    pub fn output(&self, name: &str) -> Result<&HostTensor, ComputeError> {
        let value = self.output_value(name)?;
        let found = match &self.kept {
            Kept::Host(_, played) => played.value(value),
            Kept::Device(_, played) => played.value(value),
        };
        // A weight that is an output is not kept; nobody differentiates those.
        found.ok_or_else(|| self.unknown(name))
    }

    /// Gradients of Σ upstream · output with respect to everything wanted, by name. `upstream`: by output
    /// name, each of the output's dimensions; for a loss of one element, a 1. On a device, every call but the
    /// first plays the graph again: burn goes back over a run only once.
    /// Errors: an unknown output, other dimensions, an operation without gradient in the way.
    pub fn backward(
        &self,
        upstream: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let upstream = upstream.iter().map(|(name, given)| self.upstream(name, given));
        let upstream = upstream.collect::<Result<Vec<Upstream<'_>>, _>>()?;
        let run = &self.run;
        let found = match &self.kept {
            Kept::Host(host, played) => host.backward(run, played, &upstream)?,
            Kept::Device(device, played) => device.backward(run, played, &upstream)?,
        };
        let named = |(value, gradient): (&Value, Option<Vec<f32>>)| {
            let dims = run.dims(*value);
            let zeros = || vec![0.0; dims.iter().product()]; // no path from the outputs
            let gradient = HostTensor::f32(dims, gradient.unwrap_or_else(zeros))?;
            Ok((run.graph.node(*value).name.clone(), gradient))
        };
        run.wanted.iter().zip(found).map(named).collect()
    }

    fn upstream<'u>(&self, name: &str, given: &'u HostTensor) -> Result<Upstream<'u>, ComputeError> {
        let value = self.output_value(name)?;
        let dims = self.run.dims(value);
        let numbers = given.as_f32().filter(|_| given.dims() == dims).ok_or_else(|| {
            let got = format!("{} {:?}", given.element(), given.dims());
            ComputeError::Upstream { name: name.to_owned(), expected: format!("f32 {dims:?}"), got }
        })?;
        Ok((value, numbers))
    }

    fn output_value(&self, name: &str) -> Result<Value, ComputeError> {
        let found = self.run.graph.outputs().iter().find(|output| output.name == name);
        found.map(|output| output.value).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ComputeError {
        let outputs = self.run.graph.outputs().iter();
        let known: Vec<&str> = outputs.map(|output| output.name.as_str()).collect();
        ComputeError::OutputUnknown { name: name.to_owned(), known: known.join(", ") }
    }
}

/// An output and its gradient, checked against each other.
type Upstream<'a> = (Value, &'a [f32]);
