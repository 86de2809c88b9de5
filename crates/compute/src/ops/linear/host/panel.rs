//! Weights packed into panels: sixteen rows side by side, so that one vector lane works for one output.
//!
//! A panel holds, for every block of 32 columns, its codes in lines of 64 bytes, and apart from them the
//! scales in records of 32 bytes. Word `r` of a line belongs to row `r`; *group* g is columns 4·g to 4·g + 3.
//! - 8 bits: line g is group g.
//! - 4 bits: line g (0 to 3) is group g in the low nibbles, group g + 4 in the high ones.
//! - 5 bits: as 4, and bit g of a byte of line 4 is the fifth bit of group g.
//! - 6 bits: as 4, and bits 2·(g mod 4) of line 4 + g / 4 are the upper two bits of group g.
//!
//! Records: sixteen f16 `d` (and sixteen `m`) per block; of super-blocks `d` (and `dmin`) once, then for each
//! block the two bytes of [`Unpacked`], all first ones before all second ones.
//!
//! This is as large as the file's blocks but for rows filled up to sixteen, and for Q4_K and Q5_K, whose
//! six-bit scales take a byte each: 4 bytes more per 256 elements (2.8 % and 2.3 %).

use bedside_tensor::{DType, TensorView};

use super::format::{BLOCK, Format, SUPER_BLOCKS, Unpacked};

/// Rows of a panel.
pub(super) const LANES: usize = 16;

/// Groups of four columns in a block.
pub(super) const GROUPS: usize = 8;

/// One cache line of codes: a word of four bytes per row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [[u8; 4]; LANES]);

/// Sixteen f16, or twice sixteen bytes.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Record(pub(super) [u8; 32]);

/// A weight (rows, blocks × 32), packed.
pub(super) struct Packed {
    pub(super) format: &'static Format,
    pub(super) rows: usize,
    /// Blocks of a row.
    pub(super) blocks: usize,
    lines: Vec<Line>,
    records: Vec<Record>,
}

/// Sixteen rows of it.
#[derive(Clone, Copy)]
pub(super) struct Panel<'w> {
    pub(super) lines: &'w [Line],
    pub(super) records: &'w [Record],
    pub(super) blocks: usize,
    pub(super) superblock: bool,
}

/// Lines of one block.
pub(super) const fn lines_per_block(bits: usize) -> usize {
    bits
}

/// Records of a panel.
fn records_per_panel(format: &Format, blocks: usize) -> usize {
    let halves = 1 + usize::from(format.affine);
    if format.superblock { blocks / SUPER_BLOCKS * (halves + SUPER_BLOCKS) } else { blocks * halves }
}

/// Bytes of a packed weight; `None` for formats that are not packed. Saturating, as plans count.
pub(super) fn packed_bytes(dtype: DType, rows: u64, columns: u64) -> Option<u64> {
    let format = Format::of(dtype)?;
    let blocks = columns / BLOCK as u64;
    let lines = blocks.saturating_mul(64 * lines_per_block(format.bits) as u64);
    let halves = 1 + u64::from(format.affine);
    let (shared, each) =
        if format.superblock { (blocks / SUPER_BLOCKS as u64 * halves, 1) } else { (0, halves) };
    let records = shared.saturating_add(blocks.saturating_mul(each)).saturating_mul(32);
    Some(rows.div_ceil(LANES as u64).saturating_mul(lines.saturating_add(records)))
}

impl Packed {
    /// `view`: (rows, columns), which its shape and format have fitted to each other.
    pub(super) fn new(format: &'static Format, view: TensorView<'_>) -> Self {
        let [rows, columns] = [0, 1].map(|axis| view.shape().dims()[axis] as usize);
        let blocks = columns / BLOCK;
        let panels = rows.div_ceil(LANES);
        let line_count = panels * blocks * lines_per_block(format.bits);
        let mut packed = Self {
            format,
            rows,
            blocks,
            lines: vec![Line([[0; 4]; LANES]); line_count],
            records: vec![Record([0; 32]); panels * records_per_panel(format, blocks)],
        };
        if !view.bytes().is_empty() {
            let row_bytes = view.bytes().len() / rows;
            for (r, row) in view.bytes().chunks_exact(row_bytes).enumerate() {
                packed.put_row(r, row);
            }
        }
        packed
    }

    fn put_row(&mut self, r: usize, row: &[u8]) {
        let (per_block, per_panel) =
            (lines_per_block(self.format.bits), records_per_panel(self.format, self.blocks));
        let (panel, lane) = (r / LANES, r % LANES);
        let lines = &mut self.lines[panel * self.blocks * per_block..][..self.blocks * per_block];
        let records = &mut self.records[panel * per_panel..][..per_panel];
        for (b, lines) in lines.chunks_exact_mut(per_block).enumerate() {
            let unpacked = (self.format.unpack)(row, b);
            put_codes(self.format.bits, lines, lane, &unpacked.codes);
            put_scales(self.format, records, b, lane, &unpacked);
        }
    }

    pub(super) fn panels(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    pub(super) fn panel(&self, index: usize) -> Panel<'_> {
        let lines = self.blocks * lines_per_block(self.format.bits);
        let records = records_per_panel(self.format, self.blocks);
        Panel {
            lines: &self.lines[index * lines..][..lines],
            records: &self.records[index * records..][..records],
            blocks: self.blocks,
            superblock: self.format.superblock,
        }
    }

    /// Bytes held.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(self.lines.as_slice()) + size_of_val(self.records.as_slice())) as u64
    }
}

fn put_codes(bits: usize, lines: &mut [Line], lane: usize, codes: &[u8; BLOCK]) {
    let groups: [u32; GROUPS] =
        std::array::from_fn(|g| u32::from_le_bytes(std::array::from_fn(|i| codes[4 * g + i])));
    if bits == 8 {
        for (line, group) in lines.iter_mut().zip(groups) {
            line.0[lane] = group.to_le_bytes();
        }
        return;
    }
    for g in 0..4 {
        let word = groups[g] & 0x0f0f_0f0f | (groups[g + 4] & 0x0f0f_0f0f) << 4;
        lines[g].0[lane] = word.to_le_bytes();
    }
    let mut upper = [0u32; 2];
    for (g, group) in groups.iter().enumerate() {
        match bits {
            5 => upper[0] |= (group >> 4 & 0x0101_0101) << g,
            6 => upper[g / 4] |= (group >> 4 & 0x0303_0303) << (2 * (g % 4)),
            _ => {}
        }
    }
    for (line, upper) in lines[4..].iter_mut().zip(upper) {
        line.0[lane] = upper.to_le_bytes();
    }
}

fn put_scales(format: &Format, records: &mut [Record], b: usize, lane: usize, from: &Unpacked) {
    let halves = 1 + usize::from(format.affine);
    let first = if format.superblock { b / SUPER_BLOCKS * (halves + SUPER_BLOCKS) } else { b * halves };
    for (record, half) in records[first..].iter_mut().zip(&from.halves[..halves]) {
        record.0[2 * lane..][..2].copy_from_slice(half);
    }
    if format.superblock {
        let record = &mut records[first + halves + b % SUPER_BLOCKS].0;
        (record[lane], record[LANES + lane]) = (from.bytes[0], from.bytes[1]);
    }
}

/// Group `g` of a block as one word per row; its bytes are codes.
#[inline(always)]
pub(super) fn group<const BITS: usize>(lines: &[Line], g: usize) -> [u32; LANES] {
    let word = |line: usize, lane: usize| u32::from_le_bytes(lines[line].0[lane]);
    if BITS == 8 {
        return std::array::from_fn(|lane| word(g, lane));
    }
    let low: [u32; LANES] = std::array::from_fn(|lane| word(g % 4, lane) >> (g / 4 * 4) & 0x0f0f_0f0f);
    match BITS {
        5 => std::array::from_fn(|lane| low[lane] | (word(4, lane) >> g & 0x0101_0101) << 4),
        6 => std::array::from_fn(|lane| {
            low[lane] | (word(4 + g / 4, lane) >> (2 * (g % 4)) & 0x0303_0303) << 4
        }),
        _ => low,
    }
}
