//! What one query may see, applied to its row of scores.

use super::{Attention, Pattern};
use crate::host::call::{Data, Seen};

/// The pattern with the operands that say what it means.
pub(super) struct Mask<'a> {
    pattern: Pattern,
    segments: Option<Seen<'a>>,
    mask: Option<Seen<'a>>,
}

/// Scores of one query, `step` apart from the first number on.
pub(super) struct Scores<'s> {
    pub(super) numbers: &'s mut [f32],
    pub(super) step: usize,
}

impl Scores<'_> {
    fn each(&mut self) -> impl Iterator<Item = &mut f32> {
        self.numbers.iter_mut().step_by(self.step)
    }
}

impl<'a> Mask<'a> {
    pub(super) fn of(op: &Attention, inputs: &[Seen<'a>]) -> Self {
        Self {
            pattern: op.pattern,
            segments: op.pattern.has_segments().then(|| inputs[3]),
            mask: op.masked.then(|| inputs[inputs.len() - 1]),
        }
    }

    /// Every query may see every key.
    pub(super) fn is_open(&self) -> bool {
        self.pattern == Pattern::Bidirectional && self.mask.is_none()
    }

    /// Scores of the keys from `first` on become -∞ where the query at `at` (batch, query) may not see them;
    /// an f32 mask is added. `before`: position of query 0 among the keys.
    pub(super) fn apply(&self, mut scores: Scores<'_>, at: [usize; 2], first: usize, before: usize) {
        let position = before + at[1];
        match self.pattern {
            Pattern::Bidirectional => {}
            Pattern::Causal { window } => {
                let tail = (position + 1).saturating_sub(first);
                scores.each().skip(tail).for_each(|score| *score = f32::NEG_INFINITY);
                let head = window.map_or(0, |window| (position + 1).saturating_sub(window as usize + first));
                scores.each().take(head).for_each(|score| *score = f32::NEG_INFINITY);
            }
            Pattern::PrefixLm { window } => {
                let segments = self.segments(at[0]);
                let own = segments(position);
                hide(&mut scores, first, |j| causal(j, position, window) || (own != 0 && segments(j) == own));
            }
            Pattern::Block => {
                let segments = self.segments(at[0]);
                let own = segments(position);
                hide(&mut scores, first, |j| segments(j) == own);
            }
        }
        self.masked(scores, at, first);
    }

    /// Segment of a key of one batch entry.
    fn segments(&self, batch: usize) -> impl Fn(usize) -> u32 + use<'a> {
        let segments = self.segments;
        move |j| match segments {
            Some(Seen { dims, data: Data::Indices(numbers) }) => numbers[index(dims, &[batch, j])],
            _ => 0,
        }
    }

    fn masked(&self, mut scores: Scores<'_>, [batch, query]: [usize; 2], first: usize) {
        let Some(mask) = self.mask else { return };
        let start = index(mask.dims, &[batch, query, 0]);
        let step = usize::from(mask.row_len() != 1);
        let places = (0..).map(|j| start + (first + j) * step);
        match mask.data {
            Data::Indices(seen) => {
                let hidden = scores.each().zip(places).filter(|(_, place)| seen[*place] == 0);
                hidden.for_each(|(score, _)| *score = f32::NEG_INFINITY);
            }
            _ => {
                let added = mask.numbers();
                let visible = scores.each().zip(places).filter(|(s, _)| **s != f32::NEG_INFINITY);
                visible.for_each(|(score, place)| *score += added[place]);
            }
        }
    }
}

fn hide(scores: &mut Scores<'_>, first: usize, visible: impl Fn(usize) -> bool) {
    let hidden = scores.each().enumerate().filter(|(j, _)| !visible(first + j));
    hidden.for_each(|(_, score)| *score = f32::NEG_INFINITY);
}

fn causal(j: usize, position: usize, window: Option<u32>) -> bool {
    j <= position && window.is_none_or(|window| position - j < window as usize)
}

/// Position of `at` in an operand of `dims` that repeats; the last of `at` may lie in a dimension of 1.
fn index(dims: &[usize], at: &[usize]) -> usize {
    let at = &at[at.len() - dims.len()..];
    dims.iter().zip(at).fold(0, |index, (&d, &i)| index * d + if d == 1 { 0 } else { i })
}
