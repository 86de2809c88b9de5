//! A dual encoder's folder as one GGUF file: the same numbers under the names of the GGUF layout.

use std::path::Path;

use bedside_tensor::Shape;
use bedside_weights::gguf::{TensorSpec, Writer};
use bedside_weights::{Model, Overwrite, Progress};
use serde::Serialize;

use crate::ModelsError;
use crate::gguf_dual;
use crate::named_weights::NamedWeights;
use crate::registry::describe;

/// Bytes handed to the writer at once, so that progress moves and Ctrl-C is heard.
const PIECE_BYTES: usize = 4 << 20;

/// What [`convert`] wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Name of the architecture.
    pub architecture: String,
    /// Tensors written.
    pub tensors: usize,
    /// Their bytes, without padding.
    pub bytes: u64,
    /// Tensors of the source that the architecture does not read.
    pub left_out: Vec<String>,
}

/// Write `model` to `out` as one GGUF file, every tensor in the format it has.
/// `progress` counts bytes of tensor data.
/// Errors: what [`DualEncoder::open`](crate::DualEncoder::open) refuses; `Exists`, `Cancelled`, `Changed`,
/// `Io`. After any of them nothing lies under the final name that did not lie there before.
pub fn convert(
    model: &Model,
    out: &Path,
    overwrite: Overwrite,
    progress: Progress<'_>,
) -> Result<Converted, ModelsError> {
    let description = describe(model)?;
    let asked = description.weights()?;
    let weights = NamedWeights::find(model, &description.names, asked)?;
    let metadata = gguf_dual::metadata(&description)?;
    let specs = weights.views().map(|(name, view)| {
        let shape = Shape::new(view.shape().dims())?;
        Ok(TensorSpec { name: name.to_owned(), dtype: view.dtype(), shape })
    });
    let specs = specs.collect::<Result<Vec<_>, bedside_weights::WeightsError>>()?;
    let mut writer = Writer::create(out, overwrite, &metadata, &specs)?;
    let mut bytes = 0;
    for (name, view) in weights.views() {
        for piece in view.bytes().chunks(PIECE_BYTES) {
            writer.write(name, piece)?;
            progress.advance(piece.len() as u64)?;
        }
        bytes += view.bytes().len() as u64;
    }
    model.ensure_unchanged()?;
    writer.finish()?;
    Ok(Converted {
        architecture: description.architecture.clone(),
        tensors: specs.len(),
        bytes,
        left_out: left_out(model, &description.names, specs.iter().map(|spec| spec.name.as_str())),
    })
}

/// Names of tensors that no weight came from; scalars of the scores are in the metadata.
fn left_out<'a>(
    model: &Model,
    names: &crate::name_table::NameTable,
    written: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let used: std::collections::BTreeSet<String> =
        written.filter_map(|name| names.locate(name)).map(|(stored, _)| stored).collect();
    let unused = model.tensors().iter().map(|info| &*info.name);
    let unused = unused.filter(|name| !used.contains(*name) && !["logit_scale", "logit_bias"].contains(name));
    unused.map(crate::config::shown).collect()
}
