//! The ids against the goldens of the Python libraries, and files that are refused.

use std::fs;
use std::panic::UnwindSafe;

use bedside_tests::golden;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::*;

fn rules(cleaning: Cleaning, context_length: u32, padding: u32) -> TokenizerRules {
    TokenizerRules { cleaning, context_length, padding }
}

/// The rows of an I64 matrix as ids.
fn rows(tensors: &SafeTensors<'_>, name: &str) -> Vec<Vec<u32>> {
    let tensor = tensors.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::I64);
    let id = |bytes: &[u8]| u32::try_from(i64::from_le_bytes(bytes.try_into().unwrap())).unwrap();
    let ids: Vec<u32> = tensor.data().chunks_exact(8).map(id).collect();
    ids.chunks_exact(tensor.shape()[1]).map(<[u32]>::to_vec).collect()
}

/// All prompts in one, then again from the last to the first: too long for every context.
fn long(prompts: &[&str]) -> String {
    let back = prompts.iter().rev();
    prompts.iter().chain(back).copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn ids_are_those_of_the_python_libraries() {
    struct Case {
        name: &'static str,
        cleaning: Cleaning,
        padding: u32,
    }
    let case = |name, cleaning, padding| Case { name, cleaning, padding };
    let cases = [
        case("dual/clip-tiny", Cleaning::None, 2013),
        case("dual/siglip-tiny", Cleaning::None, 1),
        case("dual/siglip2-naflex-tiny", Cleaning::None, 1),
        case("dual/openclip-tiny-gelu", Cleaning::OpenClip, 0),
        case("dual/openclip-tiny-quickgelu", Cleaning::OpenClip, 0),
        case("dual/biomedclip-tiny", Cleaning::Whitespace, 0),
        case("dual/biomedclip-tiny-mean", Cleaning::Whitespace, 0),
    ];
    for Case { name, cleaning, padding } in cases {
        let Some(folder) = golden(name) else { return };
        let json = fs::read(folder.join("model/tokenizer.json")).unwrap();
        let expected = fs::read(folder.join("expected.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&expected).unwrap();
        let about: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let prompts: Vec<&str> =
            about["prompts"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        let (short, cut) = (rows(&tensors, "input_ids"), rows(&tensors, "long_input_ids"));
        let context_length = u32::try_from(short[0].len()).unwrap();
        let tokenizer = TextTokenizer::new(&json, &rules(cleaning, context_length, padding)).unwrap();
        for (prompt, expected) in prompts.iter().zip(&short) {
            assert_eq!(tokenizer.encode(prompt).unwrap(), *expected, "{name}: {prompt}");
        }
        assert_eq!(tokenizer.encode(&long(&prompts)).unwrap(), cut[0], "{name}");
        // Without padding, as far as the reference has it.
        for (prompt, expected) in about["tokenizer_test"].as_object().into_iter().flatten() {
            let expected: Vec<u32> = serde_json::from_value(expected.clone()).unwrap();
            let exact = u32::try_from(expected.len()).unwrap();
            let tokenizer = TextTokenizer::new(&json, &rules(cleaning, exact, padding)).unwrap();
            assert_eq!(tokenizer.encode(prompt).unwrap(), expected, "{name}: {prompt}");
        }
    }
}

/// Ids of open_clip 3.3.0 with the merges of the golden, start and end token taken off.
#[test]
fn open_clip_splits_texts_its_own_way() {
    let Some(folder) = golden("dual/openclip-tiny-gelu/model/tokenizer.json") else { return };
    let json = fs::read(folder).unwrap();
    let tokenizer = TextTokenizer::new(&json, &rules(Cleaning::OpenClip, 77, 0)).unwrap();
    let (start, end) = (tokenizer.prefix[0], tokenizer.suffix[0]);
    assert_eq!([Some(start), Some(end)], ["<|startoftext|>", "<|endoftext|>"].map(|t| tokenizer.id_of(t)));
    let plain = |text: &str| tokenizer.text_ids(text).unwrap();
    // Its own names for the two tokens are read, those of tokenizer.json are not.
    assert_eq!(plain("<start_of_text> <END_OF_TEXT>"), [start, end]);
    assert!(!plain("<|endoftext|>").contains(&end));
    // A special name inside a run of signs is no name.
    assert!(!plain("!<end_of_text>").contains(&end));
    assert!(plain(" \n\t").is_empty());
    assert!(plain("\u{345}").is_empty());
    assert_eq!(plain("'ſ").len(), 3);
    assert_eq!(plain("a&amp;amp;b"), plain("A &B"));
}

/// Whole words, one normaliser and a template: small enough to be written down.
fn words() -> Value {
    json!({
        "version": "1.0",
        "truncation": {"direction": "Left", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": null,
            "pad_id": 7, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [{"id": 0, "content": "[CLS]", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [0], "tokens": ["[CLS]"]}}},
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[CLS]": 0, "[UNK]": 1, "lung": 2, "liver": 3},
            "unk_token": "[UNK]"}
    })
}

#[test]
fn sections_on_padding_and_truncation_have_no_effect() {
    let json = words().to_string();
    let tokenizer = TextTokenizer::new(json.as_bytes(), &rules(Cleaning::None, 4, 3)).unwrap();
    assert_eq!(tokenizer.encode("lung").unwrap(), [0, 2, 3, 3]);
    assert_eq!(tokenizer.encode("lung liver spleen lung lung").unwrap(), [0, 2, 3, 1]);
    assert_eq!(tokenizer.encode("").unwrap(), [0, 3, 3, 3]);
    assert_eq!(
        (tokenizer.vocabulary(), tokenizer.id_of("liver"), tokenizer.id_of("bone")),
        (4, Some(3), None)
    );
    assert_eq!(tokenizer.with_padding(1).unwrap().encode("lung").unwrap(), [0, 2, 1, 1]);
}

#[test]
fn rules_that_do_not_fit_are_refused() {
    let json = words().to_string();
    let refusal = |rules: TokenizerRules| {
        let refused = TextTokenizer::new(json.as_bytes(), &rules);
        refused.err().unwrap().to_string()
    };
    assert!(refusal(rules(Cleaning::None, 0, 0)).contains("does not hold the 1 special ones"));
    assert!(refusal(rules(Cleaning::None, u32::MAX, 0)).contains("at most 1048576"));
    assert!(refusal(rules(Cleaning::None, 4, 4)).contains("padding id 4 is not one of the 4 ids"));
    assert!(refusal(rules(Cleaning::OpenClip, 4, 0)).contains("no byte-pair merges"));
    let tokenizer = TextTokenizer::new(json.as_bytes(), &rules(Cleaning::None, 4, 0)).unwrap();
    let long = "a".repeat(MAX_TEXT_BYTES + 1);
    assert!(tokenizer.encode(&long).unwrap_err().to_string().contains("at most 1000000 are read"));
}

#[test]
fn rules_are_stored_by_their_names() {
    let stored = r#"{"cleaning":"open_clip","context_length":77,"padding":0}"#;
    let read: TokenizerRules = serde_json::from_str(stored).unwrap();
    assert_eq!(read, rules(Cleaning::OpenClip, 77, 0));
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
}

/// `words` with another value at `pointer`.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut json = words();
    *json.pointer_mut(pointer).unwrap() = value;
    json.to_string().into_bytes()
}

/// What is said of a file: when it is read, or when it is used on a text.
fn refusal(json: &[u8]) -> String {
    let encoded = TextTokenizer::new(json, &rules(Cleaning::None, 8, 0)).and_then(|t| t.encode("Lung bone"));
    encoded.unwrap_err().to_string()
}

#[test]
fn broken_files_are_refused_with_a_reason() {
    let replace = |content: &str| json!({"type": "Replace", "pattern": {"String": "u"}, "content": content});
    let bpe = json!({"type": "BPE", "dropout": 0.5, "vocab": {"[CLS]": 0, "l": 1}, "merges": []});
    let unigram = json!({"type": "Unigram", "unk_id": 9, "vocab": [["[CLS]", 0.0]], "byte_fallback": false});
    let no_unk =
        json!({"type": "Unigram", "unk_id": null, "vocab": [["[CLS]", 0.0]], "byte_fallback": false});
    let bert = json!({"type": "BertProcessing", "sep": ["[SEP]", 99], "cls": ["[CLS]", 0]});
    let twice = json!([{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]);
    let empty =
        json!({"added_tokens": [], "model": {"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}});
    let cases = [
        (b"".to_vec(), "EOF"),
        (b"{}".to_vec(), "Model"),
        (b"[1]".to_vec(), "expected a"),
        (b"\xff\xfe".to_vec(), "expected value"),
        (vec![b'['; 100_000], "invalid type"),
        (with("/version", json!("2.0")), "Unknown tokenizer version"),
        (with("/model", json!({"type": "Dream"})), "did not match"),
        (with("/model/vocab", json!({})), "encode a text: "),
        (empty.to_string().into_bytes(), "the vocabulary is empty"),
        (with("/model/vocab/lung", json!(-1)), "expected u32"),
        (with("/model/vocab/lung", json!(4_294_967_296_u64)), "expected u32"),
        (with("/model/vocab/lung", json!(u32::MAX)), "too large"),
        (with("/model/vocab/[CLS]", json!(9)), "says its id is 0, its place gives 9"),
        (with("/model/unk_token", json!("[NONE]")), "encode a text: "),
        (with("/model", bpe), "by chance"),
        (with("/model", unigram), "tokenizer.json: "),
        (with("/model", no_unk), "encode a text: "),
        (with("/added_tokens/0/id", json!(u64::MAX)), "invalid value"),
        (with("/post_processor", bert), "the special token 99 is not one of"),
        (with("/post_processor/special_tokens", json!({})), "library gave up on it"),
        (with("/post_processor/special_tokens/[CLS]/ids", json!([77])), "the special token 77"),
        (with("/post_processor/single", json!([])), "does not keep the text once"),
        (with("/post_processor/single", twice), "does not keep the text once"),
        (with("/truncation/max_length", json!(-5)), "invalid value"),
        (with("/normalizer", replace(&"x".repeat(300))), "301 times longer"),
        (
            with("/normalizer", json!({"type": "Sequence", "normalizers": vec![replace("xx"); 6]})),
            "729 times",
        ),
        (with("/normalizer", json!({"type": "Sequence", "normalizers": vec![replace(""); 64]})), "65 steps"),
        (
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"})),
            "tokenizer.json: ",
        ),
        (
            with("/normalizer", json!({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})),
            "tokenizer.json: ",
        ),
    ];
    for (json, expected) in cases {
        let shown = String::from_utf8_lossy(&json[..json.len().min(400)]).into_owned();
        let reason = refusal(&json);
        assert!(reason.contains(expected), "{reason}\n  for {shown}");
        assert!(reason.chars().count() < 500 && !reason.contains(char::is_control), "{reason}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let json = words().to_string();
    for end in 0..json.len() {
        refusal(&json.as_bytes()[..end]);
    }
}

#[test]
fn a_tokenizer_can_be_shared() {
    fn shared<T: Send + Sync + UnwindSafe>() {}
    shared::<TokenizerRules>();
    fn sendable<T: Send + Sync>() {}
    sendable::<TextTokenizer>();
}
