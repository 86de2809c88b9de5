//! Runs of axes that stay together are brought to their place one after the other, each by swapping it with
//! the axes before it: any number of axes, and one copy for the permutations that networks have.

use burn::tensor::Tensor;

use super::Permute;
use crate::device::formula::Formula;

pub(super) fn run(op: &Permute, formula: &Formula<'_>) -> Tensor<1> {
    let x = &formula.terms[0];
    let mut flat = x.flat();
    let mut order: Vec<usize> = (0..x.dims.len()).collect();
    let size = |axes: &[usize]| axes.iter().map(|&axis| x.dims[axis]).product::<usize>();
    let mut done = 0;
    while done < order.len() {
        let from = order.iter().position(|axis| *axis == op.axes[done]).expect("the shape check found each axis");
        let run = order[from..].iter().zip(&op.axes[done..]).take_while(|(a, b)| a == b).count();
        if from > done {
            let (before, after) = (&order[..done], &order[from + run..]);
            let (passed, moved) = (&order[done..from], &order[from..from + run]);
            let four: Tensor<4> = flat.reshape([size(before), size(passed), size(moved), size(after)]);
            flat = four.swap_dims(1, 2).reshape([formula.elements()]);
            order[done..from + run].rotate_left(from - done);
        }
        done += run;
    }
    flat
}
