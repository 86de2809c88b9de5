//! A Hugging Face model folder: `config.json`, `model.safetensors` or shards with an index, preprocessor
//! and tokenizer files. Source: transformers 4.53 `modeling_utils.py`.

use crate::WeightsError;
use crate::directory::TensorInfo;
use crate::folder::{Folder, add_configs, add_tokenizer_and_documents, bounded};
use crate::hf_index::HfIndex;
use crate::limits::MAX_INDEX_BYTES;
use crate::model::{Contents, Layout, ModelFile, Role};
use crate::structure::StructureNote;

pub(crate) const CONFIG: &str = "config.json";

/// Where the weights are; the first that exists counts, as in transformers.
pub(crate) const WEIGHTS: [&str; 2] = ["model.safetensors", "model.safetensors.index.json"];

/// The configurations that are read where they exist; the first is required.
const CONFIGS: &[&str] = &[
    CONFIG,
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "generation_config.json",
];

/// Errors: those of every file, `MissingFile` for a shard, `Missing` for a tensor that its shard lacks,
/// `Duplicate` for a tensor that lies in two shards.
pub(crate) fn open(folder: &Folder) -> Result<Contents, WeightsError> {
    let mut contents = Contents::new(folder.path(), Layout::HuggingFace);
    if folder.has(WEIGHTS[0]) {
        contents.add_safetensors(folder.open(WEIGHTS[0], Role::Weights)?)?;
    } else {
        let index_file = folder.open(WEIGHTS[1], Role::Config)?;
        add_shards(&mut contents, folder, &index_file)?;
        contents.files.push(index_file);
    }
    add_configs(&mut contents, folder, CONFIGS)?;
    add_tokenizer_and_documents(&mut contents, folder)?;
    Ok(contents)
}

fn add_shards(contents: &mut Contents, folder: &Folder, index_file: &ModelFile) -> Result<(), WeightsError> {
    let json = bounded(&index_file.source, "bytes of the index of shards", MAX_INDEX_BYTES)?;
    let index = HfIndex::parse(json).map_err(|e| e.in_file(index_file.source.path()))?;
    for shard in index.shards() {
        contents.add_safetensors(folder.open(shard, Role::Weights)?)?;
    }
    contents.check_unique()?;
    keep_mapped(contents, &index)
}

/// The index is the authority: each tensor lies where it says; what it does not name is noted, not used.
fn keep_mapped(contents: &mut Contents, index: &HfIndex) -> Result<(), WeightsError> {
    let found = std::mem::take(&mut contents.tensors);
    let (mut kept, mut notes) = (Vec::with_capacity(found.len()), vec![]);
    for tensor in found {
        match index.shard_of(&tensor.name) {
            Some(shard) if shard == tensor.file => kept.push(tensor),
            Some(shard) => return Err(not_in(contents, &tensor.name, shard)),
            None => notes.push(StructureNote::Unmapped { tensor: tensor.name.into(), file: tensor.file }),
        }
    }
    if kept.len() != index.tensors().len() {
        // Sorted copies of both: the first name without a partner is what is missing.
        let mut names: Vec<&str> = kept.iter().map(|t: &TensorInfo| &*t.name).collect();
        names.sort_unstable();
        if let Some((name, shard)) = index.tensors().find(|(name, _)| names.binary_search(name).is_err()) {
            return Err(not_in(contents, name, shard));
        }
    }
    (contents.tensors, contents.notes) = (kept, notes);
    Ok(())
}

fn not_in(contents: &Contents, tensor: &str, shard: usize) -> WeightsError {
    let expected = "its data in this shard, where the index has it".to_owned();
    let error = WeightsError::Missing { expected }.in_tensor(tensor.as_bytes());
    error.in_file(contents.files[shard].source.path())
}
