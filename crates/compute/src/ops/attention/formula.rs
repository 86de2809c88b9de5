//! All scores at once: (batch, heads, queries, keys) numbers on the device.

use burn::tensor::{Tensor, activation};

use super::Attention;
use super::mask::{Mask, Scores};
use crate::device::formula::{Content, Formula, Term};
use crate::error::Mismatch;

/// What stands for -∞, which would make ∞ - ∞ of a row that sees nothing.
const HIDDEN: f32 = -1e30;

/// Sizes of one call.
struct Layout {
    batch: usize,
    queries: usize,
    keys: usize,
    kv_heads: usize,
    group: usize,
    head_dim: usize,
}

/// Errors: segments for fewer keys than there are queries.
pub(super) fn run(op: &Attention, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
    let (q, k) = (formula.terms[0].dims, formula.terms[1].dims);
    let n = q.len();
    let layout = Layout {
        batch: if n == 4 { formula.dims[0] } else { 1 },
        queries: q[n - 3],
        keys: k[n - 3],
        kv_heads: k[n - 2],
        group: q[n - 2] / k[n - 2],
        head_dim: q[n - 1],
    };
    if layout.keys == 0 {
        return Ok(formula.zeros());
    }
    if op.pattern.has_segments() && layout.queries > layout.keys {
        let got = layout.queries;
        return Err(Mismatch::new("queries with segments", format!("at most {} keys", layout.keys), got));
    }
    Ok(layout.mix(op, formula).reshape([formula.elements()]))
}

impl Layout {
    /// (batch, queries, kv_heads, group, head_dim)
    fn mix(&self, op: &Attention, formula: &Formula<'_>) -> Tensor<5> {
        let &Self { batch, queries, keys, kv_heads, group, head_dim } = self;
        let terms = formula.terms;
        let q_batch = terms[0].elements() / (queries * kv_heads * group * head_dim);
        let q: Tensor<5> = terms[0].shaped([q_batch, queries, kv_heads, group, head_dim]).permute([0, 2, 3, 1, 4]);
        let q = if q_batch == batch { q } else { q.expand([batch, kv_heads, group, queries, head_dim]) };
        let heads = |term: &Term<'_>| -> Tensor<4> {
            term.shaped([batch, keys, kv_heads, head_dim]).permute([0, 2, 1, 3])
        };
        let q: Tensor<4> = q.reshape([batch, kv_heads, group * queries, head_dim]);
        let scores = q.matmul(heads(&terms[1]).swap_dims(2, 3)) * f64::from(op.scale);
        let mut scores: Tensor<5> = scores.reshape([batch, kv_heads, group, queries, keys]);
        if let Some(cap) = op.softcap.map(f64::from) {
            scores = (scores / cap).tanh() * cap;
        }
        let weights = self.weights(op, formula, scores);
        let weights: Tensor<4> = weights.reshape([batch, kv_heads, group * queries, keys]);
        let y: Tensor<5> = weights.matmul(heads(&terms[2])).reshape([batch, kv_heads, group, queries, head_dim]);
        y.permute([0, 3, 1, 2, 4])
    }

    /// Softmax over the keys that a query may see; zeros for a query that sees none.
    fn weights(&self, op: &Attention, formula: &Formula<'_>, scores: Tensor<5>) -> Tensor<5> {
        let added = self.added(op, formula);
        let mut visible = self.visible(op, formula);
        let mut scores = scores;
        if let Some(added) = added {
            // -∞ in the mask hides; only such a mask can leave a query without a key.
            let finite = added.clone().greater_elem(HIDDEN).float();
            visible = Some(match visible {
                Some(visible) => visible * finite,
                None => finite,
            });
            scores = scores + added;
        }
        let Some(visible) = visible else { return activation::softmax(scores, 4) };
        let hidden = visible.clone().neg().add_scalar(1.0).mul_scalar(HIDDEN);
        activation::softmax(scores + hidden, 4) * visible
    }

    /// An f32 mask, over (batch, kv_heads, group, queries, keys).
    fn added(&self, op: &Attention, formula: &Formula<'_>) -> Option<Tensor<5>> {
        let mask = formula.terms.last().filter(|_| op.masked)?;
        if matches!(mask.content, Content::Indices(_)) {
            return None;
        }
        let mut dims = [1; 5];
        let own = mask.dims.iter().rev();
        for (axis, &d) in [4, 3, 0].into_iter().zip(own) {
            dims[axis] = d;
        }
        // Finite, so that no gradient is 0 · ∞.
        Some(mask.shaped(dims).clamp_min(HIDDEN))
    }

    /// 1 where a query may see a key, by pattern, segments and a boolean mask: (batch, 1, 1, queries, keys);
    /// `None` where all may see all.
    fn visible(&self, op: &Attention, formula: &Formula<'_>) -> Option<Tensor<5>> {
        let inputs = formula.seen();
        let by_number = formula.terms.last().is_some_and(|mask| matches!(mask.content, Content::Indices(_)));
        let op = Attention { masked: op.masked && by_number, ..op.clone() };
        let mask = Mask::of(&op, &inputs);
        if mask.is_open() {
            return None;
        }
        let before = self.keys - self.queries.min(self.keys);
        let mut visible = vec![0.0; self.batch * self.queries * self.keys];
        for (i, row) in visible.chunks_exact_mut(self.keys).enumerate() {
            mask.apply(Scores { numbers: row, step: 1 }, [i / self.queries, i % self.queries], 0, before);
            row.iter_mut().for_each(|score| *score = if *score == f32::NEG_INFINITY { 0.0 } else { 1.0 });
        }
        Some(formula.upload(visible, [self.batch, 1, 1, self.queries, self.keys]))
    }
}
