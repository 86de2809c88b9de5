//! Which architecture a model is of: one line each.

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
    Ok(description)
}

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
