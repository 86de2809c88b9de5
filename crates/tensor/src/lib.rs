//! Shapes, dtypes, host tensors and the GGML block formats.
//!
//! Each block format is one file in `quant/`: its layout, a plain reference `dequantize`, a `quantize`
//! that searches for the block with the least squared error, and, only where the plain loop is too slow,
//! a faster twin proved equal to it bit for bit. One line of [`DType`]'s table makes a format known.
//!
//! This crate opens no file, starts no thread and multiplies no matrix.
//!
//! ```
//! use bedside_tensor::{DType, TensorView};
//!
//! let weights: Vec<f32> = (0..64).map(|i| (i as f32 - 32.0) / 32.0).collect();
//! let blocks = DType::Q8_0.quantize(&weights)?; // two blocks of 34 bytes
//! let view = TensorView::new(DType::Q8_0, &[2, 32], &blocks)?;
//! let restored = view.to_f32()?;
//! assert!(weights.iter().zip(&restored).all(|(a, b)| (a - b).abs() <= 0.5 / 127.0));
//! # Ok::<(), bedside_tensor::TensorError>(())
//! ```

mod dtype;
mod error;
mod quant;
mod shape;
mod view;

pub use dtype::DType;
pub use error::TensorError;
pub use quant::BlockCodec;
pub use shape::{MAX_RANK, Shape};
pub use view::TensorView;
