//! Where values lie while a graph is played: in the arena, among the weights, in a KV cache.

use super::call::Data;
use super::reserve;
use crate::ComputeError;
use crate::graph::{Dim, Element, Graph, Sizes, Value, ValueType};
use crate::ops::Op;
use crate::plan::{ELEMENT_BYTES, Place, Plan};

/// A value's memory: whose it is, and from which byte on.
#[derive(Clone, Copy)]
pub(crate) struct Root {
    pub(crate) home: Home,
    pub(crate) bytes: Dim,
}

/// Whose memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// The arena's.
    Arena,
    /// Of the weight or constant.
    Weight(Value),
    /// Of the KV cache.
    State(Value),
}

/// A value's memory in one run, in elements.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) home: Home,
    pub(crate) start: usize,
}

/// Where each value lies. Errors: [`ComputeError::Plan`] for a plan that claims a view where there is none
/// or places a leaf where it cannot be.
pub(crate) fn roots(graph: &Graph, plan: &Plan) -> Result<Vec<Root>, ComputeError> {
    let mut roots: Vec<Root> = Vec::with_capacity(graph.nodes().len());
    for ((value, node), placement) in graph.values().zip(plan.placements()) {
        let wrong = |reason| {
            let (graph, value) = (graph.name().to_owned(), node.name.clone());
            Err(ComputeError::Plan { graph, value, reason })
        };
        let root = match (&placement.place, &node.op) {
            (Place::Weight { .. }, Op::Weight | Op::Constant(_)) => at(Home::Weight(value), 0),
            (Place::State { .. }, Op::State) => at(Home::State(value), 0),
            (_, Op::Weight | Op::Constant(_) | Op::State) => return wrong("a leaf away from its place"),
            (Place::Arena { offset }, _) => at(Home::Arena, *offset),
            (Place::View { of, offset }, op) => {
                let types: Vec<ValueType> =
                    node.inputs.iter().map(|input| graph.node(*input).value.clone()).collect();
                let view = op.operation().and_then(|operation| operation.view(&types));
                let claimed = view.map(|dim| dim * ELEMENT_BYTES as i64) == Some(*offset);
                if !claimed || node.inputs.first() != Some(of) {
                    return wrong("no view of that value");
                }
                let root = roots[of.index()];
                Root { home: root.home, bytes: root.bytes + *offset }
            }
            _ => return wrong("a computed value among weights or states"),
        };
        let appended = matches!(node.op, Op::CacheAppend(_));
        if appended && !matches!(root.home, Home::State(_)) {
            return wrong("a cache that is not its state's memory");
        }
        roots.push(root);
    }
    Ok(roots)
}

fn at(home: Home, bytes: u64) -> Root {
    Root { home, bytes: bytes.into() }
}

impl Root {
    /// Its place at these sizes. Errors: [`ComputeError::Size`].
    pub(crate) fn at(&self, sizes: &Sizes) -> Result<Spot, ComputeError> {
        Ok(Spot { home: self.home, start: (self.bytes.at(sizes)? / ELEMENT_BYTES) as usize })
    }
}

/// Memory of inputs and intermediate values, taken once.
pub(super) struct Arena(Vec<f32>);

impl Arena {
    /// Errors: [`ComputeError::Memory`].
    pub(super) fn new(plan: &Plan) -> Result<Self, ComputeError> {
        let elements = plan.totals().activations_bytes.div_ceil(ELEMENT_BYTES);
        // A size that usize cannot hold is refused as memory that cannot be had.
        let elements = usize::try_from(elements).unwrap_or(usize::MAX);
        reserve("arena", elements, 0.0).map(Self)
    }

    /// Some elements.
    pub(super) fn get(&self, start: usize, len: usize) -> Option<&[f32]> {
        self.0.get(start..)?.get(..len)
    }

    /// A result, and all that lies around it.
    pub(super) fn split(&mut self, start: usize, len: usize) -> Option<(&mut [f32], Around<'_>)> {
        let (before, rest) = self.0.split_at_mut_checked(start)?;
        let (out, after) = rest.split_at_mut_checked(len)?;
        Some((out, Around { before, after, out: start..start + len }))
    }
}

/// The arena without the result that is being written.
pub(super) struct Around<'a> {
    before: &'a [f32],
    after: &'a [f32],
    out: std::ops::Range<usize>,
}

impl<'a> Around<'a> {
    /// An operand; `None` if it overlaps the result without being exactly there.
    pub(super) fn get(&self, start: usize, len: usize, element: Element) -> Option<Data<'a>> {
        let end = start.checked_add(len)?;
        let numbers = if len == 0 {
            &[]
        } else if end <= self.out.start {
            self.before.get(start..end)?
        } else if start >= self.out.end {
            self.after.get(start - self.out.end..end - self.out.end)?
        } else if (start..end) == self.out {
            return Some(Data::Here);
        } else {
            return None;
        };
        Some(match element {
            Element::F32 => Data::Numbers(numbers),
            Element::U32 => Data::Indices(bytemuck::cast_slice(numbers)),
        })
    }
}
