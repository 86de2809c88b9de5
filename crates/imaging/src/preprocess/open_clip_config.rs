//! OpenCLIP `preprocess_cfg`, as open_clip 3.3 reads it for inference.

use serde::Deserialize;

use super::hf_config::CLIP_STATISTICS;
use super::{Crop, CropRule, Layout, Normalize, Preprocessing, Resize, ResizeRule};
use crate::error::ImagingError;
use crate::excerpt::excerpt;
use crate::resize::Filter;

/// `preprocess_cfg` of an `open_clip_config.json`. Fields that are absent or `null` take open_clip's
/// defaults. The size may stand in `model_cfg.vision_cfg.image_size` instead, and is passed in then.
/// Unlike open_clip, a picture with a palette or alpha is made RGB before it is resized, not after.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OpenClipPreprocess {
    /// Size of the model's picture.
    pub size: Option<OpenClipSize>,
    /// Colour mode: `RGB` only.
    pub mode: Option<String>,
    /// Mean of each channel; CLIP's by default.
    pub mean: Option<OpenClipStatistic>,
    /// Standard deviation of each channel; CLIP's by default.
    pub std: Option<OpenClipStatistic>,
    /// `bicubic` (the default), `bilinear`, or `random`, which is bicubic for inference.
    pub interpolation: Option<String>,
    /// `shortest` (the default), `longest` or `squash`.
    pub resize_mode: Option<String>,
    /// Value of the padding of `longest`; 0 by default.
    pub fill_color: Option<i64>,
}

/// One side, or [rows, columns].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a size: a number or [height, width]")]
pub enum OpenClipSize {
    /// A square.
    Side(i64),
    /// Rows, columns.
    Pair([i64; 2]),
}

/// A statistic of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of three")]
pub enum OpenClipStatistic {
    /// The same for all.
    One(f64),
    /// Red, green, blue.
    Channels([f64; 3]),
}

impl OpenClipStatistic {
    fn channels(self) -> [f64; 3] {
        match self {
            Self::One(value) => [value; 3],
            Self::Channels(values) => values,
        }
    }
}

impl OpenClipPreprocess {
    /// What the configuration asks for. `image_size`: the model's own, which goes before `size` as it does
    /// in open_clip when a model is loaded with its configuration; 224 where neither is given.
    /// Errors: `Field` or `Limit`, naming the field.
    /// Source: open_clip 3.3.0, `transform.py`.
    pub fn preprocessing(&self, image_size: Option<OpenClipSize>) -> Result<Preprocessing, ImagingError> {
        if let Some(mode) = self.mode.as_deref().filter(|mode| *mode != "RGB") {
            return Err(field("mode", "RGB", &mode));
        }
        let filter = match self.interpolation.as_deref() {
            None | Some("bicubic" | "random") => Filter::Bicubic,
            Some("bilinear") => Filter::Bilinear,
            Some(other) => return Err(field("interpolation", "bicubic, bilinear or random", &other)),
        };
        let (height, width) = match image_size.or(self.size) {
            None => (224, 224),
            Some(OpenClipSize::Side(side)) => (count(side)?, count(side)?),
            Some(OpenClipSize::Pair([height, width])) => (count(height)?, count(width)?),
        };
        let crop = |fill| Some(Crop { height, width, rule: CropRule::Torchvision { fill } });
        let (rule, filter, crop) = match self.resize_mode.as_deref() {
            None | Some("shortest") if height == width => {
                (ResizeRule::ShortestEdge { edge: height }, filter, crop(0))
            }
            // open_clip does not hand the interpolation on here, so it is always bicubic.
            None | Some("shortest") => (ResizeRule::Cover { height, width }, Filter::Bicubic, crop(0)),
            Some("longest") => (ResizeRule::Fit { height, width }, filter, crop(self.fill()?)),
            Some("squash") => (ResizeRule::Exact { height, width }, filter, None),
            Some(other) => return Err(field("resize_mode", "shortest, longest or squash", &other)),
        };
        let preprocessing = Preprocessing {
            pad_to_square: None,
            resize: Some(Resize { rule, filter }),
            crop,
            rescale: Some(1.0 / 255.0),
            normalize: Some(Normalize {
                mean: self.mean.map_or(CLIP_STATISTICS.mean, OpenClipStatistic::channels),
                std: self.std.map_or(CLIP_STATISTICS.std, OpenClipStatistic::channels),
            }),
            layout: Layout::Planes,
        };
        preprocessing.check()?;
        Ok(preprocessing)
    }

    fn fill(&self) -> Result<u8, ImagingError> {
        let fill = self.fill_color.unwrap_or(0);
        u8::try_from(fill).map_err(|_| field("fill_color", "a value from 0 to 255", &fill))
    }
}

/// At least 1; the upper limit is held by [`Preprocessing::check`].
fn count(got: i64) -> Result<u32, ImagingError> {
    match u32::try_from(got) {
        Ok(got) if got > 0 => Ok(got),
        _ => Err(field("size", "a whole number from 1 to its limit", &got)),
    }
}

fn field(name: &'static str, expected: &'static str, got: &dyn std::fmt::Display) -> ImagingError {
    ImagingError::Field { field: name, expected, got: excerpt(got) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, size: Option<OpenClipSize>) -> Result<Preprocessing, ImagingError> {
        serde_json::from_str::<OpenClipPreprocess>(json).unwrap().preprocessing(size)
    }

    #[test]
    fn modes_and_sizes_give_their_steps() {
        let crop = |height, width, fill| Some(Crop { height, width, rule: CropRule::Torchvision { fill } });
        let shortest = ResizeRule::ShortestEdge { edge: 224 };
        let cases = [
            ("{}", None, shortest, Filter::Bicubic, crop(224, 224, 0)),
            (
                r#"{"interpolation": "bilinear", "size": null}"#,
                None,
                shortest,
                Filter::Bilinear,
                crop(224, 224, 0),
            ),
            (
                r#"{"size": [30, 40], "interpolation": "bilinear"}"#,
                None,
                ResizeRule::Cover { height: 30, width: 40 },
                Filter::Bicubic,
                crop(30, 40, 0),
            ),
            (
                r#"{"size": 99, "resize_mode": "longest", "fill_color": 9, "interpolation": "random"}"#,
                Some(OpenClipSize::Side(30)),
                ResizeRule::Fit { height: 30, width: 30 },
                Filter::Bicubic,
                crop(30, 30, 9),
            ),
            (
                r#"{"size": 8, "resize_mode": "squash", "timm_only": 1}"#,
                None,
                ResizeRule::Exact { height: 8, width: 8 },
                Filter::Bicubic,
                None,
            ),
        ];
        for (json, size, rule, filter, crop) in cases {
            let preprocessing = read(json, size).unwrap();
            assert_eq!(preprocessing.resize, Some(Resize { rule, filter }), "{json}");
            assert_eq!(preprocessing.crop, crop, "{json}");
        }
        let statistics = read(r#"{"mean": 0.5, "std": [0.1, 0.2, 0.3]}"#, None).unwrap().normalize;
        assert_eq!(statistics, Some(Normalize { mean: [0.5; 3], std: [0.1, 0.2, 0.3] }));
    }

    #[test]
    fn hostile_values_are_refused_by_field() {
        let cases = [
            (r#"{"size": 0}"#, "preprocessing size: expected a whole number from 1 to its limit, got 0"),
            (r#"{"size": [224, -1]}"#, "preprocessing size: expected a whole number"),
            (r#"{"size": 100000}"#, "size shortest_edge: at most 8192 are supported, got 100000"),
            (r#"{"mode": "L"}"#, "preprocessing mode: expected RGB, got L"),
            (r#"{"interpolation": "lanczos"}"#, "preprocessing interpolation: expected bicubic"),
            (r#"{"resize_mode": "stretch"}"#, "preprocessing resize_mode: expected shortest"),
            (
                r#"{"resize_mode": "longest", "fill_color": 256}"#,
                "preprocessing fill_color: expected a value",
            ),
            (r#"{"std": 0}"#, "preprocessing image_std: expected a number above 0, got 0"),
        ];
        for (json, message) in cases {
            let error = read(json, None).unwrap_err();
            assert!(error.to_string().starts_with(message), "{json}: {error}");
        }
    }
}
