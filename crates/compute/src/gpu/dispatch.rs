//! The contract between operations and the GPU executor: an operation sees its operands as they will lie in GPU
//! memory ([`Call`]), and answers with dispatches ([`Dispatch`]): a kernel, what it is bound to, and a function
//! that says for the sizes of one run how many workgroups it takes and with which parameters ([`Work`]).
//!
//! Everything of a dispatch but its work is fixed at load, so that pipelines and bind groups are made once.

use std::borrow::Cow;

use super::capabilities::Capabilities;
use super::tune::Variants;
use crate::error::Mismatch;
use crate::graph::{Element, Sizes};
use crate::kv::KvFormat;
use crate::ops::Numerics;
use bedside_tensor::DType;

/// A compute shader. Two kernels with the same text and entry point share a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kernel {
    /// Operation and variant, such as `linear/tile64/q8_0`: what errors and the doctor print.
    pub(crate) label: String,
    /// WGSL as [`Source`](super::source::Source) assembled it. `@binding(0)` is the uniform `params`, whose first
    /// member is `first_group: u32`; storage bindings count from 1.
    pub(crate) wgsl: Cow<'static, str>,
    /// Entry point.
    pub(crate) entry: &'static str,
    /// As in `@workgroup_size`; checked against the adapter, and against the text by a test.
    pub(crate) workgroup: [u32; 3],
    /// Bytes of all `var<workgroup>`; we check them, since wgpu does not.
    pub(crate) workgroup_bytes: u32,
}

/// What a binding shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// An operand: a value in the arena, a KV cache, or a weight that has one part.
    Input(usize),
    /// One part of an operand that is a weight; see [`Weight::parts`].
    Part {
        /// The operand.
        input: usize,
        /// Which part.
        part: usize,
    },
    /// The result.
    Output,
    /// Memory of this operation's own, between its dispatches. Pieces of one operation lie apart.
    Scratch {
        /// Number of the piece, the same for every dispatch that shares it.
        piece: usize,
        /// Bytes at the bounds.
        bytes: u64,
    },
    /// One `array<atomic<u32>, 1>`, zero before the run: a kernel that meets what it must refuse stores a number
    /// other than 0 there with `atomicMax`, and [`Dispatch::fault`] says what it means.
    Status,
    /// [`Dispatch::table`], an `array<u32>`.
    Table,
}

/// `@group(0) @binding(binding)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Number, from 1.
    pub(crate) binding: u32,
    /// The variable's name in the shader.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) resource: Resource,
}

impl Binding {
    /// `@group(0) @binding(binding) var<storage, …> name`.
    pub(crate) const fn new(binding: u32, name: &'static str, resource: Resource) -> Self {
        Self { binding, name, resource }
    }
}

/// Dimensions of one run.
pub(crate) struct Shapes<'a> {
    /// Of the operands.
    pub(crate) inputs: &'a [&'a [usize]],
    /// Of the result; it has at least one element.
    pub(crate) output: &'a [usize],
    /// Values of the symbols.
    pub(crate) sizes: &'a Sizes,
}

/// What one dispatch does in one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Work {
    /// The uniform struct's bytes. The first member, `first_group`, is 0 here: the executor fills it in.
    pub(crate) params: Vec<u8>,
    /// Workgroups in all; 0 leaves the dispatch out. The executor folds them over three dimensions and may cut
    /// them into several dispatches, so a kernel takes its number from `group_index` only.
    pub(crate) groups: u64,
}

impl Work {
    /// `params`: `#[repr(C)]` twin of the shader's struct.
    pub(crate) fn new<P: bytemuck::Pod>(params: &P, groups: u64) -> Self {
        Self { params: bytemuck::bytes_of(params).to_vec(), groups }
    }
}

/// Work of a dispatch at the sizes of a run. Errors: sizes that the kernel cannot count.
pub(crate) type WorkFn = Box<dyn Fn(&Shapes<'_>) -> Result<Work, Mismatch> + Send + Sync>;

/// What a number in the status means.
pub(crate) type FaultFn = Box<dyn Fn(u32, &Shapes<'_>) -> Mismatch + Send + Sync>;

/// One kernel, bound.
pub(crate) struct Dispatch {
    /// The shader.
    pub(crate) kernel: Kernel,
    /// Every storage binding of the shader.
    pub(crate) bindings: Vec<Binding>,
    /// Parameters and workgroups.
    pub(crate) work: WorkFn,
    /// Meaning of the status, for kernels that bind it.
    pub(crate) fault: Option<FaultFn>,
    /// Numbers of the architecture that the parameters have no room for, uploaded at load.
    pub(crate) table: Vec<u32>,
    /// Members of the parameters with their offsets, which a test compares with the shader's.
    pub(crate) members: &'static [(&'static str, usize)],
}

impl Dispatch {
    /// A dispatch that refuses nothing.
    pub(crate) fn new(
        kernel: Kernel,
        bindings: Vec<Binding>,
        work: impl Fn(&Shapes<'_>) -> Result<Work, Mismatch> + Send + Sync + 'static,
    ) -> Self {
        Self { kernel, bindings, work: Box::new(work), fault: None, table: Vec::new(), members: &[] }
    }

    /// The same with the names and offsets of its parameters: `Params::MEMBERS` of [`params!`].
    #[must_use]
    pub(crate) fn twin(mut self, members: &'static [(&'static str, usize)]) -> Self {
        self.members = members;
        self
    }

    /// The same with a table.
    #[must_use]
    pub(crate) fn with_table(mut self, table: Vec<u32>) -> Self {
        self.table = table;
        self
    }

    /// The same with a meaning for the status.
    #[must_use]
    pub(crate) fn refusing(
        mut self,
        fault: impl Fn(u32, &Shapes<'_>) -> Mismatch + Send + Sync + 'static,
    ) -> Self {
        self.fault = Some(Box::new(fault));
        self
    }
}

/// Consecutive rows of a weight that fit one binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// First row.
    pub(crate) first_row: u64,
    /// Rows.
    pub(crate) rows: u64,
}

/// A weight or constant in GPU memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Format it is kept in; `super::dequant` says how its blocks lie in words.
    pub(crate) dtype: DType,
    /// Product of all dimensions but the last.
    pub(crate) rows: u64,
    /// Elements of a row.
    pub(crate) columns: u64,
    /// At least one; more than one where the whole does not fit one binding. Only operations that take any
    /// format see several parts.
    pub(crate) parts: Vec<Part>,
}

/// An operand as it will lie in GPU memory.
#[derive(Debug, Clone)]
pub(crate) struct Operand<'a> {
    /// Dimensions at the plan's bounds.
    pub(crate) dims: &'a [usize],
    /// f32 or u32.
    pub(crate) element: Element,
    /// The operand is a weight or constant.
    pub(crate) weight: Option<&'a Weight>,
    /// The operand is the filled part of a KV cache in this format, from its first row on; bound as a whole.
    pub(crate) cache: Option<Cache>,
}

/// Where a KV cache's elements lie. Words of the buffer: f32, one each; f16, two each, the first in the low half;
/// q8_0, the codes of all blocks first (8 words of 4 int8 each, the first in the low byte), then one f16 scale for
/// each block, two to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cache {
    /// Format.
    pub(crate) format: KvFormat,
    /// Elements of the whole cache: capacity × kv_heads × head_dim.
    pub(crate) elements: u64,
}

/// What an operation is told when its dispatches are made.
pub(crate) struct Call<'a> {
    /// In the operation's order.
    pub(crate) inputs: &'a [Operand<'a>],
    /// Dimensions of the result at the plan's bounds.
    pub(crate) dims: &'a [usize],
    /// What the adapter gives.
    pub(crate) capabilities: &'a Capabilities,
    /// How products with quantized weights are computed.
    pub(crate) numerics: Numerics,
    /// Chooses among kernel variants.
    pub(crate) variants: &'a Variants,
    /// Numbers of an operand that is a weight or constant; `None` for any other, or if it cannot be read.
    pub(crate) numbers: &'a dyn Fn(usize) -> Option<Vec<f32>>,
}

/// The `#[repr(C)]` twin of a shader's parameters; `first_group` comes first by itself, and is 0.
macro_rules! params {
    ($(#[$doc:meta])* struct $name:ident { $($member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        struct $name {
            first_group: u32,
            $($member: $type,)*
        }

        impl $name {
            /// Names and offsets.
            const MEMBERS: &'static [(&'static str, usize)] = &[
                ("first_group", std::mem::offset_of!($name, first_group)),
                $((stringify!($member), std::mem::offset_of!($name, $member)),)*
            ];
        }
    };
}
pub(crate) use params;
