//! The real SmolLM2-135M-Instruct (Q4_1), which `cargo xtask fetch` brings.

use std::path::Path;

use bedside_tensor::DType;
use bedside_tests::fetched;
use bedside_weights::{
    DigestCache, Model, Overwrite, Progress, Recipe, Rule, Summary, check_data, choose, compare,
    file_digests, quantize, structure_notes,
};

const NAME: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

#[test]
fn it_opens_inspects_and_verifies() {
    let Some(path) = fetched(NAME) else { return };
    let model = Model::open(&path).unwrap();
    let summary = Summary::of(&model);
    assert_eq!(summary.parameters, 134_515_008);
    assert_eq!(summary.description.architecture.as_deref(), Some("llama"));
    assert_eq!(summary.description.block_count, Some(30));
    let licence = summary.licence.unwrap();
    assert_eq!(licence.id.as_deref(), Some("apache-2.0"));
    let tokenizer = summary.tokenizer.unwrap();
    assert_eq!((tokenizer.kind.as_deref(), tokenizer.vocabulary_length), (Some("gpt2"), Some(49_152)));
    let types: Vec<(DType, usize)> = summary.by_dtype.iter().map(|d| (d.dtype, d.tensors)).collect();
    assert_eq!(types, [(DType::Q4_1, 210), (DType::Q8_0, 1), (DType::F32, 61)]);

    assert_eq!(structure_notes(&model), []);
    let data = check_data(&model, Progress::silent()).unwrap();
    assert_eq!((data.checked, data.not_finite.len(), data.not_checked.len()), (272, 0, 0));
    let digests = file_digests(&model, &DigestCache::none(), Progress::silent()).unwrap();
    let digest = digests[0].digest.to_string();
    assert_eq!(digest, "5f4fa13bfc6dd4a91fd00e22974a9c4e9ed628fd7d7f307398ddf30260d6b2c3");
}

fn quantized(model: &Model, out: &Path, to: DType, rules: &[&str]) -> Model {
    let rules = rules.iter().map(|text| Rule::parse(text).unwrap()).collect();
    let choices = choose(model, &Recipe { to, rules }).unwrap();
    quantize(model, out, Overwrite::Refuse, to, choices, Progress::silent()).unwrap();
    Model::open(out).unwrap()
}

#[test]
fn quantized_again_it_stays_close() {
    struct Case {
        to: DType,
        /// Greatest relative RMS error of any tensor. Uniform codes of n steps over a range of about six
        /// standard deviations err by 6 / (n √12): 0.007 for 256, 0.054 for 32 (rows of 576 get Q5_0), 0.11
        /// for 16. Affine sub-blocks do better.
        bound: f64,
    }
    let Some(path) = fetched(NAME) else { return };
    let (model, folder) = (Model::open(&path).unwrap(), tempfile::tempdir().unwrap());
    for case in [Case { to: DType::Q8_0, bound: 0.007 }, Case { to: DType::Q4_K, bound: 0.08 }] {
        let out = folder.path().join(format!("{}.gguf", case.to));
        // The embedding is a fifth of the model and Q8_0 already: left as it is to save time.
        let again = quantized(&model, &out, case.to, &["token_embd=source"]);
        let comparison = compare(&model, &again, Progress::silent()).unwrap();
        assert_eq!((comparison.tensors.len(), comparison.not_compared.len()), (272, 0));
        for tensor in &comparison.tensors {
            let error = tensor.relative_rms.unwrap();
            assert!(error <= case.bound, "{}: {error} as {}", tensor.tensor, tensor.b);
            if tensor.a == tensor.b {
                assert_eq!(error, 0.0, "{}", tensor.tensor);
            }
        }
        let worst = comparison.tensors.iter().filter_map(|t| t.relative_rms).fold(0.0, f64::max);
        println!("{}: worst relative RMS {worst:.4}", case.to);
    }
}
