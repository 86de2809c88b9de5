//! Nodes that nobody reads go. Inputs stay, since callers give them; so do writes to KV caches.

use super::{Rewrite, RewriteKind, Rewritten};
use crate::ComputeError;
use crate::graph::{Graph, Node, Value};
use crate::ops::Op;

pub(super) fn remove(before: Rewritten) -> Result<Rewritten, ComputeError> {
    let Rewritten { graph, mut weights, mut log } = before;
    let alive = alive(&graph);
    let mut new = Graph::builder(graph.name());
    let mut map = vec![None; graph.nodes().len()];
    for (value, node) in graph.values() {
        if !alive[value.index()] {
            weights.remove(&node.name);
            // What a rule replaced is in the log under that rule already.
            let replaced = log.iter().any(|entry| entry.into == node.name);
            if node.op.operation().is_some() && !replaced {
                let (kind, name) = (RewriteKind::Removed, node.name.clone());
                log.push(Rewrite { kind, into: name.clone(), node: name });
            }
            continue;
        }
        let inputs: Vec<Value> = node.inputs.iter().filter_map(|input| map[input.index()]).collect();
        map[value.index()] = Some(new.push_node(Node { inputs, ..node.clone() })?);
    }
    for output in graph.outputs() {
        if let Some(value) = map[output.value.index()] {
            new.output(&output.name, value)?;
        }
    }
    Ok(Rewritten { graph: new.finish()?, weights, log })
}

fn alive(graph: &Graph) -> Vec<bool> {
    let mut alive: Vec<bool> =
        graph.nodes().iter().map(|node| matches!(node.op, Op::Input | Op::CacheAppend(_))).collect();
    for output in graph.outputs() {
        alive[output.value.index()] = true;
    }
    for (value, node) in graph.values().collect::<Vec<_>>().into_iter().rev() {
        if alive[value.index()] {
            for input in &node.inputs {
                alive[input.index()] = true;
            }
        }
    }
    alive
}
