//! `bedside classify`: images against labels in words.

use std::path::Path;

use bedside_models::{LabelScore, ScoreActivation, Towers, label_embeddings, label_scores};
use bedside_weights::Model;
use serde::Serialize;

use crate::cli::ClassifyArguments;
use crate::exit::{Code, Failure};
use crate::identity::{ExecutorIdentity, ModelIdentity};
use crate::inputs::{Refused, Worked, each};
use crate::{device, encoder, output, text};

/// Said wherever the scores are shown.
const UNCALIBRATED: &str = "uncalibrated: a model's own probabilities, for demonstration only";

/// The JSON document `bedside.classify/1`.
#[derive(Serialize)]
struct Document<'a> {
    /// Always false: no probability here was held against patients.
    calibrated: bool,
    note: String,
    model: ModelIdentity,
    executor: ExecutorIdentity,
    architecture: &'a str,
    /// What made probabilities of the logits.
    activation: ScoreActivation,
    labels: &'a [String],
    templates: &'a [String],
    images: Vec<Line<'a>>,
    failed: &'a [Refused],
}

/// The scores of one image, in the order of the labels.
#[derive(Serialize)]
struct Line<'a> {
    input: &'a str,
    scores: &'a [LabelScore],
}

pub(crate) fn run(arguments: &ClassifyArguments, store: Option<&Path>) -> Result<Code, Failure> {
    let (labels, templates) = (&arguments.label, &arguments.template);
    let settings = encoder::settings(&arguments.load, Towers::Both);
    let model = Model::open(&arguments.model)?;
    let identity = arguments.json.then(|| ModelIdentity::of(&arguments.model, &model, store)).transpose()?;
    let (mut encoder, on) = device::load(&arguments.on, (&arguments.model, &model), &settings, store)?;
    let vectors = label_embeddings(&mut encoder, labels, templates)
        .map_err(|error| Failure::of_input(error).at("labels"))?;
    let scores = *encoder.scores();
    let inputs = arguments.image.iter().map(|path| (path.display().to_string(), path));
    let worked = each(inputs, |path| {
        let [image, _] = encoder::embed_image(&mut encoder, path)?;
        Ok(label_scores(&scores, labels, &vectors, &image))
    })?;
    let executor = ExecutorIdentity::of(&settings, &on);
    match identity {
        Some(model) => {
            let document = Document {
                calibrated: false,
                note: format!("{UNCALIBRATED}; {}", output::DEMONSTRATION),
                model,
                executor,
                architecture: encoder.architecture(),
                activation: scores.activation,
                labels,
                templates,
                images: worked.done.iter().map(|(input, scores)| Line { input, scores }).collect(),
                failed: &worked.refused,
            };
            output::document("classify", &document)?;
        }
        None => {
            let head = format!("{} on {}", text::name(encoder.architecture()), executor.line());
            output::print(&report(&head, scores.activation, templates.len(), &worked))?;
        }
    }
    Ok(worked.code())
}

/// The label with the greatest score first.
fn report(
    head: &str,
    activation: ScoreActivation,
    templates: usize,
    worked: &Worked<Vec<LabelScore>>,
) -> String {
    let mut out = format!("{head}\n");
    for (input, scores) in &worked.done {
        let mut scores: Vec<&LabelScore> = scores.iter().collect();
        scores.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        let rows = scores.iter().map(|score| {
            let LabelScore { label, cosine, logit, probability } = score;
            let numbers = [format!("{probability:.4}"), format!("{logit:.3}"), format!("{cosine:.4}")];
            [vec![text::name(label)], numbers.to_vec()].concat()
        });
        let table = text::table(&["label", "probability", "logit", "cosine"], &[1, 2, 3], rows);
        out.push_str(&format!("\n{}\n{table}\n", text::name(input)));
    }
    let how = match activation {
        ScoreActivation::Softmax => "softmax: over these labels, as if one of them were right",
        ScoreActivation::Sigmoid => "sigmoid: each label on its own",
    };
    let wordings = match templates {
        0 => "the label alone".to_owned(),
        1 => "one wording".to_owned(),
        n => format!("the mean of {n} wordings"),
    };
    out.push_str(&format!("\n{how}; {wordings}\n{UNCALIBRATED}\n{}\n", output::DEMONSTRATION));
    out
}
