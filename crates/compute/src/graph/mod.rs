//! A network as data: nodes in the order they run, each with an operation and the values it reads.

mod builder;
mod dim;
mod product;

use std::fmt;

use bedside_tensor::TensorView;
use serde::{Deserialize, Serialize};

pub use builder::{GraphBuilder, Operand, WeightRef, weight};
pub(crate) use dim::MAX_ELEMENTS;
pub use dim::{Dim, Sizes, Symbol};
pub(crate) use product::Product;

use crate::error::Mismatch;
use crate::ops::Op;
use crate::source::WeightSource;
use crate::{ComputeError, HostTensor};

/// Layout of a serialised graph.
pub(crate) const GRAPH_VERSION: u32 = 1;

/// Most nodes of a graph: a 126-layer decoder has about 3,000.
pub(crate) const MAX_NODES: usize = 1 << 16;

/// What a value's elements are. Weights keep their own format; here it is what an operation sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// Numbers.
    F32,
    /// Indices, positions, segment numbers and boolean masks (0 is false).
    U32,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Element::F32 => "f32",
            Element::U32 => "u32",
        })
    }
}

/// The result of a node, by number. Meaningful only in the graph that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub(crate) u32);

impl Value {
    /// Position of the node in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a graph has at most MAX_NODES nodes"))
    }
}

/// Dimensions and element type of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueType {
    /// Dimensions, outermost first.
    pub dims: Vec<Dim>,
    /// Element type.
    pub element: Element,
}

impl ValueType {
    pub(crate) fn f32(dims: impl Into<Vec<Dim>>) -> Self {
        Self { dims: dims.into(), element: Element::F32 }
    }

    /// Number of elements, as a product of sizes.
    pub(crate) fn elements(&self) -> Product {
        Product::of(&self.dims)
    }

    /// Dimensions at these sizes. Errors: [`ComputeError::Size`], also for more than 2^40 elements.
    pub fn at(&self, sizes: &Sizes) -> Result<Vec<u64>, ComputeError> {
        self.evaluate(|dim| dim.at(sizes))
    }

    /// Upper bounds of the dimensions. Errors: [`ComputeError::Size`], also for more than 2^40 elements.
    pub fn at_most(&self, bounds: &Sizes) -> Result<Vec<u64>, ComputeError> {
        self.evaluate(|dim| dim.at_most(bounds))
    }

    fn evaluate(&self, value: impl Fn(&Dim) -> Result<u64, ComputeError>) -> Result<Vec<u64>, ComputeError> {
        let dims = self.dims.iter().map(value).collect::<Result<Vec<u64>, _>>()?;
        let elements = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        if elements.is_none_or(|n| n > MAX_ELEMENTS) {
            let reason = "larger than any device";
            return Err(ComputeError::Size { dim: self.to_string(), reason });
        }
        Ok(dims)
    }
}

/// `f32 [past + tokens, 768]`.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(Dim::to_string).collect();
        f.pad(&format!("{} [{}]", self.element, dims.join(", ")))
    }
}

/// One operation of the network, or a leaf: an input, weight, constant or state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique name: of the input, weight or state, else scope, operation and number.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// What it reads, in the operation's order.
    pub inputs: Vec<Value>,
    /// What it makes.
    #[serde(flatten)]
    pub value: ValueType,
}

/// A result that the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Name for the caller.
    pub name: String,
    /// Which value it is.
    pub value: Value,
}

/// A network. Every node's inputs come before it; every shape has been checked, also after it was read
/// from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "GraphFile", into = "GraphFile")]
pub struct Graph {
    name: String,
    nodes: Vec<Node>,
    outputs: Vec<Output>,
}

/// What a serialised graph looks like.
#[derive(Serialize, Deserialize)]
struct GraphFile {
    version: u32,
    name: String,
    nodes: Vec<Node>,
    outputs: Vec<Output>,
}

impl From<Graph> for GraphFile {
    fn from(graph: Graph) -> Self {
        Self { version: GRAPH_VERSION, name: graph.name, nodes: graph.nodes, outputs: graph.outputs }
    }
}

impl TryFrom<GraphFile> for Graph {
    type Error = ComputeError;

    fn try_from(file: GraphFile) -> Result<Self, ComputeError> {
        if file.version != GRAPH_VERSION {
            let (expected, got) = (GRAPH_VERSION, file.version);
            return Err(ComputeError::Version { what: "graph", expected, got });
        }
        let mut builder = GraphBuilder::new(&file.name);
        for node in file.nodes {
            let (name, stored) = (node.name.clone(), node.value.clone());
            let value = builder.push_node(node)?;
            if builder.value_type(value) != Some(&stored) {
                let got = builder.value_type(value).map(ToString::to_string).unwrap_or_default();
                return Err(Mismatch::new("stored dimensions", got, stored).at(&name, "graph"));
            }
        }
        for output in file.outputs {
            builder.output(&output.name, output.value)?;
        }
        builder.finish()
    }
}

impl Graph {
    /// A builder for a network of this name.
    pub fn builder(name: &str) -> GraphBuilder {
        GraphBuilder::new(name)
    }

    /// Name of the network, as plans and errors print it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nodes in the order they run.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node that makes a value.
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.index()]
    }

    /// Results by name.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Values with their nodes, in the order they run.
    pub fn values(&self) -> impl Iterator<Item = (Value, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (Value::from_index(i), node))
    }

    /// Inputs the caller must give.
    pub fn inputs(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.op, Op::Input))
    }

    /// Weights the source must have.
    pub fn weights(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.op, Op::Weight))
    }

    /// KV caches, which live as long as the conversation.
    pub fn states(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.op, Op::State))
    }

    /// How often each value is read; an output counts as one read.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        let read = self.nodes.iter().flat_map(|node| &node.inputs);
        for value in read.chain(self.outputs.iter().map(|output| &output.value)) {
            uses[value.index()] += 1;
        }
        uses
    }

    /// Every weight is there, in the dimensions the network asks for and in a format this build reads.
    /// Errors: [`ComputeError::WeightMissing`], `WeightDims`, `WeightFormat`.
    pub fn check_weights(&self, source: &dyn WeightSource) -> Result<(), ComputeError> {
        self.weights().try_for_each(|node| node.checked(source).map(|_| ()))
    }
}

impl Node {
    /// A weight or constant as f32. `None` for any other node.
    /// Errors: those of [`Graph::check_weights`], for this weight alone.
    pub(crate) fn leaf_f32(&self, source: &dyn WeightSource) -> Result<Option<HostTensor>, ComputeError> {
        let dims = || self.value.at(&Sizes::new());
        let numbers = match &self.op {
            Op::Constant(constant) => constant.values.clone(),
            Op::Weight => {
                let view = self.checked(source)?;
                let wrong = |source| ComputeError::WeightFormat { name: self.name.clone(), source };
                view.to_f32().map_err(wrong)?
            }
            _ => return Ok(None),
        };
        // Fits: the numbers are in memory.
        let dims: Vec<usize> = dims()?.iter().map(|&d| d as usize).collect();
        HostTensor::f32(&dims, numbers).map(Some)
    }

    pub(crate) fn checked<'a>(&self, source: &'a dyn WeightSource) -> Result<TensorView<'a>, ComputeError> {
        let view = source.weight(&self.name)?;
        let wrong = |source| ComputeError::WeightFormat { name: self.name.clone(), source };
        view.dtype().codec().map_err(wrong)?;
        let expected = self.value.at(&Sizes::new())?;
        if view.shape().dims() != expected {
            let (expected, got) = (format!("{expected:?}"), view.shape().to_string());
            return Err(ComputeError::WeightDims { name: self.name.clone(), expected, got });
        }
        Ok(view)
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
