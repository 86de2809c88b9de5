//! The tokenizer in a GGUF file's keys `tokenizer.ggml.…`.
//! Source: gguf-py `constants.py`; llama.cpp `llama-vocab.cpp`.

use std::collections::HashSet;

use bedside_weights::gguf::{Array, Metadata, Strings};
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::{AddedToken, Tokenizer};

use super::super::{excerpt, guarded, refused};
use super::pieces::{ByteSymbols, Kind, Pieces};
use super::sentence_piece::{Entry, SentencePiece};
use super::{Encoder, LanguageTokenizer, Stated, pre_tokenizers};
use crate::ModelsError;

const READ: &str = "read tokenizer.ggml";
/// Values of `token_type`.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// Errors: `Tokenizer` for what is missing, contradicts itself or is of a kind this build does not know; a
/// key of another type.
pub(super) fn read(metadata: &Metadata) -> Result<LanguageTokenizer, ModelsError> {
    let tokens = tokens(metadata)?;
    let kinds = kinds(metadata, tokens.len())?;
    match metadata.str("tokenizer.ggml.model")? {
        Some("gpt2") => byte_pairs(metadata, &tokens, &kinds),
        Some("llama") => sentence_piece(metadata, &tokens, &kinds),
        other => {
            let found = other.map_or_else(|| "none".to_owned(), excerpt);
            Err(refused(READ, format!("the model is {found}; gpt2 and llama are known")))
        }
    }
}

/// Every token once, in UTF-8.
fn tokens(metadata: &Metadata) -> Result<Vec<&str>, ModelsError> {
    let strings = strings(metadata, "tokenizer.ggml.tokens")?;
    let strings = strings.ok_or_else(|| refused(READ, "there is no list of tokens".to_owned()))?;
    let mut tokens = Vec::with_capacity(strings.len());
    for (id, bytes) in strings.iter().enumerate() {
        let token = std::str::from_utf8(bytes);
        tokens.push(token.map_err(|_| refused(READ, format!("token {id} is not UTF-8")))?);
    }
    let mut seen = HashSet::with_capacity(tokens.len());
    match tokens.iter().find(|token| !seen.insert(**token)) {
        Some(twice) => Err(refused(READ, format!("the token {} occurs twice", excerpt(twice)))),
        None => Ok(tokens),
    }
}

fn strings<'a>(metadata: &'a Metadata, key: &str) -> Result<Option<&'a Strings>, ModelsError> {
    match metadata.array(key)? {
        Some(Array::Strings(strings)) => Ok(Some(strings)),
        Some(other) => Err(refused(READ, format!("{key} holds {}, not strings", other.element_type_name()))),
        None => Ok(None),
    }
}

/// One for each token; all text where the file says nothing.
fn kinds(metadata: &Metadata, count: usize) -> Result<Vec<Kind>, ModelsError> {
    const KEY: &str = "tokenizer.ggml.token_type";
    let types = match metadata.array(KEY)? {
        None => return Ok(vec![Kind::Text; count]),
        Some(Array::I32(types)) => types.clone(),
        Some(Array::U32(types)) => types.iter().map(|t| i32::try_from(*t).unwrap_or(-1)).collect(),
        Some(other) => {
            return Err(refused(READ, format!("{KEY} holds {}, not integers", other.element_type_name())));
        }
    };
    check_length(KEY, types.len(), count)?;
    let kind = |of: i32| match of {
        UNKNOWN | CONTROL => Kind::Control,
        USER_DEFINED => Kind::UserDefined,
        UNUSED => Kind::Unused,
        _ => Kind::Text,
    };
    Ok(types.into_iter().map(kind).collect())
}

fn check_length(key: &str, got: usize, tokens: usize) -> Result<(), ModelsError> {
    if got == tokens {
        return Ok(());
    }
    Err(refused(READ, format!("{key} has {got} entries for {tokens} tokens")))
}

fn byte_pairs(
    metadata: &Metadata,
    tokens: &[&str],
    kinds: &[Kind],
) -> Result<LanguageTokenizer, ModelsError> {
    // Files from before the key was there have the default.
    let name = metadata.str("tokenizer.ggml.pre")?.unwrap_or("default");
    let family = pre_tokenizers::find(name).ok_or_else(|| {
        let known = pre_tokenizers::known();
        refused(READ, format!("the pre-tokenizer is {}; known are {known}", excerpt(name)))
    })?;
    let merges = merges(metadata)?;
    let tokenizer = guarded(READ, || {
        let vocabulary: Vocab = (0u32..).zip(tokens).map(|(id, token)| ((*token).to_owned(), id)).collect();
        let model = BPE::builder().vocab_and_merges(vocabulary, merges).cache_capacity(0);
        let mut tokenizer = Tokenizer::new(model.ignore_merges(family.ignore_merges).build()?);
        tokenizer.with_pre_tokenizer(Some(family.steps()?));
        if family.composes {
            tokenizer.with_normalizer(Some(NFC))?;
        }
        let added = tokens.iter().zip(kinds).filter_map(|(token, kind)| match kind {
            Kind::Control => Some(AddedToken::from(*token, true)),
            // Looked for in the text as it is.
            Kind::UserDefined => Some(AddedToken::from(*token, false).normalized(false)),
            Kind::Text | Kind::Unused => None,
        });
        tokenizer.add_tokens(added.filter(|token| !token.content.is_empty()).collect::<Vec<_>>())?;
        Ok(tokenizer)
    })?;
    let symbols = ByteSymbols::new();
    let mut pieces = Pieces::default();
    for (token, kind) in tokens.iter().zip(kinds) {
        match kind {
            Kind::Text => pieces.push(*kind, &symbols.bytes(token)),
            _ => pieces.push(*kind, token.as_bytes()),
        }
    }
    let stated = stated(metadata, family.adds_begin)?;
    let encoder = Encoder::Library { tokenizer: Box::new(tokenizer), literal: Default::default() };
    LanguageTokenizer::new(encoder, pieces, stated)
}

/// `left right`, each. The left may itself begin with a space.
fn merges(metadata: &Metadata) -> Result<Merges, ModelsError> {
    let strings = strings(metadata, "tokenizer.ggml.merges")?;
    let strings = strings.ok_or_else(|| refused(READ, "there is no list of merges".to_owned()))?;
    let pair = |(number, bytes): (usize, &[u8])| {
        let wrong = || refused(READ, format!("merge {number} is not two tokens with a space between"));
        let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
        let first = text.chars().next().map_or(0, char::len_utf8);
        let space = text[first..].find(' ').ok_or_else(wrong)? + first;
        Ok((text[..space].to_owned(), text[space + 1..].to_owned()))
    };
    strings.iter().enumerate().map(pair).collect()
}

fn sentence_piece(
    metadata: &Metadata,
    tokens: &[&str],
    kinds: &[Kind],
) -> Result<LanguageTokenizer, ModelsError> {
    const KEY: &str = "tokenizer.ggml.scores";
    let scores = match metadata.array(KEY)? {
        Some(Array::F32(scores)) => scores,
        _ => return Err(refused(READ, format!("{KEY} is no list of f32"))),
    };
    check_length(KEY, scores.len(), tokens.len())?;
    let entries = || {
        let all = tokens.iter().zip(scores).zip(kinds);
        all.map(|((token, score), kind)| Entry { token, score: *score, kind: *kind })
    };
    let space = metadata.bool("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let encoder = SentencePiece::new(entries(), id(metadata, "unknown")?, space)?;
    let mut pieces = Pieces::default();
    entries().for_each(|entry| SentencePiece::text_of(&mut pieces, &entry));
    let stated = stated(metadata, true)?;
    LanguageTokenizer::new(Encoder::SentencePiece(Box::new(encoder)), pieces, stated)
}

/// `tokenizer.ggml.{name}_token_id`. `None`: absent, or the value that stands for none.
fn id(metadata: &Metadata, name: &str) -> Result<Option<u32>, ModelsError> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    let id = metadata.unsigned(&key)?.and_then(|id| u32::try_from(id).ok());
    Ok(id.filter(|id| *id != u32::MAX))
}

fn stated(metadata: &Metadata, adds_begin: bool) -> Result<Stated, ModelsError> {
    let (begin, end) = (id(metadata, "bos")?, id(metadata, "eos")?);
    let adds = |key: &str, default: bool| Ok::<_, ModelsError>(metadata.bool(key)?.unwrap_or(default));
    let prefix = if adds("tokenizer.ggml.add_bos_token", adds_begin)? { begin } else { None };
    let suffix = if adds("tokenizer.ggml.add_eos_token", false)? { end } else { None };
    let ends: Vec<u32> = [id(metadata, "eot")?, id(metadata, "eom")?].into_iter().flatten().collect();
    let (prefix, suffix) = (prefix.into_iter().collect(), suffix.into_iter().collect());
    Ok(Stated { prefix, suffix, begin, end, ends })
}
