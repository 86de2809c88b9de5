//! SigLIP's attention pooling: one learned query looks at all patches; then an MLP with a residual.

use bedside_compute::{Activation, Attend, ComputeError, GraphBuilder, Value, weight};

use super::encoder::{Encoder, layer_norm, linear, merge_heads};

/// Norm and MLP see what attention gave; the query itself is not added.
/// Source: transformers `SiglipMultiheadAttentionPoolingHead`, timm `AttentionPoolLatent`.
///
/// x (batch, patches, width) → (batch, width). `mask`: u32 (batch, 1, patches), 0 hides a patch.
pub(crate) fn build(
    encoder: &Encoder,
    g: &mut GraphBuilder,
    prefix: &str,
    x: Value,
    mask: Option<Value>,
) -> Result<Value, ComputeError> {
    let (width, head) = (encoder.width, format!("{prefix}.head"));
    g.scope(head.as_str());
    let probe = g.weight(weight(format!("{head}.probe"), [width]))?;
    let probe = g.reshape(probe, [1.into(), 1.into(), width.into()])?;
    let q = encoder.head_values(g, probe, &format!("{head}.attn_q"))?;
    let k = encoder.head_values(g, x, &format!("{head}.attn_k"))?;
    let v = encoder.head_values(g, x, &format!("{head}.attn_v"))?;
    let attend = Attend { mask, ..Attend::all(encoder.attention_scale()) };
    let h = g.attention(q, k, v, attend)?; // (batch, 1, heads, head_dim)
    let h = merge_heads(g, h, width)?;
    let y = behind_attention(encoder, g, &head, h)?;
    let batch = super::encoder::leading(g, y)[0];
    g.reshape(y, [batch, width.into()])
}

/// The same for each patch alone: attention to one patch gives that patch's value.
///
/// x (batch, patches, width) → (batch, patches, width).
pub(crate) fn build_each(
    encoder: &Encoder,
    g: &mut GraphBuilder,
    prefix: &str,
    x: Value,
) -> Result<Value, ComputeError> {
    let (width, head) = (encoder.width, format!("{prefix}.head"));
    g.scope(head.as_str());
    let v = linear(g, x, &format!("{head}.attn_v"), [width, width], true, Activation::None)?;
    behind_attention(encoder, g, &head, v)
}

fn behind_attention(
    encoder: &Encoder,
    g: &mut GraphBuilder,
    head: &str,
    h: Value,
) -> Result<Value, ComputeError> {
    let width = encoder.width;
    let h = linear(g, h, &format!("{head}.attn_out"), [width, width], true, Activation::None)?;
    let y = layer_norm(g, h, &format!("{head}.ln"), width, encoder.attention.eps)?;
    let y = encoder.mlp(g, head, y)?;
    g.add(h, y)
}
