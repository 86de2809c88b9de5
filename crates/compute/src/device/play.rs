//! One run: node after node, values dropped after their last reader.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::formula::{Content, Formula, Term};
use super::{downloaded, uploaded};
use crate::ComputeError;
use crate::graph::{Element, Graph, Node, Sizes, Value};
use crate::ops::Operation;
use crate::reference::{host_dims, reference};
use crate::tensor::HostTensor;

/// A value of a run.
#[derive(Clone)]
pub(crate) enum Held {
    /// Flat, on the device.
    Numbers(Tensor<1>),
    /// On the host.
    Indices(HostTensor),
}

impl Held {
    /// Numbers go to the device, indices stay.
    pub(crate) fn new(value: &HostTensor, device: &Device) -> Self {
        match value.as_f32() {
            Some(numbers) => Held::Numbers(uploaded(numbers.to_vec(), device)),
            None => Held::Indices(value.clone()),
        }
    }
}

/// A run in progress.
pub(crate) struct Player<'a> {
    graph: &'a Graph,
    device: &'a Device,
    sizes: &'a Sizes,
    dims: Vec<Vec<usize>>,
    values: Vec<Option<Held>>,
    /// Readers still to come.
    uses: Vec<usize>,
}

impl<'a> Player<'a> {
    /// Errors: sizes that a shape cannot have.
    pub(crate) fn new(graph: &'a Graph, device: &'a Device, sizes: &'a Sizes) -> Result<Self, ComputeError> {
        let dims = graph.nodes().iter().map(|node| host_dims(&node.value, sizes));
        let dims = dims.collect::<Result<_, _>>()?;
        Ok(Self { graph, device, sizes, dims, values: vec![None; graph.nodes().len()], uses: graph.uses() })
    }

    /// Dimensions of a value at the run's sizes.
    pub(crate) fn dims(&self, value: Value) -> &[usize] {
        &self.dims[value.index()]
    }

    /// A value that is not played but given; its readers come later.
    pub(crate) fn held(&self, value: Value) -> &Held {
        self.values[value.index()].as_ref().expect("nodes come after what they read, values stay until then")
    }

    /// The result of a node, whose operands may be done with.
    pub(crate) fn keep(&mut self, value: Value, held: Held) {
        self.values[value.index()] = Some(held);
        for input in &self.graph.node(value).inputs {
            self.uses[input.index()] -= 1;
            if self.uses[input.index()] == 0 {
                self.values[input.index()] = None;
            }
        }
    }

    /// The result of an operation. Errors: what its numbers show, such as an index out of range.
    pub(crate) fn play(
        &self,
        value: Value,
        node: &Node,
        operation: &dyn Operation,
    ) -> Result<Held, ComputeError> {
        let dims = self.dims(value);
        if node.value.element == Element::U32 {
            let inputs: Vec<&HostTensor> = node.inputs.iter().map(|input| self.indices(*input)).collect();
            return reference(node, &inputs, dims, self.sizes).map(Held::Indices);
        }
        if dims.contains(&0) {
            return Ok(Held::Numbers(uploaded(Vec::new(), self.device)));
        }
        let term = |input: &Value| Term {
            dims: self.dims(*input),
            content: match self.held(*input) {
                Held::Numbers(flat) => Content::Numbers(flat.clone()),
                Held::Indices(indices) => Content::Indices(indices.u32s()),
            },
        };
        let terms: Vec<Term<'_>> = node.inputs.iter().map(term).collect();
        let formula = Formula { terms: &terms, dims, sizes: self.sizes, device: self.device };
        let made = operation.formula(&formula).map_err(|wrong| wrong.at(&node.name, node.op.name()))?;
        Ok(Held::Numbers(made))
    }

    /// Outputs by name. Errors: [`ComputeError::Device`].
    pub(crate) fn outputs(&self) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let outputs = self.graph.outputs().iter();
        outputs.map(|output| Ok((output.name.clone(), self.read(output.value)?))).collect()
    }

    /// A value on the host. Errors: [`ComputeError::Device`].
    pub(crate) fn read(&self, value: Value) -> Result<HostTensor, ComputeError> {
        match self.held(value) {
            Held::Indices(indices) => Ok(indices.clone()),
            Held::Numbers(flat) => {
                let dims = self.dims(value);
                HostTensor::f32(dims, downloaded(flat.clone(), dims.iter().product())?)
            }
        }
    }

    /// No operation makes indices of numbers.
    fn indices(&self, value: Value) -> &HostTensor {
        match self.held(value) {
            Held::Indices(indices) => indices,
            Held::Numbers(_) => unreachable!("the shape check gives u32 results to u32 operands only"),
        }
    }
}
