//! TABLE: how weights of each block format lie in GPU memory, and the WGSL that restores them.
//!
//! Every row stands alone: the pieces of its blocks are sorted by kind (all codes, then all scales), so that each
//! piece is aligned for loads of words, and the row is filled up to 16 bytes, so that kernels load four words at once.
//! No bit is lost, and nothing is added but that filling. Q4_K and Q5_K stay as they are in the file, and F32 too, whose
//! rows are not filled up: other kernels read it as plain numbers. F16 and BF16 rows are filled up to 32 elements.
//!
//! A format's text reads the binding `WEIGHT: array<vec4<u32>>` and the member `params.weight_columns`, and defines:
//! - `row_WEIGHT(row) -> u32`: where row `row` of the binding begins, to be handed to the others;
//! - `eight_WEIGHT(row, block, part) -> Eight`: elements 32 block + 8 part and on, exactly as `tensor::quant` restores
//!   them; part 0 to 3;
//! - `dequant_WEIGHT(i) -> f32`: one element, counted along the rows;
//! - formats with integer dot products: `codes_WEIGHT(row, block) -> Codes`, `scales_WEIGHT(row, block)` and
//!   `ZERO_WEIGHT`: element = scale (code − zero) + offset.

#[cfg(test)]
mod tests;

use bedside_tensor::DType;

use super::source::Source;

/// One format: pieces of a block in the order in which a row keeps them, and its text.
struct Format {
    dtype: DType,
    /// First byte and length, within a block; a piece is stored for all blocks of a row before the next one.
    pieces: &'static [(usize, usize)],
    /// Elements that a row is filled up to with zeros.
    fill: u64,
    text: &'static str,
    /// The text has what integer dot products need.
    integer: Option<Integer>,
}

/// How a format's integer codes become numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer {
    /// Elements have an offset.
    pub(crate) affine: bool,
    /// Sixteen elements share a scale, not 32.
    pub(crate) sixteens: bool,
}

const PLAIN: Option<Integer> = Some(Integer { affine: false, sixteens: false });
const AFFINE: Option<Integer> = Some(Integer { affine: true, sixteens: false });
const SIXTEENS: Option<Integer> = Some(Integer { affine: false, sixteens: true });

macro_rules! text {
    ($name:literal) => {
        concat!(include_str!(concat!($name, ".wgsl")), include_str!("element.wgsl"))
    };
}

#[rustfmt::skip]
const FORMATS: &[Format] = &[
    Format { dtype: DType::F32,    fill: 1,  pieces: &[(0, 4)], text: text!("f32"), integer: None },
    Format { dtype: DType::F16,    fill: 32, pieces: &[(0, 2)], text: text!("f16"), integer: None },
    Format { dtype: DType::BF16,   fill: 32, pieces: &[(0, 2)], text: text!("bf16"), integer: None },
    Format { dtype: DType::Q4_0,   fill: 1,  pieces: &[(2, 16), (0, 2)], text: text!("q4_0"), integer: PLAIN },
    Format { dtype: DType::Q4_1,   fill: 1,  pieces: &[(4, 16), (0, 4)], text: text!("q4_1"), integer: AFFINE },
    Format { dtype: DType::Q5_0,   fill: 1,  pieces: &[(6, 16), (2, 4), (0, 2)], text: text!("q5_0"), integer: PLAIN },
    Format { dtype: DType::Q5_1,   fill: 1,  pieces: &[(8, 16), (4, 4), (0, 4)], text: text!("q5_1"), integer: AFFINE },
    Format { dtype: DType::Q8_0,   fill: 1,  pieces: &[(2, 32), (0, 2)], text: text!("q8_0"), integer: PLAIN },
    Format { dtype: DType::Q2_K,   fill: 1,  pieces: &[(16, 64), (0, 16), (80, 4)], text: text!("q2_k"), integer: None },
    Format { dtype: DType::Q3_K,   fill: 1,  pieces: &[(32, 64), (0, 32), (96, 12), (108, 2)], text: text!("q3_k"), integer: None },
    Format { dtype: DType::Q4_K,   fill: 1,  pieces: &[(0, 144)], text: text!("q4_k"), integer: AFFINE },
    Format { dtype: DType::Q5_K,   fill: 1,  pieces: &[(0, 176)], text: text!("q5_k"), integer: AFFINE },
    Format { dtype: DType::Q6_K,   fill: 1,  pieces: &[(0, 128), (128, 64), (192, 16), (208, 2)], text: text!("q6_k"), integer: SIXTEENS },
    Format { dtype: DType::IQ4_NL, fill: 1,  pieces: &[(2, 16), (0, 2)], text: text!("iq4_nl"), integer: None },
    Format { dtype: DType::IQ4_XS, fill: 1,  pieces: &[(8, 128), (0, 8)], text: text!("iq4_xs"), integer: None },
    Format { dtype: DType::MXFP4,  fill: 1,  pieces: &[(1, 16), (0, 1)], text: text!("mxfp4"), integer: None },
];

/// Bytes that a row begins at a multiple of: one load of four words.
const ROW_ALIGNMENT: u64 = 16;

/// What all formats share.
const WORDS: &str = include_str!("words.wgsl");

/// Formats with a kernel.
pub(crate) fn formats() -> impl Iterator<Item = DType> {
    FORMATS.iter().map(|format| format.dtype)
}

fn format(dtype: DType) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.dtype == dtype)
}

/// How the format takes part in integer dot products; `None` if it does not.
pub(crate) fn integer(dtype: DType) -> Option<Integer> {
    format(dtype).and_then(|format| format.integer)
}

/// Bytes of one row. `None` as for [`words`].
fn row_bytes(format: &Format, columns: u64) -> Option<u64> {
    let len = format.dtype.block_len() as u64;
    let blocks = columns.is_multiple_of(len).then_some(columns / len)?;
    let bytes =
        blocks.checked_next_multiple_of(format.fill)?.checked_mul(format.dtype.block_bytes() as u64)?;
    if format.dtype == DType::F32 { Some(bytes) } else { bytes.checked_next_multiple_of(ROW_ALIGNMENT) }
}

/// Words of (rows, columns) as kernels read them. `None`: no kernel reads the format, rows of partial blocks, or
/// more than a u64 counts.
pub(crate) fn words(dtype: DType, rows: u64, columns: u64) -> Option<u64> {
    row_bytes(format(dtype)?, columns)?.checked_mul(rows).map(|bytes| bytes / 4)
}

/// Blocks of whole rows as in the file → words. `bytes`: rows × columns in the format; `words`: as many as [`words`]
/// says. Shapes are the caller's: it asked [`words`] first.
pub(crate) fn pack(dtype: DType, bytes: &[u8], rows: u64, columns: u64, words: &mut [u32]) {
    let Some((format, per_row)) = format(dtype).and_then(|f| Some((f, row_bytes(f, columns)? as usize)))
    else {
        return;
    };
    let out: &mut [u8] = bytemuck::cast_slice_mut(words);
    let from = bytes.len() / (rows.max(1) as usize);
    if per_row == 0 || from == 0 {
        return;
    }
    for (to, row) in out.chunks_exact_mut(per_row).zip(bytes.chunks_exact(from)) {
        pack_row(format, row, to);
    }
}

/// One row; what it is filled up with is zero.
fn pack_row(format: &Format, row: &[u8], out: &mut [u8]) {
    let (blocks, rest) = (row.chunks_exact(format.dtype.block_bytes()), &mut *out);
    let mut rest = rest;
    for &(at, len) in format.pieces {
        let (piece, after) = rest.split_at_mut(blocks.len() * len);
        rest = after;
        for (to, block) in piece.chunks_exact_mut(len).zip(blocks.clone()) {
            to.copy_from_slice(&block[at..at + len]);
        }
    }
    rest.fill(0);
}

/// `source` with the format's text for the binding `name`; one weight to a shader. F32 rows are read in whole blocks of
/// 32 where `whole`: they must be a multiple of that long. `None`: no kernel reads the format.
pub(crate) fn include(source: Source, dtype: DType, name: &str, whole: bool) -> Option<Source> {
    let text = format(dtype)?.text;
    Some(source.flag("WHOLE", whole).include(WORDS).include_for(text, "WEIGHT", name))
}
