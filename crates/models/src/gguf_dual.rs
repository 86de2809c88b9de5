//! Dual encoders in GGUF: read what [`convert`](crate::convert) writes.
//!
//! Image side as in llama.cpp's clip files (`clip.vision.…`, `v.…`); text side, scores, preprocessing and
//! the tokenizer under Bedside's own keys (`clip.text.…`, `t.…`, `clip.logit_scale`, …), as
//! docs/gguf-dual-encoder.md lists them.

use bedside_weights::gguf::{Metadata, Value as Gguf};
use bedside_weights::{Layout, Model};
use serde_json::Value;

use crate::ModelsError;
use crate::config::shown;
use crate::description::{Description, Scores, Text};
use crate::gguf_keys;
use crate::hugging_face::parsed;
use crate::name_table::NameTable;
use crate::tokenizer::{TextTokenizer, TokenizerRules};
use crate::tokenizer_files::ReadTokenizer;

const ARCHITECTURE: &str = "clip";
/// Layout of the keys below; a newer one is refused.
const VERSION: u64 = 1;
const VERSION_KEY: &str = "clip.dual_encoder.version";
const NAME_KEY: &str = "clip.dual_encoder.architecture";
const HAS_VISION: &str = "clip.has_vision_encoder";
const HAS_TEXT: &str = "clip.has_text_encoder";
const VISION: &str = "clip.vision";
const TEXT: &str = "clip.text";
const TOKENIZER: &str = "tokenizer.huggingface.json";
const METADATA: &str = "metadata";

pub(crate) fn matches(model: &Model) -> bool {
    let gguf = matches!(model.layout(), Layout::Gguf | Layout::GgufSplit);
    gguf && model.metadata().str("general.architecture").ok().flatten() == Some(ARCHITECTURE)
        && model.metadata().get(VERSION_KEY).is_some()
}

pub(crate) fn read(model: &Model) -> Result<Description, ModelsError> {
    let metadata = model.metadata();
    let version = metadata.unsigned(VERSION_KEY)?.unwrap_or(0);
    if version != VERSION {
        return Err(wrong(VERSION_KEY, format!("{VERSION}, which this build knows"), version));
    }
    let side = |flag: &str, prefix: &str| match metadata.bool(flag)? {
        Some(true) => gguf_keys::read(metadata, prefix).map(Some),
        _ => Ok::<Option<Value>, ModelsError>(None),
    };
    let vision = side(HAS_VISION, VISION)?.map(|value| parsed(VISION, &value)).transpose()?;
    let text: Option<Text> = side(HAS_TEXT, TEXT)?.map(|value| parsed(TEXT, &value)).transpose()?;
    let tokenizer = text.as_ref().map(|text| tokenizer(metadata, &text.tokenizer)).transpose()?;
    Ok(Description {
        architecture: metadata.str(NAME_KEY)?.map_or_else(|| "CLIP".to_owned(), shown),
        vision,
        text,
        scores: scores(metadata)?,
        names: NameTable::gguf(),
        tokenizer,
    })
}

fn tokenizer(metadata: &Metadata, rules: &TokenizerRules) -> Result<ReadTokenizer, ModelsError> {
    let json = metadata.str(TOKENIZER)?;
    let json = json.ok_or_else(|| wrong(TOKENIZER, "the text of a tokenizer.json", "nothing"))?;
    let tokenizer = TextTokenizer::new(json.as_bytes(), rules)?;
    Ok(ReadTokenizer { json: json.as_bytes().to_vec(), tokenizer })
}

/// Everything but the tensors. Errors: a description that has no keys; a tokenizer that is not UTF-8.
pub(crate) fn metadata(description: &Description) -> Result<Metadata, ModelsError> {
    let mut metadata = Metadata::default();
    metadata.insert("general.architecture", Gguf::String(ARCHITECTURE.into()))?;
    metadata.insert(VERSION_KEY, Gguf::U32(VERSION as u32))?;
    metadata.insert(NAME_KEY, Gguf::String(description.architecture.as_str().into()))?;
    metadata.insert(HAS_VISION, Gguf::Bool(description.vision.is_some()))?;
    metadata.insert(HAS_TEXT, Gguf::Bool(description.text.is_some()))?;
    if let Some(vision) = &description.vision {
        gguf_keys::write(&mut metadata, VISION, &json(VISION, vision)?)?;
        if let Some(normalize) = vision.preprocessing.normalize {
            // Where llama.cpp's files have them too; read from the preprocessing.
            gguf_keys::write(&mut metadata, "clip.vision.image_mean", &normalize.mean.to_vec().into())?;
            gguf_keys::write(&mut metadata, "clip.vision.image_std", &normalize.std.to_vec().into())?;
        }
    }
    if let Some(text) = &description.text {
        gguf_keys::write(&mut metadata, TEXT, &json(TEXT, text)?)?;
        let json = description.tokenizer.as_ref().map_or(&[][..], |read| &read.json);
        let tokenizer = std::str::from_utf8(json)
            .map_err(|error| ModelsError::ConfigFile { file: "tokenizer.json", reason: error.to_string() })?;
        metadata.insert(TOKENIZER, Gguf::String(tokenizer.into()))?;
    }
    gguf_keys::write(&mut metadata, "clip", &json("clip", &description.scores)?)?;
    Ok(metadata)
}

fn json(file: &'static str, value: &impl serde::Serialize) -> Result<Value, ModelsError> {
    let wrong = |error: serde_json::Error| ModelsError::ConfigFile { file, reason: error.to_string() };
    serde_json::to_value(value).map_err(wrong)
}

/// `clip.logit_scale`, `clip.logit_bias`, `clip.logit_activation`.
fn scores(metadata: &Metadata) -> Result<Scores, ModelsError> {
    let mut members = serde_json::Map::new();
    for key in ["logit_scale", "logit_bias"] {
        if let Some(number) = metadata.float(&format!("clip.{key}"))? {
            // JSON has no such number: it would read as absent.
            if !number.is_finite() {
                return Err(wrong(&format!("clip.{key}"), "a finite number", number));
            }
            members.insert(key.to_owned(), number.into());
        }
    }
    if let Some(name) = metadata.str("clip.logit_activation")? {
        members.insert("logit_activation".to_owned(), name.into());
    }
    let scores: Scores = parsed("clip", &Value::Object(members))?;
    for (key, number) in [("clip.logit_scale", Some(scores.log_scale)), ("clip.logit_bias", scores.bias)] {
        if let Some(number) = number.filter(|number| !number.is_finite()) {
            return Err(wrong(key, "a finite number", number));
        }
    }
    Ok(scores)
}

fn wrong(key: &str, expected: impl ToString, got: impl ToString) -> ModelsError {
    let (expected, got) = (expected.to_string(), got.to_string());
    ModelsError::Config { file: METADATA, key: key.to_owned(), expected, got }
}
