//! f32 weights packed into panels: 32 rows side by side, column after column, so that a tile is a piece of the
//! panel and nothing is moved before it is multiplied with.
//!
//! This is as large as the matrix itself but for rows filled up to 32, and it takes the matrix' place.

use bedside_tensor::DType;

use super::tile::{DEPTH, WIDTH, Wide};

/// 32 lanes on two cache lines of their own: a load that crosses lines takes twice as long.
#[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Column(Wide);

/// Rows read at a time while packing; as f32 they stay in a near cache.
const PACK_COLUMNS: usize = 64;

/// A weight (rows, columns), packed.
pub(super) struct Floats {
    pub(super) rows: usize,
    pub(super) columns: usize,
    lanes: Vec<Column>,
}

/// Bytes of a packed f32 weight. Saturating, as plans count.
pub(super) fn packed_bytes(rows: u64, columns: u64) -> u64 {
    rows.div_ceil(WIDTH as u64).saturating_mul(columns).saturating_mul(size_of::<Column>() as u64)
}

impl Floats {
    /// `bytes`: rows × columns f32, little-endian, at any alignment.
    pub(super) fn new(rows: usize, columns: usize, bytes: &[u8]) -> Self {
        let mut lanes = vec![Column([0.0; WIDTH]); rows.div_ceil(WIDTH) * columns];
        if columns > 0 {
            for (r, row) in bytes.chunks_exact(columns * 4).enumerate() {
                let panel = &mut lanes[r / WIDTH * columns..][..columns];
                put_row(panel, r % WIDTH, row);
            }
        }
        Self { rows, columns, lanes }
    }

    /// Columns `first .. first + depth` of rows 32 × `index` onwards.
    pub(super) fn tile(&self, index: usize, first: usize, depth: usize) -> &[Wide] {
        bytemuck::cast_slice(&self.lanes[index * self.columns + first..][..depth])
    }

    /// Up to a tile from column `first` of a panel on, which may lie in the next panel.
    pub(super) fn after(&self, index: usize, first: usize) -> &[Wide] {
        let start = (index * self.columns + first).min(self.lanes.len());
        let end = (start + DEPTH).min(self.lanes.len());
        bytemuck::cast_slice(&self.lanes[start..end])
    }

    /// One row, in order.
    pub(super) fn read_row(&self, row: usize, out: &mut [f32]) {
        let panel = &self.lanes[row / WIDTH * self.columns..][..self.columns];
        out.iter_mut().zip(panel).for_each(|(out, column)| *out = column.0[row % WIDTH]);
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(self.lanes.as_slice()) as u64
    }
}

fn put_row(panel: &mut [Column], lane: usize, row: &[u8]) {
    let mut values = [0.0f32; PACK_COLUMNS];
    for (panel, row) in panel.chunks_mut(PACK_COLUMNS).zip(row.chunks(PACK_COLUMNS * 4)) {
        let values = &mut values[..panel.len()];
        DType::F32.dequantize(row, values).expect("whole f32");
        panel.iter_mut().zip(values).for_each(|(column, value)| column.0[lane] = *value);
    }
}
