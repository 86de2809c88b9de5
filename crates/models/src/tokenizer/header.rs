//! What is checked in a `tokenizer.json` before the library reads it.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::{ModelsError, excerpt, refused, told};

const READ: &str = "read tokenizer.json";
/// Most steps of normalising and splitting together. CLIP has five, the largest in use about a dozen.
const MAX_STEPS: usize = 64;
/// How many times longer these steps may make a text. Those in use stay below 20.
const MAX_GROWTH: usize = 256;

/// The parts of `tokenizer.json` that are checked.
#[derive(Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

impl Header {
    /// Read the header.
    /// Errors: `ModelsError::Tokenizer` if it does not read, or if its steps could make a text so much
    /// longer that memory runs out.
    pub(super) fn read(json: &[u8]) -> Result<Self, ModelsError> {
        let header: Self = serde_json::from_slice(json).map_err(|error| told(READ, &error))?;
        let mut steps = Vec::new();
        collect_steps(&header.normalizer, &mut steps);
        collect_steps(&header.pre_tokenizer, &mut steps);
        if steps.len() > MAX_STEPS {
            return Err(refused(READ, format!("{} steps, at most {MAX_STEPS} are taken", steps.len())));
        }
        let growth = steps.iter().fold(1, |product: usize, step| product.saturating_mul(growth(step)));
        if growth > MAX_GROWTH {
            let reason = format!("its steps could make a text {growth} times longer, at most {MAX_GROWTH}");
            return Err(refused(READ, reason));
        }
        Ok(header)
    }

    /// The library numbers added tokens itself and only warns where the file has other numbers: the ids
    /// would not be those the model was trained with.
    /// Errors: `ModelsError::Tokenizer` for the first such token.
    pub(super) fn check_added_ids(&self, tokenizer: &Tokenizer) -> Result<(), ModelsError> {
        for token in self.added_tokens.iter().filter(|token| !token.content.is_empty()) {
            let got = tokenizer.token_to_id(&token.content);
            if got != Some(token.id) {
                let got = got.map_or("none".to_owned(), |id| id.to_string());
                let (content, id) = (excerpt(&token.content), token.id);
                let reason = format!("the added token {content} says its id is {id}, its place gives {got}");
                return Err(refused(READ, reason));
            }
        }
        Ok(())
    }
}

/// The steps of a normaliser or a pre-tokeniser, those inside a sequence too. Depth is bounded by the
/// JSON reader.
fn collect_steps<'a>(step: &'a Value, steps: &mut Vec<&'a Value>) {
    let inner = ["normalizers", "pretokenizers"].iter().find_map(|key| step.get(key)?.as_array());
    match inner {
        Some(inner) => inner.iter().for_each(|step| collect_steps(step, steps)),
        None if step.is_null() => {}
        None => steps.push(step),
    }
}

/// How many times longer one step can make a text, in bytes.
fn growth(step: &Value) -> usize {
    match step.get("type").and_then(Value::as_str) {
        // One byte may become two characters' worth; a byte outside ASCII becomes a symbol of two.
        Some("ByteLevel") => 2,
        // A space becomes a character of three bytes, or of four.
        Some("Metaspace") => 4,
        // What is put in place of each byte, or, where the pattern matches nothing, between them.
        Some("Replace") => {
            let content = step.get("content").and_then(Value::as_str).map_or(0, str::len);
            content.saturating_add(1)
        }
        _ => 1,
    }
}
