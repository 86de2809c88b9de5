//! A file: preamble, file meta information, data set, pixels. Source: DICOM PS3.10 section 7, PS3.5 annex A.2.

use std::io::Write;

use dicom_dictionary_std::tags;

use super::element::{Elements, code, header};
use crate::error::ImagingError;
use crate::excerpt::excerpt;

const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// Names this implementation; drawn once, as a UUID.
const IMPLEMENTATION: &str = "2.25.129510156168451837746173172951189621295";
const VERSION_NAME: &str = "BEDSIDE_1";

/// Everything up to the pixels, of which `pixel_bytes` bytes are to follow, and one more where they are odd.
/// Errors: `Limit` for more than a length of 32 bits can say.
pub(crate) fn begin(
    sop_class: &str,
    sop_instance: &str,
    dataset: &Elements,
    pixel_bytes: u64,
) -> Result<Vec<u8>, ImagingError> {
    let mut meta = Elements::default();
    meta.put(code(tags::FILE_META_INFORMATION_VERSION), *b"OB", super::element::Body::Bytes(vec![0, 1]));
    meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID, sop_class)?;
    meta.text(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, sop_instance)?;
    meta.text(tags::TRANSFER_SYNTAX_UID, EXPLICIT_LITTLE)?;
    meta.text(tags::IMPLEMENTATION_CLASS_UID, IMPLEMENTATION)?;
    meta.text(tags::IMPLEMENTATION_VERSION_NAME, VERSION_NAME)?;
    let mut encoded = Vec::new();
    meta.encode(&mut encoded)?;
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    header(&mut out, code(tags::FILE_META_INFORMATION_GROUP_LENGTH), *b"UL", 4)?;
    // The group was made above: it is short.
    out.extend((encoded.len() as u32).to_le_bytes());
    out.extend(encoded);
    dataset.encode(&mut out)?;
    header(&mut out, code(tags::PIXEL_DATA), *b"OB", pixel_bytes.next_multiple_of(2))?;
    Ok(out)
}

/// Write some bytes.
/// Errors: `Output`.
pub(crate) fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), ImagingError> {
    out.write_all(bytes).map_err(|error| ImagingError::Output { problem: excerpt(error.kind()) })
}
