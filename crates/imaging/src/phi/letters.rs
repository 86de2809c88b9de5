//! Shapes like letters: thin, of one tone, with sharp sides.

use super::components::{Component, Runs};
use super::relief::Level;

/// Height of a letter in cells, at least: below it nobody reads it.
pub(crate) const LOWEST: usize = 5;
/// Height of a letter in cells, at most; taller ones are found at half the size.
pub(crate) const HIGHEST: usize = 28;
/// Width of a shape of letters that touch each other, at most, in heights.
pub(crate) const WIDEST: usize = 4;
/// Share of its box that a letter fills, at least and at most.
const FILL: (f64, f64) = (0.12, 0.95);
/// Share of a letter's highest relief from which a pixel is of its inside: edges are blended with what is
/// behind.
const INSIDE: f64 = 0.8;

/// A shape like a letter, in cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter {
    pub(crate) place: Component,
    /// Mean tone of its inside.
    pub(crate) tone: f64,
    /// How far it stands out: its highest relief.
    pub(crate) rise: f64,
    /// Mean step of tone at its sides, in units of `rise`: 0.5 and more for letters, less for echoes, which the
    /// beam has smoothed.
    pub(crate) sharp: f64,
    /// Share of its pixels that are of its inside.
    pub(crate) plateau: f64,
}

/// Shapes of the size of letters among the `runs` of a level.
pub(crate) fn letters(level: &Level, runs: &Runs) -> Vec<Letter> {
    let width = level.width;
    let sized = |place: &Component| {
        let (across, down) = (place.width(), place.height());
        let fill = place.area as f64 / (across * down) as f64;
        (LOWEST..=HIGHEST).contains(&down) && across <= WIDEST * down && (FILL.0..=FILL.1).contains(&fill)
    };
    let found: Vec<Component> = runs.components();
    let mut seen: Vec<Option<Seen>> = found.iter().map(|place| sized(place).then(Seen::default)).collect();
    for run in &runs.runs {
        if let Some(seen) = &mut seen[run.label as usize - 1] {
            let row = run.row * width;
            let rise = level.relief[row + run.from..row + run.to].iter().copied().max().unwrap_or(0);
            seen.rise = seen.rise.max(rise);
        }
    }
    for run in &runs.runs {
        if let Some(seen) = &mut seen[run.label as usize - 1] {
            seen.look(level, run.row * width, run.from, run.to);
        }
    }
    let letter = |(place, seen): (&Component, &Option<Seen>)| seen.as_ref()?.letter(*place);
    found.iter().zip(&seen).filter_map(letter).collect()
}

/// What the runs of a shape add up to.
#[derive(Debug, Default)]
struct Seen {
    rise: u8,
    inner: usize,
    tones: f64,
    steps: f64,
    sides: usize,
}

impl Seen {
    fn look(&mut self, level: &Level, row: usize, from: usize, to: usize) {
        let least = INSIDE * f64::from(self.rise);
        for at in row + from..row + to {
            if f64::from(level.relief[at]) >= least {
                self.inner += 1;
                self.tones += f64::from(level.tones[at]);
            }
        }
        // The steepest of the two steps at the place where the contrast is crossed.
        let tone = |x: usize| level.tones[row + x];
        let step = |inner: usize, outer: usize, next: usize| {
            tone(inner).saturating_sub(tone(outer)).max(tone(next).saturating_sub(tone(inner)))
        };
        if from > 0 {
            self.steps += f64::from(step(from, from - 1, (from + 1).min(to - 1)));
            self.sides += 1;
        }
        if to < level.width {
            self.steps += f64::from(step(to - 1, to, to.saturating_sub(2).max(from)));
            self.sides += 1;
        }
    }

    fn letter(&self, place: Component) -> Option<Letter> {
        let rise = f64::from(self.rise);
        (self.inner > 0 && self.sides > 0 && rise > 0.0).then(|| Letter {
            place,
            tone: self.tones / self.inner as f64,
            rise,
            sharp: (self.steps / self.sides as f64 / rise).min(1.0),
            plateau: self.inner as f64 / place.area as f64,
        })
    }
}
