//! The device executor: plays a graph with burn tensors, on any device that burn knows. It is there for
//! adaptation and heatmaps on a GPU, and as a second opinion on the CPU; for speed on the CPU there is
//! [`host`](crate::host), which plays by a plan and in bounded memory.
//!
//! Weights are f32 on the device, dequantized once. Indices stay on the host, with all that depends on them
//! alone (masks, angles, range checks), so that a wrong index is an error and not a panic on the device.
//!
//! What burn itself cannot do on a device, it answers with a panic: a shape is never the reason, since the
//! graph has checked all of them, but a lost device or one without memory can be. A caller that must outlive
//! that plays in a thread of its own.

mod cache;
pub(crate) mod formula;
#[cfg(feature = "burn-gpu")]
mod gpu;
pub(crate) mod play;
pub(crate) mod repeat;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};

use crate::ComputeError;
use crate::graph::{Graph, Sizes, Value};
use crate::host::check_names;
use crate::ops::Op;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use cache::Cache;
use play::{Held, Player};

/// A device that burn computes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Device(pub(crate) burn::tensor::Device);

impl Device {
    /// The processor, by burn-flex.
    pub fn cpu() -> Self {
        Self(burn::tensor::Device::flex())
    }
}

/// Plays one graph on one device. KV caches are f32 and live as long as the executor.
pub struct Executor {
    graph: Graph,
    device: Device,
    /// Weights and constants.
    leaves: Vec<Option<Tensor<1>>>,
    caches: BTreeMap<Value, Cache>,
}

impl Executor {
    /// Bring the weights, in any format, to the device as f32.
    /// Errors: those of [`Graph::check_weights`]; a state of unusable size.
    pub fn new(graph: &Graph, source: &dyn WeightSource, device: &Device) -> Result<Self, ComputeError> {
        graph.check_weights(source)?;
        let mut caches = BTreeMap::new();
        for (value, node) in graph.values().filter(|(_, node)| matches!(node.op, Op::State)) {
            caches.insert(value, Cache::new(node, &device.0)?);
        }
        let mut leaves = Vec::with_capacity(graph.nodes().len());
        for node in graph.nodes() {
            let leaf = node.leaf_f32(source)?.and_then(HostTensor::into_f32);
            leaves.push(leaf.map(|numbers| uploaded(numbers, &device.0)));
        }
        Ok(Self { graph: graph.clone(), device: device.clone(), leaves, caches })
    }

    /// The graph it plays.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Play the graph once at these sizes. `inputs`: by name, each exactly as the graph asks for.
    /// Returns the outputs by name. The caller advances `past`.
    /// Errors: inputs that are missing, unknown or of another shape; indices out of range; a full cache; rows
    /// for a cache that are not finite, which is known last; [`ComputeError::Device`] where the device gives
    /// no results. After an error the caches hold some rows of the failed run behind `past`.
    /// Panics: see the [module](self).
    pub fn run(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        check_names(&self.graph, inputs)?;
        let Self { graph, device, leaves, caches } = self;
        let mut player = Player::new(graph, &device.0, sizes)?;
        let mut finite = Vec::new();
        for (value, node) in graph.values() {
            let held = match (&node.op, node.op.operation()) {
                (Op::Input, _) => {
                    let given = crate::host::given(node, player.dims(value), inputs)?;
                    Held::new(given, &device.0)
                }
                (Op::State, _) => Held::Numbers(uploaded(Vec::new(), &device.0)), // never read: see CacheAppend
                (Op::CacheAppend(_), _) => {
                    let cache = caches.get_mut(&node.inputs[0]).expect("every state has its cache");
                    let (rows, flag) = cache.append(graph, value, &player)?;
                    finite.extend(flag.map(|flag| (value, flag)));
                    Held::Numbers(rows)
                }
                (_, Some(operation)) => player.play(value, node, operation)?,
                (_, None) => {
                    let leaf = leaves[value.index()].as_ref();
                    Held::Numbers(leaf.expect("other leaves are weights and constants").clone())
                }
            };
            player.keep(value, held);
        }
        cache::check_finite(graph, finite)?;
        player.outputs()
    }
}

/// Numbers on a device; a zero where there are none.
pub(crate) fn uploaded(mut numbers: Vec<f32>, device: &burn::tensor::Device) -> Tensor<1> {
    if numbers.is_empty() {
        numbers.push(0.0);
    }
    let elements = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [elements]), device)
}

/// `elements` numbers from a device. Errors: [`ComputeError::Device`].
pub(crate) fn downloaded(flat: Tensor<1>, elements: usize) -> Result<Vec<f32>, ComputeError> {
    if elements == 0 {
        return Ok(Vec::new());
    }
    let failed = |reason: String| ComputeError::Device { reason };
    let data = flat.try_into_data().map_err(|error| failed(error.to_string()))?;
    data.try_into_vec().map_err(|error| failed(error.to_string()))
}
