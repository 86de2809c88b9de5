//! Nothing moves.

use crate::tensor::HostTensor;

pub(super) fn run(inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    inputs[0].reshaped(output)
}
