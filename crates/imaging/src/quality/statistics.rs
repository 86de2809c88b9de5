//! Numbers about the pixels of a scan that the quality gate and the mask judge by.

use serde::Serialize;

use crate::phi::components::BoxSums;
use crate::phi::luma::luma;
use crate::phi::{Mask, Sector};
use crate::pixels::Pixels;

/// Columns or rows at which grain is measured, at most: larger pictures are averaged down by whole factors,
/// or the grain of the screen would be measured and not that of the echoes.
const MEASURED_AT: usize = 1024;
/// Side of the blocks whose grain is measured, in pixels.
const BLOCK: usize = 8;
/// Cells round a block that coarser detail is measured with.
const AROUND: usize = 4;
/// Blocks that are measured, at most; more are sampled evenly.
const MOST_BLOCKS: usize = 1600;
/// Blocks from which on their direction tells something.
const LEAST_BLOCKS: usize = 40;
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
    /// Share of the blocks whose tone changes more along the beam than across it, 0 to 1: the beam is wider than its
    /// pulse is long, so that echoes lie across it. `None`: too few blocks are bright enough.
    pub across: Option<f64>,
}

/// Where the beams of a scan go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Beams {
    /// Down, side by side.
    Down,
    /// Away from a point, in pixels.
    From(f64, f64),
}

impl Beams {
    /// Of the sector found; without one they go down.
    pub(crate) fn of(sector: Option<&Sector>) -> Self {
        let spread = sector.filter(|sector| sector.outline.opens());
        spread.and_then(|sector| sector.outline.apex()).map_or(Self::Down, |(x, y)| Self::From(x, y))
    }

    /// Direction of the beam at a place, of any length.
    fn at(self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Down => (0.0, 1.0),
            Self::From(apex_x, apex_y) => (x - apex_x, y - apex_y),
        }
    }
}

impl Statistics {
    /// Measure the pixels of `mask`, the beams going as in `sector`. `None`: the mask is of another size, or empty.
    pub fn of(pixels: &Pixels, mask: &Mask, sector: Option<&Sector>) -> Option<Self> {
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
        let texture = texture(pixels.dims(), &tones, mask, Beams::of(sector));
        Some(Self {
            pixels: count,
            mean: sum as f64 / count as f64,
            low: quantile(&counts, count, 0.05),
            median: quantile(&counts, count, 0.5),
            high: quantile(&counts, count, 0.95),
            clipped: share(usize::from(CLIPPED_LUMA)..=255),
            black: share(0..=usize::from(BLACK_LUMA)),
            coloured: coloured(pixels, mask) as f64 / count as f64,
            grain: texture.grain,
            sharpness: texture.sharpness,
            across: texture.across,
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

/// Grain, sharpness and direction.
struct Texture {
    grain: Option<f64>,
    sharpness: Option<f64>,
    across: Option<f64>,
}

/// A picture reduced by a whole factor, cell by cell where it is asked for.
struct Reduced<'a> {
    /// Pixels per cell, in both directions.
    factor: usize,
    columns: usize,
    rows: usize,
    /// Columns of the picture.
    width: usize,
    tones: &'a [u8],
    mask: &'a Mask,
}

impl Reduced<'_> {
    /// Upper left cells of blocks that lie wholly within the mask, evenly sampled.
    fn blocks(&self) -> Vec<(usize, usize)> {
        let side = BLOCK * self.factor;
        let is_whole = |(x, y): &(usize, usize)| {
            let start = x * self.factor;
            let rows = (y * self.factor..y * self.factor + side).map(|y| y * self.width + start);
            rows.clone().all(|at| self.mask.flags()[at] && self.mask.flags()[at + side - 1])
                && rows.into_iter().all(|at| self.mask.flags()[at..at + side].iter().all(|inside| *inside))
        };
        let all = (0..self.rows / BLOCK)
            .flat_map(|y| (0..self.columns / BLOCK).map(move |x| (x * BLOCK, y * BLOCK)));
        let whole: Vec<(usize, usize)> = all.filter(is_whole).collect();
        let step = whole.len().div_ceil(MOST_BLOCKS).max(1);
        whole.into_iter().step_by(step).collect()
    }

    /// Mean luma of a cell.
    fn light(&self, x: usize, y: usize) -> f64 {
        let rows = (y * self.factor..(y + 1) * self.factor).map(|y| y * self.width + x * self.factor);
        let sum: u32 =
            rows.flat_map(|at| &self.tones[at..at + self.factor]).map(|tone| u32::from(*tone)).sum();
        f64::from(sum) / (self.factor * self.factor) as f64
    }

    /// The block at `(left, top)` with up to [`AROUND`] cells on each side, as far as the picture goes.
    fn patch(&self, left: usize, top: usize) -> Patch {
        let (from_x, from_y) = (left.saturating_sub(AROUND), top.saturating_sub(AROUND));
        let width = (left + BLOCK + AROUND).min(self.columns) - from_x;
        let height = (top + BLOCK + AROUND).min(self.rows) - from_y;
        let cell = |at: usize| self.light(from_x + at % width, from_y + at / width);
        let light: Vec<f64> = (0..width * height).map(cell).collect();
        let sums = BoxSums::new(width, height, |at| light[at]);
        Patch { width, left: left - from_x, top: top - from_y, light, sums }
    }
}

/// A block and what is round it.
struct Patch {
    width: usize,
    /// First column of the block.
    left: usize,
    /// First row of the block.
    top: usize,
    light: Vec<f64>,
    sums: BoxSums,
}

/// Over blocks that lie wholly within the mask.
fn texture((width, height, _): (usize, usize, usize), tones: &[u8], mask: &Mask, beams: Beams) -> Texture {
    let factor = width.max(height).div_ceil(MEASURED_AT);
    let reduced = Reduced { factor, columns: width / factor, rows: height / factor, width, tones, mask };
    let area = (BLOCK * BLOCK) as f64;
    let (mut grains, mut directed, mut across) = (Vec::new(), 0_usize, 0_usize);
    let (mut finest, mut coarser) = (0.0, 0.0);
    for (left, top) in reduced.blocks() {
        let patch = reduced.patch(left, top);
        let mean = patch.sums.sum(patch.left, patch.top, patch.left + BLOCK, patch.top + BLOCK) / area;
        if mean < GRAIN_LUMA {
            continue;
        }
        let (mut fine, mut coarse) = (0.0, 0.0);
        for (x, y) in (0..BLOCK * BLOCK).map(|at| (patch.left + at % BLOCK, patch.top + at / BLOCK)) {
            let (near, far) = (patch.sums.mean(x, y, 1), patch.sums.mean(x, y, AROUND));
            fine += (patch.light[y * patch.width + x] - near).powi(2);
            coarse += (near - far).powi(2);
        }
        let fine = (fine - area * ROUNDING).max(0.0);
        grains.push((fine / area).sqrt() / mean);
        finest += fine;
        coarser += coarse;
        let beam = beams.at(((left + BLOCK / 2) * factor) as f64, ((top + BLOCK / 2) * factor) as f64);
        if let Some(is_across) = lies_across(&patch, beam) {
            directed += 1;
            across += usize::from(is_across);
        }
    }
    grains.sort_by(f64::total_cmp);
    Texture {
        grain: grains.get(grains.len() / 2).copied(),
        sharpness: (coarser > 0.0).then(|| (finest / coarser).sqrt()),
        across: (directed >= LEAST_BLOCKS).then(|| across as f64 / directed as f64),
    }
}

/// Whether the tone of a block changes more along the beam than across it. `None`: it does not change.
fn lies_across(patch: &Patch, (x, y): (f64, f64)) -> Option<bool> {
    let (mut along, mut aside) = (0.0, 0.0);
    for (column, row) in (0..BLOCK - 1).flat_map(|row| (0..BLOCK - 1).map(move |column| (column, row))) {
        let at = (patch.top + row) * patch.width + patch.left + column;
        let below = at + patch.width;
        // Differences of the four cells round one corner.
        let (a, b, c, d) = (patch.light[at], patch.light[at + 1], patch.light[below], patch.light[below + 1]);
        let (right, down) = (b + d - a - c, c + d - a - b);
        along += (right * x + down * y).powi(2);
        aside += (right * y - down * x).powi(2);
    }
    (along + aside > 0.0).then_some(along > aside)
}
