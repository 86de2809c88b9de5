//! Kind and size of a model's tokenizer. Counts; loads no vocabulary.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::gguf::Metadata;
use crate::model::Model;

/// What is known of a tokenizer without loading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenizerSummary {
    /// `tokenizer.ggml.model` (`gpt2`, `llama`, …), or `model.type` of `tokenizer.json` (`BPE`, …); `None`
    /// where only the files below tell.
    pub kind: Option<String>,
    /// `tokenizer.ggml.pre`.
    pub pre: Option<String>,
    /// Words, without those that `tokenizer.json` adds later.
    pub vocabulary_length: Option<u64>,
    /// Where it is: a metadata key or file names.
    pub source: String,
}

/// Files that hold a vocabulary, the first that exists counts.
const VOCABULARIES: &[&str] =
    &["vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"];

impl TokenizerSummary {
    pub(super) fn of(model: &Model) -> Option<Self> {
        Self::of_gguf(model.metadata()).or_else(|| {
            if let Some(file) = model.file("tokenizer.json") {
                let counted = Counted::of(file.source.bytes());
                let (kind, vocabulary_length) = counted.map_or((None, None), |c| (c.kind, c.vocabulary));
                return Some(Self { kind, pre: None, vocabulary_length, source: file.name.clone() });
            }
            let name = VOCABULARIES.iter().find(|name| model.file(name).is_some())?;
            let merges = model.file("merges.txt").map_or("", |_| ", merges.txt");
            Some(Self { kind: None, pre: None, vocabulary_length: None, source: format!("{name}{merges}") })
        })
    }

    fn of_gguf(metadata: &Metadata) -> Option<Self> {
        const KEY: &str = "tokenizer.ggml.model";
        const VERBATIM: &str = "tokenizer.huggingface.json";
        let text = |key| metadata.str(key).ok().flatten().map(str::to_owned);
        if let Some(kind) = text(KEY) {
            let tokens = metadata.array("tokenizer.ggml.tokens").ok().flatten();
            let vocabulary_length = tokens.map(|tokens| tokens.len() as u64);
            let pre = text("tokenizer.ggml.pre");
            return Some(Self { kind: Some(kind), pre, vocabulary_length, source: KEY.to_owned() });
        }
        let counted = Counted::of(metadata.str(VERBATIM).ok().flatten()?.as_bytes());
        let (kind, vocabulary_length) = counted.map_or((None, None), |c| (c.kind, c.vocabulary));
        Some(Self { kind, pre: None, vocabulary_length, source: VERBATIM.to_owned() })
    }
}

/// What is wanted of a `tokenizer.json`; all else is read past.
struct Counted {
    kind: Option<String>,
    vocabulary: Option<u64>,
}

impl Counted {
    /// `None` where it is no such JSON: `inspect` shows what can be known, loading the tokenizer refuses.
    fn of(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Tokenizer {
            model: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            #[serde(rename = "type")]
            kind: Option<String>,
            vocab: Option<Length>,
        }
        let tokenizer: Tokenizer = serde_json::from_slice(json).ok()?;
        let Inner { kind, vocab } = tokenizer.model;
        Some(Self { kind, vocabulary: vocab.map(|length| length.0) })
    }
}

/// The number of entries of an object (BPE, WordPiece) or array (Unigram).
struct Length(u64);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> Visitor<'de> for Count {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Length, A::Error> {
                let mut count = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Length(count))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Length, A::Error> {
                let mut count = 0;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Length(count))
            }
        }
        input.deserialize_any(Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_are_counted() {
        let cases = [
            (
                r#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}"#,
                Some("BPE"),
                Some(2),
            ),
            (r#"{"model":{"type":"Unigram","vocab":[["a",-1.5]]}}"#, Some("Unigram"), Some(1)),
            (r#"{"model":{"vocab":{}}}"#, None, Some(0)),
            (r#"{"model":{"type":"BPE"}}"#, Some("BPE"), None),
        ];
        for (json, kind, length) in cases {
            let counted = Counted::of(json.as_bytes()).unwrap();
            assert_eq!((counted.kind.as_deref(), counted.vocabulary), (kind, length), "{json}");
        }
        assert!(Counted::of(b"{}").is_none() && Counted::of(&b"[".repeat(20_000)).is_none());
    }
}
