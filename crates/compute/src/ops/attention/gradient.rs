//! A formula, for burn: all scores at once.

use burn::tensor::{Tensor, TensorData, activation};

use super::Attention;
use super::mask::{Mask, Scores};
use crate::error::Mismatch;
use crate::host::call::Data;
use crate::train::step::{Gradients, Step, Term};

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

pub(super) fn run(op: &Attention, step: &Step<'_>) -> Result<Gradients, Mismatch> {
    let (q, k) = (step.inputs[0].dims, step.inputs[1].dims);
    let n = q.len();
    let layout = Layout {
        batch: if n == 4 { step.dims[0] } else { 1 },
        queries: q[n - 3],
        keys: k[n - 3],
        kv_heads: k[n - 2],
        group: q[n - 2] / k[n - 2],
        head_dim: q[n - 1],
    };
    if layout.keys == 0 {
        let zeros = |(i, &needed): (usize, &bool)| {
            needed.then(|| vec![0.0; step.inputs[i].dims.iter().product()])
        };
        return Ok(step.needs.iter().enumerate().map(zeros).collect());
    }
    if op.pattern.has_segments() && layout.queries > layout.keys {
        let got = layout.queries;
        return Err(Mismatch::new("queries with segments", format!("at most {} keys", layout.keys), got));
    }
    step.by_burn(|terms| layout.formula(op, step, terms))
}

impl Layout {
    fn formula(&self, op: &Attention, step: &Step<'_>, terms: &[Term<'_>]) -> Tensor<5> {
        let &Self { batch, queries, keys, kv_heads, group, head_dim } = self;
        let q_batch = terms[0].dims.iter().product::<usize>() / (queries * kv_heads * group * head_dim);
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
        if let Some(added) = self.added(op, step, terms) {
            scores = scores + added;
        }
        let visible = self.visible(op, step);
        let visible = TensorData::new(visible, [batch, 1, 1, queries, keys]);
        let visible = Tensor::<5>::from_data(visible, &scores.device());
        let hidden = visible.clone().neg().add_scalar(1.0).mul_scalar(HIDDEN);
        let weights = activation::softmax(scores + hidden, 4) * visible;
        let weights: Tensor<4> = weights.reshape([batch, kv_heads, group * queries, keys]);
        let y: Tensor<5> = weights.matmul(heads(&terms[2])).reshape([batch, kv_heads, group, queries, head_dim]);
        y.permute([0, 3, 1, 2, 4]) // (batch, queries, kv_heads, group, head_dim)
    }

    /// An f32 mask, over (batch, kv_heads, group, queries, keys).
    fn added(&self, op: &Attention, step: &Step<'_>, terms: &[Term<'_>]) -> Option<Tensor<5>> {
        let last = terms.len() - 1;
        let mask = (op.masked && !matches!(step.inputs[last].data, Data::Indices(_))).then(|| &terms[last])?;
        let mut dims = [1; 5];
        let own = mask.dims.iter().rev();
        for (axis, &d) in [4, 3, 0].into_iter().zip(own) {
            dims[axis] = d;
        }
        // Finite, so that no gradient is 0 · ∞.
        Some(mask.shaped(dims).clamp_min(HIDDEN))
    }

    /// 1 where a query may see a key, by pattern, segments and a boolean mask: (batch, queries, keys).
    fn visible(&self, op: &Attention, step: &Step<'_>) -> Vec<f32> {
        let mask = step.inputs.last().filter(|mask| matches!(mask.data, Data::Indices(_)));
        let op = Attention { masked: op.masked && mask.is_some(), ..op.clone() };
        let mask = Mask::of(&op, step.inputs);
        let before = self.keys - self.queries.min(self.keys);
        let mut visible = vec![0.0; self.batch * self.queries * self.keys];
        for (i, row) in visible.chunks_exact_mut(self.keys).enumerate() {
            mask.apply(Scores { numbers: row, step: 1 }, [i / self.queries, i % self.queries], 0, before);
            row.iter_mut().for_each(|score| *score = if *score == f32::NEG_INFINITY { 0.0 } else { 1.0 });
        }
        visible
    }
}
