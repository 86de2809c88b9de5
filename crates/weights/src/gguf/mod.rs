//! GGUF, the container of ggml: header, metadata, tensor table, aligned data. Versions 2 and 3,
//! little-endian. Source: ggml `docs/gguf.md` and `src/gguf.cpp` (ggml 0.25).
//!
//! Stricter than the format text where it leaves room: keys and names are non-empty UTF-8 and unique, bools
//! are 0 or 1, tensors do not overlap. More lenient than ggml's own reader: names over 63 bytes, holes
//! between tensors, a last tensor without its padding and bytes after it are accepted, and noted by
//! [`structure_notes`](crate::structure_notes).

mod cursor;
mod header;
mod metadata;
pub(crate) mod split;
mod tensor_table;
mod text;
mod value;
mod writer;

pub use header::Header;
pub(crate) use header::legacy_name;
pub use metadata::Metadata;
pub use split::is_part_name;
pub use text::{Strings, Text};
pub use value::{Array, Value};
pub use writer::{TensorSpec, Writer};

/// Alignment of tensor data in bytes where `general.alignment` does not say otherwise.
pub(crate) const DEFAULT_ALIGNMENT: u64 = 32;

/// The metadata key that says otherwise.
pub(crate) const ALIGNMENT_KEY: &str = "general.alignment";

#[cfg(test)]
mod tests;
