//! One walk over a graph that builds the next one.

use std::collections::BTreeMap;

use bedside_tensor::DType;

use super::{Rewrite, RewriteKind, Rewritten};
use crate::ComputeError;
use crate::graph::{Graph, GraphBuilder, Node, Value, ValueType};
use crate::ops::Op;
use crate::source::{Overlay, OwnedWeight, WeightSource};
use crate::tensor::HostTensor;

/// Looks at one node, its operands already those of the new graph. Returns the value that stands for it,
/// or `None` to keep the node.
pub(super) type Rule = fn(&mut Pass<'_>, &Node) -> Result<Option<Value>, ComputeError>;

/// The new graph while it grows.
pub(super) struct Pass<'a> {
    source: &'a dyn WeightSource,
    new: GraphBuilder,
    /// Reads of each new value in the old graph: never fewer than it will have.
    uses: Vec<usize>,
    weights: BTreeMap<String, OwnedWeight>,
    log: Vec<Rewrite>,
}

impl<'a> Pass<'a> {
    pub(super) fn run(
        before: Rewritten,
        source: &'a dyn WeightSource,
        rule: Rule,
    ) -> Result<Rewritten, ComputeError> {
        let Rewritten { graph, weights, log } = before;
        let (new, uses) = (Graph::builder(graph.name()), Vec::new());
        let mut pass = Self { source, new, uses, weights, log };
        let old_uses = graph.uses();
        let mut map: Vec<Value> = Vec::with_capacity(graph.nodes().len());
        for (value, node) in graph.values() {
            let inputs = node.inputs.iter().map(|input| map[input.index()]).collect();
            let node = Node { inputs, ..node.clone() };
            let new = match rule(&mut pass, &node)? {
                Some(new) => new,
                None => pass.new.push_node(node)?,
            };
            pass.uses.resize(pass.uses.len().max(new.index() + 1), 0);
            pass.uses[new.index()] += old_uses[value.index()];
            map.push(new);
        }
        for output in graph.outputs() {
            pass.new.output(&output.name, map[output.value.index()])?;
        }
        Ok(Rewritten { graph: pass.new.finish()?, weights: pass.weights, log: pass.log })
    }

    /// A node of the new graph.
    pub(super) fn node(&self, value: Value) -> &Node {
        self.new.node(value)
    }

    /// The node reads this value alone: the value may go into it.
    pub(super) fn only_reader(&self, value: Value) -> bool {
        self.uses.get(value.index()) == Some(&1)
    }

    /// Put `op` in the place of `node`.
    pub(super) fn replace(
        &mut self,
        node: &Node,
        op: impl Into<Op>,
        inputs: Vec<Value>,
        kind: RewriteKind,
        into: Value,
    ) -> Result<Option<Value>, ComputeError> {
        let into = self.node(into).name.clone();
        self.log.push(Rewrite { kind, node: node.name.clone(), into });
        let replaced = Node { op: op.into(), inputs, ..node.clone() };
        self.new.push_node(replaced).map(Some)
    }

    /// Let `value` stand for `node`.
    pub(super) fn drop(&mut self, node: &Node, value: Value, kind: RewriteKind) -> Option<Value> {
        let into = self.node(value).name.clone();
        self.log.push(Rewrite { kind, node: node.name.clone(), into });
        Some(value)
    }

    /// The numbers of a leaf of the new graph.
    pub(super) fn leaf(&self, value: Value) -> Result<Option<HostTensor>, ComputeError> {
        self.node(value).leaf_f32(&Overlay::new(self.source, &self.weights))
    }

    /// A leaf whose numbers may be changed: no computed value, no block format.
    pub(super) fn is_plain(&self, value: Value) -> Result<bool, ComputeError> {
        let node = self.node(value);
        match node.op {
            Op::Constant(_) => Ok(true),
            Op::Weight => {
                let overlay = Overlay::new(self.source, &self.weights);
                Ok(!overlay.weight(&node.name)?.dtype().is_quantized())
            }
            _ => Ok(false),
        }
    }

    /// A new weight, kept as f32.
    pub(super) fn add_weight(&mut self, name: String, numbers: &HostTensor) -> Result<Value, ComputeError> {
        let dims: Vec<u64> = numbers.dims().iter().map(|&d| d as u64).collect();
        let weight = OwnedWeight::new(&name, DType::F32, &dims, numbers.f32s())?;
        self.weights.insert(name.clone(), weight);
        let value = ValueType::f32(dims.iter().map(|&d| d.into()).collect::<Vec<_>>());
        self.new.push_node(Node { name, op: Op::Weight, inputs: Vec::new(), value })
    }
}
