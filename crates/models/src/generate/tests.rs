//! Decoders against their references: every block, logits, greedy answers, quantized files; and what must hold
//! whatever the model.

use std::path::{Path, PathBuf};

use bedside_compute::{KvFormat, Numerics};
use bedside_tests::{fetched, golden};
use serde_json::{Value, json};

use super::load::load_rows;
use super::*;
use crate::towers::decoder::LogitRows;

/// A tiny reference model: its image token, and the files made of it.
struct Case {
    name: &'static str,
    image_token: u32,
    /// Rows of an image see each other.
    bidirectional: bool,
    /// Text files, and the projectors that the references were made with.
    files: &'static [(&'static str, &'static str)],
}

const CASES: [Case; 4] = [
    Case {
        name: "smolvlm-tiny",
        image_token: 2790,
        bidirectional: false,
        files: &[("text-q8_0", "mmproj-q8_0"), ("text-q4_0", "mmproj-q8_0"), ("text-q4_k_m", "mmproj-f16")],
    },
    Case {
        name: "llava-tiny",
        image_token: 2152,
        bidirectional: false,
        files: &[("text-q8_0", "mmproj-f16"), ("text-q5_1", "mmproj-f16")],
    },
    Case {
        name: "gemma3-tiny",
        image_token: 1400,
        bidirectional: true,
        files: &[("text-q8_0", "mmproj-f16"), ("text-q5_0", "mmproj-f16")],
    },
    Case {
        name: "qwen2.5vl-tiny",
        image_token: 2057,
        bidirectional: false,
        files: &[("text-q8_0", "mmproj-f16"), ("text-q4_1", "mmproj-f16")],
    },
];

/// Of blocks, relative to the largest: a few layers of f32 roundings.
const STATES: f32 = 2e-5;
/// Of logits, relative to the largest: the project's promise.
const LOGITS: f32 = 5e-4;

struct Reference {
    folder: PathBuf,
    expected: Model,
    notes: Value,
}

impl Reference {
    fn of(case: &Case) -> Option<Self> {
        let folder = golden(&format!("vlm/{}", case.name))?;
        let expected = Model::open(&folder.join("expected.safetensors")).unwrap();
        let notes = std::fs::read(folder.join("expected.json")).unwrap();
        Some(Self { folder, expected, notes: serde_json::from_slice(&notes).unwrap() })
    }

    fn model(&self) -> Model {
        Model::open(&self.folder.join("model")).unwrap()
    }

    fn gguf(&self, name: &str) -> Model {
        Model::open(&self.folder.join("gguf").join(format!("{name}.gguf"))).unwrap()
    }

    fn numbers(&self, name: &str) -> Option<Vec<f32>> {
        self.expected.find(name)?;
        Some(self.expected.tensor(name).unwrap().to_f32().unwrap())
    }

    fn integers(&self, name: &str) -> Vec<u32> {
        let bytes = self.expected.tensor(name).unwrap().bytes();
        let number = |b: &[u8]| u32::try_from(u64::from_le_bytes(b.try_into().unwrap())).unwrap();
        bytes.chunks_exact(8).map(number).collect()
    }

    fn cases(&self) -> Vec<String> {
        let cases = self.notes["cases"].as_array().unwrap().iter();
        cases.map(|case| case["case"].as_str().unwrap().to_owned()).collect()
    }

    fn note(&self, case: &str) -> &Value {
        self.notes["cases"].as_array().unwrap().iter().find(|note| note["case"] == case).unwrap()
    }

    /// The reference's ids, with its image features in the place of image tokens.
    fn prompt(&self, case: &Case, name: &str) -> Prompt {
        let ids = self.integers(&format!("{name}.input_ids"));
        let features = self.numbers(&format!("{name}.image_features")).unwrap_or_default();
        let width = if case.name == "smolvlm-tiny" { 96 } else { 64 };
        let grids = self.expected.find(&format!("{name}.image_grid_thw"));
        let grids = grids.map(|_| self.integers(&format!("{name}.image_grid_thw")));
        let (mut parts, mut at, mut image) = (Vec::new(), 0, 0);
        for run in ids.chunk_by(|a, b| (*a == case.image_token) == (*b == case.image_token)) {
            if run[0] != case.image_token {
                parts.push(Part::Tokens(run.to_vec()));
                continue;
            }
            let offsets = grids.as_ref().map(|grids| {
                let columns = grids[image * 3 + 2] / 2;
                (0..run.len() as u32).map(|i| [0, i / columns, i % columns]).collect()
            });
            let rows = features[at * width..][..run.len() * width].into();
            parts.push(Part::Embeddings(EmbeddingBlock { rows, bidirectional: case.bidirectional, offsets }));
            at += run.len();
            image += 1;
        }
        assert_eq!(at * width, features.len());
        Prompt { parts }
    }
}

fn exact() -> GenerateSettings {
    GenerateSettings {
        numerics: Numerics::Exact,
        kv: KvFormat::F32,
        context: Some(256),
        embedding_rows: Some(0),
        ..GenerateSettings::default()
    }
}

fn silent(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0f32, |m, v| m.max(v.abs()))
}

/// Largest difference, relative to the largest number expected.
#[track_caller]
fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) -> f32 {
    assert_eq!(got.len(), expected.len(), "{what}");
    let error = got.iter().zip(expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / largest(expected);
    assert!(error <= tolerance, "{what}: {error:e} of the largest, at most {tolerance:e}");
    error
}

#[test]
fn every_block_and_all_logits_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case) else { return };
        for model in [reference.model(), reference.gguf("text-f16")] {
            let mut generator = load_rows(&model, &exact(), LogitRows::All).unwrap();
            for name in reference.cases() {
                let prompt = reference.prompt(case, &name);
                let takes = *generator.session.takes();
                let sequence = Sequence::of(&prompt, &takes).unwrap();
                let rows = sequence.rows.len();
                let states = generator.session.states(sequence).unwrap();
                let what = format!("{} {name} {:?}", case.name, model.layout());
                let mut worst = 0.0f32;
                for (state, got) in &states {
                    let expected = match state.strip_prefix("blk.") {
                        Some(layer) => format!("{name}.text.layer.{layer}"),
                        None if state == "output_norm" => format!("{name}.text.norm"),
                        None => continue,
                    };
                    if let Some(expected) = reference.numbers(&expected) {
                        worst = worst.max(close(&format!("{what} {state}"), got, &expected, STATES));
                    }
                }
                let got = &states["logits"];
                // The GGUF files of Gemma name rows that the folder's tokenizer does not.
                let expected = match reference.numbers(&format!("{name}.logits")) {
                    Some(all) => all,
                    None => reference.numbers(&format!("{name}.logits_last")).unwrap(),
                };
                let got = &got[got.len() - expected.len()..];
                let error = close(&format!("{what} logits"), got, &expected, LOGITS);
                println!("{what}: {rows} rows, blocks {worst:.1e}, logits {error:.1e}");
            }
        }
    }
}

/// Greedy ids as far as the reference's lead over the second token is beyond doubt.
#[track_caller]
fn check_greedy(what: &str, got: &[u32], ids: &Value, gaps: &Value, doubt: f32) {
    let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
    let gaps: Vec<f32> = serde_json::from_value(gaps.clone()).unwrap();
    let certain = gaps.iter().take_while(|gap| **gap > doubt).count().min(got.len());
    assert_eq!(got[..certain], ids[..certain], "{what}: {certain} of {}", ids.len());
    println!("{what}: {certain} of {} tokens are certain, the same", ids.len());
}

fn greedy(max_tokens: u32) -> Sampling {
    Sampling { max_tokens, stop_at_end: false, ..Sampling::default() }
}

#[test]
fn greedy_answers_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case) else { return };
        let mut generator = Generator::open(&reference.model(), &exact()).unwrap();
        for name in reference.cases() {
            let prompt = reference.prompt(case, &name);
            let answer = generator.generate(&prompt, &greedy(24), &mut silent).unwrap();
            assert_eq!((answer.ids.len(), &answer.finish), (24, &Finish::MaxTokens));
            let note = reference.note(&name);
            let last =
                generator.session.states(Sequence::of(&prompt, generator.session.takes()).unwrap()).unwrap();
            let doubt = 2.0 * LOGITS * largest(&last["logits"]);
            check_greedy(
                &format!("{} {name}", case.name),
                &answer.ids,
                &note["greedy_ids"],
                &note["greedy_gaps"],
                doubt,
            );
        }
    }
}

#[test]
fn quantized_files_agree_with_their_weights_dequantized() {
    for case in &CASES {
        let Some(reference) = Reference::of(case) else { return };
        for (text, projector) in case.files {
            let mut generator = Generator::open(&reference.gguf(text), &exact()).unwrap();
            for name in reference.cases() {
                let expected = reference.numbers(&format!("gguf.{text}+{projector}.{name}.logits_last"));
                // The image features at hand are those of exact weights.
                let same_features = name == "text_only" || *projector == "mmproj-f16";
                let Some(expected) = expected.filter(|_| same_features) else { continue };
                let sequence =
                    Sequence::of(&reference.prompt(case, &name), generator.session.takes()).unwrap();
                let prefilled = generator.session.prefill(sequence, &mut |_, _| ControlFlow::Continue(()));
                let logits = prefilled.unwrap().unwrap().logits;
                let what = format!("{} {text} {name}", case.name);
                let error = close(&what, &logits.numbers()[..expected.len()], &expected, LOGITS);
                println!("{what}: {error:.1e}");
            }
        }
    }
}

/// The real model: logits, greedy answers.
#[test]
fn smollm2_answers_as_its_reference() {
    let Some(path) = fetched("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let Some(table) = golden("text/smollm2_logits.json") else { return };
    let table: Value = serde_json::from_slice(&std::fs::read(table).unwrap()).unwrap();
    let settings = GenerateSettings { context: Some(512), embedding_rows: None, ..exact() };
    let mut generator = Generator::open(&Model::open(&path).unwrap(), &settings).unwrap();
    for case in table["cases"].as_array().unwrap() {
        let what = case["prompt"].as_str().unwrap();
        let ids: Vec<u32> = serde_json::from_value(case["prompt_ids"].clone()).unwrap();
        assert_eq!(generator.tokenize(what, true, true).unwrap(), ids, "{what}");
        let prompt = Prompt::of_tokens(ids);
        let sequence = Sequence::of(&prompt, generator.session.takes()).unwrap();
        let prefilled =
            generator.session.prefill(sequence, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap();
        let (logits, first) = (prefilled.logits.numbers(), &case["first"]);
        let of = |key: &str| -> Vec<f32> { serde_json::from_value(first[key].clone()).unwrap() };
        let top: Vec<usize> = serde_json::from_value(first["top64_ids"].clone()).unwrap();
        let got: Vec<f32> = top.iter().map(|id| logits[*id]).collect();
        let scale = largest(&of("top64_logits"));
        let error = close(what, &got, &of("top64_logits"), LOGITS);
        let sum = (log_sum(logits) - first["logsumexp"].as_f64().unwrap()).abs();
        assert!(sum <= f64::from(LOGITS * scale), "{what}: {sum}");
        println!("{what:?}: logits {error:.1e}, logsumexp {sum:.1e}");
        let count = case["greedy_ids"].as_array().unwrap().len() as u32;
        let answer = generator.generate(&prompt, &greedy(count), &mut silent).unwrap();
        check_greedy(what, &answer.ids, &case["greedy_ids"], &case["top1_top2_gap"], 2.0 * LOGITS * scale);
    }
}

/// `fast` and smaller caches on the real model, against its exact logits: rounded activations and caches move
/// logits of up to 20 by tenths, as llama.cpp's own kernels do; the bounds are about twice what was measured.
#[test]
fn smollm2_stays_near_with_rounded_numbers() {
    let Some(path) = fetched("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let Some(table) = golden("text/smollm2_logits.json") else { return };
    let table: Value = serde_json::from_slice(&std::fs::read(table).unwrap()).unwrap();
    let model = Model::open(&path).unwrap();
    let settings = GenerateSettings { context: Some(256), embedding_rows: None, ..exact() };
    let other = [
        ("fast", GenerateSettings { numerics: Numerics::Fast, ..settings }, 0.35, 1.0),
        ("q8_0 caches", GenerateSettings { kv: KvFormat::Q8_0, ..settings }, 0.18, 0.75),
    ];
    for (what, settings, mean, most) in other {
        let mut generator = Generator::open(&model, &settings).unwrap();
        let (mut sum, mut count, mut worst) = (0.0, 0.0, 0.0f32);
        for case in table["cases"].as_array().unwrap() {
            let ids: Vec<u32> = serde_json::from_value(case["prompt_ids"].clone()).unwrap();
            let top: Vec<usize> = serde_json::from_value(case["first"]["top64_ids"].clone()).unwrap();
            let expected: Vec<f32> = serde_json::from_value(case["first"]["top64_logits"].clone()).unwrap();
            let got = bits(&mut generator, &Prompt::of_tokens(ids)).0;
            for (id, expected) in top.iter().zip(expected) {
                let error = (f32::from_bits(got[*id]) - expected).abs();
                (sum, count, worst) = (sum + error, count + 1.0, worst.max(error));
            }
        }
        println!("{what}: mean {:.3}, largest {worst:.3}", sum / count);
        assert!(sum / count <= mean && worst <= most, "{what}: {} {worst}", sum / count);
    }
}

/// A model small enough for everything that follows.
fn tiny(settings: &GenerateSettings) -> Option<(Reference, Generator)> {
    let reference = Reference::of(&CASES[0])?;
    let generator = Generator::open(&reference.model(), settings).unwrap();
    Some((reference, generator))
}

fn bits(generator: &mut Generator, prompt: &Prompt) -> (Vec<u32>, usize) {
    let sequence = Sequence::of(prompt, generator.session.takes()).unwrap();
    let prefilled =
        generator.session.prefill(sequence, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap();
    (prefilled.logits.numbers().iter().map(|logit| logit.to_bits()).collect(), prefilled.reused)
}

/// What was asked before changes nothing, to the last bit, and what is the same is not run again.
#[test]
fn answers_do_not_depend_on_the_past() {
    let settings =
        GenerateSettings { context: Some(700), kv: KvFormat::F16, numerics: Numerics::Fast, ..exact() };
    let Some((reference, mut generator)) = tiny(&settings) else { return };
    let ids = |seed: u32, count: u32| -> Vec<u32> { (0..count).map(|i| (i * 7 + seed) % 2000).collect() };
    let block = |value: f32| {
        let (rows, offsets) = (vec![value; 96 * 70].into(), None);
        Part::Embeddings(EmbeddingBlock { rows, bidirectional: false, offsets })
    };
    let prompt = |parts: Vec<Part>| Prompt { parts };
    let long = ids(1, 300);
    let prompts = [
        (Prompt::of_tokens(long.clone()), 0),
        (Prompt::of_tokens(long.clone()), 256),
        (Prompt::of_tokens([&long[..200], &ids(9, 50)].concat()), 128),
        (Prompt::of_tokens(long[..129].to_vec()), 128),
        (prompt(vec![block(0.25), Part::Tokens(ids(3, 20))]), 0),
        (prompt(vec![block(0.25), Part::Tokens(ids(4, 30))]), 70),
        (prompt(vec![block(0.5), Part::Tokens(ids(4, 30))]), 0),
        (Prompt::of_tokens(ids(5, 1)), 0),
    ];
    for (number, (prompt, reused)) in prompts.iter().enumerate() {
        let (got, kept) = bits(&mut generator, prompt);
        // An answer in between fills the caches behind the prompt.
        generator.generate(prompt, &greedy(3), &mut silent).unwrap();
        let mut fresh = Generator::open(&reference.model(), &settings).unwrap();
        let (expected, none) = bits(&mut fresh, prompt);
        assert_eq!((kept, none), (*reused, 0), "prompt {number}");
        assert!(got == expected, "prompt {number}");
    }
}

#[test]
fn threads_change_nothing() {
    let Some((reference, _)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "odd_split");
    let run = |threads: usize| {
        let settings =
            GenerateSettings { threads: threads.try_into().unwrap(), numerics: Numerics::Fast, ..exact() };
        let mut generator = Generator::open(&reference.model(), &settings).unwrap();
        (bits(&mut generator, &prompt), generator.generate(&prompt, &greedy(8), &mut silent).unwrap().ids)
    };
    assert!(run(1) == run(3));
}

/// `fast` and smaller caches stay near: the bound is that of int8 activations over three layers.
#[test]
fn other_numerics_and_caches_stay_near() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let floats = |generator: &mut Generator| -> Vec<f32> {
        bits(generator, &prompt).0.into_iter().map(f32::from_bits).collect()
    };
    let expected = floats(&mut generator);
    let gguf = reference.gguf("text-f16");
    let settings = GenerateSettings { kv: KvFormat::F16, ..exact() };
    let got = floats(&mut Generator::open(&gguf, &settings).unwrap());
    close("f16 caches", &got, &expected, 2e-3);
    let quantized = reference.gguf("text-q8_0");
    let exact_quantized = floats(&mut Generator::open(&quantized, &exact()).unwrap());
    let fast = GenerateSettings { numerics: Numerics::Fast, ..exact() };
    let got = floats(&mut Generator::open(&quantized, &fast).unwrap());
    let error = close("fast", &got, &exact_quantized, 5e-2);
    assert!(error > 0.0, "fast is something else");
    // Heads of 16 numbers do not fill the cache's blocks.
    let blocks = GenerateSettings { kv: KvFormat::Q8_0, ..exact() };
    let refused = Generator::open(&quantized, &blocks).err().unwrap().to_string();
    assert!(refused.contains("q8_0") || refused.contains("Q8_0"), "{refused}");
}

#[test]
fn answers_end_where_they_should() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let whole = generator.generate(&prompt, &greedy(24), &mut silent).unwrap();
    assert_eq!(generator.text(&whole.ids), whole.text);
    // " Inst" is among the first words.
    let stop = Sampling { stop: vec!["nothing".to_owned(), "st this".to_owned()], ..greedy(24) };
    let mut shown = String::new();
    let mut show = |event: Event<'_>| {
        if let Event::Token { text, .. } | Event::Rest { text } = event {
            shown.push_str(text);
        }
        ControlFlow::Continue(())
    };
    let stopped = generator.generate(&prompt, &stop, &mut show).unwrap();
    assert_eq!(stopped.finish, Finish::StopText { text: "st this".to_owned() });
    assert!(whole.text.starts_with(&stopped.text) && whole.text[stopped.text.len()..].starts_with("st this"));
    assert_eq!(shown, stopped.text);
    let mut count = 0;
    let cancelled = generator.generate(&prompt, &greedy(24), &mut |event| match event {
        Event::Token { .. } if count == 2 => ControlFlow::Break(()),
        Event::Token { .. } => {
            count += 1;
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    });
    let cancelled = cancelled.unwrap();
    assert_eq!((cancelled.finish, &cancelled.ids[..]), (Finish::Cancelled, &whole.ids[..3]));
    let none = generator.generate(&prompt, &greedy(24), &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!((none.finish, none.ids.len()), (Finish::Cancelled, 0));
    let late = Sampling { deadline: Some(Instant::now()), ..greedy(24) };
    assert_eq!(generator.generate(&prompt, &late, &mut silent).unwrap().finish, Finish::Deadline);
    // The end token is 2, or any other that the tokenizer says; none comes within 24 tokens, so one is forced.
    let end = generator.tokenizer.end().unwrap();
    assert!(!whole.ids.contains(&end));
}

#[test]
fn log_probabilities_are_those_of_the_logits() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let sampling = Sampling { log_probabilities: Some(3), ..greedy(4) };
    let answer = generator.generate(&prompt, &sampling, &mut silent).unwrap();
    assert_eq!(answer.log_probabilities.len(), 4);
    for (id, log) in answer.ids.iter().zip(&answer.log_probabilities) {
        assert_eq!((log.top.len(), log.top[0].0), (3, *id));
        assert!(log.chosen < 0.0 && log.chosen >= log.top[1].1);
    }
    let note = reference.note("text_only");
    let gaps: Vec<f64> = serde_json::from_value(note["greedy_gaps"].clone()).unwrap();
    for (log, gap) in answer.log_probabilities.iter().zip(gaps) {
        assert!((log.top[0].1 - log.top[1].1 - gap).abs() < 0.01);
    }
}

#[test]
fn a_seed_decides_what_is_drawn() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let mut draw = |seed: u64| {
        let sampling = Sampling { temperature: 1.0, seed: Some(seed), ..greedy(12) };
        generator.generate(&prompt, &sampling, &mut silent).unwrap().ids
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn answers_are_what_the_schema_allows() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let schema = json!({
        "type": "object",
        "properties": {
            "finding": { "enum": ["b_lines", "effusion"] },
            "count": { "type": "integer", "minimum": 0, "maximum": 9 },
        },
        "required": ["finding", "count"],
        "additionalProperties": false,
    });
    let sampling = Sampling { schema: Some(schema), ..greedy(120) };
    let answer = generator.generate(&prompt, &sampling, &mut silent).unwrap();
    let value: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(["b_lines", "effusion"].contains(&value["finding"].as_str().unwrap()), "{value}");
    assert!(value["count"].as_u64().unwrap() <= 9, "{value}");
    assert_eq!(answer.schema_met, Some(true));
    let short = Sampling { max_tokens: 3, ..sampling };
    let cut = generator.generate(&prompt, &short, &mut silent).unwrap();
    assert_eq!((cut.schema_met, cut.finish), (Some(false), Finish::MaxTokens));
}

#[test]
fn schemas_that_cannot_be_met_are_refused() {
    let Some((reference, mut generator)) = tiny(&exact()) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    for schema in [
        json!(false),
        json!({ "type": "string", "minLength": 5, "maxLength": 2 }),
        json!({ "allOf": [{ "type": "integer", "minimum": 5 }, { "type": "integer", "maximum": 2 }] }),
        json!({ "type": "nothing" }),
        json!({ "$ref": "https://example.org/schema.json" }),
        json!([1]),
        json!({ "enum": [] }),
    ] {
        let sampling = Sampling { schema: Some(schema.clone()), ..greedy(8) };
        let refused = generator.generate(&prompt, &sampling, &mut |_| panic!("something ran"));
        let error = refused.err().unwrap_or_else(|| panic!("{schema} was taken")).to_string();
        assert!(error.starts_with("JSON schema: "), "{schema}: {error}");
        println!("{schema}: {error}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let Some((reference, mut generator)) = tiny(&GenerateSettings { context: Some(64), ..exact() }) else {
        return;
    };
    let prompt = Prompt::of_tokens(vec![5; 60]);
    let mut refused = |prompt: &Prompt, max_tokens| {
        let refused = generator.generate(prompt, &greedy(max_tokens), &mut |_| panic!("something ran"));
        refused.err().unwrap().to_string()
    };
    let error = refused(&prompt, 5);
    assert!(
        error.contains("60 tokens") && error.contains("with 5") && error.contains("context of 64"),
        "{error}"
    );
    assert!(refused(&Prompt::of_tokens(vec![5; 1_000_000]), 1).contains("1000000 tokens"));
    assert!(refused(&Prompt::default(), 1).contains("at least one token"));
    assert!(refused(&Prompt::of_tokens(vec![9999]), 1).contains("less than 2796, got 9999"));
    let four = generator.generate(&prompt, &greedy(4), &mut silent).unwrap();
    assert_eq!(four.ids.len(), 4);
    let model = reference.model();
    let open =
        |settings: GenerateSettings| Generator::open(&model, &settings).err().map(|error| error.to_string());
    let long = open(GenerateSettings { context: Some(1 << 20), ..exact() }).unwrap();
    assert!(long.contains("from 1 to 2048") && long.contains("1048576"), "{long}");
    let total = generate_plan(&model, &exact()).unwrap().totals();
    assert!(total.kv_cache_bytes == 3 * 2 * 256 * 32 * 4 && total.staging_bytes > 0);
    let total = total.total_bytes();
    assert_eq!(open(GenerateSettings { memory_budget: Some(total), ..exact() }), None);
    let over = open(GenerateSettings { memory_budget: Some(total - 1), ..exact() }).unwrap();
    assert!(over.contains(&total.to_string()) && over.contains(&(total - 1).to_string()), "{over}");
}

/// A conversation as the references' templates write it, and their ids.
#[test]
fn conversations_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case) else { return };
        for model in [reference.model(), reference.gguf("text-f16")] {
            let generator = Generator::open(&model, &exact()).unwrap();
            for name in reference.cases() {
                let note = reference.note(&name);
                let images = note["images"].as_array().unwrap().iter().map(|_| ChatContent::Image);
                let text = ChatContent::Text(note["user_text"].as_str().unwrap().to_owned());
                let message =
                    ChatMessage { role: "user".to_owned(), content: images.chain([text]).collect() };
                let text = generator.chat_text(std::slice::from_ref(&message)).unwrap();
                assert_eq!(text, note["prompt"].as_str().unwrap(), "{} {name}", case.name);
                if name == "text_only" {
                    let ids = reference.integers(&format!("{name}.input_ids"));
                    assert_eq!(generator.tokenize_chat(&text).unwrap(), ids, "{}", case.name);
                }
            }
            let end = std::str::from_utf8(
                generator.tokenizer.pieces().spelling(generator.tokenizer.end().unwrap()),
            );
            let injected = ChatMessage::user(&format!("Hello {}", end.unwrap()));
            let error = generator.chat_text(&[injected]).unwrap_err().to_string();
            assert!(error.starts_with("text of a turn: expected no mark"), "{error}");
        }
    }
}

/// The text model's word counts; where it has none, the matrix that the file has does.
#[test]
fn the_logits_have_the_matrix_that_the_file_means() {
    let Some(reference) = Reference::of(&CASES[0]) else { return };
    let prompt = reference.prompt(&CASES[0], "text_only");
    let logits = |change: fn(&mut Value)| {
        let copy = changed(&reference.folder.join("model"), "config.json", change);
        let mut generator = Generator::open(&Model::open(copy.path()).unwrap(), &exact()).unwrap();
        bits(&mut generator, &prompt).0
    };
    let own = logits(|_| {});
    assert!(logits(|config| config["tie_word_embeddings"] = json!(true)) == own);
    assert!(logits(|config| config["text_config"]["tie_word_embeddings"] = json!(true)) != own);
}

/// A copy of a model's folder with one file changed.
fn changed(folder: &Path, file: &str, change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let path = copy.path().join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, value.to_string()).unwrap();
    copy
}

#[test]
fn folders_that_contradict_themselves_are_refused() {
    let Some(reference) = Reference::of(&CASES[0]) else { return };
    let folder = reference.folder.join("model");
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 9] = [
        ("config.json", |c| c["text_config"]["num_hidden_layers"] = json!(4), "layers.3"),
        ("config.json", |c| c["text_config"]["num_hidden_layers"] = json!(2), "one that it has no place for"),
        (
            "config.json",
            |c| c["text_config"]["hidden_size"] = json!(95),
            "expected [2796, 95], got [2796, 96]",
        ),
        ("config.json", |c| c["text_config"]["vocab_size"] = json!(2000), "tensor"),
        ("config.json", |c| c["text_config"]["num_key_value_heads"] = json!(4), "head_count_kv"),
        (
            "config.json",
            |c| c["text_config"]["model_type"] = json!("mamba"),
            "has no text model this build knows",
        ),
        (
            "config.json",
            |c| c["text_config"]["rope_scaling"] = json!({ "rope_type": "yarn", "factor": 4.0 }),
            "rope_type: expected default, linear or llama3",
        ),
        (
            "tokenizer.json",
            |c| {
                let id = c["added_tokens"].as_array().unwrap().len() as u64 + 2735;
                let extra = json!({ "id": id, "content": "<more>", "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true });
                c["added_tokens"].as_array_mut().unwrap().push(extra);
            },
            "the tokenizer has 2797 ids, the model's token table 2796 rows",
        ),
        ("generation_config.json", |c| c["eos_token_id"] = json!("two"), "eos_token_id"),
    ];
    for (file, change, message) in cases {
        let copy = changed(&folder, file, change);
        let model = Model::open(copy.path()).unwrap();
        let error =
            Generator::open(&model, &exact()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(message), "{file}: {error:?} should say {message}");
    }
    // A template that never ends is refused when it is used.
    let copy = changed(&folder, "config.json", |_| {});
    let template = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    std::fs::remove_file(copy.path().join("chat_template.jinja")).unwrap();
    std::fs::write(copy.path().join("chat_template.jinja"), template).unwrap();
    let generator = Generator::open(&Model::open(copy.path()).unwrap(), &exact()).unwrap();
    let error = generator.chat_prompt(&[ChatMessage::user("Hello")]).unwrap_err().to_string();
    assert!(error.starts_with("chat template: does not end"), "{error}");
}
