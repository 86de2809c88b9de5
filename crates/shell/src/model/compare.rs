//! `bedside model compare`: errors per tensor.

use bedside_weights::{Comparison, Model, Summary, TensorComparison, compare};
use serde::Serialize;

use crate::cli::CompareArguments;
use crate::exit::{Code, Failure};
use crate::{output, progress, text};

/// Tensors shown without `--all`.
const SHOWN: usize = 10;

/// The JSON document `bedside.model-compare/1`.
#[derive(Serialize)]
struct Document<'a> {
    a: String,
    b: String,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

pub(super) fn run(arguments: &CompareArguments) -> Result<Code, Failure> {
    let (a, b) = (Model::open(&arguments.a)?, Model::open(&arguments.b)?);
    let total = Summary::of(&a).tensor_bytes;
    let comparison = progress::with_bar("compare", total, |progress| compare(&a, &b, progress))?;
    if arguments.json {
        let [a, b] = [&arguments.a, &arguments.b].map(|path| path.display().to_string());
        output::document("model-compare", &Document { a, b, comparison: &comparison })?;
    } else {
        output::print(&report(&comparison, arguments.all))?;
    }
    Ok(if comparison.not_compared.is_empty() { Code::Done } else { Code::SomeFailed })
}

/// The greatest relative error first; a tensor without one (all zeros in A) by its absolute error.
fn by_error(a: &TensorComparison, b: &TensorComparison) -> std::cmp::Ordering {
    let key = |t: &TensorComparison| t.relative_rms.unwrap_or(t.max);
    key(b).total_cmp(&key(a))
}

fn report(comparison: &Comparison, all: bool) -> String {
    let mut tensors: Vec<&TensorComparison> = comparison.tensors.iter().collect();
    if !all {
        tensors.sort_by(|a, b| by_error(a, b));
    }
    let shown = if all { tensors.len() } else { tensors.len().min(SHOWN) };
    let rows = tensors[..shown].iter().map(|t| {
        let or_none = |value: Option<f64>, shown: fn(f64) -> String| value.map_or("–".to_owned(), shown);
        vec![
            text::name(&t.tensor),
            format!("{} → {}", t.a, t.b),
            format!("{:.3e}", t.max),
            format!("{:.3e}", t.rms),
            or_none(t.relative_rms, |v| format!("{v:.5}")),
            or_none(t.cosine, |v| format!("{v:.8}")),
        ]
    });
    let header = ["tensor", "types", "max error", "RMS error", "relative RMS", "cosine"];
    let mut out = text::table(&header, &[2, 3, 4, 5], rows);
    out.push('\n');
    if shown < tensors.len() {
        out.push_str(&format!("the {shown} with the greatest error of {}; --all shows all\n", tensors.len()));
    }
    let same = tensors.iter().filter(|t| t.max == 0.0 && t.not_finite == 0).count();
    out.push_str(&format!("{} tensors compared, {same} of them equal\n", tensors.len()));
    for t in tensors.iter().filter(|t| t.not_finite > 0) {
        let (name, count) = (text::name(&t.tensor), text::count(t.not_finite));
        out.push_str(&format!("not finite: {name}: {count} values are NaN or infinite in A or B\n"));
    }
    for t in &comparison.not_compared {
        out.push_str(&format!("not compared: {}: {}\n", text::name(&t.tensor), t.reason));
    }
    out
}
