//! `bedside model inspect`: what a model holds, from its headers.

use std::fmt::Write;
use std::path::Path;

use bedside_models::{LoadSettings, plan};
use bedside_weights::{Digest, Layout, Model, StructureNote, Summary, TensorInfo};
use serde::Serialize;

use crate::cli::InspectArguments;
use crate::exit::{Code, Failure};
use crate::{identity, output, text};

/// The JSON document `bedside.model-inspect/1`.
#[derive(Serialize)]
struct Document<'a> {
    path: String,
    /// `None`: not computed yet; `--digest` does.
    identity: Option<Digest>,
    #[serde(flatten)]
    summary: &'a Summary,
    runs: Runs,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor_list: Option<Vec<Tensor<'a>>>,
}

/// Whether this build can run the model.
#[derive(Serialize)]
struct Runs {
    runs: bool,
    reason: String,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    dtype: &'static str,
    shape: &'a [u64],
    bytes: u64,
}

impl<'a> Tensor<'a> {
    fn of(info: &'a TensorInfo) -> Self {
        Self { name: &info.name, dtype: info.dtype.name(), shape: info.shape.dims(), bytes: info.bytes() }
    }
}

pub(super) fn run(arguments: &InspectArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let model = Model::open(&arguments.model)?;
    let summary = Summary::of(&model);
    let identity = match arguments.digest {
        true => Some(identity::computed(&model, store)?),
        false => identity::remembered(&model, store)?,
    };
    let runs = runs(&model);
    if arguments.json {
        let tensor_list = arguments.tensors.then(|| model.tensors().iter().map(Tensor::of).collect());
        let path = arguments.model.display().to_string();
        let document = Document { path, identity, summary: &summary, runs, tensor_list };
        output::document("model-inspect", &document)?;
    } else {
        let mut out = overview(&arguments.model, &summary, identity, &runs);
        out.push_str(&details(&summary));
        if arguments.tensors {
            out.push_str(&tensors(&model));
        }
        output::print(&out)?;
    }
    Ok(Code::Done)
}

/// Whether the networks can be built from this model; nothing is loaded for the answer.
fn runs(model: &Model) -> Runs {
    match plan(model, &LoadSettings::default()) {
        Ok(plan) => {
            let towers = match (&plan.image, &plan.text) {
                (Some(_), Some(_)) => "images and texts",
                (Some(_), None) => "images only",
                _ => "texts only",
            };
            let architecture = text::name(&plan.architecture);
            Runs { runs: true, reason: format!("embeds {towers} ({architecture})") }
        }
        Err(error) => Runs { runs: false, reason: error.to_string() },
    }
}

/// One `label  value` line; nothing for an unknown value.
fn line(out: &mut String, label: &str, value: Option<String>) {
    if let Some(value) = value {
        writeln!(out, "{label:<16}{value}").expect("writing to a String cannot fail");
    }
}

fn overview(path: &Path, summary: &Summary, identity: Option<Digest>, runs: &Runs) -> String {
    let mut out = String::new();
    let description = &summary.description;
    let mut kind = layout(summary.layout).to_owned();
    if let Some(version) = summary.gguf_version {
        write!(kind, " version {version}").expect("writing to a String cannot fail");
    }
    line(&mut out, "model", Some(text::name(&path.display().to_string())));
    line(&mut out, "layout", Some(kind));
    line(&mut out, "architecture", description.architecture.as_deref().map(text::name));
    let classes: Vec<String> = description.classes.iter().map(|class| text::name(class)).collect();
    line(&mut out, "classes", (!classes.is_empty()).then(|| classes.join(", ")));
    line(&mut out, "name", description.name.as_deref().map(text::name));
    line(&mut out, "context", description.context_length.map(|n| format!("{} tokens", text::count(n))));
    line(&mut out, "embedding", description.embedding_length.map(text::count));
    line(&mut out, "blocks", description.block_count.map(text::count));
    line(&mut out, "tokenizer", tokenizer(summary).or(Some("none found".to_owned())));
    line(&mut out, "licence", licence(summary).or(Some("not stated".to_owned())));
    let digest = identity.map_or("not computed yet; --digest does".to_owned(), |digest| digest.to_string());
    line(&mut out, "identity", Some(digest));
    line(&mut out, "parameters", Some(text::count(summary.parameters)));
    line(&mut out, "tensor data", Some(text::bytes(summary.tensor_bytes)));
    line(&mut out, "bits per weight", summary.bits_per_weight.map(|bits| format!("{bits:.2}")));
    let computes = match summary.unsupported.len() {
        0 => "all tensors".to_owned(),
        n => format!("all but {} of {} tensors", text::count(n as u64), text::count(summary.tensors as u64)),
    };
    line(&mut out, "computes with", Some(computes));
    let answer = if runs.runs { "yes" } else { "no" };
    line(&mut out, "runs", Some(format!("{answer}: {}", runs.reason)));
    out
}

fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Gguf => "GGUF",
        Layout::GgufSplit => "GGUF in several files",
        Layout::Safetensors => "safetensors",
        Layout::HuggingFace => "Hugging Face folder",
        Layout::OpenClip => "OpenCLIP folder",
    }
}

fn tokenizer(summary: &Summary) -> Option<String> {
    let tokenizer = summary.tokenizer.as_ref()?;
    let kind = tokenizer.kind.as_deref().map_or("kind not stated".to_owned(), text::name);
    let pre = tokenizer.pre.as_deref().map_or(String::new(), |pre| format!(", {}", text::name(pre)));
    let length = tokenizer.vocabulary_length;
    let length = length.map_or(String::new(), |n| format!(", {} tokens", text::count(n)));
    Some(format!("{kind}{pre}{length} (from {})", text::name(&tokenizer.source)))
}

fn licence(summary: &Summary) -> Option<String> {
    let licence = summary.licence.as_ref()?;
    let id = licence.id.as_deref().map_or("see its text".to_owned(), text::name);
    Some(format!("{id} (from {})", text::name(&licence.source)))
}

/// Files, types, metadata, oddities.
fn details(summary: &Summary) -> String {
    let files = summary.files.iter();
    let files =
        files.map(|file| vec![text::name(&file.name), file.role.name().to_owned(), text::bytes(file.bytes)]);
    let types = summary.by_dtype.iter().map(|line| {
        let supported = if line.supported { "" } else { "by name only" };
        let numbers = [line.tensors as u64, line.parameters].map(text::count);
        let [tensors, parameters] = numbers;
        vec![line.dtype.to_string(), tensors, parameters, text::bytes(line.bytes), supported.to_owned()]
    });
    let mut out = format!("\n{}\n", text::table(&["file", "role", "size"], &[2], files));
    let types = text::table(&["type", "tensors", "parameters", "size", ""], &[1, 2, 3], types);
    out.push_str(&format!("\n{types}\n"));
    if !summary.metadata.is_empty() {
        let pairs = summary.metadata.iter();
        let pairs = pairs.map(|m| vec![text::name(&m.key), m.type_name.to_owned(), m.shown.clone()]);
        out.push_str(&format!("\n{}\n", text::table(&["metadata key", "type", "value"], &[], pairs)));
    }
    for tensor in summary.unsupported.iter() {
        out.push_str(&format!("by name only: {} is {}\n", text::name(&tensor.tensor), tensor.dtype));
    }
    for note in &summary.notes {
        out.push_str(&format!("note: {}\n", note_text(note, summary)));
    }
    out
}

/// An oddity of the structure, in words.
fn note_text(note: &StructureNote, summary: &Summary) -> String {
    let name = |file: &usize| summary.files.get(*file).map_or(String::new(), |f| text::name(&f.name));
    match note {
        StructureNote::Hole { file, begin, bytes } => {
            format!("{}: {bytes} bytes at {begin} belong to no tensor", name(file))
        }
        StructureNote::TrailingBytes { file, bytes } => {
            format!("{}: {bytes} bytes after the last tensor", name(file))
        }
        StructureNote::UnpaddedTail { file, bytes } => {
            format!("{}: the last {bytes} padding bytes are missing", name(file))
        }
        StructureNote::Unmapped { file, tensor } => {
            format!("{}: tensor {} is not in the index", name(file), text::name(tensor))
        }
    }
}

fn tensors(model: &Model) -> String {
    let rows = model.tensors().iter().map(|info| {
        let shape = info.shape.to_string();
        vec![text::name(&info.name), info.dtype.to_string(), shape, text::bytes(info.bytes())]
    });
    format!("\n{}\n", text::table(&["tensor", "type", "shape", "size"], &[3], rows))
}

/// Notes in words, for `verify`.
pub(super) fn notes(summary: &Summary) -> Vec<String> {
    summary.notes.iter().map(|note| note_text(note, summary)).collect()
}
