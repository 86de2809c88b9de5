//! What a dual encoder makes of each place of an image, and where on the picture the place lies: the ground of
//! heatmaps.
//!
//! Where a tower pools by a mean, the places' vectors are its exact parts: their mean is the image's features
//! ([`Attribution::Additive`]; behind a layer norm of the mean each place is scaled by the norm's own divisor, which
//! the features show). A class token or attention is no sum of places: there a vector is what the head makes of that
//! place alone ([`Attribution::Separate`]), which shows likeness and adds up to nothing.

use bedside_compute::Target;
use bedside_imaging::{Pixels, Prepared, Preprocessing, Resize, ResizeRule};
use bedside_weights::Model;
use serde::{Deserialize, Serialize};

use crate::description::Vision;
use crate::dual_encoder::{Outputs, numbers};
use crate::load::{Keep, LoadSettings};
use crate::towers::places::{Grid, PLACES, PLACES_OFFSET};
use crate::towers::{EMBEDS, FEATURES};
use crate::{DualEncoder, ModelsError};

/// What the vectors of places are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// Their mean is the image's features.
    Additive,
    /// Each is what the head makes of that place alone, at length 1.
    Separate,
}

/// An image's embedding and that of each of its places.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchEmbeddings {
    rows: usize,
    columns: usize,
    attribution: Attribution,
    area: [f64; 4],
    features: Vec<f32>,
    embed: Vec<f32>,
    /// (rows, columns, width)
    values: Vec<f64>,
}

impl PatchEmbeddings {
    /// Places from top to bottom and from left to right.
    pub fn grid(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// What the vectors of places are.
    pub fn attribution(&self) -> Attribution {
        self.attribution
    }

    /// Left, top, right and bottom of what the places divide among them in equal parts, in pixels of the picture. It
    /// may reach beyond the picture (padding). Exact up to the rounding of one pixel of the resized picture.
    pub fn area(&self) -> [f64; 4] {
        self.area
    }

    /// Left, top, right and bottom of one place, in pixels of the picture. `None`: there is no such place.
    pub fn cell(&self, row: usize, column: usize) -> Option<[f64; 4]> {
        let [left, top, right, bottom] = self.area;
        let (width, height) = ((right - left) / self.columns as f64, (bottom - top) / self.rows as f64);
        let corner = |row: usize, column: usize| (left + column as f64 * width, top + row as f64 * height);
        let inside = row < self.rows && column < self.columns;
        inside.then(|| {
            let ((left, top), (right, bottom)) = (corner(row, column), corner(row + 1, column + 1));
            [left, top, right, bottom]
        })
    }

    /// The image's vector before it was brought to length 1.
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// The image's vector at length 1.
    pub fn embed(&self) -> &[f32] {
        &self.embed
    }

    /// The places' vectors, row by row.
    pub fn patches(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.features.len().max(1))
    }

    /// What each place has along `direction`, row by row: with [`Attribution::Additive`] its part of the image's own
    /// `embed · direction`, which is the mean of them; otherwise its cosine where `direction` has length 1.
    pub fn along(&self, direction: &[f64]) -> Vec<f64> {
        let scale = match self.attribution {
            Attribution::Additive => 1.0 / length(self.features.iter().map(|v| f64::from(*v))),
            Attribution::Separate => 1.0,
        };
        let along = |patch: &[f64]| scale * patch.iter().zip(direction).map(|(a, b)| a * b).sum::<f64>();
        self.patches().map(along).collect()
    }
}

impl DualEncoder {
    /// [`DualEncoder::open`], ready for [`DualEncoder::embed_patches`]: the image tower then gives its places with every
    /// image, which takes a little more memory and time. Embeddings may differ from those of a tower without in the
    /// last bits. Errors: as there.
    pub fn open_with_patches(model: &Model, settings: &LoadSettings) -> Result<Self, ModelsError> {
        Self::open_with(model, settings, &Target::Cpu { threads: settings.threads }, Keep::Places)
    }

    /// Embeddings of one picture and its places. Errors: `NoTower`; `Request` for an encoder that was opened without;
    /// what the preprocessing cannot do to the picture; `ResultNotFinite`.
    pub fn embed_patches(&mut self, pixels: &Pixels) -> Result<PatchEmbeddings, ModelsError> {
        let prepared = self.prepare(pixels)?;
        let side = self.image.as_mut().ok_or(ModelsError::NoTower { tower: "image" })?;
        let places = side.places.ok_or_else(|| ModelsError::Request {
            what: "places of an image",
            expected: "an encoder opened with open_with_patches".to_owned(),
            got: "one opened without".to_owned(),
        })?;
        let size = [pixels.width(), pixels.height()].map(f64::from);
        let ([rows, columns], area) = places.lie_in(&side.vision.preprocessing, &prepared, size);
        let outputs = side.run(std::slice::from_ref(&prepared))?;
        places.read(&outputs, [rows, columns], area)
    }
}

/// How the outputs of a tower with places are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacesOutput {
    additive: bool,
    grid: Grid,
}

impl PlacesOutput {
    pub(crate) fn of(vision: &Vision) -> Result<Self, ModelsError> {
        let graph = vision.places_graph()?;
        Ok(Self { additive: graph.additive, grid: graph.grid })
    }

    /// Rows and columns of places, and the part of the picture (columns, rows) that they divide.
    fn lie_in(self, steps: &Preprocessing, prepared: &Prepared, size: [f64; 2]) -> ([usize; 2], [f64; 4]) {
        match (self.grid, prepared) {
            (Grid::Fixed { places, pixels }, _) => {
                (places.map(|n| n as usize), shown(steps, size, pixels.map(|n| n as f64)))
            }
            (Grid::Patches, Prepared::Patches(patches)) => {
                ([patches.rows, patches.cols], [0.0, 0.0, size[0], size[1]])
            }
            // Refused by the run.
            (Grid::Patches, _) => ([0, 0], [0.0, 0.0, size[0], size[1]]),
        }
    }

    fn read(
        self,
        outputs: &Outputs,
        [rows, columns]: [usize; 2],
        area: [f64; 4],
    ) -> Result<PatchEmbeddings, ModelsError> {
        let output = |name: &str| outputs.get(name).map(numbers);
        let expected = "a tower with places has these outputs";
        let features = output(FEATURES).expect(expected);
        let embed = output(EMBEDS).expect(expected);
        let width = features.len().max(1);
        let raw = output(PLACES).expect(expected);
        let mut values: Vec<f64> = raw.iter().take(rows * columns * width).map(|v| f64::from(*v)).collect();
        if let Some(offset) = output(PLACES_OFFSET) {
            scale_to(&mut values, features, offset);
        }
        let finite = values.iter().all(|v| v.is_finite()) && embed.iter().all(|v| v.is_finite());
        if !finite || values.len() != rows * columns * width {
            return Err(ModelsError::ResultNotFinite { tower: "image" });
        }
        if !self.additive {
            for patch in values.chunks_exact_mut(width) {
                let length = length(patch.iter().copied());
                if length > 0.0 {
                    patch.iter_mut().for_each(|v| *v /= length);
                }
            }
        }
        let attribution = if self.additive { Attribution::Additive } else { Attribution::Separate };
        let (features, embed) = (features.to_vec(), embed.to_vec());
        Ok(PatchEmbeddings { rows, columns, attribution, area, features, embed, values })
    }
}

/// features = factor · mean of the places + offset, where the factor is the one number that the norm of the mean
/// divides by. It follows from the numbers themselves: the component of (features − offset) along the mean.
fn scale_to(values: &mut [f64], features: &[f32], offset: &[f32]) {
    let width = features.len();
    let count = (values.len() / width.max(1)).max(1) as f64;
    let mut mean = vec![0.0; width];
    for patch in values.chunks_exact(width) {
        mean.iter_mut().zip(patch).for_each(|(mean, v)| *mean += v / count);
    }
    let rest = features.iter().zip(offset).map(|(f, o)| f64::from(*f) - f64::from(*o));
    let along: f64 = rest.zip(&mean).map(|(rest, mean)| rest * mean).sum();
    let square: f64 = mean.iter().map(|v| v * v).sum();
    let factor = if square > 0.0 { along / square } else { 0.0 };
    for patch in values.chunks_exact_mut(width) {
        patch.iter_mut().zip(offset).for_each(|(v, offset)| *v = factor * *v + f64::from(*offset));
    }
}

fn length(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// The part of a picture of `size` (columns, rows) that the first `pixels` (rows, columns) of what the preprocessing
/// makes of it show: left, top, right, bottom. Rounding to whole pixels is left out.
fn shown(steps: &Preprocessing, size: [f64; 2], pixels: [f64; 2]) -> [f64; 4] {
    let side = size[0].max(size[1]);
    let square = steps.pad_to_square.is_some();
    let padded = if square { [side; 2] } else { size };
    let margin = [0, 1].map(|axis| if square { ((side - size[axis]) / 2.0).floor() } else { 0.0 });
    let resized = steps.resize.map_or(padded, |resize| resized(resize, padded));
    let crop = steps.crop.map_or(resized, |crop| [f64::from(crop.width), f64::from(crop.height)]);
    let extent = [pixels[1], pixels[0]];
    let back = |axis: usize, at: f64| {
        let of_crop = (resized[axis] - crop[axis]) / 2.0;
        (at + of_crop) * padded[axis] / resized[axis] - margin[axis]
    };
    [back(0, 0.0), back(1, 0.0), back(0, extent[0]), back(1, extent[1])]
}

/// Columns and rows after a resize, not rounded.
fn resized(resize: Resize, [width, height]: [f64; 2]) -> [f64; 2] {
    let by = |factor: f64| [width * factor, height * factor];
    let ratios = |rows: u32, columns: u32| (f64::from(rows) / height, f64::from(columns) / width);
    match resize.rule {
        ResizeRule::Exact { height, width } => [f64::from(width), f64::from(height)],
        ResizeRule::ShortestEdge { edge } => by(f64::from(edge) / width.min(height)),
        ResizeRule::Cover { height: rows, width: columns } => {
            let (a, b) = ratios(rows, columns);
            by(a.max(b))
        }
        ResizeRule::Fit { height: rows, width: columns } => {
            let (a, b) = ratios(rows, columns);
            by(a.min(b))
        }
        ResizeRule::LongestEdgeEven { edge } => by(f64::from(edge) / width.max(height)),
        // Both keep the aspect, and no tower of one size has them.
        ResizeRule::Naflex | ResizeRule::Smart { .. } => [width, height],
    }
}

#[cfg(test)]
mod tests;
