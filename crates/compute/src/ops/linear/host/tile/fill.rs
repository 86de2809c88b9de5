//! Dequantize a tile: the same bits as the format's reference, one lane per weight row.

use bedside_tensor::DType;

use super::super::Weights;
use super::super::format::{BLOCK, Format};
use super::super::panel::{LANES, Packed, Panel};
use super::super::tier::Tier;
use super::{DEPTH, WIDTH, Wide, portable};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Blocks `first` onwards of a panel into the sixteen lanes from `lane` on.
type Dequantize = fn(panel: &Panel<'_>, first: usize, lane: usize, tile: &mut [Wide]);

/// Columns `first` (a multiple of 256) onwards of weight rows 32 × `index` onwards; rows that do not exist
/// are 0.
pub(super) fn fill(weights: &Weights<'_>, tier: Tier, index: usize, first: usize, tile: &mut [Wide]) {
    match weights {
        Weights::Packed(packed) => fill_packed(packed, tier, index, first, tile),
        Weights::Blocks { dtype, rows, columns, bytes } => {
            let row_bytes = columns / dtype.block_len() * dtype.block_bytes();
            let start = first / dtype.block_len() * dtype.block_bytes();
            for lane in 0..WIDTH {
                let row = index * WIDTH + lane;
                let blocks = (row < *rows).then(|| &bytes[row * row_bytes + start..(row + 1) * row_bytes]);
                fill_lane(*dtype, blocks, lane, tile);
            }
        }
    }
}

/// One lane from the blocks that begin at the tile's first column.
fn fill_lane(dtype: DType, blocks: Option<&[u8]>, lane: usize, tile: &mut [Wide]) {
    let mut values = [0.0; DEPTH];
    let values = &mut values[..tile.len()];
    if let Some(blocks) = blocks {
        let needed = values.len() / dtype.block_len() * dtype.block_bytes();
        dtype.dequantize(&blocks[..needed], values).expect("the view has fitted blocks, format and columns");
    }
    for (column, value) in tile.iter_mut().zip(values) {
        column[lane] = *value;
    }
}

fn fill_packed(packed: &Packed, tier: Tier, index: usize, first: usize, tile: &mut [Wide]) {
    let dequantize = dequantizer(packed.format, tier);
    for side in 0..WIDTH / LANES {
        let panel = index * WIDTH / LANES + side;
        if panel < packed.panels() {
            let panel = packed.panel(panel);
            dequantize(&panel, first / BLOCK, side * LANES, tile);
        } else {
            tile.iter_mut().for_each(|column| column[side * LANES..][..LANES].fill(0.0));
        }
    }
}

fn dequantizer(format: &Format, tier: Tier) -> Dequantize {
    match tier {
        Tier::Portable => by_format!(format, portable::dequantize),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx2 => by_format!(format, avx2::dequantize),
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512Vnni => by_format!(format, avx512::dequantize),
    }
}
