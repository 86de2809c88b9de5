//! What can be wrong with a picture, with a description of preprocessing, or with the two together.

use thiserror::Error;

/// Everything this crate refuses. Texts out of files are already escaped and shortened.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ImagingError {
    /// Content that is no picture this crate reads; the file's name is not asked.
    #[error("is no picture this build reads: it begins with {found}; DICOM, PNG or JPEG is expected")]
    UnknownFormat {
        /// First bytes, in hexadecimal.
        found: String,
    },
    /// A number above a named limit.
    #[error("{what}: at most {limit} are supported, got {got}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// The limit, from `limits.rs`.
        limit: u64,
        /// The number found.
        got: u64,
    },
    /// A picture without pixels.
    #[error("{what}: expected at least one column and one row, got {width} x {height}")]
    ZeroSize {
        /// Which picture: `PNG`, `JPEG`, `pixels`, `resize`, …
        what: &'static str,
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// The file ends early, or holds too few bytes for the picture it announces.
    #[error("{what}: expected at least {expected} bytes, got {got}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes needed, at least.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// A part that has to be there is not.
    #[error("{format}: {part} is missing")]
    Missing {
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// Chunk, marker or segment.
        part: &'static str,
    },
    /// Structure that breaks the format's own rules.
    #[error("{format}: {part}: expected {expected}, got {got}")]
    Structure {
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// Chunk, marker or field.
        part: &'static str,
        /// What the format asks for.
        expected: &'static str,
        /// What was found.
        got: String,
    },
    /// The decoder refused the compressed data.
    #[error("{format}: cannot be decoded: {problem}")]
    Decode {
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// The decoder's words, escaped and shortened.
        problem: String,
    },
    /// A kind of picture that cannot be read exactly, and is not read approximately.
    #[error("{format}: {what} is not read: {why}")]
    Unsupported {
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// The kind, by its name in the format.
        what: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// Grey values of 16 bits: which of them are black and white is not in the file.
    #[error(
        "16-bit grey without a window: which values show as black and as white is not in a PNG; export 8-bit"
    )]
    SixteenBitGrey,
    /// A number of bytes that does not fit width, height and channels.
    #[error("{width} x {height} pixels of {channels} channels: expected {expected} bytes, got {got}")]
    PixelBytes {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes per pixel.
        channels: u8,
        /// Bytes the size asks for.
        expected: u64,
        /// Bytes given.
        got: u64,
    },
    /// A number of channels other than 1 (grey) and 3 (RGB).
    #[error("pixels: expected 1 or 3 channels, got {got}")]
    Channels {
        /// The number given.
        got: u8,
    },
    /// A value of a preprocessing description that cannot be meant.
    #[error("preprocessing {field}: expected {expected}, got {got}")]
    Field {
        /// The field's name in the configuration.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was found.
        got: String,
    },
    /// A field that this processor cannot do without.
    #[error("preprocessing {field} is missing: {why}")]
    MissingField {
        /// The field's name in the configuration.
        field: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
    /// An image processor that this build has not been told about.
    #[error("image processor {found} is unknown to this build")]
    UnknownProcessor {
        /// Its class name, escaped.
        found: String,
    },
    /// A picture that this preprocessing cannot bring to the size the model asks for.
    #[error("{operation}: {width} x {height} pixels give {expected}, got {got}")]
    Geometry {
        /// The step that failed.
        operation: &'static str,
        /// Columns of the picture.
        width: u32,
        /// Rows of the picture.
        height: u32,
        /// What the step needs.
        expected: &'static str,
        /// What came out.
        got: String,
    },
    /// A file that cannot be opened or read.
    #[error("cannot be read: {problem}")]
    File {
        /// The kind of problem; no name of a file.
        problem: String,
    },
    /// A DICOM element that breaks the standard's rules.
    #[error("DICOM {tag}: expected {expected}, got {got}")]
    DicomElement {
        /// The tag, with its keyword where it is known.
        tag: String,
        /// What the standard asks for.
        expected: &'static str,
        /// What was found. Never a text out of the file.
        got: String,
    },
    /// A DICOM element that claims more bytes than there are.
    #[error("DICOM {tag}: a length of {got} bytes, where {left} are left")]
    DicomLength {
        /// The tag.
        tag: String,
        /// Bytes left for it.
        left: u64,
        /// Bytes it claims.
        got: u64,
    },
    /// A DICOM file without something that a picture needs.
    #[error("DICOM {tag} is missing: {why}")]
    DicomMissing {
        /// The tag and its keyword.
        tag: String,
        /// What it is needed for.
        why: &'static str,
    },
    /// Pixels in a transfer syntax that is not decoded.
    #[error("transfer syntax {name} ({uid}) is not read: {why}")]
    TransferSyntax {
        /// Its name.
        name: &'static str,
        /// Its UID.
        uid: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// A window without a width that its function can use.
    #[error("WindowWidth (0028,1051): expected {expected} for {function}, got {got}")]
    WindowWidth {
        /// `VOILUTFunction`.
        function: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// The width found.
        got: f64,
    },
    /// A frame that the scan does not have.
    #[error("frame {index}: the scan has {frames}, counted from 0")]
    Frame {
        /// The frame asked for.
        index: u32,
        /// Frames there.
        frames: u32,
    },
    /// What of the picture is the scan could not be told, so none of it is shown.
    #[error("pixels withheld: {declared_regions} declared regions of two dimensions, and {why}")]
    PixelsWithheld {
        /// Regions that the file declares.
        declared_regions: usize,
        /// Why no scan was told from what is round it.
        why: String,
    },
    /// A mask or heatmap for a picture of another size.
    #[error("mask: expected a picture of {} x {} pixels, got {} x {}", expected.0, expected.1, got.0, got.1)]
    MaskSize {
        /// Columns and rows it was made for.
        expected: (u32, u32),
        /// Columns and rows of the picture.
        got: (u32, u32),
    },
    /// Numbers that are no heatmap.
    #[error("heatmap: expected {expected}, got {got}")]
    Heatmap {
        /// What is asked for.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// What was written does not arrive.
    #[error("cannot be written: {problem}")]
    Output {
        /// The kind of problem; no name of a file.
        problem: String,
    },
    /// The encoder refused a picture.
    #[error("{format}: cannot be encoded: {problem}")]
    Encode {
        /// `PNG`.
        format: &'static str,
        /// The encoder's words, escaped and shortened.
        problem: String,
    },
}

impl ImagingError {
    /// Refuse `got` above `limit`.
    pub(crate) fn hold(what: &'static str, got: u64, limit: u64) -> Result<(), Self> {
        if got > limit { Err(Self::Limit { what, limit, got }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_was_expected_and_found() {
        let error = ImagingError::hold("PNG columns", 16385, 16384).unwrap_err();
        assert_eq!(error.to_string(), "PNG columns: at most 16384 are supported, got 16385");
        let error = ImagingError::Field { field: "image_std", expected: "above 0", got: "0".into() };
        assert_eq!(error.to_string(), "preprocessing image_std: expected above 0, got 0");
    }
}
