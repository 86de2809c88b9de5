//! What a model wants of its pictures, as data, and its execution.
//!
//! The steps run in this order, each only if it is described: RGB, pad to a square, resize, crop, rescale,
//! normalise, layout.

mod crop;
mod gemma3;
mod hf_config;
mod idefics3;
mod naflex;
mod normalize;
mod open_clip_config;
mod qwen2_vl;
mod size;
mod square;

use serde::{Deserialize, Serialize};

use crate::error::ImagingError;
use crate::limits::{
    MAX_CROPS, MAX_MERGE, MAX_MODEL_PIXELS, MAX_MODEL_SIDE, MAX_PATCH_SIDE, MAX_PATCHES, MAX_STATISTIC,
};
use crate::pixels::Pixels;
use crate::resize::{self, Filter};

use gemma3::PanAndScan;

pub use hf_config::{HfNamedSize, HfPreprocessorConfig, HfSize, HfStatistic};
pub use open_clip_config::{OpenClipPreprocess, OpenClipSize, OpenClipStatistic};

/// All that is done to a picture before the model sees it. Its serialised names are stable: model files
/// carry it. [`Preprocessing::check`] holds every number against a limit; `apply` does so first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Expand to a square of the longer side with this colour (R, G, B), the picture centred at
    /// `floor(difference / 2)` (LLaVA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad_to_square: Option<[u8; 3]>,
    /// Resize. `None`: the picture keeps its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Crop at the centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// Factor of the 8-bit values, 1/255 as a rule. `None`: values stay 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescale: Option<f64>,
    /// Subtract a mean and divide by a standard deviation, per channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// What the values are arranged to.
    pub layout: Layout,
}

/// To which size, and with which filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// How the new size follows from the picture's.
    pub rule: ResizeRule,
    /// Pillow's filter of that name.
    pub filter: Filter,
}

/// How the new size follows from the picture's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ResizeRule {
    /// Exactly this size; the aspect ratio is not kept.
    Exact {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// The shorter side becomes `edge`, the other `floor(edge * long / short)`.
    /// Source: torchvision `Resize(int)`, transformers `get_resize_output_image_size`.
    ShortestEdge {
        /// Pixels of the shorter side.
        edge: u32,
    },
    /// The smallest size of the same aspect that covers `height` x `width`, each side rounded to nearest,
    /// ties to even. Source: timm `ResizeKeepRatio(longest=0)`.
    Cover {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// The largest size of the same aspect that fits into `height` x `width`, rounded likewise.
    /// Source: timm `ResizeKeepRatio(longest=1)`.
    Fit {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// As large as [`Layout::NaflexPatches`] allows, in whole patches.
    Naflex,
    /// The longer side becomes `edge`, also where that enlarges; the other is truncated and made even
    /// (Idefics3, SmolVLM).
    LongestEdgeEven {
        /// Pixels of the longer side; above 4096 it becomes 4096.
        edge: u32,
    },
    /// Near the picture's own size in whole groups of [`Layout::Qwen2VlPatches`].
    Smart {
        /// Pixels, at least.
        min_pixels: u32,
        /// Pixels, at most.
        max_pixels: u32,
    },
}

/// A crop at the centre, to exactly `height` x `width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// How odd margins are rounded, and what a picture smaller than the crop gets.
    pub rule: CropRule,
}

/// Two libraries, two roundings: they differ by one pixel for odd margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CropRule {
    /// Margin before: `floor(margin / 2)`, also where the margin is negative and black is added.
    /// Source: transformers `image_transforms.center_crop`.
    HuggingFace,
    /// Margin before: half of it rounded to nearest, ties to even; a picture that is smaller in a direction
    /// is first padded there with `fill`, `floor(missing / 2)` before it.
    /// Source: torchvision `center_crop`; open_clip `center_crop_or_pad`.
    Torchvision {
        /// Value of every channel of the padding.
        fill: u8,
    },
}

/// `(value - mean) / std` per channel R, G, B, in f32, after rescaling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Subtracted.
    pub mean: [f64; 3],
    /// Divided by; above 0.
    pub std: [f64; 3],
}

/// How the values leave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layout {
    /// Planes: [`PixelTensor`] of (3, height, width).
    Planes,
    /// Flattened square patches: [`NaflexPatches`] (SigLIP 2 NaFlex).
    NaflexPatches {
        /// Columns and rows of a patch.
        patch_size: u32,
        /// Patches of the output; pictures with fewer are padded.
        max_num_patches: u32,
    },
    /// Square tiles and an overview: [`ImageTiles`] (Idefics3, SmolVLM). They are made with the filter of
    /// the resize, or Lanczos where there is none.
    Idefics3Tiles {
        /// Columns and rows of a tile.
        tile: u32,
        /// `false`: the overview only.
        split: bool,
    },
    /// Flattened patches in groups: [`GridPatches`] (Qwen2-VL, Qwen2.5-VL).
    Qwen2VlPatches {
        /// Columns and rows of a patch.
        patch_size: u32,
        /// Columns and rows of a group of patches.
        merge_size: u32,
        /// How often a still picture is repeated in time.
        temporal_patch_size: u32,
    },
    /// The whole picture and crops of it (Gemma 3 with pan and scan): [`ImageCrops`]. Each is squashed to
    /// `height` x `width` with this filter; there is no resize before.
    Gemma3Crops {
        /// Rows of each.
        height: u32,
        /// Columns of each.
        width: u32,
        /// Least side of a crop.
        min_crop_size: u32,
        /// Most crops.
        max_num_crops: u32,
        /// Pictures with a smaller ratio of the longer side to the shorter are not cropped.
        min_ratio: f64,
        /// Filter of every resize.
        filter: Filter,
    },
}

/// Values for a model of fixed picture size.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelTensor {
    /// 3, height, width.
    pub dims: [usize; 3],
    /// Row-major: all of red, then green, then blue.
    pub values: Vec<f32>,
}

/// Values for a model that takes any aspect ratio in a bounded number of patches.
#[derive(Debug, Clone, PartialEq)]
pub struct NaflexPatches {
    /// `max_num_patches`, values of a patch (`patch_size * patch_size * 3`).
    pub dims: [usize; 2],
    /// Patches row by row, each (row, column, channel); zeros after the last.
    pub values: Vec<f32>,
    /// `max_num_patches` entries: whether a patch belongs to the picture.
    pub mask: Vec<bool>,
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
}

/// Values for a model that looks at tiles of a picture and at an overview of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageTiles {
    /// Number of pictures (tiles and overview), 3, height, width.
    pub dims: [usize; 4],
    /// Tiles row by row, then the overview, each in planes.
    pub values: Vec<f32>,
    /// Tiles from top to bottom; 0 where there is only the overview.
    pub rows: usize,
    /// Tiles from left to right; 0 where there is only the overview.
    pub cols: usize,
}

/// Values for a model that takes any number of patches on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct GridPatches {
    /// Patches, values of a patch (`3 * temporal_patch_size * patch_size * patch_size`).
    pub dims: [usize; 2],
    /// Group by group, within each patch by patch; each (channel, time, row, column).
    pub values: Vec<f32>,
    /// Patches in time (1), from top to bottom, from left to right.
    pub grid: [usize; 3],
}

/// Values for a model that looks at a picture and at crops of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageCrops {
    /// Number of pictures (the whole one and its crops), 3, height, width.
    pub dims: [usize; 4],
    /// The whole picture, then the crops row by row, each in planes.
    pub values: Vec<f32>,
}

/// A picture as the model takes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Prepared {
    /// From [`Layout::Planes`].
    Pixels(PixelTensor),
    /// From [`Layout::NaflexPatches`].
    Patches(NaflexPatches),
    /// From [`Layout::Idefics3Tiles`].
    Tiles(ImageTiles),
    /// From [`Layout::Qwen2VlPatches`].
    Grid(GridPatches),
    /// From [`Layout::Gemma3Crops`].
    Crops(ImageCrops),
}

impl Preprocessing {
    /// Hold every number against what can be meant.
    /// Errors: `Field`, `Limit`, `MissingField`, each naming the field.
    pub fn check(&self) -> Result<(), ImagingError> {
        self.layout.check()?;
        if let Some(Resize { rule, .. }) = self.resize {
            rule.check(self.layout)?;
        }
        if let Some(crop) = self.crop {
            in_range("crop_size height", crop.height, MAX_MODEL_SIDE)?;
            in_range("crop_size width", crop.width, MAX_MODEL_SIDE)?;
        }
        if let Some(factor) = self.rescale {
            statistic("rescale_factor", factor)?;
        }
        if let Some(normalize) = self.normalize {
            normalize.check()?;
        }
        Ok(())
    }

    /// Rows and columns of the output where it is planes of the same size for every picture.
    pub fn output_size(&self) -> Option<(u32, u32)> {
        match (self.layout, self.crop, self.resize) {
            (Layout::Planes, Some(crop), _) => Some((crop.height, crop.width)),
            (Layout::Planes, None, Some(Resize { rule: ResizeRule::Exact { height, width }, .. })) => {
                Some((height, width))
            }
            _ => None,
        }
    }

    /// Prepare one picture, grey or RGB.
    /// Errors: those of [`Preprocessing::check`]; `Limit`, `ZeroSize` or `Geometry` where the picture's size
    /// leads to none that can be had.
    pub fn apply(&self, pixels: &Pixels) -> Result<Prepared, ImagingError> {
        let bytes = self.apply_u8(pixels)?;
        let table = normalize::Table::new(self.rescale, self.normalize);
        Ok(match self.layout {
            Layout::Planes => Prepared::Pixels(table.planes(&bytes)),
            Layout::NaflexPatches { patch_size, max_num_patches } => {
                Prepared::Patches(naflex::patches(&bytes, &table, patch_size, max_num_patches)?)
            }
            Layout::Idefics3Tiles { tile, split } => {
                let filter = self.resize.map_or(Filter::Lanczos, |resize| resize.filter);
                Prepared::Tiles(idefics3::tiles(&bytes, &table, tile, split, filter)?)
            }
            Layout::Qwen2VlPatches { patch_size, merge_size, temporal_patch_size } => Prepared::Grid(
                qwen2_vl::patches(&bytes, &table, patch_size, merge_size, temporal_patch_size)?,
            ),
            Layout::Gemma3Crops { height, width, min_crop_size, max_num_crops, min_ratio, filter } => {
                let rules = PanAndScan { min_crop_size, max_num_crops, min_ratio_to_activate: min_ratio };
                Prepared::Crops(gemma3::pictures(&bytes, &table, [height, width], rules, filter)?)
            }
        })
    }

    /// The steps up to the crop: what is left is 8-bit RGB.
    pub(crate) fn apply_u8(&self, pixels: &Pixels) -> Result<Pixels, ImagingError> {
        self.check()?;
        let mut pixels = pixels.to_rgb();
        if let Some(colour) = self.pad_to_square {
            pixels = square::pad(&pixels, colour)?;
        }
        if let Some(Resize { rule, filter }) = self.resize {
            let (height, width) = size::of(rule, self.layout, &pixels)?;
            pixels = resize::resize(&pixels, width, height, filter)?;
        }
        match self.crop {
            Some(crop) => crop::centre(&pixels, crop),
            None => Ok(pixels),
        }
    }
}

impl Layout {
    fn check(self) -> Result<(), ImagingError> {
        match self {
            Self::Planes => Ok(()),
            Self::NaflexPatches { patch_size, max_num_patches } => {
                in_range("patch_size", patch_size, MAX_PATCH_SIDE)?;
                in_range("max_num_patches", max_num_patches, MAX_PATCHES)
            }
            Self::Idefics3Tiles { tile, .. } => in_range("max_image_size longest_edge", tile, MAX_MODEL_SIDE),
            Self::Qwen2VlPatches { patch_size, merge_size, temporal_patch_size } => {
                in_range("patch_size", patch_size, MAX_PATCH_SIDE)?;
                in_range("merge_size", merge_size, MAX_MERGE)?;
                in_range("temporal_patch_size", temporal_patch_size, MAX_MERGE)
            }
            Self::Gemma3Crops { height, width, min_crop_size, max_num_crops, min_ratio, .. } => {
                in_range("size height", height, MAX_MODEL_SIDE)?;
                in_range("size width", width, MAX_MODEL_SIDE)?;
                in_range("pan_and_scan_min_crop_size", min_crop_size, MAX_MODEL_SIDE)?;
                in_range("pan_and_scan_max_num_crops", max_num_crops, MAX_CROPS)?;
                statistic("pan_and_scan_min_ratio_to_activate", min_ratio)
            }
        }
    }
}

impl ResizeRule {
    /// Some rules take a part of their numbers from the layout.
    fn check(self, layout: Layout) -> Result<(), ImagingError> {
        match self {
            Self::Exact { height, width } | Self::Cover { height, width } | Self::Fit { height, width } => {
                in_range("size height", height, MAX_MODEL_SIDE)?;
                in_range("size width", width, MAX_MODEL_SIDE)
            }
            Self::ShortestEdge { edge } => in_range("size shortest_edge", edge, MAX_MODEL_SIDE),
            Self::LongestEdgeEven { edge } => in_range("size longest_edge", edge, MAX_MODEL_SIDE),
            Self::Naflex if matches!(layout, Layout::NaflexPatches { .. }) => Ok(()),
            Self::Smart { min_pixels, max_pixels } if matches!(layout, Layout::Qwen2VlPatches { .. }) => {
                in_range("min_pixels", min_pixels, MAX_MODEL_PIXELS)?;
                in_range("max_pixels", max_pixels, MAX_MODEL_PIXELS)?;
                if min_pixels > max_pixels {
                    let expected = "at most max_pixels";
                    return Err(ImagingError::Field {
                        field: "min_pixels",
                        expected,
                        got: min_pixels.to_string(),
                    });
                }
                Ok(())
            }
            Self::Naflex => Err(Self::needs("layout naflex_patches")),
            Self::Smart { .. } => Err(Self::needs("layout qwen2_vl_patches")),
        }
    }

    fn needs(field: &'static str) -> ImagingError {
        ImagingError::MissingField { field, why: "the resize rule fits a picture into it" }
    }
}

impl Normalize {
    fn check(&self) -> Result<(), ImagingError> {
        self.mean.iter().try_for_each(|&mean| statistic("image_mean", mean))?;
        for &std in &self.std {
            statistic("image_std", std)?;
            // The division happens in f32: what is above 0 here has to be so there.
            if std as f32 <= 0.0 {
                let expected = "a number above 0";
                return Err(ImagingError::Field { field: "image_std", expected, got: std.to_string() });
            }
        }
        Ok(())
    }
}

fn in_range(field: &'static str, got: u32, limit: u64) -> Result<(), ImagingError> {
    if got == 0 {
        return Err(ImagingError::Field { field, expected: "at least 1", got: got.to_string() });
    }
    ImagingError::hold(field, got.into(), limit)
}

fn statistic(field: &'static str, got: f64) -> Result<(), ImagingError> {
    if got.is_finite() && got.abs() <= MAX_STATISTIC {
        return Ok(());
    }
    Err(ImagingError::Field { field, expected: "a number from -65536 to 65536", got: got.to_string() })
}

#[cfg(test)]
mod tests;
