//! `exact`: f32 activations times tiles of 256 columns × 32 weight rows (32 KiB: they stay in the nearest
//! cache while rows of activations pass). f32 weights lie in such tiles already; others are dequantized.
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
pub(crate) const DEPTH: usize = 256;

/// Weight rows of a tile.
pub(crate) const WIDTH: usize = 32;

/// Activations that all units of columns share before the next rows come (1.25 MiB: most of the second
/// cache, so that only weights come from farther away).
const NEAR: usize = 5 << 16;

/// Most rows of activations at a time: bounds the sums (64 KiB).
const MOST_ROWS: usize = 512;

/// 32 lanes.
pub(crate) type Wide = [f32; WIDTH];

/// Dequantized weights, one column (forward) or one row (backward) after another.
#[repr(align(64))]
struct Tile([Wide; DEPTH]);

impl Tile {
    const ZERO: Self = Self([[0.0; WIDTH]; DEPTH]);
}

/// Rows of activations.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// All of them.
    pub(crate) numbers: &'a [f32],
    /// From one row to the next; of `turned` ones from one column to the next.
    pub(crate) stride: usize,
    /// A row's numbers lie `stride` apart and rows side by side, instead of the other way round.
    pub(crate) turned: bool,
}

/// What becomes of sums: first row, first column, the sums of some rows × 32 columns, and the result's rows
/// from that column on (the last columns may be fewer than 32).
pub(crate) type Finish<'f> =
    dyn Fn([usize; 2], &mut [Wide], &mut dyn Iterator<Item = &mut [f32]>) + Sync + 'f;

/// `sums[r] ← sums[r] + Σ_k x[r][k] × tile[k]`, k in order.
pub(crate) fn multiply(tier: Tier, x: Rows<'_>, tile: &[Wide], sums: &mut [Wide]) {
    multiply_before(tier, x, tile, sums, &[]);
}

/// The same, while `next`, which is multiplied with after this, is brought near.
fn multiply_before(tier: Tier, x: Rows<'_>, tile: &[Wide], sums: &mut [Wide], next: &[Wide]) {
    let (far, near) = if x.turned { (tile.len(), sums.len()) } else { (sums.len(), tile.len()) };
    let needed = far.saturating_sub(1) * x.stride + near;
    assert!(x.numbers.len() >= needed, "activations of a tile");
    match tier {
        Tier::Portable => portable::multiply(x, tile, sums),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx2 => avx2::multiply(x, tile, sums, next),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512Vnni => avx512::multiply(x, tile, sums, next),
    }
}

/// Rows of activations at a time, so that parts are even.
pub(super) fn height(rows: usize, columns: usize) -> usize {
    let most = (NEAR / columns.max(1)).clamp(32, MOST_ROWS);
    rows.div_ceil(rows.div_ceil(most).max(1)).max(1)
}

/// x Wᵀ into `out` by way of `finish`. `x`: (rows, columns), `out`: (rows, outputs).
pub(super) fn forward(
    weights: &Weights<'_>,
    tier: Tier,
    x: &[f32],
    out: &mut [f32],
    pool: &rayon::ThreadPool,
    finish: &Finish<'_>,
) {
    let (width, columns) = (weights.rows(), weights.columns());
    let work = Work { width, unit: WIDTH, multiplications: out.len().saturating_mul(columns) };
    let height = height(out.len() / width.max(1), columns);
    columns::for_each(work, out, pool, |part| {
        let mut tile = Tile::ZERO;
        let mut sums = vec![[0.0; WIDTH]; height.min(part.rows.len())];
        for (block, rows) in part.rows.chunks_mut(height).enumerate() {
            let (x, sums) = (&x[block * height * columns..], &mut sums[..rows.len()]);
            for unit in 0..part.units {
                sums.fill([0.0; WIDTH]);
                for first in (0..columns).step_by(DEPTH) {
                    // The kernels read ahead themselves where there are few rows.
                    let next = if sums.len() > 2 { weights.after(part.first + unit, first) } else { &[] };
                    let tile = weights.tile(tier, part.first + unit, first, &mut tile);
                    let x = Rows { numbers: &x[first..], stride: columns, turned: false };
                    multiply_before(tier, x, tile, sums, next);
                }
                let start = unit * WIDTH;
                let mut rows = rows.iter_mut().map(|row| {
                    let end = row.len().min(start + WIDTH);
                    &mut row[start..end]
                });
                finish([block * height, (part.first + unit) * WIDTH], sums, &mut rows);
            }
        }
    });
}

/// One row of a packed weight: its lane of the tiles.
pub(super) fn read_row(weights: &Weights<'_>, tier: Tier, row: usize, out: &mut [f32]) {
    let mut tile = Tile::ZERO;
    for (i, out) in out.chunks_mut(DEPTH).enumerate() {
        let tile = weights.tile(tier, row / WIDTH, i * DEPTH, &mut tile);
        out.iter_mut().zip(tile).for_each(|(out, lanes)| *out = lanes[row % WIDTH]);
    }
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
                turn(weights.tile(tier, first / WIDTH, column, &mut tile), &mut turned.0);
                for (s, square) in turned.0.chunks(WIDTH).enumerate().take(depth.div_ceil(WIDTH)) {
                    for (i, rows) in part.rows.chunks_mut(BACKWARD_ROWS).enumerate() {
                        let numbers = &dy[i * BACKWARD_ROWS * outputs + first..];
                        let dy = Rows { numbers, stride: outputs, turned: false };
                        accumulate(tier, dy, &square[..count], rows, start + s * WIDTH, first == 0);
                    }
                }
            }
        }
    });
}

/// Rows of gradients that pass a tile at a time.
const BACKWARD_ROWS: usize = 24;

/// Adds `x` times `tile` to columns `start` onwards of `rows`; the first time they count as 0.
fn accumulate(tier: Tier, x: Rows<'_>, tile: &[Wide], rows: &mut [&mut [f32]], start: usize, is_first: bool) {
    let mut sums = [[0.0; WIDTH]; BACKWARD_ROWS];
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

impl Weights<'_> {
    /// Columns `first` (a multiple of 256) onwards, up to 256, of weight rows 32 × `index` onwards: where they
    /// lie, or dequantized into `tile`.
    fn tile<'t>(&'t self, tier: Tier, index: usize, first: usize, tile: &'t mut Tile) -> &'t [Wide] {
        let depth = DEPTH.min(self.columns() - first);
        if let Self::Floats(floats) = self {
            return floats.tile(index, first, depth);
        }
        fill(self, tier, index, first, &mut tile.0[..depth]);
        &tile.0[..depth]
    }

    /// What lies after such a tile, where it is not made but read.
    fn after(&self, index: usize, first: usize) -> &[Wide] {
        if let Self::Floats(floats) = self { floats.after(index, first + DEPTH) } else { &[] }
    }
}

#[cfg(test)]
mod tests;
