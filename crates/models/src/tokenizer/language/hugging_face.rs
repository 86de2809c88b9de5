//! The tokenizer of a folder: `tokenizer.json` and what its side files say of the first and the last token.

use std::collections::HashMap;

use bedside_weights::Model;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::super::header::Header;
use super::super::{MAX_TOKENIZER_BYTES, guarded, refused, special_tokens, told, without_cache};
use super::pieces::{ByteSymbols, Kind, Pieces, SPACE, byte_token};
use super::{Encoder, LanguageTokenizer, Stated};
use crate::ModelsError;
use crate::hf_decoder::text_section;
use crate::tokenizer_files::TOKENIZER;

const READ: &str = "read tokenizer.json";
/// Most ids: far above any vocabulary.
const MAX_IDS: u32 = 1 << 24;
/// Side files with names of special tokens.
const SIDE_FILES: [&str; 2] = ["tokenizer_config.json", "special_tokens_map.json"];

/// The part of `tokenizer.json` that says how tokens become text.
#[derive(Deserialize)]
struct Decoding {
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    #[serde(default)]
    special: bool,
}

/// Errors: `FileMissing`, `Tokenizer`, `ConfigFile`.
pub(super) fn read(model: &Model) -> Result<LanguageTokenizer, ModelsError> {
    let why = "texts cannot become token ids without it";
    let file = model.file(TOKENIZER).ok_or(ModelsError::FileMissing { file: TOKENIZER, why })?;
    let json = file.source.bytes();
    if json.len() > MAX_TOKENIZER_BYTES {
        let reason = format!("{} bytes, at most {MAX_TOKENIZER_BYTES} are read", json.len());
        return Err(refused(READ, reason));
    }
    let header = Header::read(json)?;
    let tokenizer = guarded(READ, || without_cache(Tokenizer::from_bytes(json)?))?;
    header.check_added_ids(&tokenizer)?;
    let decoding: Decoding = serde_json::from_slice(json).map_err(|error| told(READ, &error))?;
    let pieces = pieces(&tokenizer, &decoding)?;
    let (prefix, suffix) = special_tokens(&tokenizer)?;
    let named = |key| named(model, key, &tokenizer);
    let (begin, end) = (named("bos_token")?, named("eos_token")?);
    let stated = Stated { prefix, suffix, begin, end, ends: ends(model)? };
    let encoder = Encoder::Library { tokenizer: Box::new(tokenizer), literal: Default::default() };
    LanguageTokenizer::new(encoder, pieces, stated)
}

/// How tokens are written.
enum Writing {
    /// Each byte is a symbol.
    Bytes(ByteSymbols),
    /// Spaces are [`SPACE`], some tokens are bytes.
    Spaces,
}

fn writing(decoder: &Value) -> Result<Writing, ModelsError> {
    let mut kinds = Vec::new();
    collect(decoder, &mut kinds);
    if kinds.contains(&"ByteLevel") {
        return Ok(Writing::Bytes(ByteSymbols::new()));
    }
    if kinds.iter().any(|kind| ["ByteFallback", "Metaspace"].contains(kind)) {
        return Ok(Writing::Spaces);
    }
    Err(refused(READ, "its tokens are neither bytes nor SentencePiece's pieces".to_owned()))
}

fn collect<'a>(decoder: &'a Value, kinds: &mut Vec<&'a str>) {
    kinds.extend(decoder.get("type").and_then(Value::as_str));
    if let Some(inner) = decoder.get("decoders").and_then(Value::as_array) {
        inner.iter().for_each(|decoder| collect(decoder, kinds));
    }
}

fn pieces(tokenizer: &Tokenizer, decoding: &Decoding) -> Result<Pieces, ModelsError> {
    let writing = writing(&decoding.decoder)?;
    let mut tokens: Vec<(u32, String)> =
        tokenizer.get_vocab(true).into_iter().map(|(token, id)| (id, token)).collect();
    tokens.sort_unstable();
    if let Some((id, _)) = tokens.last().filter(|(id, _)| *id >= MAX_IDS) {
        return Err(refused(READ, format!("an id is {id}, at most {MAX_IDS} are read")));
    }
    let added: HashMap<u32, bool> =
        decoding.added_tokens.iter().map(|added| (added.id, added.special)).collect();
    let mut pieces = Pieces::default();
    for (id, token) in tokens {
        if (id as usize) < pieces.len() {
            return Err(refused(READ, format!("the id {id} has two tokens")));
        }
        while pieces.len() < id as usize {
            pieces.push(Kind::Unused, b"");
        }
        match (added.get(&id), &writing) {
            (Some(true), _) => pieces.push(Kind::Control, token.as_bytes()),
            (Some(false), _) => pieces.push(Kind::UserDefined, token.as_bytes()),
            (None, Writing::Bytes(symbols)) => pieces.push(Kind::Text, &symbols.bytes(&token)),
            (None, Writing::Spaces) => match byte_token(&token) {
                Some(byte) => pieces.push(Kind::Text, &[byte]),
                None => pieces.push(Kind::Text, token.replace(SPACE, " ").as_bytes()),
            },
        }
    }
    Ok(pieces)
}

/// A token that a side file names: a text, or an object with one. `None`: named nowhere.
fn named(model: &Model, key: &str, tokenizer: &Tokenizer) -> Result<Option<u32>, ModelsError> {
    for name in SIDE_FILES {
        let Some(file) = model.file(name) else { continue };
        let value: Value = serde_json::from_slice(file.source.bytes())
            .map_err(|error| ModelsError::ConfigFile { file: name, reason: error.to_string() })?;
        let token =
            value.get(key).and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
        if let Some(token) = token {
            return Ok(tokenizer.token_to_id(token));
        }
    }
    Ok(None)
}

/// `eos_token_id`, one or several: of `generation_config.json`, else of the text model's configuration.
fn ends(model: &Model) -> Result<Vec<u32>, ModelsError> {
    const KEY: &str = "eos_token_id";
    let section = text_section(model)?;
    let whole = model.config("config.json").and_then(|config| config.get(KEY));
    let value = model.config("generation_config.json").and_then(|config| config.get(KEY));
    let Some(value) = value.or_else(|| section.get(KEY)).or(whole) else { return Ok(Vec::new()) };
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items.iter().map(id).collect(),
        one => id(one).map(|id| vec![id]),
    };
    ids.ok_or_else(|| ModelsError::Config {
        file: "generation_config.json",
        key: KEY.to_owned(),
        expected: "an id, or a list of them".to_owned(),
        got: crate::config::shown(&value.to_string()),
    })
}
