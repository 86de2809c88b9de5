//! Linear on weights in their block format, on the CPU.
//!
//! Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K are packed into panels when they are loaded
//! ([`panel`] says how, and what it costs), and so are F32 ([`floats`]), F16 and BF16 ([`halves`]). Other
//! formats keep their own blocks; these and F16, BF16 and F32 are always computed `exact`.
//!
//! - `exact` ([`tile`]): f32 activations, weights dequantized tile by tile, f32 sums in the order of the columns.
//! - `fast` ([`dot`]): activations as int8 blocks of 32, integer dot products, f32 sums in the order of the blocks.
//!
//! Memory: a forward pass in `fast` holds 40 bytes per 32 activations, which the thread keeps; `exact` holds one
//! tile of 32 KiB per part of the work on the stack, a gradient two; both hold sums of up to 64 KiB. Packing allocates the panels ([`packed_bytes`]) and nothing
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
pub(crate) mod columns;
mod dot;
mod floats;
mod format;
mod halves;
mod panel;
mod scales;
pub(crate) mod tier;
pub(crate) mod tile;

use std::borrow::Cow;

use bedside_tensor::{DType, TensorView};

use crate::{ComputeError, Numerics};
use floats::Floats;
use format::Format;
use halves::Halves;
use panel::Packed;
pub(crate) use tier::Tier;
use tile::Finish;

/// A weight (outputs, columns), ready to be multiplied with.
pub(crate) struct BlockLinear<'w> {
    weights: Weights<'w>,
    numerics: Numerics,
    tier: Tier,
}

enum Weights<'w> {
    Packed(Packed),
    Floats(Floats),
    Halves(Halves),
    Blocks { dtype: DType, rows: usize, columns: usize, bytes: Cow<'w, [u8]> },
}

impl Weights<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.rows,
            Self::Floats(floats) => floats.rows,
            Self::Halves(halves) => halves.rows,
            Self::Blocks { rows, .. } => *rows,
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.blocks * format::BLOCK,
            Self::Floats(floats) => floats.columns,
            Self::Halves(halves) => halves.columns,
            Self::Blocks { columns, .. } => *columns,
        }
    }

    /// One row as f32.
    fn read_row(&self, tier: Tier, row: usize, out: &mut [f32]) {
        match self {
            Self::Packed(_) | Self::Halves(_) => tile::read_row(self, tier, row, out),
            Self::Floats(floats) => floats.read_row(row, out),
            Self::Blocks { dtype, rows, bytes, .. } => {
                let row_bytes = bytes.len() / rows;
                let blocks = &bytes[row * row_bytes..][..row_bytes];
                dtype.dequantize(blocks, out).expect("the view has fitted blocks, format and columns");
            }
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
            None if dtype == DType::F32 => {
                Weights::Floats(Floats::new(rows as usize, columns as usize, view.bytes()))
            }
            None if halves::is_half(dtype) => {
                Weights::Halves(Halves::new(dtype, rows as usize, columns as usize, view.bytes()))
            }
            None => Weights::Blocks {
                dtype,
                rows: rows as usize,
                columns: columns as usize,
                bytes: Cow::Borrowed(view.bytes()),
            },
        };
        Ok(Self { weights, numerics, tier })
    }

    /// Numbers that are no weight of a model: borrowed, and turned into tiles whenever they are multiplied with.
    pub(crate) fn of_numbers(numbers: &'w [f32], rows: usize, columns: usize) -> Self {
        let bytes = Cow::Borrowed(bytemuck::cast_slice(numbers));
        let weights = Weights::Blocks { dtype: DType::F32, rows, columns, bytes };
        Self { weights, numerics: Numerics::Exact, tier: Tier::best() }
    }

    /// Without the borrow: copies the blocks of formats that are not packed.
    pub(crate) fn into_owned(self) -> BlockLinear<'static> {
        let weights = match self.weights {
            Weights::Packed(packed) => Weights::Packed(packed),
            Weights::Floats(floats) => Weights::Floats(floats),
            Weights::Halves(halves) => Weights::Halves(halves),
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
            Weights::Floats(_) | Weights::Halves(_) | Weights::Blocks { .. } => Numerics::Exact,
        }
    }

    /// Bytes of weights held, borrowed ones included.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn bytes(&self) -> u64 {
        match &self.weights {
            Weights::Packed(packed) => packed.bytes(),
            Weights::Floats(floats) => floats.bytes(),
            Weights::Halves(halves) => halves.bytes(),
            Weights::Blocks { bytes, .. } => bytes.len() as u64,
        }
    }

    /// out = x Wᵀ. `x`: (rows, columns), `out`: (rows, outputs). Lengths are the caller's shape check.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn forward(&self, x: &[f32], rows: usize, out: &mut [f32], pool: &rayon::ThreadPool) {
        self.forward_with(x, rows, out, pool, &|_, sums, out| {
            sums.iter().zip(out).for_each(|(sums, out)| out.copy_from_slice(&sums[..out.len()]));
        });
    }

    /// As `forward`, with `finish` between the products and the result.
    pub(crate) fn forward_with(
        &self,
        x: &[f32],
        rows: usize,
        out: &mut [f32],
        pool: &rayon::ThreadPool,
        finish: &Finish<'_>,
    ) {
        assert_eq!(x.len(), rows * self.columns(), "activations of a linear layer");
        assert_eq!(out.len(), rows * self.outputs(), "results of a linear layer");
        match (&self.weights, self.numerics) {
            (Weights::Packed(packed), Numerics::Fast) => {
                dot::forward(packed, self.tier, x, out, pool, finish);
            }
            _ => tile::forward(&self.weights, self.tier, x, out, pool, finish),
        }
    }

    /// Rows `first ..` as f32, as many as fill `out`.
    pub(crate) fn read_rows(&self, first: usize, out: &mut [f32]) {
        for (i, out) in out.chunks_exact_mut(self.columns()).enumerate() {
            self.weights.read_row(self.tier, first + i, out);
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

/// Bytes of a weight (outputs, columns) as panels; 0 for formats that keep their own blocks.
pub(crate) fn packed_bytes(dtype: DType, outputs: u64, columns: u64) -> u64 {
    if dtype == DType::F32 {
        return floats::packed_bytes(outputs, columns);
    }
    if halves::is_half(dtype) {
        return halves::packed_bytes(outputs, columns);
    }
    panel::packed_bytes(dtype, outputs, columns).unwrap_or(0)
}

#[cfg(test)]
mod tests;
