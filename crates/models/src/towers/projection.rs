//! What turns a tower's pooled features into the space that images and texts share.

use bedside_compute::{Activation, ComputeError, GraphBuilder, Value};
use serde::{Deserialize, Serialize};

use super::encoder::linear;
use crate::ModelsError;
use crate::config::MAX_SIZE;
use crate::description::in_range;

/// Weights are named `{name}.weight`, `{name}.bias`; of an MLP `{name}.0.…` and `{name}.2.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Projection {
    /// The features are the embedding.
    None,
    /// One matrix.
    Linear {
        /// A vector is added.
        bias: bool,
    },
    /// Matrix, GELU (erf), matrix: BiomedCLIP's text side, OpenCLIP's `mlp`.
    Mlp {
        /// Width in the middle.
        hidden: u64,
        /// Vectors are added by the first, by the second matrix.
        bias: [bool; 2],
    },
}

impl Projection {
    /// Errors: `Config` for a width no layer has.
    pub(crate) fn check(self, side: &'static str) -> Result<(), ModelsError> {
        match self {
            Projection::Mlp { hidden, .. } => in_range(side, "projection.hidden", hidden, MAX_SIZE),
            Projection::None | Projection::Linear { .. } => Ok(()),
        }
    }

    /// x (batch, width) → (batch, embed).
    pub(crate) fn build(
        self,
        g: &mut GraphBuilder,
        name: &str,
        x: Value,
        [embed, width]: [u64; 2],
    ) -> Result<Value, ComputeError> {
        g.scope(name);
        match self {
            Projection::None => Ok(x),
            Projection::Linear { bias } => linear(g, x, name, [embed, width], bias, Activation::None),
            Projection::Mlp { hidden, bias } => {
                let h = linear(g, x, &format!("{name}.0"), [hidden, width], bias[0], Activation::GeluErf)?;
                linear(g, h, &format!("{name}.2"), [embed, hidden], bias[1], Activation::None)
            }
        }
    }
}
