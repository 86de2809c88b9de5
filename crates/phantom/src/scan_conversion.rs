//! Scan conversion: from (range, beam) to the pixels of the screen, and where those pixels lie in millimetres.

use serde::{Deserialize, Serialize};

use crate::compression::GREY_STEPS;
use crate::probe::Probe;

/// Where the pixels of a frame lie. Pixels are square.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FrameGeometry {
    /// Side of a pixel.
    pub mm_per_pixel: f64,
    /// Place of the middle of the leftmost column; 0 is under the middle of the probe.
    pub left_mm: f64,
    /// Place of the middle of the top row; 0 is the middle of the probe's face.
    pub top_mm: f64,
    /// First and last column and row that show the sector, both included.
    pub sector: [u32; 4],
}

impl FrameGeometry {
    /// The sector of `probe` as large as it fits into `width` x `height` pixels, in the middle of the top.
    pub(crate) fn fit(probe: &Probe, width: u32, height: u32) -> Self {
        let (left, top, right, bottom) = probe.bounds_mm();
        let mm_per_pixel = ((right - left) / f64::from(width)).max((bottom - top) / f64::from(height));
        let columns = ((right - left) / mm_per_pixel).round().clamp(1.0, f64::from(width));
        let rows = ((bottom - top) / mm_per_pixel).round().clamp(1.0, f64::from(height));
        let first = ((f64::from(width) - columns) / 2.0).floor();
        Self {
            mm_per_pixel,
            left_mm: -0.5 * f64::from(width - 1) * mm_per_pixel,
            top_mm: top + 0.5 * mm_per_pixel,
            sector: [first as u32, 0, (first + columns) as u32 - 1, rows as u32 - 1],
        }
    }

    /// Place to pixel, both as real numbers: `(column, row)`; whole numbers are the middles of pixels.
    pub fn pixel_of(&self, x_mm: f64, z_mm: f64) -> (f64, f64) {
        ((x_mm - self.left_mm) / self.mm_per_pixel, (z_mm - self.top_mm) / self.mm_per_pixel)
    }

    /// Pixel to place: `(x_mm, z_mm)`.
    pub fn place_of(&self, column: f64, row: f64) -> (f64, f64) {
        (self.left_mm + column * self.mm_per_pixel, self.top_mm + row * self.mm_per_pixel)
    }
}

/// Marks a pixel outside the sector.
const OUTSIDE: u32 = u32::MAX;

/// For each pixel of the frame: upper left of the four grid cells round it, and the weights of the others.
pub(crate) struct ScanConversion {
    beams: usize,
    /// `(height, width)`
    cells: Vec<Cell>,
}

#[derive(Clone, Copy)]
struct Cell {
    at: u32,
    /// Toward the next beam, 0…1.
    across: f32,
    /// Toward the next sample, 0…1.
    along: f32,
}

impl ScanConversion {
    /// The table of a probe's frame.
    pub(crate) fn new(
        probe: &Probe,
        geometry: &FrameGeometry,
        (width, height): (u32, u32),
        (beams, samples): (usize, usize),
    ) -> Self {
        let mut cells = Vec::with_capacity(width as usize * height as usize);
        for row in 0..height {
            for column in 0..width {
                let (x, z) = geometry.place_of(f64::from(column), f64::from(row));
                let (fraction, range) = probe.locate(x, z);
                cells.push(cell(fraction, range / probe.depth_mm, beams, samples));
            }
        }
        Self { beams, cells }
    }

    /// Display levels `(samples, beams)` to grey `(height, width)`; black outside the sector.
    pub(crate) fn grey(&self, level: &[f32], map: &[u8]) -> Vec<u8> {
        self.cells
            .iter()
            .map(|cell| {
                if cell.at == OUTSIDE {
                    return 0;
                }
                let at = cell.at as usize;
                let (a, b) = (level[at], level[at + 1]);
                let (c, d) = (level[at + self.beams], level[at + self.beams + 1]);
                let top = a + (b - a) * cell.across;
                let bottom = c + (d - c) * cell.across;
                let level = top + (bottom - top) * cell.along;
                map[((level * (GREY_STEPS - 1) as f32 + 0.5) as usize).min(GREY_STEPS - 1)]
            })
            .collect()
    }

    /// Bits of the nearest grid cell: `(height, width)`.
    pub(crate) fn nearest(&self, bits: &[u16]) -> Vec<u16> {
        self.cells
            .iter()
            .map(|cell| {
                if cell.at == OUTSIDE {
                    return 0;
                }
                let below = if cell.along >= 0.5 { self.beams } else { 0 };
                bits[cell.at as usize + usize::from(cell.across >= 0.5) + below]
            })
            .collect()
    }
}

fn cell(fraction: f64, depth: f64, beams: usize, samples: usize) -> Cell {
    let outside = Cell { at: OUTSIDE, across: 0.0, along: 0.0 };
    let across = fraction * (beams - 1) as f64;
    let along = depth * samples as f64;
    // Written so that a NaN is outside.
    let inside = (0.0..=1.0).contains(&fraction) && (0.0..=1.0).contains(&depth);
    if !inside {
        return outside;
    }
    let beam = (across as usize).min(beams - 2);
    let sample = (along as usize).min(samples - 2);
    Cell {
        at: (sample * beams + beam) as u32,
        across: (across - beam as f64).clamp(0.0, 1.0) as f32,
        along: (along - sample as f64).clamp(0.0, 1.0) as f32,
    }
}
