//! Scans with one fault each.

use proptest::prelude::*;

use super::*;
use crate::frame::BodyPart;
use crate::phi::detect_sector;
use crate::phi::synthetic::{Random, outline, scan};

fn good() -> (Pixels, Mask) {
    let mut random = Random(12);
    let outline = outline(&mut random, 640.0, 480.0);
    let (pixels, mask) = scan(&mut random, 640, 480, &outline);
    // Gain as a person would set it.
    (changed(&pixels, |tone| tone * 1.6), mask)
}

fn changed(pixels: &Pixels, change: impl Fn(f64) -> f64) -> Pixels {
    let bytes = pixels.bytes().iter().map(|tone| change(f64::from(*tone)).clamp(0.0, 255.0) as u8).collect();
    Pixels::new(pixels.width(), pixels.height(), 1, bytes).unwrap()
}

/// The mean over squares of side `2 * radius + 1`.
fn blurred(pixels: &Pixels, radius: usize) -> Pixels {
    let (width, height, _) = pixels.dims();
    let sums = crate::phi::components::BoxSums::new(width, height, |at| f64::from(pixels.bytes()[at]));
    let bytes = (0..width * height).map(|at| sums.mean(at % width, at / width, radius) as u8).collect();
    Pixels::new(pixels.width(), pixels.height(), 1, bytes).unwrap()
}

fn outcome(quality: &Quality, kind: Kind) -> Outcome {
    quality.measures.iter().find(|measure| measure.kind == kind).unwrap().outcome
}

#[test]
fn each_fault_is_named_by_its_own_measure() {
    let (pixels, mask) = good();
    let sector = detect_sector(&[&pixels]).unwrap();
    let context =
        QualityContext { sector: Some(&sector), depth_mm: Some(120.0), ..QualityContext::default() };
    let photo = {
        let bytes =
            pixels.bytes().iter().flat_map(|tone| [*tone / 2 + 90, *tone / 2 + 30, *tone / 4]).collect();
        Pixels::new(640, 480, 3, bytes).unwrap()
    };
    let half = f64::from(mask.bounds().unwrap().0 + mask.bounds().unwrap().2) / 2.0;
    let mut left_dark = pixels.bytes().to_vec();
    for (at, tone) in left_dark.iter_mut().enumerate() {
        *tone /= if ((at % 640) as f64) < half - 20.0 { 12 } else { 1 };
    }
    struct Case {
        pixels: Pixels,
        kind: Kind,
        outcome: Outcome,
        hint: Option<&'static str>,
    }
    let cases = [
        Case { pixels: pixels.clone(), kind: Kind::TooDark, outcome: Outcome::Passed, hint: None },
        Case {
            pixels: changed(&pixels, |tone| tone * 0.02),
            kind: Kind::Blank,
            outcome: Outcome::Refused,
            hint: Some("put gel on the probe and hold it to the skin"),
        },
        Case {
            pixels: changed(&pixels, |tone| tone * 0.2),
            kind: Kind::TooDark,
            outcome: Outcome::Refused,
            hint: Some("increase gain, or use more gel"),
        },
        Case {
            pixels: changed(&pixels, |tone| tone * 8.0),
            kind: Kind::Clipped,
            outcome: Outcome::Refused,
            hint: Some("decrease gain"),
        },
        Case {
            pixels: blurred(&blurred(&pixels, 7), 7),
            kind: Kind::Blurred,
            outcome: Outcome::Warned,
            hint: Some("hold the probe still, then freeze; check the focus"),
        },
        Case {
            pixels: photo,
            kind: Kind::Look,
            outcome: Outcome::Refused,
            hint: Some("this does not look like ultrasound: choose another picture"),
        },
        Case {
            pixels: Pixels::new(640, 480, 1, left_dark).unwrap(),
            kind: Kind::DarkThird,
            outcome: Outcome::Warned,
            hint: Some("more gel or pressure: left third dark"),
        },
    ];
    for case in cases {
        let quality = Quality::of(&case.pixels, &mask, &context).unwrap();
        let measure = quality.measures.iter().find(|measure| measure.kind == case.kind).unwrap();
        assert_eq!((measure.outcome, measure.hint), (case.outcome, case.hint), "{measure:?}");
        assert_eq!(quality.shortcomings().count() == 0, quality.verdict == Verdict::Good);
    }
}

/// Bands of one depth each, and noise: what a probe in air shows.
#[test]
fn a_probe_in_air_is_told() {
    let mut random = Random(4);
    let bands = [90.0, 200.0, 40.0, 180.0, 20.0, 120.0, 10.0, 8.0, 6.0, 14.0, 24.0, 40.0];
    let bytes = (0..480 * 640).map(|at| (bands[at / 640 / 40] + random.between(-5.0, 5.0)) as u8).collect();
    let pixels = Pixels::new(640, 480, 1, bytes).unwrap();
    let quality = Quality::of(&pixels, &Mask::all(640, 480), &QualityContext::default()).unwrap();
    assert_eq!(outcome(&quality, Kind::Contact), Outcome::Refused);
    let (pixels, mask) = good();
    let quality = Quality::of(&pixels, &mask, &QualityContext::default()).unwrap();
    assert_eq!(outcome(&quality, Kind::Contact), Outcome::Passed);
}

/// A texture that lies across the beam, the same turned by a quarter, and one without a direction.
#[test]
fn texture_without_a_beam_is_refused() {
    let side = 320;
    let mut random = Random(11);
    let noise: Vec<f64> = (0..side * side).map(|_| random.between(0.0, 1.0)).collect();
    let sums = crate::phi::components::BoxSums::new(side, side, |at| noise[at]);
    let drawn = |across: usize, down: usize, turned: bool| {
        let tone = |at: usize| {
            let (x, y) = if turned { (at / side, at % side) } else { (at % side, at / side) };
            let (left, right) = (x.saturating_sub(across), (x + across + 1).min(side));
            let (top, bottom) = (y.saturating_sub(down), (y + down + 1).min(side));
            let mean = sums.sum(left, top, right, bottom) / ((right - left) * (bottom - top)) as f64;
            (90.0 + 350.0 * (mean - 0.5)).clamp(0.0, 255.0) as u8
        };
        Pixels::new(side as u32, side as u32, 1, (0..side * side).map(tone).collect()).unwrap()
    };
    for (pixels, expected) in [
        (drawn(3, 1, false), Outcome::Passed),
        (drawn(3, 1, true), Outcome::Refused),
        (drawn(2, 2, false), Outcome::Refused),
    ] {
        let mask = Mask::all(side as u32, side as u32);
        let quality = Quality::of(&pixels, &mask, &QualityContext::default()).unwrap();
        let look = quality.measures.iter().find(|measure| measure.kind == Kind::Look).unwrap();
        assert_eq!(look.outcome, expected, "{look:?}");
        assert_eq!(look.hint.is_some_and(|hint| hint.contains("turn it")), expected == Outcome::Refused);
    }
}

#[test]
fn the_context_is_judged_and_the_unknown_is_not() {
    let (pixels, mask) = good();
    let judged = |context: &QualityContext| Quality::of(&pixels, &mask, context).unwrap();
    let quality = judged(&QualityContext::default());
    assert_eq!(outcome(&quality, Kind::Sector), Outcome::Refused);
    assert_eq!(outcome(&quality, Kind::Depth), Outcome::NotMeasured);
    assert_eq!(outcome(&quality, Kind::Modality), Outcome::NotMeasured);
    assert_eq!(outcome(&quality, Kind::Anatomy), Outcome::NotMeasured);
    for (part, expected) in [
        (BodyPart::Lung, Outcome::Passed),
        (BodyPart::Heart, Outcome::Warned),
        (BodyPart::Breast, Outcome::Refused),
    ] {
        let anatomy = Some(Anatomy::BodyPart(part));
        assert_eq!(
            outcome(&judged(&QualityContext { anatomy, ..Default::default() }), Kind::Anatomy),
            expected
        );
    }
    let declared = QualityContext { declared_regions: true, ..QualityContext::default() };
    assert_eq!(outcome(&judged(&declared), Kind::Sector), Outcome::Warned);
    for (depth, hint) in [(20.0, Some("increase depth")), (120.0, None), (300.0, Some("decrease depth"))] {
        let quality = judged(&QualityContext { depth_mm: Some(depth), ..declared });
        let measure = quality.measures.iter().find(|measure| measure.kind == Kind::Depth).unwrap();
        assert_eq!(measure.hint, hint);
    }
    let radiograph = QualityContext { modality: Some(Modality::DigitalRadiography), ..declared };
    assert_eq!(outcome(&judged(&radiograph), Kind::Modality), Outcome::Refused);
    assert!(Quality::of(&pixels, &Mask::none(2, 2), &declared).is_err());
    let nothing = Quality::of(&pixels, &Mask::none(640, 480), &declared).unwrap();
    assert_eq!(nothing.verdict, Verdict::Refused);
}

#[test]
fn the_verdict_is_the_same_each_time_and_can_be_written_down() {
    let (pixels, mask) = good();
    let context = QualityContext { declared_regions: true, ..QualityContext::default() };
    let quality = Quality::of(&pixels, &mask, &context).unwrap();
    assert_eq!(quality, Quality::of(&pixels, &mask, &context).unwrap());
    let json = serde_json::to_string(&quality).unwrap();
    assert!(json.contains(r#""verdict":"doubtful""#) && json.contains(r#""kind":"dark_third""#), "{json}");
}

proptest! {
    #[test]
    fn any_picture_and_mask_give_a_verdict(width in 1_u32..40, height in 1_u32..40, colour: bool, tone: u8, seed: u64) {
        let mut random = Random(seed);
        let channels = if colour { 3 } else { 1 };
        let bytes = (0..width * height * channels).map(|_| (random.unit() * f64::from(tone)) as u8).collect();
        let pixels = Pixels::new(width, height, channels as u8, bytes).unwrap();
        let mask = Mask::by(width, height, |x, y| (x * 7 + y * 3 + u32::from(tone)) % 5 > 1);
        let quality = Quality::of(&pixels, &mask, &QualityContext::default()).unwrap();
        prop_assert!(quality.measures.iter().all(|measure| measure.value.is_none_or(f64::is_finite)));
    }
}
