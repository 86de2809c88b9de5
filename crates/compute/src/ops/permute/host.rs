//! Row after row of the result, read with the operand's stride; swaps of two axes tile by tile, so that what
//! a line of memory holds is used while it is near.

use rayon::prelude::*;

use super::Permute;
use crate::host::call::Call;
use crate::host::rows::{SHARED_ELEMENTS, each_row};
use crate::tensor::strides;

/// Rows and columns of a tile: a few lines of memory each way.
const TILE: usize = 16;

pub(super) fn run(op: &Permute, call: &mut Call<'_>) {
    let from = call.bits(0);
    let (own, axes) = merged(call.inputs[0].dims, &op.axes);
    match (own.as_slice(), axes.as_slice()) {
        ([_] | [], _) => call.out_bits().copy_from_slice(from),
        (&[rows, columns], _) => swap(from, [rows, columns], call.out_bits()),
        (&[_, rows, columns], [0, 2, 1]) => swap(from, [rows, columns], call.out_bits()),
        _ => row_by_row(from, &own, &axes, call.out_bits()),
    }
}

/// Sizes of the operand with axes that stay neighbours as one and without those of size 1, and which of them
/// each axis of the result is.
fn merged(dims: &[usize], axes: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let thick: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis] != 1).collect();
    // First and last place among the thick axes, and size, in the result's order.
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for &axis in axes {
        let Some(place) = thick.iter().position(|&thick| thick == axis) else { continue };
        match runs.last_mut() {
            Some((_, last, size)) if *last + 1 == place => (*last, *size) = (place, *size * dims[axis]),
            _ => runs.push((place, place, dims[axis])),
        }
    }
    let mut sorted = runs.clone();
    sorted.sort_unstable();
    let place = |run| sorted.iter().position(|sorted| sorted == run).expect("it is one of them");
    let axes = runs.iter().map(place).collect();
    (sorted.into_iter().map(|(.., size)| size).collect(), axes)
}

/// Every matrix (rows, columns) becomes (columns, rows).
fn swap(from: &[u32], [rows, columns]: [usize; 2], out: &mut [u32]) {
    for (from, out) in from.chunks_exact(rows * columns).zip(out.chunks_exact_mut(rows * columns)) {
        let tiles = |(tile, out): (usize, &mut [u32])| {
            for start in (0..rows).step_by(TILE) {
                let end = rows.min(start + TILE);
                for (i, out) in out.chunks_exact_mut(rows).enumerate() {
                    let from = from[start * columns + tile * TILE + i..].iter().step_by(columns);
                    out[start..end].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        };
        if out.len() < SHARED_ELEMENTS {
            out.chunks_mut(TILE * rows).enumerate().for_each(tiles);
        } else {
            out.par_chunks_mut(TILE * rows).enumerate().for_each(tiles);
        }
    }
}

fn row_by_row(from: &[u32], own: &[usize], axes: &[usize], out: &mut [u32]) {
    let strides = strides(own);
    let dims: Vec<usize> = axes.iter().map(|&axis| own[axis]).collect();
    let steps: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
    let (width, step) = (dims[dims.len() - 1], steps[steps.len() - 1]);
    each_row(out, width, |mut row, out| {
        let mut start = 0;
        for (size, step) in dims[..dims.len() - 1].iter().zip(&steps).rev() {
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
