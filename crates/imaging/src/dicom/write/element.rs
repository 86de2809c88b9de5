//! A data set on its way out: elements in the order of their tags, explicit VR little endian.
//! Source: DICOM PS3.5 sections 6.2 and 7.

use std::collections::BTreeMap;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use super::text;
use crate::dicom::walk::has_long_length;
use crate::error::ImagingError;

/// What an element holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// Its value, not padded.
    Bytes(Vec<u8>),
    /// The items of a sequence.
    Items(Vec<Elements>),
}

/// The elements of a data set or item.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Elements(BTreeMap<u32, ([u8; 2], Body)>);

pub(crate) fn code(tag: Tag) -> u32 {
    u32::from(tag.0) << 16 | u32::from(tag.1)
}

/// The value representation by the dictionary. `None`: the tag is unknown, or it depends on other attributes.
pub(crate) fn vr_of(code: u32) -> Option<[u8; 2]> {
    let entry = StandardDataDictionary.by_tag(Tag((code >> 16) as u16, code as u16))?;
    let VirtualVr::Exact(vr) = entry.vr else { return None };
    Some(vr.to_bytes())
}

impl Elements {
    /// Set an element, as it is.
    pub(crate) fn put(&mut self, code: u32, vr: [u8; 2], body: Body) {
        self.0.insert(code, (vr, body));
    }

    /// Set a text: of one value, held against the rules of its value representation. An empty one is a value of
    /// length zero.
    /// Errors: `DicomElement`, without the text.
    pub(crate) fn text(&mut self, tag: Tag, value: &str) -> Result<(), ImagingError> {
        let vr = vr_of(code(tag)).unwrap_or(*b"LO");
        text::hold(code(tag), vr, value)?;
        self.put(code(tag), vr, Body::Bytes(value.as_bytes().to_vec()));
        Ok(())
    }

    /// Set one of our own terms; several are divided by a backslash.
    pub(crate) fn term(&mut self, tag: Tag, value: &'static str) {
        let vr = vr_of(code(tag)).unwrap_or(*b"CS");
        self.put(code(tag), vr, Body::Bytes(value.as_bytes().to_vec()));
    }

    /// Set numbers, written as the dictionary's value representation asks; one that depends on other attributes
    /// is written as `US`. Whole numbers have to fit: the caller holds them against their range.
    pub(crate) fn numbers(&mut self, tag: Tag, values: &[f64]) {
        let vr = vr_of(code(tag)).unwrap_or(*b"US");
        let each = |of: &dyn Fn(f64) -> Vec<u8>| values.iter().flat_map(|value| of(*value)).collect();
        let texts = |of: &dyn Fn(f64) -> String| {
            values.iter().map(|value| of(*value)).collect::<Vec<_>>().join("\\").into_bytes()
        };
        let bytes: Vec<u8> = match &vr {
            b"UL" => each(&|value| (value as u32).to_le_bytes().to_vec()),
            b"SL" => each(&|value| (value as i32).to_le_bytes().to_vec()),
            b"FD" => each(&|value| value.to_le_bytes().to_vec()),
            b"IS" => texts(&|value| (value as i64).to_string()),
            b"DS" => texts(&text::decimal),
            _ => each(&|value| (value as u16).to_le_bytes().to_vec()),
        };
        self.put(code(tag), vr, Body::Bytes(bytes));
    }

    /// Set a number.
    pub(crate) fn number(&mut self, tag: Tag, value: impl Into<f64>) {
        self.numbers(tag, &[value.into()]);
    }

    /// Set a sequence.
    pub(crate) fn items(&mut self, tag: Tag, items: Vec<Elements>) {
        self.put(code(tag), *b"SQ", Body::Items(items));
    }

    /// Set the elements of `others`, which win.
    pub(crate) fn extend(&mut self, others: Elements) {
        self.0.extend(others.0);
    }

    pub(crate) fn get(&self, tag: Tag) -> Option<&Body> {
        self.0.get(&code(tag)).map(|(_, body)| body)
    }

    pub(crate) fn remove(&mut self, tag: Tag) {
        self.0.remove(&code(tag));
    }

    /// Append the encoded elements.
    /// Errors: `Limit` where a value is longer than its length can say.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), ImagingError> {
        for (code, (vr, body)) in &self.0 {
            match body {
                Body::Bytes(bytes) => encode_value(out, *code, *vr, bytes)?,
                Body::Items(items) => {
                    let mut content = Vec::new();
                    for item in items {
                        let mut elements = Vec::new();
                        item.encode(&mut elements)?;
                        content.extend([0xFE, 0xFF, 0x00, 0xE0]);
                        content.extend(length(elements.len() as u64)?.to_le_bytes());
                        content.extend(elements);
                    }
                    header(out, *code, *b"SQ", content.len() as u64)?;
                    out.extend(content);
                }
            }
        }
        Ok(())
    }
}

fn encode_value(out: &mut Vec<u8>, code: u32, vr: [u8; 2], bytes: &[u8]) -> Result<(), ImagingError> {
    let padded = bytes.len().next_multiple_of(2);
    // A text that has outgrown a length of 16 bits is written as unknown. Source: PS3.5 6.2.2.
    let vr = if !has_long_length(&vr) && padded > 0xFFFE { *b"UN" } else { vr };
    header(out, code, vr, padded as u64)?;
    out.extend_from_slice(bytes);
    if padded > bytes.len() {
        out.push(if text::is_text(vr) { b' ' } else { 0 });
    }
    Ok(())
}

/// The header of an element: `bytes` is the even length of its value.
/// Errors: `Limit`.
pub(super) fn header(out: &mut Vec<u8>, code: u32, vr: [u8; 2], bytes: u64) -> Result<(), ImagingError> {
    out.extend(((code >> 16) as u16).to_le_bytes());
    out.extend((code as u16).to_le_bytes());
    out.extend(vr);
    if has_long_length(&vr) {
        out.extend([0, 0]);
        out.extend(length(bytes)?.to_le_bytes());
    } else {
        ImagingError::hold("bytes of a short DICOM value", bytes, 0xFFFE)?;
        out.extend((bytes as u16).to_le_bytes());
    }
    Ok(())
}

/// A length of 32 bits that is not the undefined one.
fn length(bytes: u64) -> Result<u32, ImagingError> {
    ImagingError::hold("bytes of a DICOM value", bytes, 0xFFFF_FFFE)?;
    Ok(bytes as u32)
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::tags;

    use super::*;

    #[test]
    fn elements_are_written_as_the_standard_spells_them() {
        let mut item = Elements::default();
        item.number(tags::PHYSICAL_DELTA_X, 0.5);
        let mut elements = Elements::default();
        elements.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, vec![item]);
        elements.text(tags::PATIENT_NAME, "A^B").unwrap();
        elements.text(tags::PATIENT_ID, "").unwrap();
        elements.number(tags::ROWS, 258);
        elements.term(tags::SOP_CLASS_UID, "1.2.3");
        elements.numbers(tags::PIXEL_SPACING, &[0.25, 1e-7]);
        let mut out = Vec::new();
        elements.encode(&mut out).unwrap();
        let expected: [&[u8]; 7] = [
            b"\x08\0\x16\0UI\x06\x001.2.3\0",
            b"\x10\0\x10\0PN\x04\0A^B ",
            b"\x10\0\x20\0LO\0\0",
            b"\x18\0\x11\x60SQ\0\0\x18\0\0\0\xfe\xff\0\xe0\x10\0\0\0",
            b"\x18\0\x2c\x60FD\x08\0\0\0\0\0\0\0\xe0\x3f",
            b"\x28\0\x10\0US\x02\0\x02\x01",
            b"\x28\0\x30\0DS\x0e\x000.25\\0.0000001",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn a_long_value_of_a_short_kind_becomes_unknown() {
        let mut elements = Elements::default();
        elements.put(0x0018_1065, *b"DS", Body::Bytes(vec![b'0'; 70_001]));
        let mut out = Vec::new();
        elements.encode(&mut out).unwrap();
        assert_eq!((&out[..8], out.len()), (&b"\x18\0\x65\x10UN\0\0"[..], 12 + 70_002));
    }
}
