//! `exact`: f32 activations times weights dequantized into tiles of 256 columns × 32 rows (32 KiB: they stay
//! in the nearest cache while all rows of activations pass).
//!
//! Every output is one f32 sum over the columns in order, starting from 0. The vector tiers round each
//! product and addition together (FMA) and give the same bytes; the portable tier rounds twice, since FMA
//! without the instruction is a library call, and may differ from them in the last bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod fill;
mod portable;

use super::Weights;
use super::columns::{self, Work};
use super::tier::Tier;
use fill::fill;

/// Columns of a tile: a multiple of every block length.
const DEPTH: usize = 256;

/// Weight rows of a tile.
const WIDTH: usize = 32;

/// Rows of activations that a kernel takes at a time, at most.
const ROWS: usize = 8;

/// 32 lanes.
type Wide = [f32; WIDTH];

/// Dequantized weights, one column (forward) or one row (backward) after another.
#[repr(align(64))]
struct Tile([Wide; DEPTH]);

impl Tile {
    const ZERO: Self = Self([[0.0; WIDTH]; DEPTH]);
}

/// Rows of activations: row r is `numbers[r × stride..]`.
#[derive(Clone, Copy)]
struct Rows<'a> {
    numbers: &'a [f32],
    stride: usize,
}

/// `sums[r] ← sums[r] + Σ_k x[r][k] × tile[k]`, k in order, for up to [`ROWS`] rows.
fn multiply(tier: Tier, x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    let needed = sums.len().saturating_sub(1) * x.stride + tile.len();
    assert!(x.numbers.len() >= needed && tile.len() <= x.stride, "activations of a tile");
    match tier {
        Tier::Portable => portable::multiply(x, tile, sums),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx2 => avx2::multiply(x, tile, sums),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512Vnni => avx512::multiply(x, tile, sums),
    }
}

/// out = x Wᵀ. `x`: (rows, columns), `out`: (rows, outputs).
pub(super) fn forward(
    weights: &Weights<'_>,
    tier: Tier,
    x: &[f32],
    out: &mut [f32],
    pool: &rayon::ThreadPool,
) {
    let (width, columns) = (weights.rows(), weights.columns());
    let work = Work { width, unit: WIDTH, multiplications: out.len().saturating_mul(columns) };
    if columns == 0 {
        return out.fill(0.0);
    }
    columns::for_each(work, out, pool, |part| {
        let mut tile = Tile::ZERO;
        for unit in 0..part.units {
            let start = unit * WIDTH;
            for first in (0..columns).step_by(DEPTH) {
                let depth = DEPTH.min(columns - first);
                fill(weights, tier, part.first + unit, first, &mut tile.0[..depth]);
                for (i, rows) in part.rows.chunks_mut(ROWS).enumerate() {
                    let x = Rows { numbers: &x[i * ROWS * columns + first..], stride: columns };
                    accumulate(tier, x, &tile.0[..depth], rows, start, first == 0);
                }
            }
        }
    });
}

/// dx = dy W. `dy`: (rows, outputs), `dx`: (rows, columns). Each element is one sum over the outputs in order.
pub(super) fn backward(
    weights: &Weights<'_>,
    tier: Tier,
    dy: &[f32],
    dx: &mut [f32],
    pool: &rayon::ThreadPool,
) {
    let (outputs, width) = (weights.rows(), weights.columns());
    let work = Work { width, unit: DEPTH, multiplications: dx.len().saturating_mul(outputs) };
    if outputs == 0 {
        return dx.fill(0.0);
    }
    columns::for_each(work, dx, pool, |part| {
        let (mut tile, mut turned) = (Tile::ZERO, Tile::ZERO);
        for unit in 0..part.units {
            let (start, column) = (unit * DEPTH, (part.first + unit) * DEPTH);
            let depth = DEPTH.min(width - column);
            for first in (0..outputs).step_by(WIDTH) {
                let count = WIDTH.min(outputs - first);
                fill(weights, tier, first / WIDTH, column, &mut tile.0[..depth]);
                turn(&tile.0[..depth], &mut turned.0);
                for (s, square) in turned.0.chunks(WIDTH).enumerate().take(depth.div_ceil(WIDTH)) {
                    for (i, rows) in part.rows.chunks_mut(ROWS).enumerate() {
                        let dy = Rows { numbers: &dy[i * ROWS * outputs + first..], stride: outputs };
                        accumulate(tier, dy, &square[..count], rows, start + s * WIDTH, first == 0);
                    }
                }
            }
        }
    });
}

/// Adds `x` times `tile` to columns `start` onwards of `rows`; the first time they count as 0.
fn accumulate(tier: Tier, x: Rows<'_>, tile: &[Wide], rows: &mut [&mut [f32]], start: usize, is_first: bool) {
    let mut sums = [[0.0; WIDTH]; ROWS];
    let sums = &mut sums[..rows.len()];
    let end = |row: &[f32]| row.len().min(start + WIDTH);
    if !is_first {
        for (sums, row) in sums.iter_mut().zip(rows.iter()) {
            let row = &row[start..end(row)];
            sums[..row.len()].copy_from_slice(row);
        }
    }
    multiply(tier, x, tile, sums);
    for (sums, row) in sums.iter().zip(rows) {
        let end = end(row);
        row[start..end].copy_from_slice(&sums[..end - start]);
    }
}

/// Squares of 32 × 32, each transposed; lanes past the last column keep old numbers, which nobody reads.
fn turn(tile: &[Wide], turned: &mut [Wide; DEPTH]) {
    for (square, turned) in tile.chunks(WIDTH).zip(turned.chunks_mut(WIDTH)) {
        for (k, column) in square.iter().enumerate() {
            for (n, value) in column.iter().enumerate() {
                turned[n][k] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests;
