//! By hand: the gradient times the other, summed where the second repeats.

use crate::host::rows::join_repeated;
use crate::train::step::{Gradients, Step};

pub(super) fn run(step: &Step<'_>) -> Gradients {
    let (a, b) = (step.inputs[0], step.inputs[1]);
    let first = step.needs[0].then(|| {
        let mut gradient = step.upstream.to_vec();
        join_repeated(&mut gradient, step.dims, (b.numbers(), b.dims), |upstream, b| upstream * b);
        gradient
    });
    vec![first, step.needs[1].then(|| step.summed(b.dims, |i| a.numbers()[i]))]
}
