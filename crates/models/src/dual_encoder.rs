//! A dual encoder ready to run: images and texts to embeddings of one space.

use bedside_compute::{HostTensor, Player, Sizes, Symbol, Target};
use bedside_imaging::{NaflexPatches, Pixels, Prepared, Preprocessing};
use bedside_weights::Model;

use crate::ModelsError;
use crate::description::{Description, Scores, Text, Vision};
use crate::load::{Keep, LoadSettings, Sides};
use crate::naflex;
use crate::named_weights::NamedWeights;
use crate::patches::PlacesOutput;
use crate::registry::describe;
use crate::tokenizer::TextTokenizer;
use crate::towers::{EMBEDS, FEATURES, ImageInput, SideInput};

/// Vectors of one width, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embeddings {
    width: usize,
    features: Vec<f32>,
    embeds: Vec<f32>,
}

impl Embeddings {
    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vectors at length 1, one per image or text.
    pub fn embeds(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.embeds.chunks_exact(self.width.max(1))
    }

    /// The same before they were brought to length 1.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.features.chunks_exact(self.width.max(1))
    }
}

pub(crate) struct ImageSide {
    pub(crate) vision: Vision,
    executor: Player,
    batch: usize,
    /// The tower gives its places too.
    pub(crate) places: Option<PlacesOutput>,
    /// NaFlex: the table of positions.
    positions: Vec<f32>,
}

struct TextSide {
    text: Text,
    executor: Player,
    batch: usize,
}

/// A loaded model. Deterministic: the same inputs in the same batches give the same numbers, whatever the
/// number of threads.
pub struct DualEncoder {
    architecture: String,
    scores: Scores,
    pub(crate) image: Option<ImageSide>,
    text: Option<TextSide>,
    tokenizer: Option<TextTokenizer>,
    preprocessing: Option<Preprocessing>,
}

impl DualEncoder {
    /// Load the towers that `settings` names. The model's files may be closed afterwards.
    /// Errors: no dual encoder; what its configurations, tokenizer or weights get wrong; the budget.
    pub fn open(model: &Model, settings: &LoadSettings) -> Result<Self, ModelsError> {
        Self::open_on(model, settings, &Target::Cpu { threads: settings.threads })
    }

    /// As [`DualEncoder::open`], on the device of `target`. Errors: as `open`'s, and what the device refuses.
    pub fn open_on(model: &Model, settings: &LoadSettings, target: &Target) -> Result<Self, ModelsError> {
        Self::open_with(model, settings, target, Keep::Results)
    }

    /// `keep`: what the towers give beside, for [`DualEncoder::image_states`] or [`DualEncoder::embed_patches`].
    pub(crate) fn open_with(
        model: &Model,
        settings: &LoadSettings,
        target: &Target,
        keep: Keep,
    ) -> Result<Self, ModelsError> {
        let description = describe(model)?;
        let sides = Sides::prepare(model, &description, settings, keep)?;
        sides.check_values()?;
        let positions = tables(model, &description)?;
        let preprocessing = description.vision.as_ref().map(|vision| vision.preprocessing.clone());
        let Description { architecture, vision, text, scores, tokenizer, .. } = description;
        let tokenizer = tokenizer.map(|read| read.tokenizer);
        let image = sides.image.zip(vision).map(|(side, vision)| {
            let (executor, batch) = (side.load(target)?, batch(settings.image_batch));
            let places = (keep == Keep::Places).then(|| PlacesOutput::of(&vision)).transpose()?;
            Ok::<_, ModelsError>(ImageSide { vision, executor, batch, places, positions })
        });
        let text = sides.text.zip(text).map(|(side, text)| {
            let (executor, batch) = (side.load(target)?, batch(settings.text_batch));
            Ok::<_, ModelsError>(TextSide { text, executor, batch })
        });
        let (image, text) = (image.transpose()?, text.transpose()?);
        model.ensure_unchanged()?;
        Ok(Self { architecture, scores, image, text, tokenizer, preprocessing })
    }

    /// Name of the architecture.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// From a cosine to a score.
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// What is done to an image before the model sees it. `None`: the model has no image tower.
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preprocessing.as_ref()
    }

    /// An image as the image tower takes it. Errors: `NoTower`; what the preprocessing cannot do to it.
    pub fn prepare(&self, pixels: &Pixels) -> Result<Prepared, ModelsError> {
        let preprocessing = self.preprocessing().ok_or(ModelsError::NoTower { tower: "image" })?;
        Ok(preprocessing.apply(pixels)?)
    }

    /// The ids of a text, padded to the model's length. Errors: `NoTower`, `Tokenizer`.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>, ModelsError> {
        let tokenizer = self.tokenizer.as_ref().ok_or(ModelsError::NoTower { tower: "text" })?;
        tokenizer.encode(text)
    }

    /// Embeddings of prepared images, in order. Errors: `NoTower`; images prepared for another model.
    pub fn embed_images(&mut self, images: &[Prepared]) -> Result<Embeddings, ModelsError> {
        let side = self.image.as_mut().ok_or(ModelsError::NoTower { tower: "image" })?;
        let mut all = Embeddings::default();
        for images in images.chunks(side.batch) {
            let outputs = side.run(images)?;
            all.extend(outputs, "image")?;
        }
        Ok(all)
    }

    /// Embeddings of texts, in order. Errors: `NoTower`, `Tokenizer`.
    pub fn embed_texts(&mut self, texts: &[&str]) -> Result<Embeddings, ModelsError> {
        let ids = texts.iter().map(|text| self.tokenize(text)).collect::<Result<Vec<_>, _>>()?;
        let side = self.text.as_mut().ok_or(ModelsError::NoTower { tower: "text" })?;
        let mut all = Embeddings::default();
        for ids in ids.chunks(side.batch) {
            let outputs = side.run(ids)?;
            all.extend(outputs, "text")?;
        }
        Ok(all)
    }

    /// Every output of the image tower for one batch: with states, each block's.
    #[cfg(test)]
    pub(crate) fn image_states(&mut self, images: &[Prepared]) -> Result<Outputs, ModelsError> {
        self.image.as_mut().ok_or(ModelsError::NoTower { tower: "image" })?.run(images)
    }

    /// Every output of the text tower for one batch, run at the full length.
    #[cfg(test)]
    pub(crate) fn text_states(&mut self, ids: &[Vec<u32>]) -> Result<Outputs, ModelsError> {
        let side = self.text.as_mut().ok_or(ModelsError::NoTower { tower: "text" })?;
        let tokens = ids.first().map_or(0, Vec::len);
        side.run_at(ids, tokens)
    }
}

/// An input of a graph by name.
type Input = (&'static str, HostTensor);
/// Outputs of a graph by name.
pub(crate) type Outputs = std::collections::BTreeMap<String, HostTensor>;

impl Embeddings {
    fn extend(&mut self, mut outputs: Outputs, tower: &'static str) -> Result<(), ModelsError> {
        let mut take = |name| outputs.remove(name).expect("every tower has these two outputs");
        let (features, embeds) = (take(FEATURES), take(EMBEDS));
        self.width = embeds.dims()[1];
        let (features, embeds) = (numbers(&features), numbers(&embeds));
        if !embeds.iter().all(|x| x.is_finite()) {
            return Err(ModelsError::ResultNotFinite { tower });
        }
        self.features.extend(features);
        self.embeds.extend(embeds);
        Ok(())
    }
}

pub(crate) fn numbers(tensor: &HostTensor) -> &[f32] {
    tensor.as_f32().expect("outputs of towers are f32")
}

impl ImageSide {
    pub(crate) fn run(&mut self, images: &[Prepared]) -> Result<Outputs, ModelsError> {
        let count = images.len() as u64;
        match self.vision.tower.tower().input() {
            ImageInput::Pixels { image } => {
                let mut values = Vec::new();
                for prepared in images {
                    let Prepared::Pixels(pixels) = prepared else { return Err(other_preparation()) };
                    if pixels.dims[1..].iter().map(|d| *d as u64).ne(image) {
                        return Err(other_preparation());
                    }
                    values.extend_from_slice(&pixels.values);
                }
                let dims = [images.len(), 3, image[0] as usize, image[1] as usize];
                let input = ("pixel_values", HostTensor::f32(&dims, values)?);
                Ok(self.executor.run(&Sizes::new().with(Symbol::Images, count), &[input])?)
            }
            ImageInput::Patches { table_side, patch_len, width, .. } => {
                let all = images.iter().map(|prepared| match prepared {
                    Prepared::Patches(patches) if patches.dims[1] as u64 == patch_len => Ok(patches),
                    _ => Err(other_preparation()),
                });
                let all = all.collect::<Result<Vec<_>, _>>()?;
                let (sizes, inputs) = self.patches(&all, table_side as usize, width as usize)?;
                Ok(self.executor.run(&sizes, &inputs)?)
            }
        }
    }

    /// Only as many patches as the fullest image has: the others are masked anyway.
    fn patches(
        &self,
        images: &[&NaflexPatches],
        side: usize,
        width: usize,
    ) -> Result<(Sizes, [Input; 3]), ModelsError> {
        let most = images.iter().map(|image| image.rows * image.cols).max().unwrap_or(0);
        let patch_len = images.first().map_or(0, |image| image.dims[1]);
        let (mut values, mut places, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        for image in images {
            let count = image.rows * image.cols;
            values.extend_from_slice(&image.values[..most.min(image.dims[0]) * patch_len]);
            let own = naflex::positions(&self.positions, side, width, image.rows, image.cols);
            places.extend_from_slice(&own);
            // Positions of padding have no influence; the reference repeats the first.
            for _ in count..most {
                places.extend_from_slice(&own[..width]);
            }
            mask.extend((0..most).map(|i| u32::from(i < count)));
        }
        let n = images.len();
        let inputs = [
            ("pixel_values", HostTensor::f32(&[n, most, patch_len], values)?),
            ("position_embeddings", HostTensor::f32(&[n, most, width], places)?),
            ("pixel_attention_mask", HostTensor::u32(&[n, most], mask)?),
        ];
        let sizes = Sizes::new().with(Symbol::Images, n as u64).with(Symbol::Patches, most as u64);
        Ok((sizes, inputs))
    }
}

fn other_preparation() -> ModelsError {
    let (expected, got) = ("as this model's preprocessing gives it", "another size or kind");
    ModelsError::Request { what: "prepared image", expected: expected.to_owned(), got: got.to_owned() }
}

impl TextSide {
    /// What has no influence on the pooled token does not run.
    fn run(&mut self, ids: &[Vec<u32>]) -> Result<Outputs, ModelsError> {
        let needed = |ids: &Vec<u32>| match self.text.tower.tower().side_input() {
            SideInput::PooledPosition { pool, trims: true } => pool.position(ids).map_or(0, |at| at + 1),
            SideInput::PooledPosition { .. } => ids.len(),
            SideInput::Mask { padding } => ids.iter().rposition(|id| *id != padding).map_or(1, |at| at + 1),
        };
        let tokens = ids.iter().map(needed).max().unwrap_or(0);
        self.run_at(ids, tokens)
    }

    fn run_at(&mut self, ids: &[Vec<u32>], tokens: usize) -> Result<Outputs, ModelsError> {
        let texts = ids.len();
        let cut = || ids.iter().flat_map(|ids| &ids[..tokens]).copied();
        let side = match self.text.tower.tower().side_input() {
            SideInput::PooledPosition { pool, .. } => {
                let at = ids.iter().map(|ids| pool.position(ids).unwrap_or(0) as u32).collect();
                ("pooled_positions", HostTensor::u32(&[texts, 1], at)?)
            }
            SideInput::Mask { padding } => {
                let mask = cut().map(|id| u32::from(id != padding)).collect();
                ("attention_mask", HostTensor::u32(&[texts, tokens], mask)?)
            }
        };
        let input = ("input_ids", HostTensor::u32(&[texts, tokens], cut().collect())?);
        let sizes = Sizes::new().with(Symbol::Texts, texts as u64).with(Symbol::Tokens, tokens as u64);
        Ok(self.executor.run(&sizes, &[input, side])?)
    }
}

/// Weights that are read beside the graph's, as f32: NaFlex's positions; empty for the others.
fn tables(model: &Model, description: &Description) -> Result<Vec<f32>, ModelsError> {
    let asked = description.vision.iter().flat_map(|vision| vision.tower.tower().tables());
    let found = NamedWeights::find(model, &description.names, asked)?;
    crate::load::check_values(&found)?;
    let mut all = Vec::new();
    for (name, view) in found.views() {
        let wrong = |source| bedside_compute::ComputeError::WeightFormat { name: name.to_owned(), source };
        all.extend(view.to_f32().map_err(wrong)?);
    }
    Ok(all)
}

fn batch(size: u64) -> usize {
    usize::try_from(size.max(1)).unwrap_or(usize::MAX)
}
