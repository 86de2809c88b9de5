//! The patient's own name and numbers, looked for in the texts that stay: a machine may repeat them anywhere.

use crate::dicom::source::Source;
use crate::dicom::tags::Tag;
use crate::dicom::transfer_syntax::Encoding;
use crate::dicom::walk;
use crate::dicom::write::vr_of;
use crate::error::ImagingError;

/// Shorter parts of a name stand in other words too.
const LEAST_BYTES: usize = 3;

/// Who is on the picture, by these attributes. Source: DICOM PS3.6.
const NAMING: &[u32] = &[
    0x0008_0050, // AccessionNumber
    0x0010_0010, // PatientName
    0x0010_0020, // PatientID
    0x0010_0030, // PatientBirthDate
    0x0010_1000, // OtherPatientIDs
    0x0010_1001, // OtherPatientNames
    0x0010_1005, // PatientBirthName
    0x0010_1060, // PatientMotherBirthName
    0x0010_1090, // MedicalRecordLocator
];

/// Parts of names and numbers, in lower case.
pub(super) struct Names(Vec<Vec<u8>>);

impl Names {
    /// Errors: those of a walk.
    pub(super) fn of(source: &Source, at: u64, encoding: Encoding) -> Result<Self, ImagingError> {
        let wanted = |code| {
            let naming = NAMING.contains(&code);
            naming.then(|| vr_of(code))?.map(|vr| Tag { code, vr, keyword: "" })
        };
        let dataset = walk::walk(source, at, encoding, &wanted)?.dataset;
        let divides = |byte: &u8| matches!(byte, b'^' | b'=' | b'\\' | b' ' | b',' | 0);
        let parts = dataset.values.values().flat_map(|value| value.bytes.split(divides));
        let parts = parts.filter(|part| part.len() >= LEAST_BYTES).map(<[u8]>::to_ascii_lowercase);
        Ok(Self(parts.collect()))
    }

    /// Whether a text holds one of them.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let text = text.to_ascii_lowercase();
        self.0.iter().any(|name| text.windows(name.len()).any(|window| window == name.as_slice()))
    }
}
