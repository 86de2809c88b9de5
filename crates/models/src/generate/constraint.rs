//! Answers that a JSON schema allows, token by token.
//! Source: llguidance 1.9.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{
    InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv,
};
use llguidance::{Matcher, ParserFactory, panic_utils};
use serde_json::{Map, Value, json};

use crate::ModelsError;
use crate::config::shown;
use crate::tokenizer::{Kind, LanguageTokenizer};

/// Longest schema, in bytes as text.
const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// How the answer is written, where the schema does not say it itself: one space behind commas and colons, as
/// most JSON that models were trained with. With white space left free, a small model may write nothing else.
const WRITING: &str = "x-guidance";
/// Marks tokens that are no text, as the library wants them.
const SPECIAL: u8 = TokTrie::SPECIAL_TOKEN_MARKER;

/// A vocabulary made ready for schemas: once for all of them.
pub(crate) struct Schemas {
    factory: ParserFactory,
}

/// What the library asks of a tokenizer. Texts are cut into the longest tokens, which need not be those that
/// the tokenizer gives: it is only told that they are not.
struct Environment {
    trie: TokTrie,
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, text: &[u8]) -> Vec<TokenId> {
        self.trie.greedy_tokenize(text)
    }

    fn tokenize_is_canonical(&self) -> bool {
        false
    }
}

impl Schemas {
    /// Errors: `Schema` for a tokenizer without a token that ends an answer, or one the library cannot take.
    pub(crate) fn new(tokenizer: &LanguageTokenizer) -> Result<Self, ModelsError> {
        let end = tokenizer.end().ok_or_else(|| refused("the tokenizer has no token that ends an answer"))?;
        let count = tokenizer.len() as u32; // fits: ids are u32
        let words: Vec<Vec<u8>> = (0..count).map(|id| word(tokenizer, id)).collect();
        let trie = TokTrie::from(&TokRxInfo::new(count, end), &words);
        let environment: TokEnv = Arc::new(Environment { trie });
        let capabilities = InferenceCapabilities::default();
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&environment, capabilities, &slices).map_err(refused)?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory })
    }

    /// Errors: `Schema` for one that is too long, asks for what the library does not know, or allows nothing.
    pub(crate) fn begin(&self, schema: &Value) -> Result<Constraint, ModelsError> {
        let bytes = schema.to_string().len();
        if bytes > MAX_SCHEMA_BYTES {
            return Err(refused(format!("{bytes} bytes, at most {MAX_SCHEMA_BYTES} are read")));
        }
        let mut schema = match schema {
            Value::Object(_) | Value::Bool(false) => schema.clone(),
            Value::Bool(true) => Value::Object(Map::new()),
            _ => return Err(refused("an object or a bool is expected")),
        };
        if let Some(members) = schema.as_object_mut() {
            members.entry(WRITING).or_insert_with(|| {
                json!({
                    "item_separator": ", ", "key_separator": ": ", "whitespace_flexible": false,
                })
            });
        }
        let grammar = TopLevelGrammar::from_json_schema(schema);
        // What the library cannot take, it may panic about.
        let parser = panic_utils::catch_unwind(AssertUnwindSafe(|| self.factory.create_parser(grammar)));
        let parser = parser.map_err(refused)?;
        let mut constraint = Constraint { matcher: Matcher::new(Ok(parser)) };
        if let Some(error) = constraint.matcher.get_error() {
            return Err(refused(error));
        }
        constraint.allowed()?;
        Ok(constraint)
    }
}

/// The bytes of a token; of one that is no text, a mark and its name.
fn word(tokenizer: &LanguageTokenizer, id: u32) -> Vec<u8> {
    let pieces = tokenizer.pieces();
    match pieces.kind(id) {
        Some(Kind::Text | Kind::UserDefined) if !tokenizer.is_end(id) => pieces.spelling(id).to_vec(),
        Some(Kind::Unused) | None => Vec::new(),
        Some(_) => [&[SPECIAL], pieces.spelling(id)].concat(),
    }
}

/// One answer on its way through a schema.
pub(crate) struct Constraint {
    matcher: Matcher,
}

impl Constraint {
    /// The tokens that may follow. Errors: `Schema` where none can: what is there leads nowhere.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob, ModelsError> {
        let mask = self.matcher.compute_mask_or_eos().map_err(refused)?;
        if mask.is_zero() {
            return Err(refused("no token of this vocabulary leads to an answer that it allows"));
        }
        Ok(mask)
    }

    /// The token was chosen. Errors: `Schema`.
    pub(crate) fn take(&mut self, id: u32) -> Result<(), ModelsError> {
        self.matcher.consume_token(id).map_err(refused)
    }

    /// The answer is complete and nothing may follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }

    /// The answer as it stands is one that the schema allows.
    pub(crate) fn is_met(&mut self) -> bool {
        self.is_complete() || self.matcher.is_accepting().unwrap_or(false)
    }
}

fn refused(reason: impl ToString) -> ModelsError {
    ModelsError::Schema { reason: shown(&reason.to_string()) }
}
