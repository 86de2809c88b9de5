//! A text model as data: its decoder, and how its file calls the weights.

use std::collections::BTreeSet;

use bedside_compute::ComputeError;
use bedside_weights::Model;

use crate::ModelsError;
use crate::config::shown;
use crate::name_table::NameTable;
use crate::named_weights::asked_by;
use crate::towers::decoder::{Decoder, DecoderGraph, LogitRows};

/// What an architecture file makes of a model's configurations: everything but the weights and the tokenizer.
#[derive(Debug)]
pub(crate) struct Language {
    /// Name of the architecture, for people.
    pub(crate) architecture: &'static str,
    pub(crate) decoder: Decoder,
    /// How the file calls its tensors.
    pub(crate) names: NameTable,
}

/// Parts of tensor names that no result depends on: tables of sines that old checkpoints stored.
const NO_WEIGHTS: [&str; 2] = ["rotary_emb.inv_freq", "attn_rot_embd"];

impl Language {
    /// Names and dimensions of all weights.
    pub(crate) fn weights(&self) -> Result<Vec<(String, Vec<u64>)>, ComputeError> {
        let any = DecoderGraph { context: 1, given: false, rows: LogitRows::Last, states: false };
        asked_by(&self.decoder.graph(any)?)
    }

    /// A block's tensor that no name of the decoder leads to would be lost in silence: it is of another
    /// architecture. Errors: `Config` for sizes; `Tensor` for the first that is not read.
    pub(crate) fn check(&self, model: &Model) -> Result<(), ModelsError> {
        self.decoder.check()?;
        let names = self.weights()?;
        let read: BTreeSet<String> =
            names.iter().filter_map(|(name, _)| self.names.locate(name)).map(|(stored, _)| stored).collect();
        let Some((blocks, _)) = self.names.locate("blk.0.attn_norm.weight") else { return Ok(()) };
        let blocks = blocks.split_once('0').map_or("", |(begin, _)| begin);
        let lost = model.tensors().iter().find(|info| {
            let name = &*info.name;
            name.starts_with(blocks)
                && !read.contains(name)
                && !NO_WEIGHTS.iter().any(|part| name.contains(part))
        });
        lost.map_or(Ok(()), |info| {
            Err(ModelsError::Tensor {
                name: shown(&info.name),
                expected: format!(
                    "a weight of a {} decoder of {} blocks",
                    self.architecture,
                    self.decoder.layers.len()
                ),
                got: "one that it has no place for".to_owned(),
            })
        })
    }
}
