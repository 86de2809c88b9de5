//! `bedside model quantize`: GGUF → GGUF in other formats.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::anyhow;
use bedside_tensor::DType;
use bedside_weights::{
    Choice, Model, Overwrite, Quantized, Reason, Recipe, Rule, TensorInfo, WeightsError, choose, gguf,
    quantize,
};
use serde::Serialize;

use crate::cli::QuantizeArguments;
use crate::exit::{Code, Failure};
use crate::{output, progress, text};

/// The JSON document `bedside.model-quantize/1`.
#[derive(Serialize)]
struct Document<'a> {
    input: String,
    output: String,
    to: &'static str,
    #[serde(flatten)]
    quantized: &'a Quantized,
}

pub(super) fn run(arguments: &QuantizeArguments) -> Result<Code, Failure> {
    let recipe = recipe(&arguments.to, &arguments.keep)?;
    let model = Model::open(&arguments.input)?;
    check_output(&model, &arguments.output)?;
    let begin = Instant::now();
    let quantized = write(&model, &recipe, &arguments.output, overwrite(arguments.force), arguments.threads)?;
    if arguments.json {
        let [input, output] = [&arguments.input, &arguments.output].map(|path| path.display().to_string());
        let to = recipe.to.name();
        output::document("model-quantize", &Document { input, output, to, quantized: &quantized })?;
    } else {
        output::print(&report(&arguments.output, &quantized, begin.elapsed().as_secs_f64()))?;
    }
    Ok(Code::Done)
}

/// From `--to` and `--keep`. Errors (code 2): an unknown type, one without codec, a rule that does not read.
pub(super) fn recipe(to: &str, keep: &[String]) -> Result<Recipe, Failure> {
    let read = || -> anyhow::Result<Recipe> {
        let to: DType = to.parse()?;
        to.codec()?;
        let rules = keep.iter().map(|text| Rule::parse(text)).collect::<Result<_, _>>()?;
        Ok(Recipe { to, rules })
    };
    read().map_err(|error| Failure::new(Code::Usage, error))
}

/// From `--force`.
pub(super) fn overwrite(force: bool) -> Overwrite {
    if force { Overwrite::Replace } else { Overwrite::Refuse }
}

/// Errors (code 2): `output` is a file of `model`, or named as a part of a split model.
pub(super) fn check_output(model: &Model, output: &Path) -> Result<(), Failure> {
    let name = text::name(&output.display().to_string());
    let error = if is_part_of(model, output) {
        anyhow!("{name} is the model that is read; name another file")
    } else if gguf::is_part_name(output) {
        anyhow!("{name} is the name of a part of a split model; the output is one whole file")
    } else {
        return Ok(());
    };
    Err(Failure::new(Code::Usage, error))
}

/// Quantize `model` under a progress bar. `threads`: `None` is one for each core.
pub(super) fn write(
    model: &Model,
    recipe: &Recipe,
    output: &Path,
    overwrite: Overwrite,
    threads: Option<u16>,
) -> Result<Quantized, Failure> {
    let choices = choose(model, recipe).map_err(|error| match error.root() {
        WeightsError::RuleUnused { .. } => Failure::new(Code::Usage, error),
        _ => error.into(),
    })?;
    let total = model.tensors().iter().map(TensorInfo::bytes).sum();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build();
    let pool = pool.map_err(|error| Failure::new(Code::Usage, error))?;
    let quantized = progress::with_bar("quantize", total, |progress| {
        pool.install(|| quantize(model, output, overwrite, recipe.to, choices, progress))
    });
    quantized.map_err(Failure::while_writing)
}

/// `output` is a file of the model, under any name.
fn is_part_of(model: &Model, output: &Path) -> bool {
    let Ok(output) = fs::canonicalize(output) else { return false };
    let paths = model.files().iter().filter_map(|file| fs::canonicalize(file.source.path()).ok());
    paths.into_iter().any(|path| path == output)
}

/// What was written, for a person.
pub(super) fn report(output: &Path, quantized: &Quantized, seconds: f64) -> String {
    let mut out = String::new();
    let mut groups: Vec<(DType, DType, u64, u64)> = Vec::new();
    for choice in &quantized.tensors {
        match groups.iter_mut().find(|(from, to, ..)| (*from, *to) == (choice.from, choice.to)) {
            Some((_, _, tensors, elements)) => {
                *tensors += 1;
                *elements += choice.elements;
            }
            None => groups.push((choice.from, choice.to, 1, choice.elements)),
        }
    }
    let rows = groups.iter().map(|(from, to, tensors, elements)| {
        vec![from.to_string(), to.to_string(), text::count(*tensors), text::count(*elements)]
    });
    out.push_str(&text::table(&["from", "to", "tensors", "parameters"], &[2, 3], rows));
    out.push('\n');
    out.push_str(&fallbacks(&quantized.tensors));
    let again = quantized.tensors.iter().filter(|c| c.from.is_quantized() && c.to != c.from).count();
    if again > 0 {
        let tensors = text::count(again as u64);
        out.push_str(&format!("{tensors} tensors were quantized before: their errors add up\n"));
    }
    let sizes = [quantized.source_bytes, quantized.bytes].map(text::bytes);
    let [before, after] = sizes;
    out.push_str(&format!(
        "{before} → {after} in {seconds:.1} s: {}\n",
        text::name(&output.display().to_string())
    ));
    out
}

/// One line for each kind of fallback: which type instead of which, how often, and the first such tensor.
fn fallbacks(choices: &[Choice]) -> String {
    let mut kinds: Vec<(&Choice, u64, DType, u64)> = Vec::new();
    for choice in choices {
        let Reason::RowLength { row, wanted } = &choice.reason else { continue };
        let known =
            kinds.iter_mut().find(|(first, r, w, _)| *r == *row && w == wanted && first.to == choice.to);
        match known {
            Some((.., count)) => *count += 1,
            None => kinds.push((choice, *row, *wanted, 1)),
        }
    }
    let lines = kinds.iter().map(|(first, row, wanted, count)| {
        let (block, name) = (wanted.block_len(), text::name(&first.tensor));
        let others = if *count > 1 { format!(" and {} more", text::count(count - 1)) } else { String::new() };
        let to = first.to;
        format!(
            "{to} instead of {wanted}, whose blocks of {block} do not fit rows of {row}: {name}{others}\n"
        )
    });
    lines.collect()
}
