//! Building a network: one method call per operation, shapes checked at once.

use std::collections::{HashMap, HashSet};

use super::{Dim, Element, Graph, MAX_NODES, Node, Output, Value, ValueType};
use crate::ComputeError;
use crate::error::Mismatch;
use crate::ops::{Constant, MAX_CONSTANT, Op};

/// A weight of the model file, by name, with the dimensions the network asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightRef {
    name: String,
    dims: Vec<Dim>,
}

/// Refer to a weight: `weight("blk.0.attn_q.weight", [576, 576])`, outermost dimension first. Any format.
pub fn weight<const N: usize>(name: impl Into<String>, dims: [impl Into<Dim>; N]) -> WeightRef {
    WeightRef { name: name.into(), dims: dims.map(Into::into).into() }
}

/// Something an operation can read: a value computed before, or a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A value of the graph.
    Value(Value),
    /// A weight of the model file.
    Weight(WeightRef),
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<WeightRef> for Operand {
    fn from(weight: WeightRef) -> Self {
        Self::Weight(weight)
    }
}

/// Collects nodes; each operation's method lives with the operation in `ops/`.
#[derive(Debug)]
pub struct GraphBuilder {
    name: String,
    scope: String,
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    names: HashSet<String>,
    weights: HashMap<String, Value>,
}

impl GraphBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scope: String::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            names: HashSet::new(),
            weights: HashMap::new(),
        }
    }

    /// Prefix for the names of the nodes that follow, such as `v.blk.3`: errors and plans print it.
    pub fn scope(&mut self, scope: impl Into<String>) {
        self.scope = scope.into();
    }

    /// A tensor the caller gives at each run: pixels, token ids, positions, masks.
    /// Errors: [`ComputeError::DuplicateName`].
    pub fn input(
        &mut self,
        name: &str,
        dims: impl Into<Vec<Dim>>,
        element: Element,
    ) -> Result<Value, ComputeError> {
        let value = ValueType { dims: dims.into(), element };
        self.push_node(Node { name: name.to_owned(), op: Op::Input, inputs: Vec::new(), value })
    }

    /// A weight as a value. Operations take [`weight`] directly; this is for weights used as data.
    /// Asking again for the same weight gives the same value.
    /// Errors: [`ComputeError::WeightDims`] when asked again in other dimensions.
    pub fn weight(&mut self, weight: WeightRef) -> Result<Value, ComputeError> {
        let WeightRef { name, dims } = weight;
        let value = ValueType::f32(dims);
        self.push_node(Node { name, op: Op::Weight, inputs: Vec::new(), value })
    }

    /// Numbers that belong to the architecture: a rope scaling table, a one.
    /// Errors: [`ComputeError::Limit`], or an element count that is not the dimensions'.
    pub fn constant(&mut self, dims: impl Into<Vec<Dim>>, values: Vec<f32>) -> Result<Value, ComputeError> {
        let name = self.next_name("constant");
        let value = ValueType::f32(dims);
        let op = Op::Constant(Constant { values });
        self.push_node(Node { name, op, inputs: Vec::new(), value })
    }

    /// A KV cache of `dims` (rows, kv_heads, head_dim), kept between runs, written by `cache_append`.
    /// Its format (f32, f16, q8_0) is the plan's choice. Errors: [`ComputeError::DuplicateName`].
    pub fn state(&mut self, name: &str, dims: impl Into<Vec<Dim>>) -> Result<Value, ComputeError> {
        let value = ValueType::f32(dims);
        self.push_node(Node { name: name.to_owned(), op: Op::State, inputs: Vec::new(), value })
    }

    /// Ask for a value under a name. Errors: [`ComputeError::DuplicateName`], `UnknownValue`.
    pub fn output(&mut self, name: &str, value: Value) -> Result<(), ComputeError> {
        if value.index() >= self.nodes.len() {
            return Err(self.unknown(name, "output", value));
        }
        if self.outputs.iter().any(|output| output.name == name) {
            return Err(ComputeError::DuplicateName { name: name.to_owned() });
        }
        self.outputs.push(Output { name: name.to_owned(), value });
        Ok(())
    }

    /// The finished network. Errors: [`ComputeError::NoOutput`], [`ComputeError::StateUse`].
    pub fn finish(self) -> Result<Graph, ComputeError> {
        let Self { name, nodes, outputs, .. } = self;
        if outputs.is_empty() {
            return Err(ComputeError::NoOutput { graph: name });
        }
        let graph = Graph { name, nodes, outputs };
        let uses = graph.uses();
        for (value, node) in graph.values().filter(|(_, node)| matches!(node.op, Op::State)) {
            let appends = graph.nodes.iter().filter(|n| matches!(n.op, Op::CacheAppend(_)));
            let written = appends.filter(|n| n.inputs[0] == value).count();
            let uses = uses[value.index()];
            if (written, uses) != (1, 1) {
                return Err(ComputeError::StateUse { name: node.name.clone(), uses });
            }
        }
        Ok(graph)
    }

    /// Dimensions and element type of a value of this builder.
    pub fn value_type(&self, value: Value) -> Option<&ValueType> {
        self.nodes.get(value.index()).map(|node| &node.value)
    }

    /// The node of a value of this builder.
    pub(crate) fn node(&self, value: Value) -> &Node {
        &self.nodes[value.index()]
    }

    /// Dimensions of a value of this builder. Errors: [`ComputeError::UnknownValue`].
    pub fn dims(&self, value: Value) -> Result<&[Dim], ComputeError> {
        let found = self.value_type(value).ok_or_else(|| self.unknown("dims", "dims", value))?;
        Ok(&found.dims)
    }

    /// The value of an operand; a weight becomes a leaf the first time it is named.
    pub(crate) fn operand(&mut self, operand: impl Into<Operand>) -> Result<Value, ComputeError> {
        match operand.into() {
            Operand::Value(value) => Ok(value),
            Operand::Weight(weight) => self.weight(weight),
        }
    }

    /// Operands of an operation in its order; absent ones are skipped.
    pub(crate) fn operands(
        &mut self,
        operands: impl IntoIterator<Item = Option<Operand>>,
    ) -> Result<Vec<Value>, ComputeError> {
        operands.into_iter().flatten().map(|operand| self.operand(operand)).collect()
    }

    /// Add an operation: its operands are checked and its result's shape worked out.
    pub(crate) fn push(&mut self, op: impl Into<Op>, inputs: Vec<Value>) -> Result<Value, ComputeError> {
        let op = op.into();
        let name = self.next_name(op.name());
        // `push_node` works out the true dimensions.
        self.push_node(Node { name, op, inputs, value: ValueType::f32([]) })
    }

    fn next_name(&self, op: &str) -> String {
        let dot = if self.scope.is_empty() { "" } else { "." };
        format!("{}{dot}{op}#{}", self.scope, self.nodes.len())
    }

    /// Add a node whose name is already decided. Leaves bring their dimensions with them.
    pub(crate) fn push_node(&mut self, mut node: Node) -> Result<Value, ComputeError> {
        if let Some(same) = self.known_weight(&node)? {
            return Ok(same);
        }
        if self.nodes.len() >= MAX_NODES {
            let got = self.nodes.len() + 1;
            return Err(ComputeError::Limit { what: "nodes", limit: MAX_NODES, got });
        }
        let unknown = node.inputs.iter().find(|input| input.index() >= self.nodes.len());
        if let Some(&value) = unknown {
            return Err(self.unknown(&node.name, node.op.name(), value));
        }
        node.value = self.infer(&node)?;
        if !self.names.insert(node.name.clone()) {
            return Err(ComputeError::DuplicateName { name: node.name });
        }
        let value = Value::from_index(self.nodes.len());
        if matches!(node.op, Op::Weight) {
            self.weights.insert(node.name.clone(), value);
        }
        self.nodes.push(node);
        Ok(value)
    }

    fn known_weight(&self, node: &Node) -> Result<Option<Value>, ComputeError> {
        let known = if matches!(node.op, Op::Weight) { self.weights.get(&node.name) } else { None };
        let Some(&value) = known else { return Ok(None) };
        let expected = &self.nodes[value.index()].value;
        if *expected != node.value {
            let (expected, got) = (expected.to_string(), node.value.to_string());
            return Err(ComputeError::WeightDims { name: node.name.clone(), expected, got });
        }
        Ok(Some(value))
    }

    fn infer(&self, node: &Node) -> Result<ValueType, ComputeError> {
        let refuse = |mismatch: Mismatch| mismatch.at(&node.name, node.op.name());
        match (&node.op, node.op.operation()) {
            (_, Some(operation)) => {
                let inputs: Vec<ValueType> =
                    node.inputs.iter().map(|input| self.nodes[input.index()].value.clone()).collect();
                operation.infer(&inputs).map_err(refuse)
            }
            (Op::Constant(constant), None) => {
                let got = constant.values.len();
                if got > MAX_CONSTANT {
                    let what = "constant elements";
                    return Err(ComputeError::Limit { what, limit: MAX_CONSTANT, got });
                }
                fixed(&node.value, "dimensions of a constant").map_err(refuse)?;
                let elements = node.value.elements();
                if elements.to_string() != got.to_string() {
                    return Err(refuse(Mismatch::new("constant elements", elements, got)));
                }
                Ok(node.value.clone())
            }
            (Op::Weight | Op::State, None) => {
                fixed(&node.value, "dimensions of a weight or state").map_err(refuse)?;
                Ok(node.value.clone())
            }
            (_, None) => Ok(node.value.clone()),
        }
    }

    fn unknown(&self, node: &str, op: &'static str, value: Value) -> ComputeError {
        ComputeError::UnknownValue { node: node.to_owned(), op, value: value.0, nodes: self.nodes.len() }
    }
}

/// Weights, constants and states do not change size.
fn fixed(value: &ValueType, what: &'static str) -> Result<(), Mismatch> {
    let fixed = value.dims.iter().all(|dim| dim.as_constant().is_some_and(|d| d > 0));
    if fixed { Ok(()) } else { Err(Mismatch::new(what, "positive constants", value)) }
}
