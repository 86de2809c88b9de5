//! Letters that stand side by side, and how much they look like writing.

use super::letters::{HIGHEST, Letter, WIDEST};

/// Rows of a band in which a letter's neighbours are looked for.
const BAND: usize = 32;
/// Heights of two letters beside each other, at most: the higher over the lower.
const LIKE_HEIGHTS: f64 = 2.1;
/// Difference of the tones of two letters beside each other, at most.
const LIKE_TONES: f64 = 20.0;
/// Share of the lower letter's height that two letters beside each other have in common.
const LEVEL: f64 = 0.5;
/// Gap between two letters, at most, in heights of the higher: a space between words.
const GAP: f64 = 1.3;

/// Letters side by side, in cells, and what speaks for writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
    /// Letters on it.
    pub(crate) letters: usize,
    /// Median height of a letter.
    pub(crate) height: usize,
    /// Share of the letters whose foot or head is level with the others'.
    pub(crate) aligned: f64,
    /// Median difference of a letter's tone from the median tone.
    pub(crate) spread: f64,
    /// Median of the letters' `sharp`.
    pub(crate) sharp: f64,
    /// Median of the letters' `plateau`.
    pub(crate) plateau: f64,
    /// Median of the letters' `rise`.
    pub(crate) rise: f64,
    /// Median tone.
    pub(crate) tone: f64,
}

/// The groups of at least two letters.
pub(crate) fn lines(mut letters: Vec<Letter>) -> Vec<Line> {
    letters.sort_by_key(|letter| (letter.place.left, letter.place.top));
    let bands = letters.iter().map(|letter| letter.place.top / BAND).max().unwrap_or(0) + 1;
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); bands];
    let mut groups: Vec<usize> = (0..letters.len()).collect();
    let reach = |letter: &Letter| letter.place.left.saturating_sub(reach());
    for (at, letter) in letters.iter().enumerate() {
        let band = letter.place.top / BAND;
        for near in &rows[band.saturating_sub(1)..(band + 2).min(bands)] {
            let before = near.iter().rev().copied();
            for other in before.take_while(|other| letters[*other].place.left >= reach(letter)) {
                if beside(&letters[other], letter) {
                    let (a, b) = (root(&groups, other), root(&groups, at));
                    groups[a.max(b)] = a.min(b);
                }
            }
        }
        rows[band].push(at);
    }
    let mut members: Vec<Vec<Letter>> = vec![Vec::new(); letters.len()];
    for (at, letter) in letters.iter().enumerate() {
        members[root(&groups, at)].push(*letter);
    }
    members.iter().filter(|members| members.len() >= 2).map(|members| line(members)).collect()
}

/// Columns from the first of a letter to the first of the widest that may stand before it.
fn reach() -> usize {
    HIGHEST * WIDEST + (HIGHEST as f64 * GAP) as usize + 2
}

fn root(groups: &[usize], mut at: usize) -> usize {
    while groups[at] != at {
        at = groups[at];
    }
    at
}

fn beside(before: &Letter, letter: &Letter) -> bool {
    let (a, b) = (&before.place, &letter.place);
    let (low, high) = (a.height().min(b.height()) as f64, a.height().max(b.height()) as f64);
    let shared = a.bottom.min(b.bottom).saturating_sub(a.top.max(b.top)) as f64;
    let gap = b.left.saturating_sub(a.right) as f64;
    high <= LIKE_HEIGHTS * low
        && shared >= LEVEL * low
        && gap <= GAP * high + 2.0
        && (before.tone - letter.tone).abs() <= LIKE_TONES
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// `letters`: at least one.
fn line(letters: &[Letter]) -> Line {
    let of = |value: &dyn Fn(&Letter) -> f64| median(letters.iter().map(value).collect());
    let height = of(&|letter| letter.place.height() as f64);
    let near = (height / 8.0).max(1.0);
    let level = |edge: &dyn Fn(&Letter) -> f64| {
        let middle = of(edge);
        let level = letters.iter().filter(|letter| (edge(letter) - middle).abs() <= near).count();
        level as f64 / letters.len() as f64
    };
    let tone = of(&|letter| letter.tone);
    let least = |edge: &dyn Fn(&Letter) -> usize| letters.iter().map(edge).min().unwrap_or(0);
    let most = |edge: &dyn Fn(&Letter) -> usize| letters.iter().map(edge).max().unwrap_or(0);
    Line {
        left: least(&|letter| letter.place.left),
        top: least(&|letter| letter.place.top),
        right: most(&|letter| letter.place.right),
        bottom: most(&|letter| letter.place.bottom),
        letters: letters.len(),
        height: height as usize,
        aligned: level(&|letter| letter.place.bottom as f64).max(level(&|letter| letter.place.top as f64)),
        spread: of(&|letter| (letter.tone - tone).abs()),
        sharp: of(&|letter| letter.sharp),
        plateau: of(&|letter| letter.plateau),
        rise: of(&|letter| letter.rise),
        tone,
    }
}
