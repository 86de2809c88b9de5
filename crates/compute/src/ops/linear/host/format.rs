//! TABLE: the block formats that are packed into panels, and how one of their rows gives up 32 elements.
//!
//! Layouts: `tensor/src/quant/<format>.rs`. Codes come out unsigned; a format without an offset has its
//! zero at half the range, so that `x = scale × (code − zero)`.

use bedside_tensor::DType;

/// Elements of one block of a panel, for every format.
pub(super) const BLOCK: usize = 32;

/// Blocks of a super-block.
pub(super) const SUPER_BLOCKS: usize = 8;

/// 32 elements of one row.
pub(super) struct Unpacked {
    /// Unsigned codes.
    pub(super) codes: [u8; BLOCK],
    /// f16 `d`, then `m` or `dmin`, little-endian as in the file.
    pub(super) halves: [[u8; 2]; 2],
    /// Of super-blocks: whole scale and minimum of the 32, or the scales (i8) of its two sixteens.
    pub(super) bytes: [u8; 2],
}

/// What the kernels must know of a format.
pub(super) struct Format {
    pub(super) dtype: DType,
    /// Bits per code: 4, 5, 6 or 8.
    pub(super) bits: usize,
    /// `x = scale × code + offset`, rather than `scale × (code − zero)`.
    pub(super) affine: bool,
    /// Eight blocks share their f16 factors and have whole scales.
    pub(super) superblock: bool,
    /// 32 elements from block `b` of a row.
    pub(super) unpack: fn(row: &[u8], b: usize) -> Unpacked,
}

#[rustfmt::skip]
pub(super) const FORMATS: &[Format] = &[
    Format { dtype: DType::Q8_0, bits: 8, affine: false, superblock: false, unpack: q8_0 },
    Format { dtype: DType::Q4_0, bits: 4, affine: false, superblock: false, unpack: q4_0 },
    Format { dtype: DType::Q4_1, bits: 4, affine: true,  superblock: false, unpack: q4_1 },
    Format { dtype: DType::Q5_0, bits: 5, affine: false, superblock: false, unpack: q5_0 },
    Format { dtype: DType::Q5_1, bits: 5, affine: true,  superblock: false, unpack: q5_1 },
    Format { dtype: DType::Q4_K, bits: 4, affine: true,  superblock: true,  unpack: q4_k },
    Format { dtype: DType::Q5_K, bits: 5, affine: true,  superblock: true,  unpack: q5_k },
    Format { dtype: DType::Q6_K, bits: 6, affine: false, superblock: true,  unpack: q6_k },
];

impl Format {
    /// The format's line; `None` for formats that are dequantized from their own blocks.
    pub(super) fn of(dtype: DType) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.dtype == dtype)
    }
}

fn half(block: &[u8], at: usize) -> [u8; 2] {
    [block[at], block[at + 1]]
}

/// Low nibbles are elements 0 to 15, high nibbles 16 to 31.
fn nibbles(bytes: &[u8]) -> [u8; BLOCK] {
    std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 })
}

fn with_fifth(nibbles: [u8; BLOCK], fifth: &[u8]) -> [u8; BLOCK] {
    let fifth = u32::from_le_bytes([fifth[0], fifth[1], fifth[2], fifth[3]]);
    std::array::from_fn(|i| nibbles[i] | ((fifth >> i & 1) << 4) as u8)
}

fn q8_0(row: &[u8], b: usize) -> Unpacked {
    let block = &row[34 * b..][..34];
    let codes = std::array::from_fn(|i| block[2 + i] ^ 0x80);
    Unpacked { codes, halves: [half(block, 0), [0; 2]], bytes: [0; 2] }
}

fn q4_0(row: &[u8], b: usize) -> Unpacked {
    let block = &row[18 * b..][..18];
    Unpacked { codes: nibbles(&block[2..]), halves: [half(block, 0), [0; 2]], bytes: [0; 2] }
}

fn q4_1(row: &[u8], b: usize) -> Unpacked {
    let block = &row[20 * b..][..20];
    Unpacked { codes: nibbles(&block[4..]), halves: [half(block, 0), half(block, 2)], bytes: [0; 2] }
}

fn q5_0(row: &[u8], b: usize) -> Unpacked {
    let block = &row[22 * b..][..22];
    let codes = with_fifth(nibbles(&block[6..]), &block[2..6]);
    Unpacked { codes, halves: [half(block, 0), [0; 2]], bytes: [0; 2] }
}

fn q5_1(row: &[u8], b: usize) -> Unpacked {
    let block = &row[24 * b..][..24];
    let codes = with_fifth(nibbles(&block[8..]), &block[4..8]);
    Unpacked { codes, halves: [half(block, 0), half(block, 2)], bytes: [0; 2] }
}

/// The six-bit scale and minimum of sub-block `j`, as Q4_K and Q5_K keep them.
fn six_bit_pair(packed: &[u8], j: usize) -> [u8; 2] {
    if j < 4 {
        return [packed[j] & 63, packed[j + 4] & 63];
    }
    let low = packed[j + 4];
    [low & 15 | packed[j - 4] >> 6 << 4, low >> 4 | packed[j] >> 6 << 4]
}

fn q4_k(row: &[u8], b: usize) -> Unpacked {
    let (block, i) = (&row[144 * (b / 8)..][..144], b % 8);
    let nibbles = &block[16 + i / 2 * 32..][..32];
    let codes = std::array::from_fn(|l| nibbles[l] >> (i % 2 * 4) & 15);
    Unpacked { codes, halves: [half(block, 0), half(block, 2)], bytes: six_bit_pair(&block[4..16], i) }
}

fn q5_k(row: &[u8], b: usize) -> Unpacked {
    let (block, i) = (&row[176 * (b / 8)..][..176], b % 8);
    let (fifth, nibbles) = (&block[16..48], &block[48 + i / 2 * 32..][..32]);
    let codes = std::array::from_fn(|l| nibbles[l] >> (i % 2 * 4) & 15 | (fifth[l] >> i & 1) << 4);
    Unpacked { codes, halves: [half(block, 0), half(block, 2)], bytes: six_bit_pair(&block[4..16], i) }
}

fn q6_k(row: &[u8], b: usize) -> Unpacked {
    let (block, i) = (&row[210 * (b / 8)..][..210], b % 8);
    let (part, s) = (i / 4, i % 4);
    let (low, high) = (&block[64 * part + 32 * (s % 2)..][..32], &block[128 + 32 * part..][..32]);
    let codes = std::array::from_fn(|l| low[l] >> (s / 2 * 4) & 15 | (high[l] >> (2 * s) & 3) << 4);
    let scales = [block[192 + 2 * i], block[193 + 2 * i]];
    Unpacked { codes, halves: [half(block, 208), [0; 2]], bytes: scales }
}
