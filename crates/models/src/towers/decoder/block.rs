//! One block of a decoder: attention over a KV cache, then a gated MLP.

use bedside_compute::{Activation, Attend, ComputeError, GraphBuilder, Symbol, Value, Visible, dims};

use super::{Decoder, Turn};
use crate::towers::encoder::linear;

/// What block `name` is built from.
pub(super) struct Block<'a> {
    pub(super) decoder: &'a Decoder,
    /// `blk.N`.
    pub(super) name: &'a str,
    pub(super) positions: Value,
    pub(super) turn: &'a Turn,
    pub(super) visible: Visible,
    /// Rows of its caches.
    pub(super) context: u64,
}

impl Block<'_> {
    /// x (tokens, width) → the same.
    pub(super) fn build(&self, g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
        let h = self.norm(g, x, "attn_norm")?;
        let h = self.attention(g, h)?;
        let h = self.behind(g, h, "post_attention_norm")?;
        let x = g.add(x, h)?;
        let h = self.norm(g, x, "ffn_norm")?;
        let h = self.mlp(g, h)?;
        let h = self.behind(g, h, "post_ffw_norm")?;
        g.add(x, h)
    }

    fn norm(&self, g: &mut GraphBuilder, x: Value, name: &str) -> Result<Value, ComputeError> {
        self.decoder.norm(g, x, &format!("{}.{name}", self.name), self.decoder.width)
    }

    /// The norm that only some architectures have before the sum.
    fn behind(&self, g: &mut GraphBuilder, x: Value, name: &str) -> Result<Value, ComputeError> {
        if self.decoder.norms.behind { self.norm(g, x, name) } else { Ok(x) }
    }

    fn attention(&self, g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
        let Decoder { heads, kv_heads, head_dim, width, biases, .. } = *self.decoder;
        let q = self.heads(g, x, "attn_q", heads)?;
        let k = self.heads(g, x, "attn_k", kv_heads)?;
        let v = self.linear(g, x, "attn_v", [kv_heads * head_dim, width], biases.qkv)?;
        let v = g.reshape(v, dims![Symbol::Tokens, kv_heads, head_dim])?;
        let k = self.cached(g, k, "k")?; // (past + tokens, kv_heads, head_dim)
        let v = self.cached(g, v, "v")?;
        let attend = Attend {
            visible: self.visible,
            softcap: self.decoder.attention_softcap,
            ..Attend::all(self.decoder.attention_scale)
        };
        let y = g.attention(q, k, v, attend)?;
        let y = g.reshape(y, dims![Symbol::Tokens, heads * head_dim])?;
        self.linear(g, y, "attn_output", [width, heads * head_dim], biases.output)
    }

    /// x (tokens, width) projected to (tokens, heads, head_dim), normalised where the model asks, turned.
    fn heads(&self, g: &mut GraphBuilder, x: Value, name: &str, heads: u64) -> Result<Value, ComputeError> {
        let Decoder { head_dim, width, biases, norms, .. } = *self.decoder;
        let y = self.linear(g, x, name, [heads * head_dim, width], biases.qkv)?;
        let mut y = g.reshape(y, dims![Symbol::Tokens, heads, head_dim])?;
        if norms.heads {
            y = self.decoder.norm(g, y, &format!("{}.{name}_norm", self.name), head_dim)?;
        }
        g.rope(y, self.positions, self.turn.rope.clone(), self.turn.factors.map(Into::into))
    }

    fn cached(&self, g: &mut GraphBuilder, x: Value, which: &str) -> Result<Value, ComputeError> {
        let Decoder { kv_heads, head_dim, .. } = *self.decoder;
        let cache =
            g.state(&format!("{}.cache_{which}", self.name), dims![self.context, kv_heads, head_dim])?;
        g.cache_append(cache, x)
    }

    fn mlp(&self, g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
        let Decoder { width, hidden, biases, activation, .. } = *self.decoder;
        let gate = format!("{}.ffn_gate", self.name);
        let gate = linear(g, x, &gate, [hidden, width], biases.mlp, activation)?;
        let up = self.linear(g, x, "ffn_up", [hidden, width], biases.mlp)?;
        let y = g.mul(gate, up)?;
        self.linear(g, y, "ffn_down", [width, hidden], biases.mlp)
    }

    fn linear(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        dims: [u64; 2],
        bias: bool,
    ) -> Result<Value, ComputeError> {
        linear(g, x, &format!("{}.{name}", self.name), dims, bias, Activation::None)
    }
}
