//! Regions, scales and directions, as declared and as taken.

use super::super::tags::Tag;
use super::super::value::Value;
use super::*;
use crate::frame::PatientDirection;

fn value(tag: Tag, bytes: &[u8]) -> (u32, Value) {
    (tag.code, Value { vr: tag.vr, bytes: bytes.to_vec(), ..Value::default() })
}

/// A tissue region: left, top, right, bottom; units of both axes; deltas of both axes.
fn item(bounds: [u32; 4], units: [u16; 2], deltas: [f64; 2]) -> Dataset {
    let corners = [
        tags::REGION_LOCATION_MIN_X0,
        tags::REGION_LOCATION_MIN_Y0,
        tags::REGION_LOCATION_MAX_X1,
        tags::REGION_LOCATION_MAX_Y1,
    ];
    let corners = corners.into_iter().zip(bounds).map(|(tag, n)| value(tag, &n.to_le_bytes()));
    let axes = [tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_UNITS_Y_DIRECTION];
    let axes = axes.into_iter().zip(units).map(|(tag, n)| value(tag, &n.to_le_bytes()));
    let scale = [tags::PHYSICAL_DELTA_X, tags::PHYSICAL_DELTA_Y];
    let scale = scale.into_iter().zip(deltas).map(|(tag, n)| value(tag, &n.to_le_bytes()));
    let kind = [tags::REGION_SPATIAL_FORMAT, tags::REGION_DATA_TYPE].map(|tag| value(tag, &[1, 0]));
    Dataset { values: corners.chain(axes).chain(scale).chain(kind).collect() }
}

fn sequence(items: Vec<Dataset>) -> Dataset {
    let value = Value { vr: *b"SQ", items, ..Value::default() };
    Dataset { values: [(tags::SEQUENCE_OF_ULTRASOUND_REGIONS.code, value)].into() }
}

#[test]
fn regions_are_held_against_the_picture_and_their_units() {
    let cm = [3, 3];
    struct Case {
        item: Dataset,
        kept: bool,
        notes: Vec<RegionProblem>,
    }
    let declared = [600, 0, 900, 479];
    let outside = [640, 0, 700, 10];
    let wide = [0, 0, u32::MAX, 479];
    let cases = [
        Case { item: item([0, 0, 639, 479], cm, [0.01, 0.01]), kept: true, notes: vec![] },
        Case {
            item: item([600, 0, 900, 479], cm, [0.01, 0.01]),
            kept: true,
            notes: vec![RegionProblem::Clipped { declared }, RegionProblem::ScaleDoubtful],
        },
        Case {
            item: item([600, 0, 640, 480], cm, [0.01, 0.01]),
            kept: true,
            notes: vec![RegionProblem::Clipped { declared: [600, 0, 640, 480] }],
        },
        Case {
            item: item(wide, cm, [0.01, 0.01]),
            kept: true,
            notes: vec![
                RegionProblem::Clipped { declared: wide.map(i64::from) },
                RegionProblem::ScaleDoubtful,
            ],
        },
        Case {
            item: item(outside, cm, [0.01, 0.01]),
            kept: false,
            notes: vec![RegionProblem::Empty { declared: outside.map(i64::from) }],
        },
        Case {
            item: item([9, 0, 8, 5], cm, [0.01, 0.01]),
            kept: false,
            notes: vec![RegionProblem::Empty { declared: [9, 0, 8, 5] }],
        },
        Case {
            item: item([0, 0, 9, 9], [4, 3], [0.01, 0.01]),
            kept: true,
            notes: vec![RegionProblem::NotSpatial],
        },
        Case { item: item([0, 0, 9, 9], cm, [0.01, 0.0]), kept: true, notes: vec![RegionProblem::Delta] },
        Case { item: item([0, 0, 9, 9], cm, [f64::NAN, 0.1]), kept: true, notes: vec![RegionProblem::Delta] },
        Case { item: item([0, 0, 9, 9], cm, [0.1, 1e9]), kept: true, notes: vec![RegionProblem::Delta] },
        Case { item: Dataset::default(), kept: false, notes: vec![RegionProblem::NoBounds] },
    ];
    for Case { item, kept, notes } in cases {
        let (regions, found) = regions(&sequence(vec![item]), 640, 480);
        assert_eq!(regions.len(), usize::from(kept));
        assert!(regions.iter().all(|region| region.bounds.right < 640 && region.bounds.bottom < 480));
        assert_eq!(found.into_iter().map(|note| note.problem).collect::<Vec<_>>(), notes);
    }
    let many = sequence(vec![item([0, 0, 9, 9], cm, [0.1, 0.1]); 70]);
    let (regions, notes) = regions(&many, 640, 480);
    assert_eq!((regions.len(), notes.len()), (64, 1));
}

#[test]
fn spacing_and_depth_come_from_spatial_regions_that_agree() {
    let of = |items: Vec<Dataset>| {
        let (regions, _) = regions(&sequence(items), 640, 480);
        let none = Dataset::default();
        (spacing(&regions, &none, &none).map(|s| (s.row_mm, s.column_mm)), depth_mm(&regions))
    };
    let tissue = |delta| item([0, 0, 99, 199], [3, 3], [delta, delta]);
    assert_eq!(of(vec![tissue(0.05)]), (Some((0.5, 0.5)), Some(100.0)));
    // Drawn mirrored: the sign is a direction, not a scale.
    assert_eq!(of(vec![tissue(-0.05)]), (Some((0.5, 0.5)), Some(100.0)));
    assert_eq!(of(vec![tissue(0.05), tissue(0.06)]).0, None);
    assert_eq!(of(vec![item([0, 0, 99, 199], [4, 3], [0.05, 0.05])]), (None, None));
    assert_eq!(of(vec![]), (None, None));
    let stated = Dataset { values: [value(tags::PIXEL_SPACING, b"0.2\\0.3 ")].into() };
    let found = spacing(&[], &stated, &Dataset::default()).unwrap();
    assert_eq!((found.row_mm, found.column_mm, found.source), (0.2, 0.3, SpacingSource::PixelSpacing));
    for text in ["0\\0", "-1\\1", "1", "x\\1", "1e9\\1"] {
        let stated = Dataset { values: [value(tags::PIXEL_SPACING, text.as_bytes())].into() };
        assert_eq!(spacing(&[], &stated, &stated), None, "{text}");
    }
}

#[test]
fn directions_and_places_are_known_terms_or_nothing() {
    let dataset = Dataset {
        values: [
            value(tags::LATERALITY, b"L "),
            value(tags::BODY_PART_EXAMINED, b"LUNG"),
            value(tags::PATIENT_ORIENTATION, b"L\\F "),
            value(tags::IMAGE_ORIENTATION_PATIENT, b"1\\0\\0\\0\\1\\0"),
        ]
        .into(),
    };
    assert_eq!(laterality(None, &dataset), Some(Laterality::Left));
    assert_eq!(anatomy(None, &dataset), Some(Anatomy::BodyPart(BodyPart::Lung)));
    let orientation = patient_orientation(&dataset).unwrap();
    assert_eq!(
        (orientation.row, orientation.column),
        (vec![PatientDirection::Left], vec![PatientDirection::Foot])
    );
    assert_eq!(image_orientation(&dataset), Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]));
    let planted = Dataset {
        values: [
            value(tags::LATERALITY, b"PLANTED"),
            value(tags::BODY_PART_EXAMINED, b"PLANTED NAME"),
            value(tags::PATIENT_ORIENTATION, b"PLANTED\\NAME"),
            value(tags::IMAGE_ORIENTATION_PATIENT, b"1\\0\\0\\1\\0\\0"),
        ]
        .into(),
    };
    assert_eq!(laterality(None, &planted), None);
    assert_eq!(anatomy(None, &planted), None);
    assert_eq!(patient_orientation(&planted), None);
    assert_eq!(image_orientation(&planted), None);
}
