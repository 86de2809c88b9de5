//! Hugging Face `preprocessor_config.json`, as the slow processors of transformers 4.53 read it.

use serde::{Deserialize, Deserializer};

use super::{Crop, CropRule, Layout, Normalize, Preprocessing, Resize, ResizeRule};
use crate::error::ImagingError;
use crate::excerpt::excerpt;
use crate::limits::MAX_MODEL_SIDE;
use crate::resize::Filter;

/// Mean and standard deviation of the pictures CLIP was trained on: transformers' `OPENAI_CLIP_MEAN`, `_STD`.
pub(crate) const CLIP_STATISTICS: Normalize =
    Normalize { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
/// transformers' `IMAGENET_STANDARD_MEAN`, `_STD`.
const HALF_STATISTICS: Normalize = Normalize { mean: [0.5; 3], std: [0.5; 3] };

/// The fields of `preprocessor_config.json` that change pixels; others are passed over. Read it with any
/// serde format, then ask for the [`Preprocessing`]. Fields that are absent take the defaults of the class
/// that the file names. `…Fast` classes are read as their slow twins: those are the reference.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HfPreprocessorConfig {
    /// Class of the processor, such as `CLIPImageProcessor`.
    pub image_processor_type: Option<String>,
    /// Its name in old files: `CLIPFeatureExtractor` stands for `CLIPImageProcessor`.
    pub feature_extractor_type: Option<String>,
    /// Whether to resize. `null` is false, here and in the other `do_` fields, as it is in Python.
    #[serde(deserialize_with = "flag")]
    pub do_resize: Option<bool>,
    /// Size after resizing.
    pub size: Option<HfSize>,
    /// Pillow's number of the filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
    #[serde(deserialize_with = "given")]
    pub resample: Option<i64>,
    /// Whether to crop at the centre.
    #[serde(deserialize_with = "flag")]
    pub do_center_crop: Option<bool>,
    /// Size of the crop.
    pub crop_size: Option<HfSize>,
    /// ConvNeXT: part of the shorter edge that the crop keeps.
    pub crop_pct: Option<f64>,
    /// Whether to multiply by `rescale_factor`.
    #[serde(deserialize_with = "flag")]
    pub do_rescale: Option<bool>,
    /// Factor of the 8-bit values.
    #[serde(deserialize_with = "given")]
    pub rescale_factor: Option<f64>,
    /// Whether to subtract the mean and divide by the standard deviation.
    #[serde(deserialize_with = "flag")]
    pub do_normalize: Option<bool>,
    /// Mean of each channel, or one for all.
    pub image_mean: Option<HfStatistic>,
    /// Standard deviation of each channel, or one for all.
    pub image_std: Option<HfStatistic>,
    /// LLaVA: whether to expand to a square first.
    #[serde(deserialize_with = "flag")]
    pub do_pad: Option<bool>,
    /// SigLIP 2, Qwen2-VL: side of a patch.
    #[serde(deserialize_with = "given")]
    pub patch_size: Option<i64>,
    /// SigLIP 2: patches of the output.
    #[serde(deserialize_with = "given")]
    pub max_num_patches: Option<i64>,
    /// Qwen2-VL: side of a group of patches.
    #[serde(deserialize_with = "given")]
    pub merge_size: Option<i64>,
    /// Qwen2-VL: how often a still picture is repeated in time.
    #[serde(deserialize_with = "given")]
    pub temporal_patch_size: Option<i64>,
    /// Qwen2-VL: goes before `size.shortest_edge`. (transformers 4.53 reads only this, later ones both.)
    pub min_pixels: Option<i64>,
    /// Qwen2-VL: goes before `size.longest_edge`.
    pub max_pixels: Option<i64>,
    /// Idefics3, SmolVLM: whether to cut the picture into tiles.
    #[serde(deserialize_with = "flag")]
    pub do_image_splitting: Option<bool>,
    /// Idefics3, SmolVLM: `longest_edge` is the side of a tile.
    pub max_image_size: Option<HfSize>,
    /// Gemma 3: whether to add crops of pictures that are far from square.
    #[serde(deserialize_with = "flag")]
    pub do_pan_and_scan: Option<bool>,
    /// Gemma 3: least side of a crop.
    pub pan_and_scan_min_crop_size: Option<i64>,
    /// Gemma 3: most crops.
    pub pan_and_scan_max_num_crops: Option<i64>,
    /// Gemma 3: pictures with a smaller ratio of the sides are not cropped.
    pub pan_and_scan_min_ratio_to_activate: Option<f64>,
    /// KOSMOS-2's variation of CLIP, which is refused.
    #[serde(deserialize_with = "flag")]
    pub use_square_size: Option<bool>,
}

/// A size as configurations write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a size: a number, [height, width], or an object of edges")]
pub enum HfSize {
    /// One number: a square, or the shorter edge, as the class has it.
    Edge(i64),
    /// Rows, columns. Any number of them is read, so that other lists are not taken for `Named`, which serde
    /// would fill from one.
    List(Vec<i64>),
    /// By name.
    Named(HfNamedSize),
}

/// A size by the names of its edges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HfNamedSize {
    /// Rows.
    pub height: Option<i64>,
    /// Columns.
    pub width: Option<i64>,
    /// The shorter side.
    pub shortest_edge: Option<i64>,
    /// The longer side.
    pub longest_edge: Option<i64>,
    /// A box to fit into: rows.
    pub max_height: Option<i64>,
    /// A box to fit into: columns.
    pub max_width: Option<i64>,
}

/// A statistic of the channels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of numbers")]
pub enum HfStatistic {
    /// The same for all.
    One(f64),
    /// Red, green, blue.
    Channels(Vec<f64>),
}

/// `null` is false, absent is `None`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or(false)))
}

/// Absent is `None`; `null` is refused, because transformers would fail or guess.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The processors, and what each takes for absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// CLIP, BiT: shortest edge 224, bicubic, crop 224, CLIP's statistics.
    Clip,
    /// The same with a square before.
    Llava,
    /// Exactly 224 x 224, bicubic, no crop, halves.
    Siglip,
    /// NaFlex: bilinear, patches of 16, 256 of them, halves.
    Siglip2,
    /// Exactly 224 x 224, bilinear, no crop, halves.
    Vit,
    /// Shortest edge 384, bilinear, `crop_pct` 224/256, halves.
    ConvNext,
    /// Idefics3, SmolVLM: longest edge 1456, Lanczos, tiles of 364, halves.
    Idefics3,
    /// Qwen2-VL and 2.5: 56 * 56 to 28 * 28 * 1280 pixels, bicubic, patches of 14 in groups of 2, CLIP's
    /// statistics.
    Qwen2Vl,
    /// Exactly 224 x 224, bilinear, no crop, halves; pan and scan if asked for.
    Gemma3,
}

impl Class {
    fn of(name: &str) -> Option<Self> {
        let name = name.strip_suffix("Fast").unwrap_or(name);
        let family = name.strip_suffix("ImageProcessor").or_else(|| name.strip_suffix("FeatureExtractor"))?;
        Some(match family {
            "CLIP" | "Bit" => Self::Clip,
            "Llava" => Self::Llava,
            "Siglip" => Self::Siglip,
            "Siglip2" => Self::Siglip2,
            "ViT" => Self::Vit,
            "ConvNext" => Self::ConvNext,
            "Idefics3" | "SmolVLM" => Self::Idefics3,
            "Qwen2VL" => Self::Qwen2Vl,
            "Gemma3" => Self::Gemma3,
            _ => return None,
        })
    }

    fn default_filter(self) -> Filter {
        match self {
            Self::Clip | Self::Llava | Self::Siglip | Self::Qwen2Vl => Filter::Bicubic,
            Self::Siglip2 | Self::Vit | Self::ConvNext | Self::Gemma3 => Filter::Bilinear,
            Self::Idefics3 => Filter::Lanczos,
        }
    }

    fn default_statistics(self) -> Normalize {
        match self {
            Self::Clip | Self::Llava | Self::Qwen2Vl => CLIP_STATISTICS,
            Self::Siglip | Self::Siglip2 | Self::Vit => HALF_STATISTICS,
            Self::ConvNext | Self::Idefics3 | Self::Gemma3 => HALF_STATISTICS,
        }
    }
}

impl HfPreprocessorConfig {
    /// What the file asks for.
    /// Errors: `UnknownProcessor`; `MissingField` without a class; `Field` or `Limit`, naming the field.
    /// Source: transformers 4.53.3, `models/*/image_processing_*.py`.
    pub fn preprocessing(&self) -> Result<Preprocessing, ImagingError> {
        let Some(name) = self.image_processor_type.as_ref().or(self.feature_extractor_type.as_ref()) else {
            let why = "the meaning of the other fields depends on the class";
            return Err(ImagingError::MissingField { field: "image_processor_type", why });
        };
        let unknown = || ImagingError::UnknownProcessor { found: excerpt(name) };
        let class = Class::of(name).ok_or_else(unknown)?;
        if self.use_square_size == Some(true) {
            return Err(field("use_square_size", "false", &"true"));
        }
        let statistics = self.statistics(class)?;
        let (resize, crop) = self.geometry(class)?;
        let layout = self.layout(class)?;
        let pad = class == Class::Llava && self.do_pad.unwrap_or(false);
        let rescales = self.do_rescale.unwrap_or(true);
        let preprocessing = Preprocessing {
            pad_to_square: if pad { Some(square_colour(statistics)?) } else { None },
            resize,
            crop,
            rescale: rescales.then(|| self.rescale_factor.unwrap_or(1.0 / 255.0)),
            normalize: self.do_normalize.unwrap_or(true).then_some(statistics),
            layout,
        };
        preprocessing.check()?;
        Ok(preprocessing)
    }

    fn layout(&self, class: Class) -> Result<Layout, ImagingError> {
        Ok(match class {
            Class::Siglip2 => Layout::NaflexPatches {
                patch_size: count("patch_size", self.patch_size.unwrap_or(16))?,
                max_num_patches: count("max_num_patches", self.max_num_patches.unwrap_or(256))?,
            },
            Class::Idefics3 => Layout::Idefics3Tiles {
                tile: longest_edge("max_image_size", self.max_image_size.as_ref(), 364)?,
                split: self.do_image_splitting.unwrap_or(true),
            },
            Class::Qwen2Vl => Layout::Qwen2VlPatches {
                patch_size: count("patch_size", self.patch_size.unwrap_or(14))?,
                merge_size: count("merge_size", self.merge_size.unwrap_or(2))?,
                temporal_patch_size: count("temporal_patch_size", self.temporal_patch_size.unwrap_or(2))?,
            },
            Class::Gemma3 if self.do_pan_and_scan.unwrap_or(false) => {
                let (height, width) = exact_size("size", self.size.as_ref(), 224, false)?;
                let count_or = |name, value: Option<i64>, default| count(name, value.unwrap_or(default));
                Layout::Gemma3Crops {
                    height,
                    width,
                    min_crop_size: count_or(
                        "pan_and_scan_min_crop_size",
                        self.pan_and_scan_min_crop_size,
                        256,
                    )?,
                    max_num_crops: count_or(
                        "pan_and_scan_max_num_crops",
                        self.pan_and_scan_max_num_crops,
                        4,
                    )?,
                    min_ratio: self.pan_and_scan_min_ratio_to_activate.unwrap_or(1.2),
                    filter: self.filter(class)?,
                }
            }
            _ => Layout::Planes,
        })
    }

    fn filter(&self, class: Class) -> Result<Filter, ImagingError> {
        match self.resample {
            Some(number) => Filter::from_pillow(number)
                .ok_or_else(|| field("resample", "a Pillow filter from 0 to 5", &number)),
            None => Ok(class.default_filter()),
        }
    }

    fn statistics(&self, class: Class) -> Result<Normalize, ImagingError> {
        let default = class.default_statistics();
        Ok(Normalize {
            mean: channels("image_mean", self.image_mean.as_ref(), default.mean)?,
            std: channels("image_std", self.image_std.as_ref(), default.std)?,
        })
    }

    fn geometry(&self, class: Class) -> Result<(Option<Resize>, Option<Crop>), ImagingError> {
        let filter = self.filter(class)?;
        let resizes = self.do_resize.unwrap_or(true);
        let resize = |rule| Some(Resize { rule, filter });
        Ok(match class {
            Class::Siglip2 => (if resizes { resize(ResizeRule::Naflex) } else { None }, None),
            Class::ConvNext | Class::Idefics3 | Class::Qwen2Vl if !resizes => (None, None),
            Class::Qwen2Vl => (resize(self.smart_rule()?), None),
            Class::Idefics3 => {
                let edge = longest_edge("size", self.size.as_ref(), 4 * 364)?;
                (resize(ResizeRule::LongestEdgeEven { edge }), None)
            }
            Class::ConvNext => {
                let (rule, crop) = self.conv_next_geometry()?;
                (resize(rule), crop)
            }
            Class::Gemma3 if self.do_pan_and_scan.unwrap_or(false) => {
                // Its crops are squashed one by one, each by the layout.
                if resizes {
                    (None, None)
                } else {
                    return Err(field("do_resize", "true with pan and scan", &"false"));
                }
            }
            Class::Siglip | Class::Vit | Class::Gemma3 if !resizes => (None, None),
            // SigLIP reads one number as a shortest edge, and then has no use for it; ViT as a square.
            Class::Siglip | Class::Gemma3 => {
                let (height, width) = exact_size("size", self.size.as_ref(), 224, false)?;
                (resize(ResizeRule::Exact { height, width }), None)
            }
            Class::Vit => {
                let (height, width) = exact_size("size", self.size.as_ref(), 224, true)?;
                (resize(ResizeRule::Exact { height, width }), None)
            }
            Class::Clip | Class::Llava => {
                let rule = if resizes { Some(clip_rule(self.size.as_ref())?) } else { None };
                (rule.and_then(resize), self.clip_crop()?)
            }
        })
    }

    fn smart_rule(&self) -> Result<ResizeRule, ImagingError> {
        let (least, most) = match self.size.as_ref() {
            None => (56 * 56, 28 * 28 * 1280),
            Some(HfSize::Named(HfNamedSize {
                shortest_edge: Some(least), longest_edge: Some(most), ..
            })) => (*least, *most),
            Some(other) => {
                return Err(field("size", "a shortest_edge and a longest_edge", &format!("{other:?}")));
            }
        };
        Ok(ResizeRule::Smart {
            min_pixels: count("min_pixels", self.min_pixels.unwrap_or(least))?,
            max_pixels: count("max_pixels", self.max_pixels.unwrap_or(most))?,
        })
    }

    fn clip_crop(&self) -> Result<Option<Crop>, ImagingError> {
        if !self.do_center_crop.unwrap_or(true) {
            return Ok(None);
        }
        let (height, width) = exact_size("crop_size", self.crop_size.as_ref(), 224, true)?;
        Ok(Some(Crop { height, width, rule: CropRule::HuggingFace }))
    }

    /// Below 384 the picture is resized larger, by `crop_pct`, and cropped; from 384 on it is squashed.
    fn conv_next_geometry(&self) -> Result<(ResizeRule, Option<Crop>), ImagingError> {
        let edge = match self.size.as_ref() {
            None => 384,
            Some(HfSize::Edge(edge)) | Some(HfSize::Named(HfNamedSize { shortest_edge: Some(edge), .. })) => {
                count("size shortest_edge", *edge)?
            }
            Some(other) => return Err(field("size", "a shortest_edge", &format!("{other:?}"))),
        };
        if edge >= 384 {
            return Ok((ResizeRule::Exact { height: edge, width: edge }, None));
        }
        let kept = self.crop_pct.unwrap_or(224.0 / 256.0);
        let enlarged = f64::from(edge) / kept;
        if !(kept > 0.0 && enlarged >= 1.0 && enlarged <= MAX_MODEL_SIDE as f64) {
            return Err(field("crop_pct", "a part of the edge above 0", &kept));
        }
        let crop = Crop { height: edge, width: edge, rule: CropRule::HuggingFace };
        // Truncated, as the source has it.
        Ok((ResizeRule::ShortestEdge { edge: enlarged as u32 }, Some(crop)))
    }
}

/// A size that has to be given by its `longest_edge`.
fn longest_edge(name: &'static str, size: Option<&HfSize>, default: u32) -> Result<u32, ImagingError> {
    match size {
        None => Ok(default),
        Some(HfSize::Named(HfNamedSize { longest_edge: Some(edge), .. })) => count(name, *edge),
        Some(other) => Err(field(name, "a longest_edge", &format!("{other:?}"))),
    }
}

/// CLIP's `size`: a shortest edge, or a size to squash to. A `longest_edge` beside the shortest is not used.
fn clip_rule(size: Option<&HfSize>) -> Result<ResizeRule, ImagingError> {
    Ok(match size {
        None => ResizeRule::ShortestEdge { edge: 224 },
        Some(HfSize::Edge(edge)) | Some(HfSize::Named(HfNamedSize { shortest_edge: Some(edge), .. })) => {
            ResizeRule::ShortestEdge { edge: count("size shortest_edge", *edge)? }
        }
        other => {
            let (height, width) = exact_size("size", other, 224, false)?;
            ResizeRule::Exact { height, width }
        }
    })
}

/// (rows, columns). `square`: one number means both.
fn exact_size(
    name: &'static str,
    size: Option<&HfSize>,
    default: u32,
    square: bool,
) -> Result<(u32, u32), ImagingError> {
    let (height, width) = match size {
        None => return Ok((default, default)),
        Some(HfSize::Edge(edge)) if square => (edge, edge),
        Some(HfSize::Named(HfNamedSize { height: Some(height), width: Some(width), .. })) => (height, width),
        Some(other) => match other {
            HfSize::List(list) if list.len() == 2 => (&list[0], &list[1]),
            _ => return Err(field(name, "height and width", &format!("{other:?}"))),
        },
    };
    Ok((count(name, *height)?, count(name, *width)?))
}

fn channels(
    name: &'static str,
    given: Option<&HfStatistic>,
    default: [f64; 3],
) -> Result<[f64; 3], ImagingError> {
    match given {
        None => Ok(default),
        Some(HfStatistic::One(value)) => Ok([*value; 3]),
        Some(HfStatistic::Channels(values)) => values
            .as_slice()
            .try_into()
            .map_err(|_| field(name, "one number or three", &format!("{} numbers", values.len()))),
    }
}

/// LLaVA's colour beside the picture: the mean in 8 bits, truncated.
fn square_colour(Normalize { mean, .. }: Normalize) -> Result<[u8; 3], ImagingError> {
    let mut colour = [0; 3];
    for (byte, mean) in colour.iter_mut().zip(mean) {
        if !(0.0..=1.0).contains(&mean) {
            return Err(field(
                "image_mean",
                "a mean from 0 to 1, as the square's colour is made of it",
                &mean,
            ));
        }
        *byte = (mean * 255.0) as u8;
    }
    Ok(colour)
}

/// At least 1; the upper limit is held by [`Preprocessing::check`], which knows what it is.
fn count(name: &'static str, got: i64) -> Result<u32, ImagingError> {
    match u32::try_from(got) {
        Ok(got) if got > 0 => Ok(got),
        _ => Err(field(name, "a whole number from 1 to its limit", &got)),
    }
}

fn field(name: &'static str, expected: &'static str, got: &dyn std::fmt::Display) -> ImagingError {
    ImagingError::Field { field: name, expected, got: excerpt(got) }
}

#[cfg(test)]
mod tests;
