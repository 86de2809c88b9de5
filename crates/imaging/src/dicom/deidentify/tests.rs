//! Every row of the profile is put into a file and looked for in what is exported.

use dicom_dictionary_std::tags as dictionary;

use super::profile::{Action, TABLE};
use super::*;
use crate::dicom::source::Source;
use crate::dicom::tags::Tag;
use crate::dicom::uid::is_uid;
use crate::dicom::value::Value as Read;
use crate::dicom::walk;
use crate::frame::PixelBounds;
use crate::scan::Scan;

const KEY: DeidentificationKey = DeidentificationKey([7; 32]);
const OLD_UID: &str = "1.2.392.99999.777";

fn mask(width: u32, height: u32) -> PhiMask {
    let pixels = Pixels::new(width, height, 1, vec![9; (width * height) as usize]).unwrap();
    let declared = PixelBounds { left: 1, top: 1, right: width - 1, bottom: height - 1 };
    PhiMask::new(&[&pixels], &[declared]).unwrap()
}

/// A small ultrasound file with more elements.
fn file(class: &str, more: &Elements) -> Vec<u8> {
    let mut elements = write::pixels::module((4, 3, 1));
    elements.text(dictionary::SOP_CLASS_UID, class).unwrap();
    elements.text(dictionary::SOP_INSTANCE_UID, OLD_UID).unwrap();
    elements.text(dictionary::MODALITY, "US").unwrap();
    elements.extend(more.clone());
    let mut bytes = write::begin(class, OLD_UID, &elements, 12).unwrap();
    bytes.extend([200; 12]);
    bytes
}

fn export(file: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    Scan::from_bytes(file).unwrap().export_deidentified(&mask(4, 3), &KEY, &mut out).unwrap();
    out
}

/// All elements of what was written, whatever they are.
fn read(bytes: &[u8]) -> Dataset {
    let meta = 132 + 12 + u32::from_le_bytes(*bytes[140..].first_chunk().unwrap()) as usize;
    let wanted = |code| Some(Tag { code, vr: vr_of(code).unwrap_or(*b"UN"), keyword: "" });
    let source = Source::Memory(bytes.to_vec());
    walk::walk(&source, meta as u64, crate::dicom::transfer_syntax::EXPLICIT_LITTLE, &wanted).unwrap().dataset
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// A value that can be told apart from any other, of that value representation.
fn planted(vr: [u8; 2]) -> Vec<u8> {
    match &vr {
        b"DA" => b"19510203".to_vec(),
        b"DT" => b"19510203040506".to_vec(),
        b"TM" => b"040506.789".to_vec(),
        b"AS" => b"077Y".to_vec(),
        b"IS" | b"DS" => b"7352941".to_vec(),
        b"UI" => OLD_UID.as_bytes().to_vec(),
        b"US" | b"SS" => vec![0xA5; 2],
        b"UL" | b"SL" | b"FL" | b"AT" => vec![0xA5; 4],
        b"FD" => vec![0xA5; 8],
        _ => b"PLANTED".to_vec(),
    }
}

fn plant(vr: [u8; 2]) -> Body {
    if vr != *b"SQ" {
        return Body::Bytes(planted(vr));
    }
    let mut item = Elements::default();
    item.put(code(dictionary::REFERENCED_SOP_INSTANCE_UID), *b"UI", Body::Bytes(planted(*b"UI")));
    item.put(code(dictionary::PATIENT_NAME), *b"PN", Body::Bytes(planted(*b"PN")));
    item.put(code(dictionary::TEXT_VALUE), *b"UT", Body::Bytes(planted(*b"UT")));
    Body::Items(vec![item])
}

/// What an attribute of the profile has to have become.
fn hold(code: u32, vr: [u8; 2], action: Action, value: Option<&Read>) {
    let name = format!("{code:08X} {action:?}");
    // Commands, a value of unknown kind, and the UIDs of palettes, which are not written.
    let left_out = code >> 16 < 8 || vr == *b"UN" || matches!(code, 0x0028_1199 | 0x0028_1214);
    if action == Action::X || left_out {
        // DerivationDescription is removed and written anew.
        let ours = code == super::code(dictionary::DERIVATION_DESCRIPTION);
        assert!(value.is_none() || ours, "{name} is still there");
        return;
    }
    let value = value.unwrap_or_else(|| panic!("{name} is gone"));
    let text = value.text();
    match (action, vr == *b"SQ") {
        (Action::Z | Action::XZ, _) => assert!(value.bytes.is_empty() && value.items.is_empty(), "{name}"),
        (Action::U, _) => assert_eq!(text, Some(replaced(&KEY.0, OLD_UID).as_str()), "{name}"),
        (Action::XZU, _) => {
            let inner =
                value.items[0].values.get(&super::code(dictionary::REFERENCED_SOP_INSTANCE_UID)).unwrap();
            assert_eq!(inner.text(), Some(replaced(&KEY.0, OLD_UID).as_str()), "{name}");
        }
        (_, true) => assert!(value.items.len() == 1 && value.items[0].values.is_empty(), "{name}"),
        (_, false) => assert!(!value.bytes.is_empty() && value.bytes != planted(vr), "{name}"),
    }
}

#[test]
fn every_row_of_the_profile_is_held() {
    assert!(TABLE.is_sorted_by_key(|(code, _)| *code));
    assert_eq!(TABLE.len(), 617);
    for (code, action) in TABLE {
        let vr = vr_of(*code).unwrap_or_else(|| panic!("{code:08X} is unknown to the dictionary"));
        let mut more = Elements::default();
        more.put(*code, vr, plant(vr));
        let exported = export(file(uids::ULTRASOUND_IMAGE_STORAGE, &more));
        for text in ["PLANTED", "19510203", "040506.789", "7352941", OLD_UID] {
            assert!(!holds(&exported, text), "{code:08X}: {text}");
        }
        hold(*code, vr, *action, read(&exported).values.get(code));
        // The same within an item of a sequence that stays.
        let mut outer = Elements::default();
        outer.items(dictionary::ANATOMIC_REGION_SEQUENCE, vec![more]);
        let exported = export(file(uids::ULTRASOUND_IMAGE_STORAGE, &outer));
        assert!(!["PLANTED", "19510203", OLD_UID].iter().any(|text| holds(&exported, text)), "{code:08X}");
        let dataset = read(&exported);
        let item = &dataset.items(crate::dicom::tags::ANATOMIC_REGION_SEQUENCE)[0];
        if *code != super::code(dictionary::DERIVATION_DESCRIPTION) {
            hold(*code, vr, *action, item.values.get(code));
        }
    }
}

/// A file with a name in every place that a machine can hide one.
fn named() -> Vec<u8> {
    let mut more = Elements::default();
    let bytes = |text: &str| Body::Bytes(text.as_bytes().to_vec());
    for (tag, text) in [
        (dictionary::PATIENT_NAME, "Plantédova^Ann"),
        (dictionary::PATIENT_ID, "PLANTED-77"),
        (dictionary::STUDY_DATE, "19510203"),
        (dictionary::STUDY_DESCRIPTION, "PLANTED study"),
        (dictionary::INSTITUTION_NAME, "PLANTED hospital"),
        (dictionary::PROTOCOL_NAME, "PLANTED protocol"),
    ] {
        more.put(code(tag), vr_of(code(tag)).unwrap(), bytes(text));
    }
    // The patient's own name and number in attributes that stay.
    more.put(code(dictionary::BODY_PART_EXAMINED), *b"CS", bytes("PLANTED-77 LUNG"));
    more.put(code(dictionary::CODE_MEANING), *b"LO", bytes("of PLANTÉDOVA plantédova"));
    more.put(code(dictionary::IMAGE_TYPE), *b"CS", bytes("ORIGINAL\\PRIMARY\\LUNG"));
    more.put(code(dictionary::FRAME_TIME), *b"DS", bytes("33.3"));
    // Unknown to the dictionary, private, and overlays and curves.
    for (tag, vr) in [
        (0x0008_FFF1, *b"LO"),
        (0x0009_0010, *b"LO"),
        (0x0009_1001, *b"LO"),
        (0x5000_3000, *b"OB"),
        (0x6002_3000, *b"OB"),
        (0x6000_4000, *b"LT"),
        (0x0088_0200, *b"OB"),
        (0x0028_2000, *b"OB"),
        (0x0028_0A02, *b"LO"),
        // A file's name, and a text where the dictionary has a sequence.
        (0x0004_1500, *b"CS"),
        (0x0008_2218, *b"LO"),
    ] {
        more.put(tag, vr, bytes("PLANTED.dcm "));
    }
    more.put(0x0018_6011, *b"SQ", Body::Items(vec![more.clone()]));
    let mut private = Elements::default();
    private.put(0x0011_1001, *b"SQ", Body::Items(vec![more.clone()]));
    more.extend(private);
    let mut bytes = file(uids::ULTRASOUND_IMAGE_STORAGE, &more);
    // The preamble of a file may hold anything.
    bytes[..7].copy_from_slice(b"PLANTED");
    bytes
}

#[test]
fn what_was_planted_is_nowhere_in_what_is_written() {
    let exported = export(named());
    for text in ["PLANTED", "Plantéd", "PLANTÉD", "ntédova", "Ann", "19510203", OLD_UID] {
        assert!(!holds(&exported, text), "{text}");
    }
    let dataset = read(&exported);
    let text = |tag| dataset.values.get(&code(tag)).and_then(Read::text);
    assert_eq!(text(dictionary::FRAME_TIME), Some("33.3"));
    assert_eq!(text(dictionary::IMAGE_TYPE), Some("DERIVED\\PRIMARY\\LUNG"));
    assert_eq!(text(dictionary::PATIENT_IDENTITY_REMOVED), Some("YES"));
    assert!(text(dictionary::DEIDENTIFICATION_METHOD).unwrap().starts_with("DICOM PS3.15 E Basic Profile"));
    assert_eq!(text(dictionary::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), Some("REMOVED"));
    let method = &dataset.values[&code(dictionary::DEIDENTIFICATION_METHOD_CODE_SEQUENCE)].items[0];
    assert_eq!(method.values[&code(dictionary::CODE_VALUE)].text(), Some("113100"));
    let regions = dataset.items(crate::dicom::tags::SEQUENCE_OF_ULTRASOUND_REGIONS);
    assert!(regions.len() == 1 && regions[0].values.contains_key(&code(dictionary::FRAME_TIME)));
    // Study and series were missing in the source, and are UIDs now.
    for tag in [dictionary::STUDY_INSTANCE_UID, dictionary::SERIES_INSTANCE_UID] {
        assert!(is_uid(text(tag).unwrap()));
    }
}

#[test]
fn the_pixels_are_those_behind_the_mask_and_the_same_key_gives_the_same_bytes() {
    let bytes = named();
    let exported = export(bytes.clone());
    assert_eq!(exported, export(bytes.clone()));
    let mut other = Vec::new();
    let scan = Scan::from_bytes(bytes).unwrap();
    scan.export_deidentified(&mask(4, 3), &DeidentificationKey([8; 32]), &mut other).unwrap();
    assert_ne!(exported, other);
    let pixels = &Scan::from_bytes(exported).unwrap().frame(0).unwrap().pixels;
    assert_eq!(pixels.bytes(), [0, 0, 0, 0, 0, 200, 200, 200, 0, 200, 200, 200]);
    let error = scan.export_deidentified(&mask(5, 3), &KEY, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ImagingError::MaskSize { .. }));
}

#[test]
fn burned_in_text_is_what_the_source_said() {
    for (stated, expected) in
        [(Some("YES"), Some(true)), (Some("NO"), Some(false)), (Some("PLANTED"), None), (None, None)]
    {
        let mut more = Elements::default();
        if let Some(stated) = stated {
            more.put(code(dictionary::BURNED_IN_ANNOTATION), *b"CS", Body::Bytes(stated.into()));
        }
        let exported = export(file(uids::ULTRASOUND_IMAGE_STORAGE, &more));
        assert!(!holds(&exported, "PLANTED"));
        assert_eq!(Scan::from_bytes(exported).unwrap().burned_in_annotation(), expected);
    }
}

#[test]
fn objects_that_hold_no_8_bit_pictures_become_secondary_captures() {
    for (class, expected) in [
        (uids::ULTRASOUND_IMAGE_STORAGE, "Ultrasound Image Storage"),
        (uids::CT_IMAGE_STORAGE, "Secondary Capture Image Storage"),
        ("1.2.3", "Secondary Capture Image Storage"),
    ] {
        let exported = export(file(class, &Elements::default()));
        let scan = Scan::from_bytes(exported.clone()).unwrap();
        assert_eq!(scan.sop_class(), Some(expected));
        assert_eq!(holds(&exported, "WSD "), expected.starts_with("Secondary"));
    }
    let mut more = Elements::default();
    more.number(dictionary::NUMBER_OF_FRAMES, 1);
    let exported = export(file(uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE, &more));
    assert_eq!(read(&exported).values[&code(dictionary::NUMBER_OF_FRAMES)].text(), Some("1"));
}
