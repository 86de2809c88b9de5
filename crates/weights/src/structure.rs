//! What `model verify` looks for beyond what opening a model already refuses.

use bedside_tensor::{DType, TensorView};
use rayon::prelude::*;
use serde::Serialize;

use crate::WeightsError;
use crate::directory::TensorInfo;
use crate::model::Model;
use crate::progress::Progress;

/// Something odd in the structure of a model that does no harm. `file`: position in [`Model::files`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StructureNote {
    /// More bytes before a tensor than its alignment asks for.
    Hole {
        /// Which file.
        file: usize,
        /// Where it begins, from the file's beginning.
        begin: u64,
        /// Its size beyond the padding.
        bytes: u64,
    },
    /// Bytes after the last tensor and its padding.
    TrailingBytes {
        /// Which file.
        file: usize,
        /// How many.
        bytes: u64,
    },
    /// The last tensor is complete, its padding is not.
    UnpaddedTail {
        /// Which file.
        file: usize,
        /// Padding bytes that are missing.
        bytes: u64,
    },
    /// A tensor in a shard that the index does not name. It is not part of the model.
    Unmapped {
        /// Which file.
        file: usize,
        /// The tensor.
        tensor: String,
    },
}

/// Holes, trailing bytes, missing padding, unmapped tensors; in file order. Reads no tensor data.
pub fn structure_notes(model: &Model) -> Vec<StructureNote> {
    let mut notes = model.notes().to_vec();
    for (file, section) in model.sections().iter().enumerate() {
        let length = model.files()[file].source.bytes().len() as u64;
        let in_file = |t: &&TensorInfo| t.file == file && t.bytes() > 0;
        let mut ranges: Vec<_> = model.tensors().iter().filter(in_file).map(|t| t.range.clone()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut end = section.begin;
        for range in ranges {
            let padded = end.next_multiple_of(section.alignment);
            if range.start > padded {
                notes.push(StructureNote::Hole { file, begin: padded, bytes: range.start - padded });
            }
            end = range.end;
        }
        let padded = end.next_multiple_of(section.alignment);
        if length > padded {
            notes.push(StructureNote::TrailingBytes { file, bytes: length - padded });
        } else if length < padded && end > section.begin {
            notes.push(StructureNote::UnpaddedTail { file, bytes: padded - length });
        }
    }
    notes
}

/// What was found in the values of a model's tensors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataCheck {
    /// Tensors whose values were all looked at.
    pub checked: usize,
    /// Tensors with NaN or infinite values, in file order.
    pub not_finite: Vec<NotFinite>,
    /// Tensors that this build cannot compute with: their values were not looked at.
    pub not_checked: Vec<NotChecked>,
}

/// A tensor with NaN or infinite values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotFinite {
    /// Its name.
    pub tensor: String,
    /// How many of its values are NaN or infinite.
    pub count: u64,
    /// The first row (over all outer dimensions) that holds one.
    pub row: u64,
}

/// A tensor of a format without a codec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// Its name.
    pub tensor: String,
    /// Name of its format.
    pub dtype: &'static str,
}

impl NotChecked {
    pub(crate) fn of(info: &TensorInfo) -> Self {
        Self { tensor: info.name.to_string(), dtype: info.dtype.name() }
    }
}

/// Dequantize every tensor that can be and look for values that are not finite. Memory: about a megabyte
/// for each thread. `progress` counts bytes of tensor data.
/// Errors: `Cancelled`; `Changed` when a file was written to meanwhile.
pub fn check_data(model: &Model, progress: Progress<'_>) -> Result<DataCheck, WeightsError> {
    let mut check = DataCheck { checked: 0, not_finite: vec![], not_checked: vec![] };
    for info in model.tensors() {
        if !info.dtype.is_supported() {
            check.not_checked.push(NotChecked::of(info));
            progress.advance(info.bytes())?;
            continue;
        }
        check.checked += 1;
        if let Some((count, row)) = not_finite(&model.view(info)?, progress)? {
            check.not_finite.push(NotFinite { tensor: info.name.to_string(), count, row });
        }
    }
    model.ensure_unchanged()?;
    Ok(check)
}

/// How many values of a tensor are NaN or infinite, and the first row (over all outer dimensions) that holds
/// one; `None` where all are finite. Memory and `progress`: as [`check_data`].
/// Errors: `Cancelled`; a format without a codec.
pub fn not_finite(view: &TensorView<'_>, progress: Progress<'_>) -> Result<Option<(u64, u64)>, WeightsError> {
    let found = first_not_finite(view.dtype(), view.bytes(), progress)?;
    // The row is not empty: there is an element.
    Ok(found.map(|(count, element)| (count, element / view.shape().row_len())))
}

/// Count of values that are not finite, and the position of the first; `None` where all are.
fn first_not_finite(
    dtype: DType,
    blocks: &[u8],
    progress: Progress<'_>,
) -> Result<Option<(u64, u64)>, WeightsError> {
    /// Elements a thread restores at once: a multiple of every block length.
    const CHUNK_ELEMENTS: usize = 1 << 18;
    let chunk_bytes = CHUNK_ELEMENTS / dtype.block_len() * dtype.block_bytes();
    let look = |buffer: &mut Vec<f32>, (chunk, blocks): (usize, &[u8])| {
        progress.advance(blocks.len() as u64)?;
        buffer.resize(blocks.len() / dtype.block_bytes() * dtype.block_len(), 0.0);
        dtype.dequantize(blocks, buffer)?;
        let count = buffer.iter().filter(|v| !v.is_finite()).count() as u64;
        let first = buffer.iter().position(|v| !v.is_finite());
        Ok(first.map(|i| (count, (chunk * CHUNK_ELEMENTS + i) as u64)))
    };
    let both = |a: Option<(u64, u64)>, b| match (a, b) {
        (Some((n, first)), Some((m, second))) => Ok(Some((n + m, first.min(second)))),
        (one, other) => Ok(one.or(other)),
    };
    blocks.par_chunks(chunk_bytes).enumerate().map_init(Vec::new, look).try_reduce(|| None, both)
}
