//! A prompt cut into the pieces that run at once.
//!
//! Where a piece ends depends on nothing but the prompt up to there and the block that follows. So a prompt
//! that begins as the one before begins with the same pieces, whose keys and values are there already, and an
//! answer does not depend on what was asked before, down to the last bit.

use std::ops::Range;

use super::prompt::{Row, Sequence};

/// Rows of a piece. Enough to multiply with each weight often once it is in the cache of the processor, few
/// enough that a prompt's beginning is known again piece by piece.
pub(crate) const CHUNK: usize = 128;
/// A piece that has this many rows ends where a block of given rows does, so that the question behind an
/// image may change.
const ENOUGH: usize = CHUNK / 2;

/// Pieces of a prompt. `most`: rows of a piece; at least [`CHUNK`] and any bidirectional block's.
pub(crate) fn chunks(sequence: &Sequence, most: usize) -> Vec<Range<usize>> {
    let rows = &sequence.rows;
    let (mut all, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < rows.len() {
        let unit = unit(rows, at);
        // What sees itself as a whole runs as a whole.
        let limit = if unit.len() > 1 { most } else { CHUNK };
        if at > begin && unit.end - begin > limit {
            all.push(begin..at);
            begin = at;
        }
        at = unit.end;
        if at - begin >= ENOUGH && ends_block(rows, at) {
            all.push(begin..at);
            begin = at;
        }
    }
    if begin < at {
        all.push(begin..at);
    }
    all
}

/// Rows from `at` on that must run together: a bidirectional block, or one row.
fn unit(rows: &[Row], at: usize) -> Range<usize> {
    let segment = rows[at].segment;
    let len =
        if segment == 0 { 1 } else { rows[at..].iter().take_while(|row| row.segment == segment).count() };
    at..at + len
}

/// A block of given rows ends before row `at`.
fn ends_block(rows: &[Row], at: usize) -> bool {
    use super::prompt::Origin::Given;
    match (rows[at - 1].origin, rows.get(at).map(|row| row.origin)) {
        (Given { block, .. }, Some(Given { block: next, .. })) => block != next,
        (Given { .. }, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::prompt::Origin;
    use proptest::prelude::*;

    /// (rows, kind): 0 text, 1 a block, 2 a bidirectional one.
    fn sequence(parts: &[(usize, u8)]) -> Sequence {
        let mut sequence = Sequence::default();
        for (number, &(count, kind)) in parts.iter().enumerate() {
            for row in 0..count {
                let origin = if kind == 0 { Origin::Token(7) } else { Origin::Given { block: number, row } };
                let segment = if kind == 2 { number as u32 + 1 } else { 0 };
                sequence.rows.push(Row { origin, position: [0; 3], segment });
            }
        }
        sequence
    }

    #[test]
    fn pieces_end_where_they_should() {
        let ends = |parts: &[(usize, u8)]| -> Vec<usize> {
            chunks(&sequence(parts), 256).iter().map(|piece| piece.end).collect()
        };
        assert_eq!(ends(&[(300, 0)]), [128, 256, 300]);
        assert_eq!(ends(&[(3, 0), (64, 1), (3, 0), (64, 1), (9, 0)]), [67, 134, 143]);
        assert_eq!(ends(&[(20, 0), (256, 2), (9, 0)]), [20, 276, 285]);
        assert_eq!(ends(&[(20, 0), (100, 2), (9, 0)]), [120, 129]);
        assert_eq!(ends(&[(1, 0)]), [1]);
        assert_eq!(ends(&[(4, 1), (4, 1), (4, 1)]), [12]);
    }

    proptest! {
        #[test]
        fn pieces_cover_all_and_cut_no_whole(
            parts in prop::collection::vec((1usize..200, 0u8..3), 1..9),
        ) {
            let sequence = sequence(&parts);
            let pieces = chunks(&sequence, 256);
            let mut at = 0;
            for piece in &pieces {
                prop_assert_eq!(piece.start, at);
                prop_assert!(!piece.is_empty() && piece.len() <= 256);
                at = piece.end;
                let segment = |i: usize| sequence.rows.get(i).map_or(0, |row| row.segment);
                prop_assert!(segment(at) == 0 || segment(at) != segment(at - 1));
            }
            prop_assert_eq!(at, sequence.rows.len());
        }
    }
}
