//! Who and when: the attributes of a patient and a study, as a caller gives them or asks for them. Nothing else in
//! this crate holds a name.

use std::collections::BTreeMap;
use std::fmt;

use dicom_core::Tag as DictionaryTag;
use dicom_dictionary_std::tags as dictionary;

use super::source::Source;
use super::tags::Tag;
use super::transfer_syntax::Encoding;
use super::value::Dataset;
use super::walk;
use super::write::{Body, Elements, code, vr_of};
use crate::error::ImagingError;

/// Attributes of a patient and a study, by DICOM's keywords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityField {
    /// (0010,0010), `Family^Given`.
    PatientName,
    /// (0010,0020).
    PatientId,
    /// (0010,0021).
    IssuerOfPatientId,
    /// (0010,0030), `YYYYMMDD`.
    PatientBirthDate,
    /// (0010,0040): `M`, `F` or `O`.
    PatientSex,
    /// (0020,000D).
    StudyInstanceUid,
    /// (0008,0020), `YYYYMMDD`.
    StudyDate,
    /// (0008,0030), `HHMMSS`.
    StudyTime,
    /// (0020,0010).
    StudyId,
    /// (0008,0050).
    AccessionNumber,
    /// (0008,0090).
    ReferringPhysicianName,
}

use IdentityField as F;

/// The attributes that every image has to have, empty where they are unknown (Type 2; `StudyInstanceUID` is Type 1
/// and is made from content where it is unknown). Source: DICOM PS3.3 C.7.1.1, C.7.2.1.
const FIELDS: &[(IdentityField, DictionaryTag)] = &[
    (F::PatientName, dictionary::PATIENT_NAME),
    (F::PatientId, dictionary::PATIENT_ID),
    (F::IssuerOfPatientId, dictionary::ISSUER_OF_PATIENT_ID),
    (F::PatientBirthDate, dictionary::PATIENT_BIRTH_DATE),
    (F::PatientSex, dictionary::PATIENT_SEX),
    (F::StudyInstanceUid, dictionary::STUDY_INSTANCE_UID),
    (F::StudyDate, dictionary::STUDY_DATE),
    (F::StudyTime, dictionary::STUDY_TIME),
    (F::StudyId, dictionary::STUDY_ID),
    (F::AccessionNumber, dictionary::ACCESSION_NUMBER),
    (F::ReferringPhysicianName, dictionary::REFERRING_PHYSICIAN_NAME),
];

/// Who a picture shows and which study it belongs to. By default nobody: every attribute is written empty.
/// It does not show what it holds when it is printed.
#[derive(Clone, Default, PartialEq)]
pub struct Identification {
    /// `SpecificCharacterSet` of a scan's values; empty where it states none. `None`: they are a caller's, UTF-8.
    character_set: Option<Vec<u8>>,
    values: BTreeMap<u32, Vec<u8>>,
    /// SOP class and instance that a picture is derived from.
    source: Option<(String, String)>,
}

impl fmt::Debug for Identification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identification({} values)", self.values.len())
    }
}

impl Identification {
    /// Set one attribute.
    /// Errors: `DicomElement` where the text does not fit the attribute; it is not repeated. A field of a scan
    /// in another character set than UTF-8 or ASCII cannot be changed to a text that is not ASCII.
    pub fn with(mut self, field: IdentityField, text: &str) -> Result<Self, ImagingError> {
        let tag = FIELDS
            .iter()
            .find(|(known, _)| *known == field)
            .map_or(dictionary::PATIENT_NAME, |(_, tag)| *tag);
        if self.character_set.is_some() && !text.is_ascii() {
            let (expected, got) = ("ASCII beside values of a scan", "other characters".to_owned());
            return Err(ImagingError::DicomElement { tag: super::tags::tag_text(code(tag)), expected, got });
        }
        Elements::default().text(tag, text)?;
        self.values.insert(code(tag), text.as_bytes().to_vec());
        Ok(self)
    }

    /// One attribute, where its bytes are ASCII or UTF-8. `None`: unknown, empty, or in another character set.
    pub fn text(&self, field: IdentityField) -> Option<&str> {
        let (_, tag) = FIELDS.iter().find(|(known, _)| *known == field)?;
        let text = str::from_utf8(self.values.get(&code(*tag))?).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// UID of the object that was read. `None`: the file states none, or it is a caller's description.
    pub fn sop_instance_uid(&self) -> Option<&str> {
        self.source.as_ref().map(|(_, instance)| instance.as_str())
    }

    /// Whether no attribute has a value.
    pub fn is_empty(&self) -> bool {
        self.values.values().all(Vec::is_empty)
    }

    /// The study's UID, if it is known.
    pub(super) fn study(&self) -> Option<&str> {
        let uid = self.values.get(&code(dictionary::STUDY_INSTANCE_UID))?;
        str::from_utf8(uid).ok().filter(|uid| super::uid::is_uid(uid))
    }

    /// All attributes, empty ones too, but the study's UID; and the reference to what the picture is made of.
    pub(super) fn elements(&self) -> Elements {
        let mut elements = Elements::default();
        for (_, tag) in FIELDS.iter().filter(|(field, _)| *field != F::StudyInstanceUid) {
            let value = self.values.get(&code(*tag)).cloned().unwrap_or_default();
            elements.put(code(*tag), vr_of(code(*tag)).unwrap_or(*b"LO"), Body::Bytes(value));
        }
        let ascii = self.values.values().all(|value| value.is_ascii());
        match &self.character_set {
            Some(set) if !set.is_empty() => {
                elements.put(code(dictionary::SPECIFIC_CHARACTER_SET), *b"CS", Body::Bytes(set.clone()));
            }
            None if !ascii => elements.term(dictionary::SPECIFIC_CHARACTER_SET, "ISO_IR 192"),
            _ => {}
        }
        if let Some((class, instance)) = &self.source {
            let uid = |text: &str| Body::Bytes(text.as_bytes().to_vec());
            let mut item = Elements::default();
            item.put(code(dictionary::REFERENCED_SOP_CLASS_UID), *b"UI", uid(class));
            item.put(code(dictionary::REFERENCED_SOP_INSTANCE_UID), *b"UI", uid(instance));
            elements.items(dictionary::SOURCE_IMAGE_SEQUENCE, vec![item]);
        }
        elements
    }

    /// Read it out of a data set: a walk of its own, because no other reads these attributes.
    /// Errors: those of a walk.
    pub(super) fn of(source: &Source, at: u64, encoding: Encoding) -> Result<Self, ImagingError> {
        let dataset = walk::walk(source, at, encoding, &wanted)?.dataset;
        let trimmed = |code: u32| {
            let bytes = &dataset.values.get(&code)?.bytes;
            let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
            Some(bytes[..end].to_vec())
        };
        // A text with control characters other than those that change the character set is none.
        let plain = |bytes: &Vec<u8>| bytes.iter().all(|byte| *byte >= 0x20 || *byte == 0x1B);
        let value = |(_, tag): &(IdentityField, DictionaryTag)| {
            Some((code(*tag), trimmed(code(*tag)).filter(plain)?))
        };
        let values = FIELDS.iter().filter_map(value).collect();
        let character_set =
            trimmed(code(dictionary::SPECIFIC_CHARACTER_SET)).filter(|set| !set.is_empty() && plain(set));
        let source =
            uid(&dataset, dictionary::SOP_CLASS_UID).zip(uid(&dataset, dictionary::SOP_INSTANCE_UID));
        Ok(Self { character_set: Some(character_set.unwrap_or_default()), values, source })
    }
}

/// The first value of an attribute, if it is a UID.
fn uid(dataset: &Dataset, tag: DictionaryTag) -> Option<String> {
    let text = dataset.values.get(&code(tag))?.text()?;
    super::uid::is_uid(text).then(|| text.to_owned())
}

/// The attributes that are read where a caller asks who the patient is.
fn wanted(tag: u32) -> Option<Tag> {
    let more = [dictionary::SPECIFIC_CHARACTER_SET, dictionary::SOP_CLASS_UID, dictionary::SOP_INSTANCE_UID];
    let mut all = FIELDS.iter().map(|(_, tag)| *tag).chain(more);
    all.any(|known| code(known) == tag).then(|| vr_of(tag))?.map(|vr| Tag { code: tag, vr, keyword: "" })
}
