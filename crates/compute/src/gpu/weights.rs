//! Weights in GPU memory: in their block formats where all readers take them, else as f32, side by side in a few
//! large buffers, each cut into parts that fit a binding.

use bedside_tensor::DType;

use super::dequant;
use super::device::Device;
use super::dispatch::{Part, Weight};
use crate::ComputeError;
use crate::graph::{Graph, Sizes, Value};
use crate::host::kept;
use crate::host::weight::{Kept, takes_any_format};
use crate::ops::Op;
use crate::plan::{ALIGNMENT, Plan};
use crate::source::WeightSource;

/// Buffers are filled up to this size before another is begun: what is mapped at once while weights are uploaded.
const CHUNK_BYTES: u64 = 128 << 20;

/// Elements of a part, so that a shader's u32 can count them.
const MAX_PART_ELEMENTS: u64 = 1 << 31;

/// Where a part lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    chunk: usize,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// A weight or constant.
pub(super) struct Uploaded {
    pub(super) weight: Weight,
    places: Vec<Place>,
}

/// All of them, by number of the value.
pub(super) struct Weights {
    chunks: Vec<wgpu::Buffer>,
    of: Vec<Option<Uploaded>>,
}

impl Weights {
    /// Lay out and upload. Errors: those of [`Graph::check_weights`]; a format without a kernel; memory.
    pub(super) fn new(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        device: &Device,
    ) -> Result<Self, ComputeError> {
        let mut layout = Layout { device, sizes: Vec::new() };
        let mut of = Vec::with_capacity(graph.nodes().len());
        for (value, node) in graph.values() {
            of.push(match node.op {
                Op::Weight | Op::Constant(_) => Some(layout.place(graph, plan, value, source)?),
                _ => None,
            });
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let mut chunks = Vec::with_capacity(layout.sizes.len());
        for (number, &size) in layout.sizes.iter().enumerate() {
            let buffer = device.buffer("weights", size, usage, true)?;
            fill(graph, source, device, &of, (number, &buffer))?;
            chunks.push(buffer);
        }
        Ok(Self { chunks, of })
    }

    /// A weight or constant; `None` for any other value.
    pub(super) fn get(&self, value: Value) -> Option<&Uploaded> {
        self.of[value.index()].as_ref()
    }

    /// Buffer and place of a part.
    pub(super) fn part(&self, value: Value, part: usize) -> Option<(&wgpu::Buffer, Place)> {
        let place = *self.get(value)?.places.get(part)?;
        Some((self.chunks.get(place.chunk)?, place))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.chunks.iter().map(wgpu::Buffer::size).sum()
    }
}

/// Places in the buffers to be.
struct Layout<'a> {
    device: &'a Device,
    sizes: Vec<u64>,
}

impl Layout<'_> {
    fn place(
        &mut self,
        graph: &Graph,
        plan: &Plan,
        value: Value,
        source: &dyn WeightSource,
    ) -> Result<Uploaded, ComputeError> {
        let node = graph.node(value);
        let dims = node.value.at(&Sizes::new())?;
        let columns = dims.last().copied().unwrap_or(1);
        let rows = dims.iter().product::<u64>() / columns; // dimensions of a weight are positive
        let dtype = match kept(graph, plan, value, source)? {
            Kept::AsStored => source.weight(&node.name)?.dtype(),
            _ => DType::F32,
        };
        let words = |rows| dequant::words(dtype, rows, columns);
        let whole = words(rows).ok_or_else(|| {
            self.device
                .refused("a weight", format!("{} is {}, which no kernel reads", node.name, dtype.name()))
        })?;
        let limit = self.device.capabilities().max_binding_bytes / 4;
        let fits = |rows: u64, words: u64| words <= limit && rows * columns <= MAX_PART_ELEMENTS;
        let mut weight = Weight { dtype, rows, columns, parts: Vec::new() };
        let (mut places, mut first_row) = (Vec::new(), 0);
        let mut step = rows;
        if !fits(rows, whole) {
            if !takes_any_format(graph, value) {
                let what = format!("bytes of {}", node.name);
                return Err(self.device.limit(what, limit * 4, whole.saturating_mul(4)));
            }
            // Halved until it fits: a few parts of equal size.
            while step > 1 && !fits(step, words(step).unwrap_or(u64::MAX)) {
                step = step.div_ceil(2);
            }
        }
        while first_row < rows {
            let rows = step.min(rows - first_row);
            let words = words(rows).unwrap_or(u64::MAX);
            if !fits(rows, words) {
                let what = format!("bytes of one row of {}", node.name);
                return Err(self.device.limit(what, limit * 4, words.saturating_mul(4)));
            }
            weight.parts.push(Part { first_row, rows });
            places.push(self.next(words * 4));
            first_row += rows;
        }
        Ok(Uploaded { weight, places })
    }

    fn next(&mut self, bytes: u64) -> Place {
        let padded = bytes.next_multiple_of(ALIGNMENT);
        let room = CHUNK_BYTES.min(self.device.capabilities().max_buffer_bytes);
        match self.sizes.last_mut() {
            Some(size) if *size + padded <= room => {
                let offset = *size;
                *size += padded;
                Place { chunk: self.sizes.len() - 1, offset, bytes }
            }
            _ => {
                self.sizes.push(padded);
                Place { chunk: self.sizes.len() - 1, offset: 0, bytes }
            }
        }
    }
}

/// Write every part that lies in this chunk.
fn fill(
    graph: &Graph,
    source: &dyn WeightSource,
    device: &Device,
    of: &[Option<Uploaded>],
    (number, buffer): (usize, &wgpu::Buffer),
) -> Result<(), ComputeError> {
    let mapped = buffer.slice(..).get_mapped_range_mut();
    let mut mapped = mapped.map_err(|error| device.refused("mapped weights", error.to_string()))?;
    for (value, node) in graph.values() {
        let Some(Uploaded { weight, places }) = &of[value.index()] else { continue };
        if !places.iter().any(|place| place.chunk == number) {
            continue;
        }
        let numbers = match weight.dtype == DType::F32 {
            true => node.leaf_f32(source)?.and_then(crate::HostTensor::into_f32),
            false => None,
        };
        let stored = match numbers {
            Some(_) => None,
            None => Some(node.checked(source)?),
        };
        for (part, place) in weight.parts.iter().zip(places).filter(|(_, place)| place.chunk == number) {
            let mut words = vec![0u32; (place.bytes / 4) as usize];
            let (first, rows) = (part.first_row as usize, part.rows as usize);
            if let Some(numbers) = &numbers {
                let columns = weight.columns as usize;
                words.copy_from_slice(bytemuck::cast_slice(&numbers[first * columns..][..rows * columns]));
            } else if let Some(view) = &stored {
                let row_bytes = view.bytes().len() / weight.rows as usize;
                let bytes = &view.bytes()[first * row_bytes..][..rows * row_bytes];
                dequant::pack(weight.dtype, bytes, part.rows, weight.columns, &mut words);
            }
            let range = place.offset as usize..(place.offset + place.bytes) as usize;
            mapped.slice(range).copy_from_slice(bytemuck::cast_slice(&words));
        }
    }
    drop(mapped);
    buffer.unmap();
    Ok(())
}
