//! One run of the host executor: inputs into the arena, node after node, outputs out of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::cache::{Cache, Q8_0_ELEMENTS};
use super::call::{Call, Data, Seen};
use super::memory::{Arena, Around, Home, Spot};
use super::weight::Weight;
use crate::ComputeError;
use crate::error::Mismatch;
use crate::graph::{Element, Graph, Node, Sizes, Value};
use crate::ops::{Op, Operation};
use crate::plan::{Place, Plan};
use crate::tensor::HostTensor;

/// The executor's parts, with dimensions and places at the run's sizes.
pub(super) struct Run<'a> {
    pub(super) graph: &'a Graph,
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a [Option<Weight>],
    pub(super) caches: &'a mut BTreeMap<Value, Cache>,
    pub(super) arena: &'a mut Arena,
    pub(super) dims: Vec<Vec<usize>>,
    pub(super) spots: Vec<Spot>,
    pub(super) sizes: &'a Sizes,
    pub(super) pool: &'a rayon::ThreadPool,
}

impl Run<'_> {
    pub(super) fn play(
        &mut self,
        inputs: &[(&str, HostTensor)],
        mut times: Option<&mut Vec<Duration>>,
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let graph = self.graph;
        for (value, node) in graph.values().filter(|(_, node)| matches!(node.op, Op::Input)) {
            self.input(value, node, inputs)?;
        }
        for (value, node) in graph.values() {
            if let Some(operation) = node.op.operation() {
                let begin = times.is_some().then(Instant::now);
                self.step(value, node, operation)?;
                if let (Some(times), Some(begin)) = (&mut times, begin) {
                    times[value.index()] = begin.elapsed();
                }
            }
        }
        let outputs = graph.outputs().iter();
        outputs.map(|output| Ok((output.name.clone(), self.output(output.value)?))).collect()
    }

    fn input(
        &mut self,
        value: Value,
        node: &Node,
        inputs: &[(&str, HostTensor)],
    ) -> Result<(), ComputeError> {
        let given = given(node, &self.dims[value.index()], inputs)?;
        let start = self.spots[value.index()].start;
        let split = self.arena.split(start, given.len());
        let (to, _) = split.ok_or_else(|| misplaced(self.plan, node))?;
        match given.as_f32() {
            Some(numbers) => to.copy_from_slice(numbers),
            None => bytemuck::cast_slice_mut(to).copy_from_slice(given.u32s()),
        }
        Ok(())
    }

    fn step(&mut self, value: Value, node: &Node, operation: &dyn Operation) -> Result<(), ComputeError> {
        if matches!(node.op, Op::CacheAppend(_)) {
            return self.append(value, node);
        }
        let elements = self.elements(value);
        if matches!(self.plan.placements()[value.index()].place, Place::View { .. }) {
            return self.check_view(value, node);
        }
        if elements == 0 {
            return Ok(());
        }
        // Caches as numbers, for operations that cannot read them as they are.
        let copy = |(i, input): (usize, &Value)| {
            let direct = operation.reads_cache(i) && self.is_whole_blocks(*input);
            if direct { None } else { self.cached(*input) }
        };
        let copies: Vec<Option<Vec<f32>>> = node.inputs.iter().enumerate().map(copy).collect();
        let split = self.arena.split(self.spots[value.index()].start, elements);
        let (out, around) = split.ok_or_else(|| misplaced(self.plan, node))?;
        let parts = Parts { weights: self.weights, caches: self.caches, around };
        let mut seen = Vec::with_capacity(node.inputs.len());
        for (input, copy) in node.inputs.iter().zip(&copies) {
            let (dims, spot) = (&self.dims[input.index()], self.spots[input.index()]);
            let element = self.graph.node(*input).value.element;
            let data = match copy {
                Some(copy) => Some(Data::Numbers(copy)),
                None => parts.data(spot, dims.iter().product(), element),
            };
            seen.push(Seen { dims, data: data.ok_or_else(|| misplaced(self.plan, node))? });
        }
        // A forged plan could put the result where two operands are.
        if seen.iter().filter(|seen| matches!(seen.data, Data::Here)).count() > 1 {
            return Err(misplaced(self.plan, node));
        }
        let dims = &self.dims[value.index()];
        let mut call = Call { inputs: &seen, dims, out, sizes: self.sizes, pool: self.pool };
        operation.host(&mut call).map_err(|wrong| wrong.at(&node.name, node.op.name()))
    }

    /// A view costs nothing; only whether it lies within its operand is still open, since sizes decide it.
    fn check_view(&self, value: Value, node: &Node) -> Result<(), ComputeError> {
        let whole = node.inputs[0];
        let end = self.spots[value.index()].start + self.elements(value);
        if end <= self.spots[whole.index()].start + self.elements(whole) {
            return Ok(());
        }
        let (whole, part) = (&self.dims[whole.index()], &self.dims[value.index()]);
        let wrong = Mismatch::new("range", format!("a part of {whole:?}"), format!("{part:?}, too far back"));
        Err(wrong.at(&node.name, node.op.name()))
    }

    /// New rows into the cache, in place.
    fn append(&mut self, value: Value, node: &Node) -> Result<(), ComputeError> {
        let (state, x) = (node.inputs[0], node.inputs[1]);
        let (needed, rows) = (self.dims[value.index()][0], self.dims[x.index()][0]);
        let name = &self.graph.node(state).name;
        let copy = match self.spots[x.index()].home {
            Home::Arena => None,
            _ => Some(self.output(x)?),
        };
        let numbers = match &copy {
            Some(copy) => copy.as_f32(),
            None => self.arena.get(self.spots[x.index()].start, self.elements(x)),
        };
        let numbers = numbers.ok_or_else(|| misplaced(self.plan, node))?;
        let Some(cache) = self.caches.get_mut(&state) else { return Err(misplaced(self.plan, node)) };
        if needed > cache.capacity {
            let (capacity, needed) = (cache.capacity as u64, needed as u64);
            return Err(ComputeError::CacheFull { name: name.clone(), capacity, needed });
        }
        cache.append(needed - rows, numbers).ok_or_else(|| {
            let wrong = Mismatch::new("rows for the cache", "finite numbers", "NaN, infinity or overflow");
            wrong.at(&node.name, node.op.name())
        })
    }

    fn elements(&self, value: Value) -> usize {
        self.dims[value.index()].iter().product()
    }

    /// The cache can be read head by head where it lies.
    fn is_whole_blocks(&self, value: Value) -> bool {
        let head_dim = self.dims[value.index()].last().copied().unwrap_or(1);
        self.spots[value.index()].start == 0 && head_dim.is_multiple_of(Q8_0_ELEMENTS)
    }

    /// A copy of a cache that does not hold plain numbers; `None` for any other value.
    fn cached(&self, value: Value) -> Option<Vec<f32>> {
        let Spot { home: Home::State(of), start } = self.spots[value.index()] else { return None };
        let cache = self.caches.get(&of).filter(|cache| cache.numbers().is_none())?;
        Some(cache.copy(start, self.elements(value)))
    }

    fn output(&self, value: Value) -> Result<HostTensor, ComputeError> {
        let (dims, node) = (&self.dims[value.index()], self.graph.node(value));
        let copied = match self.cached(value) {
            Some(numbers) => numbers,
            None => self.plain(value).ok_or_else(|| misplaced(self.plan, node))?.to_vec(),
        };
        match node.value.element {
            Element::F32 => HostTensor::f32(dims, copied),
            Element::U32 => HostTensor::u32(dims, bytemuck::cast_slice(&copied).to_vec()),
        }
    }

    /// A value whose numbers lie somewhere as they are.
    fn plain(&self, value: Value) -> Option<&[f32]> {
        let (Spot { home, start }, len) = (self.spots[value.index()], self.elements(value));
        let whole = match home {
            Home::Arena => return self.arena.get(start, len),
            Home::Weight(of) => match &self.weights[of.index()] {
                Some(Weight::Numbers(numbers)) => numbers,
                _ => return None,
            },
            Home::State(of) => self.caches.get(&of)?.numbers()?,
        };
        whole.get(start..)?.get(..len)
    }
}

/// The input of a node, checked. Errors: [`ComputeError::InputMissing`], [`ComputeError::Input`].
pub(crate) fn given<'a>(
    node: &Node,
    dims: &[usize],
    inputs: &'a [(&str, HostTensor)],
) -> Result<&'a HostTensor, ComputeError> {
    let name = &node.name;
    let found = inputs.iter().find(|(given, _)| given == name);
    let (_, given) = found.ok_or_else(|| ComputeError::InputMissing { name: name.clone() })?;
    if given.dims() == dims && given.element() == node.value.element {
        return Ok(given);
    }
    let expected = format!("{} {dims:?}", node.value.element);
    let got = format!("{} {:?}", given.element(), given.dims());
    Err(ComputeError::Input { name: name.clone(), expected, got })
}

/// Every input belongs to the graph. Errors: [`ComputeError::InputUnknown`].
pub(crate) fn check_names(graph: &Graph, inputs: &[(&str, HostTensor)]) -> Result<(), ComputeError> {
    check_known(&graph.inputs().collect::<Vec<_>>(), inputs)
}

/// Every name given is one of these nodes'. Errors: [`ComputeError::InputUnknown`].
pub(crate) fn check_known(nodes: &[&Node], given: &[(&str, HostTensor)]) -> Result<(), ComputeError> {
    let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(name)) else { return Ok(()) };
    Err(ComputeError::InputUnknown { name: (*name).to_owned(), known: known.join(", ") })
}

/// Where the operands of one step are.
struct Parts<'a> {
    weights: &'a [Option<Weight>],
    caches: &'a BTreeMap<Value, Cache>,
    around: Around<'a>,
}

impl<'a> Parts<'a> {
    fn data(&self, spot: Spot, len: usize, element: Element) -> Option<Data<'a>> {
        let Spot { home, start } = spot;
        let part = |numbers: &'a [f32]| numbers.get(start..)?.get(..len).map(Data::Numbers);
        match home {
            Home::Arena => self.around.get(start, len, element),
            Home::State(of) => {
                let cache = self.caches.get(&of)?;
                cache.numbers().map_or(Some(Data::Cache(cache)), part)
            }
            Home::Weight(of) => match self.weights[of.index()].as_ref()?.data() {
                Data::Numbers(numbers) => part(numbers),
                whole => Some(whole),
            },
        }
    }
}

/// The plan puts a value where its step cannot use it.
fn misplaced(plan: &Plan, node: &Node) -> ComputeError {
    let (graph, value) = (plan.graph().to_owned(), node.name.clone());
    ComputeError::Plan { graph, value, reason: "an operand or the result lies where it cannot be used" }
}
