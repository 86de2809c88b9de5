//! What a decoder is given before it answers: tokens, and blocks of rows that stand in the place of tokens.

use std::fmt;
use std::sync::Arc;

use crate::ModelsError;
use crate::towers::decoder::MROPE_AXES;

/// A prompt, part after part.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prompt {
    /// In the order the decoder reads them.
    pub parts: Vec<Part>,
}

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Token ids.
    Tokens(Vec<u32>),
    /// Rows in the place of tokens: what a projector made of an image.
    Embeddings(EmbeddingBlock),
}

/// Rows that stand in the place of token embeddings.
#[derive(Clone, PartialEq)]
pub struct EmbeddingBlock {
    /// (rows, width of the decoder), row-major. Shared: the decoder keeps it to know the block again.
    pub rows: Arc<[f32]>,
    /// Every row sees the whole block: Gemma 3's images.
    pub bidirectional: bool,
    /// Time, row and column of each row behind the block's first position, for a decoder with three positions
    /// (Qwen2-VL); the text behind goes on one past the greatest. `None`: rows count on as text does.
    pub offsets: Option<Arc<[[u32; 3]]>>,
}

/// The numbers of rows are too many to read.
impl fmt::Debug for EmbeddingBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, bidirectional, .. } = self;
        write!(f, "EmbeddingBlock {{ {} numbers, bidirectional: {bidirectional} }}", rows.len())
    }
}

impl Prompt {
    /// Of tokens alone.
    pub fn of_tokens(ids: Vec<u32>) -> Self {
        Self { parts: vec![Part::Tokens(ids)] }
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The token table.
    Token(u32),
    /// A row of a block.
    Given { block: usize, row: usize },
}

/// One row of the decoder's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) origin: Origin,
    pub(crate) position: [u32; MROPE_AXES],
    /// Number of its bidirectional block, from 1; 0: none.
    pub(crate) segment: u32,
}

/// A prompt, row by row.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sequence {
    pub(crate) rows: Vec<Row>,
    pub(crate) blocks: Vec<EmbeddingBlock>,
    /// Position of the token that follows.
    pub(crate) next: u32,
}

/// What a decoder can be given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    /// Ids are below this.
    pub(crate) vocabulary: u64,
    pub(crate) width: usize,
    /// Blocks of rows at all.
    pub(crate) blocks: bool,
    /// Most rows of a bidirectional block.
    pub(crate) bidirectional: usize,
    /// Tokens have three positions.
    pub(crate) three_positions: bool,
    /// Most rows in all.
    pub(crate) context: usize,
}

impl Sequence {
    /// Errors: `Request` for a prompt that holds nothing, an id that is no token, a block of another width or
    /// kind; `Context` for one with more rows than the context, before any is copied.
    pub(crate) fn of(prompt: &Prompt, takes: &Takes) -> Result<Self, ModelsError> {
        let mut sequence = Self::default();
        for part in &prompt.parts {
            let more = match part {
                Part::Tokens(ids) => ids.len(),
                Part::Embeddings(block) => block.rows.len() / takes.width.max(1),
            };
            let rows = sequence.rows.len().saturating_add(more);
            if rows > takes.context {
                let (prompt, context) = (prompt.rows(takes.width), takes.context as u64);
                return Err(ModelsError::Context { prompt, answer: 1, context });
            }
            match part {
                Part::Tokens(ids) => sequence.add_tokens(ids, takes)?,
                Part::Embeddings(block) => sequence.add_block(block, takes)?,
            }
        }
        if sequence.rows.is_empty() {
            return Err(refused("prompt", "at least one token", "none"));
        }
        Ok(sequence)
    }

    fn add_tokens(&mut self, ids: &[u32], takes: &Takes) -> Result<(), ModelsError> {
        if let Some(id) = ids.iter().find(|id| u64::from(**id) >= takes.vocabulary) {
            return Err(refused("token id", &format!("less than {}", takes.vocabulary), &id.to_string()));
        }
        for &id in ids {
            let position = [self.next; MROPE_AXES];
            self.rows.push(Row { origin: Origin::Token(id), position, segment: 0 });
            self.next += 1; // no overflow: the context is far below 2^32
        }
        Ok(())
    }

    fn add_block(&mut self, block: &EmbeddingBlock, takes: &Takes) -> Result<(), ModelsError> {
        const WHAT: &str = "embedding block";
        if !takes.blocks {
            return Err(refused(WHAT, "none: the model was opened for text alone", "one"));
        }
        let count = block.rows.len() / takes.width;
        if count == 0 || !block.rows.len().is_multiple_of(takes.width) {
            let expected = format!("rows of {} numbers", takes.width);
            return Err(refused(WHAT, &expected, &format!("{} numbers", block.rows.len())));
        }
        if block.bidirectional && count > takes.bidirectional {
            let expected = format!("at most {} rows that see each other", takes.bidirectional);
            return Err(refused(WHAT, &expected, &count.to_string()));
        }
        if !block.rows.iter().all(|number| number.is_finite()) {
            return Err(refused(WHAT, "finite numbers", "NaN or infinity"));
        }
        let offsets = block.offsets.as_deref();
        if offsets.is_some_and(|offsets| offsets.len() != count || !takes.three_positions) {
            let expected =
                if takes.three_positions { format!("{count} offsets") } else { "no offsets".to_owned() };
            let got = offsets.map_or(0, <[_]>::len);
            return Err(refused(WHAT, &expected, &format!("{got} offsets")));
        }
        let (first, number) = (self.next, self.blocks.len());
        let segment = if block.bidirectional { number as u32 + 1 } else { 0 };
        for row in 0..count {
            let offset = offsets.map_or([row as u32; MROPE_AXES], |offsets| offsets[row]);
            let position = offset.map(|offset| first.saturating_add(offset));
            self.rows.push(Row { origin: Origin::Given { block: number, row }, position, segment });
            let greatest = position.into_iter().max().unwrap_or(first);
            self.next = self.next.max(greatest.saturating_add(1));
        }
        self.blocks.push(block.clone());
        Ok(())
    }

    /// Rows at the beginning that are the same in both.
    pub(crate) fn common(&self, other: &Self) -> usize {
        let mut same_blocks = 0;
        for (block, other) in self.blocks.iter().zip(&other.blocks) {
            if !Arc::ptr_eq(&block.rows, &other.rows) && block.rows != other.rows {
                break;
            }
            same_blocks += 1;
        }
        let same = |(row, other): &(&Row, &Row)| {
            let known = match row.origin {
                Origin::Given { block, .. } => block < same_blocks,
                Origin::Token(_) => true,
            };
            known && row == other
        };
        self.rows.iter().zip(&other.rows).take_while(same).count()
    }

    /// The token ids, without the rows of blocks.
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.rows.iter().filter_map(|row| match row.origin {
            Origin::Token(id) => Some(id),
            Origin::Given { .. } => None,
        })
    }
}

impl Prompt {
    /// Rows of the decoder's input.
    pub(crate) fn rows(&self, width: usize) -> u64 {
        let rows = |part: &Part| match part {
            Part::Tokens(ids) => ids.len(),
            Part::Embeddings(block) => block.rows.len() / width.max(1),
        };
        self.parts.iter().map(|part| rows(part) as u64).sum()
    }
}

fn refused(what: &'static str, expected: &str, got: &str) -> ModelsError {
    ModelsError::Request { what, expected: expected.to_owned(), got: got.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: Takes = Takes {
        vocabulary: 10,
        width: 2,
        blocks: true,
        bidirectional: 3,
        three_positions: true,
        context: 12,
    };

    fn block(numbers: &[f32], bidirectional: bool, offsets: Option<Vec<[u32; 3]>>) -> Part {
        Part::Embeddings(EmbeddingBlock {
            rows: numbers.into(),
            bidirectional,
            offsets: offsets.map(Into::into),
        })
    }

    #[test]
    fn positions_and_segments_are_the_models() {
        let grid = vec![[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]];
        let parts = vec![
            Part::Tokens(vec![1, 2]),
            block(&[0.5; 8], false, Some(grid)),
            Part::Tokens(vec![3]),
            block(&[0.25; 4], true, None),
            Part::Tokens(vec![4]),
        ];
        let sequence = Sequence::of(&Prompt { parts }, &TAKES).unwrap();
        let positions: Vec<[u32; 3]> = sequence.rows.iter().map(|row| row.position).collect();
        let expected =
            [[0; 3], [1; 3], [2, 2, 2], [2, 2, 3], [2, 3, 2], [2, 3, 3], [4; 3], [5; 3], [6; 3], [7; 3]];
        assert_eq!(positions, expected);
        let segments: Vec<u32> = sequence.rows.iter().map(|row| row.segment).collect();
        assert_eq!(segments, [0, 0, 0, 0, 0, 0, 0, 2, 2, 0]);
        assert_eq!(sequence.next, 8);
        assert_eq!(sequence.ids().collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_the_same_is_known_by_its_content() {
        let prompt = |ids: &[u32], numbers: &[f32], behind: &[u32]| {
            let parts =
                vec![Part::Tokens(ids.to_vec()), block(numbers, false, None), Part::Tokens(behind.to_vec())];
            Sequence::of(&Prompt { parts }, &TAKES).unwrap()
        };
        let first = prompt(&[1, 2], &[0.5; 4], &[3, 4]);
        for (other, common) in [
            (prompt(&[1, 2], &[0.5; 4], &[3, 4]), 6),
            (prompt(&[1, 2], &[0.5; 4], &[3, 5, 6]), 5),
            (prompt(&[1, 2], &[0.5, 0.5, 0.5, 0.25], &[3, 4]), 2),
            (prompt(&[1], &[0.5; 4], &[3, 4]), 1),
            (prompt(&[2], &[0.5; 4], &[3, 4]), 0),
        ] {
            assert_eq!(first.common(&other), common, "{other:?}");
        }
    }

    #[test]
    fn prompts_that_cannot_be_read_are_refused() {
        let refused = [
            (vec![], "prompt: expected at least one token, got none"),
            (vec![Part::Tokens(vec![10])], "token id: expected less than 10, got 10"),
            (vec![Part::Tokens(vec![1; 13])], "13 tokens"),
            (vec![block(&[0.5; 3], false, None)], "rows of 2 numbers, got 3 numbers"),
            (vec![block(&[], false, None)], "rows of 2 numbers, got 0 numbers"),
            (vec![block(&[0.5; 8], true, None)], "at most 3 rows that see each other, got 4"),
            (vec![block(&[f32::NAN; 2], true, None)], "finite numbers"),
            (vec![block(&[0.5; 4], false, Some(vec![[0; 3]]))], "2 offsets, got 1 offsets"),
        ];
        for (parts, message) in refused {
            let error = Sequence::of(&Prompt { parts }, &TAKES).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let text = Takes { blocks: false, ..TAKES };
        let error = Sequence::of(&Prompt { parts: vec![block(&[0.5; 2], false, None)] }, &text).unwrap_err();
        assert!(error.to_string().contains("opened for text alone"), "{error}");
    }
}
