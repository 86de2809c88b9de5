//! The tensor table: names, shapes, types and offsets, checked against each other and the file.

use bedside_tensor::DType;

use super::cursor::Cursor;
use super::text::utf8;
use crate::WeightsError;
use crate::directory::{TensorInfo, checked_shape};
use crate::excerpt::excerpt;
use crate::limits::{MAX_GGUF_DIMS, MAX_TENSOR_NAME_BYTES};

/// Name length, one letter, number of dimensions, type, offset.
pub(super) const LEAST_TENSOR_BYTES: u64 = 8 + 1 + 4 + 4 + 8;

/// `count`: held against limit and bytes left already. `range` of each tensor is relative to the data
/// section, whose place is known only when the table has been read.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    count: usize,
    alignment: u64,
    file_bytes: u64,
) -> Result<Vec<TensorInfo>, WeightsError> {
    let mut tensors = Vec::with_capacity(count);
    for _ in 0..count {
        let name = cursor.string(MAX_TENSOR_NAME_BYTES, "tensor name bytes")?;
        let tensor = read_tensor(cursor, name, alignment, file_bytes);
        tensors.push(tensor.map_err(|e| e.in_tensor(name))?);
    }
    Ok(tensors)
}

fn read_tensor(
    cursor: &mut Cursor<'_>,
    name: &[u8],
    alignment: u64,
    file_bytes: u64,
) -> Result<TensorInfo, WeightsError> {
    if name.is_empty() {
        return Err(WeightsError::Empty { what: "a tensor name" });
    }
    let name = utf8(name, "a tensor name")?;
    let rank = cursor.u32("the number of dimensions")?;
    if rank > MAX_GGUF_DIMS {
        let (limit, got) = (MAX_GGUF_DIMS.into(), rank.into());
        return Err(WeightsError::Limit { what: "dimensions", limit, got });
    }
    let mut dims = [1; MAX_GGUF_DIMS as usize];
    let dims = &mut dims[..rank as usize];
    for dim in dims.iter_mut() {
        *dim = cursor.u64("dimensions")?;
    }
    dims.reverse(); // GGUF's ne[0] is the contiguous dimension, ours the last
    let dtype = dtype_of(cursor.u32("a tensor type")?)?;
    let offset = cursor.u64("a tensor offset")?;
    if !offset.is_multiple_of(alignment) {
        return Err(WeightsError::Misaligned { offset, alignment });
    }
    let (shape, bytes) = checked_shape(dims, dtype)?;
    let end = offset.checked_add(bytes);
    let end = end.ok_or(WeightsError::OutOfFile { offset, bytes, length: file_bytes })?;
    Ok(TensorInfo { name: name.into(), dtype, shape, file: 0, range: offset..end })
}

fn dtype_of(id: u32) -> Result<DType, WeightsError> {
    DType::from_ggml_id(id).ok_or_else(|| match DType::removed_ggml_name(id) {
        Some(name) => WeightsError::RemovedType { id, name },
        None => WeightsError::UnknownType { found: id.to_string() },
    })
}

/// Hold the tensors against the length of the data section, and against each other.
pub(super) fn check_layout(tensors: &[TensorInfo], length: u64) -> Result<(), WeightsError> {
    if let Some(t) = tensors.iter().find(|t| t.range.end > length) {
        let error = WeightsError::OutOfFile { offset: t.range.start, bytes: t.bytes(), length };
        return Err(error.in_tensor(t.name.as_bytes()));
    }
    let mut order: Vec<u32> =
        (0..tensors.len() as u32).filter(|&i| tensors[i as usize].bytes() > 0).collect();
    order.sort_unstable_by_key(|&i| tensors[i as usize].range.start);
    for pair in order.windows(2) {
        let (first, second) = (&tensors[pair[0] as usize], &tensors[pair[1] as usize]);
        if second.range.start < first.range.end {
            let (begin, end) = (second.range.start, first.range.end);
            let other = excerpt(first.name.as_bytes());
            return Err(WeightsError::Overlap { begin, other, end }.in_tensor(second.name.as_bytes()));
        }
    }
    Ok(())
}
