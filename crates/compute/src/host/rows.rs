//! Loops over the rows of a result, shared among the threads of the pool. A row is computed the same way
//! whoever does it, so results do not depend on the number of threads.

use rayon::prelude::*;

/// Elements below which a loop is not worth sharing.
const SHARED_ELEMENTS: usize = 1 << 14;

/// Call `row(index, row)` for every `width` elements of `out`.
pub(crate) fn each_row<T: Send>(out: &mut [T], width: usize, row: impl Fn(usize, &mut [T]) + Sync) {
    if width == 0 || out.is_empty() {
        return;
    }
    let rows = (SHARED_ELEMENTS / 4 / width).max(1);
    let several = |(task, chunk): (usize, &mut [T])| {
        for (i, out) in chunk.chunks_mut(width).enumerate() {
            row(task * rows + i, out);
        }
    };
    if out.len() < SHARED_ELEMENTS {
        out.chunks_mut(rows * width).enumerate().for_each(several);
    } else {
        out.par_chunks_mut(rows * width).enumerate().for_each(several);
    }
}

/// Position of row `row` of a value of `dims` (its last dimension left out of the count) in an operand of
/// `repeated` dimensions that repeats over it; the operand's last dimension starts there.
pub(crate) fn repeated_row(mut row: usize, dims: &[usize], repeated: &[usize]) -> usize {
    let Some((&row_len, outer)) = repeated.split_last() else { return 0 };
    let (mut offset, mut stride) = (0, row_len);
    let dims = &dims[..dims.len() - 1];
    for (back, &size) in dims.iter().rev().enumerate() {
        let at = row % size;
        row /= size;
        let Some(&mine) = outer.len().checked_sub(back + 1).and_then(|axis| outer.get(axis)) else { break };
        if mine != 1 {
            offset += at * stride;
        }
        stride *= mine;
    }
    offset
}

/// `join(out, b)` for every element of `out` of `dims`, with `b` repeated over it.
pub(crate) fn join_repeated(
    out: &mut [f32],
    dims: &[usize],
    b: (&[f32], &[usize]),
    join: impl Fn(f32, f32) -> f32 + Sync,
) {
    let (numbers, repeated) = b;
    let width = dims.last().copied().unwrap_or(1);
    each_row(out, width, |row, out| {
        let start = repeated_row(row, if dims.is_empty() { &[1] } else { dims }, repeated);
        if repeated.last().copied().unwrap_or(1) == 1 {
            let b = numbers[start];
            out.iter_mut().for_each(|a| *a = join(*a, b));
        } else {
            out.iter_mut().zip(&numbers[start..]).for_each(|(a, b)| *a = join(*a, *b));
        }
    });
}
