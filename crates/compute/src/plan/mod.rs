//! The memory plan: where every value of a graph lies, as data, before anything is allocated.

mod arena;
mod buffers;
mod costs;
mod table;
mod totals;
mod verify;

#[cfg(test)]
mod tests;

use bedside_tensor::{DType, Shape};
use serde::{Deserialize, Serialize};

pub use arena::Region;
pub use totals::{Budget, Totals};

use crate::ComputeError;
use crate::graph::{Dim, Graph, Node, Sizes, Symbol, Value, ValueType};
use crate::kv::KvFormat;
use crate::ops::{Numerics, Op, packed_bytes, product};
use crate::source::WeightSource;
use buffers::Buffers;

/// Layout of a serialised plan.
pub(crate) const PLAN_VERSION: u32 = 1;

/// Every offset is a multiple of this: WebGPU's default `minStorageBufferOffsetAlignment`.
pub const ALIGNMENT: u64 = 256;

/// Bytes of an f32 or u32, which is all that lies in the arena.
pub(crate) const ELEMENT_BYTES: u64 = 4;

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlanSettings {
    /// Largest value of each symbol.
    pub bounds: Sizes,
    /// How linear layers on quantized weights compute.
    pub numerics: Numerics,
    /// How KV caches are kept.
    pub kv: KvFormat,
}

/// Where a value lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the arena.
    Arena {
        /// Bytes from its start.
        offset: u64,
    },
    /// In another value's memory; costs nothing.
    View {
        /// Whose.
        of: Value,
        /// Bytes from its start.
        offset: Dim,
    },
    /// Among the weights, loaded once.
    Weight {
        /// Format it is kept in: its own where all its readers take any format, else F32.
        format: String,
    },
    /// Among the KV caches.
    State {
        /// Bytes from the start of the caches.
        offset: u64,
    },
}

/// One node of the graph: where its value lies, how long, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Name of the node.
    pub name: String,
    /// Name of its operation.
    pub op: String,
    /// Type of the value.
    #[serde(flatten)]
    pub value: ValueType,
    /// Where it lies.
    pub place: Place,
    /// Bytes at the bounds, in the format it is kept in; of a weight that is multiplied with, those of its
    /// panels, whose last rows may be filled up.
    pub bytes: u64,
    /// Step at which it is written: its own number; 0 for inputs.
    pub first: usize,
    /// Last step that reads it, through views too; the number of nodes for outputs.
    pub last: usize,
    /// Memory in the arena used only while this step runs.
    pub scratch: Option<Region>,
    /// Multiplications and additions at the bounds.
    pub flops: u64,
    /// Bytes read and written at the bounds.
    pub traffic_bytes: u64,
}

/// Where everything lies. Step i is node i of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PlanFile", into = "PlanFile")]
pub struct Plan {
    graph: String,
    settings: PlanSettings,
    placements: Vec<Placement>,
    totals: Totals,
}

/// What a serialised plan looks like.
#[derive(Serialize, Deserialize)]
struct PlanFile {
    version: u32,
    graph: String,
    settings: PlanSettings,
    placements: Vec<Placement>,
    totals: Totals,
}

impl From<Plan> for PlanFile {
    fn from(plan: Plan) -> Self {
        let Plan { graph, settings, placements, totals } = plan;
        Self { version: PLAN_VERSION, graph, settings, placements, totals }
    }
}

impl TryFrom<PlanFile> for Plan {
    type Error = ComputeError;

    fn try_from(file: PlanFile) -> Result<Self, ComputeError> {
        let PlanFile { version, graph, settings, placements, totals } = file;
        if version != PLAN_VERSION {
            return Err(ComputeError::Version { what: "plan", expected: PLAN_VERSION, got: version });
        }
        Ok(Self { graph, settings, placements, totals })
    }
}

impl Plan {
    /// Plan `graph`. `format`: the format of each weight in the model file.
    /// Errors: a symbol without bound, a weight that is missing or whose rows do not fit its format, a KV
    /// format that does not fit head_dim.
    pub fn new(
        graph: &Graph,
        settings: &PlanSettings,
        format: &dyn Fn(&str) -> Result<DType, ComputeError>,
    ) -> Result<Self, ComputeError> {
        let mut placements = Vec::with_capacity(graph.nodes().len());
        let (kept, packed) = (weight_formats(graph, format)?, packed(graph));
        let dims: Vec<Vec<u64>> =
            graph.nodes().iter().map(|n| n.value.at_most(&settings.bounds)).collect::<Result<_, _>>()?;
        let mut states = 0;
        for ((value, node), dtype) in graph.values().zip(&kept) {
            let (place, mut bytes) = home(node, &dims[value.index()], *dtype, settings.kv, &mut states)?;
            if let (true, Some(dtype), &[rows, columns]) =
                (packed[value.index()], dtype, &dims[value.index()][..])
            {
                bytes = bytes.max(packed_bytes(*dtype, rows, columns));
            }
            placements.push(Placement {
                name: node.name.clone(),
                op: node.op.name().to_owned(),
                value: node.value.clone(),
                place,
                bytes,
                first: value.index(),
                last: value.index(),
                scratch: None,
                flops: 0,
                traffic_bytes: 0,
            });
        }
        costs::costs(graph, settings, &dims, &kept, &mut placements);
        let buffers = Buffers::of(graph, &placements, &costs::scratch(graph, settings, &dims, &kept));
        let arena = buffers.place(&mut placements);
        let totals = Totals::of(graph, &placements, arena, states);
        Ok(Self { graph: graph.name().to_owned(), settings: *settings, placements, totals })
    }

    /// The same with the formats of an open model file.
    pub fn for_weights(
        graph: &Graph,
        settings: &PlanSettings,
        source: &dyn WeightSource,
    ) -> Result<Self, ComputeError> {
        graph.check_weights(source)?;
        Self::new(graph, settings, &|name| Ok(source.weight(name)?.dtype()))
    }

    /// Name of the graph.
    pub fn graph(&self) -> &str {
        &self.graph
    }

    /// What it was made for.
    pub fn settings(&self) -> &PlanSettings {
        &self.settings
    }

    /// One per node, in order.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// A short digest of all of it, under which what was measured or checked for it can be kept. Not for secrets.
    pub fn digest(&self) -> String {
        // A plan is plain data, which serde_json always writes.
        let told = serde_json::to_vec(self).unwrap_or_default();
        format!("{:016x}", crate::gpu::digest::of(&told))
    }

    /// Errors: [`ComputeError::Size`] for a size beyond its bound.
    pub(crate) fn check_sizes(&self, sizes: &Sizes) -> Result<(), ComputeError> {
        for symbol in Symbol::ALL {
            if let (Some(size), Some(bound)) = (sizes.get(symbol), self.settings.bounds.get(symbol))
                && size > bound
            {
                let dim = format!("{symbol} = {size}");
                return Err(ComputeError::Size { dim, reason: "larger than the plan's bound" });
            }
        }
        Ok(())
    }

    /// What it costs.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }
}

/// The format each weight is kept in; `None` for other nodes.
fn weight_formats(
    graph: &Graph,
    format: &dyn Fn(&str) -> Result<DType, ComputeError>,
) -> Result<Vec<Option<DType>>, ComputeError> {
    let as_stored = as_stored(graph);
    let kept = graph.values().map(|(value, node)| match node.op {
        Op::Weight if as_stored[value.index()] => format(&node.name).map(Some),
        Op::Weight => format(&node.name).map(|_| Some(DType::F32)),
        Op::Constant(_) => Ok(Some(DType::F32)),
        _ => Ok(None),
    });
    kept.collect()
}

/// Values whose readers all take any format.
fn as_stored(graph: &Graph) -> Vec<bool> {
    let mut as_stored = vec![true; graph.nodes().len()];
    for node in graph.nodes() {
        for (i, input) in node.inputs.iter().enumerate() {
            as_stored[input.index()] &= node.op.operation().is_some_and(|op| op.any_format(i));
        }
    }
    for output in graph.outputs() {
        as_stored[output.value.index()] = false;
    }
    as_stored
}

/// Weights that the host packs into panels, which take the place of the file's blocks.
fn packed(graph: &Graph) -> Vec<bool> {
    let mut multiplied = vec![false; graph.nodes().len()];
    for node in graph.nodes() {
        for (i, input) in node.inputs.iter().enumerate() {
            multiplied[input.index()] |= node.op.operation().is_some_and(|op| op.multiplies_by(i));
        }
    }
    let is_weight =
        |(value, node): (Value, &Node)| matches!(node.op, Op::Weight) && multiplied[value.index()];
    graph.values().map(is_weight).zip(as_stored(graph)).map(|(weight, stored)| weight && stored).collect()
}

/// Where a leaf lies; operations and inputs go to the arena, at an offset decided later.
fn home(
    node: &Node,
    dims: &[u64],
    dtype: Option<DType>,
    kv: KvFormat,
    states: &mut u64,
) -> Result<(Place, u64), ComputeError> {
    match (&node.op, dtype) {
        (_, Some(dtype)) => {
            let wrong = |source| ComputeError::WeightFormat { name: node.name.clone(), source };
            let bytes = Shape::new(dims).and_then(|shape| shape.bytes(dtype)).map_err(wrong)?;
            Ok((Place::Weight { format: dtype.name().to_owned() }, bytes))
        }
        (Op::State, None) => {
            let (offset, bytes) = (*states, kv.state_bytes(node)?);
            *states = states.saturating_add(aligned(bytes));
            Ok((Place::State { offset }, bytes))
        }
        _ => Ok((Place::Arena { offset: 0 }, product(dims).saturating_mul(ELEMENT_BYTES))),
    }
}

/// The value is a view of its first operand from this byte on, when every possible offset is aligned.
fn view_offset(graph: &Graph, value: Value) -> Option<Dim> {
    let node = graph.node(value);
    let inputs: Vec<ValueType> = node.inputs.iter().map(|input| graph.node(*input).value.clone()).collect();
    let offset = node.op.operation()?.view(&inputs)? * ELEMENT_BYTES as i64;
    let multiple = |(_, factor): (_, i64)| factor % ALIGNMENT as i64 == 0;
    offset.terms().all(multiple).then_some(offset)
}

/// The next multiple of [`ALIGNMENT`].
pub(crate) fn aligned(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX)
}
