//! A node whose operands are all weights or constants becomes a weight: a transposed projection, 1 + w,
//! the query of an attention-pooling probe.

use super::RewriteKind;
use super::pass::Pass;
use crate::ComputeError;
use crate::graph::{Node, Sizes, Value};
use crate::ops::Op;
use crate::reference::{host_dims, reference};

pub(super) fn rule(pass: &mut Pass<'_>, node: &Node) -> Result<Option<Value>, ComputeError> {
    let constant = |value: &Value| matches!(pass.node(*value).op, Op::Weight | Op::Constant(_));
    if node.inputs.is_empty() || !node.inputs.iter().all(constant) {
        return Ok(None);
    }
    let (Some(_), Ok(dims)) = (node.op.operation(), host_dims(&node.value, &Sizes::new())) else {
        return Ok(None);
    };
    let mut operands = Vec::with_capacity(node.inputs.len());
    for &input in &node.inputs {
        operands.extend(pass.leaf(input)?);
    }
    let folded = reference(node, &operands.iter().collect::<Vec<_>>(), &dims, &Sizes::new())?;
    let weight = pass.add_weight(format!("folded/{}", node.name), &folded)?;
    Ok(pass.drop(node, weight, RewriteKind::ConstantFolded))
}
