//! Masks on drawn screens, with planted names.

use proptest::prelude::*;

use super::*;
use crate::frame::{PhysicalUnits, RegionDataType, SourceFormat, UltrasoundRegion};
use crate::overlay::Canvas;
use crate::overlay::font::{Style, draw_text};
use crate::phi::luma::luma;
use crate::phi::synthetic::{Random, furnish, outline, scan, speckle};

const NAME: &str = "PLANTED NAME 01.01.1901";

/// A furnished screen with a fan, its truth, and the screen's size.
fn screen(seed: u64) -> (Pixels, Mask) {
    let mut random = Random(seed);
    let outline = outline(&mut random, 800.0, 600.0);
    let (pixels, truth) = scan(&mut random, 800, 600, &outline);
    (furnish(&mut random, &pixels, &truth), truth)
}

fn written(pixels: &Pixels, place: (f64, f64), text: &str, capital: f64, tone: u8) -> Pixels {
    let mut canvas = Canvas::of(pixels);
    draw_text(&mut canvas, place, text, &Style::plain(capital, [tone; 3]));
    let grey = luma(&canvas.into_pixels());
    Pixels::new(pixels.width(), pixels.height(), 1, grey).unwrap()
}

#[test]
fn a_name_beside_the_scan_is_gone() {
    let mut alarms = 0;
    for seed in 0..12 {
        let (pixels, truth) = screen(seed);
        let mask = PhiMask::new(&[&pixels], &[]).unwrap();
        let shown = mask.apply(&pixels).unwrap();
        // The name is drawn from (4, 4); only the scan and what its outline misses by a pixel is left.
        let left = shown.bytes().iter().zip(truth.flags()).filter(|(tone, inside)| **tone > 0 && !**inside);
        assert_eq!(left.count(), 0, "seed {seed}");
        assert!((0..20).all(|y| shown.row(y)[..140].iter().all(|tone| *tone == 0)), "seed {seed}");
        assert_eq!(mask.lineage().basis, MaskBasis::DetectedSector);
        alarms += mask.burned_in().len();
    }
    // What is written beside the scan may touch it and is counted, too.
    eprintln!("burned-in text: {alarms} lines in 12 scans");
}

/// How a name is written over a scan.
struct Writing {
    capital: f64,
    weight: f64,
    angle: f64,
    tone: u8,
    /// A bright label under dark letters.
    label: bool,
}

/// A scan with a name written over it, and the pixels that the letters changed.
fn planted(seed: u64) -> (Pixels, Vec<bool>, Mask) {
    let (pixels, truth) = screen(seed);
    let mut random = Random(seed ^ 0xA5A5);
    let mut choice = |from: &[f64]| from[(random.unit() * from.len() as f64) as usize];
    let label = choice(&[0.0, 0.0, 0.0, 1.0]) > 0.5;
    let writing = Writing {
        capital: choice(&[7.0, 8.0, 10.0, 12.0, 16.0, 20.0, 26.0, 34.0]),
        weight: choice(&[0.8, 1.0, 1.4, 1.9]),
        angle: choice(&[0.0, 0.0, 0.0, 0.02]),
        tone: if label { 12 } else { choice(&[255.0, 255.0, 240.0, 225.0]) as u8 },
        label,
    };
    let name = ["PLANTED NAME", "Doe, Jane", "SMITH^JOHN", "ID 00471122", "DOB 08/29/1951"];
    let name = name[choice(&[0.0, 1.0, 2.0, 3.0, 4.0]) as usize];
    let style = Style {
        weight: writing.weight,
        angle: writing.angle,
        ..Style::plain(writing.capital, [writing.tone; 3])
    };
    let (left, top, right, bottom) = truth.bounds().unwrap();
    let place = (
        f64::from(left) + f64::from(right - left) * random.between(0.1, 0.9) - style.length(name) / 2.0,
        f64::from(top) + f64::from(bottom - top) * random.between(0.1, 0.9),
    );
    let mut canvas = Canvas::of(&pixels);
    if writing.label {
        let margin = 3.0;
        let size = (style.length(name) + 2.0 * margin, writing.capital * 1.4 + 2.0 * margin);
        let corner = ((place.0 - margin) as i64, (place.1 - margin) as i64);
        canvas.fill(corner, (size.0 as i64, size.1 as i64), [220; 3], 1.0);
    }
    let before = luma(&canvas.into_pixels());
    let mut canvas = Canvas::of(&Pixels::new(800, 600, 1, before.clone()).unwrap());
    draw_text(&mut canvas, place, name, &style);
    let after = luma(&canvas.into_pixels());
    let letters = before.iter().zip(&after).map(|(before, after)| before.abs_diff(*after) > 24).collect();
    (Pixels::new(800, 600, 1, after).unwrap(), letters, truth)
}

#[test]
fn no_pixel_of_a_name_on_the_scan_is_left() {
    let (mut on_the_scan, mut left) = (0, Vec::new());
    for seed in 0..100 {
        let (pixels, letters, truth) = planted(seed);
        let mask = match PhiMask::new(&[&pixels], &[]) {
            Ok(mask) => mask,
            // Withheld is safe too, but no answer.
            Err(error) => {
                left.push((seed, error.to_string()));
                continue;
            }
        };
        let lies_on = letters.iter().zip(truth.flags()).any(|(letter, inside)| *letter && *inside);
        on_the_scan += usize::from(lies_on);
        let stray =
            letters.iter().zip(mask.mask().flags()).filter(|(letter, kept)| **letter && **kept).count();
        if stray > 0 {
            left.push((seed, format!("{stray} pixels: {:?}", mask.burned_in())));
        }
        let taken_out = mask.burned_in().iter().filter(|text| text.taken_out).count();
        assert_eq!(mask.lineage().burned_in_taken_out, taken_out);
    }
    eprintln!("{on_the_scan} names lie on the scan; left of {}: {left:?}", left.len());
    assert!(left.is_empty() && on_the_scan >= 80);
}

#[test]
fn scans_without_writing_are_left_whole() {
    let (mut kept, mut whole) = (0, 0);
    for seed in 100..140 {
        let (pixels, _) = screen(seed);
        let mask = PhiMask::new(&[&pixels], &[]).unwrap();
        kept += mask.mask().area();
        whole += mask.sector().unwrap().mask.area();
    }
    eprintln!("{:.5} of the scans is taken out", 1.0 - kept as f64 / whole as f64);
    // The speckle drawn here is raw, with sharper grains than any machine shows.
    assert!(kept as f64 >= 0.995 * whole as f64);
}

#[test]
fn what_stands_still_is_found_in_frames_that_hide_it() {
    let (_, truth) = screen(3);
    let (left, top, right, bottom) = truth.bounds().unwrap();
    let place = (f64::from(left + right) / 2.0 - 60.0, f64::from(top + bottom) / 2.0);
    let frame = |seed: u64| {
        let mut random = Random(seed);
        let amplitudes = speckle(&mut random, 800, 600);
        let bytes = amplitudes.iter().zip(truth.flags());
        let bytes = bytes
            .map(|(amplitude, inside)| if *inside { (20.0 + 110.0 * amplitude.ln_1p()) as u8 } else { 0 });
        written(&Pixels::new(800, 600, 1, bytes.collect()).unwrap(), place, NAME, 9.0, 215)
    };
    let frames: Vec<Pixels> = (0..6).map(frame).collect();
    let frames: Vec<&Pixels> = frames.iter().collect();
    let together = PhiMask::new(&frames, &[]).unwrap();
    let middle = (place.0 as u32 + 40, place.1 as u32 + 4);
    assert!(!together.mask().contains(middle.0, middle.1), "{:?}", together.burned_in());
    assert_eq!(together.lineage().frames, 6);
}

#[test]
fn intersecting_never_enlarges() {
    for seed in 0..8 {
        let (pixels, _) = screen(seed);
        let bounds = PixelBounds { left: 200, top: 60, right: 560, bottom: 480 };
        let both = PhiMask::new(&[&pixels], &[bounds]).unwrap();
        let sector = PhiMask::new(&[&pixels], &[]).unwrap();
        let regions = Mask::by(800, 600, |x, y| bounds.contains(x, y));
        assert_eq!(both.lineage().basis, MaskBasis::Intersection);
        assert_eq!(both.mask().difference(sector.mask()).unwrap().area(), 0);
        assert_eq!(both.mask().difference(&regions).unwrap().area(), 0);
        assert_eq!(both.lineage().declared_pixels, Some(regions.area()));
    }
}

#[test]
fn with_neither_region_nor_sector_nothing_is_shown() {
    struct Case {
        pixels: Pixels,
        declared: Vec<PixelBounds>,
        error: &'static str,
    }
    let black = || Pixels::new(200, 200, 1, vec![0; 40000]).unwrap();
    let (fan, truth) = screen(3);
    let top = truth.bounds().unwrap().1;
    let white = Pixels::new(200, 200, 1, vec![255; 40000]).unwrap();
    let far = PixelBounds { left: 0, top: 0, right: 799, bottom: top.saturating_sub(1) };
    let cases = [
        Case { pixels: black(), declared: vec![], error: "nothing but background" },
        Case {
            pixels: written(&black(), (9.0, 90.0), NAME, 9.0, 255),
            declared: vec![],
            error: "echoes cover only",
        },
        Case { pixels: white, declared: vec![], error: "the background is bright" },
        Case { pixels: Pixels::new(1, 1, 1, vec![9]).unwrap(), declared: vec![], error: "less than 32" },
        Case { pixels: fan, declared: vec![far], error: "share only" },
    ];
    for Case { pixels, declared, error } in cases {
        let refused = PhiMask::new(&[&pixels], &declared).unwrap_err();
        assert!(matches!(refused, ImagingError::PixelsWithheld { .. }));
        assert!(refused.to_string().contains(error), "{refused}");
    }
    let declared = PixelBounds { left: 10, top: 10, right: 99, bottom: 99 };
    let mask = PhiMask::new(&[&black()], &[declared]).unwrap();
    assert_eq!((mask.lineage().basis, mask.mask().area()), (MaskBasis::DeclaredRegions, 8100));
    assert!(PhiMask::new(&[], &[declared]).is_err());
    assert!(PhiMask::new(&[&black(), &screen(1).0], &[declared]).is_err());
}

#[test]
fn echoes_without_a_border_are_shown_only_if_nothing_speaks_against_it() {
    let mut random = Random(5);
    let bytes = speckle(&mut random, 300, 300)
        .iter()
        .map(|amplitude| (20.0 + 70.0 * amplitude.ln_1p()) as u8)
        .collect();
    let speckle = Pixels::new(300, 300, 1, bytes).unwrap();
    let mask = PhiMask::new(&[&speckle], &[]).unwrap();
    assert_eq!(mask.lineage().detected_shape, Some(SectorShape::WholePicture));
    let named = written(&speckle, (20.0, 30.0), NAME, 12.0, 255);
    let refused = PhiMask::new(&[&named], &[]).unwrap_err().to_string();
    assert!(refused.contains("holds text"), "{refused}");
    let photo = speckle.bytes().iter().flat_map(|tone| [tone.saturating_add(60), *tone, tone / 3]).collect();
    let refused = PhiMask::new(&[&Pixels::new(300, 300, 3, photo).unwrap()], &[]).unwrap_err().to_string();
    assert!(refused.contains("in colour"), "{refused}");
}

#[test]
fn frames_carry_the_mask_in_their_lineage() {
    let (pixels, _) = screen(2);
    let mut frame = Frame::new(pixels, 0);
    frame.lineage.push(LineageStep::Decoded {
        format: SourceFormat::Dicom,
        sop_class: None,
        transfer_syntax: None,
    });
    let region = |spatial_format, left| UltrasoundRegion {
        bounds: PixelBounds { left, top: 0, right: 700, bottom: 599 },
        spatial_format,
        data_type: RegionDataType::Tissue,
        flags: None,
        units_x: PhysicalUnits::Centimetre,
        units_y: PhysicalUnits::Centimetre,
        delta_x: None,
        delta_y: None,
        reference_pixel: None,
    };
    frame.regions = vec![region(RegionSpatialFormat::TwoD, 300), region(RegionSpatialFormat::WaveForm, 0)];
    let mask = PhiMask::of_frames(&[&frame, &frame]).unwrap();
    assert!(!mask.mask().contains(299, 300));
    let masked = mask.apply_to_frame(&frame).unwrap();
    let kept_pixels = mask.lineage().kept_pixels;
    let step = LineageStep::Masked { basis: MaskBasis::Intersection, kept_pixels };
    assert_eq!(masked.lineage.steps().last(), Some(&step));
    let json = serde_json::to_string(mask.lineage()).unwrap();
    assert!(json.contains("not a proof"), "{json}");
    let mut other = frame.clone();
    other.regions = vec![region(RegionSpatialFormat::TwoD, 10)];
    assert!(PhiMask::of_frames(&[&frame, &other]).is_err());
    let small = Frame::new(Pixels::new(2, 2, 1, vec![0; 4]).unwrap(), 0);
    assert!(matches!(mask.apply_to_frame(&small), Err(ImagingError::MaskSize { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_picture_is_masked_or_withheld(width in 1_u32..120, height in 1_u32..120, seed: u64, level in 1_u32..256, regions in 0_usize..3) {
        let mut random = Random(seed);
        let bytes = (0..width * height).map(|_| (random.unit() * f64::from(level)) as u8).collect();
        let pixels = Pixels::new(width, height, 1, bytes).unwrap();
        let declared: Vec<PixelBounds> = (0..regions)
            .map(|_| {
                let (x, y) = ((random.unit() * f64::from(width)) as u32, (random.unit() * f64::from(height)) as u32);
                PixelBounds { left: x, top: y, right: width - 1, bottom: height - 1 }
            })
            .collect();
        if let Ok(mask) = PhiMask::new(&[&pixels], &declared) {
            let shown = mask.apply(&pixels).unwrap();
            let kept = shown.bytes().iter().zip(mask.mask().flags()).all(|(tone, inside)| *inside || *tone == 0);
            prop_assert!(kept);
            prop_assert_eq!(mask.lineage().kept_pixels, mask.mask().area());
        }
    }
}
