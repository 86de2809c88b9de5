//! GPU memory of one executor: the plan's arena, KV caches, scratch, parameters, status and the way back. All of it
//! is taken at load.

use std::collections::BTreeMap;

use super::device::Device;
use super::dispatch::Cache;
use super::weights::Weights;
use crate::ComputeError;
use crate::graph::{Graph, Sizes, Value};
use crate::host::memory::{Home, Root, roots};
use crate::kv::KvFormat;
use crate::ops::Op;
use crate::plan::{ALIGNMENT, Plan};
use crate::source::WeightSource;

/// Bytes of a dispatch's parameters, and their distance: WebGPU's default alignment of uniform bindings.
pub(super) const PARAMS_BYTES: u64 = 256;

/// Distance of two words of the status: WebGPU's default alignment of storage bindings.
pub(super) const STATUS_BYTES: u64 = 256;

/// A KV cache.
pub(super) struct State {
    pub(super) buffer: wgpu::Buffer,
    pub(super) cache: Cache,
    /// Rows it holds.
    pub(super) capacity: usize,
}

/// A piece of a buffer.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) buffer: &'a wgpu::Buffer,
    pub(super) offset: u64,
}

pub(super) struct Memory {
    pub(super) roots: Vec<Root>,
    pub(super) weights: Weights,
    pub(super) states: BTreeMap<Value, State>,
    pub(super) arena: wgpu::Buffer,
    pub(super) scratch: Option<wgpu::Buffer>,
    pub(super) tables: Option<wgpu::Buffer>,
    pub(super) params: Option<wgpu::Buffer>,
    pub(super) status: Option<wgpu::Buffer>,
    pub(super) staging: Option<wgpu::Buffer>,
}

impl Memory {
    /// Weights, arena and caches; the rest once the dispatches are known.
    pub(super) fn new(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        device: &Device,
    ) -> Result<Self, ComputeError> {
        let roots = roots(graph, plan)?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        // One block more, so that a value without elements at the very end can still be bound.
        let bytes = plan.totals().activations_bytes.saturating_add(ALIGNMENT);
        let arena = device.buffer("arena", bytes, usage, false)?;
        let mut states = BTreeMap::new();
        for (value, node) in graph.values().filter(|(_, node)| matches!(node.op, Op::State)) {
            let format = plan.settings().kv;
            let bytes = format.state_bytes(node)?;
            let dims = node.value.at(&Sizes::new())?;
            let cache = Cache { format, elements: dims.iter().product() };
            let limit = device.capabilities().max_binding_bytes;
            if bytes > limit || cache.elements > u64::from(u32::MAX) {
                return Err(device.limit(format!("bytes of {}", node.name), limit, bytes));
            }
            let buffer = device.buffer("KV cache", bytes, usage, false)?;
            states.insert(value, State { buffer, cache, capacity: dims[0] as usize });
        }
        let weights = Weights::new(graph, plan, source, device)?;
        let (scratch, tables, params, status, staging) = (None, None, None, None, None);
        Ok(Self { roots, weights, states, arena, scratch, tables, params, status, staging })
    }

    /// The value's memory at these sizes; a weight in several parts has none. Errors: [`ComputeError::Size`].
    pub(super) fn piece(&self, value: Value, sizes: &Sizes) -> Result<Option<Piece<'_>>, ComputeError> {
        let root = self.roots[value.index()];
        let start = root.bytes.at(sizes)?;
        Ok(match root.home {
            Home::Arena => Some(Piece { buffer: &self.arena, offset: start }),
            Home::State(of) => {
                self.states.get(&of).map(|state| Piece { buffer: &state.buffer, offset: start })
            }
            Home::Weight(of) => {
                let place = self.weights.part(of, 0);
                place.map(|(buffer, place)| Piece { buffer, offset: place.offset + start })
            }
        })
    }

    /// The KV cache that the value is a part of.
    pub(super) fn state(&self, value: Value) -> Option<&State> {
        match self.roots[value.index()].home {
            Home::State(of) => self.states.get(&of),
            _ => None,
        }
    }

    pub(super) fn in_arena(&self, value: Value) -> bool {
        self.roots[value.index()].home == Home::Arena
    }

    pub(super) fn bytes(&self) -> u64 {
        let states: u64 = self.states.values().map(|state| state.buffer.size()).sum();
        let optional = [&self.scratch, &self.tables, &self.params, &self.status, &self.staging];
        let optional: u64 = optional.into_iter().flatten().map(wgpu::Buffer::size).sum();
        self.weights.bytes() + self.arena.size() + states + optional
    }
}

/// Bytes that hold this many elements of a cache, whole words.
pub(super) fn cache_words(cache: Cache) -> u64 {
    match cache.format {
        KvFormat::F32 => cache.elements,
        KvFormat::F16 => cache.elements.div_ceil(2),
        KvFormat::Q8_0 => cache.elements / 4 + (cache.elements / 32).div_ceil(2),
    }
}
