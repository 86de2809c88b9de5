//! Rotary position embedding: pairs of features are turned by an angle that grows with the position.

mod formula;
mod gpu;
mod gradient;
mod host;
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

/// Which features form a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// i and i + rotary / 2: Hugging Face, GPT-NeoX; Qwen and Gemma in GGUF.
    Neox,
    /// 2i and 2i + 1: the llama architecture in GGUF, whose q and k rows are permuted for it.
    Interleaved,
}

/// Which position and which frequency turn pair i of the rotary / 2 pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeAxes {
    /// One position per token; frequency theta^(-2i / rotary). Positions: (tokens).
    One,
    /// Row, then column: the first half of the pairs turns by the row, the second by the column, and the
    /// frequencies theta^(-4i / rotary) start again in each half (Qwen2-VL's vision). Positions: (2, tokens).
    RowColumn,
    /// M-RoPE: sections of pairs turn by time, row and column; the frequencies run on as in `One`
    /// (Qwen2-VL's text). Positions: (3, tokens).
    Multimodal {
        /// Pairs of each section; their sum is rotary / 2.
        sections: [u32; 3],
    },
}

impl RopeAxes {
    fn positions(self) -> Option<i64> {
        match self {
            RopeAxes::One => None,
            RopeAxes::RowColumn => Some(2),
            RopeAxes::Multimodal { .. } => Some(3),
        }
    }
}

/// Operands: x (…, tokens, heads, head_dim), positions u32, then factors (rotary / 2) if there.
/// Angle = position / position_scale · frequency / factor; features from `rotary` on pass unchanged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// Which features form a pair.
    pub pairing: Pairing,
    /// Which position turns which pair.
    pub axes: RopeAxes,
    /// Features that turn: even, at most head_dim.
    pub rotary: u32,
    /// Base of the frequencies.
    pub theta: f32,
    /// Linear scaling: positions are divided by this; Gemma 3 uses 8 in full layers, others 1.
    pub position_scale: f32,
    /// Divisors of the frequencies follow: Llama 3's scaling (GGUF `rope_freqs.weight`).
    pub factors: bool,
}

impl Rope {
    /// One position per token, all `head_dim` features, no scaling.
    pub const fn neox(head_dim: u32, theta: f32) -> Self {
        Self {
            pairing: Pairing::Neox,
            axes: RopeAxes::One,
            rotary: head_dim,
            theta,
            position_scale: 1.0,
            factors: false,
        }
    }

    /// As [`Rope::neox`] with neighbouring features paired.
    pub const fn interleaved(head_dim: u32, theta: f32) -> Self {
        Self { pairing: Pairing::Interleaved, ..Self::neox(head_dim, theta) }
    }

    fn check_parameters(&self, head_dim: u64) -> Result<(), Mismatch> {
        let rotary = u64::from(self.rotary);
        let multiple = if self.axes == RopeAxes::RowColumn { 4 } else { 2 };
        if rotary == 0 || rotary > head_dim || !rotary.is_multiple_of(multiple) {
            let expected = format!("a multiple of {multiple} up to {head_dim}");
            return Err(Mismatch::new("rotary", expected, rotary));
        }
        if let RopeAxes::Multimodal { sections } = self.axes {
            let pairs: u64 = sections.iter().map(|&s| u64::from(s)).sum();
            if pairs != rotary / 2 {
                return Err(Mismatch::new("sum of sections", rotary / 2, pairs));
            }
        }
        if !(self.theta > 0.0 && self.position_scale > 0.0) {
            let got = format!("{} and {}", self.theta, self.position_scale);
            return Err(Mismatch::new("theta and position_scale", "positive numbers", got));
        }
        Ok(())
    }
}

impl Operation for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn infer(&self, inputs: &[ValueType]) -> Result<ValueType, Mismatch> {
        check::count(inputs, 2 + usize::from(self.factors))?;
        let x = &inputs[0];
        check::rank_from(x, "x", 3)?;
        self.check_parameters(check::constant("head_dim", check::last(x))?)?;
        let tokens = x.dims[x.dims.len() - 3];
        let positions: Vec<Dim> = self.axes.positions().map(Dim::constant).into_iter().chain([tokens]).collect();
        check::typed_shape(&inputs[1], "positions", Element::U32, &positions)?;
        if self.factors {
            check::shape(&inputs[2], "factors", &[Dim::from(self.rotary / 2)])?;
        }
        Ok(x.clone())
    }

    fn flops(&self, _: &[Vec<u64>], output: &[u64]) -> u64 {
        product(output).saturating_mul(6)
    }

    fn reference(&self, inputs: &[&HostTensor], output: &[usize], _: &Sizes) -> Result<HostTensor, Mismatch> {
        Ok(reference::run(self, inputs, output))
    }

    fn host(&self, call: &mut Call<'_>) -> Result<(), Mismatch> {
        host::run(self, call);
        Ok(())
    }

    fn gpu(&self, call: &crate::gpu::Call<'_>) -> Result<Vec<crate::gpu::Dispatch>, Mismatch> {
        gpu::run(self, call)
    }

    fn formula(&self, formula: &Formula<'_>) -> Result<Tensor<1>, Mismatch> {
        formula::run(self, formula)
    }

    fn backward(&self, step: &Step<'_>) -> Result<Gradients, Mismatch> {
        gradient::run(self, step)
    }

    fn in_place(&self) -> Vec<usize> {
        vec![0]
    }
}

impl GraphBuilder {
    /// Turn x (…, tokens, heads, head_dim) by u32 `positions`: (tokens), or (2, tokens), (3, tokens) as
    /// `op.axes` says. `factors`: (rotary / 2) divisors of the frequencies; `op.factors` is set from it.
    /// Errors: shapes and parameters that do not fit each other.
    pub fn rope(
        &mut self,
        x: impl Into<Operand>,
        positions: Value,
        op: Rope,
        factors: Option<Operand>,
    ) -> Result<Value, ComputeError> {
        let op = Rope { factors: factors.is_some(), ..op };
        let inputs = self.operands([Some(x.into()), Some(positions.into()), factors])?;
        self.push(op, inputs)
    }
}
