//! Where in a picture echoes are, as a coarse map: neither background nor drawn by the machine's program.
//!
//! A scanner paints its screen in exact colours and the echoes onto it. Background is the constant tone that
//! most of the flat runs have. Bars, frames and banners are constant along a row or a column; letters, scales
//! and traces are thin. What is left after both is texture of some extent: the scan.

use crate::phi::components::{BoxSums, Component, components, dilate, erode};
use crate::phi::luma::luma;
use crate::pixels::Pixels;

/// Columns or rows of the coarse map, at most. Sector edges are found to about a third of a cell.
const MAP_SIDE: usize = 384;
/// Steps of luma that an echo differs from the background. JPEG leaves up to 3 beside letters.
const ECHO_LEVEL: u8 = 4;
/// Pixels of a constant run that count as flat: longer than a speckle, shorter than a JPEG block.
const FLAT_RUN: usize = 7;
/// Luma under which constant runs are dark echoes as often as drawings.
const DRAWN_LUMA: u8 = 24;
/// Luma of the background above which the picture is no scan: scanners are read in dark rooms.
const BRIGHT_BACKGROUND: u8 = 96;
/// Share of the picture that flat runs of one tone cover before that tone is the background.
const BACKGROUND_SHARE: f64 = 0.005;
/// Steps of luma over the frames of a cine that count as movement: above noise of compression.
const MOVING_LEVEL: u8 = 10;
/// Share of a neighbourhood that echoes fill; black vessels and speckle gaps leave about half.
const FILLED: f64 = 0.4;
/// Thickness that letters and traces stay below: radius of the opening, as a share of the map's side.
const THIN: f64 = 0.014;
/// A part above or below the largest belongs to it from this share of its cells on.
const PART: f64 = 0.3;
/// The same where both sides are those of the largest part.
const ALIGNED_PART: f64 = 0.05;
/// Distance of two sides that are the same, as a share of the width.
const ALIGNED: f64 = 0.06;

/// Echoes on a coarse grid, and how the grid lies on the picture.
pub(super) struct Content {
    /// Columns of the grid.
    pub(super) width: usize,
    /// Rows of the grid.
    pub(super) height: usize,
    /// Pixels of the picture per cell, in both directions. The last cells may hang over.
    pub(super) cell: usize,
    /// The cells of the scan: `(height, width)`.
    pub(super) cells: Vec<bool>,
    /// Whether the frames' movement chose the cells.
    pub(super) moving: bool,
}

/// Why there is no such map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoContent {
    BrightBackground,
    Nothing,
}

/// `frames`: at least one, all of the same size.
pub(super) fn content(frames: &[&Pixels]) -> Result<Content, NoContent> {
    let (width, height, _) = frames[0].dims();
    let lumas: Vec<Vec<u8>> = frames.iter().map(|frame| luma(frame)).collect();
    let mut echoes = vec![false; width * height];
    for luma in &lumas {
        let background = background(width, luma).unwrap_or(0);
        if background > BRIGHT_BACKGROUND {
            return Err(NoContent::BrightBackground);
        }
        let drawn = drawn(width, luma);
        for (at, echo) in echoes.iter_mut().enumerate() {
            *echo |= luma[at].abs_diff(background) >= ECHO_LEVEL && !drawn[at];
        }
    }
    let cell = width.max(height).div_ceil(MAP_SIDE);
    let still = grid(width, height, cell, &echoes);
    let moving = (lumas.len() > 1).then(|| grid(width, height, cell, &movement(&lumas)));
    let (columns, rows) = (width.div_ceil(cell), height.div_ceil(cell));
    let still = scan_part(columns, &still).ok_or(NoContent::Nothing)?;
    let area = |cells: &[bool]| cells.iter().filter(|cell| **cell).count();
    let moving = moving.and_then(|cells| scan_part(columns, &cells));
    // Movement decides where it covers most of what looks like a scan; elsewhere the probe was held still.
    let moving = moving.filter(|cells| 4 * area(cells) >= 3 * area(&still));
    let by_movement = moving.is_some();
    let cells = moving.unwrap_or(still);
    Ok(Content { width: columns, height: rows, cell, cells, moving: by_movement })
}

/// The darkest of the tones that flat runs have most often. `None`: hardly any pixel lies in one.
pub(super) fn background(width: usize, luma: &[u8]) -> Option<u8> {
    let mut counts = [0_usize; 256];
    for row in luma.chunks(width) {
        // A run counts as often as it holds FLAT_RUN pixels.
        for run in row.chunk_by(|a, b| a == b).filter(|run| run.len() >= FLAT_RUN) {
            counts[usize::from(run[0])] += run.len() + 1 - FLAT_RUN;
        }
    }
    // Compression flattens dark echoes too: the darkest of the common tones.
    let most = counts.iter().copied().max().unwrap_or(0);
    let common = |count: usize| 4 * count >= most && count as f64 >= BACKGROUND_SHARE * luma.len() as f64;
    (0..=255).find(|tone| common(counts[usize::from(*tone)]))
}

/// Pixels in runs of one bright tone along a row or a column.
fn drawn(width: usize, luma: &[u8]) -> Vec<bool> {
    let height = luma.len() / width;
    let mut drawn = vec![false; luma.len()];
    let is_drawn = |from: usize, to: usize, tone: u8| to - from >= FLAT_RUN && tone >= DRAWN_LUMA;
    for (row, drawn) in luma.chunks(width).zip(drawn.chunks_mut(width)) {
        let mut from = 0;
        for at in 1..=width {
            if at < width && row[at].abs_diff(row[at - 1]) <= 1 && row[at].abs_diff(row[from]) <= 1 {
                continue;
            }
            if is_drawn(from, at, row[from]) {
                drawn[from..at].fill(true);
            }
            from = at;
        }
    }
    // All columns at once, row by row: where each one's run begins, and its first tone.
    let mut starts: Vec<(usize, u8)> = luma[..width].iter().map(|tone| (0, *tone)).collect();
    for y in 1..=height {
        for x in 0..width {
            let (from, first) = starts[x];
            let at = y * width + x;
            if y < height && luma[at].abs_diff(luma[at - width]) <= 1 && luma[at].abs_diff(first) <= 1 {
                continue;
            }
            if is_drawn(from, y, first) {
                (from..y).for_each(|y| drawn[y * width + x] = true);
            }
            if y < height {
                starts[x] = (y, luma[at]);
            }
        }
    }
    drawn
}

/// Pixels whose luma changes over the frames.
fn movement(lumas: &[Vec<u8>]) -> Vec<bool> {
    let range = |at: usize| {
        let tones = lumas.iter().map(|luma| luma[at]);
        tones.clone().max().unwrap_or(0) - tones.min().unwrap_or(0)
    };
    (0..lumas[0].len()).map(|at| range(at) >= MOVING_LEVEL).collect()
}

/// Cells mostly filled, thin things removed.
fn grid(width: usize, height: usize, cell: usize, echoes: &[bool]) -> Vec<bool> {
    let (columns, rows) = (width.div_ceil(cell), height.div_ceil(cell));
    let mut counts = vec![0_u32; columns * rows];
    for (at, _) in echoes.iter().enumerate().filter(|(_, echo)| **echo) {
        counts[at / width / cell * columns + at % width / cell] += 1;
    }
    let share = |at: usize| {
        let (left, top) = (at % columns * cell, at / columns * cell);
        let pixels = ((left + cell).min(width) - left) * ((top + cell).min(height) - top);
        f64::from(counts[at]) / pixels as f64
    };
    let shares = BoxSums::new(columns, rows, share);
    let radius = if columns.max(rows) >= 96 { 2 } else { 1 };
    let filled: Vec<bool> =
        (0..columns * rows).map(|at| shares.mean(at % columns, at / columns, radius) > FILLED).collect();
    let thin = ((columns.max(rows) as f64 * THIN).round() as usize).max(1);
    let opened = dilate(columns, &erode(columns, &filled, thin), thin);
    // Corners that the opening rounded off come back as far as they are filled.
    (0..thin).fold(opened, |grown, _| {
        let wider = dilate(columns, &grown, 1);
        wider.iter().zip(&filled).map(|(wide, filled)| *wide && *filled).collect()
    })
}

/// The largest group of cells with the large ones above or below it. `None`: there is no group.
fn scan_part(width: usize, cells: &[bool]) -> Option<Vec<bool>> {
    let (found, labels) = components(width, cells);
    let main = *found.iter().max_by_key(|group| (group.area, usize::MAX - group.top))?;
    let belongs = |group: &Component| {
        let near = |a: usize, b: usize| a.abs_diff(b) as f64 <= ALIGNED * main.width() as f64;
        let aligned = near(group.left, main.left) && near(group.right, main.right);
        let shared = group.right.min(main.right).saturating_sub(group.left.max(main.left));
        let beneath = 10 * shared >= 8 * group.width().min(main.width());
        let part = group.area as f64 / main.area as f64;
        beneath && part >= if aligned { ALIGNED_PART } else { PART }
    };
    let kept: Vec<bool> = found.iter().map(|group| group.label == main.label || belongs(group)).collect();
    Some(labels.iter().map(|&label| label > 0 && kept[label as usize - 1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_the_commonest_flat_tone() {
        let mut luma: Vec<u8> = (0..400).map(|at| (at * 37 % 251) as u8).collect();
        assert_eq!(background(20, &luma), None);
        luma[100..300].fill(12);
        assert_eq!(background(20, &luma), Some(12));
        assert_eq!(background(3, &[5; 9]), None);
    }

    #[test]
    fn bars_are_drawn_and_texture_is_not() {
        let mut luma: Vec<u8> = (0..400).map(|at| (40 + at * 37 % 151) as u8).collect();
        luma[40..52].fill(90);
        let drawn = drawn(20, &luma);
        assert_eq!(drawn.iter().filter(|flag| **flag).count(), 12);
        assert!(drawn[40..52].iter().all(|flag| *flag));
    }
}
