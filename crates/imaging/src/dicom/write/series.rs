//! What every picture says beside its pixels: study, series, equipment, and when it was made.
//! Source: DICOM PS3.3 C.7.3.1, C.7.5.1, C.7.6.1, C.12.1.

use dicom_dictionary_std::tags;

use super::element::Elements;
use crate::dicom::identification::Identification;
use crate::dicom::uid::ContentUid;
use crate::error::ImagingError;

/// Date and time, as the caller's clock has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// `YYYYMMDD`.
    pub date: String,
    /// `HHMMSS`, with up to six digits of a fraction.
    pub time: String,
}

/// What made the picture. Empty texts are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Equipment {
    /// `Manufacturer` (0008,0070), ASCII, up to 64 characters.
    pub manufacturer: String,
    /// `ManufacturerModelName` (0008,1090), ASCII, up to 64 characters.
    pub model_name: String,
    /// `SoftwareVersions` (0018,1020), ASCII, up to 64 characters.
    pub software_versions: String,
}

/// The place of a picture in a study. All of it may be left as it is by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Patient and study.
    pub identification: Identification,
    /// `SeriesInstanceUID` (0020,000E). `None`: made from study, description and number.
    pub series_instance_uid: Option<String>,
    /// `SeriesDescription` (0008,103E), ASCII, up to 64 characters. Empty: not written.
    pub description: String,
    /// `SeriesNumber` (0020,0011). `None`: written empty.
    pub number: Option<u32>,
    /// `InstanceNumber` (0020,0013). `None`: written empty.
    pub instance_number: Option<u32>,
    /// `ContentDate` and `ContentTime` (0008,0023), (0008,0033). `None`: not written.
    pub content: Option<Moment>,
    /// What made the picture.
    pub equipment: Equipment,
}

impl Series {
    /// Add everything but the UIDs to `elements`.
    /// Errors: `DicomElement` for a text that does not fit.
    pub(super) fn describe(&self, elements: &mut Elements) -> Result<(), ImagingError> {
        elements.extend(self.identification.elements());
        let number = |elements: &mut Elements, tag, number: Option<u32>| match number {
            Some(number) => {
                ImagingError::hold("number of a series or instance", number.into(), i32::MAX as u64)?;
                elements.number(tag, number);
                Ok(())
            }
            None => elements.text(tag, ""),
        };
        number(elements, tags::SERIES_NUMBER, self.number)?;
        number(elements, tags::INSTANCE_NUMBER, self.instance_number)?;
        let equipment = &self.equipment;
        ascii(elements, tags::MANUFACTURER, &equipment.manufacturer)?;
        for (tag, text) in [
            (tags::SERIES_DESCRIPTION, &self.description),
            (tags::MANUFACTURER_MODEL_NAME, &equipment.model_name),
            (tags::SOFTWARE_VERSIONS, &equipment.software_versions),
        ] {
            if !text.is_empty() {
                ascii(elements, tag, text)?;
            }
        }
        if let Some(moment) = &self.content {
            elements.text(tags::CONTENT_DATE, &moment.date)?;
            elements.text(tags::CONTENT_TIME, &moment.time)?;
        }
        Ok(())
    }

    /// Add study, series and instance. `elements` and `frames` are the whole content; returns the instance's UID.
    /// Errors: `DicomElement` for a series' UID that is none, `Limit`.
    pub(super) fn identify<'a>(
        &self,
        elements: &mut Elements,
        frames: impl Iterator<Item = &'a [u8]>,
    ) -> Result<String, ImagingError> {
        let mut encoded = Vec::new();
        elements.encode(&mut encoded)?;
        let content = frames.fold(ContentUid::new("content").add(&encoded), ContentUid::add).uid();
        let of = |purpose: &str, parts: &[&str]| {
            parts.iter().fold(ContentUid::new(purpose), |uid, part| uid.add(part.as_bytes()).add(&[0])).uid()
        };
        let study = self.identification.study().map_or_else(|| of("study", &[&content]), str::to_owned);
        let number = self.number.map(|number| number.to_string()).unwrap_or_default();
        let own = || of("series", &[&study, &self.description, &number]);
        let series = self.series_instance_uid.clone().unwrap_or_else(own);
        let instance = of("instance", &[&content, &study, &series]);
        elements.text(tags::STUDY_INSTANCE_UID, &study)?;
        elements.text(tags::SERIES_INSTANCE_UID, &series)?;
        elements.text(tags::SOP_INSTANCE_UID, &instance)?;
        Ok(instance)
    }
}

/// A text that is the same in every character set.
/// Errors: `DicomElement`.
pub(super) fn ascii(elements: &mut Elements, tag: dicom_core::Tag, text: &str) -> Result<(), ImagingError> {
    if !text.is_ascii() {
        let tag = crate::dicom::tags::tag_text(super::code(tag));
        let got = "other characters".to_owned();
        return Err(ImagingError::DicomElement { tag, expected: "ASCII", got });
    }
    elements.text(tag, text)
}
