//! F16 and BF16 weights packed into panels like f32 ones: 32 rows side by side, column after column, so that a
//! tile is widened and not turned round. As large as the matrix but for rows filled up to 32.

use bedside_tensor::DType;

use super::scales::half_to_f32;
use super::tile::{WIDTH, Wide};

/// 32 lanes on a cache line of their own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct HalfColumn([u16; WIDTH]);

/// A weight (rows, columns), packed.
pub(super) struct Halves {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// BF16, else F16.
    pub(super) is_brain: bool,
    lanes: Vec<HalfColumn>,
}

/// Bytes of a packed weight. Saturating, as plans count.
pub(super) fn packed_bytes(rows: u64, columns: u64) -> u64 {
    rows.div_ceil(WIDTH as u64).saturating_mul(columns).saturating_mul(size_of::<HalfColumn>() as u64)
}

/// The format has two bytes per element and is kept this way.
pub(super) fn is_half(dtype: DType) -> bool {
    dtype == DType::F16 || dtype == DType::BF16
}

impl Halves {
    /// `bytes`: rows × columns numbers of `dtype`, little-endian.
    pub(super) fn new(dtype: DType, rows: usize, columns: usize, bytes: &[u8]) -> Self {
        let mut lanes = vec![HalfColumn([0; WIDTH]); rows.div_ceil(WIDTH) * columns];
        if columns > 0 {
            for (r, row) in bytes.chunks_exact(columns * 2).enumerate() {
                let panel = &mut lanes[r / WIDTH * columns..][..columns];
                for (column, bytes) in panel.iter_mut().zip(row.as_chunks::<2>().0) {
                    column.0[r % WIDTH] = u16::from_le_bytes(*bytes);
                }
            }
        }
        Self { rows, columns, is_brain: dtype == DType::BF16, lanes }
    }

    /// Columns `first .. first + depth` of rows 32 × `index` onwards.
    pub(super) fn tile(&self, index: usize, first: usize, depth: usize) -> &[HalfColumn] {
        &self.lanes[index * self.columns + first..][..depth]
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(self.lanes.as_slice()) as u64
    }
}

/// Columns of halves as f32, exactly.
#[inline(always)]
pub(super) fn widen<const BRAIN: bool>(from: &[HalfColumn], tile: &mut [Wide]) {
    for (from, to) in from.iter().zip(tile) {
        for (half, value) in from.0.iter().zip(to) {
            *value = if BRAIN { f32::from_bits(u32::from(*half) << 16) } else { half_to_f32(*half) };
        }
    }
}
