//! The model as an exam sees it: pictures and texts to vectors of length 1.

use bedside_imaging::Pixels;
use bedside_models::{Attribution, DualEncoder, ModelsError, PatchEmbeddings};
use serde::{Deserialize, Serialize};

/// A picture as a model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// The picture's vector, of length 1.
    pub embedding: Vec<f32>,
    /// What the vectors of places are.
    pub attribution: Attribution,
    /// Rows and columns of places.
    pub grid: [usize; 2],
    /// Left, top, right and bottom of what the places divide among them, in pixels of the picture.
    pub area: [f64; 4],
    /// (rows, columns, width): [`Attribution::Additive`]: their mean is `embedding`; otherwise of length 1.
    pub places: Vec<f32>,
}

/// What an exam asks of a model. Deterministic: the same input gives the same numbers. A cache can stand before one:
/// the picture that `look` gets is masked and holds no identifier.
pub trait Encoder {
    /// Vectors of length 1, in order. Errors: those of the model.
    fn embed_texts(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelsError>;

    /// One picture, already masked and cropped. Errors: those of the model.
    fn look(&mut self, picture: &Pixels) -> Result<Looked, ModelsError>;

    /// Factor from a cosine to a logit.
    fn logit_scale(&self) -> f64;
}

/// One that was opened by [`DualEncoder::open_with_patches`].
impl Encoder for DualEncoder {
    fn embed_texts(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelsError> {
        let embeddings = DualEncoder::embed_texts(self, texts)?;
        Ok(embeddings.embeds().map(<[f32]>::to_vec).collect())
    }

    fn look(&mut self, picture: &Pixels) -> Result<Looked, ModelsError> {
        Ok(Looked::from(&self.embed_patches(picture)?))
    }

    fn logit_scale(&self) -> f64 {
        f64::from(self.scores().log_scale).exp()
    }
}

impl From<&PatchEmbeddings> for Looked {
    fn from(seen: &PatchEmbeddings) -> Self {
        let square: f64 = seen.features().iter().map(|v| f64::from(*v).powi(2)).sum();
        let scale = match seen.attribution() {
            Attribution::Additive => 1.0 / square.sqrt(),
            Attribution::Separate => 1.0,
        };
        Self {
            embedding: seen.embed().to_vec(),
            attribution: seen.attribution(),
            grid: seen.grid(),
            area: seen.area(),
            places: seen.patches().flatten().map(|v| (v * scale) as f32).collect(),
        }
    }
}
