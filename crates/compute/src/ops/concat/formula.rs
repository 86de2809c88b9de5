//! Parts of (outer, axis, inner), one behind the other.

use burn::tensor::Tensor;

use super::Concat;
use crate::device::formula::{Formula, Term};

pub(super) fn run(op: &Concat, formula: &Formula<'_>) -> Tensor<1> {
    let outer = formula.dims[..op.axis].iter().product::<usize>();
    let inner = formula.dims[op.axis + 1..].iter().product::<usize>();
    let part = |term: &Term<'_>| -> Tensor<3> {
        let mut dims = formula.dims.to_vec(); // the part, repeated
        dims[op.axis] = term.dims[op.axis];
        term.repeated(&dims).reshape([outer, term.dims[op.axis], inner])
    };
    let some = formula.terms.iter().filter(|term| term.elements() > 0);
    Tensor::cat(some.map(part).collect(), 1).reshape([formula.elements()])
}
