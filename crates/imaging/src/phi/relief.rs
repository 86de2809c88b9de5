//! How far thin bright things stand above what is behind them, at several sizes.

/// Half the thickness of a stroke, at most, in cells of a level.
const STROKE: usize = 3;

/// A picture reduced by a whole factor, and its relief.
pub(crate) struct Level {
    /// Columns.
    pub(crate) width: usize,
    /// Pixels of the picture per cell, in both directions. The last cells may hang over.
    pub(crate) factor: usize,
    /// Mean tone of each cell: `(height, width)`.
    pub(crate) tones: Vec<u8>,
    /// What a white top-hat leaves of it: the tone above its surroundings of things up to 6 cells thick.
    /// Source: Serra, Image Analysis and Mathematical Morphology, 1982.
    pub(crate) relief: Vec<u8>,
}

impl Level {
    /// `tones`: `(height, width)`, at least one.
    pub(crate) fn new(width: usize, factor: usize, tones: Vec<u8>) -> Self {
        let mut ground = tones.clone();
        spread(width, &mut ground, u8::min);
        spread(width, &mut ground, u8::max);
        let relief = tones.iter().zip(&ground).map(|(tone, ground)| tone.saturating_sub(*ground)).collect();
        Self { width, factor, tones, relief }
    }

    /// The same picture at half the size. `None`: it is too small to be halved.
    pub(crate) fn halved(&self) -> Option<Self> {
        let height = self.tones.len() / self.width;
        if self.width.min(height) < 2 * (2 * STROKE + 1) {
            return None;
        }
        let (columns, rows) = (self.width.div_ceil(2), height.div_ceil(2));
        let mut tones = Vec::with_capacity(columns * rows);
        for pair in self.tones.chunks(2 * self.width) {
            let (upper, lower) = pair.split_at(self.width);
            let lower = if lower.is_empty() { upper } else { lower };
            for (upper, lower) in upper.chunks(2).zip(lower.chunks(2)) {
                let four = [upper[0], upper[upper.len() - 1], lower[0], lower[lower.len() - 1]];
                tones.push((four.iter().map(|tone| u16::from(*tone)).sum::<u16>() / 4) as u8);
            }
        }
        Some(Self::new(columns, 2 * self.factor, tones))
    }
}

/// Each tone becomes the extreme of the square round it, as far as that exists. The rule is a type of its own, so
/// that the loops are compiled for it.
fn spread(width: usize, tones: &mut [u8], extreme: impl Fn(u8, u8) -> u8 + Copy) {
    spread_down(width, tones, extreme);
    let mut two = Vec::with_capacity(width);
    for row in tones.chunks_mut(width) {
        spread_across(row, &mut two, extreme);
    }
}

/// Each tone becomes the extreme of the `2 * STROKE + 1` of its row round it, as far as they exist: windows of
/// 2, 4 and 7 are built of the ones before.
fn spread_across(row: &mut [u8], two: &mut Vec<u8>, extreme: impl Fn(u8, u8) -> u8 + Copy) {
    let count = row.len();
    let edge = |at: usize, row: &[u8]| {
        let near = &row[at.saturating_sub(STROKE)..(at + STROKE + 1).min(count)];
        near.iter().copied().reduce(extreme).unwrap_or(row[at])
    };
    if count < 2 * STROKE + 1 {
        let spread: Vec<u8> = (0..count).map(|at| edge(at, row)).collect();
        return row.copy_from_slice(&spread);
    }
    let rim: Vec<(u8, u8)> = (0..STROKE).map(|at| (edge(at, row), edge(count - 1 - at, row))).collect();
    let inner = count - 2 * STROKE;
    two.clear();
    two.extend(row.iter().zip(&row[1..]).map(|(a, b)| extreme(*a, *b)));
    let four: Vec<u8> = two.iter().zip(&two[2..]).map(|(a, b)| extreme(*a, *b)).collect();
    let seven = four.iter().zip(&four[3..]).map(|(a, b)| extreme(*a, *b));
    row[STROKE..STROKE + inner].iter_mut().zip(seven).for_each(|(tone, extreme)| *tone = extreme);
    for (at, (first, last)) in rim.into_iter().enumerate() {
        row[at] = first;
        row[count - 1 - at] = last;
    }
}

/// The same along the columns.
fn spread_down(width: usize, tones: &mut [u8], extreme: impl Fn(u8, u8) -> u8 + Copy) {
    let height = tones.len() / width;
    let source = tones.to_vec();
    for (y, out) in tones.chunks_mut(width).enumerate() {
        for near in y.saturating_sub(STROKE)..(y + STROKE + 1).min(height) {
            for (tone, other) in out.iter_mut().zip(&source[near * width..(near + 1) * width]) {
                *tone = extreme(*tone, *other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, pixel by pixel.
    fn slow(width: usize, tones: &[u8]) -> Vec<u8> {
        let height = tones.len() / width;
        let pass = |tones: &[u8], extreme: fn(u8, u8) -> u8| -> Vec<u8> {
            let near = |at: usize, end: usize| at.saturating_sub(STROKE)..(at + STROKE + 1).min(end);
            let value = |at: usize| {
                let rows = near(at / width, height);
                let all = rows.flat_map(|y| near(at % width, width).map(move |x| y * width + x));
                all.map(|at| tones[at]).reduce(extreme).unwrap()
            };
            (0..tones.len()).map(value).collect()
        };
        let opened = pass(&pass(tones, u8::min), u8::max);
        tones.iter().zip(opened).map(|(tone, ground)| tone - ground).collect()
    }

    #[test]
    fn the_relief_is_the_top_hat_at_any_size() {
        for (width, height) in [(1, 1), (1, 9), (6, 7), (7, 6), (8, 8), (31, 13), (64, 5)] {
            let tones: Vec<u8> = (0..width * height).map(|at| (at * 89 % 251) as u8).collect();
            let level = Level::new(width, 1, tones.clone());
            assert_eq!(level.relief, slow(width, &tones), "{width} x {height}");
            let halved = level.halved();
            assert_eq!(halved.is_some(), width.min(height) >= 14);
        }
    }

    #[test]
    fn half_the_size_has_the_mean_tones() {
        let tones: Vec<u8> = (0..15 * 17).map(|at| if at % 15 == 14 { 200 } else { 40 }).collect();
        let half = Level::new(15, 1, tones).halved().unwrap();
        assert_eq!((half.width, half.tones.len(), half.factor), (8, 72, 2));
        assert!(half.tones.chunks(8).all(|row| row[7] == 200 && row[..7].iter().all(|tone| *tone == 40)));
    }
}
