//! Loops over the rows of a result, shared among the threads of the pool. A row is computed the same way
//! whoever does it, so results do not depend on the number of threads.

use rayon::prelude::*;

use super::vector::{Loop, vectorized};

/// Elements below which a loop is not worth sharing.
pub(crate) const SHARED_ELEMENTS: usize = 1 << 14;

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
    // The last axes, as long as b repeats along all of them or along none, are one row; not too long a one,
    // since rows are what threads share.
    let own = |back: usize| repeated.len().checked_sub(back + 1).map_or(1, |axis| repeated[axis]);
    let thick = dims.iter().rev().enumerate().find(|(_, size)| **size != 1);
    let fixed = thick.is_none_or(|(back, _)| own(back) == 1);
    let (mut together, mut width) = (0, 1);
    for (back, &size) in dims.iter().rev().enumerate() {
        let same = own(back) == if fixed { 1 } else { size };
        if !same || (back > 0 && width * size > SHARED_ELEMENTS) {
            break;
        }
        (together, width) = (together + 1, width * size);
    }
    let outer = &dims[..dims.len() - together];
    let rows: Vec<usize> = outer.iter().copied().chain([width]).collect();
    let mine = &repeated[..repeated.len().saturating_sub(together)];
    let mine: Vec<usize> = mine.iter().copied().chain([if fixed { 1 } else { width }]).collect();
    each_row(out, width, |row, out| {
        let start = repeated_row(row, &rows, &mine);
        vectorized(Join { out, b: &numbers[start..], fixed, join: &join });
    });
}

/// One row of [`join_repeated`].
struct Join<'a, F> {
    out: &'a mut [f32],
    b: &'a [f32],
    fixed: bool,
    join: &'a F,
}

impl<F: Fn(f32, f32) -> f32> Loop for Join<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { out, b, fixed, join } = self;
        if fixed {
            let b = b[0];
            out.iter_mut().for_each(|a| *a = join(*a, b));
        } else {
            out.iter_mut().zip(b).for_each(|(a, b)| *a = join(*a, *b));
        }
    }
}
