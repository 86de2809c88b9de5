//! Which architecture a model is of: one line each.

use std::collections::BTreeSet;

use bedside_imaging::Preprocessing;
use bedside_weights::{Layout, Model};

use crate::config::shown;
use crate::description::Description;
use crate::gguf_config::GgufConfig;
use crate::hf_decoder::text_type;
use crate::language::Language;
use crate::{ModelsError, clip, gemma3, gguf_dual, llama, open_clip, qwen2, siglip};

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

/// A text model's file: by what it is known, and its two functions.
struct TextArchitecture {
    /// `general.architecture` in GGUF.
    gguf: &'static [&'static str],
    /// `model_type` of the text model in a Hugging Face folder.
    types: &'static [&'static str],
    read: fn(&Model) -> Result<Language, ModelsError>,
    read_gguf: fn(&GgufConfig<'_>) -> Result<Language, ModelsError>,
}

const TEXT_ARCHITECTURES: &[TextArchitecture] = &[
    TextArchitecture {
        gguf: &["llama"],
        types: llama::TYPES,
        read: llama::read,
        read_gguf: llama::read_gguf,
    },
    TextArchitecture {
        gguf: &["gemma3"],
        types: gemma3::TYPES,
        read: gemma3::read,
        read_gguf: gemma3::read_gguf,
    },
    TextArchitecture {
        gguf: &["qwen2", "qwen2vl"],
        types: qwen2::TYPES,
        read: qwen2::read,
        read_gguf: qwen2::read_gguf,
    },
];

/// Read the text model of a file or folder. Errors: `TextArchitecture` where none matches; what its
/// configurations get wrong; `Tensor` for a block's tensor that the architecture does not have.
pub(crate) fn describe_text(model: &Model) -> Result<Language, ModelsError> {
    let unknown = || {
        let types = TEXT_ARCHITECTURES.iter().flat_map(|known| known.types.iter().chain(known.gguf));
        let known: BTreeSet<&str> = types.copied().collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        ModelsError::TextArchitecture { found: what(model), known }
    };
    let language = match GgufConfig::of(model) {
        Some(config) => {
            let named = |known: &&TextArchitecture| known.gguf.contains(&config.architecture());
            let found = TEXT_ARCHITECTURES.iter().find(named).ok_or_else(unknown)?;
            (found.read_gguf)(&config)?
        }
        None => {
            let name = text_type(model).ok_or_else(unknown)?;
            let found = TEXT_ARCHITECTURES.iter().find(|known| known.types.contains(&name));
            (found.ok_or_else(unknown)?.read)(model)?
        }
    };
    language.check(model)?;
    Ok(language)
}

/// Whether the file or folder has a text model of a kind that this build knows: no dual encoder has.
pub(crate) fn is_text(model: &Model) -> bool {
    let known = |name: &str, of: fn(&TextArchitecture) -> &'static [&'static str]| {
        TEXT_ARCHITECTURES.iter().any(|known| of(known).contains(&name))
    };
    match GgufConfig::of(model) {
        Some(config) => known(config.architecture(), |known| known.gguf),
        None => text_type(model).is_some_and(|name| known(name, |known| known.types)),
    }
}

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
/// Errors: what its description gets wrong; `NoTower` for a model that takes none.
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
