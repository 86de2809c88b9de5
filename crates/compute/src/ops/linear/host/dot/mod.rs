//! `fast`: int8 activations times packed codes.
//!
//! For every output, block by block in order, each step rounded once:
//! `dot = Σ (code − zero) × activation code` as an exact i32, `y ← y + f32(dot) × (scale × x scale)`, and for
//! formats with an offset `y ← y + offset × (x scale × f32(Σ activation codes))`. Q6_K does so per sixteen
//! elements. No step is fused, so that every tier gives the same bytes.
//!
//! Error against f64 sums over the same dequantized weights, relative RMS, 1536 columns (`host/tests.rs`):
//!
//! | weights | nearly normal activations | one in 64 of them ten times as large |
//! |---|---|---|
//! | Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K | 0.52 % | 1.04 % |
//!
//! It comes from the activations alone: half a step of a block's largest / 127 each. In the worst case it is
//! Σ over blocks of (largest / 254) × Σ |w|, plus the f32 sums of `columns / 32` steps.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
mod portable;

use std::cell::Cell;

use rayon::prelude::*;

use super::activations::{self, ActivationBlock};
use super::columns::{self, Work};
use super::format::{BLOCK, Format};
use super::panel::{LANES, Packed, Panel};
use super::scales::Lanes;
use super::tier::Tier;
use super::tile::{self, Finish, WIDTH, Wide};

/// Rows of activations that a kernel takes at a time, at most.
const ROWS: usize = 8;

/// Activation blocks that one thread quantizes at a time.
const QUANTIZE: usize = 1024;

/// Up to [`ROWS`] rows of activations (rows × blocks) times one panel.
type Kernel = fn(&Panel<'_>, &[ActivationBlock], &mut [Lanes]);

thread_local! {
    /// Blocks of the last product that was begun here; the plan counts them as its scratch.
    static KEPT: Cell<Vec<ActivationBlock>> = const { Cell::new(Vec::new()) };
}

/// What is taken from `code × activation code`: half the range, or 0 where the format has an offset.
const fn zero(bits: usize, affine: bool) -> i32 {
    if affine { 0 } else { 1 << (bits - 1) }
}

/// Parts of a block with a scale of their own.
const fn subs(bits: usize) -> usize {
    if bits == 6 { 2 } else { 1 }
}

fn kernel(tier: Tier, format: &Format) -> Kernel {
    match tier {
        Tier::Portable => by_format!(format, portable::panel),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx2 => by_format!(format, avx2::panel),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512Vnni => by_format!(format, avx512vnni::panel),
    }
}

/// x Wᵀ into `out` by way of `finish`. `x`: (rows, columns), `out`: (rows, outputs).
pub(super) fn forward(
    packed: &Packed,
    tier: Tier,
    x: &[f32],
    out: &mut [f32],
    pool: &rayon::ThreadPool,
    finish: &Finish<'_>,
) {
    let (width, blocks) = (packed.rows, packed.blocks);
    let work = Work { width, unit: WIDTH, multiplications: out.len().saturating_mul(blocks * BLOCK) };
    let (kernel, kept) = (kernel(tier, packed.format), quantize(tier, x, pool));
    let quantized = kept.as_slice();
    let height = tile::height(out.len() / width.max(1), blocks * size_of::<ActivationBlock>() / 4);
    columns::for_each(work, out, pool, |part| {
        let mut sums = vec![[0.0; WIDTH]; height.min(part.rows.len())];
        for (block, rows) in part.rows.chunks_mut(height).enumerate() {
            let (x, sums) = (&quantized[block * height * blocks..], &mut sums[..rows.len()]);
            for unit in 0..part.units {
                for side in 0..WIDTH / LANES {
                    let panel = (part.first + unit) * WIDTH / LANES + side;
                    if panel < packed.panels() {
                        multiply(kernel, &packed.panel(panel), x, sums, side * LANES);
                    }
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
    KEPT.set(kept);
}

/// Sixteen lanes of the sums, from `lane` on.
fn multiply(kernel: Kernel, panel: &Panel<'_>, x: &[ActivationBlock], sums: &mut [Wide], lane: usize) {
    let mut lanes = [[0.0; LANES]; ROWS];
    for (i, sums) in sums.chunks_mut(ROWS).enumerate() {
        let lanes = &mut lanes[..sums.len()];
        kernel(panel, &x[i * ROWS * panel.blocks..][..sums.len() * panel.blocks], lanes);
        for (sums, lanes) in sums.iter_mut().zip(lanes) {
            sums[lane..][..LANES].copy_from_slice(lanes);
        }
    }
}

/// Activations as `fast` sees them, into memory that the thread keeps: to take it and to touch it for the first
/// time would be up to a tenth of a product, and no other thread could help.
fn quantize(tier: Tier, x: &[f32], pool: &rayon::ThreadPool) -> Vec<ActivationBlock> {
    let mut blocks = KEPT.take();
    activations::make_room(&mut blocks, x.len() / BLOCK);
    if pool.current_num_threads() == 1 || blocks.len() <= 2 * QUANTIZE {
        activations::quantize(tier, x, &mut blocks);
    } else {
        let parts = blocks.par_chunks_mut(QUANTIZE).zip(x.par_chunks(QUANTIZE * BLOCK));
        pool.install(|| parts.for_each(|(blocks, x)| activations::quantize(tier, x, blocks)));
    }
    blocks
}

#[cfg(test)]
mod tests;
