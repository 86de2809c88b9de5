//! Pictures to pixel tensors, on the CPU.
//!
//! [`decode`] reads PNG and JPEG out of hostile bytes into [`Pixels`]; [`resize`] is Pillow's, byte for byte;
//! a [`Preprocessing`] is what a model wants of its pictures, as data, read from a Hugging Face
//! `preprocessor_config.json` ([`HfPreprocessorConfig`]) or an OpenCLIP `preprocess_cfg`
//! ([`OpenClipPreprocess`]) and applied to one picture at a time: planes (CLIP, SigLIP, LLaVA, ViT, ConvNeXT),
//! NaFlex patches (SigLIP 2), tiles (Idefics3, SmolVLM) or a grid of patches (Qwen2-VL). The reference is what
//! the models were trained with: Pillow and the slow (Pillow) image processors, also where a configuration
//! names a `…Fast` one.
//!
//! What it deliberately does not do: open a file, use a GPU, guess the window of 16-bit grey pictures,
//! composite transparency (alpha is dropped, as Pillow's `convert("RGB")` does), apply colour profiles, or
//! read what it cannot read exactly (CMYK, 12-bit and lossless JPEG are refused by name). A picture is
//! always made RGB before anything else, whatever `do_convert_rgb` says.
//!
//! ```
//! use bedside_imaging::{HfPreprocessorConfig, Pixels, Prepared};
//!
//! let config: HfPreprocessorConfig = serde_json::from_str(
//!     r#"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 4}, "crop_size": 4}"#,
//! )?;
//! let preprocessing = config.preprocessing()?;
//! let picture = Pixels::new(8, 6, 1, vec![128; 48])?;
//! let Prepared::Pixels(tensor) = preprocessing.apply(&picture)? else { unreachable!() };
//! assert_eq!(tensor.dims, [3, 4, 4]);
//! assert!((tensor.values[0] - (128.0 / 255.0 - 0.48145466) / 0.26862954).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod error;
mod excerpt;
pub mod limits;
mod pixels;
mod preprocess;
mod resize;

pub use codec::{Decoded, Format, Orientation, decode};
pub use error::ImagingError;
pub use pixels::Pixels;
pub use preprocess::{
    Crop, CropRule, GridPatches, HfNamedSize, HfPreprocessorConfig, HfSize, HfStatistic, ImageTiles, Layout,
    NaflexPatches, Normalize, OpenClipPreprocess, OpenClipSize, OpenClipStatistic, PixelTensor, Prepared,
    Preprocessing, Resize, ResizeRule,
};
pub use resize::{Filter, resize};
