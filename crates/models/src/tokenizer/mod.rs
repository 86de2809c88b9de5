//! Text to token ids: a Hugging Face `tokenizer.json` with what a family of models does round it.
//!
//! The ids are those of the Python libraries, with `padding="max_length"` and `truncation=True`: open_clip
//! 3.3.0 with ftfy 6.3.1, transformers with its fast tokenizers. One text is encoded at a time, on the
//! calling thread, and no environment variable is read.

mod cleaning;
mod code_pages;
mod fix_text;
mod header;
mod html;
mod language;
mod mojibake;
mod mojibake_classes;
mod side_files;
mod simple;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use tokenizers::models::ModelWrapper;
use tokenizers::{Encoding, Token, Tokenizer};

pub(crate) use cleaning::Cleaning;
use header::Header;
pub(crate) use language::{Kind, LanguageTokenizer, Special};
pub(crate) use side_files::{SideFile, padding_id, read_side_file};
use simple::SimpleTokenizer;

use crate::ModelsError;

/// Longest `tokenizer.json`, in bytes. That of Gemma's vocabulary, the largest in use, has 34 MB.
const MAX_TOKENIZER_BYTES: usize = 256 << 20;
/// Longest text, in bytes. `ftfy` cuts a longer line at a million characters, which is not done here.
const MAX_TEXT_BYTES: usize = 1_000_000;
/// Longest context, in tokens: far above what any text tower has.
const MAX_CONTEXT_LENGTH: u32 = 1 << 20;
/// How often a text is mended before it counts as hostile: each level of `&amp;amp;` takes one round.
const MAX_ROUNDS: usize = 64;
/// Characters of a file or a library's message that an error shows.
const EXCERPT_CHARS: usize = 300;
/// Stands for a text where its place among the special tokens is looked for: no vocabulary has it.
const PLACE: u32 = u32::MAX;

/// What a family of models does round its tokenizer. Stored in GGUF keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) struct TokenizerRules {
    /// What is done to a text first.
    pub(crate) cleaning: Cleaning,
    /// Tokens that [`TextTokenizer::encode`] gives, those round the text included.
    pub(crate) context_length: u32,
    /// The id that fills a short text up.
    pub(crate) padding: u32,
}

/// A tokenizer, ready to encode. `Send` and `Sync`; the same text always gives the same ids.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    /// In place of `tokenizer` where open_clip's own is asked for.
    simple: Option<SimpleTokenizer>,
    rules: TokenizerRules,
    context_length: usize,
    /// The ids before a text.
    prefix: Vec<u32>,
    /// The ids after a text.
    suffix: Vec<u32>,
    vocabulary: u64,
}

impl TextTokenizer {
    /// From the bytes of a `tokenizer.json`. Its own sections on truncation and padding have no effect.
    /// Errors: `ModelsError::Tokenizer` if it cannot be read or is inconsistent, if it draws by chance, if
    /// the special tokens do not fit the context, or if an id is outside the vocabulary.
    pub(crate) fn new(json: &[u8], rules: &TokenizerRules) -> Result<Self, ModelsError> {
        const READ: &str = "read tokenizer.json";
        if json.len() > MAX_TOKENIZER_BYTES {
            let reason = format!("{} bytes, at most {MAX_TOKENIZER_BYTES} are read", json.len());
            return Err(refused(READ, reason));
        }
        let header = Header::read(json)?;
        let tokenizer = guarded(READ, || without_cache(Tokenizer::from_bytes(json)?))?;
        header.check_added_ids(&tokenizer)?;
        let vocabulary = vocabulary(&tokenizer)?;
        let (prefix, suffix) = special_tokens(&tokenizer)?;
        if let Some(id) = prefix.iter().chain(&suffix).find(|id| u64::from(**id) >= vocabulary) {
            let reason = format!("the special token {id} is not one of the {vocabulary} ids");
            return Err(refused(READ, reason));
        }
        let simple = match rules.cleaning {
            Cleaning::OpenClip => Some(SimpleTokenizer::new(&tokenizer, &prefix, &suffix)?),
            Cleaning::None | Cleaning::Whitespace | Cleaning::Canonicalize => None,
        };
        let context_length = context_length(rules, prefix.len() + suffix.len())?;
        let padding = rules.padding;
        Self { tokenizer, simple, rules: rules.clone(), context_length, prefix, suffix, vocabulary }
            .with_padding(padding)
    }

    /// The same tokenizer with another padding id: its number is often known only by its token.
    /// Errors: `ModelsError::Tokenizer` if the vocabulary has no such id.
    pub(crate) fn with_padding(mut self, padding: u32) -> Result<Self, ModelsError> {
        if u64::from(padding) >= self.vocabulary {
            let reason = format!("the padding id {padding} is not one of the {} ids", self.vocabulary);
            return Err(refused("set the rules", reason));
        }
        self.rules.padding = padding;
        Ok(self)
    }

    /// Exactly `context_length` ids: the text cut to fit, the special tokens round it kept, then padding.
    /// Errors: `ModelsError::Tokenizer` if the text has more than a million bytes, needs too many rounds
    /// of mending, or holds what the vocabulary has no token for.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        let room = self.context_length - self.prefix.len() - self.suffix.len();
        let text = self.text_ids(text)?;
        let mut ids = Vec::with_capacity(self.context_length);
        ids.extend(&self.prefix);
        ids.extend(text.iter().take(room));
        ids.extend(&self.suffix);
        ids.resize(self.context_length, self.rules.padding);
        Ok(ids)
    }

    /// The ids of the text alone, however many.
    fn text_ids(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        const ENCODE: &str = "encode a text";
        if text.len() > MAX_TEXT_BYTES {
            return Err(refused(ENCODE, format!("{} bytes, at most {MAX_TEXT_BYTES} are read", text.len())));
        }
        let text = self.rules.cleaning.clean(text)?;
        let ids = match &self.simple {
            Some(simple) => simple.encode(&text)?,
            None => guarded(ENCODE, || Ok(self.tokenizer.encode_fast(text, false)?.get_ids().to_vec()))?,
        };
        match ids.iter().find(|id| u64::from(**id) >= self.vocabulary) {
            Some(id) => Err(refused(ENCODE, format!("it gave {id}, not one of {} ids", self.vocabulary))),
            None => Ok(ids),
        }
    }

    /// Largest id and one, added tokens included.
    pub(crate) fn vocabulary(&self) -> u64 {
        self.vocabulary
    }

    /// The id of a token by its exact spelling in the vocabulary, added tokens included.
    pub(crate) fn id_of(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The rules it works by.
    pub(crate) fn rules(&self) -> &TokenizerRules {
        &self.rules
    }
}

/// Without the library's caches, which would grow per thread and outlive the tokenizer, and without
/// truncation and padding, which are done here. Merges that are left out by chance are refused.
fn without_cache(mut tokenizer: Tokenizer) -> tokenizers::Result<Tokenizer> {
    tokenizer.with_truncation(None)?.with_padding(None);
    let model = match tokenizer.get_model().clone() {
        ModelWrapper::BPE(bpe) if bpe.dropout.is_some_and(|dropout| dropout != 0.0) => {
            return Err("dropout: merges would be left out by chance".into());
        }
        ModelWrapper::BPE(mut bpe) => {
            bpe.resize_cache(0);
            ModelWrapper::BPE(bpe)
        }
        ModelWrapper::Unigram(mut unigram) => {
            unigram.resize_cache(0);
            ModelWrapper::Unigram(unigram)
        }
        other => other,
    };
    tokenizer.with_model(model);
    Ok(tokenizer)
}

fn vocabulary(tokenizer: &Tokenizer) -> Result<u64, ModelsError> {
    let largest = tokenizer.get_vocab(true).into_values().max();
    match largest {
        None => Err(refused("read tokenizer.json", "the vocabulary is empty".to_owned())),
        Some(PLACE) => Err(refused("read tokenizer.json", format!("an id is {PLACE}: too large"))),
        Some(largest) => Ok(u64::from(largest) + 1),
    }
}

/// The ids that the post-processor sets before and after a text.
fn special_tokens(tokenizer: &Tokenizer) -> Result<(Vec<u32>, Vec<u32>), ModelsError> {
    const PLACED: &str = "place the special tokens";
    let processed = guarded(PLACED, || {
        let text = Encoding::from_tokens(vec![Token::new(PLACE, String::new(), (0, 0))], 0);
        Ok(tokenizer.post_process(text, None, true)?.get_ids().to_vec())
    })?;
    let mut parts = processed.split(|id| *id == PLACE);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(prefix), Some(suffix), None) => Ok((prefix.to_vec(), suffix.to_vec())),
        _ => Err(refused(PLACED, "the post-processor does not keep the text once".to_owned())),
    }
}

/// The context length, if the special tokens fit.
fn context_length(rules: &TokenizerRules, special: usize) -> Result<usize, ModelsError> {
    let wrong = |reason: String| Err(refused("set the rules", reason));
    let length = rules.context_length;
    if length > MAX_CONTEXT_LENGTH {
        return wrong(format!("a context of {length} tokens, at most {MAX_CONTEXT_LENGTH}"));
    }
    match usize::try_from(length) {
        Ok(length) if length >= special.max(1) => Ok(length),
        _ => wrong(format!("a context of {length} tokens does not hold the {special} special ones")),
    }
}

/// Run what calls the tokenizers library. Some files make it panic: a precompiled normaliser cut short
/// while it is read, a template whose token is not explained once it is used. A file must not end the
/// program, and those checks would be the library's own reading written again.
fn guarded<T>(
    operation: &'static str,
    run: impl FnOnce() -> tokenizers::Result<T>,
) -> Result<T, ModelsError> {
    // Nothing half done is seen afterwards: what a panic leaves is dropped, or only read.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| told(operation, &*error)),
        Err(_) => Err(refused(operation, "the tokenizers library gave up on it".to_owned())),
    }
}

fn told(operation: &'static str, error: &(impl Display + ?Sized)) -> ModelsError {
    refused(operation, excerpt(&error.to_string()))
}

fn refused(operation: &'static str, reason: String) -> ModelsError {
    ModelsError::Tokenizer { operation, reason }
}

/// The beginning of a text from a file, in one line: control characters are escaped.
fn excerpt(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    let mut shown: String = text.chars().take(EXCERPT_CHARS).map(escaped).collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
