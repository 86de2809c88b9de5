//! A decoder with its KV caches: prompts go in piece by piece, then one token at a time.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use bedside_compute::{HostTensor, Sizes, Symbol, host};

use super::chunks::chunks;
use super::prompt::{Origin, Row, Sequence, Takes};
use crate::ModelsError;
use crate::towers::decoder::{GIVEN, IDS, LOGITS, MROPE_AXES, ORDER, POSITIONS, SEGMENTS};

/// What is kept between answers: the last prompt, whose keys and values the caches hold.
#[derive(Default)]
struct Kept {
    sequence: Sequence,
    /// Pieces that ran to their end.
    pieces: Vec<Range<usize>>,
}

/// A decoder that is loaded.
pub(crate) struct Session {
    executor: host::Executor,
    takes: Takes,
    /// Most rows of a piece.
    most: usize,
    /// The graph asks for segments.
    segments: bool,
    kept: Kept,
    /// Of every row in the caches.
    row_segments: Vec<u32>,
    /// Position of the token that follows.
    next: u32,
}

/// Logits of the token that follows: (1, vocabulary).
pub(crate) struct Logits(HostTensor);

impl Logits {
    pub(crate) fn numbers(&self) -> &[f32] {
        self.0.as_f32().expect("the graph's output is f32")
    }
}

/// How a prompt ran.
pub(crate) struct Prefilled {
    pub(crate) logits: Logits,
    /// Rows whose keys and values were there already.
    pub(crate) reused: usize,
}

impl Session {
    pub(crate) fn new(executor: host::Executor, takes: Takes, most: usize, segments: bool) -> Self {
        let (kept, row_segments) = (Kept::default(), Vec::new());
        Self { executor, takes, most, segments, kept, row_segments, next: 0 }
    }

    pub(crate) fn takes(&self) -> &Takes {
        &self.takes
    }

    /// Run what of `sequence` is not in the caches. `progress`: rows done and in all, before each piece.
    /// `None`: `progress` broke off. Errors: those of the executor; `ResultNotFinite`.
    pub(crate) fn prefill(
        &mut self,
        sequence: Sequence,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Prefilled>, ModelsError> {
        let pieces = chunks(&sequence, self.most);
        let kept = std::mem::take(&mut self.kept);
        let common = sequence.common(&kept.sequence);
        let same = pieces.iter().zip(&kept.pieces).take_while(|(a, b)| a == b && a.end <= common).count();
        // The last piece runs in any case: its last row gives the logits.
        let first = same.min(pieces.len().saturating_sub(1));
        let reused = pieces.get(first).map_or(0, |piece| piece.start);
        self.kept.pieces = pieces[..first].to_vec();
        self.row_segments = sequence.rows.iter().map(|row| row.segment).collect();
        self.next = sequence.next;
        self.kept.sequence = sequence;
        let mut logits = None;
        for piece in &pieces[first..] {
            if progress(piece.start, self.kept.sequence.rows.len()).is_break() {
                return Ok(None);
            }
            logits = Some(self.run_piece(piece.clone())?);
            self.kept.pieces.push(piece.clone());
        }
        Ok(logits.map(|logits| Prefilled { logits, reused }))
    }

    fn run_piece(&mut self, piece: Range<usize>) -> Result<Logits, ModelsError> {
        let rows = &self.kept.sequence.rows[piece.clone()];
        let given = self.given(rows);
        let inputs = Inputs::of(rows);
        self.run(inputs, given, piece)
    }

    /// Numbers of the rows that come from blocks, one after the other.
    fn given(&self, rows: &[Row]) -> Vec<f32> {
        let width = self.takes.width;
        let mut given = Vec::new();
        for row in rows {
            if let Origin::Given { block, row } = row.origin {
                given.extend_from_slice(&self.kept.sequence.blocks[block].rows[row * width..][..width]);
            }
        }
        given
    }

    /// Run one token more. `past`: rows that the caches hold. Errors: as [`Session::prefill`].
    pub(crate) fn step(&mut self, id: u32, past: usize) -> Result<Logits, ModelsError> {
        let row = Row { origin: Origin::Token(id), position: [self.next; MROPE_AXES], segment: 0 };
        self.next += 1;
        self.row_segments.truncate(past);
        self.row_segments.push(0);
        self.run(Inputs::of(&[row]), Vec::new(), past..past + 1)
    }

    fn run(&mut self, inputs: Inputs, given: Vec<f32>, rows: Range<usize>) -> Result<Logits, ModelsError> {
        let mut outputs = self.outputs(inputs, given, rows)?;
        let logits = Logits(outputs.remove(LOGITS).expect("every decoder has this output"));
        if logits.numbers().iter().all(|logit| logit.is_finite()) {
            return Ok(logits);
        }
        Err(ModelsError::ResultNotFinite { tower: "text" })
    }

    fn outputs(
        &mut self,
        inputs: Inputs,
        given: Vec<f32>,
        rows: Range<usize>,
    ) -> Result<BTreeMap<String, HostTensor>, ModelsError> {
        let (tokens, width) = (rows.len(), self.takes.width);
        let patches = given.len() / width;
        let mut all = vec![(IDS, HostTensor::u32(&[tokens], inputs.ids)?)];
        all.push(if self.takes.three_positions {
            let positions = inputs.positions.concat();
            (POSITIONS, HostTensor::u32(&[MROPE_AXES, tokens], positions)?)
        } else {
            let [positions, ..] = inputs.positions;
            (POSITIONS, HostTensor::u32(&[tokens], positions)?)
        });
        if self.takes.blocks {
            all.push((GIVEN, HostTensor::f32(&[patches, width], given)?));
            all.push((ORDER, HostTensor::u32(&[tokens], inputs.order)?));
        }
        if self.segments {
            let segments = self.row_segments[..rows.end].to_vec();
            all.push((SEGMENTS, HostTensor::u32(&[rows.end], segments)?));
        }
        let sizes = Sizes::new().with(Symbol::Tokens, tokens as u64).with(Symbol::Past, rows.start as u64);
        let sizes = if self.takes.blocks { sizes.with(Symbol::Patches, patches as u64) } else { sizes };
        Ok(self.executor.run(&sizes, &all)?)
    }

    /// Every output of every piece of a prompt, row after row: with states, each block's.
    #[cfg(test)]
    pub(crate) fn states(&mut self, sequence: Sequence) -> Result<BTreeMap<String, Vec<f32>>, ModelsError> {
        let pieces = chunks(&sequence, self.most);
        self.row_segments = sequence.rows.iter().map(|row| row.segment).collect();
        self.kept = Kept { sequence, pieces: Vec::new() };
        let mut all: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for piece in pieces {
            let rows = &self.kept.sequence.rows[piece.clone()];
            let (given, inputs) = (self.given(rows), Inputs::of(rows));
            for (name, output) in self.outputs(inputs, given, piece)? {
                all.entry(name).or_default().extend(output.as_f32().unwrap());
            }
        }
        Ok(all)
    }
}

/// What the graph asks for about each row.
struct Inputs {
    ids: Vec<u32>,
    positions: [Vec<u32>; MROPE_AXES],
    order: Vec<u32>,
}

impl Inputs {
    fn of(rows: &[Row]) -> Self {
        let positions = std::array::from_fn(|axis| rows.iter().map(|row| row.position[axis]).collect());
        let (mut ids, mut order) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut given = rows.len() as u32; // fits: at most a piece
        for (number, row) in (0..).zip(rows) {
            match row.origin {
                Origin::Token(id) => {
                    ids.push(id);
                    order.push(number);
                }
                // Any id will do: its row is not asked for.
                Origin::Given { .. } => {
                    ids.push(0);
                    order.push(given);
                    given += 1;
                }
            }
        }
        Self { ids, positions, order }
    }
}
