//! Sectors on drawn screens, against the truth.

use proptest::prelude::*;

use super::*;
use crate::phi::synthetic::{Random, furnish, outline, scan};

/// A furnished screen of random size and geometry, and the truth.
fn screen(seed: u64) -> (Pixels, Mask, Outline) {
    let mut random = Random(seed);
    let (width, height) = [(640, 480), (800, 600), (1024, 768), (400, 400), (256, 256)][seed as usize % 5];
    let outline = outline(&mut random, f64::from(width), f64::from(height));
    let (pixels, truth) = scan(&mut random, width, height, &outline);
    (furnish(&mut random, &pixels, &truth), truth, outline)
}

#[test]
fn sectors_of_random_geometry_are_found() {
    let mut overlaps: Vec<(f64, u64)> = Vec::new();
    for seed in 0..160 {
        let (pixels, truth, outline) = screen(seed);
        let found =
            detect_sector(&[&pixels]).unwrap_or_else(|why| panic!("{seed}: {} {outline:?}", why.reason()));
        overlaps.push((found.mask.overlap(&truth).unwrap(), seed));
    }
    overlaps.sort_by(|a, b| a.0.total_cmp(&b.0));
    eprintln!("overlap: worst {:?}, median {:?}", &overlaps[..3], overlaps[overlaps.len() / 2].0);
    assert!(overlaps[0].0 >= 0.95, "{:?}", &overlaps[..3]);
}

#[test]
fn what_moves_tells_the_scan_from_a_still_picture_beside_it() {
    let size = (400_u32, 300_u32);
    let frame = |seed: u64| {
        let mut still = Random(1);
        let mut moving = Random(seed);
        let tone = |x: u32, y: u32, random: &mut Random| {
            let texture = (40.0 + 80.0 * random.unit()) as u8;
            if (30..250).contains(&x) && (20..280).contains(&y) { texture } else { 0 }
        };
        let logo = |x: u32, y: u32| (250..300).contains(&x) && (20..280).contains(&y);
        let mut bytes = Vec::new();
        for (x, y) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))) {
            let (noise, seen) = ((40.0 + 80.0 * still.unit()) as u8, tone(x, y, &mut moving));
            bytes.push(if logo(x, y) { noise } else { seen });
        }
        Pixels::new(size.0, size.1, 1, bytes).unwrap()
    };
    let frames: Vec<Pixels> = (0..4).map(frame).collect();
    let frames: Vec<&Pixels> = frames.iter().collect();
    let truth = Mask::by(size.0, size.1, |x, y| (30..250).contains(&x) && (20..280).contains(&y));
    let alone = detect_sector(&frames[..1]).unwrap();
    let together = detect_sector(&frames).unwrap();
    assert!(alone.mask.overlap(&truth).unwrap() < 0.9);
    assert!(together.evidence.by_movement && together.mask.overlap(&truth).unwrap() > 0.95);
}

#[test]
fn what_is_no_scan_is_refused_with_a_reason() {
    let grey = |width: u32, height: u32, tone: u8| {
        Pixels::new(width, height, 1, vec![tone; (width * height) as usize]).unwrap()
    };
    assert_eq!(detect_sector(&[]), Err(NoSector::Frames));
    assert_eq!(detect_sector(&[&grey(64, 64, 0), &grey(64, 65, 0)]), Err(NoSector::Frames));
    assert_eq!(detect_sector(&[&grey(31, 64, 0)]), Err(NoSector::TooSmall));
    assert_eq!(detect_sector(&[&grey(64, 64, 0)]), Err(NoSector::NoEchoes));
    assert_eq!(detect_sector(&[&grey(64, 64, 200)]), Err(NoSector::BrightBackground));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_picture_gives_an_answer(width in 1_u32..90, height in 1_u32..90, channels in 0_u8..2, seed: u64, level in 0_u32..256) {
        let channels = 1 + 2 * channels;
        let mut random = Random(seed);
        let bytes = (0..width * height * u32::from(channels)).map(|_| (random.unit() * f64::from(level)) as u8).collect();
        let pixels = Pixels::new(width, height, channels, bytes).unwrap();
        if let Ok(sector) = detect_sector(&[&pixels, &pixels]) {
            prop_assert!((0.0..=1.0).contains(&sector.confidence));
            prop_assert_eq!((sector.mask.width(), sector.mask.height()), (width, height));
        }
    }
}
