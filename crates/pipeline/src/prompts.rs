//! From the texts for and against a finding to one direction in the model's space.

use crate::PipelineError;
use crate::codes::FindingCode;
use crate::encoder::Encoder;
use crate::protocol::{FindingSettings, Protocol};

/// Texts embedded at once.
const BATCH: usize = 32;

/// The mean of the texts for a finding at length 1, minus that of the texts against it, times the model's factor: a
/// picture's vector along it is the difference of the two logits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Direction {
    pub(crate) code: FindingCode,
    pub(crate) along: Vec<f64>,
}

impl Direction {
    /// Σ vector · direction.
    pub(crate) fn of(&self, vector: &[f32]) -> f64 {
        vector.iter().zip(&self.along).map(|(v, d)| f64::from(*v) * d).sum()
    }
}

/// One direction per finding, in the protocol's order.
/// Errors: those of the model; `Prompts` where nothing is left of a mean or of the difference; `Sizes` where vectors
/// differ in width.
pub(crate) fn directions(
    protocol: &Protocol,
    encoder: &mut dyn Encoder,
) -> Result<Vec<Direction>, PipelineError> {
    let scale = encoder.logit_scale();
    protocol.findings.iter().map(|finding| direction(finding, encoder, scale)).collect()
}

fn direction(
    finding: &FindingSettings,
    encoder: &mut dyn Encoder,
    scale: f64,
) -> Result<Direction, PipelineError> {
    let code = finding.code;
    let alike = PipelineError::Prompts { finding: code };
    let positive = ensemble(&finding.positive, encoder)?;
    let negative = ensemble(&finding.negative, encoder)?;
    let (Some(positive), Some(negative)) = (positive, negative) else { return Err(alike) };
    if positive.len() != negative.len() {
        let [expected, got] = [&positive, &negative].map(|vector| [1, vector.len() as u64]);
        return Err(PipelineError::Sizes { what: "vectors of texts", expected, got });
    }
    let along: Vec<f64> = positive.iter().zip(&negative).map(|(p, n)| scale * (p - n)).collect();
    let apart = along.iter().any(|v| v.abs() > 0.0) && along.iter().all(|v| v.is_finite());
    if apart { Ok(Direction { code, along }) } else { Err(alike) }
}

/// Mean of the texts' vectors, at length 1. `None`: they cancel out.
fn ensemble(texts: &[String], encoder: &mut dyn Encoder) -> Result<Option<Vec<f64>>, PipelineError> {
    let mut sum: Vec<f64> = Vec::new();
    for texts in texts.chunks(BATCH) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for vector in encoder.embed_texts(&texts)? {
            if sum.is_empty() {
                sum = vec![0.0; vector.len()];
            }
            if sum.len() != vector.len() {
                let (expected, got) = ([1, sum.len() as u64], [1, vector.len() as u64]);
                return Err(PipelineError::Sizes { what: "vectors of texts", expected, got });
            }
            sum.iter_mut().zip(&vector).for_each(|(sum, v)| *sum += f64::from(*v));
        }
    }
    let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
    Ok((length > 0.0).then(|| sum.iter().map(|v| v / length).collect()))
}
