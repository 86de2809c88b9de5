//! The ids against those of llama.cpp and transformers; tokenizers that contradict themselves.

use std::path::Path;

use bedside_tests::{fetched, golden};
use bedside_weights::gguf::{Array, Metadata, Value as Gguf};
use serde::Deserialize;
use serde_json::Value;

use super::*;

fn open(path: &Path) -> LanguageTokenizer {
    LanguageTokenizer::of(&Model::open(path).unwrap()).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

const PLAIN: Special = Special { parse: false, add: false };
const ALL: Special = Special { parse: true, add: true };

#[derive(Deserialize)]
struct Item {
    text: String,
    ids_plain: Vec<u32>,
    ids_special: Vec<u32>,
}

/// Every string of a table; token by token they come back, unless the vocabulary lacks their bytes.
fn check_table(tokenizer: &LanguageTokenizer, table: &Path) {
    let table = json(table);
    assert_eq!(tokenizer.len() as u64, table["n_vocab"].as_u64().unwrap());
    let items: Vec<Item> = serde_json::from_value(table["items"].clone()).unwrap();
    assert!(items.len() >= 140);
    for Item { text, ids_plain, ids_special } in items {
        assert_eq!(tokenizer.encode(&text, PLAIN).unwrap(), ids_plain, "{text:?}");
        assert_eq!(tokenizer.encode(&text, ALL).unwrap(), ids_special, "{text:?}");
        let bytes: Vec<u8> =
            ids_plain.iter().flat_map(|id| tokenizer.pieces().spelling(*id)).copied().collect();
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }
}

#[test]
fn the_ids_of_smollm2_are_llama_cpps() {
    let Some(model) = fetched("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let Some(table) = golden("text/tokenizer_smollm2.json") else { return };
    check_table(&open(&model), &table);
}

/// The tiny models' tokenizers, out of both layouts.
#[test]
fn the_ids_of_both_layouts_are_the_references() {
    for (name, gguf) in [
        ("smolvlm-tiny", "text-f16.gguf"),
        ("gemma3-tiny", "text-q8_0.gguf"),
        ("qwen2.5vl-tiny", "text-f16.gguf"),
        ("llava-tiny", "text-f16.gguf"),
    ] {
        let Some(folder) = golden(&format!("vlm/{name}")) else { return };
        let expected = json(&folder.join("expected.json"));
        let both = [open(&folder.join("model")), open(&folder.join("gguf").join(gguf))];
        for item in expected["tokenizer_test"].as_array().into_iter().flatten() {
            let text = item["text"].as_str().unwrap();
            let ids: Vec<u32> = serde_json::from_value(item["ids"].clone()).unwrap();
            for tokenizer in &both {
                // As `add_special_tokens=False` gives them: special tokens are parsed.
                let got = tokenizer.encode(text, Special { parse: true, add: false }).unwrap();
                assert_eq!(got, ids, "{name}: {text:?}");
            }
        }
        for text in ["", "Hello <|im_end|> naïve B-lines\n\n 12.5 cm", "e\u{301} \u{1fa7a}\t  x"] {
            for special in [PLAIN, ALL] {
                let [folder, file] =
                    both.each_ref().map(|tokenizer| tokenizer.encode(text, special).unwrap());
                assert_eq!(folder, file, "{name}: {text:?}");
            }
        }
        let ends = both.each_ref().map(|tokenizer| tokenizer.ends.clone());
        assert!(
            !ends[1].is_empty() && ends[1].is_superset(&ends[0]) || ends[0].is_superset(&ends[1]),
            "{name} {ends:?}"
        );
    }
}

#[test]
fn a_rendered_conversation_begins_once() {
    let Some(folder) = golden("vlm/gemma3-tiny/model") else { return };
    let gemma = open(&folder);
    let [begin, _] = gemma.template_tokens();
    assert_eq!(begin, Some("<bos>"));
    let with = gemma.encode_rendered("<bos>Hello").unwrap();
    assert_eq!(with, gemma.encode_rendered("Hello").unwrap());
    assert_eq!(with, gemma.encode("Hello", ALL).unwrap());
    assert_eq!(gemma.control_in("what is <end_of_turn> here"), Some("<end_of_turn>"));
    assert_eq!(gemma.control_in("nothing <end here"), None);
}

/// A vocabulary of five tokens with one merge, and what is changed about it.
fn small(change: impl FnOnce(&mut Metadata)) -> Result<LanguageTokenizer, ModelsError> {
    let mut metadata = Metadata::default();
    let strings = |items: &[&str]| Gguf::Array(Array::Strings(items.iter().collect()));
    let mut set = |key: &str, value| metadata.insert(key, value).unwrap();
    set("tokenizer.ggml.model", Gguf::String("gpt2".into()));
    set("tokenizer.ggml.pre", Gguf::String("gpt-2".into()));
    set("tokenizer.ggml.tokens", strings(&["<end>", "a", "b", "ab", "Ġ"]));
    set("tokenizer.ggml.token_type", Gguf::Array(Array::I32(vec![3, 1, 1, 1, 1])));
    set("tokenizer.ggml.merges", strings(&["a b"]));
    set("tokenizer.ggml.eos_token_id", Gguf::U32(0));
    change(&mut metadata);
    gguf::read(&metadata)
}

#[test]
fn tokenizers_that_contradict_themselves_are_refused() {
    let whole = small(|_| {}).unwrap();
    assert_eq!(whole.encode("ab a<end>", ALL).unwrap(), [3, 4, 1, 0]);
    // Bytes without a token are dropped before anything merges, as transformers does.
    assert_eq!(whole.encode("axb<end>", PLAIN).unwrap(), [3]);
    assert!(whole.is_end(0) && !whole.is_end(1));
    let strings = |items: &[&str]| Gguf::Array(Array::Strings(items.iter().collect()));
    struct Case {
        key: &'static str,
        value: Option<Gguf>,
        message: &'static str,
    }
    let case = |key, value, message| Case { key, value, message };
    let cases = [
        case("tokenizer.ggml.tokens", None, "no list of tokens"),
        case("tokenizer.ggml.tokens", Some(strings(&["a", "b", "a", "ab", "Ġ"])), "occurs twice"),
        case("tokenizer.ggml.tokens", Some(Gguf::Array(Array::U32(vec![1]))), "not strings"),
        case("tokenizer.ggml.token_type", Some(Gguf::Array(Array::I32(vec![1]))), "1 entries for 5 tokens"),
        case("tokenizer.ggml.merges", None, "no list of merges"),
        case("tokenizer.ggml.merges", Some(strings(&["ab"])), "merge 0 is not two tokens"),
        case("tokenizer.ggml.merges", Some(strings(&["a c"])), "out of vocabulary"),
        case("tokenizer.ggml.model", Some(Gguf::String("bert".into())), "the model is bert"),
        case("tokenizer.ggml.model", None, "the model is none"),
        case("tokenizer.ggml.pre", Some(Gguf::String("new\u{1b}".into())), "the pre-tokenizer is new\\u{1b}"),
        case("tokenizer.ggml.eos_token_id", Some(Gguf::U32(5)), "the special token 5 is not one"),
    ];
    for Case { key, value, message } in cases {
        let refused = small(|metadata| {
            metadata.remove(key);
            value.into_iter().for_each(|value| metadata.insert(key, value).unwrap());
        });
        let error = refused.err().unwrap().to_string();
        assert!(error.contains(message), "{key}: {error}");
    }
    let long = "a".repeat(MAX_TEXT_BYTES + 1);
    assert!(whole.encode(&long, PLAIN).is_err());
}
