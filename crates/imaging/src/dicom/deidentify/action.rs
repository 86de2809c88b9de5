//! What becomes of one attribute, and of the values that stay.
//!
//! Of the profile's alternatives the one is taken that any object allows: a dummy before length zero before removal.
//! Attributes that the profile's table does not name stay if the dictionary knows them and they hold no name, date,
//! time, address or free text by their value representation; others are emptied or removed. That is more than the
//! profile asks for: a table of a given year does not know the attributes of the next.

use super::profile::{Action, action};
use crate::dicom::tags::Tag;
use crate::dicom::uid::{is_uid, replaced};
use crate::dicom::value::Value;
use crate::dicom::write::{is_text, vr_of};

/// UIDs of the standard itself name things, not patients.
const STANDARD_ROOT: &str = "1.2.840.10008.";

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not written.
    Removed,
    /// It is written with a value of length zero, or a sequence without items.
    Emptied,
    /// It is written with a value that says nothing, or one item without attributes.
    Dummy,
    /// Its UIDs are replaced, in the items of a sequence too.
    Replaced,
    /// It stays. UIDs that are not the standard's are replaced nevertheless.
    Kept,
}

/// Groups of which nothing is written: commands, file meta information, media directories, delimiters, curves
/// and overlays, and all that describes pixels as they lay in the source.
fn is_left_out(code: u32) -> bool {
    let (group, element) = (code >> 16, code & 0xFFFF);
    group % 2 == 1
        || group < 0x0008
        || matches!(group, 0x5000..=0x50FF | 0x6000..=0x60FF | 0x7F00..=0xFFFF)
        || element == 0
        || is_of_stored_pixels(code)
}

/// Attributes that say how stored samples are laid out and shown: the pixels written are ready for display.
fn is_of_stored_pixels(code: u32) -> bool {
    matches!(
        code,
        0x0028_0002..=0x0028_0006 // SamplesPerPixel … PlanarConfiguration
            | 0x0028_0010 | 0x0028_0011 // Rows, Columns
            | 0x0028_0100..=0x0028_0122 // BitsAllocated … FloatPixelPaddingValue
            | 0x0028_1040..=0x0028_1056 // PixelIntensityRelationship … VOILUTFunction
            | 0x0028_1090..=0x0028_1223 // lookup tables of colours
            | 0x0028_1401..=0x0028_140F
            | 0x0028_2000 | 0x0028_2002 // ICCProfile, ColorSpace
            | 0x0028_3000..=0x0028_3110 // ModalityLUTSequence, VOILUTSequence
            | 0x0028_7000..=0x0028_7FFF
            | 0x0028_9132 | 0x0028_9145 | 0x0028_9422 | 0x0028_9443 | 0x0028_9444
            | 0x2050_0010 | 0x2050_0020 // PresentationLUTSequence, PresentationLUTShape
    )
}

/// What becomes of the attribute of that tag.
pub(super) fn fate(code: u32) -> Fate {
    if is_left_out(code) {
        return Fate::Removed;
    }
    let Some(vr) = vr_of(code) else { return Fate::Removed };
    match action(code) {
        Some(Action::X) => Fate::Removed,
        Some(Action::Z | Action::XZ) => Fate::Emptied,
        Some(Action::D | Action::XD | Action::XZD | Action::ZD) if vr == *b"UN" => Fate::Removed,
        Some(Action::D | Action::XD | Action::XZD | Action::ZD) => Fate::Dummy,
        Some(Action::U | Action::XZU) => Fate::Replaced,
        // Names, dates and times: what is asked for may be there, and says nothing.
        None if matches!(&vr, b"PN" | b"DA" | b"DT" | b"TM") => Fate::Emptied,
        // URNCodeValue is a code, whatever its value representation.
        None if code == 0x0008_0120 => Fate::Kept,
        None if matches!(&vr, b"AE" | b"LT" | b"ST" | b"UT" | b"UR" | b"UN") || vr[0] == b'O' => {
            Fate::Removed
        }
        None => Fate::Kept,
    }
}

/// The attributes whose values have to be read.
pub(super) fn wanted(code: u32) -> Option<Tag> {
    if fate(code) == Fate::Removed {
        return None;
    }
    Some(Tag { code, vr: vr_of(code)?, keyword: "" })
}

/// A value that says nothing, by its value representation.
pub(super) fn dummy(vr: [u8; 2]) -> Vec<u8> {
    match &vr {
        b"DA" => b"19000101".to_vec(),
        b"DT" => b"19000101000000".to_vec(),
        b"TM" => b"000000".to_vec(),
        b"AS" => b"000Y".to_vec(),
        b"IS" | b"DS" => b"0".to_vec(),
        b"UR" => b"urn:removed".to_vec(),
        b"UI" => b"2.25.0".to_vec(),
        b"US" | b"SS" | b"OB" | b"OW" => vec![0; 2],
        b"UL" | b"SL" | b"FL" | b"AT" | b"OF" | b"OL" => vec![0; 4],
        b"FD" | b"SV" | b"UV" | b"OD" | b"OV" => vec![0; 8],
        _ => b"REMOVED".to_vec(),
    }
}

/// The UIDs of a value, those that are not the standard's replaced. What is no UID is left out.
pub(super) fn uids(value: &[u8], key: &[u8; 32]) -> Vec<u8> {
    let texts = value.split(|byte| *byte == b'\\').filter_map(|part| {
        let uid = str::from_utf8(part).ok()?.trim_matches([' ', '\0']);
        let keep = uid.starts_with(STANDARD_ROOT);
        is_uid(uid).then(|| if keep { uid.to_owned() } else { replaced(key, uid) })
    });
    texts.collect::<Vec<_>>().join("\\").into_bytes()
}

/// The bytes of a kept value in little endian. `None`: they are not what their value representation allows, so
/// nobody knows what they say.
pub(super) fn plain(value: &Value, vr: [u8; 2]) -> Option<Vec<u8>> {
    let width = match &vr {
        b"US" | b"SS" | b"AT" => 2,
        b"UL" | b"SL" | b"FL" => 4,
        b"FD" | b"SV" | b"UV" => 8,
        _ => 1,
    };
    let text = is_text(vr) || vr == *b"UI";
    let stated_text = is_text(value.vr) || value.vr == *b"UI";
    if text != stated_text || !value.bytes.len().is_multiple_of(width) || (!text && value.vr != vr) {
        return None;
    }
    let mut bytes = value.bytes.clone();
    if text {
        let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
        bytes.truncate(end);
        let allowed = |byte: &u8| match &vr {
            b"CS" => {
                byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'_' | b'\\')
            }
            // Escape sequences change the character set.
            _ => *byte >= 0x20 || *byte == 0x1B,
        };
        return bytes.iter().all(allowed).then_some(bytes);
    }
    if value.big_endian {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    Some(bytes)
}
