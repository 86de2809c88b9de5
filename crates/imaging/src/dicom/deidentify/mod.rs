//! A scan's header without identifiers, and its frames behind the mask, as a new DICOM file.
//!
//! Source: DICOM PS3.15 annex E, Basic Application Level Confidentiality Profile, without any of its options: what is
//! outside the mask is black, but that no text is left in the pixels is not claimed.

mod action;
mod names;
mod profile;

use std::fmt;
use std::io::Write;

use dicom_dictionary_std::{tags as dictionary, uids};

use action::{Fate, dummy, fate, plain};
use names::Names;

use super::DicomScan;
use super::transfer_syntax::PixelCoding;
use super::uid::{ContentUid, replaced};
use super::value::{Dataset, Value};
use super::write::{self, Body, Elements, code, vr_of};
use crate::error::ImagingError;
use crate::frame::{BodyPart, Modality};
use crate::phi::PhiMask;
use crate::pixels::Pixels;

/// Decides which UIDs stand for the old ones: under one key a study stays together. It is a secret: who has it
/// and the old UIDs can match them. It does not show itself when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DeidentificationKey(pub [u8; 32]);

impl fmt::Debug for DeidentificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeidentificationKey")
    }
}

/// Objects that may hold 8-bit grey or RGB as it is shown; others become a secondary capture.
/// Source: DICOM PS3.3, the image modules of each.
const DISPLAYABLE: &[&str] = &[
    uids::ULTRASOUND_IMAGE_STORAGE,
    uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
    "1.2.840.10008.5.1.4.1.1.6", // Ultrasound Image Storage, retired
    "1.2.840.10008.5.1.4.1.1.3", // Ultrasound Multi-frame Image Storage, retired
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::VL_ENDOSCOPIC_IMAGE_STORAGE,
    uids::VL_PHOTOGRAPHIC_IMAGE_STORAGE,
];

/// What was done, for `DerivationDescription`.
const DERIVATION: &str = "Decoded to 8 bits as shown; everything outside the scan made black";

impl DicomScan {
    /// `frame`: each frame as it is shown, without what the mask hides.
    pub(crate) fn export_deidentified(
        &self,
        mask: &PhiMask,
        key: &DeidentificationKey,
        out: &mut dyn Write,
    ) -> Result<(), ImagingError> {
        let masked = |index| -> Result<Pixels, ImagingError> { mask.apply(&self.frame(index)?.pixels) };
        let first = masked(0)?;
        let size = (first.width(), first.height(), first.channels());
        let mut elements = self.deidentified(key)?;
        let class = self.written_class(size.2);
        self.mark(&mut elements, class, size)?;
        let instance = self.instance(&mut elements, key)?;
        let frame_bytes = first.bytes().len() as u64;
        let total = frame_bytes * u64::from(self.image.frames);
        write::write(out, &write::begin(class, &instance, &elements, total)?)?;
        write::write(out, first.bytes())?;
        for index in 1..self.image.frames {
            let frame = masked(index)?;
            let got = (frame.width(), frame.height(), frame.channels());
            if got != size {
                let (expected, got) = ("frames that are all grey or all in colour", format!("{got:?}"));
                return Err(ImagingError::DicomElement {
                    tag: super::tags::PIXEL_DATA.to_string(),
                    expected,
                    got,
                });
            }
            write::write(out, frame.bytes())?;
        }
        if total % 2 == 1 { write::write(out, &[0]) } else { Ok(()) }
    }

    /// The header, every attribute by its fate.
    fn deidentified(&self, key: &DeidentificationKey) -> Result<Elements, ImagingError> {
        let encoding = self.syntax.encoding;
        let names = Names::of(&self.source, self.at, encoding)?;
        let dataset = super::walk::walk(&self.source, self.at, encoding, &action::wanted)?.dataset;
        Ok(Deidentify { key, names: &names }.elements(&dataset))
    }

    /// The source's class, if it may hold what is written.
    fn written_class(&self, channels: u8) -> &'static str {
        let stated = self.dataset.text(super::tags::SOP_CLASS_UID);
        let known = DISPLAYABLE.iter().find(|class| Some(**class) == stated);
        let single = |class: &str| class == uids::SECONDARY_CAPTURE_IMAGE_STORAGE;
        match (known, self.image.frames, channels) {
            (Some(class), frames, _) if !(single(class) && frames > 1) => class,
            (_, 1, _) => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            (_, _, 1) => uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
            (_, _, _) => uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
        }
    }

    /// Say what the pixels are now, and that and how identifiers were taken out.
    fn mark(
        &self,
        elements: &mut Elements,
        class: &'static str,
        size: (u32, u32, u8),
    ) -> Result<(), ImagingError> {
        if self.dataset.text(super::tags::SOP_CLASS_UID) != Some(class) {
            elements.remove(dictionary::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
            elements.remove(dictionary::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
            elements.term(dictionary::CONVERSION_TYPE, "WSD");
        }
        elements.term(dictionary::SOP_CLASS_UID, class);
        elements.extend(write::pixels::module(size));
        if self.image.frames > 1 || elements.get(dictionary::NUMBER_OF_FRAMES).is_some() {
            elements.number(dictionary::NUMBER_OF_FRAMES, self.image.frames);
        }
        if self.syntax.pixels == PixelCoding::Jpeg {
            elements.term(dictionary::LOSSY_IMAGE_COMPRESSION, "01");
        }
        let rest = match elements.get(dictionary::IMAGE_TYPE) {
            Some(Body::Bytes(value)) => value.splitn(2, |byte| *byte == b'\\').nth(1).map(<[u8]>::to_vec),
            _ => None,
        };
        let derived = [b"DERIVED\\".to_vec(), rest.unwrap_or_else(|| b"SECONDARY".to_vec())].concat();
        elements.put(code(dictionary::IMAGE_TYPE), *b"CS", Body::Bytes(derived));
        elements.text(dictionary::DERIVATION_DESCRIPTION, DERIVATION)?;
        elements.term(dictionary::PATIENT_IDENTITY_REMOVED, "YES");
        elements.term(
            dictionary::DEIDENTIFICATION_METHOD,
            "DICOM PS3.15 E Basic Profile\\pixels outside the scan black",
        );
        elements.term(dictionary::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, "REMOVED");
        let mut method = Elements::default();
        method.term(dictionary::CODE_VALUE, "113100");
        method.term(dictionary::CODING_SCHEME_DESIGNATOR, "DCM");
        method.term(dictionary::CODE_MEANING, "Basic Application Confidentiality Profile");
        elements.items(dictionary::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, vec![method]);
        // "NO" is the source's own word and stays; "YES" stays too, for nobody read what is left.
        match self.burned_in_annotation() {
            Some(burned_in) => {
                elements.term(dictionary::BURNED_IN_ANNOTATION, if burned_in { "YES" } else { "NO" });
            }
            None => elements.remove(dictionary::BURNED_IN_ANNOTATION),
        }
        Ok(())
    }

    /// The UIDs that every object has. Those that the source lacks are made from what is written, under the key.
    fn instance(&self, elements: &mut Elements, key: &DeidentificationKey) -> Result<String, ImagingError> {
        let mut encoded = Vec::new();
        elements.encode(&mut encoded)?;
        let mut instance = String::new();
        for tag in
            [dictionary::STUDY_INSTANCE_UID, dictionary::SERIES_INSTANCE_UID, dictionary::SOP_INSTANCE_UID]
        {
            instance = match elements.get(tag) {
                Some(Body::Bytes(uid)) if !uid.is_empty() => String::from_utf8_lossy(uid).into_owned(),
                _ => {
                    let content = ContentUid::new("missing").add(&code(tag).to_le_bytes()).add(&encoded);
                    replaced(&key.0, &content.uid())
                }
            };
            elements.text(tag, &instance)?;
        }
        Ok(instance)
    }
}

struct Deidentify<'a> {
    key: &'a DeidentificationKey,
    names: &'a Names,
}

impl Deidentify<'_> {
    fn elements(&self, dataset: &Dataset) -> Elements {
        let mut elements = Elements::default();
        for (code, value) in &dataset.values {
            let Some(vr) = vr_of(*code) else { continue };
            if let Some(body) = self.body(*code, vr, value) {
                elements.put(*code, vr, body);
            }
        }
        elements
    }

    /// `None`: the attribute is removed.
    fn body(&self, code: u32, vr: [u8; 2], value: &Value) -> Option<Body> {
        let sequence = vr == *b"SQ";
        let items = || Body::Items(value.items.iter().map(|item| self.elements(item)).collect());
        Some(match fate(code) {
            Fate::Removed => return None,
            Fate::Emptied if sequence => Body::Items(Vec::new()),
            Fate::Emptied => Body::Bytes(Vec::new()),
            Fate::Dummy if sequence => Body::Items(vec![Elements::default()]),
            Fate::Dummy => Body::Bytes(dummy(vr)),
            Fate::Replaced | Fate::Kept if sequence => items(),
            Fate::Replaced | Fate::Kept if vr == *b"UI" => {
                Body::Bytes(action::uids(&value.bytes, &self.key.0))
            }
            Fate::Replaced => return None,
            Fate::Kept => {
                let bytes = plain(value, vr)?;
                let words = write::is_text(vr) && !matches!(&vr, b"IS" | b"DS" | b"AS");
                let named = words && !is_term(&bytes) && self.names.are_in(&bytes);
                Body::Bytes(if named { Vec::new() } else { bytes })
            }
        })
    }
}

/// Terms that name no patient, although a patient may be named like them.
fn is_term(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| BodyPart::of(text).is_some() || Modality::of(text).is_some())
}

#[cfg(test)]
mod tests;
