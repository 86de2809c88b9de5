//! The operations, one folder each: parameters, shape check and cost in `mod.rs`, the plain reference in
//! `reference.rs`; the kernels of the executors lie beside them: `host.rs` for the CPU, `gpu.rs` with its
//! shaders for the GPU, `formula.rs` for any device that burn knows.

mod check;
#[cfg(test)]
pub(crate) mod proof;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{Dim, Sizes, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Most elements of a constant: a rope table or a class prompt, never a weight.
pub(crate) const MAX_CONSTANT: usize = 1 << 16;

/// Numbers that belong to the architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// Row-major.
    pub values: Vec<f32>,
}

/// How a plan computes linear layers on quantized weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numerics {
    /// f32 activations; weights dequantized, at load or tile by tile.
    Exact,
    /// Activations quantized per row to int8 blocks, integer dot products.
    Fast,
}

impl std::fmt::Display for Numerics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Numerics::Exact => "exact",
            Numerics::Fast => "fast",
        })
    }
}

/// What an operation is: the one interface between a graph and all that reads it.
pub(crate) trait Operation: Sync {
    /// Name in errors and plans.
    fn name(&self) -> &'static str;

    /// The result's type, or what is wrong with the operands.
    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch>;

    /// Multiplications and additions, counted apart; saturating.
    fn flops(&self, inputs: &[Vec<u64>], output: &[u64]) -> u64;

    /// Plain loops with f64 accumulators over operands that passed `infer`; `output`: the result's
    /// dimensions. Errors: what only the numbers can show, such as an index out of range.
    fn reference(
        &self,
        inputs: &[&HostTensor],
        output: &[usize],
        sizes: &Sizes,
    ) -> Result<HostTensor, Mismatch>;

    /// The same on the CPU in f32: fills `call.out`. Errors as `reference`'s.
    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch>;

    /// The same on a GPU: its dispatches, made once at load. Errors: an adapter that none of its kernels fits, an
    /// operand that it cannot read there.
    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch>;

    /// The same on burn tensors, on any device; burn's autodiff can follow it. Operands and result are flat.
    /// Only for results of f32: indices stay on the host, where `reference` moves them. Errors as
    /// `reference`'s.
    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch>;

    /// The result's gradient becomes those of the operands that need one.
    /// Errors: an operand that has none, such as rope's factors.
    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch>;

    /// On the host, a weight read here is packed for products.
    fn multiplies_by(&self, _input: usize) -> bool {
        false
    }

    /// On the host, the operand may be a KV cache in its own format.
    fn reads_cache(&self, _input: usize) -> bool {
        false
    }

    /// Operands whose memory the result may take when nobody reads them later: each element of the result
    /// depends, within that operand, on its own element (or row, for normalisations) only.
    fn in_place(&self) -> Vec<usize> {
        Vec::new()
    }

    /// The result is the first operand's memory from this element on.
    fn view(&self, _inputs: &[ValueType]) -> Option<Dim> {
        None
    }

    /// The operand may stay in any block format.
    fn any_format(&self, _input: usize) -> bool {
        false
    }

    /// Elements of an operand that are read: all, except for look-ups.
    fn elements_read(&self, input: usize, inputs: &[Vec<u64>], _output: &[u64]) -> u64 {
        product(&inputs[input])
    }

    /// Memory needed only while the node runs, when its weight is quantized.
    fn scratch_bytes(&self, _inputs: &[Vec<u64>], _numerics: Numerics) -> u64 {
        0
    }
}

/// Product of sizes; saturating, since a cost is an estimate.
pub(crate) fn product(dims: &[u64]) -> u64 {
    dims.iter().fold(1, |n, &d| n.saturating_mul(d))
}

/// `module Type`: a line makes an operation part of every graph.
macro_rules! operations {
    ($($module:ident $operation:ident;)*) => {
        $(mod $module;)*
        $(pub use $module::$operation;)*

        /// What a node computes.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Op {
            /// Given by the caller at each run.
            Input,
            /// From the model file.
            Weight,
            /// Numbers of the architecture.
            Constant(Constant),
            /// Kept between runs.
            State,
            $(
                #[doc = concat!("See [`", stringify!($operation), "`].")]
                $operation($operation),
            )*
        }

        impl Op {
            /// The operation; `None` for a leaf.
            pub(crate) fn operation(&self) -> Option<&dyn Operation> {
                match self {
                    Op::Input | Op::Weight | Op::Constant(_) | Op::State => None,
                    $(Op::$operation(operation) => Some(operation),)*
                }
            }
        }

        $(impl From<$operation> for Op {
            fn from(operation: $operation) -> Op {
                Op::$operation(operation)
            }
        })*
    };
}

operations! {
    activation Activation;
    add Add;
    attention Attention;
    batch_norm BatchNorm;
    cache_append CacheAppend;
    concat Concat;
    conv2d Conv2d;
    depthwise_conv2d DepthwiseConv2d;
    embedding Embedding;
    gather Gather;
    l2_normalize L2Normalize;
    layer_norm LayerNorm;
    linear Linear;
    mul Mul;
    permute Permute;
    pool Pool;
    pool2d Pool2d;
    reshape Reshape;
    rms_norm RmsNorm;
    rope Rope;
    scale Scale;
    slice Slice;
    softmax Softmax;
}

mod pixel_shuffle;

pub use attention::{Attend, Pattern, Visible};
#[cfg(test)]
pub(crate) use check::repeated_index;
pub use conv2d::Padding;
pub(crate) use linear::host::tier::Tier;
pub(crate) use linear::host::{BlockLinear, packed_bytes};
pub use pixel_shuffle::ChannelOrder;
pub use pool::PoolKind;
pub use pool2d::Pool2dKind;
pub use rope::{Pairing, RopeAxes};

impl Op {
    /// Name in errors and plans.
    pub fn name(&self) -> &'static str {
        match (self, self.operation()) {
            (_, Some(operation)) => operation.name(),
            (Op::Input, None) => "input",
            (Op::Weight, None) => "weight",
            (Op::State, None) => "state",
            (_, None) => "constant",
        }
    }
}
