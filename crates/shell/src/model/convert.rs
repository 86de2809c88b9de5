//! `bedside model convert`: a dual encoder's folder → one GGUF file, quantized on the way if asked.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, anyhow};
use bedside_models::{Converted, convert};
use bedside_weights::{Model, Overwrite, Quantized, Recipe, TensorInfo, WeightsError};
use serde::Serialize;
use tempfile::TempDir;

use super::quantize;
use crate::cli::ConvertArguments;
use crate::exit::{Code, Failure};
use crate::{interrupt, output, progress, text};

/// Names of left-out tensors that are shown.
const SHOWN: usize = 8;

/// The JSON document `bedside.model-convert/1`.
#[derive(Serialize)]
struct Document<'a> {
    input: String,
    output: String,
    /// `None`: every tensor kept its own format.
    to: Option<&'static str>,
    #[serde(flatten)]
    converted: &'a Converted,
    quantized: Option<&'a Quantized>,
}

pub(super) fn run(arguments: &ConvertArguments) -> Result<Code, Failure> {
    let recipe = arguments.to.as_deref().map(|to| quantize::recipe(to, &arguments.keep)).transpose()?;
    let output = &arguments.output;
    let model = Model::open(&arguments.input)?;
    quantize::check_output(&model, output)?;
    if !arguments.force && output.symlink_metadata().is_ok() {
        let error = WeightsError::File { path: output.clone(), reason: Box::new(WeightsError::Exists) };
        return Err(Failure::while_writing(error));
    }
    // Also between the two steps, so that the temporary file never stays.
    let _working = interrupt::Cancellable::begin();
    let begin = Instant::now();
    let (converted, quantized) = match &recipe {
        None => (write(arguments, &model, output, quantize::overwrite(arguments.force))?, None),
        Some(recipe) => {
            let (converted, quantized) = write_quantized(arguments, &model, recipe)?;
            (converted, Some(quantized))
        }
    };
    if arguments.json {
        let [input, output] = [&arguments.input, output].map(|path| path.display().to_string());
        let to = recipe.as_ref().map(|recipe| recipe.to.name());
        let document = Document { input, output, to, converted: &converted, quantized: quantized.as_ref() };
        output::document("model-convert", &document)?;
    } else {
        output::print(&report(output, &converted, quantized.as_ref(), begin.elapsed().as_secs_f64()))?;
    }
    Ok(Code::Done)
}

fn write(
    arguments: &ConvertArguments,
    model: &Model,
    output: &Path,
    overwrite: Overwrite,
) -> Result<Converted, Failure> {
    let total = model.tensors().iter().map(TensorInfo::bytes).sum();
    let converted =
        progress::with_bar("convert", total, |progress| convert(model, output, overwrite, progress));
    converted.map_err(|error| Failure::while_converting(&arguments.input, error))
}

/// By way of a file in a temporary folder beside the output, which goes whatever happens.
fn write_quantized(
    arguments: &ConvertArguments,
    model: &Model,
    recipe: &Recipe,
) -> Result<(Converted, Quantized), Failure> {
    let output = &arguments.output;
    let beside = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = TempDir::with_prefix_in(".bedside-convert.", beside)
        .with_context(|| {
            let beside = text::name(&beside.display().to_string());
            format!("{beside}: cannot create a temporary folder")
        })
        .map_err(|error| Failure::new(Code::Store, error))?;
    let whole = folder.path().join("converted.gguf");
    let converted = write(arguments, model, &whole, Overwrite::Refuse)?;
    if interrupt::asked() {
        return Err(Failure::new(Code::Interrupted, anyhow!("cancelled")));
    }
    let overwrite = quantize::overwrite(arguments.force);
    let quantized = quantize::write(&Model::open(&whole)?, recipe, output, overwrite, arguments.threads)?;
    Ok((converted, quantized))
}

fn report(output: &Path, converted: &Converted, quantized: Option<&Quantized>, seconds: f64) -> String {
    let tensors = text::count(converted.tensors as u64);
    let mut out = format!("{}: {tensors} tensors converted\n", text::name(&converted.architecture));
    let left_out = &converted.left_out;
    if !left_out.is_empty() {
        let mut names: Vec<&str> = left_out.iter().take(SHOWN).map(String::as_str).collect();
        if left_out.len() > SHOWN {
            names.push("…");
        }
        let count = text::count(left_out.len() as u64);
        out.push_str(&format!("left out, since no tower reads them: {count}: {}\n", names.join(", ")));
    }
    out.push_str(&match quantized {
        Some(quantized) => quantize::report(output, quantized, seconds),
        None => {
            let (bytes, name) = (text::bytes(converted.bytes), text::name(&output.display().to_string()));
            format!("{bytes} in {seconds:.1} s: {name}\n")
        }
    });
    out
}
