//! Text that is part of the picture: found by the look of its strokes, never read.
//!
//! Letters are thin strokes that stand out from their surroundings, even in tone, of a like height, side by
//! side on a line. Speckle is none of that for long. What is found is reported with a score; what is not found
//! may still be there: handwriting, words under five letters, letters taller than [`TALLEST`] or as dark as the tissue.

use serde::Serialize;

use super::components::{Component, components};
use super::luma::luma;
use super::mask::Mask;
use crate::pixels::Pixels;

/// Columns or rows that are looked at, at most; larger pictures are reduced by whole factors first.
const LOOKED_AT: usize = 2048;
/// Half the thickness of a stroke, at most, in pixels.
const STROKE: usize = 3;
/// Steps of luma that strokes stand out by: dim grey labels on black, then white letters on bright speckle.
const CONTRASTS: [u8; 2] = [40, 90];
/// Height of a letter in pixels, at least: below it nobody reads it.
const LOWEST: usize = 5;
/// Height of a letter in pixels, at most.
pub(crate) const TALLEST: usize = 64;
/// Letters on a line, at least. Four grains of speckle stand in a row about once in a raw, unfiltered scan.
const LEAST_LETTERS: usize = 5;
/// Score from which a line of letters is reported.
const LEAST_SCORE: f64 = 0.65;
/// Share of a letter's pixels that stand out by four fifths of its peak, at least.
const PLATEAU: f64 = 0.36;
/// Difference of the tones of two letters beside each other, at most.
const LIKE_TONES: f64 = 14.0;

/// A line of letters, in pixels. Right and bottom are one past the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BurnedInText {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// One past the last column.
    pub right: u32,
    /// One past the last row.
    pub bottom: u32,
    /// Shapes like letters on it.
    pub letters: u32,
    /// 0 to 1: how much it looks like text. Not a probability.
    pub score: f64,
}

impl BurnedInText {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// A shape like a letter.
struct Letter {
    place: Component,
    tone: f64,
}

/// Look for burned-in text among the pixels of `mask`, bright on dark and dark on bright, from the top down.
/// `None`: the mask is of another size.
pub fn find_burned_in_text(pixels: &Pixels, mask: &Mask) -> Option<Vec<BurnedInText>> {
    if (mask.width(), mask.height()) != (pixels.width(), pixels.height()) {
        return None;
    }
    let (width, height, _) = pixels.dims();
    let factor = width.max(height).div_ceil(LOOKED_AT);
    let bright = luma(pixels);
    let dark: Vec<u8> = bright.iter().map(|tone| 255 - tone).collect();
    let mut found: Vec<BurnedInText> = Vec::new();
    for tones in [bright, dark] {
        let (columns, tones, inside) = reduced(width, height, factor, &tones, mask);
        let relief = relief(columns, &tones);
        for contrast in CONTRASTS {
            let lines = lines(letters(columns, &tones, &relief, &inside, contrast));
            for line in lines.iter().filter_map(|line| text(line, factor as u32)) {
                match found.iter_mut().find(|known| known.overlaps(&line)) {
                    Some(known) => merge(known, &line),
                    None => found.push(line),
                }
            }
        }
    }
    found.sort_by_key(|text| (text.top, text.left));
    Some(found)
}

fn merge(known: &mut BurnedInText, line: &BurnedInText) {
    known.left = known.left.min(line.left);
    known.top = known.top.min(line.top);
    known.right = known.right.max(line.right);
    known.bottom = known.bottom.max(line.bottom);
    known.letters = known.letters.max(line.letters);
    known.score = known.score.max(line.score);
}

/// Columns, brightest tone of each square of `factor` pixels, and whether the mask holds its first.
fn reduced(
    width: usize,
    height: usize,
    factor: usize,
    tones: &[u8],
    mask: &Mask,
) -> (usize, Vec<u8>, Vec<bool>) {
    let (columns, rows) = (width.div_ceil(factor), height.div_ceil(factor));
    let mut most = vec![0; columns * rows];
    let mut inside = vec![false; columns * rows];
    for (at, &tone) in tones.iter().enumerate().filter(|(at, _)| mask.flags()[*at]) {
        let cell = at / width / factor * columns + at % width / factor;
        most[cell] = tone.max(most[cell]);
        inside[cell] = true;
    }
    (columns, most, inside)
}

/// How far each tone stands above what is left when thin bright things are removed (white top-hat).
/// Source: Serra, Image Analysis and Mathematical Morphology, 1982.
fn relief(width: usize, tones: &[u8]) -> Vec<u8> {
    let height = tones.len() / width;
    let pass = |tones: &[u8], least: bool| {
        let extreme = |near: &mut dyn Iterator<Item = u8>| if least { near.min() } else { near.max() };
        let mut across = vec![0; tones.len()];
        for (row, out) in tones.chunks(width).zip(across.chunks_mut(width)) {
            for (x, tone) in out.iter_mut().enumerate() {
                let near = &row[x.saturating_sub(STROKE)..(x + STROKE + 1).min(width)];
                *tone = extreme(&mut near.iter().copied()).unwrap_or(0);
            }
        }
        let mut down = vec![0; tones.len()];
        for y in 0..height {
            let rows = y.saturating_sub(STROKE)..(y + STROKE + 1).min(height);
            for x in 0..width {
                down[y * width + x] = extreme(&mut rows.clone().map(|y| across[y * width + x])).unwrap_or(0);
            }
        }
        down
    };
    let opened = pass(&pass(tones, true), false);
    tones.iter().zip(opened).map(|(tone, ground)| tone.saturating_sub(ground)).collect()
}

fn letters(width: usize, tones: &[u8], relief: &[u8], inside: &[bool], contrast: u8) -> Vec<Letter> {
    let strokes: Vec<bool> =
        relief.iter().zip(inside).map(|(rise, inside)| *inside && *rise >= contrast).collect();
    let (found, labels) = components(width, &strokes);
    let letter = |place: Component| {
        let (across, down) = (place.width(), place.height());
        let fill = place.area as f64 / (across * down) as f64;
        let sized = (LOWEST..=TALLEST).contains(&down) && across <= 3 * down;
        if !sized || fill < 0.12 || (fill > 0.9 && 2 * across > down) {
            return None;
        }
        let own = || {
            let rows =
                (place.top..place.bottom).flat_map(|y| y * width + place.left..y * width + place.right);
            rows.filter(|at| labels[*at] == place.label)
        };
        let rise = own().map(|at| relief[at]).max().unwrap_or(0);
        // Edges are blended with what is behind: the inner pixels tell the tone. A letter is a plateau of one
        // tone, speckle a peak.
        let inner: Vec<f64> = own()
            .filter(|at| 5 * u16::from(relief[*at]) >= 4 * u16::from(rise))
            .map(|at| f64::from(tones[at]))
            .collect();
        let tone = inner.iter().sum::<f64>() / inner.len() as f64;
        let plateau = inner.len() as f64 >= PLATEAU * place.area as f64 && inner.len() >= 4;
        plateau.then_some(Letter { place, tone })
    };
    found.into_iter().filter_map(letter).collect()
}

/// Letters that stand side by side.
fn lines(mut letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    letters.sort_by_key(|letter| (letter.place.left, letter.place.top));
    let mut lines: Vec<Vec<Letter>> = Vec::new();
    for letter in letters {
        let line =
            lines.iter_mut().find(|line| line.iter().rev().take(4).any(|before| beside(before, &letter)));
        match line {
            Some(line) => line.push(letter),
            None => lines.push(vec![letter]),
        }
    }
    lines
}

fn beside(before: &Letter, letter: &Letter) -> bool {
    let (a, b) = (&before.place, &letter.place);
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    let shared = a.bottom.min(b.bottom).saturating_sub(a.top.max(b.top));
    let gap = b.left.saturating_sub(a.right);
    10 * high <= 22 * low
        && 2 * shared >= low
        && 2 * gap <= 3 * high + 4
        && (before.tone - letter.tone).abs() <= LIKE_TONES
}

/// A line of letters as text, if it looks like it.
fn text(line: &[Letter], factor: u32) -> Option<BurnedInText> {
    if line.len() < LEAST_LETTERS {
        return None;
    }
    let places = || line.iter().map(|letter| letter.place);
    let share = |edge: &dyn Fn(Component) -> usize| {
        let mut edges: Vec<usize> = places().map(edge).collect();
        edges.sort_unstable();
        let middle = edges[edges.len() / 2];
        let mut heights: Vec<usize> = places().map(|place| place.height()).collect();
        heights.sort_unstable();
        let near = (heights[heights.len() / 2] / 8).max(1);
        edges.iter().filter(|edge| edge.abs_diff(middle) <= near).count() as f64 / edges.len() as f64
    };
    let aligned = share(&|place| place.bottom).max(share(&|place| place.top));
    let many = 1.0 - (-(line.len() as f64 - 1.0) / 2.5).exp();
    let score = aligned * many;
    let left = places().map(|place| place.left).min()? as u32;
    let top = places().map(|place| place.top).min()? as u32;
    let right = places().map(|place| place.right).max()? as u32;
    let bottom = places().map(|place| place.bottom).max()? as u32;
    let long = right - left >= 2 * (bottom - top);
    let text = BurnedInText {
        left: left * factor,
        top: top * factor,
        right: right * factor,
        bottom: bottom * factor,
        letters: line.len() as u32,
        score,
    };
    (long && score >= LEAST_SCORE).then_some(text)
}
