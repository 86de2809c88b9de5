//! Tokenizers of text models: text to ids and, token by token, back to bytes.
//!
//! From `tokenizer.json`, or from the keys `tokenizer.ggml.…` of a GGUF file. The ids are those of transformers
//! and of llama.cpp.

mod gguf;
mod hugging_face;
mod pieces;
mod pre_tokenizers;
mod sentence_piece;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use bedside_weights::{Layout, Model};
use tokenizers::Tokenizer;

use super::{MAX_TEXT_BYTES, guarded, refused};
use crate::ModelsError;
pub(crate) use pieces::{Kind, Pieces};
use sentence_piece::SentencePiece;

/// Tokens that end an answer whatever the file says: markers of a turn's or a text's end in the formats of
/// the models this build runs. Only a control token of this spelling counts.
/// Source: llama.cpp `llama-vocab.cpp` (special end-of-generation tokens).
const END_NAMES: &[&str] = &[
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "</s>",
    "<eos>",
];

/// What is done with special tokens when a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Special {
    /// Those spelled out in the text become themselves; else they are text as any other.
    pub(crate) parse: bool,
    /// The tokens that a text begins and ends with are added.
    pub(crate) add: bool,
}

/// A tokenizer, ready. The same text always gives the same ids.
pub(crate) struct LanguageTokenizer {
    encoder: Encoder,
    pieces: Pieces,
    /// Added before a text, and behind it.
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    /// The tokens that templates call `bos_token` and `eos_token`.
    begin: Option<u32>,
    end: Option<u32>,
    /// Tokens that end an answer.
    ends: BTreeSet<u32>,
}

enum Encoder {
    /// Byte pairs, and whatever else a `tokenizer.json` asks for.
    Library {
        tokenizer: Box<Tokenizer>,
        /// The same, which takes special tokens for text; made when first asked for.
        literal: OnceLock<Box<Tokenizer>>,
    },
    SentencePiece(Box<SentencePiece>),
}

/// What a file says of a tokenizer beside its vocabulary.
#[derive(Debug, Default)]
struct Stated {
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    begin: Option<u32>,
    end: Option<u32>,
    ends: Vec<u32>,
}

impl LanguageTokenizer {
    /// Of a model. Errors: `FileMissing`, `Tokenizer`, `Config`, what is wrong with a key.
    pub(crate) fn of(model: &Model) -> Result<Self, ModelsError> {
        match model.layout() {
            Layout::Gguf | Layout::GgufSplit => gguf::read(model.metadata()),
            Layout::HuggingFace | Layout::OpenClip | Layout::Safetensors => hugging_face::read(model),
        }
    }

    /// Errors: `Tokenizer` for a special id that is no token.
    fn new(encoder: Encoder, pieces: Pieces, stated: Stated) -> Result<Self, ModelsError> {
        let Stated { prefix, suffix, begin, end, ends } = stated;
        let named = prefix.iter().chain(&suffix).chain(&begin).chain(&end).chain(&ends);
        if let Some(id) = named.copied().find(|id| *id as usize >= pieces.len()) {
            let reason = format!("the special token {id} is not one of the {} tokens", pieces.len());
            return Err(refused("read the tokenizer", reason));
        }
        let mut ends: BTreeSet<u32> = ends.into_iter().chain(end).collect();
        let by_name = |name: &&str| pieces.control(name);
        ends.extend(END_NAMES.iter().filter_map(by_name));
        Ok(Self { encoder, pieces, prefix, suffix, begin, end, ends })
    }

    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// Whether this token ends an answer.
    pub(crate) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// One of the tokens that end an answer: the file's own, else the first. `None`: there is none.
    pub(crate) fn end(&self) -> Option<u32> {
        self.end.or_else(|| self.ends.first().copied())
    }

    /// What templates call `bos_token` and `eos_token`.
    pub(crate) fn template_tokens(&self) -> [Option<&str>; 2] {
        [self.begin, self.end].map(|id| std::str::from_utf8(self.pieces.spelling(id?)).ok())
    }

    /// The ids of a text. Errors: `Tokenizer` for one of more than a million bytes.
    pub(crate) fn encode(&self, text: &str, special: Special) -> Result<Vec<u32>, ModelsError> {
        let mut ids = if special.add { self.prefix.clone() } else { Vec::new() };
        ids.extend(self.text_ids(text, special.parse)?);
        if special.add {
            ids.extend(&self.suffix);
        }
        Ok(ids)
    }

    /// The ids of a rendered conversation: special tokens parsed, what a text begins with added unless the
    /// template has written it already. Errors: as [`LanguageTokenizer::encode`].
    pub(crate) fn encode_rendered(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        let mut ids = self.text_ids(text, true)?;
        if !ids.starts_with(&self.prefix) {
            ids.splice(..0, self.prefix.iter().copied());
        }
        Ok(ids)
    }

    /// A control token that is spelled out in a text, if there is one.
    pub(crate) fn control_in<'a>(&'a self, text: &str) -> Option<&'a str> {
        self.pieces.control_in(text)
    }

    fn text_ids(&self, text: &str, parse: bool) -> Result<Vec<u32>, ModelsError> {
        const ENCODE: &str = "encode a text";
        if text.len() > MAX_TEXT_BYTES {
            return Err(refused(ENCODE, format!("{} bytes, at most {MAX_TEXT_BYTES} are read", text.len())));
        }
        let ids = match &self.encoder {
            Encoder::SentencePiece(encoder) => encoder.encode(text, parse)?,
            Encoder::Library { tokenizer, literal } => {
                let tokenizer = if parse { tokenizer } else { literal.get_or_init(|| literally(tokenizer)) };
                guarded(ENCODE, || Ok(tokenizer.encode_fast(text, false)?.get_ids().to_vec()))?
            }
        };
        match ids.iter().find(|id| **id as usize >= self.len()) {
            Some(id) => Err(refused(ENCODE, format!("it gave {id}, not one of {} ids", self.len()))),
            None => Ok(ids),
        }
    }
}

fn literally(tokenizer: &Tokenizer) -> Box<Tokenizer> {
    let mut literal = tokenizer.clone();
    literal.set_encode_special_tokens(true);
    Box::new(literal)
}
