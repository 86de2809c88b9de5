//! Linear on weights in their block format, on the CPU.
//!
//! Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K are packed into panels when they are loaded
//! ([`panel`] says how, and what it costs). Other formats keep their own blocks and are always computed
//! `exact`, from dequantized tiles.
//!
//! - `exact` ([`tile`]): f32 activations, weights dequantized tile by tile, f32 sums in the order of the columns.
//! - `fast` ([`dot`]): activations as int8 blocks of 32, integer dot products, f32 sums in the order of the blocks.
//!
//! Memory: a forward pass in `fast` holds 40 bytes per 32 activations; `exact` holds one tile of 32 KiB per
//! part of the work on the stack, a gradient two. Packing allocates the panels ([`packed_bytes`]) and nothing
//! else; the blocks they came from are not needed again.
//!
//! Results do not depend on the number of threads or on how many rows are computed together. `fast` gives the
//! same bytes on every [`Tier`]; `exact` on all tiers with FMA, and the portable one differs in the last bits.

/// `$module::$kernel::<BITS, AFFINE>` for a format.
macro_rules! by_format {
    ($format:expr, $module:ident::$kernel:ident) => {
        match ($format.bits, $format.affine) {
            (8, _) => $module::$kernel::<8, false>,
            (6, _) => $module::$kernel::<6, false>,
            (5, false) => $module::$kernel::<5, false>,
            (5, true) => $module::$kernel::<5, true>,
            (_, false) => $module::$kernel::<4, false>,
            (_, true) => $module::$kernel::<4, true>,
        }
    };
}

mod activations;
#[cfg(target_arch = "x86_64")]
mod codes_avx2;
#[cfg(target_arch = "x86_64")]
mod codes_avx512;
mod columns;
mod dot;
mod format;
mod panel;
mod scales;
pub(crate) mod tier;
mod tile;

use std::borrow::Cow;

use bedside_tensor::{DType, TensorView};

use crate::{ComputeError, Numerics};
use format::Format;
use panel::Packed;
pub(crate) use tier::Tier;

/// A weight (outputs, columns), ready to be multiplied with.
pub(crate) struct BlockLinear<'w> {
    weights: Weights<'w>,
    numerics: Numerics,
    tier: Tier,
}

enum Weights<'w> {
    Packed(Packed),
    Blocks { dtype: DType, rows: usize, columns: usize, bytes: Cow<'w, [u8]> },
}

impl Weights<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.rows,
            Self::Blocks { rows, .. } => *rows,
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.blocks * format::BLOCK,
            Self::Blocks { columns, .. } => *columns,
        }
    }
}

impl<'w> BlockLinear<'w> {
    /// `name`: for errors; `view`: (outputs, columns) in any format with a codec. Formats with kernels of
    /// their own are packed, which copies them; others are borrowed.
    /// Errors: [`ComputeError::WeightDims`] unless two dimensions, [`ComputeError::WeightFormat`] without codec.
    pub(crate) fn new(name: &str, view: TensorView<'w>, numerics: Numerics) -> Result<Self, ComputeError> {
        Self::with_tier(name, view, numerics, Tier::best())
    }

    /// As [`BlockLinear::new`], on a tier of one's choice. `tier`: from [`Tier::available`].
    pub(crate) fn with_tier(
        name: &str,
        view: TensorView<'w>,
        numerics: Numerics,
        tier: Tier,
    ) -> Result<Self, ComputeError> {
        let shape = view.shape();
        let &[rows, columns] = shape.dims() else {
            let (expected, got) = ("(outputs, columns)".to_owned(), shape.to_string());
            return Err(ComputeError::WeightDims { name: name.to_owned(), expected, got });
        };
        let dtype = view.dtype();
        dtype.codec().map_err(|source| ComputeError::WeightFormat { name: name.to_owned(), source })?;
        let weights = match Format::of(dtype) {
            Some(format) => Weights::Packed(Packed::new(format, view)),
            // The bytes are in memory, so their counts fit.
            None => Weights::Blocks {
                dtype,
                rows: rows as usize,
                columns: columns as usize,
                bytes: Cow::Borrowed(view.bytes()),
            },
        };
        Ok(Self { weights, numerics, tier })
    }

    /// Without the borrow: copies the blocks of formats that are not packed.
    pub(crate) fn into_owned(self) -> BlockLinear<'static> {
        let weights = match self.weights {
            Weights::Packed(packed) => Weights::Packed(packed),
            Weights::Blocks { dtype, rows, columns, bytes } => {
                Weights::Blocks { dtype, rows, columns, bytes: Cow::Owned(bytes.into_owned()) }
            }
        };
        BlockLinear { weights, numerics: self.numerics, tier: self.tier }
    }

    /// Outputs: rows of the weight.
    pub(crate) fn outputs(&self) -> usize {
        self.weights.rows()
    }

    /// Columns of the weight: length of a row of activations.
    pub(crate) fn columns(&self) -> usize {
        self.weights.columns()
    }

    /// The kernels' instructions: part of the executor identity.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn tier(&self) -> &'static str {
        self.tier.name()
    }

    /// What is computed: `exact` where `fast` was asked for but the format has no integer kernel.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn numerics(&self) -> Numerics {
        match self.weights {
            Weights::Packed(_) => self.numerics,
            Weights::Blocks { .. } => Numerics::Exact,
        }
    }

    /// Bytes of weights held, borrowed ones included.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn bytes(&self) -> u64 {
        match &self.weights {
            Weights::Packed(packed) => packed.bytes(),
            Weights::Blocks { bytes, .. } => bytes.len() as u64,
        }
    }

    /// out = x Wᵀ. `x`: (rows, columns), `out`: (rows, outputs). Lengths are the caller's shape check.
    pub(crate) fn forward(&self, x: &[f32], rows: usize, out: &mut [f32], pool: &rayon::ThreadPool) {
        assert_eq!(x.len(), rows * self.columns(), "activations of a linear layer");
        assert_eq!(out.len(), rows * self.outputs(), "results of a linear layer");
        match (&self.weights, self.numerics) {
            (Weights::Packed(packed), Numerics::Fast) => dot::forward(packed, self.tier, x, out, pool),
            _ => tile::forward(&self.weights, self.tier, x, out, pool),
        }
    }

    /// dx = dy W, the gradient with respect to x, always `exact`: quantized weights are constants, and
    /// rounding activations counts as no change. `dy`: (rows, outputs), `dx`: (rows, columns).
    pub(crate) fn backward_input(&self, dy: &[f32], rows: usize, dx: &mut [f32], pool: &rayon::ThreadPool) {
        assert_eq!(dy.len(), rows * self.outputs(), "gradients of a linear layer's results");
        assert_eq!(dx.len(), rows * self.columns(), "gradients of a linear layer's activations");
        tile::backward(&self.weights, self.tier, dy, dx, pool);
    }
}

/// Bytes that a weight (outputs, columns) takes once it is loaded, beside the file it came from: the packed
/// panels, or 0 where the file's blocks are borrowed.
#[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
pub(crate) fn packed_bytes(dtype: DType, outputs: u64, columns: u64) -> u64 {
    panel::packed_bytes(dtype, outputs, columns).unwrap_or(0)
}

#[cfg(test)]
mod tests;
