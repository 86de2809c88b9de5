//! open_clip's own tokenizer: its splitting of a text into pieces, and the byte-pair merges of
//! tokenizer.json on each. The normaliser, splitting and added tokens of tokenizer.json differ from it in
//! places, so they are not used.

use std::sync::LazyLock;

use regex::Regex;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::{Model, Tokenizer};

use super::{ModelsError, refused, told};

/// What ends the last symbol of a piece.
const END_OF_WORD: &str = "</w>";
/// Written in a text these become the start and the end token. The names are this tokenizer's own: a
/// tokenizer.json has others for the same ids.
const START_NAME: &str = "<start_of_text>";
const END_NAME: &str = "<end_of_text>";

/// The pieces of a text, as Python's `regex` finds them with case ignored: ſ is an s in the fixed words.
static PIECE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i:<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d)",
        // The combining iota is a letter in other case, so that module takes it for none of the three.
        r"|\p{L}+|\p{N}|[^\s\p{L}\p{N}\x{345}]+"
    ))
    .expect("the pattern is fixed and tested")
});

/// The character that stands for each byte in the vocabulary: printable ones for themselves, the others
/// from U+0100 on.
static SYMBOLS: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut next = 0x100;
    let symbol = |byte: u8| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => {
            next += 1;
            char::from_u32(next - 1).expect("U+0100 to U+01FF are characters")
        }
    };
    (0..=u8::MAX).map(symbol).collect()
});

/// The merges, and the two tokens that a text can name.
pub(super) struct SimpleTokenizer {
    merges: BPE,
    start: u32,
    end: u32,
}

impl SimpleTokenizer {
    /// From a tokenizer.json of the CLIP kind. `prefix`, `suffix`: what stands round a text.
    /// Errors: `ModelsError::Tokenizer` for another kind, or a byte without its symbol.
    pub(super) fn new(tokenizer: &Tokenizer, prefix: &[u32], suffix: &[u32]) -> Result<Self, ModelsError> {
        let refuse = |reason: String| refused("use as open_clip's tokenizer", reason);
        let ModelWrapper::BPE(merges) = tokenizer.get_model() else {
            return Err(refuse("it has no byte-pair merges".to_owned()));
        };
        let ([start], [end]) = (prefix, suffix) else {
            let (before, after) = (prefix.len(), suffix.len());
            return Err(refuse(format!(
                "a text is to have one token before it and one after, not {before} and {after}"
            )));
        };
        let prefixed = merges.continuing_subword_prefix.as_ref().is_some_and(|prefix| !prefix.is_empty());
        if prefixed || merges.end_of_word_suffix.as_deref() != Some(END_OF_WORD) {
            return Err(refuse(format!("its words do not end in {END_OF_WORD} alone")));
        }
        let known = |symbol: char| {
            let (plain, last) = (symbol.to_string(), format!("{symbol}{END_OF_WORD}"));
            merges.token_to_id(&plain).is_some() && merges.token_to_id(&last).is_some()
        };
        if let Some(byte) = SYMBOLS.iter().position(|symbol| !known(*symbol)) {
            return Err(refuse(format!("byte {byte} has no symbol in the vocabulary")));
        }
        Ok(Self { merges: merges.clone(), start: *start, end: *end })
    }

    /// The ids of a text that is already cleaned, without the tokens round it.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        let mut ids = Vec::new();
        for piece in PIECE.find_iter(text).map(|found| found.as_str()) {
            match piece {
                START_NAME => ids.push(self.start),
                END_NAME => ids.push(self.end),
                _ => {
                    let symbols: String = piece.bytes().map(|byte| SYMBOLS[usize::from(byte)]).collect();
                    let tokens = self.merges.tokenize(&symbols).map_err(|error| told("encode", &*error))?;
                    ids.extend(tokens.iter().map(|token| token.id));
                }
            }
        }
        Ok(ids)
    }
}
