//! By hand: the same factor.

use super::Scale;
use crate::train::step::{Gradients, Step};

pub(super) fn run(op: &Scale, step: &Step<'_>) -> Gradients {
    vec![Some(step.upstream.iter().map(|gradient| gradient * op.factor).collect())]
}
