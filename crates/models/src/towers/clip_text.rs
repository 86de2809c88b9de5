//! The text transformer of CLIP, OpenCLIP and SigLIP.

use bedside_compute::{Attend, ComputeError, Element, GraphBuilder, Symbol, Value, dims, weight};
use serde::{Deserialize, Serialize};

use super::encoder::{Encoder, layer_norm};

/// Which token stands for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum TextPool {
    /// The first with the largest id: OpenCLIP, and configurations with the legacy `eos_token_id` 2.
    LargestId,
    /// The first with this id; the first token where there is none.
    EndToken {
        /// The id.
        id: u32,
    },
    /// The last position, padding or not: SigLIP.
    Last,
    /// The first position.
    First,
}

impl TextPool {
    /// Position in these ids, padding included. `None`: no ids.
    pub(crate) fn position(self, ids: &[u32]) -> Option<usize> {
        let last = ids.len().checked_sub(1)?;
        Some(match self {
            TextPool::LargestId => {
                let largest = ids.iter().max();
                ids.iter().position(|id| Some(id) == largest).unwrap_or(0)
            }
            TextPool::EndToken { id } => ids.iter().position(|found| *found == id).unwrap_or(0),
            TextPool::Last => last,
            TextPool::First => 0,
        })
    }
}

/// Weights are named `t.…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClipText {
    pub(crate) vocabulary: u64,
    /// Rows of the table of positions.
    pub(crate) context: u64,
    #[serde(flatten)]
    pub(crate) encoder: Encoder,
    /// Tokens see only what stands before them.
    pub(crate) causal: bool,
    pub(crate) pool: TextPool,
}

impl ClipText {
    /// Result: (texts, width). Inputs: `input_ids` u32 (texts, tokens), `pooled_positions` u32 (texts, 1).
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        g.scope("t");
        let (width, texts) = (self.encoder.width, Symbol::Texts);
        let ids = g.input("input_ids", dims![texts, Symbol::Tokens], Element::U32)?;
        let at = g.input("pooled_positions", dims![texts, 1], Element::U32)?;
        let x = g.embedding(ids, weight("t.token_embd.weight", [self.vocabulary, width]))?;
        let table = g.weight(weight("t.position_embd.weight", [self.context, width]))?;
        let positions = g.slice(table, 0, 0, Symbol::Tokens)?; // (tokens, width)
        let x = g.add(x, positions)?;
        let scale = self.encoder.attention_scale();
        let attend = if self.causal { Attend::causal(scale) } else { Attend::all(scale) };
        let x = self.encoder.build(g, "t", x, attend, states)?;
        // The norm sees each token alone: only the pooled one needs it.
        let x = g.gather_batched(x, at)?; // (texts, 1, width)
        let x = g.reshape(x, dims![texts, width])?;
        layer_norm(g, x, "t.post_ln", width, self.encoder.attention.eps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pooled_token_is_each_familys_own() {
        let ids = [7, 3, 9, 9, 0];
        let at = |pool: TextPool| pool.position(&ids);
        assert_eq!(at(TextPool::LargestId), Some(2));
        assert_eq!(at(TextPool::EndToken { id: 3 }), Some(1));
        assert_eq!(at(TextPool::EndToken { id: 4 }), Some(0));
        assert_eq!((at(TextPool::Last), at(TextPool::First)), (Some(4), Some(0)));
        assert_eq!(TextPool::LargestId.position(&[]), None);
    }
}
