//! Who computes which output: columns are dealt out in whole units, so that every element is computed by
//! one thread in an order that does not depend on how many there are.

use rayon::prelude::*;

/// Multiplications under which handing work to other threads costs more than it saves (about 30 µs of them).
const ALONE: usize = 1 << 20;

/// Parts per thread, so that a slow core does not hold up the others.
const PARTS_PER_THREAD: usize = 8;

/// Consecutive units of the output's columns, all rows of them.
pub(crate) struct Columns<'o> {
    /// First unit.
    pub(crate) first: usize,
    /// Units; the last of the output may be narrower than the others.
    pub(crate) units: usize,
    /// One piece per row.
    pub(crate) rows: Vec<&'o mut [f32]>,
}

/// Size of the work, from which its division follows.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    /// Row length of the output.
    pub(crate) width: usize,
    /// Columns that must stay together.
    pub(crate) unit: usize,
    /// Of the whole.
    pub(crate) multiplications: usize,
}

impl Work {
    /// Threads worth waking.
    fn parts(self, pool: &rayon::ThreadPool) -> usize {
        let threads = pool.current_num_threads();
        if threads == 1 || self.multiplications < ALONE {
            return 1;
        }
        (threads * PARTS_PER_THREAD).min(self.width.div_ceil(self.unit))
    }
}

/// Calls `compute` for every part of `out` (rows × `work.width`).
pub(crate) fn for_each(
    work: Work,
    out: &mut [f32],
    pool: &rayon::ThreadPool,
    compute: impl Fn(&mut Columns<'_>) + Sync,
) {
    if out.is_empty() {
        return;
    }
    let mut parts = divide(work, out, work.parts(pool));
    match parts.as_mut_slice() {
        [all] => compute(all),
        parts => pool.install(|| parts.par_iter_mut().for_each(&compute)),
    }
}

fn divide(work: Work, out: &mut [f32], count: usize) -> Vec<Columns<'_>> {
    let units = work.width.div_ceil(work.unit);
    let rows = out.len() / work.width;
    let first = |part: usize| part * units / count;
    let mut parts: Vec<Columns<'_>> = (0..count)
        .map(|part| Columns {
            first: first(part),
            units: first(part + 1) - first(part),
            rows: Vec::with_capacity(rows),
        })
        .collect();
    for mut rest in out.chunks_exact_mut(work.width) {
        for part in &mut parts {
            let (piece, after) = rest.split_at_mut((part.units * work.unit).min(rest.len()));
            part.rows.push(piece);
            rest = after;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_belongs_to_one_part() {
        for (width, unit, count) in
            [(1, 16, 1), (16, 16, 1), (17, 16, 2), (100, 16, 3), (100, 16, 7), (96, 32, 3)]
        {
            let mut out: Vec<f32> = (0..3 * width).map(|i| i as f32).collect();
            let work = Work { width, unit, multiplications: usize::MAX };
            let mut seen = Vec::new();
            for part in divide(work, &mut out, count) {
                assert_eq!(part.rows.len(), 3);
                for (r, piece) in part.rows.iter().enumerate() {
                    for (i, value) in piece.iter().enumerate() {
                        assert_eq!(*value, (r * width + part.first * unit + i) as f32);
                        seen.push(*value as usize);
                    }
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..3 * width).collect::<Vec<_>>(), "{width} {unit} {count}");
        }
    }
}
