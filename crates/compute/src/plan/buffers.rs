//! Liveness: which values share memory, and from which step to which it is in use.

use super::arena::{Interval, Region, place};
use super::{Place, Placement, aligned, view_offset};
use crate::graph::{Dim, Graph, Value};

/// A piece of arena with all the values that lie in it one after the other.
struct Buffer {
    first: usize,
    last: usize,
    bytes: u64,
}

/// Every value's buffer; `None` for weights, states and views of them.
pub(super) struct Buffers {
    buffers: Vec<Buffer>,
    of: Vec<Option<usize>>,
    last: Vec<usize>,
    views: Vec<Option<(Value, Dim)>>,
    scratch: Vec<u64>,
}

impl Buffers {
    pub(super) fn of(graph: &Graph, placements: &[Placement], scratch: &[u64]) -> Self {
        let views: Vec<Option<(Value, Dim)>> = graph
            .values()
            .map(|(value, node)| view_offset(graph, value).map(|offset| (node.inputs[0], offset)))
            .collect();
        let last = last_reads(graph, &views);
        let mut all = Self { buffers: Vec::new(), of: Vec::new(), last, views, scratch: scratch.to_vec() };
        for (value, _) in graph.values() {
            let buffer = all.choose(graph, placements, value);
            all.of.push(buffer);
        }
        all
    }

    fn choose(&mut self, graph: &Graph, placements: &[Placement], value: Value) -> Option<usize> {
        let (step, bytes) = (value.index(), aligned(placements[value.index()].bytes));
        if !matches!(placements[step].place, Place::Arena { .. }) {
            return None;
        }
        if let Some((of, _)) = self.views[step] {
            return self.of[of.index()];
        }
        if let Some(buffer) = self.in_place(graph, placements, value) {
            self.buffers[buffer].last = self.last[step];
            return Some(buffer);
        }
        let is_leaf = graph.node(value).op.operation().is_none();
        let first = if is_leaf { 0 } else { step };
        self.buffers.push(Buffer { first, last: self.last[step], bytes });
        Some(self.buffers.len() - 1)
    }

    /// The buffer of an operand that this step is the last to read and whose place the result may take.
    fn in_place(&self, graph: &Graph, placements: &[Placement], value: Value) -> Option<usize> {
        let node = graph.node(value);
        let fits = |operand: usize| {
            let input = *node.inputs.get(operand)?;
            let buffer = self.of[input.index()]?;
            let last = self.buffers[buffer].last == value.index();
            let readers = node.inputs.iter().filter(|other| self.of[other.index()] == Some(buffer)).count();
            let whole = self.starts_buffer(input)
                && aligned(placements[input.index()].bytes) == self.buffers[buffer].bytes;
            let same = graph.node(input).value == node.value;
            (last && readers == 1 && whole && same).then_some(buffer)
        };
        node.op.operation()?.in_place().into_iter().find_map(fits)
    }

    /// The value lies at the start of its buffer: it is no view, or one from 0 of a value that does.
    fn starts_buffer(&self, value: Value) -> bool {
        match self.views[value.index()] {
            None => true,
            Some((of, offset)) => offset == Dim::constant(0) && self.starts_buffer(of),
        }
    }

    /// Offsets for all buffers and scratch, written into the placements. Returns the size of the arena.
    pub(super) fn place(&self, placements: &mut [Placement]) -> u64 {
        let values = self.buffers.iter().map(|b| Interval { first: b.first, last: b.last, bytes: b.bytes });
        let scratch = self.scratch.iter().enumerate().filter(|(_, bytes)| **bytes > 0);
        let scratch: Vec<(usize, u64)> = scratch.map(|(step, &bytes)| (step, bytes)).collect();
        let within = scratch.iter().map(|&(i, bytes)| Interval { first: i, last: i, bytes: aligned(bytes) });
        let intervals: Vec<Interval> = values.chain(within).collect();
        let (offsets, arena) = place(&intervals);
        for (i, placement) in placements.iter_mut().enumerate() {
            placement.last = self.last[i];
            match (self.views[i], self.of[i]) {
                (Some((of, offset)), _) => placement.place = Place::View { of, offset },
                (None, Some(buffer)) => {
                    placement.place = Place::Arena { offset: offsets[buffer] };
                    placement.first = if placement.op == "input" { 0 } else { i };
                }
                (None, None) => {}
            }
        }
        for (&(step, bytes), &offset) in scratch.iter().zip(&offsets[self.buffers.len()..]) {
            placements[step].scratch = Some(Region { offset, bytes });
        }
        arena
    }
}

/// The last step that reads each value, itself or through views; outputs are read after the last step.
fn last_reads(graph: &Graph, views: &[Option<(Value, Dim)>]) -> Vec<usize> {
    let mut last: Vec<usize> = (0..graph.nodes().len()).collect();
    for (value, node) in graph.values() {
        for input in &node.inputs {
            last[input.index()] = last[input.index()].max(value.index());
        }
    }
    for output in graph.outputs() {
        last[output.value.index()] = graph.nodes().len();
    }
    for (i, view) in views.iter().enumerate().rev() {
        if let Some((of, _)) = view {
            last[of.index()] = last[of.index()].max(last[i]);
        }
    }
    last
}
