//! A factor after a linear layer into its weights: one number (`scale`), or one per output feature (`mul`
//! by a vector: layer scale). A factor of a factor becomes one; a factor of 1 goes.

use super::RewriteKind;
use super::pass::Pass;
use crate::ComputeError;
use crate::graph::{Node, Value};
use crate::ops::{Activation, Op, Scale};
use crate::tensor::HostTensor;

pub(super) fn rule(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    match &node.op {
        Op::Scale(scale) => {
            let before = pass.node(node.inputs[0]).clone();
            if scale.factor.to_bits() == 1.0f32.to_bits() {
                return Ok(pass.drop(node, node.inputs[0], RewriteKind::ScaleFolded));
            }
            if let Op::Scale(first) = before.op {
                let op = Scale { factor: (f64::from(first.factor) * f64::from(scale.factor)) as f32 };
                let kind = RewriteKind::ScaleFolded;
                return pass.replace(node, op, before.inputs, kind, node.inputs[0]);
            }
            into_linear(pass, node, node.inputs[0], &|rows| vec![f64::from(scale.factor); rows])
        }
        Op::Mul(_) => {
            let vector = node.inputs[1];
            if pass.node(vector).value.dims.len() != 1 || !pass.is_plain(vector)? {
                return Ok(None);
            }
            let Some(factors) = pass.leaf(vector)? else { return Ok(None) };
            let per_row = |rows: usize| -> Vec<f64> {
                let factors = factors.f32s().iter().map(|&f| f64::from(f));
                if factors.len() == 1 { factors.cycle().take(rows).collect() } else { factors.collect() }
            };
            into_linear(pass, node, node.inputs[0], &per_row)
        }
        _ => Ok(None),
    }
}

fn into_linear(
    pass: &mut Pass<'_>,
    node: &Node,
    layer: Value,
    factors: &dyn Fn(usize) -> Vec<f64>,
) -> Result<Option<Value>, ComputeError> {
    let before = pass.node(layer).clone();
    let Op::Linear(linear) = &before.op else { return Ok(None) };
    if linear.activation != Activation::None || linear.residual || !pass.only_reader(layer) {
        return Ok(None);
    }
    for &leaf in &before.inputs[1..] {
        if !pass.is_plain(leaf)? {
            return Ok(None);
        }
    }
    let mut inputs = vec![before.inputs[0]];
    for (&leaf, part) in before.inputs[1..].iter().zip(["weight", "bias"]) {
        let Some(numbers) = pass.leaf(leaf)? else { return Ok(None) };
        let scaled = scaled_rows(&numbers, &factors(numbers.dims()[0]));
        inputs.push(pass.add_weight(format!("folded/{}.{part}", node.name), &scaled)?);
    }
    pass.replace(node, linear.clone(), inputs, RewriteKind::ScaleFolded, layer)
}

/// Each slice along the first dimension times its factor.
pub(super) fn scaled_rows(x: &HostTensor, factors: &[f64]) -> HostTensor {
    let inner = (x.len() / factors.len().max(1)).max(1);
    let scaled = x.f32s().iter().enumerate().map(|(i, &v)| (f64::from(v) * factors[i / inner]) as f32);
    HostTensor::filled(x.dims(), scaled.collect())
}
