//! Formats of the KV cache.

use std::fmt;

use bedside_tensor::DType;
use serde::{Deserialize, Serialize};

use crate::ComputeError;
use crate::graph::{Node, Sizes};

/// How keys and values are kept between runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvFormat {
    /// As computed.
    F32,
    /// Half the memory.
    #[default]
    F16,
    /// Blocks of 32 with one scale: head_dim must be a multiple of 32.
    #[serde(rename = "q8_0")]
    Q8_0,
}

impl KvFormat {
    fn dtype(self) -> DType {
        match self {
            KvFormat::F32 => DType::F32,
            KvFormat::F16 => DType::F16,
            KvFormat::Q8_0 => DType::Q8_0,
        }
    }

    /// Bits of one element, scales included.
    pub(crate) fn bits_per_element(self) -> f64 {
        self.dtype().bits_per_weight()
    }

    /// Bytes of a state. Errors: [`ComputeError::CacheFormat`], [`ComputeError::Size`].
    pub(crate) fn state_bytes(self, state: &Node) -> Result<u64, ComputeError> {
        let dims = state.value.at(&Sizes::new())?;
        let (row, block) = (dims.last().copied().unwrap_or(1), self.dtype().block_len() as u64);
        if !row.is_multiple_of(block) {
            let (name, format) = (state.name.clone(), self.dtype().name());
            return Err(ComputeError::CacheFormat { name, row, block, format });
        }
        // No overflow: at most 2^40 elements.
        Ok(dims.iter().product::<u64>() / block * self.dtype().block_bytes() as u64)
    }

    /// What the cache will give back for these rows; `None` if a number is not finite.
    /// Q8_0 as caches are written, block by block without a search: scale = largest / 127 as f16.
    /// Source: ggml `quantize_row_q8_0_ref`.
    pub(crate) fn round(self, rows: &[f32]) -> Option<Vec<f32>> {
        if !rows.iter().all(|v| v.is_finite()) {
            return None;
        }
        match self {
            KvFormat::F32 => Some(rows.to_vec()),
            KvFormat::F16 => half(rows),
            KvFormat::Q8_0 => {
                let mut rounded = Vec::with_capacity(rows.len());
                for block in rows.chunks(self.dtype().block_len()) {
                    let scale = block.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0;
                    let stored = half(&[scale])?[0];
                    // A scale that f16 stores as 0 gives zeros; its inverse might not even be finite.
                    let inverse = if stored == 0.0 { 0.0 } else { 1.0 / scale };
                    rounded.extend(block.iter().map(|v| (v * inverse).round() * stored));
                }
                Some(rounded)
            }
        }
    }
}

fn half(values: &[f32]) -> Option<Vec<f32>> {
    let bytes = DType::F16.quantize(values).ok()?;
    let mut rounded = vec![0.0; values.len()];
    DType::F16.dequantize(&bytes, &mut rounded).ok()?;
    Some(rounded)
}

impl fmt::Display for KvFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            KvFormat::F32 => "f32",
            KvFormat::F16 => "f16",
            KvFormat::Q8_0 => "q8_0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_stays_within_the_format() {
        let rows: Vec<f32> = (0..64).map(|i| (i as f32 - 20.0) / 7.0).collect();
        let largest = |f: KvFormat| {
            let rounded = f.round(&rows).unwrap();
            rows.iter().zip(&rounded).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()))
        };
        assert!(largest(KvFormat::F32) == 0.0);
        // f16 keeps 11 bits: half a step of 2^-8 between 4 and 8.
        assert!(largest(KvFormat::F16) <= 1.0 / 512.0);
        // Half a step of 6.2 / 127, and the scale's own rounding.
        assert!(largest(KvFormat::Q8_0) <= 6.2 / 254.0 * 1.05);
        assert_eq!(KvFormat::F16.round(&[f32::NAN]), None);
        assert_eq!(KvFormat::Q8_0.round(&[0.0; 32]).unwrap(), [0.0; 32]);
    }
}
