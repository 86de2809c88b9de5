//! One run of the GPU executor: inputs and parameters in, dispatches, outputs back.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use half::f16;

use super::Executor;
use super::adapter::AdapterKind;
use super::device::Device;
use super::dispatch::{Cache, Shapes, Work};
use super::load::{Loaded, Step, dims_at};
use super::memory::{PARAMS_BYTES, STATUS_BYTES, cache_words};
use crate::ComputeError;
use crate::error::Mismatch;
use crate::graph::{Element, Graph, Node, Sizes, Value};
use crate::host::{check_names, given};
use crate::kv::KvFormat;
use crate::ops::Op;
use crate::plan::{ELEMENT_BYTES, Place, Plan, aligned};
use crate::tensor::HostTensor;

/// A command buffer is submitted once the work in it is estimated to take this long, and a dispatch is cut so that
/// no piece of it does: drivers give up on longer ones.
const MAX_SECONDS: f64 = 0.2;

/// Longest wait for what the device has done already to be told.
const MAX_TELLING: Duration = Duration::from_secs(10);

/// One run at its sizes.
struct Run<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    device: &'a Device,
    loaded: &'a mut Loaded,
    sizes: &'a Sizes,
    dims: Vec<Vec<usize>>,
}

/// What a dispatch does in this run.
struct Order {
    /// Position among the steps, and within the step.
    at: (usize, usize),
    groups: u64,
    /// Workgroups of each piece but the last.
    piece: u64,
    /// Estimate for all pieces.
    seconds: f64,
}

pub(super) fn play(
    executor: &mut Executor,
    sizes: &Sizes,
    inputs: &[(&str, HostTensor)],
    times: Option<&mut Vec<Duration>>,
) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
    let Executor { graph, plan, device, loaded } = executor;
    device.check()?;
    plan.check_sizes(sizes)?;
    check_names(graph, inputs)?;
    let dims = dims_at(graph, sizes)?;
    let mut run = Run { graph, plan, device, loaded, sizes, dims };
    run.check_places()?;
    let orders = run.orders()?;
    run.upload(inputs)?;
    let submitted = run.submit(&orders, times)?;
    run.read(submitted)
}

impl Run<'_> {
    /// What sizes decide: views within their operands, caches with room.
    fn check_places(&self) -> Result<(), ComputeError> {
        for (value, node) in self.graph.values() {
            let refuse = |wrong: Mismatch| Err(wrong.at(&node.name, node.op.name()));
            if let Op::CacheAppend(_) = node.op {
                let Some(state) = self.loaded.memory.state(value) else { continue };
                let (capacity, needed) = (state.capacity as u64, self.dims[value.index()][0] as u64);
                if needed > capacity {
                    let name = self.graph.node(node.inputs[0]).name.clone();
                    return Err(ComputeError::CacheFull { name, capacity, needed });
                }
                continue;
            }
            let Place::View { of, .. } = self.plan.placements()[value.index()].place else { continue };
            let (whole, part) = (&self.dims[of.index()], &self.dims[value.index()]);
            let roots = &self.loaded.memory.roots;
            let start = |value: Value| roots[value.index()].bytes.at(self.sizes);
            let inner = (start(value)? - start(of)?) / ELEMENT_BYTES;
            let elements = |dims: &[usize]| dims.iter().product::<usize>() as u64;
            if inner + elements(part) > elements(whole) {
                let expected = format!("a part of {whole:?}");
                return refuse(Mismatch::new("range", expected, format!("{part:?}, too far back")));
            }
        }
        Ok(())
    }

    /// Work of every dispatch, its parameters written into their places.
    fn orders(&mut self) -> Result<Vec<Order>, ComputeError> {
        let Self { graph, device, loaded, sizes, dims, .. } = self;
        let rate = operations_per_second(device.adapter().kind);
        let mut params = vec![0u8; loaded.slots * PARAMS_BYTES as usize];
        let mut orders = Vec::with_capacity(loaded.steps.len());
        for (number, step) in loaded.steps.iter().enumerate() {
            let node = graph.node(step.value);
            if dims[step.value.index()].contains(&0) {
                continue;
            }
            let inputs: Vec<&[usize]> = node.inputs.iter().map(|input| &dims[input.index()][..]).collect();
            let output = &dims[step.value.index()][..];
            let shapes = Shapes { inputs: &inputs, output, sizes };
            let seconds = flops(node, &shapes) / rate;
            for (i, played) in step.played.iter().enumerate() {
                let work = (played.work)(&shapes).map_err(|wrong| wrong.at(&node.name, node.op.name()))?;
                let Work { params: told, groups } = work;
                if groups == 0 {
                    continue;
                }
                let (first, places) = played.slots;
                let wanted = (seconds / MAX_SECONDS).ceil().max(1.0) as u64;
                if groups > u64::from(u32::MAX) {
                    let what = format!("{}: workgroups", played.shader.kernel.label);
                    return Err(device.limit(what, u32::MAX.into(), groups));
                }
                let piece = piece_groups(groups, wanted.min(places), device.capabilities().max_groups);
                for (number, begin) in (0..groups).step_by(piece as usize).enumerate() {
                    let at = (first + number) * PARAMS_BYTES as usize;
                    params[at..at + told.len()].copy_from_slice(&told);
                    params[at..at + 4].copy_from_slice(&(begin as u32).to_le_bytes());
                }
                orders.push(Order { at: (number, i), groups, piece, seconds });
            }
        }
        if params != loaded.params {
            if let Some(buffer) = &loaded.memory.params {
                let write = || device.queue().write_buffer(buffer, 0, &params);
                device.watched("parameters", params.len() as u64, write)?;
            }
            loaded.params = params;
        }
        Ok(orders)
    }

    fn upload(&self, inputs: &[(&str, HostTensor)]) -> Result<(), ComputeError> {
        for (value, node) in self.graph.values().filter(|(_, node)| matches!(node.op, Op::Input)) {
            let given = given(node, &self.dims[value.index()], inputs)?;
            let bytes: &[u8] = match given.as_f32() {
                Some(numbers) => bytemuck::cast_slice(numbers),
                None => bytemuck::cast_slice(given.u32s()),
            };
            let Some(piece) = self.loaded.memory.piece(value, self.sizes)? else {
                return Err(self.misplaced(node));
            };
            if !bytes.is_empty() {
                let write = || self.device.queue().write_buffer(piece.buffer, piece.offset, bytes);
                self.device.watched("an input", bytes.len() as u64, write)?;
            }
        }
        Ok(())
    }

    /// Encode and submit everything; then the outputs' way back. With `times`, node by node.
    fn submit(
        &mut self,
        orders: &[Order],
        mut times: Option<&mut Vec<Duration>>,
    ) -> Result<wgpu::SubmissionIndex, ComputeError> {
        let Self { device, loaded, sizes, .. } = self;
        let Loaded { steps, memory, pipelines, .. } = &mut **loaded;
        for order in orders {
            steps[order.at.0].played[order.at.1].bind(device, memory, pipelines, sizes)?;
        }
        let mut from = 0;
        let mut first = true;
        while from < orders.len() {
            let end = match times {
                Some(_) => next_node(orders, from),
                None => within(orders, from),
            };
            let begin = Instant::now();
            let submission = self.device.watched("commands", 0, || self.encode(&orders[from..end], first))?;
            if let Some(times) = &mut times {
                self.device.wait(Some(submission))?;
                let value = self.loaded.steps[orders[from].at.0].value;
                times[value.index()] = begin.elapsed();
            }
            (from, first) = (end, false);
        }
        self.device.watched("readback", 0, || self.encode_readback())?
    }

    fn encode(&self, orders: &[Order], first: bool) -> wgpu::SubmissionIndex {
        let label = Some("run");
        let mut encoder =
            self.device.wgpu().create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        if let (true, Some(status)) = (first, &self.loaded.memory.status) {
            encoder.clear_buffer(status, 0, None);
        }
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes: None });
        for order in orders {
            self.dispatch(&mut pass, order);
        }
        drop(pass);
        self.device.queue().submit([encoder.finish()])
    }

    fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, order: &Order) {
        let played = &self.loaded.steps[order.at.0].played[order.at.1];
        let (Some(pipeline), Some((_, group))) = (self.loaded.pipelines.get(&played.shader), &played.group)
        else {
            return; // `bind` has made both, or failed
        };
        pass.set_pipeline(&pipeline.pipeline);
        for (number, begin) in (0..order.groups).step_by(order.piece as usize).enumerate() {
            let groups = order.piece.min(order.groups - begin);
            let [x, y, z] = folded(groups, self.device.capabilities().max_groups);
            // At most MAX_DISPATCHES places of 256 bytes.
            let offset = (played.slots.0 + number) as u32 * PARAMS_BYTES as u32;
            pass.set_bind_group(0, group, &[offset]);
            pass.dispatch_workgroups(x, y, z);
        }
    }

    fn encode_readback(&self) -> Result<wgpu::SubmissionIndex, ComputeError> {
        let label = Some("readback");
        let mut encoder =
            self.device.wgpu().create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        let memory = &self.loaded.memory;
        let Some(staging) = &memory.staging else { return Err(self.unread("staging")) };
        for (at, value) in self.output_places() {
            let piece =
                memory.piece(value, self.sizes)?.ok_or_else(|| self.misplaced(self.graph.node(value)))?;
            let bytes = self.output_bytes(value);
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(piece.buffer, piece.offset, staging, at, bytes);
            }
        }
        if let Some(status) = &memory.status {
            let bytes = self.loaded.faults as u64 * STATUS_BYTES;
            encoder.copy_buffer_to_buffer(status, 0, staging, self.loaded.output_bytes, bytes);
        }
        Ok(self.device.queue().submit([encoder.finish()]))
    }

    /// Where each output begins in the staging memory.
    fn output_places(&self) -> impl Iterator<Item = (u64, Value)> {
        self.graph.outputs().iter().scan(0, |at, output| {
            let begin = *at;
            *at += aligned(self.output_bytes(output.value).max(1));
            Some((begin, output.value))
        })
    }

    /// Bytes of an output in this run, as they lie on the device.
    fn output_bytes(&self, value: Value) -> u64 {
        let elements = self.dims[value.index()].iter().product::<usize>() as u64;
        match self.loaded.memory.state(value) {
            Some(state) if state.cache.format != KvFormat::F32 => cache_words(state.cache) * ELEMENT_BYTES,
            _ => elements * ELEMENT_BYTES,
        }
    }

    /// Wait, then take the outputs out of the staging memory.
    fn read(&self, submission: wgpu::SubmissionIndex) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let Some(staging) = &self.loaded.memory.staging else { return Err(self.unread("staging")) };
        let (tell, told) = mpsc::channel();
        let slice = staging.slice(..);
        self.device.watched("readback", 0, || {
            slice.map_async(wgpu::MapMode::Read, move |result| {
                // Nobody listens any more after an error, which was told already.
                let _ = tell.send(result);
            });
        })?;
        self.device.wait(Some(submission))?;
        // Another thread that waits on the same device may be about to tell us.
        match told.recv_timeout(MAX_TELLING) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.unread(&error.to_string())),
            Err(_) => return Err(self.unread("no answer")),
        }
        let mapped = slice.get_mapped_range().map_err(|error| self.unread(&error.to_string()))?;
        let outputs = self.faults(&mapped).and_then(|()| self.outputs(&mapped));
        drop(mapped);
        staging.unmap();
        outputs
    }

    /// Errors: what a kernel met.
    fn faults(&self, mapped: &[u8]) -> Result<(), ComputeError> {
        for step in &self.loaded.steps {
            for (fault, slot) in step.played.iter().filter_map(|played| played.fault.as_ref()) {
                let at = self.loaded.output_bytes as usize + slot * STATUS_BYTES as usize;
                let number = word(mapped, at);
                if number != 0 && !self.dims[step.value.index()].contains(&0) {
                    return Err(self.fault(step, number, fault));
                }
            }
        }
        Ok(())
    }

    fn fault(&self, step: &Step, number: u32, fault: &super::dispatch::FaultFn) -> ComputeError {
        let node = self.graph.node(step.value);
        let inputs: Vec<&[usize]> = node.inputs.iter().map(|input| &self.dims[input.index()][..]).collect();
        let output = &self.dims[step.value.index()][..];
        fault(number, &Shapes { inputs: &inputs, output, sizes: self.sizes }).at(&node.name, node.op.name())
    }

    fn outputs(&self, mapped: &[u8]) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        let mut outputs = BTreeMap::new();
        for (output, (at, value)) in self.graph.outputs().iter().zip(self.output_places()) {
            let (dims, node) = (&self.dims[value.index()], self.graph.node(value));
            let elements = dims.iter().product();
            let words = |n: usize| (0..n).map(|i| word(mapped, at as usize + 4 * i));
            let cache = self.loaded.memory.state(value).map(|state| state.cache);
            let tensor = match (node.value.element, cache) {
                (Element::U32, _) => HostTensor::u32(dims, words(elements).collect())?,
                (Element::F32, Some(cache)) if cache.format != KvFormat::F32 => {
                    let words: Vec<u32> = words(cache_words(cache) as usize).collect();
                    HostTensor::f32(dims, (0..elements).map(|i| element(cache, &words, i)).collect())?
                }
                (Element::F32, _) => HostTensor::f32(dims, words(elements).map(f32::from_bits).collect())?,
            };
            outputs.insert(output.name.clone(), tensor);
        }
        Ok(outputs)
    }

    fn unread(&self, reason: &str) -> ComputeError {
        self.device.refused("readback", reason.to_owned())
    }

    /// The plan puts a value where it cannot be used.
    fn misplaced(&self, node: &Node) -> ComputeError {
        let (graph, value) = (self.plan.graph().to_owned(), node.name.clone());
        ComputeError::Plan { graph, value, reason: "an operand or the result lies where it cannot be used" }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_le_bytes(four.unwrap_or_default())
}

/// Element i of a cache, as `Cache` lays them out.
fn element(cache: Cache, words: &[u32], i: usize) -> f32 {
    let half = |at: usize| f16::from_bits((words[at / 2] >> (at % 2 * 16)) as u16).to_f32();
    match cache.format {
        KvFormat::F32 => f32::from_bits(words[i]),
        KvFormat::F16 => half(i),
        KvFormat::Q8_0 => {
            let code = (words[i / 4] >> (i % 4 * 8)) as u8 as i8;
            f32::from(code) * half(cache.elements as usize / 2 + i / 32)
        }
    }
}

/// Workgroups of each of at most `pieces` pieces. Those of all but the last fold exactly, so that no workgroup of
/// one piece is another one's: kernels that work in place must not run twice.
fn piece_groups(groups: u64, pieces: u64, most: u32) -> u64 {
    let size = groups.div_ceil(pieces.max(1));
    if size > u64::from(most) { size.next_multiple_of(u64::from(most)) } else { size }
}

/// Workgroups in three dimensions, at least `groups` of them, none over `most` in one.
pub(super) fn folded(groups: u64, most: u32) -> [u32; 3] {
    let most = u64::from(most);
    let z = groups.div_ceil(most * most);
    let y = groups.div_ceil(z).div_ceil(most);
    let x = groups.div_ceil(z).div_ceil(y);
    // At most `most` each, as long as groups fit u32 and `most` is WebGPU's 65,535 or more.
    [x, y, z].map(|n| n as u32)
}

/// End of the orders from `from` on that belong to one node.
fn next_node(orders: &[Order], from: usize) -> usize {
    let node = orders[from].at.0;
    from + orders[from..].iter().take_while(|order| order.at.0 == node).count()
}

/// End of the orders from `from` on that one command buffer takes.
fn within(orders: &[Order], from: usize) -> usize {
    let mut seconds = 0.0;
    let fits = |order: &&Order| {
        seconds += order.seconds;
        seconds <= MAX_SECONDS
    };
    let more = orders[from..].iter().take_while(fits).count();
    from + more.max(1)
}

fn flops(node: &Node, shapes: &Shapes<'_>) -> f64 {
    let wide = |dims: &[usize]| dims.iter().map(|&d| d as u64).collect::<Vec<u64>>();
    let inputs: Vec<Vec<u64>> = shapes.inputs.iter().map(|dims| wide(dims)).collect();
    node.op.operation().map_or(0.0, |operation| operation.flops(&inputs, &wide(shapes.output)) as f64)
}

/// A low guess of what kernels reach, for the estimate of how long they take.
fn operations_per_second(kind: AdapterKind) -> f64 {
    match kind {
        AdapterKind::Cpu => 1e9,
        AdapterKind::Integrated | AdapterKind::Virtual | AdapterKind::Other => 1e10,
        AdapterKind::Discrete => 1e11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_are_folded_with_little_to_spare() {
        for groups in [1u64, 2, 65_535, 65_536, 65_537, 1 << 20, 12_345_678, u32::MAX.into()] {
            let [x, y, z] = folded(groups, 65_535).map(u64::from);
            assert!(x <= 65_535 && y <= 65_535 && z <= 65_535, "{groups}: {x} {y} {z}");
            assert!(x * y * z >= groups && (x * y * z - groups) <= x * y.max(z), "{groups}: {x} {y} {z}");
        }
        assert_eq!(folded(7, 4), [4, 2, 1]);
    }

    #[test]
    fn pieces_fold_exactly() {
        for groups in [1u64, 7, 100, 65_535, 70_000, 1 << 20, 12_345_678] {
            for pieces in [1u64, 2, 3, 64] {
                let size = piece_groups(groups, pieces, 65_535);
                assert!(groups.div_ceil(size) <= pieces, "{groups} in {pieces}");
                if groups > size {
                    let [x, y, z] = folded(size, 65_535).map(u64::from);
                    assert_eq!(x * y * z, size, "{groups} in {pieces}");
                }
            }
        }
    }

    #[test]
    fn command_buffers_end_where_they_get_long() {
        let order = |seconds| Order { at: (0, 0), groups: 1, piece: 1, seconds };
        let orders: Vec<Order> = [0.05, 0.1, 0.1, 0.9, 0.01].into_iter().map(order).collect();
        assert_eq!(within(&orders, 0), 2);
        assert_eq!(within(&orders, 2), 3);
        assert_eq!(within(&orders, 3), 4);
        assert_eq!(within(&orders, 4), 5);
    }
}
