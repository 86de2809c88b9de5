//! Numbers about the pixels of a scan that the quality gate and the mask judge by.

use serde::Serialize;

use crate::phi::Mask;
use crate::phi::components::BoxSums;
use crate::phi::luma::luma;
use crate::pixels::Pixels;

/// Columns or rows at which grain is measured, at most: larger pictures are averaged down by whole factors,
/// or the grain of the screen would be measured and not that of the echoes.
const MEASURED_AT: usize = 1024;
/// Side of the blocks whose grain is measured, in pixels.
const BLOCK: usize = 8;
/// Mean luma of a block from which its grain is counted: below it is the noise of compression.
const GRAIN_LUMA: f64 = 16.0;
/// What rounding to whole steps adds to the squared fine detail of a pixel: 1/12, of which 8/9 is within 3 x 3.
const ROUNDING: f64 = 8.0 / 108.0;
/// Luma from which a pixel counts as clipped. JPEG takes a few steps off white.
const CLIPPED_LUMA: u8 = 250;
/// Luma up to which a pixel counts as black on a screen.
const BLACK_LUMA: u8 = 12;
/// Difference of the largest and the smallest of R, G and B from which a pixel is coloured. Machines tint
/// their greys (blue, sepia) by up to about 30.
const COLOURED_CHROMA: u8 = 40;

/// Luma (0 to 255) and texture of the pixels within a mask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// Pixels within the mask.
    pub pixels: u64,
    /// Mean luma.
    pub mean: f64,
    /// Luma that 5 % of the pixels do not exceed.
    pub low: u8,
    /// Median luma.
    pub median: u8,
    /// Luma that 95 % of the pixels do not exceed.
    pub high: u8,
    /// Share of pixels at or near white, 0 to 1.
    pub clipped: f64,
    /// Share of pixels at or near black, 0 to 1.
    pub black: f64,
    /// Share of pixels in colour, 0 to 1.
    pub coloured: f64,
    /// Median over blocks of 8 x 8 of the finest detail as a share of the block's mean. `None`: no block is
    /// bright enough.
    pub grain: Option<f64>,
    /// Finest detail (within 3 x 3) over coarser detail (between 3 x 3 and 9 x 9). `None`: there is neither.
    pub sharpness: Option<f64>,
}

impl Statistics {
    /// Measure the pixels of `mask`. `None`: the mask is of another size, or empty.
    pub fn of(pixels: &Pixels, mask: &Mask) -> Option<Self> {
        if (mask.width(), mask.height()) != (pixels.width(), pixels.height()) || mask.area() == 0 {
            return None;
        }
        let tones = luma(pixels);
        let kept = || tones.iter().zip(mask.flags()).filter(|(_, inside)| **inside).map(|(tone, _)| *tone);
        let mut counts = [0_u64; 256];
        kept().for_each(|tone| counts[usize::from(tone)] += 1);
        let count = mask.area();
        let share =
            |range: std::ops::RangeInclusive<usize>| counts[range].iter().sum::<u64>() as f64 / count as f64;
        let sum: u64 = counts.iter().zip(0_u64..).map(|(count, tone)| count * tone).sum();
        let (grain, sharpness) = texture(pixels.dims(), &tones, mask);
        Some(Self {
            pixels: count,
            mean: sum as f64 / count as f64,
            low: quantile(&counts, count, 0.05),
            median: quantile(&counts, count, 0.5),
            high: quantile(&counts, count, 0.95),
            clipped: share(usize::from(CLIPPED_LUMA)..=255),
            black: share(0..=usize::from(BLACK_LUMA)),
            coloured: coloured(pixels, mask) as f64 / count as f64,
            grain,
            sharpness,
        })
    }
}

fn quantile(counts: &[u64; 256], count: u64, share: f64) -> u8 {
    let wanted = (share * count as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    let reached = |count: &u64| {
        seen += count;
        seen >= wanted
    };
    counts.iter().position(reached).map_or(255, |tone| tone as u8)
}

fn coloured(pixels: &Pixels, mask: &Mask) -> usize {
    if pixels.channels() != 3 {
        return 0;
    }
    let chroma = |rgb: &[u8]| rgb[0].max(rgb[1]).max(rgb[2]) - rgb[0].min(rgb[1]).min(rgb[2]);
    let pairs = pixels.bytes().chunks_exact(3).zip(mask.flags());
    pairs.filter(|(rgb, inside)| **inside && chroma(rgb) > COLOURED_CHROMA).count()
}

/// Grain and sharpness, over blocks that lie wholly within the mask.
fn texture(
    (width, height, _): (usize, usize, usize),
    tones: &[u8],
    mask: &Mask,
) -> (Option<f64>, Option<f64>) {
    let factor = width.max(height).div_ceil(MEASURED_AT);
    let (columns, rows) = (width / factor, height / factor);
    let cell = |at: usize, value: &dyn Fn(usize) -> f64| {
        let (x, y) = (at % columns * factor, at / columns * factor);
        let inner = (y..y + factor).flat_map(|y| (x..x + factor).map(move |x| y * width + x));
        inner.map(value).sum::<f64>() / (factor * factor) as f64
    };
    let light: Vec<f64> = (0..columns * rows).map(|at| cell(at, &|at| f64::from(tones[at]))).collect();
    let inside = BoxSums::new(columns, rows, |at| cell(at, &|at| f64::from(u8::from(mask.flags()[at]))));
    let sums = BoxSums::new(columns, rows, |at| light[at]);
    let mut grains = Vec::new();
    let (mut finest, mut coarser) = (0.0, 0.0);
    for (block_x, block_y) in
        (0..rows / BLOCK).flat_map(|y| (0..columns / BLOCK).map(move |x| (x * BLOCK, y * BLOCK)))
    {
        let area = (BLOCK * BLOCK) as f64;
        let filled = inside.sum(block_x, block_y, block_x + BLOCK, block_y + BLOCK) / area;
        let mean = sums.sum(block_x, block_y, block_x + BLOCK, block_y + BLOCK) / area;
        if filled < 1.0 || mean < GRAIN_LUMA {
            continue;
        }
        let (mut fine, mut coarse) = (0.0, 0.0);
        for (x, y) in (0..BLOCK * BLOCK).map(|at| (block_x + at % BLOCK, block_y + at / BLOCK)) {
            let (near, far) = (sums.mean(x, y, 1), sums.mean(x, y, 4));
            fine += (light[y * columns + x] - near).powi(2);
            coarse += (near - far).powi(2);
        }
        let fine = (fine - area * ROUNDING).max(0.0);
        grains.push((fine / area).sqrt() / mean);
        finest += fine;
        coarser += coarse;
    }
    grains.sort_by(f64::total_cmp);
    let grain = grains.get(grains.len() / 2).copied();
    (grain, (coarser > 0.0).then(|| (finest / coarser).sqrt()))
}
