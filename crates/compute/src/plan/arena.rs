//! Offsets in one arena: the largest buffers first, each at the lowest offset that is free for its time.

use serde::{Deserialize, Serialize};

/// A piece of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Bytes from its start.
    pub offset: u64,
    /// Length.
    pub bytes: u64,
}

impl Region {
    /// They share a byte.
    pub(super) fn overlaps(&self, other: &Region) -> bool {
        self.offset < other.offset.saturating_add(other.bytes)
            && other.offset < self.offset.saturating_add(self.bytes)
    }
}

/// Memory that is needed from one step to another, both included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) bytes: u64,
}

/// An offset for every interval, and the size of the arena.
/// Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", greedy by size.
pub(super) fn place(intervals: &[Interval]) -> (Vec<u64>, u64) {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(intervals[i].bytes), intervals[i].first, i));
    let mut offsets = vec![0; intervals.len()];
    let mut placed: Vec<usize> = Vec::new(); // by offset
    let mut size = 0u64;
    for i in order {
        let new = intervals[i];
        let mut offset = 0u64;
        for &other in &placed {
            let old = intervals[other];
            let together = old.first <= new.last && new.first <= old.last;
            if !together || old.bytes == 0 {
                continue;
            }
            if offset.saturating_add(new.bytes) <= offsets[other] {
                break; // fits before this one, and all that follow start later
            }
            offset = offset.max(offsets[other].saturating_add(old.bytes));
        }
        offsets[i] = offset;
        size = size.max(offset.saturating_add(new.bytes));
        let at = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(at, i);
    }
    (offsets, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_are_filled() {
        let interval = |first, last, bytes| Interval { first, last, bytes };
        // 0: whole time; 1 and 2 one after the other; 3 fits where 1 was.
        let all = [interval(0, 9, 512), interval(0, 3, 1024), interval(4, 9, 768), interval(5, 6, 256)];
        assert_eq!(place(&all), (vec![1024, 0, 0, 768], 1536));
        assert_eq!(place(&[]), (vec![], 0));
    }

    proptest! {
        #[test]
        fn what_lives_together_lies_apart(raw in prop::collection::vec((0usize..30, 0usize..8, 0u64..9), 0..40)) {
            let all: Vec<Interval> = raw
                .iter()
                .map(|&(first, length, blocks)| Interval { first, last: first + length, bytes: blocks * 256 })
                .collect();
            let (offsets, size) = place(&all);
            let region = |i: usize| Region { offset: offsets[i], bytes: all[i].bytes };
            for i in 0..all.len() {
                for j in 0..i {
                    let together = all[i].first <= all[j].last && all[j].first <= all[i].last;
                    prop_assert!(!together || !region(i).overlaps(&region(j)));
                }
            }
            let end = (0..all.len()).map(|i| offsets[i] + all[i].bytes).max().unwrap_or(0);
            prop_assert_eq!(size, end);
        }
    }
}
