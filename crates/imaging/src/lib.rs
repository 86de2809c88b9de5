//! Scans and pictures to frames and to pixel tensors, on the CPU.
//!
//! [`Scan`] opens DICOM, PNG and JPEG and hands out one [`Frame`] at a time, with what the file says about it and
//! without anything that names a patient;
//! [`decode`] reads PNG and JPEG out of hostile bytes into [`Pixels`]; [`resize`] is Pillow's, byte for byte;
//! a [`Preprocessing`] is what a model wants of its pictures, as data, read from a Hugging Face
//! `preprocessor_config.json` ([`HfPreprocessorConfig`]) or an OpenCLIP `preprocess_cfg`
//! ([`OpenClipPreprocess`]) and applied to one picture at a time: planes (CLIP, SigLIP, LLaVA, ViT, ConvNeXT),
//! NaFlex patches (SigLIP 2), tiles (Idefics3, SmolVLM) or a grid of patches (Qwen2-VL). The reference is what
//! the models were trained with: Pillow and the slow (Pillow) image processors, also where a configuration
//! names a `…Fast` one.
//!
//! What it deliberately does not do: use a GPU, guess the window of 16-bit grey PNGs, composite transparency
//! (alpha is dropped, as Pillow's `convert("RGB")` does), apply colour profiles, or read what it cannot read
//! exactly (CMYK, 12-bit JPEG, JPEG-LS, JPEG 2000 and video are refused by name). A picture is always made RGB
//! before anything else, whatever `do_convert_rgb` says.
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
mod dicom;
mod error;
mod excerpt;
mod frame;
pub mod limits;
mod overlay;
mod phi;
mod pixels;
mod preprocess;
mod quality;
mod resize;
mod scan;

pub use codec::{Decoded, Format, Orientation, decode};
pub use dicom::{
    DeidentificationKey, Equipment, Identification, IdentityField, Moment, RegionCalibration,
    SecondaryCapture, Series, Timing, TimingSource, UltrasoundObject, content_uid, encode_secondary_capture,
    encode_ultrasound,
};
pub use error::ImagingError;
pub use frame::{
    Anatomy, BodyPart, Frame, Laterality, Lineage, LineageStep, MarkerSide, MaskBasis, Modality,
    PatientDirection, PatientOrientation, PhotometricInterpretation, PhysicalUnits, PixelBounds,
    RegionDataType, RegionNote, RegionProblem, RegionSpatialFormat, SourceFormat, Spacing, SpacingSource,
    UltrasoundRegion, VoiLutFunction,
};
pub use overlay::{DEMONSTRATION, Figure, Heatmap, Rgb, encode_png, heat_colour};
pub use phi::{
    BurnedInText, CAVEAT, Mask, NoSector, Outline, PhiLineage, PhiMask, Point, Sector, SectorEnd,
    SectorEvidence, SectorShape, SectorSide, detect_sector, find_burned_in_text,
};
pub use pixels::Pixels;
pub use preprocess::{
    Crop, CropRule, GridPatches, HfNamedSize, HfPreprocessorConfig, HfSize, HfStatistic, ImageCrops,
    ImageTiles, Layout, NaflexPatches, Normalize, OpenClipPreprocess, OpenClipSize, OpenClipStatistic,
    PixelTensor, Prepared, Preprocessing, Resize, ResizeRule,
};
pub use quality::{Kind as QualityKind, Measure, Outcome, Quality, QualityContext, Statistics, Verdict};
pub use resize::{Filter, resize};
pub use scan::{Sampling, Scan, ScanKind};
