//! A tiny CLIP model with its reference numbers, and ways to break it.

use std::fs;
use std::path::{Path, PathBuf};

use bedside_tests::golden;
use bedside_weights::Model;
use serde_json::{Value as Json, json};

use crate::Bench;

/// The reference model, copied so that it can be broken.
pub(crate) struct Tiny {
    pub(crate) bench: Bench,
    reference: PathBuf,
    images: PathBuf,
}

impl Tiny {
    /// `None`: no reference data here; the test is recorded as skipped.
    #[track_caller]
    pub(crate) fn new() -> Option<Self> {
        let (reference, images) = (golden("dual/clip-tiny")?, golden("images")?);
        let tiny = Self { bench: Bench::new(), reference, images };
        tiny.copy("model");
        Some(tiny)
    }

    /// Another copy of the model's folder, under this name.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let folder = self.bench.path(name);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(self.reference.join("model")).unwrap() {
            let entry = entry.unwrap();
            // Not fs::copy: the original may be read-only, and its copy is to be changed.
            fs::write(folder.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
        }
        folder
    }

    /// Path of a reference image: `us`, `grey` or `odd`.
    pub(crate) fn image(&self, name: &str) -> String {
        self.images.join(format!("{name}.png")).to_str().unwrap().to_owned()
    }

    pub(crate) fn images(&self) -> Vec<String> {
        ["us", "grey", "odd"].map(|name| self.image(name)).to_vec()
    }

    pub(crate) fn prompts(&self) -> Vec<String> {
        let notes = fs::read(self.reference.join("expected.json")).unwrap();
        let notes: Json = serde_json::from_slice(&notes).unwrap();
        serde_json::from_value(notes["prompts"].clone()).unwrap()
    }

    /// Reference numbers, flat.
    pub(crate) fn expected(&self, name: &str) -> Vec<f32> {
        let expected = Model::open(&self.reference.join("expected.safetensors")).unwrap();
        expected.tensor(name).unwrap().to_f32().unwrap()
    }

    /// `bedside embed --model MODEL --KIND INPUTS… --json`, which is to end well.
    pub(crate) fn embed(&self, model: &str, kind: &str, inputs: &[String]) -> Json {
        let mut arguments = vec!["embed", "--model", model, kind];
        arguments.extend(inputs.iter().map(String::as_str));
        arguments.push("--json");
        self.bench.json(0, &arguments)
    }
}

/// The member `key` of every line, flat.
pub(crate) fn numbers(lines: &Json, key: &str) -> Vec<f32> {
    let lines = lines.as_array().unwrap().iter();
    lines.flat_map(|line| serde_json::from_value::<Vec<f32>>(line[key].clone()).unwrap()).collect()
}

/// The order of f32 roundings differs from the reference's; its own two ways differ by 2e-6.
#[track_caller]
pub(crate) fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(expected).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= 1e-5, "{worst:e}");
}

/// Change a JSON file of a model.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Json)) {
    let mut content: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut content);
    fs::write(path, serde_json::to_vec(&content).unwrap()).unwrap();
}

/// Change the header of a safetensors file, or its data given the header.
pub(crate) fn edit_tensors(folder: &Path, change: impl FnOnce(&mut Json, &mut [u8])) {
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut data = bytes.split_off(8 + length);
    let mut header: Json = serde_json::from_slice(&bytes[8..]).unwrap();
    change(&mut header, &mut data);
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    fs::write(&path, [&length[..], &header, &data].concat()).unwrap();
}

/// A PNG of this size whose data is empty.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], content: &[u8]| {
        out.extend((content.len() as u32).to_be_bytes());
        out.extend(kind);
        out.extend(content);
        out.extend(crc(&[kind, content].concat()).to_be_bytes());
    };
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    chunk(b"IDAT", &[]);
    chunk(b"IEND", &[]);
    out
}

/// CRC-32 as PNG has it. Source: PNG specification, annex D.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// `"schema": "bedside.error/1"` with this code.
#[track_caller]
pub(crate) fn assert_error(document: &Json, code: i32, message: &str) {
    assert_eq!((&document["schema"], &document["exit_code"]), (&json!("bedside.error/1"), &json!(code)));
    let error = document["error"].as_str().unwrap();
    assert!(error.contains(message), "{error}");
}
