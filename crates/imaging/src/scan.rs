//! An opened scan: DICOM, PNG or JPEG, told by its content. Frames are decoded when they are asked for, and the last
//! few are kept.

mod cache;
mod sampling;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::codec::{Decoded, Format, Orientation, decode};
use crate::dicom::source::Source;
use crate::dicom::{DeidentificationKey, DicomScan, Identification, Timing, looks_like_dicom};
use crate::error::ImagingError;
use crate::frame::{Frame, LineageStep, Modality, SourceFormat};
use crate::limits::MAX_FILE_BYTES;
use crate::phi::PhiMask;

use cache::Cache;
pub use sampling::Sampling;

/// What kind of file a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ScanKind {
    /// DICOM: ultrasound, one frame.
    UltrasoundImage,
    /// DICOM: ultrasound, a cine.
    UltrasoundMultiFrame,
    /// DICOM: secondary capture.
    SecondaryCapture,
    /// DICOM: computed radiography.
    ComputedRadiography,
    /// DICOM: digital radiography.
    DigitalRadiography,
    /// DICOM: something else with pixels.
    OtherDicom,
    /// A PNG picture.
    Png,
    /// A JPEG picture.
    Jpeg,
}

/// An opened scan.
#[derive(Debug)]
pub struct Scan {
    content: Content,
    cache: Mutex<Cache>,
}

#[derive(Debug)]
enum Content {
    Dicom(Box<DicomScan>),
    Picture(Arc<Frame>, ScanKind),
}

impl Scan {
    /// Open a file. Of DICOM only the header is read now, and each frame when it is asked for: the file stays
    /// open. Its name is neither looked at nor repeated in an error.
    /// Errors: `File`, `UnknownFormat`, and those of the format.
    pub fn open(path: &Path) -> Result<Self, ImagingError> {
        let failed = |error: std::io::Error| ImagingError::File { problem: error.kind().to_string() };
        // Looked at before it is opened: opening a pipe would wait for its other end.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(ImagingError::File { problem: "not a file".into() });
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Self::of(Source::File { length: metadata.len(), file: Mutex::new(file) })
    }

    /// Open a file whose bytes are in memory.
    /// Errors: `UnknownFormat`, and those of the format.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ImagingError> {
        Self::of(Source::Memory(bytes))
    }

    fn of(source: Source) -> Result<Self, ImagingError> {
        let content = if looks_like_dicom(&source)? {
            Content::Dicom(Box::new(DicomScan::open(source)?))
        } else {
            let length = source.length();
            ImagingError::hold("bytes of a picture file", length, MAX_FILE_BYTES)?;
            picture(decode(&source.read("picture", 0, length)?)?)
        };
        Ok(Self { content, cache: Mutex::default() })
    }

    /// What the file is.
    pub fn kind(&self) -> ScanKind {
        match &self.content {
            Content::Dicom(dicom) => dicom.kind(),
            Content::Picture(_, kind) => *kind,
        }
    }

    /// Number of frames, at least 1.
    pub fn frames(&self) -> u32 {
        match &self.content {
            Content::Dicom(dicom) => dicom.frames(),
            Content::Picture(..) => 1,
        }
    }

    /// Columns and rows of every frame.
    pub fn size(&self) -> (u32, u32) {
        match &self.content {
            Content::Dicom(dicom) => dicom.size(),
            Content::Picture(frame, _) => (frame.pixels.width(), frame.pixels.height()),
        }
    }

    /// Times of the frames. `None`: one frame, or the file states none.
    pub fn timing(&self) -> Option<&Timing> {
        self.dicom()?.timing()
    }

    /// Kind of machine.
    pub fn modality(&self) -> Option<Modality> {
        self.dicom()?.modality()
    }

    /// `ManufacturerModelName` (0008,1090): the machine, as the file says; no patient's name, but any text.
    pub fn manufacturer_model_name(&self) -> Option<&str> {
        self.dicom()?.manufacturer_model_name()
    }

    /// Name of the SOP class.
    pub fn sop_class(&self) -> Option<&'static str> {
        self.dicom()?.sop_class()
    }

    /// Name of the transfer syntax.
    pub fn transfer_syntax(&self) -> Option<&'static str> {
        Some(self.dicom()?.transfer_syntax())
    }

    /// `BurnedInAnnotation` (0028,0301). That it is false proves nothing.
    pub fn burned_in_annotation(&self) -> Option<bool> {
        self.dicom()?.burned_in_annotation()
    }

    /// Who the patient is, and which study this is: only a caller that asks has it. `None`: no DICOM, which says
    /// nothing. Errors: those of reading the file once more.
    pub fn identification(&self) -> Result<Option<Identification>, ImagingError> {
        self.dicom().map(DicomScan::identification).transpose()
    }

    /// Write the scan as a new DICOM file: every frame as it is shown behind `mask`, in 8 bits, and the header
    /// without identifiers by the Basic Profile of DICOM PS3.15 annex E. UIDs are replaced under `key`, the same
    /// way in every file. Frames pass one by one; after an error `out` holds a part of a file.
    /// `BurnedInAnnotation` stays what the source says: that nothing is left in the pixels is not claimed.
    /// Errors: `Unsupported` for PNG and JPEG, which have no header to keep (a figure of them can be written as
    /// [`crate::encode_secondary_capture`]); `MaskSize`, `Output`, and those of [`Self::frame`].
    pub fn export_deidentified(
        &self,
        mask: &PhiMask,
        key: &DeidentificationKey,
        out: &mut dyn Write,
    ) -> Result<(), ImagingError> {
        let Some(dicom) = self.dicom() else {
            let (what, why) =
                ("a header of PNG or JPEG".to_owned(), "it has none to be kept without identifiers");
            return Err(ImagingError::Unsupported { format: "DICOM", what, why });
        };
        dicom.export_deidentified(mask, key, out)
    }

    fn dicom(&self) -> Option<&DicomScan> {
        match &self.content {
            Content::Dicom(dicom) => Some(dicom),
            Content::Picture(..) => None,
        }
    }

    /// A frame, counted from 0, with everything the file says about it; nothing is masked yet.
    /// Errors: `Frame` where there is none of that number, and those of the format.
    pub fn frame(&self, index: u32) -> Result<Arc<Frame>, ImagingError> {
        let frames = self.frames();
        if index >= frames {
            return Err(ImagingError::Frame { index, frames });
        }
        match &self.content {
            Content::Picture(frame, _) => Ok(Arc::clone(frame)),
            Content::Dicom(dicom) => {
                if let Some(frame) = cache::lock(&self.cache).get(index) {
                    return Ok(frame);
                }
                let frame = Arc::new(dicom.frame(index)?);
                cache::lock(&self.cache).put(Arc::clone(&frame));
                Ok(frame)
            }
        }
    }

    /// Frames chosen by a policy, in their order in the scan.
    /// Errors: those of [`Self::frame`], for the policy that looks at frames.
    pub fn sample(&self, sampling: Sampling) -> Result<Vec<u32>, ImagingError> {
        sampling.choose(self.frames(), |index| match &self.content {
            // Past the cache: each frame is looked at once.
            Content::Dicom(dicom) => dicom.frame(index).map(Arc::new),
            Content::Picture(frame, _) => Ok(Arc::clone(frame)),
        })
    }
}

/// A picture that is no DICOM has one frame of which nothing is known.
fn picture(decoded: Decoded) -> Content {
    let (format, kind) = match decoded.format {
        Format::Png => (SourceFormat::Png, ScanKind::Png),
        Format::Jpeg => (SourceFormat::Jpeg, ScanKind::Jpeg),
    };
    let mut frame = Frame::new(decoded.pixels, 0);
    frame.lineage.push(LineageStep::Decoded { format, sop_class: None, transfer_syntax: None });
    if let Some(by) = decoded.orientation.filter(|by| *by != Orientation::Upright) {
        frame.lineage.push(LineageStep::Turned { by });
    }
    Content::Picture(Arc::new(frame), kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_scan_is_refused() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "it begins with nothing"),
            (b"GIF89a..", "it begins with 47 49 46"),
            (b"\x89PNG\r\n\x1a\n", "PNG chunk"),
            (b"\x08\0\x05\0CS\x0a\0", "a length of 10 bytes, where 0 are left"),
        ];
        for (bytes, message) in cases {
            let error = Scan::from_bytes(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let error = Scan::open(Path::new("no/such/PLANTED^NAME.dcm")).unwrap_err().to_string();
        assert_eq!(error, "cannot be read: entity not found");
        assert!(Scan::open(Path::new(".")).is_err());
    }
}
