//! Attention on the GPU: a running softmax over tiles of keys, so that no buffer of tokens × tokens exists.
//!
//! - `lane`: a lane for each head of each query, keys read by all lanes from one place: what software devices like;
//! - `tile`: a workgroup for 32 rows and 32 keys at a time, in workgroup memory: real GPUs;
//! - `split`: for few queries (decoding): a workgroup for each head of a query and [`SPLIT`] of its keys; a second dispatch
//!   puts the splits together where there can be more than one.

#[cfg(test)]
mod tests;

use super::{Attention, Pattern};
use crate::error::Mismatch;
use crate::gpu::source::MATH;
use crate::gpu::strided::count;
use crate::gpu::unroll::unroll;
use crate::gpu::{Binding, Call, Candidate, Dispatch, Kernel, Resource, Shapes, Source, Work, params};
use crate::graph::Element;
use crate::kv::KvFormat;

/// Most rows (queries × heads that share a kv head) for which a workgroup per head and query is the first choice.
const FEW_ROWS: usize = 16;

/// Keys of a split.
const SPLIT: usize = 512;

/// Rows of a workgroup of `lane`.
const LANES: u32 = 32;

/// Rows of a tile.
const TILE_ROWS: u32 = 32;

/// Lanes of `split`, and features × 4 that they mix at a time.
const SPLIT_LANES: u32 = 64;

/// Lanes of `merge`.
const MERGE_LANES: u64 = 64;

params! {
    /// Twin of the shader's struct.
    struct AttentionParams {
        batch: u32,
        queries: u32,
        heads: u32,
        keys: u32,
        kv_heads: u32,
        shared_queries: u32,
        splits: u32,
        scale: f32,
        softcap: f32,
        window: u32,
        segments_batch: u32,
        mask_batch: u32,
        mask_query: u32,
        mask_key: u32,
    }
}

params! {
    /// Twin of the shader's struct.
    struct MergeParams {
        rows: u32,
        splits: u32,
    }
}

const LANE: Candidate = Candidate::plain("lane", [LANES, 1, 1], 0);
const TILE: Candidate = Candidate::plain("tile", [128, 1, 1], 2 * 256 * 16 + 1024 * 4 + 3 * 32 * 4);
const SPLIT_KEYS: Candidate = Candidate::plain("split", [SPLIT_LANES, 1, 1], 2 * SPLIT_LANES * 4);

/// Most features of a head that `lane` holds in registers.
const MAX_LANE_HEAD: usize = 128;

/// Those that suit a device best first, the smallest last.
fn candidates(few: bool, software: bool, head_dim: usize) -> Vec<Candidate> {
    let order = match (few, software) {
        (_, true) => [LANE, SPLIT_KEYS, TILE],
        (true, false) => [SPLIT_KEYS, LANE, TILE],
        (false, false) => [TILE, LANE, SPLIT_KEYS],
    };
    order.into_iter().filter(|candidate| *candidate != LANE || head_dim <= MAX_LANE_HEAD).collect()
}

/// What is fixed at load.
#[derive(Debug, Clone, Copy)]
struct Layout {
    variant: Candidate,
    head_dim: usize,
    scale: f32,
    softcap: f32,
    window: u32,
    /// Operand of the segments.
    segments: Option<usize>,
    /// Operand of the mask.
    mask: Option<usize>,
    /// The splits are put together by a second dispatch.
    merged: bool,
}

impl Layout {
    fn constants(&self) -> [(&'static str, u32); 6] {
        let quads = self.head_dim.div_ceil(4) as u32;
        let lanes = if self.variant == LANE { LANES } else { SPLIT_LANES };
        [
            ("HEAD_DIM", self.head_dim as u32),
            ("HEAD_QUADS", quads),
            ("HEAD_CHUNKS", quads.div_ceil(8)),
            ("LANES", lanes),
            ("SPLIT", SPLIT as u32),
            ("MIX_TURNS", quads.div_ceil(SPLIT_LANES)),
        ]
    }
}

pub(super) fn run(op: &Attention, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let (n, keys) = (call.dims.len(), call.inputs[1].dims);
    let [queries, heads, head_dim] = [call.dims[n - 3], call.dims[n - 2], call.dims[n - 1]];
    let (keys, kv_heads) = (keys[n - 3], keys[n - 2]);
    let few = queries.saturating_mul(heads / kv_heads.max(1)) <= FEW_ROWS;
    // Kernels are tuned by the size of a head, and apart for few queries.
    let family = format!("attention/{}{head_dim}", if few { "few" } else { "many" });
    let candidates = candidates(few, call.capabilities.software, head_dim);
    let chosen = call.variants.choose(&family, call.capabilities, &candidates);
    let variant =
        candidates[chosen.ok_or_else(|| Mismatch::new("kernel", "one that this adapter runs", "none"))?];
    let layout = Layout {
        variant,
        head_dim,
        scale: op.scale,
        softcap: op.softcap.unwrap_or(1.0),
        window: window(op.pattern).unwrap_or(u32::MAX),
        segments: op.pattern.has_segments().then_some(3),
        mask: op.masked.then_some(call.inputs.len() - 1),
        merged: variant == SPLIT_KEYS && keys > SPLIT,
    };
    let rows = call.dims[..n - 1].iter().product::<usize>();
    let bytes = (rows * keys.div_ceil(SPLIT) * (head_dim.div_ceil(4) + 1) * 16) as u64;
    let partial = Binding::new(7, "partial", Resource::Scratch { piece: 0, bytes });
    let bindings = bindings(&layout, partial);
    let work = move |shapes: &Shapes<'_>| work(&layout, shapes);
    let first =
        Dispatch::new(kernel(op, call, &layout, &family), bindings, work).twin(AttentionParams::MEMBERS);
    let mut dispatches = vec![first];
    if layout.merged {
        dispatches.push(merge(&layout, partial));
    }
    Ok(dispatches)
}

fn window(pattern: Pattern) -> Option<u32> {
    match pattern {
        Pattern::Causal { window } | Pattern::PrefixLm { window } => window,
        Pattern::Bidirectional | Pattern::Block => None,
    }
}

/// Constants and texts of how heads are read and written.
fn source(layout: &Layout) -> Source {
    let source = Source::new().flag("QUADS", layout.head_dim.is_multiple_of(4)).flag("MERGED", layout.merged);
    layout
        .constants()
        .iter()
        .fold(source, |source, (name, value)| source.constant(name, format!("{value}u")))
        .include(MATH)
}

fn kernel(op: &Attention, call: &Call<'_>, layout: &Layout, family: &str) -> Kernel {
    let cache = call.inputs[1].cache;
    let format = cache.map(|cache| cache.format);
    let quads = layout.head_dim.is_multiple_of(4);
    let elements = match format {
        None | Some(KvFormat::F16) => !quads,
        Some(KvFormat::F32) => true,
        Some(KvFormat::Q8_0) => false,
    };
    let added = layout.mask.is_some_and(|mask| call.inputs[mask].element == Element::F32);
    let text = match layout.variant.name {
        "lane" => include_str!("lane.wgsl"),
        "tile" => include_str!("tile.wgsl"),
        _ => include_str!("split.wgsl"),
    };
    let source = source(layout)
        .flag("VALUES", format.is_none())
        .flag("KV_F32", format == Some(KvFormat::F32))
        .flag("KV_F16", format == Some(KvFormat::F16))
        .flag("KV_Q8_0", format == Some(KvFormat::Q8_0))
        .flag("ELEMENTS", elements)
        .flag("CAUSAL", matches!(op.pattern, Pattern::Causal { .. }))
        .flag("BACKWARD", matches!(op.pattern, Pattern::Causal { .. } | Pattern::PrefixLm { .. }))
        .flag("WINDOW", window(op.pattern).is_some())
        .flag("BLOCK", op.pattern == Pattern::Block)
        .flag("SEGMENTS", layout.segments.is_some())
        .flag("SOFTCAP", op.softcap.is_some())
        .flag("MASKED", layout.mask.is_some())
        .flag("ADDED", added)
        .constant("KV_ELEMENTS", format!("{}u", cache.map_or(0, |cache| cache.elements)))
        .include(include_str!("params.wgsl"))
        .include_for(include_str!("quads.wgsl"), "CACHE", "k")
        .include_for(include_str!("quads.wgsl"), "CACHE", "v")
        .include(include_str!("result.wgsl"))
        .include(&unroll(text, &layout.constants()));
    Kernel {
        label: format!("{family}/{}", layout.variant.name),
        wgsl: source.finish().into(),
        entry: "main",
        workgroup: layout.variant.workgroup,
        workgroup_bytes: layout.variant.workgroup_bytes,
    }
}

fn bindings(layout: &Layout, partial: Binding) -> Vec<Binding> {
    let mut bindings = vec![
        Binding::new(1, "q", Resource::Input(0)),
        Binding::new(2, "k", Resource::Input(1)),
        Binding::new(3, "v", Resource::Input(2)),
    ];
    bindings.extend(layout.segments.map(|i| Binding::new(4, "segments", Resource::Input(i))));
    bindings.extend(layout.mask.map(|i| Binding::new(5, "mask", Resource::Input(i))));
    // A split writes its part, `merge` the result.
    bindings.push(if layout.merged { partial } else { Binding::new(6, "y", Resource::Output) });
    bindings
}

/// Elements of a repeating operand from one position to the next, for (batch, query, key): 0 where it repeats.
fn steps<const N: usize>(dims: &[usize]) -> [usize; N] {
    let mut steps = [0; N];
    let mut step = 1;
    for (to, &dim) in steps.iter_mut().rev().zip(dims.iter().rev()) {
        *to = if dim == 1 { 0 } else { step };
        step *= dim;
    }
    steps
}

/// Sizes of one run.
struct Extent {
    batch: usize,
    queries: usize,
    heads: usize,
    keys: usize,
    kv_heads: usize,
}

impl Extent {
    fn of(shapes: &Shapes<'_>) -> Self {
        let (y, k) = (shapes.output, shapes.inputs[1]);
        let n = y.len();
        let batch = if n == 4 { y[0] } else { 1 };
        Self { batch, queries: y[n - 3], heads: y[n - 2], keys: k[n - 3], kv_heads: k[n - 2] }
    }

    /// Splits of the keys.
    fn splits(&self) -> usize {
        self.keys.div_ceil(SPLIT)
    }
}

fn work(layout: &Layout, shapes: &Shapes<'_>) -> Result<Work, Mismatch> {
    let extent = Extent::of(shapes);
    let Extent { batch, queries, heads, keys, kv_heads } = extent;
    if layout.segments.is_some() && queries > keys {
        return Err(Mismatch::new("queries with segments", format!("at most {keys} keys"), queries));
    }
    // The kernels count elements.
    count(shapes.inputs.iter().map(|dims| dims.iter().product::<usize>()).max().unwrap_or(0))?;
    count(shapes.output.iter().product())?;
    let [segments_batch, _] = layout.segments.map_or([0; 2], |i| steps(shapes.inputs[i]));
    let [mask_batch, mask_query, mask_key] = layout.mask.map_or([0; 3], |i| steps(shapes.inputs[i]));
    let params = AttentionParams {
        first_group: 0,
        batch: count(batch)?,
        queries: count(queries)?,
        heads: count(heads)?,
        keys: count(keys)?,
        kv_heads: count(kv_heads)?,
        shared_queries: u32::from(shapes.inputs[0].len() == 4 && shapes.inputs[0][0] == 1),
        splits: count(extent.splits().max(1))?,
        scale: layout.scale,
        softcap: layout.softcap,
        window: layout.window,
        segments_batch: count(segments_batch)?,
        mask_batch: count(mask_batch)?,
        mask_query: count(mask_query)?,
        mask_key: count(mask_key)?,
    };
    let rows = queries as u64 * (heads / kv_heads) as u64;
    let shared = (batch * kv_heads) as u64;
    let groups = match layout.variant.name {
        "lane" => shared * rows.div_ceil(LANES.into()),
        "tile" => shared * rows.div_ceil(TILE_ROWS.into()),
        _ => shared * rows * extent.splits().max(1) as u64,
    };
    Ok(Work::new(&params, groups))
}

/// The splits put together.
fn merge(layout: &Layout, partial: Binding) -> Dispatch {
    let source = source(layout).include(include_str!("result.wgsl")).include(include_str!("merge.wgsl"));
    let kernel = Kernel {
        label: format!("attention/merge{}/quad", layout.head_dim),
        wgsl: source.finish().into(),
        entry: "main",
        workgroup: [MERGE_LANES as u32, 1, 1],
        workgroup_bytes: 0,
    };
    let quads = layout.head_dim.div_ceil(4) as u64;
    let bindings = vec![partial, Binding::new(6, "y", Resource::Output)];
    let work = move |shapes: &Shapes<'_>| {
        let extent = Extent::of(shapes);
        let rows = extent.batch * extent.queries * extent.heads;
        let params =
            MergeParams { first_group: 0, rows: count(rows)?, splits: count(extent.splits().max(1))? };
        Ok(Work::new(&params, (rows as u64 * quads).div_ceil(MERGE_LANES)))
    };
    Dispatch::new(kernel, bindings, work).twin(MergeParams::MEMBERS)
}
