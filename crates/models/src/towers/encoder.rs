//! A stack of transformer blocks over (batch, tokens, width), as vision and text towers share it.

use bedside_compute::{Activation, Attend, ComputeError, Dim, GraphBuilder, Value, weight};
use serde::{Deserialize, Serialize};

use crate::ModelsError;
use crate::config::{MAX_LAYERS, MAX_SIZE};
use crate::description::in_range;

/// Where the normalisations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NormOrder {
    /// Before attention and MLP: ViT, CLIP, SigLIP.
    Pre,
    /// After each sum: BERT.
    Post,
}

/// Sizes and choices that all blocks share. Serialised under the names of llama.cpp's clip files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Encoder {
    #[serde(rename = "block_count")]
    pub(crate) layers: u64,
    #[serde(rename = "embedding_length")]
    pub(crate) width: u64,
    /// Width inside the MLP.
    #[serde(rename = "feed_forward_length")]
    pub(crate) hidden: u64,
    pub(crate) attention: AttentionSizes,
    pub(crate) activation: Activation,
    #[serde(rename = "norm_order")]
    pub(crate) order: NormOrder,
    /// Attention and MLP are multiplied by a learned vector before they are added (LayerScale).
    pub(crate) layer_scale: bool,
}

/// What llama.cpp keeps under `attention`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttentionSizes {
    #[serde(rename = "head_count")]
    pub(crate) heads: u64,
    /// Of every layer norm.
    #[serde(rename = "layer_norm_epsilon")]
    pub(crate) eps: f32,
}

impl Encoder {
    /// Errors: `Config` for a size no encoder has. `side`: `clip.vision` or `clip.text`.
    pub(crate) fn check(&self, side: &'static str) -> Result<(), ModelsError> {
        let AttentionSizes { heads, eps } = self.attention;
        in_range(side, "block_count", self.layers, MAX_LAYERS)?;
        in_range(side, "embedding_length", self.width, MAX_SIZE)?;
        in_range(side, "feed_forward_length", self.hidden, MAX_SIZE)?;
        in_range(side, "attention.head_count", heads, self.width)?;
        let wrong = |key: &str, expected: String, got: String| ModelsError::Config {
            file: side,
            key: key.to_owned(),
            expected,
            got,
        };
        if !self.width.is_multiple_of(heads) {
            let expected = format!("a divisor of the width {}", self.width);
            return Err(wrong("attention.head_count", expected, heads.to_string()));
        }
        if !(eps > 0.0 && eps.is_finite()) {
            let expected = "a number above 0".to_owned();
            return Err(wrong("attention.layer_norm_epsilon", expected, eps.to_string()));
        }
        Ok(())
    }

    /// 1 / √head_dim.
    pub(crate) fn attention_scale(&self) -> f32 {
        (1.0 / ((self.width / self.attention.heads) as f64).sqrt()) as f32
    }

    /// x (batch, tokens, width) through all blocks. Weights are named `{prefix}.blk.N.….{weight|bias}`.
    /// `states`: every block's result becomes an output `{prefix}.blk.N`.
    pub(crate) fn build(
        &self,
        g: &mut GraphBuilder,
        prefix: &str,
        x: Value,
        attend: Attend,
        states: bool,
    ) -> Result<Value, ComputeError> {
        let mut x = x;
        for layer in 0..self.layers {
            let block = format!("{prefix}.blk.{layer}");
            g.scope(block.as_str());
            x = match self.order {
                NormOrder::Pre => self.pre_norm(g, &block, x, attend)?,
                NormOrder::Post => self.post_norm(g, &block, x, attend)?,
            };
            if states {
                g.output(&block, x)?;
            }
        }
        g.scope(prefix);
        Ok(x)
    }

    fn pre_norm(
        &self,
        g: &mut GraphBuilder,
        block: &str,
        x: Value,
        attend: Attend,
    ) -> Result<Value, ComputeError> {
        let h = layer_norm(g, x, &format!("{block}.ln1"), self.width, self.attention.eps)?;
        let h = self.attention(g, block, h, attend)?;
        let h = self.scaled(g, h, &format!("{block}.ls1.weight"))?;
        let x = g.add(x, h)?;
        let h = layer_norm(g, x, &format!("{block}.ln2"), self.width, self.attention.eps)?;
        let h = self.mlp(g, block, h)?;
        let h = self.scaled(g, h, &format!("{block}.ls2.weight"))?;
        g.add(x, h)
    }

    fn post_norm(
        &self,
        g: &mut GraphBuilder,
        block: &str,
        x: Value,
        attend: Attend,
    ) -> Result<Value, ComputeError> {
        let h = self.attention(g, block, x, attend)?;
        let h = g.add(x, h)?;
        let x = layer_norm(g, h, &format!("{block}.ln1"), self.width, self.attention.eps)?;
        let h = self.mlp(g, block, x)?;
        let h = g.add(x, h)?;
        layer_norm(g, h, &format!("{block}.ln2"), self.width, self.attention.eps)
    }

    fn attention(
        &self,
        g: &mut GraphBuilder,
        block: &str,
        x: Value,
        attend: Attend,
    ) -> Result<Value, ComputeError> {
        let q = self.head_values(g, x, &format!("{block}.attn_q"))?;
        let k = self.head_values(g, x, &format!("{block}.attn_k"))?;
        let v = self.head_values(g, x, &format!("{block}.attn_v"))?;
        let h = g.attention(q, k, v, attend)?;
        let h = merge_heads(g, h, self.width)?;
        linear(g, h, &format!("{block}.attn_out"), [self.width, self.width], true, Activation::None)
    }

    /// x (batch, tokens, width) projected to (batch, tokens, heads, head_dim).
    pub(crate) fn head_values(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
    ) -> Result<Value, ComputeError> {
        let y = linear(g, x, name, [self.width, self.width], true, Activation::None)?;
        let [batch, tokens] = leading(g, y);
        g.reshape(y, [batch, tokens, self.attention.heads.into(), (self.width / self.attention.heads).into()])
    }

    pub(crate) fn mlp(&self, g: &mut GraphBuilder, block: &str, x: Value) -> Result<Value, ComputeError> {
        let up = [self.hidden, self.width];
        let h = linear(g, x, &format!("{block}.ffn_up"), up, true, self.activation)?;
        linear(g, h, &format!("{block}.ffn_down"), [self.width, self.hidden], true, Activation::None)
    }

    fn scaled(&self, g: &mut GraphBuilder, x: Value, name: &str) -> Result<Value, ComputeError> {
        if self.layer_scale { g.mul(x, weight(name, [self.width])) } else { Ok(x) }
    }
}

/// `{name}.weight` (out, in) and, with `bias`, `{name}.bias`.
pub(crate) fn linear(
    g: &mut GraphBuilder,
    x: Value,
    name: &str,
    [out, inner]: [u64; 2],
    bias: bool,
    activation: Activation,
) -> Result<Value, ComputeError> {
    let bias = bias.then(|| weight(format!("{name}.bias"), [out]));
    g.linear(x, weight(format!("{name}.weight"), [out, inner]), bias, activation)
}

/// `{name}.weight` and `{name}.bias` over the last dimension.
pub(crate) fn layer_norm(
    g: &mut GraphBuilder,
    x: Value,
    name: &str,
    width: u64,
    eps: f32,
) -> Result<Value, ComputeError> {
    let bias = Some(weight(format!("{name}.bias"), [width]));
    g.layer_norm(x, weight(format!("{name}.weight"), [width]), bias, eps)
}

/// (batch, tokens, heads, head_dim) → (batch, tokens, width).
pub(crate) fn merge_heads(g: &mut GraphBuilder, x: Value, width: u64) -> Result<Value, ComputeError> {
    let [batch, tokens] = leading(g, x);
    g.reshape(x, [batch, tokens, width.into()])
}

/// The first two dimensions of a value of this builder.
pub(crate) fn leading(g: &GraphBuilder, x: Value) -> [Dim; 2] {
    let dims = &g.value_type(x).expect("the value was made by this builder").dims;
    [dims[0], dims[1]]
}
