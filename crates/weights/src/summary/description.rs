//! Architecture, name and sizes, from wherever the layout keeps them.

use serde::Serialize;
use serde_json::Value as Json;

use crate::gguf::Metadata;
use crate::model::Model;

/// What a model calls itself and how large it says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Description {
    /// `general.architecture`, or `model_type` of `config.json`.
    pub architecture: Option<String>,
    /// `architectures` of `config.json`, or the tower names of `open_clip_config.json`.
    pub classes: Vec<String>,
    /// `general.name`, or `_name_or_path` of `config.json`.
    pub name: Option<String>,
    /// Tokens of context of the text part.
    pub context_length: Option<u64>,
    /// Width of the text part, or of the only part.
    pub embedding_length: Option<u64>,
    /// Layers of the text part, or of the only part.
    pub block_count: Option<u64>,
    /// Words of the text part, as the configuration says.
    pub vocabulary_length: Option<u64>,
}

impl Description {
    pub(super) fn of(model: &Model) -> Self {
        match (model.config("config.json"), model.config("open_clip_config.json")) {
            (Some(config), _) => Self::of_hugging_face(config),
            (_, Some(config)) => Self::of_openclip(config),
            _ => Self::of_gguf(model.metadata()),
        }
    }

    /// A value of another type than the key asks for is unknown, not guessed at.
    fn of_gguf(metadata: &Metadata) -> Self {
        let text = |key| metadata.str(key).ok().flatten().filter(|t| !t.is_empty()).map(str::to_owned);
        let architecture = text("general.architecture");
        let size = |key: &str| {
            let architecture = architecture.as_deref()?;
            // The files of a vision encoder keep theirs one level deeper.
            let own = metadata.unsigned(&format!("{architecture}.{key}")).ok().flatten();
            own.or_else(|| metadata.unsigned(&format!("{architecture}.vision.{key}")).ok().flatten())
        };
        Self {
            name: text("general.name"),
            context_length: size("context_length"),
            embedding_length: size("embedding_length"),
            block_count: size("block_count"),
            vocabulary_length: size("vocab_size"),
            classes: vec![],
            architecture,
        }
    }

    fn of_hugging_face(config: &Json) -> Self {
        let size = |key: &str| {
            let inner = config.get("text_config").and_then(|text| text.get(key));
            config.get(key).or(inner).and_then(Json::as_u64)
        };
        let classes = config.get("architectures").and_then(Json::as_array);
        Self {
            architecture: text(config.get("model_type")),
            classes: classes.into_iter().flatten().filter_map(|class| text(Some(class))).collect(),
            name: text(config.get("_name_or_path")),
            context_length: size("max_position_embeddings"),
            embedding_length: size("hidden_size"),
            block_count: size("num_hidden_layers"),
            vocabulary_length: size("vocab_size"),
        }
    }

    fn of_openclip(config: &Json) -> Self {
        let tower = |tower: &str, key: &str| config.get("model_cfg")?.get(tower)?.get(key).cloned();
        let size = |key| tower("text_cfg", key).and_then(|value| value.as_u64());
        let names = [tower("vision_cfg", "timm_model_name"), tower("text_cfg", "hf_model_name")];
        Self {
            classes: names.iter().filter_map(|name| text(name.as_ref())).collect(),
            context_length: size("context_length"),
            embedding_length: size("width"),
            block_count: size("layers"),
            vocabulary_length: size("vocab_size"),
            ..Self::default()
        }
    }
}

fn text(value: Option<&Json>) -> Option<String> {
    value.and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
