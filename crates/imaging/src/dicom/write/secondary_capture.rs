//! Secondary Capture Image Storage: a figure as a DICOM file. Source: DICOM PS3.3 A.8.1, C.8.6.

use dicom_dictionary_std::{tags, uids};

use super::element::Elements;
use super::series::{Moment, Series, ascii};
use super::{file, pixels};
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// A figure beside its pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SecondaryCapture {
    /// Patient, study, series, equipment. By default nobody: what is not identified stays so.
    pub series: Series,
    /// `DerivationDescription` (0008,2111): how the figure was made, ASCII, up to 1024 characters. Not empty.
    pub derivation: String,
    /// `DateOfSecondaryCapture`, `TimeOfSecondaryCapture` (0018,1012), (0018,1014). `None`: not written.
    pub captured: Option<Moment>,
    /// `BurnedInAnnotation` (0028,0301): whether names are in the pixels. `None`: not written, nothing is claimed.
    pub burned_in_annotation: Option<bool>,
    /// Whether what the figure shows was compressed with loss before (`LossyImageCompression`). `None`: unknown.
    pub lossy: Option<bool>,
}

/// A DICOM file of a figure, always RGB, uncompressed explicit VR little endian, `ConversionType` WSD.
/// The same input gives the same bytes; UIDs are made from the content.
/// Errors: `DicomElement` for texts that do not fit, `DicomMissing` without a derivation, `Limit`.
pub fn encode_secondary_capture(
    figure: &Pixels,
    capture: &SecondaryCapture,
) -> Result<Vec<u8>, ImagingError> {
    let figure = figure.to_rgb();
    let mut elements = pixels::module(pixels::size(&[&figure])?);
    capture.series.describe(&mut elements)?;
    capture.describe(&mut elements)?;
    let class = uids::SECONDARY_CAPTURE_IMAGE_STORAGE;
    elements.text(tags::SOP_CLASS_UID, class)?;
    let instance = capture.series.identify(&mut elements, std::iter::once(figure.bytes()))?;
    let bytes = figure.bytes().len() as u64;
    let mut out = file::begin(class, &instance, &elements, bytes)?;
    out.extend_from_slice(figure.bytes());
    if bytes % 2 == 1 {
        out.push(0);
    }
    Ok(out)
}

impl SecondaryCapture {
    fn describe(&self, elements: &mut Elements) -> Result<(), ImagingError> {
        if self.derivation.is_empty() {
            let why = "a derived picture says how it was made";
            return Err(ImagingError::DicomMissing { tag: "DerivationDescription (0008,2111)".into(), why });
        }
        ascii(elements, tags::DERIVATION_DESCRIPTION, &self.derivation)?;
        elements.term(tags::MODALITY, "OT");
        elements.term(tags::IMAGE_TYPE, "DERIVED\\SECONDARY");
        elements.term(tags::CONVERSION_TYPE, "WSD");
        elements.text(tags::PATIENT_ORIENTATION, "")?;
        elements.text(tags::LATERALITY, "")?;
        if let Some(captured) = &self.captured {
            elements.text(tags::DATE_OF_SECONDARY_CAPTURE, &captured.date)?;
            elements.text(tags::TIME_OF_SECONDARY_CAPTURE, &captured.time)?;
        }
        if let Some(burned_in) = self.burned_in_annotation {
            elements.term(tags::BURNED_IN_ANNOTATION, if burned_in { "YES" } else { "NO" });
        }
        if let Some(lossy) = self.lossy {
            elements.term(tags::LOSSY_IMAGE_COMPRESSION, if lossy { "01" } else { "00" });
        }
        Ok(())
    }
}
