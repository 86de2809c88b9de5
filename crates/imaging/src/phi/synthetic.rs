//! Screens of scanners, drawn for tests, with the truth about where the scan is.

use super::components::{BoxSums, dilate};
use super::luma::luma;
use super::mask::Mask;
use super::sector::{Outline, SectorEnd, SectorSide};
use crate::overlay::Canvas;
use crate::overlay::font::{Style, draw_text};
use crate::pixels::Pixels;

/// A small generator of numbers: the same seed, the same screen. Source: Steele, Lea, Flood: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }
}

/// A scan of random geometry that lies within the picture, text and bars kept off by a margin.
pub(crate) fn outline(random: &mut Random, width: f64, height: f64) -> Outline {
    let middle = width * random.between(0.45, 0.55);
    let top = height * random.between(0.03, 0.12);
    let depth = height * random.between(0.7, 0.84);
    let kind = (random.unit() * 4.0) as u32;
    let half = random.between(0.35, 0.75);
    let (angle, radius) = match kind {
        0 => (half, depth * random.between(0.15, 0.5)),
        1 => (half, depth * random.between(0.0, 0.04)),
        _ => {
            let half = width * random.between(0.15, 0.3);
            let slope = if kind == 2 { 0.0 } else { random.between(0.12, 0.3) };
            let side =
                |sign: f64| SectorSide { at: middle + sign * (half - slope * top), slope: sign * slope };
            return Outline {
                left: side(-1.0),
                right: side(1.0),
                top: SectorEnd::Flat(top),
                bottom: SectorEnd::Flat(top + depth),
            };
        }
    };
    // The corners of the upper arc lie at `top`.
    let apex = top - radius * angle.cos();
    let reach = ((width * 0.44) / angle.sin()).min(depth + radius * angle.cos());
    let side = |slope: f64| SectorSide { at: middle - slope * apex, slope };
    Outline {
        left: side(-angle.tan()),
        right: side(angle.tan()),
        top: SectorEnd::Arc(radius),
        bottom: SectorEnd::Arc(reach),
    }
}

/// Amplitudes of fully developed speckle, mean about 1.25: the sum of two smoothed Gaussian fields, grains of
/// about 5 x 3 pixels, since a beam is wider than its pulse is long.
pub(crate) fn speckle(random: &mut Random, width: usize, height: usize) -> Vec<f64> {
    let mut field = || {
        // Twelve uniform numbers make a Gaussian.
        let noise: Vec<f64> =
            (0..width * height).map(|_| (0..12).map(|_| random.unit()).sum::<f64>() - 6.0).collect();
        let sums = BoxSums::new(width, height, |at| noise[at]);
        move |at: usize| {
            let (x, y) = (at % width, at / width);
            let (left, right) = (x.saturating_sub(2), (x + 3).min(width));
            let (top, bottom) = (y.saturating_sub(1), (y + 2).min(height));
            // The mean of n values has 1 / sqrt(n) of their spread.
            sums.sum(left, top, right, bottom) / (((right - left) * (bottom - top)) as f64).sqrt()
        }
    };
    let (real, imaginary) = (field(), field());
    (0..width * height).map(|at| real(at).hypot(imaginary(at))).collect()
}

/// The picture of a scan: speckle, depth attenuation, shadows and a vessel in `outline`, black elsewhere.
pub(crate) fn scan(random: &mut Random, width: u32, height: u32, outline: &Outline) -> (Pixels, Mask) {
    let truth = Mask::polygon(width, height, &outline.polygon());
    let gain = random.between(40.0, 120.0);
    let fade = random.between(0.3, 1.0);
    let shadow = random.between(0.3, 0.7) * f64::from(width);
    let shadowed = random.between(0.0, 0.1) * f64::from(width);
    let vessel = (random.between(0.4, 0.6), random.between(0.4, 0.6), random.between(0.0, 0.08));
    let speckle = speckle(random, width as usize, height as usize);
    let mut bytes = vec![0; width as usize * height as usize];
    for y in 0..height {
        for x in (0..width).filter(|x| truth.contains(*x, y)) {
            let (across, down) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            let speckle = speckle[(y * width + x) as usize];
            let dark = (f64::from(x) - shadow).abs() < shadowed && down > 0.35;
            let black = (across - vessel.0).hypot(down - vessel.1) < vessel.2;
            let tone = gain * (1.0 - fade * down) * (0.3 + 0.7 * (1.0 + speckle).ln());
            let tone = if dark { tone * 0.25 } else { tone };
            bytes[(y * width + x) as usize] = if black { 2 } else { (tone + 5.0).clamp(0.0, 255.0) as u8 };
        }
    }
    (Pixels::new(width, height, 1, bytes).unwrap(), truth)
}

/// What machines draw beside the scan: a banner with text, text at the sides, a grey bar, a depth scale, an
/// ECG trace. Nothing is drawn within 8 pixels of the scan.
pub(crate) fn furnish(random: &mut Random, pixels: &Pixels, truth: &Mask) -> Pixels {
    let (width, height) = (pixels.width(), pixels.height());
    let mut drawn = vec![0_u8; (width * height) as usize];
    let put = |drawn: &mut Vec<u8>, x: u32, y: u32, tone: u8| {
        if x < width && y < height {
            drawn[(y * width + x) as usize] = tone;
        }
    };
    if random.chance(0.5) {
        (0..height / 24).for_each(|y| (0..width).for_each(|x| put(&mut drawn, x, y, 45)));
    }
    let bar = (width - 30, height / 10);
    (0..height / 4)
        .for_each(|y| (0..14).for_each(|x| put(&mut drawn, bar.0 + x, bar.1 + y, (255 - y) as u8)));
    (0..12).for_each(|n| (0..8).for_each(|x| put(&mut drawn, width - 12 + x, height / 12 * n, 200)));
    let beat = |x: u32| if x % 60 < 6 { 14 * (x % 60).min(6 - x % 60) / 3 } else { 0 };
    for x in 20..width / 2 {
        let y = height - 14 - beat(x);
        put(&mut drawn, x, y, 180);
        put(&mut drawn, x, y + 1, 180);
    }
    let mut canvas = Canvas::of(&Pixels::new(width, height, 1, drawn).unwrap());
    let lines = ["PLANTED NAME 01.01.1901", "MI 1.1 TIS 0.4", "Gen OB", "28Hz 11cm", "2D 60% C 50"];
    for (n, line) in lines.iter().enumerate() {
        draw_text(&mut canvas, (4.0, 4.0 + 18.0 * n as f64), line, &Style::plain(9.0, [220; 3]));
    }
    let screen = luma(&canvas.into_pixels());
    let near = Mask::from_flags(width as usize, height as usize, dilate(width as usize, truth.flags(), 8));
    let bytes = screen.iter().zip(pixels.bytes()).zip(near.flags());
    let bytes = bytes.map(|((drawn, scan), near)| if *near { *scan } else { *drawn }).collect();
    Pixels::new(width, height, 1, bytes).unwrap()
}
