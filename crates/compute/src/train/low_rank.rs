//! Low-rank factors beside the weights of linear layers: W x becomes W x + scale · B A x.
//! Source: Hu et al. 2021, arXiv 2106.09685; names as llama.cpp's adapters write them.

use crate::ComputeError;
use crate::graph::{Graph, GraphBuilder, Node, Value, ValueType};
use crate::ops::{Activation, Add, Linear, Op, Scale};

/// Factors of every target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowRank {
    /// Rows of A and columns of B.
    pub rank: u32,
    /// Factor on their product: alpha / rank.
    pub scale: f32,
}

/// The graph with the weights `<target>.lora_a` (rank, in) and `<target>.lora_b` (out, rank) beside each
/// target in every linear layer that reads it. `targets`: names of weights.
/// Errors: [`ComputeError::WeightMissing`] for a target that no linear layer multiplies by; a rank of 0.
pub fn insert_low_rank(graph: &Graph, targets: &[&str], factors: LowRank) -> Result<Graph, ComputeError> {
    let mut inserting = Inserting { builder: Graph::builder(graph.name()), values: Vec::new(), factors };
    for target in targets {
        let is_layer =
            |node: &&Node| matches!(node.op, Op::Linear(_)) && graph.node(node.inputs[1]).name == **target;
        if !graph.nodes().iter().any(|node| is_layer(&node)) {
            return Err(ComputeError::WeightMissing { name: (*target).to_owned() });
        }
    }
    for node in graph.nodes() {
        let target = match &node.op {
            Op::Linear(_) => {
                Some(&graph.node(node.inputs[1]).name).filter(|name| targets.contains(&name.as_str()))
            }
            _ => None,
        };
        let value = match (&node.op, target) {
            (Op::Linear(linear), Some(target)) => inserting.layer(node, linear, target)?,
            _ => inserting.copy(node)?,
        };
        inserting.values.push(value);
    }
    let Inserting { mut builder, values, .. } = inserting;
    for output in graph.outputs() {
        builder.output(&output.name, values[output.value.index()])?;
    }
    builder.finish()
}

struct Inserting {
    builder: GraphBuilder,
    /// The new value of each old one.
    values: Vec<Value>,
    factors: LowRank,
}

impl Inserting {
    fn copy(&mut self, node: &Node) -> Result<Value, ComputeError> {
        let inputs = node.inputs.iter().map(|input| self.values[input.index()]).collect();
        self.builder.push_node(Node { inputs, ..node.clone() })
    }

    fn layer(&mut self, node: &Node, linear: &Linear, target: &str) -> Result<Value, ComputeError> {
        let inputs: Vec<Value> = node.inputs.iter().map(|input| self.values[input.index()]).collect();
        let (x, weight) = (inputs[0], inputs[1]);
        let dims = self.builder.dims(weight)?.to_vec();
        let plain = Linear { activation: Activation::None, residual: false, ..linear.clone() };
        let rank = self.factors.rank;
        let a = self.weight(&format!("{target}.lora_a"), ValueType::f32([rank.into(), dims[1]]))?;
        let b = self.weight(&format!("{target}.lora_b"), ValueType::f32([dims[0], rank.into()]))?;
        let factor = Linear { bias: false, ..plain.clone() };
        let name = |part: &str| format!("{}.{part}", node.name);
        let whole = self.push(&name("whole"), plain.clone(), inputs[..plain.residual_operand()].to_vec())?;
        let low = self.push(&name("lora_a"), factor.clone(), vec![x, a])?;
        let low = self.push(&name("lora_b"), factor, vec![low, b])?;
        let low = self.push(&name("lora_scale"), Scale { factor: self.factors.scale }, vec![low])?;
        let mut y = self.push(&name("lora_add"), Add, vec![whole, low])?;
        if linear.activation != Activation::None {
            y = self.push(&name("activation"), linear.activation, vec![y])?;
        }
        if linear.residual {
            y = self.push(&name("residual"), Add, vec![y, inputs[linear.residual_operand()]])?;
        }
        Ok(y)
    }

    fn weight(&mut self, name: &str, value: ValueType) -> Result<Value, ComputeError> {
        self.builder.push_node(Node { name: name.to_owned(), op: Op::Weight, inputs: Vec::new(), value })
    }

    fn push(&mut self, name: &str, op: impl Into<Op>, inputs: Vec<Value>) -> Result<Value, ComputeError> {
        // `push_node` works out the dimensions.
        self.builder.push_node(Node {
            name: name.to_owned(),
            op: op.into(),
            inputs,
            value: ValueType::f32([]),
        })
    }
}
