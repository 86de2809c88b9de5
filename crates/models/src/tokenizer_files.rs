//! The tokenizer of a folder: `tokenizer.json`, and what its side files say of padding and length.

use bedside_weights::Model;

use crate::ModelsError;
use crate::config::Config;
use crate::tokenizer::{Cleaning, SideFile, TextTokenizer, TokenizerRules, padding_id, read_side_file};

pub(crate) const TOKENIZER: &str = "tokenizer.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// A tokenizer with the file it came from, which a converted model carries along.
pub(crate) struct ReadTokenizer {
    /// `tokenizer.json`, verbatim.
    pub(crate) json: Vec<u8>,
    pub(crate) tokenizer: TextTokenizer,
}

/// As transformers: the tokenizer's own padding token, else `padding`; no longer than the model or the
/// tokenizer allows. Errors: `FileMissing`; files that do not read or contradict each other.
pub(crate) fn hugging_face(
    model: &Model,
    cleaning: Cleaning,
    context: u64,
    padding: Option<&str>,
) -> Result<ReadTokenizer, ModelsError> {
    let side = side_files(model)?;
    let longest = side.iter().flatten().filter_map(|file| file.model_max_length).min();
    // Fits: a context is at most MAX_SIZE.
    let context_length = (context as u32).min(longest.unwrap_or(u32::MAX));
    padded(model, side, TokenizerRules { cleaning, context_length, padding: 0 }, padding)
}

/// As OpenCLIP: its own tokenizer pads with 0 and cleans thoroughly; one that `hf_tokenizer_name` names pads
/// with its own token and is cleaned as `tokenizer_kwargs.clean` says. Errors: as [`hugging_face`].
pub(crate) fn open_clip(model: &Model, cfg: &Config<'_>, context: u64) -> Result<ReadTokenizer, ModelsError> {
    let context_length = context as u32; // fits: at most MAX_SIZE
    let named = cfg.text("hf_tokenizer_name")?.or(cfg.text("hf_model_name")?);
    if cfg.text("tokenizer_mode")?.is_some_and(|mode| !mode.is_empty()) {
        return Err(cfg.refused("tokenizer_mode", "nothing: this option is not read"));
    }
    if named.is_none_or(str::is_empty) {
        if let Some(kwargs) = cfg.section("tokenizer_kwargs")? {
            refuse_simple_options(&kwargs)?;
        }
        let rules = TokenizerRules { cleaning: Cleaning::OpenClip, context_length, padding: 0 };
        let json = json(model)?;
        let tokenizer = TextTokenizer::new(&json, &rules)?;
        return Ok(ReadTokenizer { json, tokenizer });
    }
    let mut cleaning = Cleaning::Whitespace;
    if let Some(kwargs) = cfg.section("tokenizer_kwargs")? {
        cleaning = match kwargs.text("clean")? {
            None | Some("whitespace") => Cleaning::Whitespace,
            Some("canonicalize") => Cleaning::Canonicalize,
            Some(_) => return Err(kwargs.refused("clean", "whitespace or canonicalize")),
        };
        if kwargs.bool("strip_sep_token")? == Some(true) {
            return Err(kwargs.refused("strip_sep_token", "false: this option is not read"));
        }
    }
    let rules = TokenizerRules { cleaning, context_length, padding: 0 };
    padded(model, side_files(model)?, rules, None)
}

/// Options of OpenCLIP's own tokenizer that make other ids. Errors: `Config`.
fn refuse_simple_options(kwargs: &Config<'_>) -> Result<(), ModelsError> {
    match kwargs.text("clean")? {
        None | Some("lower") => {}
        Some(_) => {
            return Err(kwargs.refused("clean", "lower: OpenCLIP's own tokenizer is read with it only"));
        }
    }
    for key in ["additional_special_tokens", "reduction_mask"] {
        if kwargs.get(key).is_some() {
            return Err(kwargs.refused(key, "nothing: this option is not read"));
        }
    }
    Ok(())
}

fn padded(
    model: &Model,
    [special, config]: [Option<SideFile>; 2],
    rules: TokenizerRules,
    fallback: Option<&str>,
) -> Result<ReadTokenizer, ModelsError> {
    let json = json(model)?;
    let tokenizer = TextTokenizer::new(&json, &rules)?;
    let stated = padding_id(config.as_ref(), special.as_ref(), |token| tokenizer.id_of(token))?;
    let padding = stated.or_else(|| tokenizer.id_of(fallback?)).ok_or_else(|| ModelsError::Config {
        file: SPECIAL_TOKENS,
        key: "pad_token".to_owned(),
        expected: "the token that fills up short texts".to_owned(),
        got: "nothing".to_owned(),
    })?;
    let tokenizer = tokenizer.with_padding(padding)?;
    Ok(ReadTokenizer { json, tokenizer })
}

fn json(model: &Model) -> Result<Vec<u8>, ModelsError> {
    let why = "texts cannot become token ids without it";
    let file = model.file(TOKENIZER).ok_or(ModelsError::FileMissing { file: TOKENIZER, why })?;
    Ok(file.source.bytes().to_vec())
}

fn side_files(model: &Model) -> Result<[Option<SideFile>; 2], ModelsError> {
    let read = |name| model.file(name).map(|file| read_side_file(name, file.source.bytes())).transpose();
    Ok([read(SPECIAL_TOKENS)?, read(TOKENIZER_CONFIG)?])
}
