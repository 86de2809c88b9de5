//! What can be wrong with a shape, a dtype or the bytes of a tensor.

use thiserror::Error;

use crate::shape::MAX_RANK;

/// Everything this crate refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorError {
    /// More dimensions than [`MAX_RANK`].
    #[error("{rank} dimensions, at most {MAX_RANK} are supported")]
    Rank {
        /// Number of dimensions found.
        rank: usize,
    },
    /// The product of the dimensions, or their size in bytes, does not fit in 64 bits.
    #[error("shape {dims:?} of {dtype} is too large to address")]
    TooLarge {
        /// Row-major dimensions.
        dims: Vec<u64>,
        /// Name of the dtype.
        dtype: &'static str,
    },
    /// The last dimension is no multiple of the format's block length.
    #[error("rows of {row} elements are no multiple of the {block}-element blocks of {dtype}")]
    PartialBlock {
        /// Elements per row (the last dimension).
        row: u64,
        /// Elements per block.
        block: usize,
        /// Name of the dtype.
        dtype: &'static str,
    },
    /// The bytes are not what shape and dtype ask for.
    #[error("{dtype} data: expected {expected} bytes, got {got}")]
    Bytes {
        /// Name of the dtype.
        dtype: &'static str,
        /// Bytes that the shape asks for.
        expected: u64,
        /// Bytes found.
        got: u64,
    },
    /// The output slice does not hold as many elements as the blocks do.
    #[error("{dtype} data holds {expected} elements, the output holds {got}")]
    OutputLength {
        /// Name of the dtype.
        dtype: &'static str,
        /// Elements in the blocks.
        expected: u64,
        /// Elements of the output slice.
        got: u64,
    },
    /// This build knows the format by name only: it can be listed, never computed with.
    #[error("{dtype} tensors can be listed but not used: this build has no codec for the format")]
    NoCodec {
        /// Name of the dtype.
        dtype: &'static str,
    },
    /// A value that cannot be quantized: NaN or infinite.
    #[error("element {index} is {value}: only finite values can be quantized to {dtype}")]
    NotFinite {
        /// Position in the input.
        index: usize,
        /// The value as text, since NaN equals nothing.
        value: String,
        /// Name of the target dtype.
        dtype: &'static str,
    },
    /// A value beyond what the quantizer of the target format takes.
    #[error("element {index} is {value}: magnitudes up to {largest} can be quantized to {dtype}")]
    OutOfRange {
        /// Position in the input.
        index: usize,
        /// The value as text.
        value: String,
        /// Greatest magnitude, as text.
        largest: String,
        /// Name of the target dtype.
        dtype: &'static str,
    },
    /// A row index past the last row.
    #[error("row {row} of a tensor with {rows} rows")]
    Row {
        /// Row asked for.
        row: u64,
        /// Rows there are.
        rows: u64,
    },
    /// No format of that name.
    #[error("no tensor format is called {name:?}; known: {known}")]
    UnknownName {
        /// Name as given.
        name: String,
        /// The names with a codec.
        known: String,
    },
}
