//! TABLE: every limit that a number out of a picture or a configuration is held against.
//!
//! Real pictures stay below each of them; what is above is refused by name.

/// Bytes of a picture file. A lossless 16-bit mammogram stays below 60 MB.
pub const MAX_FILE_BYTES: u64 = 128 << 20;
/// Columns or rows of a picture.
pub const MAX_SIDE: u64 = 1 << 14;
/// Pixels of a picture. The largest detectors (mammography, 4728 x 5928) have 28 million.
pub const MAX_PIXELS: u64 = 1 << 25;
/// PNG: bytes the decoder may take beside the picture itself (colour profiles, text, one row).
pub const MAX_DECODER_BYTES: u64 = 64 << 20;
/// JPEG: scans of a progressive picture. Each costs a pass over all of it; encoders write about 10.
pub const MAX_JPEG_SCANS: u64 = 64;
/// Preprocessing: columns or rows that a model may ask for. Real models stay below 2048.
pub const MAX_MODEL_SIDE: u64 = 1 << 13;
/// Preprocessing: pixels of one picture on its way to a model, after padding or resizing.
pub const MAX_MODEL_PIXELS: u64 = 1 << 26;
/// Preprocessing: columns or rows of a NaFlex patch. Real models use 14 or 16.
pub const MAX_PATCH_SIDE: u64 = 128;
/// Preprocessing: patches of one picture. Real models use 256 to 1024.
pub const MAX_PATCHES: u64 = 1 << 14;
/// Preprocessing: patches of a group in one direction, and repeats in time. Real models use 2.
pub const MAX_MERGE: u64 = 8;
/// Preprocessing: magnitude of a mean, standard deviation or rescale factor. Real ones stay below 256.
pub const MAX_STATISTIC: f64 = 65536.0;
