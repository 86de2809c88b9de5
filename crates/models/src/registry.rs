//! Which architecture a model is of: one line each.

use std::collections::BTreeSet;

use bedside_imaging::Preprocessing;
use bedside_weights::{Layout, Model};

use crate::config::shown;
use crate::description::Description;
use crate::{ModelsError, clip, gguf_dual, open_clip, siglip};

/// An architecture file's two functions.
struct Architecture {
    name: &'static str,
    matches: fn(&Model) -> bool,
    read: fn(&Model) -> Result<Description, ModelsError>,
}

const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "clip (GGUF)", matches: gguf_dual::matches, read: gguf_dual::read },
    Architecture { name: "clip", matches: clip::matches, read: clip::read },
    Architecture { name: "siglip, siglip2", matches: siglip::matches, read: siglip::read },
    Architecture { name: "OpenCLIP", matches: open_clip::matches, read: open_clip::read },
];

/// Read a model's description. Errors: `Architecture` where none matches; what its configurations get
/// wrong.
pub(crate) fn describe(model: &Model) -> Result<Description, ModelsError> {
    let found = ARCHITECTURES.iter().find(|architecture| (architecture.matches)(model));
    let found = found.ok_or_else(|| {
        let known: Vec<&str> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
        ModelsError::Architecture { found: what(model), known: known.join(", ") }
    })?;
    let description = (found.read)(model)?;
    description.check()?;
    if model.layout() != Layout::HuggingFace {
        refuse_unread(model, &description)?;
    }
    Ok(description)
}

/// What a model wants done to its pictures; no weight is read.
/// Errors: as [`describe`]'s; `NoTower` for a model that takes none.
pub fn preprocessing(model: &Model) -> Result<Preprocessing, ModelsError> {
    let vision = describe(model)?.vision.ok_or(ModelsError::NoTower { tower: "image" })?;
    Ok(vision.preprocessing)
}

/// A network whose sizes were counted from its tensors would lose a block in silence where one is missing,
/// and one of another kind its parts: every tensor of a tower has to be read. (A Hugging Face folder states
/// its sizes, and transformers passes over what is beyond them.)
/// Errors: `Tensor` for the first that is not.
fn refuse_unread(model: &Model, description: &Description) -> Result<(), ModelsError> {
    let asked = description.weights()?;
    let read: BTreeSet<String> = asked
        .iter()
        .filter_map(|(name, _)| description.names.locate(name))
        .map(|(stored, _)| stored)
        .collect();
    let unread = model.tensors().iter().find(|info| {
        let name = &*info.name;
        TOWERS.iter().any(|begin| name.starts_with(begin))
            && !NO_WEIGHTS.iter().any(|part| name.contains(part))
            && !read.contains(name)
    });
    match unread {
        None => Ok(()),
        Some(info) => Err(ModelsError::Tensor {
            name: shown(&info.name),
            expected: "a weight of this architecture".to_owned(),
            got: "one that it has no place for, or whose block lacks another".to_owned(),
        }),
    }
}

/// How names of a tower's tensors begin in OpenCLIP and GGUF files.
const TOWERS: [&str; 5] = ["visual.", "text.", "transformer.", "v.", "t."];
/// Tensors of towers that no result depends on: counters, numbered positions, the mask, BERT's unused pooler.
const NO_WEIGHTS: [&str; 4] =
    ["num_batches_tracked", "position_ids", "attn_mask", "text.transformer.pooler."];

/// What a model says it is.
fn what(model: &Model) -> String {
    match model.layout() {
        Layout::Gguf | Layout::GgufSplit => {
            let name = model.metadata().str("general.architecture").ok().flatten().unwrap_or("nothing");
            format!("general.architecture {}", shown(name))
        }
        Layout::Safetensors => "a safetensors file without its folder's configuration".to_owned(),
        Layout::HuggingFace | Layout::OpenClip => {
            format!("model_type {}", model_type(model).unwrap_or("nothing"))
        }
    }
}

/// `model_type` of a Hugging Face folder.
pub(crate) fn model_type(model: &Model) -> Option<&str> {
    model.config("config.json")?.get("model_type")?.as_str()
}
