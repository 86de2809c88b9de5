//! What follows a layer and touches its result only goes into the layer: bias, activation, residual.

use super::RewriteKind;
use super::pass::Pass;
use crate::ComputeError;
use crate::graph::{Node, Value};
use crate::ops::{Activation, Conv2d, DepthwiseConv2d, Linear, Op};

pub(super) fn rule(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    match &node.op {
        Op::Activation(activation) => fuse_activation(pass, node, *activation),
        Op::Add(_) => match fuse_bias(pass, node)? {
            Some(fused) => Ok(Some(fused)),
            None => fuse_residual(pass, node),
        },
        _ => Ok(None),
    }
}

fn fuse_activation(
    pass: &mut Pass<'_>,
    node: &Node,
    activation: Activation,
) -> Result<Option<Value>, ComputeError> {
    let layer = node.inputs[0];
    let before = pass.node(layer).clone();
    let op = match before.op {
        Op::Linear(l) if l.activation == Activation::None && !l.residual => {
            Op::from(Linear { activation, ..l })
        }
        Op::Conv2d(c) if c.activation == Activation::None => Op::from(Conv2d { activation, ..c }),
        Op::DepthwiseConv2d(c) if c.activation == Activation::None => {
            Op::from(DepthwiseConv2d { activation, ..c })
        }
        _ => return Ok(None),
    };
    if !pass.only_reader(layer) {
        return Ok(None);
    }
    pass.replace(node, op, before.inputs, RewriteKind::ActivationFused, layer)
}

/// A vector from the model file, one number per output feature, added to a linear layer without bias.
fn fuse_bias(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    let [layer, vector] = [node.inputs[0], node.inputs[1]];
    let (before, added) = (pass.node(layer).clone(), pass.node(vector));
    let Op::Linear(linear) = before.op else { return Ok(None) };
    let free = !linear.bias && linear.activation == Activation::None && !linear.residual;
    let is_leaf = matches!(added.op, Op::Weight | Op::Constant(_));
    let fits = added.value.dims.as_slice() == &node.value.dims[node.value.dims.len() - 1..];
    if !(free && is_leaf && fits && pass.only_reader(layer)) {
        return Ok(None);
    }
    let inputs = before.inputs.iter().copied().chain([vector]).collect();
    let op = Linear { bias: true, ..linear };
    pass.replace(node, op, inputs, RewriteKind::BiasFused, layer)
}

fn fuse_residual(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    for (layer, residual) in [(node.inputs[1], node.inputs[0]), (node.inputs[0], node.inputs[1])] {
        let before = pass.node(layer).clone();
        let Op::Linear(linear) = before.op else { continue };
        let same = before.value == node.value && pass.node(residual).value == node.value;
        if linear.residual || !same || !pass.only_reader(layer) {
            continue;
        }
        let inputs = before.inputs.iter().copied().chain([residual]).collect();
        let op = Linear { residual: true, ..linear };
        return pass.replace(node, op, inputs, RewriteKind::ResidualFused, layer);
    }
    Ok(None)
}
