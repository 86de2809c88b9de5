//! The reference executor: plays a whole graph with the plain references. It judges every other executor
//! and is never optimised.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::error::Mismatch;
use crate::graph::{Graph, Node, Sizes, Value};
use crate::kv::KvFormat;
use crate::ops::Op;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use crate::{ComputeError, ValueType};

/// Plays one graph. KV caches live as long as the executor.
pub struct Executor<'a> {
    graph: &'a Graph,
    weights: &'a dyn WeightSource,
    kv: KvFormat,
    states: BTreeMap<Value, HostTensor>,
}

impl<'a> Executor<'a> {
    /// KV caches are empty and f32. Errors: those of [`Graph::check_weights`].
    pub fn new(graph: &'a Graph, weights: &'a dyn WeightSource) -> Result<Self, ComputeError> {
        graph.check_weights(weights)?;
        Self { graph, weights, kv: KvFormat::F32, states: BTreeMap::new() }.with_kv(KvFormat::F32)
    }

    /// The same with empty KV caches whose rows are rounded to `format`.
    /// Errors: [`ComputeError::CacheFormat`].
    pub fn with_kv(mut self, format: KvFormat) -> Result<Self, ComputeError> {
        self.kv = format;
        for (value, node) in self.graph.values().filter(|(_, node)| matches!(node.op, Op::State)) {
            format.state_bytes(node)?;
            let dims = host_dims(&node.value, &Sizes::new())?;
            let zeros = vec![0.0; dims.iter().product()];
            self.states.insert(value, HostTensor::f32(&dims, zeros)?);
        }
        Ok(self)
    }

    /// Play the graph once at these sizes. `inputs`: by name, each exactly as the graph asks for.
    /// Returns the outputs by name. The caller advances `past`.
    /// Errors: inputs that are missing, unknown or of another shape; indices out of range; a full cache.
    /// After an error the caches hold some rows of the failed run behind `past`.
    pub fn run(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        self.check_names(inputs)?;
        let mut values: Vec<HostTensor> = Vec::with_capacity(self.graph.nodes().len());
        for (value, node) in self.graph.values() {
            let made = match node.op.operation() {
                Some(_) => self.play(node, &values, sizes)?,
                None => self.leaf(value, node, sizes, inputs)?,
            };
            values.push(made);
        }
        let outputs = self.graph.outputs().iter();
        Ok(outputs.map(|output| (output.name.clone(), values[output.value.index()].clone())).collect())
    }

    fn check_names(&self, inputs: &[(&str, HostTensor)]) -> Result<(), ComputeError> {
        for (name, _) in inputs {
            if !self.graph.inputs().any(|node| node.name == *name) {
                let known: Vec<&str> = self.graph.inputs().map(|node| node.name.as_str()).collect();
                return Err(ComputeError::InputUnknown { name: (*name).to_owned(), known: known.join(", ") });
            }
        }
        Ok(())
    }

    fn leaf(
        &self,
        value: Value,
        node: &Node,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<HostTensor, ComputeError> {
        if let Some(leaf) = node.leaf_f32(self.weights)? {
            return Ok(leaf);
        }
        if let Some(state) = self.states.get(&value) {
            return Ok(state.clone());
        }
        let name = &node.name;
        let (_, given) = inputs
            .iter()
            .find(|(given, _)| given == name)
            .ok_or_else(|| ComputeError::InputMissing { name: name.clone() })?;
        let expected = host_dims(&node.value, sizes)?;
        if given.dims() != expected || given.element() != node.value.element {
            let expected = format!("{} {expected:?}", node.value.element);
            let got = format!("{} {:?}", given.element(), given.dims());
            return Err(ComputeError::Input { name: name.clone(), expected, got });
        }
        Ok(given.clone())
    }

    fn play(
        &mut self,
        node: &Node,
        values: &[HostTensor],
        sizes: &Sizes,
    ) -> Result<HostTensor, ComputeError> {
        let output = host_dims(&node.value, sizes)?;
        let inputs: Vec<&HostTensor> = node.inputs.iter().map(|input| &values[input.index()]).collect();
        if matches!(node.op, Op::CacheAppend(_)) {
            return self.append(node, &inputs, &output, sizes);
        }
        reference(node, &inputs, &output, sizes)
    }

    fn append(
        &mut self,
        node: &Node,
        inputs: &[&HostTensor],
        output: &[usize],
        sizes: &Sizes,
    ) -> Result<HostTensor, ComputeError> {
        let state = &self.graph.node(node.inputs[0]).name;
        let (capacity, needed) = (inputs[0].dims()[0] as u64, output[0] as u64);
        if needed > capacity {
            return Err(ComputeError::CacheFull { name: state.clone(), capacity, needed });
        }
        let rounded = self.kv.round(inputs[1].f32s()).ok_or_else(|| {
            let wrong = Mismatch::new("rows for the cache", "finite numbers", "NaN or infinity");
            wrong.at(&node.name, node.op.name())
        })?;
        let x = HostTensor::f32(inputs[1].dims(), rounded)?;
        let filled = reference(node, &[inputs[0], &x], output, sizes)?;
        let mut rows = inputs[0].f32s().to_vec();
        rows[..filled.len()].copy_from_slice(filled.f32s());
        self.states.insert(node.inputs[0], HostTensor::f32(inputs[0].dims(), rows)?);
        Ok(filled)
    }
}

/// One operation by its reference.
pub(crate) fn reference(
    node: &Node,
    inputs: &[&HostTensor],
    output: &[usize],
    sizes: &Sizes,
) -> Result<HostTensor, ComputeError> {
    let operation = node.op.operation().expect("leaves are not played");
    operation.reference(inputs, output, sizes).map_err(|wrong| wrong.at(&node.name, node.op.name()))
}

/// Dimensions at these sizes, as the host counts.
pub(crate) fn host_dims(value: &ValueType, sizes: &Sizes) -> Result<Vec<usize>, ComputeError> {
    // At most 2^40 elements, which usize holds wherever this runs.
    Ok(value.at(sizes)?.iter().map(|&d| d as usize).collect())
}
