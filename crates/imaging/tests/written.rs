//! What is written as DICOM is read back as it was, and the same input gives the same bytes.

use bedside_imaging::{
    Anatomy, BodyPart, Equipment, Identification, IdentityField, ImagingError, Laterality, Moment,
    PatientDirection, PatientOrientation, PhysicalUnits, PixelBounds, Pixels, RegionCalibration,
    RegionDataType, RegionSpatialFormat, Scan, ScanKind, SecondaryCapture, Series, TimingSource,
    UltrasoundObject, UltrasoundRegion, encode_secondary_capture, encode_ultrasound,
};
use proptest::prelude::*;

const IMAGE: &str = "Ultrasound Image Storage";
const CINE: &str = "Ultrasound Multi-frame Image Storage";

fn picture(width: u32, height: u32, channels: u8, seed: u32) -> Pixels {
    let count = width * height * u32::from(channels);
    let bytes = (0..count)
        .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(0x2F35_1A57)) >> 24) as u8);
    Pixels::new(width, height, channels, bytes.collect()).unwrap()
}

fn region(bounds: [u32; 4]) -> RegionCalibration {
    let [left, top, right, bottom] = bounds;
    let region = UltrasoundRegion {
        bounds: PixelBounds { left, top, right, bottom },
        spatial_format: RegionSpatialFormat::TwoD,
        data_type: RegionDataType::Tissue,
        flags: Some(0),
        units_x: PhysicalUnits::Centimetre,
        units_y: PhysicalUnits::Centimetre,
        delta_x: Some(0.031),
        delta_y: Some(-0.0625),
        reference_pixel: Some((-3, 4)),
    };
    RegionCalibration { region, reference_value: Some((-0.5, 0.0)), transducer_frequency_khz: Some(3500) }
}

fn object() -> UltrasoundObject {
    let identification = Identification::default()
        .with(IdentityField::PatientName, "PLANTED^NAME=植田")
        .and_then(|identification| identification.with(IdentityField::PatientId, "PLANTED-ID"))
        .and_then(|identification| identification.with(IdentityField::StudyDate, "20261124"))
        .unwrap();
    let series = Series {
        identification,
        description: "Lung, eight zones".into(),
        number: Some(2),
        instance_number: Some(5),
        content: Some(Moment { date: "20261124".into(), time: "015500.25".into() }),
        equipment: Equipment { manufacturer: "Nobody".into(), ..Equipment::default() },
        ..Series::default()
    };
    UltrasoundObject {
        series,
        body_part: Some(BodyPart::Lung),
        laterality: Some(Laterality::Right),
        patient_orientation: Some(PatientOrientation {
            row: vec![PatientDirection::Foot],
            column: vec![PatientDirection::Left, PatientDirection::Posterior],
        }),
        regions: vec![region([1, 0, 5, 3]), region([0, 4, 6, 4])],
        frame_time_ms: None,
        burned_in_annotation: Some(false),
    }
}

#[test]
fn a_picture_and_a_cine_come_back_with_all_that_was_said() {
    struct Case {
        channels: u8,
        frames: u32,
        time: Option<f64>,
        kind: ScanKind,
        class: &'static str,
    }
    let cases = [
        Case { channels: 1, frames: 1, time: None, kind: ScanKind::UltrasoundImage, class: IMAGE },
        Case { channels: 3, frames: 1, time: None, kind: ScanKind::UltrasoundImage, class: IMAGE },
        Case { channels: 1, frames: 1, time: Some(40.0), kind: ScanKind::UltrasoundImage, class: CINE },
        Case {
            channels: 1,
            frames: 3,
            time: Some(1000.0 / 30.0),
            kind: ScanKind::UltrasoundMultiFrame,
            class: CINE,
        },
        Case {
            channels: 3,
            frames: 4,
            time: Some(2500.0),
            kind: ScanKind::UltrasoundMultiFrame,
            class: CINE,
        },
    ];
    for Case { channels, frames, time, kind, class } in cases {
        let pictures: Vec<Pixels> = (0..frames).map(|seed| picture(7, 5, channels, seed)).collect();
        let object = UltrasoundObject { frame_time_ms: time, ..object() };
        let bytes = encode_ultrasound(&pictures.iter().collect::<Vec<_>>(), &object).unwrap();
        let scan = Scan::from_bytes(bytes).unwrap();
        assert_eq!((scan.kind(), scan.frames(), scan.size()), (kind, frames, (7, 5)));
        assert_eq!(
            (scan.sop_class(), scan.transfer_syntax()),
            (Some(class), Some("Explicit VR Little Endian"))
        );
        assert_eq!(scan.burned_in_annotation(), Some(false));
        for (index, picture) in (0..).zip(&pictures) {
            let frame = scan.frame(index).unwrap();
            assert_eq!(&frame.pixels, picture);
            let regions: Vec<_> = object.regions.iter().map(|region| region.region.clone()).collect();
            assert_eq!((&frame.regions, frame.region_notes.len()), (&regions, 0));
            assert_eq!(frame.spacing.map(|spacing| (spacing.row_mm, spacing.column_mm)), Some((0.625, 0.31)));
            assert_eq!(frame.depth_mm, Some(2.5));
            assert_eq!(frame.anatomy, Some(Anatomy::BodyPart(BodyPart::Lung)));
            assert_eq!(
                (frame.laterality, &frame.patient_orientation),
                (object.laterality, &object.patient_orientation)
            );
        }
        let timing = scan.timing().map(|timing| (timing.source, timing.frame_time_ms));
        let Some((source, read)) = timing else { continue };
        assert_eq!(source, TimingSource::FrameTime);
        assert!((read - time.unwrap()).abs() < 1e-12 * read, "sixteen characters hold {time:?}: {read}");
    }
}

#[test]
fn what_is_unknown_stays_unknown() {
    let pixels = picture(3, 3, 1, 0);
    let bytes = encode_ultrasound(&[&pixels], &UltrasoundObject::default()).unwrap();
    let scan = Scan::from_bytes(bytes).unwrap();
    let frame = scan.frame(0).unwrap();
    assert_eq!((frame.anatomy, frame.laterality, frame.depth_mm, frame.time_ms), (None, None, None, None));
    assert!(frame.regions.is_empty() && frame.spacing.is_none() && frame.patient_orientation.is_none());
    assert_eq!((scan.burned_in_annotation(), scan.timing()), (None, None));
    assert!(
        scan.identification().unwrap().unwrap().with(IdentityField::PatientId, "").unwrap()
            != Identification::default()
    );
}

/// The value of a UID element in explicit VR little endian.
fn uid(bytes: &[u8], tag: [u8; 4]) -> String {
    let header = [&tag[..], b"UI"].concat();
    let at = bytes.windows(6).position(|window| window == header).unwrap() + 6;
    let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    String::from_utf8(bytes[at + 2..at + 2 + length].to_vec()).unwrap().trim_end_matches('\0').to_owned()
}

const STUDY: [u8; 4] = [0x20, 0, 0x0D, 0];
const SERIES: [u8; 4] = [0x20, 0, 0x0E, 0];
const INSTANCE: [u8; 4] = [8, 0, 0x18, 0];

#[test]
fn the_same_input_gives_the_same_bytes_and_another_picture_another_uid() {
    let (a, b) = (picture(4, 4, 1, 1), picture(4, 4, 1, 2));
    let study = |object: UltrasoundObject| {
        let identification =
            object.series.identification.clone().with(IdentityField::StudyInstanceUid, "1.2.3.4").unwrap();
        UltrasoundObject { series: Series { identification, ..object.series }, regions: Vec::new(), ..object }
    };
    let object = study(object());
    let (first, again) =
        (encode_ultrasound(&[&a], &object).unwrap(), encode_ultrasound(&[&a], &object).unwrap());
    assert_eq!(first, again);
    let other = encode_ultrasound(&[&b], &object).unwrap();
    assert_eq!((uid(&first, STUDY), uid(&first, SERIES)), ("1.2.3.4".to_owned(), uid(&other, SERIES)));
    assert_ne!(uid(&first, INSTANCE), uid(&other, INSTANCE));
    let unknown = encode_ultrasound(&[&a], &UltrasoundObject::default()).unwrap();
    assert!(uid(&unknown, STUDY).starts_with("2.25."));
}

#[test]
fn a_figure_names_nobody_unless_it_is_told_to() {
    let cine = encode_ultrasound(&[&picture(7, 5, 1, 0)], &object()).unwrap();
    let identification = Scan::from_bytes(cine.clone()).unwrap().identification().unwrap().unwrap();
    assert_eq!(format!("{identification:?}"), "Identification(11 values)");
    let figure = picture(5, 3, 3, 9);
    let capture = SecondaryCapture {
        derivation: "Heatmap over frame 0".into(),
        burned_in_annotation: Some(false),
        lossy: Some(false),
        ..SecondaryCapture::default()
    };
    let nobody = encode_secondary_capture(&figure, &capture).unwrap();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(&nobody, "PLANTED"));
    let series = Series { identification, ..Series::default() };
    let named = encode_secondary_capture(&figure, &SecondaryCapture { series, ..capture.clone() }).unwrap();
    let expected = [uid(&cine, STUDY), uid(&cine, INSTANCE), "PLANTED^NAME=植田".into(), "PLANTED-ID".into()];
    for text in expected.iter().map(String::as_str).chain(["ISO_IR 192", "20261124"]) {
        assert!(holds(&named, text), "{text}");
    }
    assert_ne!(uid(&named, SERIES), uid(&cine, SERIES));
    for bytes in [nobody, named] {
        for text in ["WSD ", "DERIVED\\SECONDARY", "Heatmap over frame 0"] {
            assert!(holds(&bytes, text), "{text}");
        }
        let scan = Scan::from_bytes(bytes).unwrap();
        assert_eq!((scan.kind(), scan.burned_in_annotation()), (ScanKind::SecondaryCapture, Some(false)));
        assert_eq!(scan.frame(0).unwrap().pixels, figure);
    }
    let grey = picture(3, 2, 1, 1);
    let scan = Scan::from_bytes(encode_secondary_capture(&grey, &capture).unwrap()).unwrap();
    assert_eq!(scan.frame(0).unwrap().pixels, grey.to_rgb());
}

#[test]
fn what_cannot_be_written_is_refused_by_name() {
    let (a, b) = (picture(4, 4, 1, 1), picture(4, 5, 1, 1));
    let plain = UltrasoundObject::default;
    let with = |region: RegionCalibration| UltrasoundObject { regions: vec![region], ..plain() };
    let mut unknown = region([0, 0, 3, 3]);
    unknown.region.units_x = PhysicalUnits::Unknown;
    let mut flat = region([0, 0, 3, 3]);
    flat.region.delta_y = None;
    let mut endless = region([0, 0, 3, 3]);
    endless.reference_value = Some((0.0, f64::NAN));
    let described = |description: &str| UltrasoundObject {
        series: Series { description: description.into(), ..Series::default() },
        ..plain()
    };
    let cases: Vec<(Vec<&Pixels>, UltrasoundObject, &str)> = vec![
        (vec![], plain(), "there is no frame to write"),
        (vec![&a, &b], plain(), "expected frames of one size"),
        (vec![&a, &a], plain(), "FrameTime (0018,1063) is missing"),
        (vec![&a], UltrasoundObject { frame_time_ms: Some(0.0), ..plain() }, "FrameTime (0018,1063)"),
        (vec![&a], UltrasoundObject { frame_time_ms: Some(f64::NAN), ..plain() }, "got NaN"),
        (vec![&a], with(region([0, 0, 4, 3])), "expected a region inside the picture"),
        (vec![&a], with(region([2, 0, 1, 3])), "expected a region inside the picture"),
        (vec![&a], with(unknown), "that the standard knows"),
        (vec![&a], with(flat), "a scale other than 0"),
        (vec![&a], with(endless), "finite values"),
        (vec![&a], described("naïve"), "(0008,103E): expected ASCII"),
        (vec![&a], described(&"x".repeat(65)), "got 65 characters"),
    ];
    for (frames, object, message) in cases {
        let error = encode_ultrasound(&frames, &object).unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
    let error = encode_secondary_capture(&a, &SecondaryCapture::default()).unwrap_err();
    assert!(matches!(error, ImagingError::DicomMissing { .. }));
    for (field, text) in [
        (IdentityField::PatientName, "a\\PLANTED"),
        (IdentityField::PatientBirthDate, "PLANTED"),
        (IdentityField::StudyInstanceUid, "PLANTED"),
    ] {
        let error = Identification::default().with(field, text).unwrap_err().to_string();
        assert!(!error.contains("PLANTED"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_size_survives(width in 1_u32..40, height in 1_u32..40, colour in any::<bool>(), frames in 1_u32..4) {
        let pictures: Vec<Pixels> =
            (0..frames).map(|seed| picture(width, height, if colour { 3 } else { 1 }, seed)).collect();
        let object = UltrasoundObject { frame_time_ms: Some(20.0), ..UltrasoundObject::default() };
        let bytes = encode_ultrasound(&pictures.iter().collect::<Vec<_>>(), &object).unwrap();
        prop_assert_eq!(bytes.len() % 2, 0);
        let scan = Scan::from_bytes(bytes).unwrap();
        for (index, picture) in (0..).zip(&pictures) {
            prop_assert_eq!(&scan.frame(index).unwrap().pixels, picture);
        }
    }
}
