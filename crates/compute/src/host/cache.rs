//! A KV cache: a preallocated buffer, written in place at `past`, in the plan's format.

use bedside_tensor::DType;
use half::f16;

use super::reserve;
use crate::ComputeError;
use crate::graph::Node;
use crate::kv::KvFormat;

/// Elements of a Q8_0 block, and its bytes: an f16 scale and as many int8.
pub(super) const Q8_0_ELEMENTS: usize = 32;
const Q8_0_BYTES: usize = 34;

/// Rows of keys or values.
pub(crate) struct Cache {
    rows: Rows,
    /// Rows it holds.
    pub(crate) capacity: usize,
    /// Elements of one row: kv_heads × head_dim.
    pub(crate) row_len: usize,
}

enum Rows {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Q8_0(Vec<u8>),
}

impl Cache {
    /// All of the memory at once, zeros. Errors: [`ComputeError::Memory`], [`ComputeError::CacheFormat`].
    pub(super) fn new(state: &Node, dims: &[usize], format: KvFormat) -> Result<Self, ComputeError> {
        format.state_bytes(state)?;
        let elements: usize = dims.iter().product();
        let rows = match format {
            KvFormat::F32 => Rows::F32(reserve("KV cache", elements, 0.0)?),
            KvFormat::F16 => Rows::F16(reserve("KV cache", elements, f16::ZERO)?),
            KvFormat::Q8_0 => Rows::Q8_0(reserve("KV cache", elements / Q8_0_ELEMENTS * Q8_0_BYTES, 0)?),
        };
        // A state has at least two dimensions, all positive: cache_append checks it.
        Ok(Self { rows, capacity: dims[0], row_len: elements / dims[0] })
    }

    /// Write whole rows from row `past` on; the caller has checked that they fit. `None`, and nothing is
    /// written, if a number cannot be kept: NaN, infinite, or beyond the format. Rounds as `KvFormat::round`.
    pub(super) fn append(&mut self, past: usize, x: &[f32]) -> Option<()> {
        let start = past * self.row_len;
        if !x.iter().all(|v| v.is_finite()) {
            return None;
        }
        match &mut self.rows {
            Rows::F32(rows) => rows[start..][..x.len()].copy_from_slice(x),
            Rows::F16(rows) => {
                if !x.iter().all(|&v| f16::from_f32(v).is_finite()) {
                    return None;
                }
                let target = &mut rows[start..][..x.len()];
                target.iter_mut().zip(x).for_each(|(to, &from)| *to = f16::from_f32(from));
            }
            Rows::Q8_0(bytes) => {
                let blocks = x.chunks_exact(Q8_0_ELEMENTS);
                if !blocks.clone().all(|block| f16::from_f32(scale(block)).is_finite()) {
                    return None;
                }
                let target = &mut bytes[start / Q8_0_ELEMENTS * Q8_0_BYTES..];
                for (block, to) in blocks.zip(target.chunks_exact_mut(Q8_0_BYTES)) {
                    write_q8_0(block, to);
                }
            }
        }
        Some(())
    }

    /// Elements from `start` on, as many as fill `out`; whole blocks for Q8_0.
    pub(crate) fn read(&self, start: usize, out: &mut [f32]) {
        match &self.rows {
            Rows::F32(rows) => out.copy_from_slice(&rows[start..][..out.len()]),
            Rows::F16(rows) => {
                out.iter_mut().zip(&rows[start..]).for_each(|(to, from)| *to = from.to_f32());
            }
            Rows::Q8_0(bytes) => {
                let first = start / Q8_0_ELEMENTS * Q8_0_BYTES;
                let blocks = &bytes[first..][..out.len() / Q8_0_ELEMENTS * Q8_0_BYTES];
                DType::Q8_0.dequantize(blocks, out).expect("whole blocks of a known format");
            }
        }
    }

    /// A copy of `len` elements from `start` on, which begins a block.
    pub(super) fn copy(&self, start: usize, len: usize) -> Vec<f32> {
        let blocks = match self.rows {
            Rows::Q8_0(_) => len.next_multiple_of(Q8_0_ELEMENTS), // the cache holds whole blocks
            _ => len,
        };
        let mut numbers = vec![0.0; blocks];
        self.read(start, &mut numbers);
        numbers.truncate(len);
        numbers
    }

    /// The elements themselves, where the format is f32.
    pub(crate) fn numbers(&self) -> Option<&[f32]> {
        match &self.rows {
            Rows::F32(rows) => Some(rows),
            _ => None,
        }
    }
}

fn scale(block: &[f32]) -> f32 {
    block.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0
}

/// Source: ggml `quantize_row_q8_0_ref`.
fn write_q8_0(block: &[f32], to: &mut [u8]) {
    let scale = scale(block);
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    to[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (to, v) in to[2..].iter_mut().zip(block) {
        // At most 127 in magnitude: the largest of the block by its own inverse.
        *to = ((v * inverse).round() as i8).to_le_bytes()[0];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ValueType;
    use crate::ops::Op;
    use crate::ops::proof::noise;

    #[test]
    fn rows_come_back_as_the_format_rounds_them() {
        let value = ValueType::f32([8u32.into(), 64u32.into()]);
        let state = Node { name: "k".into(), op: Op::State, inputs: vec![], value };
        for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
            let mut cache = Cache::new(&state, &[8, 64], format).unwrap();
            let (first, second) = (noise(&[3, 64], 1), noise(&[5, 64], 2));
            cache.append(3, second.f32s()).unwrap();
            cache.append(0, first.f32s()).unwrap();
            assert_eq!(cache.append(0, &[f32::NAN; 64]), None);
            let mut all = vec![0.0; 8 * 64];
            cache.read(0, &mut all);
            let both = [first.f32s(), second.f32s()].concat();
            assert_eq!(Some(&all), format.round(&both).as_ref());
            cache.read(5 * 64 + 32, &mut all[..32]);
            assert_eq!(all[..32], all[5 * 64 + 32..][..32]);
        }
    }

    #[test]
    fn numbers_beyond_the_format_are_refused() {
        let value = ValueType::f32([1u32.into(), 32u32.into()]);
        let state = Node { name: "k".into(), op: Op::State, inputs: vec![], value };
        let append = |format, v: f32| Cache::new(&state, &[1, 32], format).unwrap().append(0, &[v; 32]);
        for (format, largest) in [(KvFormat::F16, 65_504.0), (KvFormat::Q8_0, 8.3e6)] {
            assert_eq!(append(format, largest), Some(()));
            assert_eq!(append(format, largest * 1.01), None);
            assert_eq!(format.round(&[largest * 1.01; 32]), None);
        }
    }
}
