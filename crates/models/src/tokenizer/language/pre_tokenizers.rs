//! TABLE: how texts are cut before byte pairs are merged, by the names of GGUF's key `tokenizer.ggml.pre`.
//! Source: llama.cpp `llama-vocab.cpp`; the `tokenizer.json` of the models named.

use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

/// One family of byte-level vocabularies.
pub(super) struct PreTokenizer {
    pub(super) names: &'static [&'static str],
    cut: Cut,
    /// A word that is a token as a whole is not merged.
    pub(super) ignore_merges: bool,
    /// A text begins with the begin token unless the file says otherwise.
    pub(super) adds_begin: bool,
    /// Texts are composed (Unicode NFC) first, as the model was trained; llama.cpp leaves that out.
    pub(super) composes: bool,
}

enum Cut {
    /// As GPT-2.
    Gpt2,
    /// Each digit alone, then as GPT-2.
    Digits,
    /// By these patterns, one after the other.
    Patterns(&'static [&'static str]),
}

const PLAIN: PreTokenizer =
    PreTokenizer { names: &[], cut: Cut::Gpt2, ignore_merges: false, adds_begin: false, composes: false };

const TABLE: &[PreTokenizer] = &[
    PreTokenizer { names: &["gpt-2", "phi-2"], ..PLAIN },
    PreTokenizer { names: &["smollm", "starcoder", "refact", "command-r"], cut: Cut::Digits, ..PLAIN },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3"],
        cut: Cut::Patterns(&[
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        ]),
        ignore_merges: true,
        adds_begin: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen"],
        cut: Cut::Patterns(&[
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        ]),
        composes: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["default"],
        cut: Cut::Patterns(&[
            "[\\p{P}\\$\\+<=>\\^~\\|]+",
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
            "\\p{N}+",
            "[0-9][0-9][0-9]",
        ]),
        ..PLAIN
    },
];

/// The family of this name.
pub(super) fn find(name: &str) -> Option<&'static PreTokenizer> {
    TABLE.iter().find(|family| family.names.contains(&name))
}

/// All names, for errors.
pub(super) fn known() -> String {
    TABLE.iter().flat_map(|family| family.names).copied().collect::<Vec<_>>().join(", ")
}

impl PreTokenizer {
    /// The steps, ending with bytes as symbols. Errors: none for the patterns above.
    pub(super) fn steps(&self) -> tokenizers::Result<PreTokenizerWrapper> {
        let bytes = |cut: bool| PreTokenizerWrapper::from(ByteLevel::new(false, true, cut));
        let steps = match self.cut {
            Cut::Gpt2 => vec![bytes(true)],
            Cut::Digits => vec![Digits::new(true).into(), bytes(true)],
            Cut::Patterns(patterns) => {
                let split = |pattern: &&str| {
                    let pattern = SplitPattern::Regex((*pattern).to_owned());
                    Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map(Into::into)
                };
                let mut steps: Vec<PreTokenizerWrapper> =
                    patterns.iter().map(split).collect::<tokenizers::Result<_>>()?;
                steps.push(bytes(false));
                steps
            }
        };
        Ok(Sequence::new(steps).into())
    }
}
