//! Row after row of the result, read with the operand's stride.

use super::Permute;
use crate::host::call::Call;
use crate::host::rows::each_row;
use crate::tensor::strides;

pub(super) fn run(op: &Permute, call: &mut Call<'_>) {
    let (from, dims) = (call.bits(0), call.dims.to_vec());
    let Some((&width, outer)) = dims.split_last() else {
        return call.out_bits().copy_from_slice(from);
    };
    let own = strides(call.inputs[0].dims);
    let steps: Vec<usize> = op.axes.iter().map(|&axis| own[axis]).collect();
    let step = steps[outer.len()];
    each_row(call.out_bits(), width, |mut row, out| {
        let mut start = 0;
        for (size, step) in outer.iter().zip(&steps).rev() {
            start += row % size * step;
            row /= size;
        }
        if step == 1 {
            out.copy_from_slice(&from[start..][..width]);
        } else {
            out.iter_mut().zip(from[start..].iter().step_by(step)).for_each(|(to, from)| *to = *from);
        }
    });
}
