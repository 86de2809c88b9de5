//! Batch norm into the convolution or linear layer before it: a factor and an offset per output channel.

use super::RewriteKind;
use super::fold_scale::scaled_rows;
use super::pass::Pass;
use crate::ComputeError;
use crate::graph::{Node, Value};
use crate::ops::{Activation, Conv2d, DepthwiseConv2d, Linear, Op};
use crate::tensor::HostTensor;

pub(super) fn rule(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    let Op::BatchNorm(norm) = &node.op else { return Ok(None) };
    let &[layer, ref statistics @ ..] = node.inputs.as_slice() else { return Ok(None) };
    let before = pass.node(layer).clone();
    let Some((bias, op)) = biased(&before, node) else { return Ok(None) };
    if !pass.only_reader(layer) {
        return Ok(None);
    }
    for &leaf in before.inputs[1..].iter().chain(statistics) {
        if !pass.is_plain(leaf)? {
            return Ok(None);
        }
    }
    let mut statistic = Vec::with_capacity(statistics.len());
    for &value in statistics {
        statistic.extend(pass.leaf(value)?);
    }
    let [weight, shift, mean, variance] = statistic.as_slice() else { return Ok(None) };
    let affine = norm.affine([weight.f32s(), shift.f32s(), mean.f32s(), variance.f32s()]);
    let (factors, offsets): (Vec<f64>, Vec<f64>) = affine.into_iter().unzip();
    let Some(rows) = pass.leaf(before.inputs[1])? else { return Ok(None) };
    let old = if bias { pass.leaf(before.inputs[2])? } else { None };
    let shifted = offsets.iter().enumerate().map(|(c, offset)| {
        let old = old.as_ref().map_or(0.0, |old| f64::from(old.f32s()[c]));
        (old * factors[c] + offset) as f32
    });
    let bias = HostTensor::f32(&[factors.len()], shifted.collect())?;
    let weight = pass.add_weight(format!("folded/{}.weight", node.name), &scaled_rows(&rows, &factors))?;
    let bias = pass.add_weight(format!("folded/{}.bias", node.name), &bias)?;
    let inputs = vec![before.inputs[0], weight, bias];
    pass.replace(node, op, inputs, RewriteKind::NormFolded, layer)
}

/// Whether the layer has a bias, and the same layer with one; `None` where the norm cannot go into it.
fn biased(layer: &Node, norm: &Node) -> Option<(bool, Op)> {
    match &layer.op {
        Op::Conv2d(c) if c.activation == Activation::None => {
            Some((c.bias, Op::from(Conv2d { bias: true, ..c.clone() })))
        }
        Op::DepthwiseConv2d(c) if c.activation == Activation::None => {
            Some((c.bias, Op::from(DepthwiseConv2d { bias: true, ..c.clone() })))
        }
        // Channels are the second dimension for the norm, the last for the layer.
        Op::Linear(l) if l.activation == Activation::None && !l.residual && norm.value.dims.len() == 2 => {
            Some((l.bias, Op::from(Linear { bias: true, ..l.clone() })))
        }
        _ => None,
    }
}
