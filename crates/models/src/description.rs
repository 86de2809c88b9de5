//! A dual encoder as data: towers, projections, preprocessing, tokenizer rules, and how scores come about.

use bedside_compute::{ComputeError, Graph};
use bedside_imaging::{Layout, Preprocessing};
use serde::{Deserialize, Serialize};

use crate::ModelsError;
use crate::config::MAX_SIZE;
use crate::hugging_face::check_image;
use crate::name_table::NameTable;
use crate::named_weights::asked_by;
use crate::tokenizer::TokenizerRules;
use crate::tokenizer_files::ReadTokenizer;
use crate::towers::places::{self, Grid};
use crate::towers::projection::Projection;
use crate::towers::vit::CHANNELS;
use crate::towers::{ImageInput, TextTower, VisionTower, finish};

/// What an architecture file makes of a model's configurations: everything but the weights.
pub(crate) struct Description {
    /// Name of the architecture, for people.
    pub(crate) architecture: String,
    pub(crate) vision: Option<Vision>,
    pub(crate) text: Option<Text>,
    pub(crate) scores: Scores,
    /// How the file calls its tensors.
    pub(crate) names: NameTable,
    /// Of the text tower.
    pub(crate) tokenizer: Option<ReadTokenizer>,
}

/// The image side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vision {
    #[serde(flatten)]
    pub(crate) tower: VisionTower,
    /// Width of the embedding.
    #[serde(rename = "projection_dim")]
    pub(crate) embed: u64,
    pub(crate) projection: Projection,
    pub(crate) preprocessing: Preprocessing,
}

/// The text side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Text {
    #[serde(flatten)]
    pub(crate) tower: TextTower,
    /// Width of the embedding.
    #[serde(rename = "projection_dim")]
    pub(crate) embed: u64,
    pub(crate) projection: Projection,
    pub(crate) tokenizer: TokenizerRules,
}

/// From the cosine of two embeddings to the scores of labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Natural logarithm of the factor on the cosine, as the checkpoints store it.
    #[serde(rename = "logit_scale")]
    pub log_scale: f32,
    /// Added behind the factor.
    #[serde(rename = "logit_bias", default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<f32>,
    /// What makes probabilities of the logits.
    #[serde(rename = "logit_activation")]
    pub activation: ScoreActivation,
}

/// What makes probabilities of logits. They are uncalibrated: what they say of a scan is another matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreActivation {
    /// Over all labels; they sum to 1 (CLIP).
    Softmax,
    /// Each label on its own (SigLIP).
    Sigmoid,
}

impl Scores {
    /// exp(log_scale) · cosine + bias, in f64.
    pub fn logit(&self, cosine: f64) -> f64 {
        f64::from(self.log_scale).exp() * cosine + f64::from(self.bias.unwrap_or(0.0))
    }

    /// One probability per logit.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        match self.activation {
            ScoreActivation::Sigmoid => logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            ScoreActivation::Softmax => {
                let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = logits.iter().map(|x| (x - largest).exp()).collect();
                let sum: f64 = weights.iter().sum();
                weights.iter().map(|w| w / sum).collect()
            }
        }
    }
}

impl Description {
    /// Every size is one a network can have, and the parts fit each other: descriptions out of GGUF keys were
    /// held against nothing else. Errors: `Config`, those of the preprocessing; `Vocabulary` for a tokenizer
    /// with more ids than the token table has rows, or with fewer than padding of the table explains.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        if let Some(vision) = &self.vision {
            in_range("clip.vision", "projection_dim", vision.embed, MAX_SIZE)?;
            vision.projection.check("clip.vision")?;
            vision.tower.tower().check()?;
            vision.preprocessing.check()?;
            vision.check_input()?;
        }
        if let Some(text) = &self.text {
            in_range("clip.text", "projection_dim", text.embed, MAX_SIZE)?;
            text.projection.check("clip.text")?;
            text.tower.tower().check()?;
            let context = u64::from(text.tokenizer.context_length);
            in_range("clip.text", "tokenizer.context_length", context, text.tower.tower().positions())?;
            let table = text.tower.tower().vocabulary();
            let ids = self.tokenizer.as_ref().map_or(0, |read| read.tokenizer.vocabulary());
            if !fits(ids, table) {
                return Err(ModelsError::Vocabulary { tokenizer: ids, table });
            }
        }
        match (&self.vision, &self.text) {
            (Some(vision), Some(text)) if vision.embed != text.embed => Err(ModelsError::Config {
                file: "clip.text",
                key: "projection_dim".to_owned(),
                expected: format!("the image side's {}", vision.embed),
                got: text.embed.to_string(),
            }),
            (None, None) => Err(ModelsError::NoTower { tower: "image or text" }),
            _ => Ok(()),
        }
    }

    /// Every weight that the towers read: names of the GGUF layout, dimensions.
    pub(crate) fn weights(&self) -> Result<Vec<(String, Vec<u64>)>, ModelsError> {
        let mut all = Vec::new();
        if let Some(vision) = &self.vision {
            all.extend(asked_by(&vision.graph(false)?)?);
            all.extend(vision.tower.tower().tables());
        }
        if let Some(text) = &self.text {
            all.extend(asked_by(&text.graph(false)?)?);
        }
        Ok(all)
    }
}

/// Tables are sometimes padded to a multiple of 8 to 256 for the hardware's sake; what else is larger or
/// smaller belongs to another tokenizer.
fn fits(ids: u64, table: u64) -> bool {
    ids == table || (3..=8).any(|power| ids.next_multiple_of(1 << power) == table)
}

/// Errors: `Config` unless `got` is from 1 to `most`.
pub(crate) fn in_range(file: &'static str, key: &str, got: u64, most: u64) -> Result<(), ModelsError> {
    if (1..=most).contains(&got) {
        return Ok(());
    }
    let (key, expected) = (key.to_owned(), format!("a size from 1 to {most}"));
    Err(ModelsError::Config { file, key, expected, got: got.to_string() })
}

/// An image tower whose places are outputs too.
pub(crate) struct PlacesGraph {
    pub(crate) graph: Graph,
    /// The places add up to the features.
    pub(crate) additive: bool,
    pub(crate) grid: Grid,
}

impl Vision {
    /// What the preprocessing gives is what the tower takes. Errors: `Config`.
    fn check_input(&self) -> Result<(), ModelsError> {
        let layout = self.preprocessing.layout;
        match (self.tower.tower().input(), layout) {
            (ImageInput::Pixels { image }, Layout::Planes) => {
                check_image("clip.vision", &self.preprocessing, image)
            }
            (
                ImageInput::Patches { max_patches, patch_len, .. },
                Layout::NaflexPatches { patch_size, max_num_patches },
            ) if u64::from(max_num_patches) == max_patches
                && u64::from(patch_size) * u64::from(patch_size) * CHANNELS == patch_len =>
            {
                Ok(())
            }
            (input, layout) => Err(ModelsError::Config {
                file: "clip.vision",
                key: "preprocessing.layout".to_owned(),
                expected: format!("what the tower takes, {input:?}"),
                got: format!("{layout:?}"),
            }),
        }
    }

    /// Pixels to `features` and `embeds`, each (images, embed).
    pub(crate) fn graph(&self, states: bool) -> Result<Graph, ComputeError> {
        let mut g = Graph::builder("image tower");
        let pooled = self.tower.tower().build(&mut g, states)?;
        finish(g, pooled, "visual_projection", self.projection, self.embed)
    }

    /// The same with the places of the image; see [`places::finish`].
    pub(crate) fn places_graph(&self) -> Result<PlacesGraph, ComputeError> {
        let mut g = Graph::builder("image tower with places");
        let found = self.tower.tower().build_places(&mut g)?;
        let (graph, additive) = places::finish(g, &found, "visual_projection", self.projection, self.embed)?;
        Ok(PlacesGraph { graph, additive, grid: found.grid })
    }
}

impl Text {
    /// Ids to `features` and `embeds`, each (texts, embed).
    pub(crate) fn graph(&self, states: bool) -> Result<Graph, ComputeError> {
        let mut g = Graph::builder("text tower");
        let pooled = self.tower.tower().build(&mut g, states)?;
        finish(g, pooled, "text_projection", self.projection, self.embed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_table_fits_and_another_does_not() {
        for (ids, table) in [(49_408, 49_408), (32_001, 32_008), (50_257, 50_304), (30_522, 30_528)] {
            assert!(fits(ids, table), "{ids} {table}");
        }
        for (ids, table) in [(49_409, 49_408), (899, 900), (2013, 2014), (30_522, 49_408), (0, 4)] {
            assert!(!fits(ids, table), "{ids} {table}");
        }
    }

    #[test]
    fn logits_become_probabilities_as_the_model_says() {
        let mut scores =
            Scores { log_scale: 2.0f32.ln(), bias: Some(-1.0), activation: ScoreActivation::Sigmoid };
        assert!((scores.logit(0.5) - 0.0).abs() < 1e-7);
        assert_eq!(scores.probabilities(&[0.0, f64::INFINITY]), [0.5, 1.0]);
        scores.activation = ScoreActivation::Softmax;
        let p = scores.probabilities(&[1000.0, 1000.0 + 3.0f64.ln()]);
        assert!((p[0] - 0.25).abs() < 1e-12 && (p[1] - 0.75).abs() < 1e-12);
        assert!(scores.probabilities(&[]).is_empty());
    }
}
