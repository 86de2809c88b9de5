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
/// Preprocessing: crops of one picture by pan and scan. Real models use 4.
pub const MAX_CROPS: u64 = 64;
/// Preprocessing: magnitude of a mean, standard deviation or rescale factor. Real ones stay below 256.
pub const MAX_STATISTIC: f64 = 65536.0;
/// DICOM: bytes of a file. Frames are read one by one: a cine of 2,000 uncompressed frames has about 3 GiB.
pub const MAX_DICOM_FILE_BYTES: u64 = 16 << 30;
/// DICOM: elements and items of a file's header, counted together.
pub const MAX_DICOM_ELEMENTS: u64 = 1 << 20;
/// DICOM: sequences within sequences. Real files stay below 8.
pub const MAX_DICOM_DEPTH: u64 = 32;
/// DICOM: bytes of one value of the header that is read. Lookup tables have 128 KiB.
pub const MAX_DICOM_VALUE_BYTES: u64 = 1 << 20;
/// DICOM: bytes of all values of the header that are read.
pub const MAX_DICOM_KEPT_BYTES: u64 = 64 << 20;
/// DICOM: bytes of a deflated data set after inflating.
pub const MAX_DICOM_INFLATED_BYTES: u64 = 256 << 20;
/// DICOM: frames of a cine.
pub const MAX_FRAMES: u64 = 1 << 16;
/// DICOM: fragments of encapsulated pixels.
pub const MAX_FRAGMENTS: u64 = 1 << 20;
/// DICOM: compressed bytes of one frame.
pub const MAX_FRAME_BYTES: u64 = 256 << 20;
/// DICOM: ultrasound regions of a picture. Real files have up to 12.
pub const MAX_REGIONS: usize = 64;
/// Bytes of decoded frames that a scan keeps; the last one is kept in any case.
pub const MAX_CACHED_BYTES: usize = 64 << 20;
