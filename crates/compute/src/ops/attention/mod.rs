//! Scaled dot-product attention with grouped heads; masks, windows and segments are inputs or patterns,
//! never a tokens × tokens buffer of our own.

mod formula;
mod gpu;
mod host;
mod lanes;
mod mask;
mod reference;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Operation, check, product};
use crate::ComputeError;
use crate::device::formula::Formula;
use crate::error::Mismatch;
use crate::graph::{Dim, Element, GraphBuilder, Operand, Sizes, Value, ValueType};
use crate::host::call::Call;
use crate::tensor::HostTensor;
use crate::train::step::{Gradients, Step};

/// Which keys a query may see. Query i of n stands at position keys - n + i.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// All.
    Bidirectional,
    /// Those up to its own position; with a window only the last `window` of them, itself included.
    Causal {
        /// Sliding window.
        window: Option<u32>,
    },
    /// As `Causal`, and besides, whatever the window, all keys of its own segment if that is not 0:
    /// a prefix (segment 1, the rest 0) or image blocks (Gemma 3).
    PrefixLm {
        /// Sliding window.
        window: Option<u32>,
    },
    /// Those of its own segment (Qwen2.5-VL's vision windows).
    Block,
}

impl Pattern {
    /// Segment numbers follow the values.
    pub(crate) fn has_segments(self) -> bool {
        matches!(self, Pattern::PrefixLm { .. } | Pattern::Block)
    }
}

/// softmax(cap(q kᵀ · scale) + mask) v per head.
///
/// Operands: q (…, queries, heads, head_dim), k and v (…, keys, kv_heads, head_dim), all with one batch
/// dimension or none; then segments u32 (keys) or (batch, keys) if the pattern has them; then the mask if
/// `masked`: f32, added, or u32, where 0 hides; from (batch, queries, keys), dimensions may be 1 or missing.
/// A q of batch 1 repeats over the batch. Query head h reads kv head h · kv_heads / heads.
/// A query that may see no key gives zeros. Result: (…, queries, heads, head_dim).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Which keys a query may see.
    pub pattern: Pattern,
    /// Factor on the products: usually 1 / √head_dim.
    pub scale: f32,
    /// Products p become c · tanh(p / c): Gemma 2.
    pub softcap: Option<f32>,
    /// A mask is the last operand.
    pub masked: bool,
}

impl Attention {
    fn check_heads(q: &ValueType, k: &ValueType) -> Result<(), Mismatch> {
        let n = q.dims.len();
        let heads = check::constant("heads", q.dims[n - 2])?;
        let kv_heads = check::constant("kv_heads", k.dims[n - 2])?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(Mismatch::new("heads", format!("a multiple of the {kv_heads} kv_heads"), heads));
        }
        check::constant("head_dim", q.dims[n - 1])?;
        check::same("head_dim of k", q.dims[n - 1], k.dims[n - 1])
    }
}

impl Operation for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        let segments = usize::from(self.pattern.has_segments());
        check::count(inputs, 3 + segments + usize::from(self.masked))?;
        let [q, k, v, rest @ ..] = inputs else {
            return Err(Mismatch::new("number of operands", 3, inputs.len()));
        };
        check::rank_from(q, "q", 3)?;
        if q.dims.len() > 4 {
            return Err(Mismatch::new("q", "3 or 4 dimensions", q));
        }
        check::rank(k, "k", q.dims.len())?;
        check::shape(v, "v", &k.dims)?;
        Self::check_heads(q, k)?;
        let mut y = q.clone();
        let batched = q.dims.len() == 4;
        if batched && q.dims[0] == Dim::constant(1) {
            y.dims[0] = k.dims[0];
        } else if batched {
            check::same("batch of k", q.dims[0], k.dims[0])?;
        }
        let heads = y.dims.len() - 2;
        let keys = &k.dims[..heads]; // ([batch], keys)
        let pairs: Vec<Dim> = y.dims[..heads].iter().chain(&k.dims[heads - 1..heads]).copied().collect();
        if self.pattern.has_segments() {
            check::element(&rest[0], "segments", Element::U32)?;
            check::repeats(&rest[0], "segments", keys)?;
        }
        if self.masked {
            check::repeats(&rest[segments], "mask", &pairs)?;
        }
        Ok(y)
    }

    fn flops(&self, inputs: &[Vec<u64>], output: &[u64]) -> u64 {
        let keys = inputs[1][inputs[1].len() - 3];
        // Two products per key and feature; the exponential and its sum per key count as one feature more.
        let per_query = keys.saturating_mul(4);
        product(output).saturating_mul(per_query)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        let (n, keys) = (output.len(), inputs[1].dims()[inputs[1].dims().len() - 3]);
        if self.pattern.has_segments() && output[n - 3] > keys {
            return Err(Mismatch::new("queries with segments", format!("at most {keys} keys"), output[n - 3]));
        }
        Ok(reference::run(self, inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(self, call)
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        formula::run(self, formula)
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        step.by_burn(self)
    }

    fn reads_cache(&self, input: usize) -> bool {
        input == 1 || input == 2
    }
}

/// Which keys a query may see, with the inputs that say so: see [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All.
    All,
    /// Those up to its own position, within a window if given.
    Causal {
        /// Sliding window.
        window: Option<u32>,
    },
    /// Those, and all of its own segment if that is not 0.
    PrefixLm {
        /// Sliding window.
        window: Option<u32>,
        /// u32 (keys) or (batch, keys).
        segments: Value,
    },
    /// Those of its own segment.
    Block {
        /// u32 (keys) or (batch, keys).
        segments: Value,
    },
}

/// Parameters of [`GraphBuilder::attention`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attend {
    /// Which keys a query may see.
    pub visible: Visible,
    /// Factor on the products: usually 1 / √head_dim.
    pub scale: f32,
    /// Products p become c · tanh(p / c).
    pub softcap: Option<f32>,
    /// f32 (added) or u32 (0 hides); from (batch, queries, keys), dimensions may be 1 or missing.
    pub mask: Option<Value>,
}

impl Attend {
    /// Every query sees every key.
    pub const fn all(scale: f32) -> Self {
        Self { visible: Visible::All, scale, softcap: None, mask: None }
    }

    /// Every query sees the keys up to its own position.
    pub const fn causal(scale: f32) -> Self {
        Self { visible: Visible::Causal { window: None }, ..Self::all(scale) }
    }
}

impl GraphBuilder {
    /// q (…, queries, heads, head_dim), k and v (…, keys, kv_heads, head_dim) → (…, queries, heads,
    /// head_dim); see [`Attention`](crate::Attention). Errors: shapes that do not fit each other.
    pub fn attention(
        &mut self,
        q: impl Into<Operand>,
        k: impl Into<Operand>,
        v: impl Into<Operand>,
        attend: Attend,
    ) -> Result<Value, ComputeError> {
        let (pattern, segments) = match attend.visible {
            Visible::All => (Pattern::Bidirectional, None),
            Visible::Causal { window } => (Pattern::Causal { window }, None),
            Visible::PrefixLm { window, segments } => (Pattern::PrefixLm { window }, Some(segments)),
            Visible::Block { segments } => (Pattern::Block, Some(segments)),
        };
        let Attend { scale, softcap, mask, .. } = attend;
        let op = Attention { pattern, scale, softcap, masked: mask.is_some() };
        let optional = [segments, mask].map(|value| value.map(Operand::from));
        let inputs =
            self.operands([Some(q.into()), Some(k.into()), Some(v.into())].into_iter().chain(optional))?;
        self.push(op, inputs)
    }
}
