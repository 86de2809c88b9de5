//! Rewrites that pay: the same results from fewer nodes and fewer bytes moved.

mod dead;
mod fold_constants;
mod fold_norm;
mod fold_scale;
mod fuse;
mod pass;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::ComputeError;
use crate::graph::Graph;
use crate::source::{OwnedWeight, WeightSource};
use pass::{Pass, Rule};

/// What was done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RewriteKind {
    /// A node that depends on weights only became a weight.
    ConstantFolded,
    /// A batch norm went into the layer before it.
    NormFolded,
    /// A factor, of one number or one per channel, went into the layer before it.
    ScaleFolded,
    /// An added vector became a layer's bias.
    BiasFused,
    /// An activation became a layer's.
    ActivationFused,
    /// An added value became a linear layer's residual.
    ResidualFused,
    /// Nobody read the node.
    Removed,
}

/// One entry of the list of what was rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    /// What was done.
    pub kind: RewriteKind,
    /// Name of the node that is gone.
    pub node: String,
    /// Name of what it went into; the node itself where it was removed.
    pub into: String,
}

/// `BiasFused: v.blk.0.add#7 into v.blk.0.linear#5`.
impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} into {}", self.kind, self.node, self.into)
    }
}

/// A graph after its rewrites.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewritten {
    /// The smaller graph.
    pub graph: Graph,
    /// Weights that the rewrites computed; lay them over the model's with [`Overlay`](crate::Overlay).
    pub weights: BTreeMap<String, OwnedWeight>,
    /// What was rewritten, in order.
    pub log: Vec<Rewrite>,
}

/// Rules in the order they are tried; each sees what the ones before it left.
const RULES: [Rule; 4] = [fold_constants::rule, fold_norm::rule, fold_scale::rule, fuse::rule];

/// Apply every rewrite. Results differ from the original graph's only by roundings to f32 that are saved
/// (fused layers) or moved into the weights (folded ones).
/// Block-quantized weights are never changed: a factor on one would have to dequantize it.
/// Errors: weights that the rewrites need and that are missing or unreadable.
pub fn rewrite(graph: &Graph, source: &dyn WeightSource) -> Result<Rewritten, ComputeError> {
    let none = Rewritten { graph: graph.clone(), weights: BTreeMap::new(), log: Vec::new() };
    // A value with a dead reader looks as if it were still needed, so the dead go before each rule.
    let mut done = dead::remove(none)?;
    // One rule makes room for another. Ends: each entry leaves fewer nodes, or a shorter chain of scales.
    loop {
        let before = done.log.len();
        for rule in RULES {
            done = dead::remove(Pass::run(done, source, rule)?)?;
        }
        if done.log.len() == before {
            return Ok(done);
        }
    }
}
