//! TABLE: every tensor type this build knows, by its GGML id and name, or by its safetensors name.
//!
//! A line with a codec can be computed with. A line without one lets a file that holds such tensors be
//! opened and inspected; using the tensor is refused by name.
//! Sources: ggml's `enum ggml_type` (ggml 0.25) for ids and block sizes; the safetensors format text for
//! the types that GGML does not have.

use std::fmt;
use std::str::FromStr;

use crate::TensorError;
use crate::quant::{self, BlockCodec};

/// What one line of the table says.
struct Line {
    ggml_id: Option<u32>,
    name: &'static str,
    block_len: usize,
    block_bytes: usize,
    codec: Option<&'static dyn BlockCodec>,
    fallback: Option<DType>,
}

/// A tensor type: a plain number or a GGML block format.
#[derive(Clone, Copy)]
pub struct DType(&'static Line);

/// `id NAME block_len block_bytes codec, fallback for rows that are no multiple of the block`
macro_rules! table {
    ($($id:expr; $name:ident $len:literal $bytes:literal $codec:expr, $fallback:expr;)*) => {
        impl DType {
            $(
                #[doc = concat!("`", stringify!($name), "`: ", stringify!($len), " elements in ", stringify!($bytes), " bytes.")]
                pub const $name: DType = {
                    static LINE: Line = Line {
                        ggml_id: $id,
                        name: stringify!($name),
                        block_len: $len,
                        block_bytes: $bytes,
                        codec: $codec,
                        fallback: $fallback,
                    };
                    DType(&LINE)
                };
            )*
            /// Every known type, in the order of the table.
            pub const ALL: &'static [DType] = &[$(DType::$name),*];
        }
    };
}

table! {
    Some(0);  F32       1   4 Some(&quant::F32), None;
    Some(1);  F16       1   2 Some(&quant::F16), None;
    Some(2);  Q4_0     32  18 Some(&quant::Q4_0), Some(DType::F16);
    Some(3);  Q4_1     32  20 Some(&quant::Q4_1), Some(DType::F16);
    Some(6);  Q5_0     32  22 Some(&quant::Q5_0), Some(DType::F16);
    Some(7);  Q5_1     32  24 Some(&quant::Q5_1), Some(DType::F16);
    Some(8);  Q8_0     32  34 Some(&quant::Q8_0), Some(DType::F16);
    Some(9);  Q8_1     32  36 None, None;
    Some(10); Q2_K    256  84 Some(&quant::Q2_K), Some(DType::IQ4_NL);
    Some(11); Q3_K    256 110 Some(&quant::Q3_K), Some(DType::IQ4_NL);
    Some(12); Q4_K    256 144 Some(&quant::Q4_K), Some(DType::Q5_0);
    Some(13); Q5_K    256 176 Some(&quant::Q5_K), Some(DType::Q5_1);
    Some(14); Q6_K    256 210 Some(&quant::Q6_K), Some(DType::Q8_0);
    Some(15); Q8_K    256 292 None, None;
    Some(16); IQ2_XXS 256  66 None, None;
    Some(17); IQ2_XS  256  74 None, None;
    Some(18); IQ3_XXS 256  98 None, None;
    Some(19); IQ1_S   256  50 None, None;
    Some(20); IQ4_NL   32  18 Some(&quant::IQ4_NL), Some(DType::F16);
    Some(21); IQ3_S   256 110 None, None;
    Some(22); IQ2_S   256  82 None, None;
    Some(23); IQ4_XS  256 136 Some(&quant::IQ4_XS), Some(DType::IQ4_NL);
    Some(24); I8        1   1 None, None;
    Some(25); I16       1   2 None, None;
    Some(26); I32       1   4 None, None;
    Some(27); I64       1   8 None, None;
    Some(28); F64       1   8 None, None;
    Some(29); IQ1_M   256  56 None, None;
    Some(30); BF16      1   2 Some(&quant::BF16), None;
    Some(34); TQ1_0   256  54 None, None;
    Some(35); TQ2_0   256  66 None, None;
    Some(39); MXFP4    32  17 Some(&quant::MXFP4), Some(DType::F16);
    Some(40); NVFP4    64  36 None, None;
    Some(41); Q1_0    128  18 None, None;
    Some(42); Q2_0     64  18 None, None;
    None;     BOOL      1   1 None, None;
    None;     U8        1   1 None, None;
    None;     U16       1   2 None, None;
    None;     U32       1   4 None, None;
    None;     U64       1   8 None, None;
    None;     F8_E4M3   1   1 None, None;
    None;     F8_E5M2   1   1 None, None;
    None;     F8_E4M3FNUZ   1   1 None, None;
    None;     F8_E5M2FNUZ   1   1 None, None;
    None;     F8_E8M0   1   1 None, None;
    None;     F6_E2M3   4   3 None, None;
    None;     F6_E3M2   4   3 None, None;
    None;     F4        2   1 None, None;
    None;     C64       1   8 None, None;
}

/// GGML ids that once named a format and no longer do.
const REMOVED: &[(u32, &str)] = &[
    (4, "Q4_2"),
    (5, "Q4_3"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
];

impl DType {
    /// The type with this GGML id, or `None`.
    pub fn from_ggml_id(id: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.0.ggml_id == Some(id))
    }

    /// The name of a format that GGML has removed, for an error message that helps.
    pub fn removed_ggml_name(id: u32) -> Option<&'static str> {
        REMOVED.iter().find(|(removed, _)| *removed == id).map(|(_, name)| *name)
    }

    /// GGML's id; `None` for types that only safetensors has.
    pub fn ggml_id(self) -> Option<u32> {
        self.0.ggml_id
    }

    /// Name as GGML or safetensors spell it: `Q4_K`, `BF16`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Elements per block; 1 for plain numbers.
    pub fn block_len(self) -> usize {
        self.0.block_len
    }

    /// Bytes per block.
    pub fn block_bytes(self) -> usize {
        self.0.block_bytes
    }

    /// Bits per element, scales included: 4.5 for Q4_0.
    pub fn bits_per_weight(self) -> f64 {
        8.0 * self.0.block_bytes as f64 / self.0.block_len as f64
    }

    /// Several elements share a scale.
    pub fn is_quantized(self) -> bool {
        self.0.codec.is_some() && self.0.block_len > 1
    }

    /// This build can compute with the type.
    pub fn is_supported(self) -> bool {
        self.0.codec.is_some()
    }

    /// What to use for rows that are no multiple of the block: a type with smaller blocks and at least as
    /// many bits. `None` where rows of any length fit.
    pub fn fallback(self) -> Option<DType> {
        self.0.fallback
    }

    /// The format's codec. Errors: [`TensorError::NoCodec`].
    pub fn codec(self) -> Result<&'static dyn BlockCodec, TensorError> {
        self.0.codec.ok_or(TensorError::NoCodec { dtype: self.0.name })
    }

    /// Restore `out.len()` elements from whole blocks.
    /// Errors: no codec, partial blocks, or an output of another length.
    pub fn dequantize(self, blocks: &[u8], out: &mut [f32]) -> Result<(), TensorError> {
        let codec = self.codec()?;
        if !blocks.len().is_multiple_of(self.block_bytes()) {
            let expected = (blocks.len() / self.block_bytes() * self.block_bytes()) as u64;
            return Err(TensorError::Bytes { dtype: self.name(), expected, got: blocks.len() as u64 });
        }
        let elements = blocks.len() / self.block_bytes() * self.block_len();
        if elements != out.len() {
            let (expected, got) = (elements as u64, out.len() as u64);
            return Err(TensorError::OutputLength { dtype: self.name(), expected, got });
        }
        codec.dequantize(blocks, out);
        Ok(())
    }

    /// Quantize `x` (whole blocks) with the least squared error the search finds. Same input, same bytes.
    /// Errors: no codec, a length that is no multiple of the block, an element that is not finite or beyond
    /// what the format's scales can hold.
    pub fn quantize(self, x: &[f32]) -> Result<Vec<u8>, TensorError> {
        let codec = self.codec()?;
        if !x.len().is_multiple_of(self.block_len()) {
            let (row, block) = (x.len() as u64, self.block_len());
            return Err(TensorError::PartialBlock { row, block, dtype: self.name() });
        }
        if let Some(index) = x.iter().position(|v| !v.is_finite()) {
            let value = x[index].to_string();
            return Err(TensorError::NotFinite { index, value, dtype: self.name() });
        }
        let largest = codec.largest();
        if let Some(index) = x.iter().position(|v| v.abs() > largest) {
            let (value, largest) = (x[index].to_string(), largest.to_string());
            return Err(TensorError::OutOfRange { index, value, largest, dtype: self.name() });
        }
        let mut blocks = vec![0; x.len() / self.block_len() * self.block_bytes()];
        codec.quantize(x, &mut blocks);
        Ok(blocks)
    }
}

impl PartialEq for DType {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for DType {}

impl fmt::Debug for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}

/// By name, in any case. Errors: [`TensorError::UnknownName`] with the names this build can compute with.
impl FromStr for DType {
    type Err = TensorError;

    fn from_str(name: &str) -> Result<Self, TensorError> {
        let found = Self::ALL.iter().copied().find(|t| t.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().filter(|t| t.is_supported()).map(|t| t.name()).collect();
            TensorError::UnknownName { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_unique() {
        for (i, a) in DType::ALL.iter().enumerate() {
            assert_eq!(a.name().to_lowercase().parse::<DType>().as_ref(), Ok(a));
            for b in &DType::ALL[i + 1..] {
                assert_ne!(a.name(), b.name());
                assert!(a.ggml_id().is_none() || a.ggml_id() != b.ggml_id(), "{a} and {b}");
            }
            if let Some(id) = a.ggml_id() {
                assert_eq!(DType::from_ggml_id(id), Some(*a));
                assert_eq!(DType::removed_ggml_name(id), None, "{a}");
            }
        }
    }

    #[test]
    fn a_fallback_takes_smaller_blocks_and_ends_at_plain_numbers() {
        for dtype in DType::ALL.iter().filter(|t| t.is_quantized()) {
            let mut now = *dtype;
            while let Some(next) = now.fallback() {
                assert!(next.block_len() < now.block_len(), "{dtype}: {now} to {next}");
                assert!(next.bits_per_weight() >= now.bits_per_weight(), "{dtype}: {now} to {next}");
                now = next;
            }
            assert_eq!(now.block_len(), 1, "{dtype}");
        }
    }

    #[test]
    fn refusals_name_the_format() {
        let mut out = [0.0; 32];
        let unsupported = DType::IQ2_S.dequantize(&[0; 82], &mut [0.0; 256]).unwrap_err();
        assert!(unsupported.to_string().starts_with("IQ2_S"), "{unsupported}");
        assert!(matches!(DType::Q8_0.dequantize(&[0; 35], &mut out), Err(TensorError::Bytes { .. })));
        assert!(matches!(DType::Q8_0.dequantize(&[0; 68], &mut out), Err(TensorError::OutputLength { .. })));
        assert!(matches!(DType::Q8_0.quantize(&[0.0; 33]), Err(TensorError::PartialBlock { .. })));
        let mut x = [0.0; 32];
        x[7] = f32::NAN;
        assert!(matches!(DType::Q4_0.quantize(&x), Err(TensorError::NotFinite { index: 7, .. })));
        assert!("q4_z".parse::<DType>().unwrap_err().to_string().contains("Q4_K"));
    }
}
