//! BERT as a text tower (BiomedCLIP).

use bedside_compute::{
    Activation, Attend, ComputeError, Element, GraphBuilder, PoolKind, Symbol, Value, dims, weight,
};
use serde::{Deserialize, Serialize};

use super::encoder::{Encoder, layer_norm, linear};

/// How the tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BertPool {
    /// The last layer's first token.
    Class,
    /// The same through BERT's own pooler: a matrix and tanh.
    ClassPooler,
    /// The mean of the tokens that are no padding.
    Mean,
    /// Their largest values.
    Max,
}

/// Weights are named `t.…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bert {
    pub(crate) vocabulary: u64,
    /// Rows of the table of positions.
    pub(crate) positions: u64,
    /// Rows of the table of segment types; every token is of type 0.
    pub(crate) token_types: u64,
    #[serde(flatten)]
    pub(crate) encoder: Encoder,
    /// Tokens with this id are padding: nobody sees them.
    pub(crate) padding: u32,
    pub(crate) pool: BertPool,
}

impl Bert {
    /// Result: (texts, width). Inputs: `input_ids` u32 (texts, tokens), `attention_mask` u32 likewise, 0 for
    /// padding.
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        g.scope("t");
        let (width, texts, tokens) = (self.encoder.width, Symbol::Texts, Symbol::Tokens);
        let ids = g.input("input_ids", dims![texts, tokens], Element::U32)?;
        let mask = g.input("attention_mask", dims![texts, tokens], Element::U32)?;
        let keys = g.reshape(mask, dims![texts, 1, tokens])?;
        let x = g.embedding(ids, weight("t.token_embd.weight", [self.vocabulary, width]))?;
        let types = g.weight(weight("t.token_types.weight", [self.token_types, width]))?;
        let first = g.slice(types, 0, 0, 1)?; // (1, width)
        let first = g.reshape(first, [width.into()])?;
        let x = g.add(x, first)?;
        let table = g.weight(weight("t.position_embd.weight", [self.positions, width]))?;
        let positions = g.slice(table, 0, 0, tokens)?;
        let x = g.add(x, positions)?;
        let x = layer_norm(g, x, "t.token_embd_norm", width, self.encoder.attention.eps)?;
        let attend = Attend { mask: Some(keys), ..Attend::all(self.encoder.attention_scale()) };
        let x = self.encoder.build(g, "t", x, attend, states)?;
        match self.pool {
            BertPool::Class => first_token(g, x, width),
            BertPool::ClassPooler => {
                let x = first_token(g, x, width)?;
                let x = linear(g, x, "t.pooler", [width, width], true, Activation::None)?;
                tanh(g, x)
            }
            BertPool::Mean => g.pool(x, PoolKind::Mean, 1, Some(mask)),
            BertPool::Max => g.pool(x, PoolKind::Max, 1, Some(mask)),
        }
    }
}

fn first_token(g: &mut GraphBuilder, x: Value, width: u64) -> Result<Value, ComputeError> {
    let x = g.slice(x, 1, 0, 1)?; // (texts, 1, width)
    g.reshape(x, dims![Symbol::Texts, width])
}

/// tanh(x) = 2 · sigmoid(2x) − 1.
fn tanh(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    let x = g.scale(x, 2.0)?;
    let x = g.activation(x, Activation::Sigmoid)?;
    let x = g.scale(x, 2.0)?;
    let one = g.constant(dims![1], vec![-1.0])?;
    g.add(x, one)
}
