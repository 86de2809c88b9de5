//! Dequantize a tile: the same bits as the format's reference, one lane per weight row.

use bedside_tensor::DType;

use super::super::Weights;
use super::super::format::{BLOCK, Format};
use super::super::halves::widen;
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
        Weights::Floats(floats) => tile.copy_from_slice(floats.tile(index, first, tile.len())),
        Weights::Halves(halves) => {
            let from = halves.tile(index, first, tile.len());
            match tier {
                Tier::Portable if halves.is_brain => widen::<true>(from, tile),
                Tier::Portable => widen::<false>(from, tile),
                #[cfg(target_arch = "x86_64")]
                Tier::Avx2 => avx2::widen_halves(halves.is_brain, from, tile),
                #[cfg(target_arch = "x86_64")]
                Tier::Avx512Vnni => avx512::widen_halves(halves.is_brain, from, tile),
            }
        }
        Weights::Blocks { dtype, rows, columns, bytes } => {
            let row_bytes = columns / dtype.block_len() * dtype.block_bytes();
            let start = first / dtype.block_len() * dtype.block_bytes();
            let mut lanes = [[0.0; DEPTH]; EIGHT];
            for first_lane in (0..WIDTH).step_by(EIGHT) {
                for (i, lane) in lanes.iter_mut().enumerate() {
                    let row = index * WIDTH + first_lane + i;
                    let blocks =
                        (row < *rows).then(|| &bytes[row * row_bytes + start..(row + 1) * row_bytes]);
                    read_lane(*dtype, blocks, &mut lane[..tile.len()]);
                }
                match tier {
                    Tier::Portable => turn(&lanes, first_lane, tile),
                    #[cfg(target_arch = "x86_64")]
                    Tier::Avx2 | Tier::Avx512Vnni => avx2::turn(&lanes, first_lane, tile),
                }
            }
        }
    }
}

/// Lanes that are turned round at a time.
pub(super) const EIGHT: usize = 8;

/// One lane from the blocks that begin at the tile's first column; 0 without blocks.
fn read_lane(dtype: DType, blocks: Option<&[u8]>, values: &mut [f32]) {
    let Some(blocks) = blocks else { return values.fill(0.0) };
    let needed = values.len() / dtype.block_len() * dtype.block_bytes();
    dtype.dequantize(&blocks[..needed], values).expect("the view has fitted blocks, format and columns");
}

/// Eight lanes, each one weight row, into the tile's columns from lane `first` on.
pub(super) fn turn(lanes: &[[f32; DEPTH]; EIGHT], first: usize, tile: &mut [Wide]) {
    for (k, column) in tile.iter_mut().enumerate() {
        for (value, lane) in column[first..].iter_mut().zip(lanes) {
            *value = lane[k];
        }
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
