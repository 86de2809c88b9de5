//! Whole models against their references: token ids, pixels, every block, embeddings, logits; and the same
//! after conversion to GGUF.

use std::path::{Path, PathBuf};

use bedside_compute::Target;
use bedside_compute::gpu::{AdapterChoice, Backend, Capabilities, Device, DeviceOptions, adapters};
use bedside_imaging::{Prepared, decode};
use bedside_tests::golden;
use bedside_weights::{Model, Overwrite, Progress};

use crate::load::Keep;
use crate::{DualEncoder, LoadSettings, convert};

/// A reference model, and what its generator calls the towers' blocks.
struct Case {
    name: &'static str,
    vision_block: &'static str,
    text_block: &'static str,
}

const CASES: [Case; 13] = [
    Case { name: "clip-tiny", vision_block: "vision.layer.", text_block: "text.layer." },
    Case { name: "siglip-tiny", vision_block: "vision.layer.", text_block: "text.layer." },
    Case { name: "siglip2-naflex-tiny", vision_block: "vision.layer.", text_block: "text.layer." },
    Case { name: "openclip-tiny-gelu", vision_block: "vision.resblock.", text_block: "text.resblock." },
    Case { name: "openclip-tiny-quickgelu", vision_block: "vision.resblock.", text_block: "text.resblock." },
    Case { name: "biomedclip-tiny", vision_block: "vision.block.", text_block: "text.layer." },
    Case { name: "biomedclip-tiny-mean", vision_block: "vision.block.", text_block: "text.layer." },
    Case { name: "clip-gelu-tiny", vision_block: "vision.layer.", text_block: "text.layer." },
    Case { name: "siglip2-gemma-tiny", vision_block: "vision.layer.", text_block: "text.layer." },
    Case { name: "echoclip-tiny", vision_block: "vision.block.", text_block: "text.layer." },
    Case { name: "openclip-siglip-tiny", vision_block: "vision.block.", text_block: "text.layer." },
    Case { name: "biomedclip-shapes-tiny", vision_block: "vision.block.", text_block: "text.layer." },
    Case { name: "openclip-options-tiny", vision_block: "vision.block.", text_block: "text.layer." },
];

/// Of pixel values, absolute: the arithmetic is the reference's own up to the order of f32 roundings.
const PIXELS: f32 = 1e-6;
/// Of embeddings and blocks, relative to the largest: erf for tanh in a GELU moves an embedding by 7e-5.
const EMBEDDINGS: f32 = 1e-5;
/// Of logits, relative to the largest.
const LOGITS: f32 = 1e-4;

/// A reference model's folder and expected numbers.
struct Reference {
    folder: PathBuf,
    expected: Model,
    prompts: Vec<String>,
    images: Vec<PathBuf>,
}

impl Reference {
    fn of(name: &str) -> Option<Self> {
        let folder = golden(&format!("dual/{name}"))?;
        let images = golden("images")?;
        let expected = Model::open(&folder.join("expected.safetensors")).unwrap();
        let notes = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let notes: serde_json::Value = serde_json::from_str(&notes).unwrap();
        let texts = |key: &str| -> Vec<String> { serde_json::from_value(notes[key].clone()).unwrap() };
        let images = texts("images").iter().map(|name| images.join(format!("{name}.png"))).collect();
        let prompts = texts("prompts");
        Some(Self { folder, expected, prompts, images })
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        self.expected.tensor(name).unwrap().to_f32().unwrap()
    }

    fn integers(&self, name: &str) -> Vec<u64> {
        let bytes = self.expected.tensor(name).unwrap().bytes();
        bytes.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect()
    }

    /// Rows of tokens that are no padding, where the reference was given a mask: in causal towers it changes
    /// what padding gets, and nothing else.
    fn unmasked(&self, values: &[f32], width: usize) -> Vec<f32> {
        if self.expected.find("attention_mask").is_none() {
            return values.to_vec();
        }
        let rows = values.chunks_exact(width).zip(self.integers("attention_mask"));
        rows.filter(|(_, seen)| *seen == 1).flat_map(|(row, _)| row).copied().collect()
    }

    fn model(&self) -> Model {
        Model::open(&self.folder.join("model")).unwrap()
    }

    fn prompts(&self) -> Vec<&str> {
        self.prompts.iter().map(String::as_str).collect()
    }

    fn prepared(&self, encoder: &DualEncoder) -> Vec<Prepared> {
        let prepare = |path: &PathBuf| {
            let decoded = decode(&std::fs::read(path).unwrap()).unwrap();
            encoder.prepare(&decoded.pixels).unwrap()
        };
        self.images.iter().map(prepare).collect()
    }
}

/// Batches that the reference numbers' fill, so that blocks compare one to one.
fn settings() -> LoadSettings {
    LoadSettings { image_batch: 3, text_batch: 5, ..LoadSettings::default() }
}

fn on() -> Target {
    Target::Cpu { threads: settings().threads }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()))
}

#[track_caller]
fn assert_close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    let largest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let error = largest_difference(got, expected) / largest;
    assert!(error <= tolerance, "{what}: {error:e} of the largest, at most {tolerance:e}");
    println!("{what}: {error:.1e}");
}

fn flat<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    rows.flatten().copied().collect()
}

#[test]
fn token_ids_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        let encoder = DualEncoder::open(&reference.model(), &settings()).unwrap();
        let ids = |texts: &[&str]| -> Vec<u64> {
            texts.iter().flat_map(|text| encoder.tokenize(text).unwrap()).map(u64::from).collect()
        };
        assert_eq!(ids(&reference.prompts()), reference.integers("input_ids"), "{}", case.name);
        let forward = reference.prompts.join(" ");
        let backward: Vec<&str> = reference.prompts.iter().rev().map(String::as_str).collect();
        let long = format!("{forward} {}", backward.join(" "));
        assert_eq!(ids(&[&long]), reference.integers("long_input_ids"), "{}", case.name);
    }
}

#[test]
fn pixels_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        let encoder = DualEncoder::open(&reference.model(), &settings()).unwrap();
        let mut got = Vec::new();
        for prepared in reference.prepared(&encoder) {
            match prepared {
                Prepared::Pixels(pixels) => got.extend(pixels.values),
                Prepared::Patches(patches) => got.extend(patches.values),
                other => panic!("{other:?}"),
            }
        }
        let error = largest_difference(&got, &reference.numbers("pixel_values"));
        assert!(error <= PIXELS, "{}: {error:e}", case.name);
    }
}

/// Rows that are padding in a batch of images of several aspects are nobody's result.
fn used_rows(values: &[f32], images: &[Prepared], stored: usize, width: usize) -> Vec<f32> {
    let rows = |i: usize| match &images[i] {
        Prepared::Patches(patches) => patches.rows * patches.cols,
        _ => stored,
    };
    let images = (0..images.len()).flat_map(|i| {
        let begin = i * stored * width;
        &values[begin..begin + rows(i) * width]
    });
    images.copied().collect()
}

#[test]
fn every_block_is_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        let mut encoder =
            DualEncoder::open_with(&reference.model(), &settings(), &on(), Keep::States).unwrap();
        let images = reference.prepared(&encoder);
        let states = encoder.image_states(&images).unwrap();
        for layer in 0.. {
            let Some(state) = states.get(&format!("v.blk.{layer}")) else { break };
            let name = format!("{}{layer}", case.vision_block);
            let [got, want] =
                [state.dims()[1], reference.expected.info(&name).unwrap().shape.dims()[1] as usize];
            let width = state.dims()[2];
            let got = used_rows(state.as_f32().unwrap(), &images, got, width);
            let expected = used_rows(&reference.numbers(&name), &images, want, width);
            assert_close(&format!("{} {name}", case.name), &got, &expected, EMBEDDINGS);
        }
        let ids: Vec<Vec<u32>> =
            reference.prompts.iter().map(|prompt| encoder.tokenize(prompt).unwrap()).collect();
        let states = encoder.text_states(&ids).unwrap();
        for layer in 0.. {
            let Some(state) = states.get(&format!("t.blk.{layer}")) else { break };
            let name = format!("{}{layer}", case.text_block);
            let width = state.dims()[2];
            let got = reference.unmasked(state.as_f32().unwrap(), width);
            let expected = reference.unmasked(&reference.numbers(&name), width);
            assert_close(&format!("{} {name}", case.name), &got, &expected, EMBEDDINGS);
        }
    }
}

/// Embeddings and logits of a model, against the reference.
fn check_results(what: &str, reference: &Reference, model: &Model) {
    check_results_on(what, reference, model, &on());
}

fn check_results_on(what: &str, reference: &Reference, model: &Model, on: &Target) {
    let mut encoder = DualEncoder::open_on(model, &settings(), on).unwrap();
    let images = reference.prepared(&encoder);
    let images = encoder.embed_images(&images).unwrap();
    let texts = encoder.embed_texts(&reference.prompts()).unwrap();
    for (name, got) in [
        ("image_features", flat(images.features())),
        ("text_features", flat(texts.features())),
        ("image_embeds", flat(images.embeds())),
        ("text_embeds", flat(texts.embeds())),
    ] {
        assert_close(&format!("{what} {name}"), &got, &reference.numbers(name), EMBEDDINGS);
    }
    let scores = encoder.scores();
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    for image in images.embeds() {
        let row: Vec<f64> = texts.embeds().map(|text| scores.logit(crate::cosine(image, text))).collect();
        probabilities.extend(scores.probabilities(&row).iter().map(|p| *p as f32));
        logits.extend(row.iter().map(|x| *x as f32));
    }
    assert_close(&format!("{what} logits"), &logits, &reference.numbers("logits_per_image"), LOGITS);
    assert_close(&format!("{what} probs"), &probabilities, &reference.numbers("probs"), LOGITS);
}

#[test]
fn embeddings_and_logits_are_the_references() {
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        check_results(case.name, &reference, &reference.model());
    }
}

/// On a GPU, if only a software one: once with its own limits, once with those of a small device.
#[test]
fn embeddings_and_logits_on_a_gpu_are_the_references() {
    let Some(adapter) = adapters(Some(Backend::Vulkan)).into_iter().next() else {
        return bedside_tests::skip("gpu", "no adapter through Vulkan, not even a software one");
    };
    let devices = [None, Some(Capabilities::SMALL)].map(|clamp| {
        let named = AdapterChoice::Named(adapter.name.clone());
        Device::open(&DeviceOptions { adapter: named, backend: Some(adapter.backend), clamp }, None).unwrap()
    });
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        for device in &devices {
            let on = Target::Gpu { device: device.clone(), tuning: None };
            check_results_on(case.name, &reference, &reference.model(), &on);
        }
    }
    let Some(reference) = Reference::of("siglip-tiny") else { return };
    for report in crate::examine(&reference.model(), &settings(), &devices[0], None).unwrap() {
        assert!(report.sound(), "{:#?}", report.failures().collect::<Vec<_>>());
    }
}

fn converted(reference: &Reference, folder: &Path) -> Model {
    let path = folder.join("model.gguf");
    let report = convert(&reference.model(), &path, Overwrite::Replace, Progress::silent()).unwrap();
    assert!(report.left_out.iter().all(|name| name.contains("position_ids")), "{:?}", report.left_out);
    Model::open(&path).unwrap()
}

#[test]
fn a_converted_model_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        let gguf = converted(&reference, folder.path());
        let run = |model: &Model| {
            let mut encoder = DualEncoder::open(model, &settings()).unwrap();
            let images = reference.prepared(&encoder);
            let images = encoder.embed_images(&images).unwrap();
            (images, encoder.embed_texts(&reference.prompts()).unwrap(), *encoder.scores())
        };
        assert_eq!(run(&gguf), run(&reference.model()), "{}", case.name);
    }
}

/// Results do not depend on how many run at once beyond the rounding of sums.
#[test]
fn batches_of_other_sizes_agree() {
    for case in &CASES {
        let Some(reference) = Reference::of(case.name) else { return };
        let run = |image_batch: u64, text_batch: u64| {
            let settings = LoadSettings { image_batch, text_batch, ..LoadSettings::default() };
            let mut encoder = DualEncoder::open(&reference.model(), &settings).unwrap();
            let images = reference.prepared(&encoder);
            let images = flat(encoder.embed_images(&images).unwrap().embeds());
            (images, flat(encoder.embed_texts(&reference.prompts()).unwrap().embeds()))
        };
        let (whole, single) = (run(3, 5), run(1, 1));
        assert_close(&format!("{} images", case.name), &single.0, &whole.0, 1e-6);
        assert_close(&format!("{} texts", case.name), &single.1, &whole.1, 1e-6);
    }
}

/// Wordings of one label count as much as each other, whatever their embeddings' lengths.
#[test]
fn wordings_of_a_label_are_averaged_at_length_1() {
    let Some(reference) = Reference::of("clip-tiny") else { return };
    let mut encoder = DualEncoder::open(&reference.model(), &settings()).unwrap();
    let labels = ["b-lines".to_owned(), "effusion".to_owned()];
    let templates = ["a lung with {}".to_owned(), "{}, seen by ultrasound: {}".to_owned()];
    let got = crate::label_embeddings(&mut encoder, &labels, &templates).unwrap();
    for (label, got) in labels.iter().zip(&got) {
        let prompts = [format!("a lung with {label}"), format!("{label}, seen by ultrasound: {label}")];
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let embedded = encoder.embed_texts(&prompts).unwrap();
        let embeds: Vec<&[f32]> = embedded.embeds().collect();
        let mean: Vec<f32> = embeds[0].iter().zip(embeds[1]).map(|(a, b)| (a + b) / 2.0).collect();
        let length = crate::cosine(&mean, &mean).sqrt() as f32;
        let expected: Vec<f32> = mean.iter().map(|v| v / length).collect();
        assert_close(label, got, &expected, 1e-6);
        assert!((crate::cosine(got, got) - 1.0).abs() < 1e-6);
    }
    let alone = crate::label_embeddings(&mut encoder, &labels[..1], &[]).unwrap();
    assert_eq!(alone[0].len(), got[0].len());
    assert!(crate::label_embeddings(&mut encoder, &[], &[]).is_err());
    let error = crate::label_embeddings(&mut encoder, &labels, &["no place".to_owned()]).unwrap_err();
    assert!(error.to_string().starts_with("template: expected a text with {}"), "{error}");
}

/// The numbers are known before anything is loaded, and a load beyond them does not begin.
#[test]
fn a_load_beyond_the_budget_is_refused() {
    let Some(reference) = Reference::of("siglip-tiny") else { return };
    let model = reference.model();
    let plan = crate::plan(&model, &settings()).unwrap();
    let total = plan.totals().total_bytes();
    let parts = [&plan.image, &plan.text].map(|plan| plan.as_ref().unwrap().totals().total_bytes());
    assert_eq!(total, parts[0] + parts[1]);
    let open = |bytes| DualEncoder::open(&model, &LoadSettings { memory_budget: Some(bytes), ..settings() });
    assert!(open(total).is_ok());
    let refused = open(total - 1).err().unwrap().to_string();
    assert!(refused.contains(&total.to_string()) && refused.contains(&(total - 1).to_string()), "{refused}");
    let image = LoadSettings { towers: crate::Towers::Image, ..settings() };
    let mut alone = DualEncoder::open(&model, &image).unwrap();
    assert!(alone.embed_texts(&["a"]).is_err());
}
