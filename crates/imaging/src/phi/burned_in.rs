//! Text that is part of the picture: found by the look of its strokes, never read.
//!
//! Letters are thin strokes of one tone with sharp sides, level with each other on a line. Echoes are none of that
//! for long: the beam blurs them. What is found is reported with a score and, where the score is high enough, taken
//! out of what may be shown; what is not found may still be there: handwriting, single letters, letters taller than a
//! tenth of the picture or 56 pixels, or as dark as the tissue.

use serde::Serialize;

use super::components::Runs;
use super::letters::letters;
use super::lines::{Line, lines};
use super::luma::luma;
use super::mask::Mask;
use super::relief::Level;
use crate::pixels::Pixels;

/// Columns or rows that are looked at, at most; larger pictures are reduced by whole factors first.
const LOOKED_AT: usize = 2048;
/// Steps of tone that strokes stand out by: dim grey labels on black up to white letters on bright speckle.
const CONTRASTS: [u8; 4] = [32, 56, 90, 140];
/// Times the picture is looked at, each at half the size of the one before: letters of 5 to 56 pixels.
const SIZES: usize = 2;
/// Rows of the picture per row of the highest letters.
const LETTERS_HIGH: usize = 10;
/// Lines that a picture may have, found at several sizes and contrasts. A page of small print has 1,000.
const MOST_LINES: usize = 4096;
/// Score from which a line is taken out. See [`score`].
const TAKEN_OUT: f64 = 1.5;
/// Score from which it is reported.
const REPORTED: f64 = 0.9;
/// Height of a line in heights of its middle letter from which it counts as bent.
const STRAIGHT: f64 = 2.2;
/// Two letters alone are taken out, up to 28 pixels high, if their `sharp` is at least this,
const PAIR_SHARP: f64 = 0.55;
/// their `rise` at least this,
const PAIR_RISE: f64 = 110.0;
/// and the spread of their tones at most this.
const PAIR_SPREAD: f64 = 12.0;
/// Score of a line that stands beside a line taken out and is like it, at least.
const BESIDE_TEXT: f64 = 0.3;
/// Share of a line's rise by which what is left of its letters stands out.
const FAINT: f64 = 0.35;
/// Share of a line's rise that a step beside it has, at least.
const STEP: f64 = 0.28;
/// Gap that a line is followed over, in heights: a space between words.
const GAP: f64 = 1.2;
/// Length that a line is followed for, in heights, to either side: one that is surely text,
const FOLLOWED: usize = 8;
/// and one whose score is less than [`SURE`].
const FOLLOWED_UNSURE: usize = 2;
/// Score from which a line is surely text. Nine in ten of the lines that [`score`] was placed by have more.
const SURE: f64 = 3.0;

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
    /// How much it looks like text: 0.9 and more is reported, 1.5 and more is taken out. Not a probability.
    pub score: f64,
    /// Whether a mask leaves it out; otherwise it is only reported.
    pub taken_out: bool,
}

impl BurnedInText {
    /// Whether most of the other's box lies in this one's.
    fn covers_most_of(&self, other: &Self) -> bool {
        let across = self.right.min(other.right).saturating_sub(self.left.max(other.left));
        let down = self.bottom.min(other.bottom).saturating_sub(self.top.max(other.top));
        let area = u64::from(other.right - other.left) * u64::from(other.bottom - other.top);
        10 * u64::from(across) * u64::from(down) >= 7 * area
    }

    /// Whether a pixel lies in the box.
    pub(super) fn contains(&self, x: u32, y: u32) -> bool {
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }

    /// Grow to hold the other too.
    fn merge(&mut self, other: &Self) {
        self.left = self.left.min(other.left);
        self.top = self.top.min(other.top);
        self.right = self.right.max(other.right);
        self.bottom = self.bottom.max(other.bottom);
        self.letters = self.letters.max(other.letters);
        self.score = self.score.max(other.score);
    }
}

/// Look for burned-in text that touches `mask`, bright on dark and dark on bright, from the top down. The whole
/// picture is looked at: a line that begins beside the mask is found as a whole. `None`: the mask is of another size.
pub fn find_burned_in_text(pixels: &Pixels, mask: &Mask) -> Option<Vec<BurnedInText>> {
    let (width, _, _) = pixels.dims();
    let same = (mask.width(), mask.height()) == (pixels.width(), pixels.height());
    same.then(|| text_touching(width, &luma(pixels), mask))
}

/// Lines of a picture whose size is the mask's. `tones`: `(height, width)`.
pub(super) fn text_touching(width: usize, tones: &[u8], mask: &Mask) -> Vec<BurnedInText> {
    let dark: Vec<u8> = tones.iter().map(|tone| 255 - tone).collect();
    united([bright_text(width, tones), bright_text(width, &dark)].concat(), mask)
}

/// Lines of what stands still in frames of one size, which touch the mask. Letters keep their tone in every frame
/// and echoes do not: they stand out most from the darkest, dark ones from the brightest that each pixel ever was.
pub(super) fn still_text_touching(frames: &[Vec<u8>], mask: &Mask) -> Vec<BurnedInText> {
    let width = mask.width() as usize;
    let over_time = |extreme: fn(u8, u8) -> u8| -> Vec<u8> {
        let tone = |at: usize| frames.iter().map(|tones| tones[at]).reduce(extreme).unwrap_or(0);
        (0..mask.flags().len()).map(tone).collect()
    };
    let darkest = over_time(u8::min);
    let brightest: Vec<u8> = over_time(u8::max).iter().map(|tone| 255 - tone).collect();
    united([bright_text(width, &darkest), bright_text(width, &brightest)].concat(), mask)
}

/// Lines of bright letters.
fn bright_text(width: usize, tones: &[u8]) -> Vec<BurnedInText> {
    let factor = width.max(tones.len() / width).div_ceil(LOOKED_AT);
    let (width, tones) = reduced(width, factor, tones);
    let mut found: Vec<BurnedInText> = Vec::new();
    let mut level = Some(Level::new(width, factor, tones));
    for _ in 0..SIZES {
        let Some(here) = level else { break };
        found.extend(text_of(&here));
        level = here.halved();
    }
    found
}

/// Mean tone of each square of `factor` pixels.
fn reduced(width: usize, factor: usize, tones: &[u8]) -> (usize, Vec<u8>) {
    if factor == 1 {
        return (width, tones.to_vec());
    }
    let columns = width.div_ceil(factor);
    let mut small = Vec::with_capacity(columns * (tones.len() / width).div_ceil(factor));
    for rows in tones.chunks(factor * width) {
        for left in (0..width).step_by(factor) {
            let square = rows.chunks(width).flat_map(|row| &row[left..(left + factor).min(width)]);
            let (sum, count) =
                square.fold((0_u32, 0_u32), |(sum, count), tone| (sum + u32::from(*tone), count + 1));
            small.push((sum / count.max(1)) as u8);
        }
    }
    (columns, small)
}

/// How much a line looks like writing. The weights were placed by 300 lines written over real and simulated scans in
/// 25 fonts and nine manners, of which the least has 2.2, and by what 176 such scans hold without writing, of which
/// the most has 1.3.
fn score(line: &Line) -> f64 {
    let rise = ((line.rise - 90.0) / 90.0).clamp(-0.6, 1.0);
    let letters = line.letters.min(8) as f64 - 3.0;
    // Heads and tails make a line of writing up to twice as high as its middle letter.
    let bent = ((line.bottom - line.top) as f64 / line.height as f64 - STRAIGHT).max(0.0);
    let level = 1.5 * (line.aligned - 0.6) - 1.5 * bent;
    5.0 * (line.sharp - 0.42) + 1.2 * rise + level + 0.3 * letters - 0.06 * (line.spread - 3.0)
}

/// Whether two letters are surely drawn.
fn is_pair(line: &Line) -> bool {
    line.letters == 2
        && line.aligned >= 1.0
        && line.sharp >= PAIR_SHARP
        && line.rise >= PAIR_RISE
        && line.spread <= PAIR_SPREAD
}

/// Lines of one level, in pixels.
fn text_of(level: &Level) -> Vec<BurnedInText> {
    let height = level.tones.len() / level.width;
    let mut runs = Runs::at_least(level.width, &level.relief, CONTRASTS[0]);
    let mut all: Vec<Line> = Vec::new();
    for contrast in CONTRASTS {
        runs = runs.higher(level.width, &level.relief, contrast);
        let mut letters = letters(level, &runs);
        letters.retain(|letter| letter.place.height() * LETTERS_HIGH <= height);
        all.extend(lines(letters));
    }
    let small = level.factor == 1;
    let sure = |line: &Line| if line.letters > 2 { score(line) >= TAKEN_OUT } else { small && is_pair(line) };
    let written: Vec<Line> = all.iter().copied().filter(sure).collect();
    let like = |line: &Line| written.iter().any(|text| is_next_to(text, line));
    let found = all.iter().filter_map(|line| {
        let score = score(line);
        let taken_out = sure(line) || (score >= BESIDE_TEXT && like(line));
        let reported = taken_out || (line.letters > 2 && score >= REPORTED);
        reported.then(|| grown(level, line, score, taken_out))
    });
    found.collect()
}

/// Whether a line stands over, under or beside one that is text, in letters of about the same height and tone.
fn is_next_to(text: &Line, line: &Line) -> bool {
    let height = text.height.max(line.height);
    let apart = |from: usize, to: usize, other_from: usize, other_to: usize| {
        other_from.saturating_sub(to).max(from.saturating_sub(other_to))
    };
    let (across, down) = (
        apart(text.left, text.right, line.left, line.right),
        apart(text.top, text.bottom, line.top, line.bottom),
    );
    10 * height <= 16 * text.height.min(line.height)
        && (text.tone - line.tone).abs() <= 20.0
        && across <= 3 * height
        && down <= 2 * height
}

/// A line's box with what its letters left beside it: letters that touch each other, points, tails, faint sides.
fn grown(level: &Level, line: &Line, score: f64, taken_out: bool) -> BurnedInText {
    let height = level.tones.len() / level.width;
    let least = FAINT * line.rise;
    let step = STEP * line.rise;
    let tone = |x: usize, y: usize| f64::from(level.tones[y * level.width + x]);
    let inked = |x: usize, y: usize| {
        f64::from(level.relief[y * level.width + x]) >= least
            && ((x > 0 && (tone(x, y) - tone(x - 1, y)).abs() >= step)
                || (x + 1 < level.width && (tone(x, y) - tone(x + 1, y)).abs() >= step))
    };
    let reach = line.height.div_ceil(2);
    let (first, last) = (line.top.saturating_sub(reach / 2), (line.bottom + reach / 2).min(height));
    let column = |x: usize| (first..last).any(|y| inked(x, y));
    let gap = (GAP * line.height as f64) as usize + 2;
    let followed = line.height * if score >= SURE { FOLLOWED } else { FOLLOWED_UNSURE };
    let (mut left, mut right) = (line.left, line.right);
    let ends = (line.left.saturating_sub(followed), (line.right + followed).min(level.width));
    while let Some(x) = (left.saturating_sub(gap).max(ends.0)..left).find(|x| column(*x)) {
        left = x;
    }
    while let Some(x) = (right..(right + gap).min(ends.1)).rev().find(|x| column(*x)) {
        right = x + 1;
    }
    let row = |y: usize| (left..right).any(|x| inked(x, y));
    let top = (line.top.saturating_sub(reach)..line.top).find(|y| row(*y)).unwrap_or(line.top);
    let bottom = (line.bottom..(line.bottom + reach).min(height)).rev().find(|y| row(*y));
    let bottom = bottom.map_or(line.bottom, |y| y + 1);
    let margin = 3 + line.height / 5;
    let pixels = |cells: usize| (cells * level.factor) as u32;
    BurnedInText {
        left: pixels(left.saturating_sub(margin)),
        top: pixels(top.saturating_sub(margin)),
        right: pixels(right + margin),
        bottom: pixels(bottom + margin),
        letters: line.letters as u32,
        score,
        taken_out,
    }
}

/// The boxes that touch the mask, from the top down. A box that lies mostly in a better one becomes part of it; what is
/// only reported is dropped where something is taken out. More than [`MOST_LINES`] become one box of the whole picture.
pub(super) fn united(mut found: Vec<BurnedInText>, mask: &Mask) -> Vec<BurnedInText> {
    found.retain(|line| touches(mask, line));
    if found.len() > MOST_LINES {
        let (right, bottom) = (mask.width(), mask.height());
        let letters = found.len() as u32;
        return vec![BurnedInText {
            left: 0,
            top: 0,
            right,
            bottom,
            letters,
            score: TAKEN_OUT,
            taken_out: true,
        }];
    }
    found.sort_by(|a, b| b.taken_out.cmp(&a.taken_out).then(b.score.total_cmp(&a.score)));
    let mut lines: Vec<BurnedInText> = Vec::new();
    for line in found {
        match lines.iter_mut().find(|known| known.covers_most_of(&line)) {
            Some(known) if known.taken_out == line.taken_out => known.merge(&line),
            Some(_) => {}
            None => lines.push(line),
        }
    }
    lines.sort_by_key(|line| (line.top, line.left));
    lines
}

fn touches(mask: &Mask, line: &BurnedInText) -> bool {
    let width = mask.width() as usize;
    let (left, right) = (line.left as usize, (line.right as usize).min(width));
    let rows = mask.flags().chunks(width).take(line.bottom as usize).skip(line.top as usize);
    left < right && rows.flat_map(|row| &row[left..right]).any(|inside| *inside)
}
