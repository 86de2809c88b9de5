//! Windows, rescaling, inversion and padding by the formulas of the standard.

use super::super::value::Value;
use super::*;
use PhotometricInterpretation as P;

const TWELVE: ImagePixel = ImagePixel {
    columns: 1,
    rows: 1,
    samples: 1,
    photometric: P::Monochrome2,
    planar: false,
    bits_allocated: 16,
    bits_stored: 12,
    high_bit: 11,
    signed: false,
    frames: 1,
};

fn dataset(values: &[(Tag, &str)]) -> Dataset {
    let value = |(tag, text): &(Tag, &str)| {
        (tag.code, Value { vr: tag.vr, bytes: text.as_bytes().to_vec(), ..Value::default() })
    };
    Dataset { values: values.iter().map(value).collect() }
}

fn table(image: &ImagePixel, dataset: &Dataset) -> Result<GreyTable, ImagingError> {
    GreyTable::of(image, GreyAttributes { modality: dataset, voi: dataset, padding: dataset })
}

#[test]
fn windows_follow_their_functions() {
    struct Case {
        function: &'static str,
        center: &'static str,
        width: &'static str,
        // Stored code, shown.
        shown: &'static [(usize, u8)],
    }
    let cases = [
        // C.11.2.1.2.1: c=2048, w=4096 is the identity of 12 bits; c=2048, w=1 a step at 2048.
        Case { function: "", center: "2048", width: "4096", shown: &[(0, 0), (2047, 127), (4095, 255)] },
        Case { function: "LINEAR", center: "2048", width: "1", shown: &[(2047, 0), (2048, 255)] },
        Case {
            function: "LINEAR",
            center: "0\\9",
            width: "100\\9",
            shown: &[(0, 129), (49, 255), (300, 255)],
        },
        Case {
            function: "LINEAR_EXACT",
            center: "100",
            width: "10",
            shown: &[(95, 0), (100, 128), (105, 255)],
        },
        Case {
            function: "SIGMOID",
            center: "100",
            width: "10",
            shown: &[(0, 0), (100, 128), (105, 225), (4095, 255)],
        },
    ];
    for Case { function, center, width, shown } in cases {
        let mut values = vec![(tags::WINDOW_CENTER, center), (tags::WINDOW_WIDTH, width)];
        if !function.is_empty() {
            values.push((tags::VOI_LUT_FUNCTION, function));
        }
        let table = table(&TWELVE, &dataset(&values)).unwrap();
        for (code, expected) in shown {
            assert_eq!(table.shown[*code], *expected, "{function} {center} {width}: {code}");
        }
    }
}

#[test]
fn what_is_no_window_is_refused() {
    let cases = [
        ("LINEAR", "0.5", "WindowWidth (0028,1051): expected at least 1 for LINEAR, got 0.5"),
        ("SIGMOID", "0", "expected above 0 for SIGMOID, got 0"),
        ("LINEAR", "x", "DICOM WindowWidth (0028,1051): expected a number, got 1 bytes that are none"),
        ("LINEAR", "", "WindowWidth (0028,1051) is missing"),
        ("CUBIC", "5", "expected LINEAR, LINEAR_EXACT or SIGMOID, got another text"),
    ];
    for (function, width, message) in cases {
        let values =
            [(tags::WINDOW_CENTER, "5"), (tags::WINDOW_WIDTH, width), (tags::VOI_LUT_FUNCTION, function)];
        let error = table(&TWELVE, &dataset(&values)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn rescale_inversion_and_full_range_are_recorded() {
    let rescale = dataset(&[(tags::RESCALE_SLOPE, "2"), (tags::RESCALE_INTERCEPT, "-1024 ")]);
    let inverted = ImagePixel { photometric: P::Monochrome1, ..TWELVE };
    let (bytes, steps) = table(&inverted, &rescale).unwrap().apply(&[0, 4095]);
    assert_eq!(bytes, [255, 0]);
    let range = LineageStep::FullRange { low: -1024.0, high: 7166.0 };
    let rescaled = LineageStep::Rescaled { slope: 2.0, intercept: -1024.0 };
    assert_eq!(steps, [rescaled, range, LineageStep::Inverted]);
    let signed = ImagePixel { signed: true, ..TWELVE };
    assert_eq!(table(&signed, &Dataset::default()).unwrap().apply(&[2048, 0, 2047]).0, [0, 128, 255]);
    let eight = ImagePixel { bits_allocated: 8, bits_stored: 8, high_bit: 7, ..TWELVE };
    assert_eq!(table(&eight, &Dataset::default()).unwrap().apply(&[0, 7, 255]), (vec![0, 7, 255], vec![]));
}

#[test]
fn padding_is_black_and_counted() {
    let words = |numbers: [i16; 2]| {
        let value =
            |number: i16| Value { vr: *b"SS", bytes: number.to_le_bytes().to_vec(), ..Value::default() };
        let tags = [tags::PIXEL_PADDING_VALUE.code, tags::PIXEL_PADDING_RANGE_LIMIT.code];
        Dataset { values: tags.into_iter().zip(numbers.map(value)).collect() }
    };
    let signed = ImagePixel { signed: true, photometric: P::Monochrome1, ..TWELVE };
    let (bytes, steps) = table(&signed, &words([-2048, -2000])).unwrap().apply(&[2048, 2096, 2097, 0]);
    assert_eq!((bytes[0], bytes[1], bytes[2] > 0), (0, 0, true));
    assert_eq!(steps.last(), Some(&LineageStep::PaddingBlackened { pixels: 2 }));
}
