//! Attention for many rows of queries: 32 of them side by side in the lanes of a tile.
//!
//! Scores are keys × queriesᵀ and the mix is valuesᵀ × scores, so that keys and values are multiplied with
//! where they lie, only the queries and the result are turned round, and softmax never sums across lanes.

use std::borrow::Cow;
use std::ops::Range;

use super::host::Work;
use super::mask::Scores;
use crate::host::call::{Data, Seen};
use crate::host::math::exp;
use crate::host::vector::{Loop, vectorized};
use crate::ops::Tier;
use crate::ops::linear::host::tile::{DEPTH, Rows, WIDTH, Wide, multiply};

/// Keys and values of one task.
pub(super) struct Lanes<'a> {
    work: &'a Work<'a>,
    keys: Heads<'a>,
    values: Heads<'a>,
    range: Range<usize>,
}

/// One head's rows, `stride` apart.
struct Heads<'a> {
    numbers: Cow<'a, [f32]>,
    stride: usize,
}

impl<'a> Heads<'a> {
    /// The task's head of a range of keys or values: where they lie, or out of a cache that is not f32.
    fn of(work: &Work<'_>, from: Seen<'a>, range: Range<usize>) -> Self {
        let layout = work.layout;
        let numbers = match from.data {
            Data::Cache(cache) => cache.numbers(),
            _ => Some(from.numbers()),
        };
        if let Some(numbers) = numbers {
            let numbers = Cow::Borrowed(&numbers[work.place(range.start)..]);
            return Self { numbers, stride: layout.kv_heads * layout.head_dim };
        }
        let mut copy = Vec::with_capacity(range.len() * layout.head_dim);
        work.heads(from, range, |_, head| copy.extend_from_slice(head));
        Self { numbers: Cow::Owned(copy), stride: layout.head_dim }
    }

    fn from(&self, row: usize, turned: bool) -> Rows<'_> {
        Rows { numbers: &self.numbers[row * self.stride..], stride: self.stride, turned }
    }
}

impl<'a> Lanes<'a> {
    pub(super) fn of(work: &'a Work<'a>, inputs: &[Seen<'a>], range: Range<usize>) -> Self {
        let [keys, values] = [1, 2].map(|i| Heads::of(work, inputs[i], range.clone()));
        Self { work, keys, values, range }
    }

    /// `q`: scaled queries (rows, head_dim). Result: (rows, head_dim).
    pub(super) fn run(&self, q: &[f32]) -> Vec<f32> {
        let width = self.work.layout.head_dim;
        let mut scores = vec![[0.0; WIDTH]; self.range.len()];
        let mut turned = vec![[0.0; WIDTH]; width];
        let mut mixed = vec![0.0; q.len()];
        let blocks = q.chunks(width * WIDTH).zip(mixed.chunks_mut(width * WIDTH));
        for (block, (q, mixed)) in blocks.enumerate() {
            turn(q, width, &mut turned);
            scores.fill([0.0; WIDTH]);
            for (i, tile) in turned.chunks(DEPTH).enumerate() {
                let mut keys = self.keys.from(0, false);
                keys.numbers = &keys.numbers[i * DEPTH..];
                multiply(Tier::best(), keys, tile, &mut scores);
            }
            self.hide(block * WIDTH, q.len() / width, &mut scores);
            let factors = vectorized(Weigh(&mut scores));
            turned.fill([0.0; WIDTH]);
            for (i, tile) in scores.chunks(DEPTH).enumerate() {
                multiply(Tier::best(), self.values.from(i * DEPTH, true), tile, &mut turned);
            }
            vectorized(Place { turned: &mut turned, factors, mixed });
        }
        mixed
    }

    /// Softcap, and what the rows from `first` on may not see.
    fn hide(&self, first: usize, rows: usize, scores: &mut [Wide]) {
        let (work, task) = (self.work, self.work.task);
        if let Some(cap) = work.op.softcap {
            scores.as_flattened_mut().iter_mut().for_each(|s| *s = cap * (*s / cap).tanh());
        }
        if work.mask.is_open() {
            return;
        }
        for lane in 0..rows {
            let query = task.first + (first + lane) % task.rows;
            let numbers = scores.as_flattened_mut().get_mut(lane..).unwrap_or_default();
            let scores = Scores { numbers, step: WIDTH };
            work.mask.apply(scores, [work.batch, query], self.range.start, work.layout.before());
        }
    }
}

/// Rows of queries become lanes; lanes without a row are 0.
fn turn(q: &[f32], width: usize, turned: &mut [Wide]) {
    turned.fill([0.0; WIDTH]);
    for (lane, q) in q.chunks_exact(width).enumerate() {
        turned.iter_mut().zip(q).for_each(|(lanes, v)| lanes[lane] = *v);
    }
}

/// Scores of each lane become e^(score - largest), those it may not see 0. Leaves what the mix is to be
/// multiplied by: 1 / their sum, or 0 when nothing is visible.
struct Weigh<'a>(&'a mut [Wide]);

/// Keys whose weights are added in f32 before they join the f64 sum.
const ADDED: usize = 8;

impl Loop for Weigh<'_> {
    type Output = Wide;

    #[inline(always)]
    fn run(self) -> Wide {
        let mut largest = [f32::NEG_INFINITY; WIDTH];
        for scores in self.0.iter() {
            for (largest, &score) in largest.iter_mut().zip(scores) {
                *largest = if score > *largest { score } else { *largest };
            }
        }
        // Of a lane that sees nothing every score is -∞; 0 instead makes every weight 0.
        let largest = largest.map(|v| if v == f32::NEG_INFINITY { 0.0 } else { v });
        let mut sums = [0.0f64; WIDTH];
        for scores in self.0.chunks_mut(ADDED) {
            let mut part = [0.0f32; WIDTH];
            for scores in scores {
                for lane in 0..WIDTH {
                    scores[lane] = exp(scores[lane] - largest[lane]);
                    part[lane] += scores[lane];
                }
            }
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
        }
        sums.map(|sum| if sum == 0.0 { 0.0 } else { (1.0 / sum) as f32 })
    }
}

/// Lanes of the mix (head_dim × lanes) become rows.
struct Place<'a> {
    turned: &'a mut [Wide],
    factors: Wide,
    mixed: &'a mut [f32],
}

impl Loop for Place<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { turned, factors, mixed } = self;
        for lanes in turned.iter_mut() {
            lanes.iter_mut().zip(&factors).for_each(|(v, factor)| *v *= factor);
        }
        for (lane, mixed) in mixed.chunks_exact_mut(turned.len()).enumerate() {
            mixed.iter_mut().zip(turned.iter()).for_each(|(out, lanes)| *out = lanes[lane]);
        }
    }
}
