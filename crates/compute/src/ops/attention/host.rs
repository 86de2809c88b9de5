//! Attention on the host, some query rows of one kv head at a time: scores, softmax and mix stay in cache,
//! and keys and values are read where they lie, from a KV cache too.

use rayon::prelude::*;

use super::lanes::Lanes;
use super::mask::{Mask, Scores};
use super::{Attention, Pattern};
use crate::error::Mismatch;
use crate::host::call::{Call, Data, Seen};
use crate::host::math::{dot, exp, largest, sum};
use crate::host::vector::{Loop, vectorized};

/// Most rows of queries of a task: enough to read a cache for once, few enough to be shared among threads.
const TASK_ROWS: usize = 128;

/// Up to this many rows of queries, plain loops that read each key once beat a matrix product.
const FEW_ROWS: usize = 4;

pub(super) fn run(op: &Attention, call: &mut Call<'_>) -> Result<(), Mismatch> {
    let layout = Layout::of(op, call);
    if op.pattern.has_segments() && layout.queries > layout.keys {
        let got = layout.queries;
        return Err(Mismatch::new("queries with segments", format!("at most {} keys", layout.keys), got));
    }
    let mask = Mask::of(op, call.inputs);
    let tasks = layout.tasks();
    let entry = layout.queries * layout.heads * layout.head_dim;
    for (batch, out) in call.out.chunks_exact_mut(entry).enumerate() {
        let run = |task: &Task| Work { op, layout: &layout, mask: &mask, batch, task: *task }.run(call.inputs);
        let mixed: Vec<Vec<f32>> = tasks.par_iter().map(run).collect();
        for (task, mixed) in tasks.iter().zip(&mixed) {
            layout.place(task, mixed, out);
        }
    }
    Ok(())
}

/// Sizes of one call.
pub(super) struct Layout {
    pub(super) queries: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    pub(super) keys: usize,
    pub(super) kv_heads: usize,
    /// One entry of q for the whole batch.
    shared_queries: bool,
    causal: Option<Option<u32>>,
}

/// Query positions `first .. first + rows` for all heads of one kv head.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub(super) kv_head: usize,
    pub(super) first: usize,
    pub(super) rows: usize,
}

impl Layout {
    fn of(op: &Attention, call: &Call<'_>) -> Self {
        let (q, k) = (call.inputs[0].dims, call.inputs[1].dims);
        let n = q.len();
        let causal = if let Pattern::Causal { window } = op.pattern { Some(window) } else { None };
        Self {
            queries: q[n - 3],
            heads: q[n - 2],
            head_dim: q[n - 1],
            keys: k[n - 3],
            kv_heads: k[n - 2],
            shared_queries: n == 4 && q[0] == 1,
            causal,
        }
    }

    pub(super) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Position of the first query among the keys.
    pub(super) fn before(&self) -> usize {
        self.keys - self.queries.min(self.keys)
    }

    fn tasks(&self) -> Vec<Task> {
        let rows = (TASK_ROWS / self.group()).max(1);
        let firsts = || (0..self.queries).step_by(rows);
        let task = |kv_head, first: usize| Task { kv_head, first, rows: rows.min(self.queries - first) };
        (0..self.kv_heads).flat_map(|kv_head| firsts().map(move |first| task(kv_head, first))).collect()
    }

    /// Keys that some query of the task may see.
    pub(super) fn keys_of(&self, task: &Task) -> std::ops::Range<usize> {
        let Some(window) = self.causal else { return 0..self.keys };
        let last = self.before() + task.first + task.rows - 1;
        let oldest = window.map_or(0, |window| (self.before() + task.first + 1).saturating_sub(window as usize));
        oldest.min(self.keys)..(last + 1).min(self.keys)
    }

    /// Heads of the task's rows (heads of the group, rows, head_dim) to their places in one batch entry.
    fn place(&self, task: &Task, mixed: &[f32], out: &mut [f32]) {
        for (i, from) in mixed.chunks_exact(self.head_dim).enumerate() {
            let (head, row) = (task.kv_head * self.group() + i / task.rows, task.first + i % task.rows);
            out[(row * self.heads + head) * self.head_dim..][..self.head_dim].copy_from_slice(from);
        }
    }
}

/// One task of one batch entry.
pub(super) struct Work<'a> {
    pub(super) op: &'a Attention,
    pub(super) layout: &'a Layout,
    pub(super) mask: &'a Mask<'a>,
    pub(super) batch: usize,
    pub(super) task: Task,
}

impl Work<'_> {
    /// Result: (heads of the group, rows, head_dim).
    fn run(&self, inputs: &[Seen<'_>]) -> Vec<f32> {
        let (layout, keys) = (self.layout, self.layout.keys_of(&self.task));
        let rows = layout.group() * self.task.rows;
        if keys.is_empty() {
            return vec![0.0; rows * layout.head_dim];
        }
        let q = self.queries(inputs[0].numbers());
        if rows <= FEW_ROWS {
            return vectorized(Few { work: self, inputs, q: &q, keys });
        }
        Lanes::of(self, inputs, keys).run(&q)
    }

    /// The task's queries, scaled: (heads of the group, rows, head_dim).
    fn queries(&self, q: &[f32]) -> Vec<f32> {
        let layout = self.layout;
        let entry = if layout.shared_queries { 0 } else { self.batch * layout.queries };
        let mut queries = Vec::with_capacity(layout.group() * self.task.rows * layout.head_dim);
        for head in (self.task.kv_head * layout.group()..).take(layout.group()) {
            for row in (entry + self.task.first..).take(self.task.rows) {
                let from = &q[(row * layout.heads + head) * layout.head_dim..][..layout.head_dim];
                queries.extend(from.iter().map(|v| v * self.op.scale));
            }
        }
        queries
    }

    /// Where the task's head of a key or value starts.
    pub(super) fn place(&self, j: usize) -> usize {
        let layout = self.layout;
        ((self.batch * layout.keys + j) * layout.kv_heads + self.task.kv_head) * layout.head_dim
    }

    #[inline(always)]
    /// Call `each(index, features)` for the task's head of every key or value of a range.
    pub(super) fn heads(&self, from: Seen<'_>, range: std::ops::Range<usize>, mut each: impl FnMut(usize, &[f32])) {
        let layout = self.layout;
        let numbers = match from.data {
            Data::Cache(cache) => cache.numbers(),
            _ => Some(from.numbers()),
        };
        let mut buffer = vec![0.0; layout.head_dim];
        for (i, j) in range.enumerate() {
            match (numbers, from.data) {
                (Some(numbers), _) => each(i, &numbers[self.place(j)..][..layout.head_dim]),
                (None, Data::Cache(cache)) => {
                    cache.read(self.place(j), &mut buffer);
                    each(i, &buffer);
                }
                (None, _) => {}
            }
        }
    }
}

/// A few rows of queries, each against every key in turn: reading keys and values is what takes the time.
struct Few<'a> {
    work: &'a Work<'a>,
    inputs: &'a [Seen<'a>],
    q: &'a [f32],
    keys: std::ops::Range<usize>,
}

impl Loop for Few<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run(self) -> Vec<f32> {
        let Self { work, inputs, q, keys } = self;
        let width = work.layout.head_dim;
        let mut scores = vec![0.0; q.len() / width * keys.len()];
        work.heads(inputs[1], keys.clone(), |j, key| {
            let q = q.chunks_exact(width);
            q.zip(scores.iter_mut().skip(j).step_by(keys.len())).for_each(|(q, s)| *s = dot(q, key));
        });
        let weigh = |(i, scores): (usize, &mut [f32])| {
            weigh(work, scores, work.task.first + i % work.task.rows, keys.start)
        };
        let sums: Vec<f32> = scores.chunks_exact_mut(keys.len()).enumerate().map(weigh).collect();
        let mut mixed = vec![0.0; q.len()];
        work.heads(inputs[2], keys.clone(), |j, value| {
            let weights = scores.iter().skip(j).step_by(keys.len());
            for (mixed, weight) in mixed.chunks_exact_mut(width).zip(weights) {
                mixed.iter_mut().zip(value).for_each(|(m, v)| *m += weight * v);
            }
        });
        for (mixed, sum) in mixed.chunks_exact_mut(width).zip(sums) {
            mixed.iter_mut().for_each(|m| *m *= sum);
        }
        mixed
    }
}

/// Scores of one query become e^(score - largest), those it may not see 0. Returns what the mix is to be
/// multiplied by: 1 / their sum, or 0 when nothing is visible.
#[inline(always)]
fn weigh(work: &Work<'_>, scores: &mut [f32], query: usize, first_key: usize) -> f32 {
    if let Some(cap) = work.op.softcap {
        scores.iter_mut().for_each(|s| *s = cap * (*s / cap).tanh());
    }
    work.mask.apply(Scores { numbers: scores, step: 1 }, [work.batch, query], first_key, work.layout.before());
    let largest = largest(scores);
    if largest == f32::NEG_INFINITY && !scores.iter().any(|s| s.is_nan()) {
        scores.fill(0.0);
        return 0.0;
    }
    scores.iter_mut().for_each(|s| *s = exp(*s - largest));
    (1.0 / sum(scores, |s| s)) as f32
}
