//! There and back on a device, by burn's autodiff of the whole graph.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::{Run, Upstream};
use crate::ComputeError;
use crate::device::play::{Held, Player};
use crate::device::{downloaded, uploaded};
use crate::graph::{Graph, Value};
use crate::source::WeightSource;
use crate::tensor::HostTensor;

/// Weights and where they are.
pub(super) struct OnDevice {
    device: Device,
    /// Weights and constants that have no gradient.
    fixed: Vec<Option<Tensor<1>>>,
    /// Weights that have one, on the host, where they are changed.
    changing: BTreeMap<Value, Vec<f32>>,
}

/// A run, and what it takes to repeat it.
pub(super) struct Played {
    /// Inputs, states and weights on the device.
    leaves: Vec<Option<Held>>,
    /// Outputs, on the host.
    outputs: BTreeMap<Value, HostTensor>,
    /// Outputs, as the end of what burn recorded; burn can go back over that once.
    recorded: RefCell<Option<BTreeMap<Value, Tensor<1>>>>,
}

impl Played {
    pub(super) fn value(&self, value: Value) -> Option<&HostTensor> {
        self.outputs.get(&value)
    }
}

impl OnDevice {
    /// Errors: weights that are missing.
    pub(super) fn new(
        graph: &Graph,
        source: &dyn WeightSource,
        wanted: &[Value],
        device: &crate::device::Device,
    ) -> Result<Self, ComputeError> {
        let device = device.0.clone().autodiff();
        let (mut fixed, mut changing) = (Vec::with_capacity(graph.nodes().len()), BTreeMap::new());
        for (value, node) in graph.values() {
            let numbers = node.leaf_f32(source)?.and_then(HostTensor::into_f32);
            fixed.push(match numbers {
                Some(numbers) if wanted.contains(&value) => {
                    changing.insert(value, numbers);
                    None
                }
                numbers => numbers.map(|numbers| uploaded(numbers, &device)),
            });
        }
        Ok(Self { device, fixed, changing })
    }

    pub(super) fn weight(&self, value: Value) -> Option<&[f32]> {
        self.changing.get(&value).map(Vec::as_slice)
    }

    pub(super) fn weight_mut(&mut self, value: Value) -> Option<&mut [f32]> {
        self.changing.get_mut(&value).map(Vec::as_mut_slice)
    }

    /// Errors: as the device executor's `run`.
    pub(super) fn forward(
        &self,
        run: &Run<'_>,
        inputs: &[(&str, HostTensor)],
    ) -> Result<Played, ComputeError> {
        let mut leaves = Vec::with_capacity(run.dims.len());
        for (value, _) in run.graph.values() {
            let given = run.given(value, inputs)?.map(|given| Held::new(&given, &self.device));
            let changing =
                || self.changing.get(&value).map(|numbers| uploaded(numbers.clone(), &self.device));
            let weight = || self.fixed[value.index()].clone().or_else(changing).map(Held::Numbers);
            leaves.push(match given.or_else(weight) {
                Some(Held::Numbers(flat)) if run.wanted.contains(&value) => {
                    Some(Held::Numbers(flat.require_grad()))
                }
                leaf => leaf,
            });
        }
        let (outputs, recorded) = self.play(run, &leaves)?;
        Ok(Played { leaves, outputs, recorded: RefCell::new(Some(recorded)) })
    }

    /// Outputs on the host, and on the device those that are numbers.
    #[expect(clippy::type_complexity, reason = "two maps, once")]
    fn play(
        &self,
        run: &Run<'_>,
        leaves: &[Option<Held>],
    ) -> Result<(BTreeMap<Value, HostTensor>, BTreeMap<Value, Tensor<1>>), ComputeError> {
        let mut player = Player::new(run.graph, &self.device, &run.sizes)?;
        for (value, node) in run.graph.values() {
            let held = match (node.op.operation(), &leaves[value.index()]) {
                (Some(operation), _) => player.play(value, node, operation)?,
                (None, leaf) => leaf.clone().expect("every leaf is given, a weight or a constant"),
            };
            player.keep(value, held);
        }
        let (mut outputs, mut recorded) = (BTreeMap::new(), BTreeMap::new());
        for output in run.graph.outputs() {
            outputs.insert(output.value, player.read(output.value)?);
            if let Held::Numbers(flat) = player.held(output.value) {
                recorded.insert(output.value, flat.clone());
            }
        }
        Ok((outputs, recorded))
    }

    /// Gradients of what is wanted, in its order; `None` where no path leads. Errors: as `forward`'s.
    pub(super) fn backward(
        &self,
        run: &Run<'_>,
        played: &Played,
        upstream: &[Upstream<'_>],
    ) -> Result<Vec<Option<Vec<f32>>>, ComputeError> {
        if upstream.is_empty() {
            return Ok(vec![None; run.wanted.len()]);
        }
        let recorded = match played.recorded.take() {
            Some(recorded) => recorded,
            None => self.play(run, &played.leaves)?.1,
        };
        let part = |(value, numbers): &Upstream<'_>| {
            let y = recorded.get(value).filter(|y| !numbers.is_empty() && y.is_tracked())?;
            Some((y.clone() * uploaded(numbers.to_vec(), &self.device)).sum())
        };
        let Some(sum) = upstream.iter().filter_map(part).reduce(|a, b| a + b) else {
            return Ok(vec![None; run.wanted.len()]);
        };
        let mut gradients = sum.backward();
        let mut gradient = |value: &Value| {
            let Some(Held::Numbers(leaf)) = &played.leaves[value.index()] else { return Ok(None) };
            let found = leaf.grad_remove(&mut gradients);
            let elements = run.dims(*value).iter().product();
            found.map(|found| downloaded(found, elements)).transpose()
        };
        run.wanted.iter().map(&mut gradient).collect()
    }
}
