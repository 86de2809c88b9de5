//! The towers as graphs, for whoever takes gradients through them.

use bedside_compute::Graph;
use bedside_weights::Model;

use crate::ModelsError;
use crate::registry::describe;

/// The graphs that [`DualEncoder`](crate::DualEncoder) plays, before they are planned or simplified.
#[derive(Debug)]
pub struct Networks {
    /// `pixel_values` to `features` and `embeds` (images, embed); every block's result (images, tokens, width)
    /// is an output by the name of the block, such as `v.blk.3`.
    pub image: Option<Graph>,
    /// `input_ids` and the tower's second input to `features` and `embeds` (texts, embed); blocks likewise.
    pub text: Option<Graph>,
}

/// The graphs of a model's towers. Weights are asked for under the names of the GGUF layout, so a GGUF file's
/// tensors are theirs. Errors: what [`DualEncoder::open`](crate::DualEncoder::open) refuses of a description.
pub fn networks(model: &Model) -> Result<Networks, ModelsError> {
    let description = describe(model)?;
    Ok(Networks {
        image: description.vision.as_ref().map(|vision| vision.graph(true)).transpose()?,
        text: description.text.as_ref().map(|text| text.graph(true)).transpose()?,
    })
}
