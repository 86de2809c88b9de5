//! What every step of a plan costs: arithmetic, memory traffic, scratch.

use bedside_tensor::DType;

use super::{ELEMENT_BYTES, Placement, PlanSettings, view_offset};
use crate::graph::{Graph, Node, Value};
use crate::ops::{Op, product};

/// Arithmetic and memory traffic of every step.
pub(super) fn costs(
    graph: &Graph,
    settings: &PlanSettings,
    dims: &[Vec<u64>],
    kept: &[Option<DType>],
    placements: &mut [Placement],
) {
    for (value, node) in graph.values() {
        let Some(operation) = node.op.operation() else { continue };
        let (inputs, output) = (operands(node, dims), &dims[value.index()]);
        let bits = |input: Value| match kept[input.index()] {
            Some(dtype) => dtype.bits_per_weight(),
            None if is_cache(graph, input) => settings.kv.bits_per_element(),
            None => 8.0 * ELEMENT_BYTES as f64,
        };
        let read = |(i, input): (usize, &Value)| {
            operation.elements_read(i, &inputs, output) as f64 * bits(*input) / 8.0
        };
        let is_view = view_offset(graph, value).is_some();
        let own = if is_view { 0 } else { product(output).saturating_mul(ELEMENT_BYTES) };
        let mut traffic = node.inputs.iter().enumerate().map(read).sum::<f64>();
        if matches!(node.op, Op::CacheAppend(_)) {
            traffic += product(&inputs[1]) as f64 * settings.kv.bits_per_element() / 8.0;
        } else if is_view {
            traffic = 0.0;
        }
        let placement = &mut placements[value.index()];
        placement.flops = operation.flops(&inputs, output);
        placement.traffic_bytes = own.saturating_add(traffic as u64);
    }
}

/// Scratch bytes of every step: only linear layers on quantized weights ask for any.
pub(super) fn scratch(
    graph: &Graph,
    settings: &PlanSettings,
    dims: &[Vec<u64>],
    kept: &[Option<DType>],
) -> Vec<u64> {
    let bytes = |node: &Node| {
        let quantized = |input: &Value| kept[input.index()].is_some_and(DType::is_quantized);
        match node.op.operation() {
            Some(operation) if node.inputs.iter().any(quantized) => {
                operation.scratch_bytes(&operands(node, dims), settings.numerics)
            }
            _ => 0,
        }
    };
    graph.nodes().iter().map(bytes).collect()
}

fn operands(node: &Node, dims: &[Vec<u64>]) -> Vec<Vec<u64>> {
    node.inputs.iter().map(|input| dims[input.index()].clone()).collect()
}

/// The filled part of a KV cache.
fn is_cache(graph: &Graph, value: Value) -> bool {
    matches!(graph.node(value).op, Op::CacheAppend(_))
}
