//! Zero-shot classification: labels in several wordings against an image.

use serde::Serialize;

use crate::{DualEncoder, ModelsError, Scores};

/// Where a label stands in a template.
const PLACE: &str = "{}";

/// What an image got for one label. Nothing here is calibrated: a probability is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelScore {
    /// The label.
    pub label: String,
    /// Cosine of the image's and the label's embedding.
    pub cosine: f64,
    /// Factor · cosine + bias.
    pub logit: f64,
    /// Softmax over the labels, or each label's sigmoid, as the model was trained.
    pub probability: f64,
}

/// Σ a b in f64; the cosine where both have length 1.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// One embedding of length 1 per label: each template's `{}` is replaced by the label, the embeddings of
/// length 1 are averaged, the mean is brought to length 1. No template: the label itself.
/// Errors: no label, a template without `{}`, an average of length 0; those of the text tower.
pub fn label_embeddings(
    encoder: &mut DualEncoder,
    labels: &[String],
    templates: &[String],
) -> Result<Vec<Vec<f32>>, ModelsError> {
    let wrong = |what, expected: &str, got: &str| ModelsError::Request {
        what,
        expected: expected.to_owned(),
        got: crate::config::shown(got),
    };
    if labels.is_empty() {
        return Err(wrong("labels", "at least one", "none"));
    }
    if let Some(template) = templates.iter().find(|template| !template.contains(PLACE)) {
        return Err(wrong("template", "a text with {} for the label", template));
    }
    let whole = [PLACE.to_owned()];
    let templates = if templates.is_empty() { &whole } else { templates };
    let prompts: Vec<String> = labels
        .iter()
        .flat_map(|label| templates.iter().map(move |template| template.replace(PLACE, label)))
        .collect();
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let embeddings = encoder.embed_texts(&prompts)?;
    let vectors: Vec<&[f32]> = embeddings.embeds().collect();
    let mean = |vectors: &[&[f32]]| {
        let mut sum = vec![0.0f64; embeddings.width()];
        for vector in vectors {
            sum.iter_mut().zip(*vector).for_each(|(sum, v)| *sum += f64::from(*v));
        }
        let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        let opposite = || wrong("prompts of a label", "embeddings with a mean", "embeddings that cancel out");
        if length > 0.0 { Ok(sum.iter().map(|v| (v / length) as f32).collect()) } else { Err(opposite()) }
    };
    vectors.chunks_exact(templates.len()).map(mean).collect()
}

/// Scores of one image, of length 1, for each label.
pub fn label_scores(
    scores: &Scores,
    labels: &[String],
    vectors: &[Vec<f32>],
    image: &[f32],
) -> Vec<LabelScore> {
    let cosines: Vec<f64> = vectors.iter().map(|vector| cosine(vector, image)).collect();
    let logits: Vec<f64> = cosines.iter().map(|cosine| scores.logit(*cosine)).collect();
    let probabilities = scores.probabilities(&logits);
    let parts = cosines.into_iter().zip(logits).zip(probabilities);
    let score = |(label, ((cosine, logit), probability)): (&String, ((f64, f64), f64))| LabelScore {
        label: label.clone(),
        cosine,
        logit,
        probability,
    };
    labels.iter().zip(parts).map(score).collect()
}
