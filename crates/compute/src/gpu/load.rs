//! From a plan to what a run plays: every operation's dispatches, their pipelines, their bind groups.

use std::collections::BTreeMap;

use super::device::Device;
use super::dispatch::{Call, Dispatch, FaultFn, Operand, Resource, Shapes, Work, WorkFn};
use super::memory::{Memory, PARAMS_BYTES, Piece, STATUS_BYTES, cache_words};
use super::pipeline::{Pipelines, Shader};
use super::source;
use super::tune::Variants;
use crate::ComputeError;
use crate::error::Mismatch;
use crate::graph::{Graph, Node, Sizes, Value};
use crate::kv::KvFormat;
use crate::ops::Op;
use crate::plan::{ALIGNMENT, ELEMENT_BYTES, Place, Plan, aligned};
use crate::reference::host_dims;
use crate::source::WeightSource;

/// Most dispatches of a plan: a 126-layer decoder has about 3,000.
const MAX_DISPATCHES: usize = 1 << 16;

/// Most pieces into which one dispatch is cut.
pub(super) const MAX_PIECES: u64 = 64;

/// What a run plays.
pub(super) struct Loaded {
    pub(super) memory: Memory,
    pub(super) pipelines: Pipelines,
    pub(super) steps: Vec<Step>,
    /// Bytes of the outputs at the bounds, each aligned.
    pub(super) output_bytes: u64,
    /// Choices that were made.
    pub(super) variants: Variants,
    /// Words of status.
    pub(super) faults: usize,
    /// Places for parameters.
    pub(super) slots: usize,
    /// What lies in the parameters' buffer.
    pub(super) params: Vec<u8>,
}

/// A node that computes.
pub(super) struct Step {
    pub(super) value: Value,
    pub(super) played: Vec<Played>,
}

/// One dispatch, bound.
pub(super) struct Played {
    pub(super) shader: Shader,
    pub(super) bindings: Vec<Bound>,
    pub(super) group: Option<(Vec<u64>, wgpu::BindGroup)>,
    pub(super) work: WorkFn,
    pub(super) fault: Option<(FaultFn, usize)>,
    /// First of its places for parameters, and how many it has.
    pub(super) slots: (usize, u64),
}

/// What a binding shows, in the executor's terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    binding: u32,
    target: Target,
    bytes: u64,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Value(Value),
    Part(Value, usize),
    Scratch(u64),
    Status(usize),
    Table(u64),
}

impl Loaded {
    pub(super) fn kernels(&self) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for played in self.steps.iter().flat_map(|step| &step.played) {
            if !labels.contains(&played.shader.kernel.label) {
                labels.push(played.shader.kernel.label.clone());
            }
        }
        labels
    }
}

/// Everything that is made at load. Errors: see [`Executor::new`](super::Executor::new).
pub(super) fn load(
    graph: &Graph,
    plan: &Plan,
    source: &dyn WeightSource,
    device: &Device,
    variants: Variants,
) -> Result<Loaded, ComputeError> {
    let mut memory = Memory::new(graph, plan, source, device)?;
    let mut variants = variants;
    let mut pipelines = Pipelines::default();
    let (steps, counts, output_bytes) = loop {
        let loader = Loader { graph, plan, device, source, memory: &memory, variants: &variants };
        let (steps, counts) = loader.steps()?;
        let shaders: Vec<Shader> =
            steps.iter().flat_map(|step| &step.played).map(|played| played.shader.clone()).collect();
        let refused = pipelines.make(device, &shaders)?;
        if refused.is_empty() {
            let output_bytes = loader.output_bytes()?;
            break (steps, counts, output_bytes);
        }
        refuse(&mut variants, refused)?;
    };
    reserve(device, &mut memory, &counts, output_bytes)?;
    let Counts { faults, slots, .. } = counts;
    let mut loaded =
        Loaded { memory, pipelines, steps, output_bytes, variants, faults, slots, params: Vec::new() };
    loaded.bind_constant(device, plan)?;
    Ok(loaded)
}

/// Describes the steps; nothing is made yet.
struct Loader<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    device: &'a Device,
    source: &'a dyn WeightSource,
    memory: &'a Memory,
    variants: &'a Variants,
}

/// What the dispatches need beside arena, weights and caches.
#[derive(Default)]
struct Counts {
    /// Bytes.
    scratch: u64,
    faults: usize,
    slots: usize,
    tables: Vec<u32>,
}

impl Loader<'_> {
    fn steps(&self) -> Result<(Vec<Step>, Counts), ComputeError> {
        let mut counts = Counts::default();
        let bounds = &self.plan.settings().bounds;
        let at_bounds = |node: &Node| node.value.at_most(bounds);
        let dims: Vec<Vec<u64>> = self.graph.nodes().iter().map(at_bounds).collect::<Result<_, _>>()?;
        let dims: Vec<Vec<usize>> =
            dims.iter().map(|dims| dims.iter().map(|&d| d as usize).collect()).collect();
        let mut steps = Vec::new();
        for (value, node) in self.graph.values() {
            let view = matches!(self.plan.placements()[value.index()].place, Place::View { .. });
            if node.op.operation().is_none() || (view && !matches!(node.op, Op::CacheAppend(_))) {
                continue;
            }
            steps.push(self.step(value, node, &dims, &mut counts)?);
        }
        Ok((steps, counts))
    }

    fn step(
        &self,
        value: Value,
        node: &Node,
        dims: &[Vec<usize>],
        counts: &mut Counts,
    ) -> Result<Step, ComputeError> {
        let wrong = |mismatch: Mismatch| mismatch.at(&node.name, node.op.name());
        let inputs: Vec<Operand<'_>> = node
            .inputs
            .iter()
            .map(|&input| Operand {
                dims: &dims[input.index()],
                element: self.graph.node(input).value.element,
                weight: self.memory.weights.get(input).map(|uploaded| &uploaded.weight),
                cache: self.memory.state(input).map(|state| state.cache),
            })
            .collect();
        for (i, operand) in inputs.iter().enumerate() {
            self.readable(node, i, operand).map_err(wrong)?;
        }
        let numbers = |input: usize| {
            let leaf = self.graph.node(*node.inputs.get(input)?).leaf_f32(self.source).ok()??;
            leaf.into_f32()
        };
        let call = Call {
            numbers: &numbers,
            inputs: &inputs,
            dims: &dims[value.index()],
            capabilities: self.device.capabilities(),
            numerics: self.plan.settings().numerics,
            variants: self.variants,
        };
        let Some(operation) = node.op.operation() else { return Ok(Step { value, played: Vec::new() }) };
        let dispatches = operation.gpu(&call).map_err(wrong)?;
        let input_dims: Vec<&[usize]> = inputs.iter().map(|input| input.dims).collect();
        let shapes =
            Shapes { inputs: &input_dims, output: &dims[value.index()], sizes: &self.plan.settings().bounds };
        let mut scratch = BTreeMap::new();
        let mut begin = 0;
        for dispatch in &dispatches {
            for binding in &dispatch.bindings {
                if let Resource::Scratch { piece, bytes } = binding.resource {
                    scratch.entry(piece).or_insert_with(|| {
                        let at = begin;
                        begin += aligned(bytes);
                        at
                    });
                }
            }
        }
        counts.scratch = counts.scratch.max(begin);
        let mut played = Vec::with_capacity(dispatches.len());
        for dispatch in dispatches {
            played.push(self.played((value, node), dispatch, &shapes, &scratch, counts)?);
        }
        Ok(Step { value, played })
    }

    fn played(
        &self,
        (value, node): (Value, &Node),
        dispatch: Dispatch,
        bounds: &Shapes<'_>,
        scratch: &BTreeMap<usize, u64>,
        counts: &mut Counts,
    ) -> Result<Played, ComputeError> {
        let Dispatch { mut kernel, bindings, work, fault, table, .. } = dispatch;
        let table_at = counts.table(&table);
        let alias = self.alias(value, node, &bindings);
        let writable: Vec<&str> = bindings
            .iter()
            .filter(|binding| match binding.resource {
                Resource::Input(i) => self.memory.in_arena(node.inputs[i]),
                _ => false,
            })
            .map(|binding| binding.name)
            .collect();
        let names = alias.map(|i| (bindings[i].name, self.output_name(&bindings)));
        kernel.wgsl = source::bound(&kernel.wgsl, &writable, names).into();
        #[cfg(test)]
        super::tests::make_wrong(&mut kernel);
        let fault = fault.map(|fault| {
            counts.faults += 1;
            (fault, counts.faults - 1)
        });
        let mut bound = Vec::with_capacity(bindings.len());
        for (i, binding) in bindings.iter().enumerate() {
            if alias == Some(i) {
                continue;
            }
            let (target, bytes) = match binding.resource {
                Resource::Input(input) => self.operand(node.inputs[input])?,
                Resource::Part { input, part } => self.part(node.inputs[input], part, node)?,
                Resource::Output => self.operand(value)?,
                Resource::Scratch { piece, bytes } => (Target::Scratch(scratch[&piece]), bytes),
                Resource::Table => (Target::Table(table_at), table.len() as u64 * ELEMENT_BYTES),
                Resource::Status => (Target::Status(counts.faults.saturating_sub(1)), ELEMENT_BYTES),
            };
            bound.push(Bound { binding: binding.binding, target, bytes });
        }
        let writes = source::writes(&kernel.wgsl);
        let bindings = bindings.iter().enumerate().filter(|(i, _)| alias != Some(*i));
        let bindings = bindings.map(|(_, b)| (b.binding, writes.contains(&b.name))).collect();
        let wrong = |mismatch: Mismatch| mismatch.at(&node.name, node.op.name());
        let Work { params, groups } = work(bounds).map_err(wrong)?;
        let limit = PARAMS_BYTES;
        if params.len() as u64 > limit {
            return Err(self.device.limit(
                format!("{}: bytes of parameters", kernel.label),
                limit,
                params.len() as u64,
            ));
        }
        let pieces = groups.clamp(1, MAX_PIECES);
        let slots = (counts.slots, pieces);
        counts.slots += pieces as usize;
        if counts.slots > MAX_DISPATCHES {
            return Err(ComputeError::Limit { what: "dispatches", limit: MAX_DISPATCHES, got: counts.slots });
        }
        Ok(Played { shader: Shader { kernel, bindings }, bindings: bound, group: None, work, fault, slots })
    }

    /// Caches in other formats than f32 are read by operations that ask for them, from their first row on.
    fn readable(&self, node: &Node, input: usize, operand: &Operand<'_>) -> Result<(), Mismatch> {
        let Some(cache) = operand.cache.filter(|cache| cache.format != KvFormat::F32) else { return Ok(()) };
        let knows = node.op.operation().is_some_and(|operation| operation.reads_cache(input));
        let start = self.memory.roots[node.inputs[input].index()].bytes;
        if matches!(node.op, Op::CacheAppend(_)) || (knows && start.as_constant() == Some(0)) {
            return Ok(());
        }
        Err(Mismatch::new("operand", "f32", format!("a KV cache in {}, which it cannot read", cache.format)))
    }

    fn output_name(&self, bindings: &[super::Binding]) -> &'static str {
        bindings.iter().find(|b| b.resource == Resource::Output).map_or("y", |b| b.name)
    }

    /// The binding of the operand in whose place the result goes.
    fn alias(&self, value: Value, node: &Node, bindings: &[super::Binding]) -> Option<usize> {
        if !self.memory.in_arena(value) || !bindings.iter().any(|b| b.resource == Resource::Output) {
            return None;
        }
        let place = |value: Value| self.memory.roots[value.index()].bytes;
        bindings.iter().position(|binding| match binding.resource {
            Resource::Input(i) => {
                let input = node.inputs[i];
                self.memory.in_arena(input) && place(input) == place(value) && self.has_elements(input)
            }
            _ => false,
        })
    }

    /// An empty value may lie where another one does.
    fn has_elements(&self, value: Value) -> bool {
        self.plan.placements()[value.index()].bytes > 0
    }

    fn operand(&self, value: Value) -> Result<(Target, u64), ComputeError> {
        if let Some(state) = self.memory.state(value) {
            return self.checked(value, Target::Value(value), cache_words(state.cache) * ELEMENT_BYTES);
        }
        if self.memory.weights.get(value).is_some() {
            return self.part(value, 0, self.graph.node(value));
        }
        let dims = self.graph.node(value).value.at_most(&self.plan.settings().bounds)?;
        let bytes = dims.iter().product::<u64>().saturating_mul(ELEMENT_BYTES);
        self.checked(value, Target::Value(value), bytes)
    }

    fn part(&self, value: Value, part: usize, node: &Node) -> Result<(Target, u64), ComputeError> {
        let Some((_, place)) = self.memory.weights.part(value, part) else {
            return Err(ComputeError::Plan {
                graph: self.graph.name().to_owned(),
                value: node.name.clone(),
                reason: "no such part of a weight",
            });
        };
        self.checked(value, Target::Part(value, part), place.bytes)
    }

    fn checked(&self, value: Value, target: Target, bytes: u64) -> Result<(Target, u64), ComputeError> {
        let limit = self.device.capabilities().max_binding_bytes;
        if bytes > limit {
            let what = format!("bytes of {}", self.graph.node(value).name);
            return Err(self.device.limit(what, limit, bytes));
        }
        Ok((target, bytes))
    }

    /// Bytes of all outputs at the bounds, each aligned.
    fn output_bytes(&self) -> Result<u64, ComputeError> {
        let mut outputs = 0u64;
        for output in self.graph.outputs() {
            let (_, bytes) = self.operand(output.value)?;
            outputs = outputs.saturating_add(aligned(bytes.max(ALIGNMENT)));
        }
        Ok(outputs)
    }
}

impl Counts {
    /// Where the table lies among all of them.
    fn table(&mut self, table: &[u32]) -> u64 {
        let at = self.tables.len();
        self.tables.extend_from_slice(table);
        let block = (ALIGNMENT / ELEMENT_BYTES) as usize;
        self.tables.resize(self.tables.len().next_multiple_of(block), 0);
        at as u64 * ELEMENT_BYTES
    }
}

/// The driver refuses kernels: other variants of them, where there are any. Errors: where there is none.
pub(super) fn refuse(
    variants: &mut Variants,
    refused: BTreeMap<String, ComputeError>,
) -> Result<(), ComputeError> {
    let asked = variants.asked();
    for (label, error) in refused {
        let (family, name) = label.rsplit_once('/').unwrap_or((&label, ""));
        let known = asked.get(family).map_or(&[][..], Vec::as_slice);
        match known.iter().find(|variant| **variant == name) {
            Some(variant) if known.len() > 1 => {
                log::warn!("{error}; another variant takes its place");
                variants.refuse(family, variant);
            }
            _ => return Err(error),
        }
    }
    Ok(())
}

/// What is left of the memory.
fn reserve(device: &Device, memory: &mut Memory, counts: &Counts, outputs: u64) -> Result<(), ComputeError> {
    use wgpu::BufferUsages as Usage;
    if counts.scratch > 0 {
        memory.scratch = Some(device.buffer("scratch", counts.scratch, Usage::STORAGE, false)?);
    }
    if counts.slots > 0 {
        let bytes = counts.slots as u64 * PARAMS_BYTES;
        memory.params = Some(device.buffer("parameters", bytes, Usage::UNIFORM | Usage::COPY_DST, false)?);
    }
    if !counts.tables.is_empty() {
        let bytes = counts.tables.len() as u64 * ELEMENT_BYTES;
        let buffer = device.buffer("tables", bytes, Usage::STORAGE | Usage::COPY_DST, false)?;
        let write = || device.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(&counts.tables));
        device.watched("tables", bytes, write)?;
        memory.tables = Some(buffer);
    }
    let status_bytes = counts.faults as u64 * STATUS_BYTES;
    if counts.faults > 0 {
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        memory.status = Some(device.buffer("status", status_bytes, usage, false)?);
    }
    let bytes = outputs.saturating_add(status_bytes);
    memory.staging = Some(device.buffer("staging", bytes, Usage::MAP_READ | Usage::COPY_DST, false)?);
    Ok(())
}

impl Loaded {
    /// Bind groups of everything whose place does not depend on the sizes of a run.
    fn bind_constant(&mut self, device: &Device, plan: &Plan) -> Result<(), ComputeError> {
        // Views may begin elsewhere in each run; the bounds are one of the sizes they can have.
        let sizes = plan.settings().bounds;
        let Self { memory, pipelines, steps, .. } = self;
        for played in steps.iter_mut().flat_map(|step| &mut step.played) {
            played.bind(device, memory, pipelines, &sizes)?;
        }
        Ok(())
    }
}

impl Played {
    /// Make the bind group if there is none for these places yet.
    pub(super) fn bind(
        &mut self,
        device: &Device,
        memory: &Memory,
        pipelines: &Pipelines,
        sizes: &Sizes,
    ) -> Result<(), ComputeError> {
        let pieces = self.bindings.iter().map(|bound| bound.piece(memory, sizes));
        let pieces: Vec<Option<Piece<'_>>> = pieces.collect::<Result<_, _>>()?;
        let offsets: Vec<u64> = pieces.iter().map(|piece| piece.map_or(0, |piece| piece.offset)).collect();
        if self.group.as_ref().is_some_and(|(at, _)| *at == offsets) {
            return Ok(());
        }
        let label = self.shader.kernel.label.as_str();
        let missing = || device.refused(label, "a binding without memory".to_owned());
        let pipeline = pipelines.get(&self.shader).ok_or_else(missing)?;
        let params = memory.params.as_ref().ok_or_else(missing)?;
        let params =
            wgpu::BufferBinding { buffer: params, offset: 0, size: std::num::NonZeroU64::new(PARAMS_BYTES) };
        let mut entries =
            vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (bound, piece) in self.bindings.iter().zip(&pieces) {
            let Piece { buffer, offset } = piece.ok_or_else(missing)?;
            let room = buffer.size().saturating_sub(offset);
            // Whole vec4s, at least one, never past the buffer; 16 bytes are left behind every value.
            let bytes = bound.bytes.max(16).next_multiple_of(16).min(room);
            let size = std::num::NonZeroU64::new(bytes);
            let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size });
            entries.push(wgpu::BindGroupEntry { binding: bound.binding, resource });
        }
        let descriptor =
            wgpu::BindGroupDescriptor { label: Some(label), layout: &pipeline.layout, entries: &entries };
        let group = device.watched("bind group", 0, || device.wgpu().create_bind_group(&descriptor))?;
        self.group = Some((offsets, group));
        Ok(())
    }
}

impl Bound {
    fn piece<'m>(&self, memory: &'m Memory, sizes: &Sizes) -> Result<Option<Piece<'m>>, ComputeError> {
        let whole =
            |buffer: &'m Option<wgpu::Buffer>, offset| buffer.as_ref().map(|buffer| Piece { buffer, offset });
        Ok(match self.target {
            Target::Value(value) => memory.piece(value, sizes)?,
            Target::Part(value, part) => {
                memory.weights.part(value, part).map(|(buffer, place)| Piece { buffer, offset: place.offset })
            }
            Target::Scratch(offset) => whole(&memory.scratch, offset),
            Target::Table(offset) => whole(&memory.tables, offset),
            Target::Status(slot) => whole(&memory.status, slot as u64 * STATUS_BYTES),
        })
    }
}

/// Dimensions of every value at these sizes. Errors: [`ComputeError::Size`].
pub(super) fn dims_at(graph: &Graph, sizes: &Sizes) -> Result<Vec<Vec<usize>>, ComputeError> {
    graph.nodes().iter().map(|node| host_dims(&node.value, sizes)).collect()
}
