//! ConvNeXt and ConvNeXt V2, as timm builds them.
//!
//! Between the depthwise convolutions values lie channels last, (images, rows, columns, channels): norms and
//! layers run over the last dimension, and what a block adds goes into its last layer.

use bedside_compute::{
    Activation, ComputeError, Conv2d, DepthwiseConv2d, Element, GraphBuilder, Padding, PoolKind, Symbol,
    Value, WeightRef, dims, weight,
};
use serde::{Deserialize, Serialize};

use super::conv_block::{
    MAX_BLOCKS, MAX_KERNEL, MAX_STAGES, MAX_WIDTH, Shapes, bounded, check_eps, check_image, unknown, untagged,
};
use super::encoder::{layer_norm, linear};
use super::places::{Grid, Head, LastNorm, Places};
use super::vit::CHANNELS;
use crate::ModelsError;
use crate::name_table::{Part, Row};

/// Where the tensors lie in an OpenCLIP file.
pub(crate) const NAMES: &[Row] = &[
    ("v.stem.{i}.{p}", "visual.trunk.stem.{i}.{p}", Part::Whole),
    ("v.stages.{s}.downsample.{i}.{p}", "visual.trunk.stages.{s}.downsample.{i}.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.dwconv.{p}", "visual.trunk.stages.{s}.blocks.{b}.conv_dw.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.norm.{p}", "visual.trunk.stages.{s}.blocks.{b}.norm.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.ffn_up.{p}", "visual.trunk.stages.{s}.blocks.{b}.mlp.fc1.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.grn.{p}", "visual.trunk.stages.{s}.blocks.{b}.mlp.grn.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.ffn_down.{p}", "visual.trunk.stages.{s}.blocks.{b}.mlp.fc2.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.layer_scale.weight", "visual.trunk.stages.{s}.blocks.{b}.gamma", Part::Whole),
    ("v.norm_pre.{p}", "visual.trunk.norm_pre.{p}", Part::Whole),
    ("v.post_ln.{p}", "visual.trunk.head.norm.{p}", Part::Whole),
    ("v.pre_logits.{p}", "visual.trunk.head.pre_logits.fc.{p}", Part::Whole),
];

/// Added to the mean length in ConvNeXt V2's response norm. Source: timm `GlobalResponseNorm`.
const RESPONSE_EPS: f32 = 1e-6;
/// PyTorch's `normalize` divides by at least this.
const LEAST_LENGTH: f32 = 1e-12;
/// Small beside `RESPONSE_EPS`, and its square is a normal f32.
const TINY: f32 = 1e-12;

/// What makes the first (images, channels, rows, columns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum ConvStem {
    /// Patches that do not overlap.
    Patch {
        /// Rows and columns of a patch.
        size: u64,
    },
    /// Two windows of 3 × 3, each with stride 2 (`…_ols`).
    Overlap {
        /// Channels between them.
        middle: u64,
    },
}

/// Where pooling and the last norm stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum ConvNextHead {
    /// Pooling, norm, and with `hidden` one more layer with GELU (`…_mlp`).
    PoolNorm {
        /// Its features.
        hidden: Option<u64>,
    },
    /// Norm, pooling (`…_hnf`).
    NormPool,
}

/// Blocks of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConvNextStage {
    /// Rows and columns, and stride, of the convolution before the blocks.
    pub(crate) downsample: Option<u64>,
    pub(crate) width: u64,
    /// Width inside the MLP.
    pub(crate) hidden: u64,
    pub(crate) blocks: u64,
    /// Rows and columns of the depthwise window; odd.
    pub(crate) kernel: u64,
}

/// Weights are named `v.…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConvNext {
    /// Rows and columns.
    pub(crate) image: [u64; 2],
    /// Of every layer norm.
    pub(crate) eps: f32,
    pub(crate) stem: ConvStem,
    /// Convolutions add a vector.
    pub(crate) conv_bias: bool,
    /// What a block adds is multiplied by a learned vector.
    pub(crate) layer_scale: bool,
    /// ConvNeXt V2: global response normalisation inside the MLP.
    pub(crate) response_norm: bool,
    pub(crate) stages: Vec<ConvNextStage>,
    pub(crate) head: ConvNextHead,
}

impl ConvNext {
    /// Sizes from the shapes of a file: `dims` of tensors by name, all below `visual.trunk`; the rest from the
    /// name: `convnext_…` and `convnextv2_…` with layer norms.
    /// Errors: `Config` for another name or a size beyond its limit, `Tensor` for shapes of no such network.
    pub(crate) fn infer(
        timm_model_name: &str,
        image: [u64; 2],
        dims: &dyn Fn(&str) -> Option<Vec<u64>>,
    ) -> Result<Self, ModelsError> {
        let eps = eps(timm_model_name)?;
        let shapes = Shapes(dims);
        let [middle, _, size] = shapes.window("stem.0")?;
        // Behind the patches stands a norm, a vector.
        let overlaps = shapes.find("stem.1.weight").is_some_and(|shape| shape.len() == 4);
        let stem = if overlaps { ConvStem::Overlap { middle } } else { ConvStem::Patch { size } };
        let mut stages = Vec::new();
        // One more than may be, so that `check` sees it.
        while stages.len() as u64 <= MAX_STAGES {
            let Some(stage) = ConvNextStage::infer(&shapes, stages.len())? else { break };
            stages.push(stage);
        }
        let hidden = if shapes.has("head.pre_logits.fc.weight") {
            Some(shapes.rows("head.pre_logits.fc")?)
        } else {
            None
        };
        let first = |part: &str| shapes.has(&format!("stages.0.blocks.0.{part}"));
        let tower = Self {
            image,
            eps,
            stem,
            conv_bias: shapes.has("stem.0.bias"),
            layer_scale: first("gamma"),
            response_norm: first("mlp.grn.weight"),
            stages,
            head: if shapes.has("norm_pre.weight") {
                ConvNextHead::NormPool
            } else {
                ConvNextHead::PoolNorm { hidden }
            },
        };
        tower.check()?;
        Ok(tower)
    }

    /// Sizes within their limits. Errors: one that is not.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        check_image(self.image)?;
        check_eps(self.eps)?;
        match self.stem {
            ConvStem::Patch { size } => bounded("v.stem", "patch_size", size, MAX_KERNEL)?,
            ConvStem::Overlap { middle } => bounded("v.stem", "width", middle, MAX_WIDTH)?,
        }
        if let ConvNextHead::PoolNorm { hidden: Some(hidden) } = self.head {
            bounded("v.pre_logits", "width", hidden, MAX_WIDTH)?;
        }
        bounded("v", "stages", self.stages.len() as u64, MAX_STAGES)?;
        self.stages.iter().enumerate().try_for_each(|(s, stage)| stage.check(&format!("v.stages.{s}")))
    }

    /// Result: (images, features). Input: `pixel_values` (images, 3, rows, columns).
    /// `states`: every stage's result becomes an output `v.stages.N` (images, channels, rows', columns').
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        let (x, width) = self.build_stages(g, states)?;
        self.build_head(g, x, width)
    }

    /// The same with every place of the last stage apart.
    pub(crate) fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
        let (x, width) = self.build_stages(g, false)?;
        let pooled = self.build_head(g, x, width)?;
        let dims = g.dims(x)?;
        let side = |axis: usize| dims[axis].as_constant().and_then(|side| u64::try_from(side).ok());
        let places = [side(1), side(2)].map(|s| s.expect("convolutions of a constant image are constant"));
        let (x, _) = positions(g, x)?;
        let norm = LastNorm { name: "v.post_ln", width, eps: self.eps };
        let head = match self.head {
            ConvNextHead::NormPool => Head::Mean { places: layer_norm(g, x, "v.norm_pre", width, self.eps)? },
            ConvNextHead::PoolNorm { hidden: None } => Head::MeanNorm { places: x, norm },
            ConvNextHead::PoolNorm { hidden: Some(hidden) } => {
                let x = layer_norm(g, x, norm.name, width, self.eps)?;
                let x = linear(g, x, "v.pre_logits", [hidden, width], true, Activation::GeluErf)?;
                Head::Separate { features: x }
            }
        };
        Ok(Places { pooled, head, grid: Grid::Fixed { places, pixels: self.image } })
    }

    /// Result: (images, rows', columns', width), and the width.
    fn build_stages(&self, g: &mut GraphBuilder, states: bool) -> Result<(Value, u64), ComputeError> {
        let mut width = self.stages.first().map_or(0, |stage| stage.width);
        let mut x = self.build_stem(g, width)?;
        for (s, stage) in self.stages.iter().enumerate() {
            let name = format!("v.stages.{s}");
            if let Some(size) = stage.downsample {
                g.scope(format!("{name}.downsample"));
                x = layer_norm(g, x, &format!("{name}.downsample.0"), width, self.eps)?;
                x = channels_first(g, x)?;
                x =
                    self.conv(g, x, &format!("{name}.downsample.1"), [stage.width, width, size], [size, 0])?;
                x = channels_last(g, x)?;
                width = stage.width;
            }
            for b in 0..stage.blocks {
                let block = format!("{name}.blk.{b}");
                g.scope(block.as_str());
                x = self.block(g, x, &block, stage)?;
            }
            if states {
                let state = channels_first(g, x)?;
                g.output(&name, state)?;
            }
        }
        Ok((x, width))
    }

    /// Result: (images, rows', columns', width).
    fn build_stem(&self, g: &mut GraphBuilder, width: u64) -> Result<Value, ComputeError> {
        g.scope("v.stem");
        let [rows, columns] = self.image;
        let x = g.input("pixel_values", dims![Symbol::Images, CHANNELS, rows, columns], Element::F32)?;
        let (x, norm) = match self.stem {
            ConvStem::Patch { size } => {
                (self.conv(g, x, "v.stem.0", [width, CHANNELS, size], [size, 0])?, "v.stem.1")
            }
            ConvStem::Overlap { middle } => {
                let x = self.conv(g, x, "v.stem.0", [middle, CHANNELS, 3], [2, 1])?;
                (self.conv(g, x, "v.stem.1", [width, middle, 3], [2, 1])?, "v.stem.2")
            }
        };
        let x = channels_last(g, x)?;
        layer_norm(g, x, norm, width, self.eps)
    }

    fn build_head(&self, g: &mut GraphBuilder, x: Value, width: u64) -> Result<Value, ComputeError> {
        g.scope("v.head");
        match self.head {
            ConvNextHead::NormPool => {
                let x = layer_norm(g, x, "v.norm_pre", width, self.eps)?;
                mean_of_positions(g, x)
            }
            ConvNextHead::PoolNorm { hidden } => {
                let x = mean_of_positions(g, x)?;
                let x = layer_norm(g, x, "v.post_ln", width, self.eps)?;
                match hidden {
                    Some(hidden) => linear(g, x, "v.pre_logits", [hidden, width], true, Activation::GeluErf),
                    None => Ok(x),
                }
            }
        }
    }

    /// x (images, rows, columns, width) → the same.
    fn block(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        stage: &ConvNextStage,
    ) -> Result<Value, ComputeError> {
        let ConvNextStage { width, hidden, kernel, .. } = *stage;
        let h = channels_first(g, x)?;
        let (taps, bias) = self.taps(&format!("{name}.dwconv"), [width, 1, kernel]);
        // Fits: `check` bounds windows.
        let padding = Padding::all((kernel / 2) as u32);
        let op = DepthwiseConv2d { stride: [1, 1], padding, bias: false, activation: Activation::None };
        let h = g.depthwise_conv2d(h, taps, bias, op)?;
        let h = channels_last(g, h)?;
        let h = layer_norm(g, h, &format!("{name}.norm"), width, self.eps)?;
        let h = linear(g, h, &format!("{name}.ffn_up"), [hidden, width], true, Activation::GeluErf)?;
        let h = if self.response_norm { response_norm(g, h, &format!("{name}.grn"), hidden)? } else { h };
        let h = linear(g, h, &format!("{name}.ffn_down"), [width, hidden], true, Activation::None)?;
        let scale = format!("{name}.layer_scale.weight");
        let h = if self.layer_scale { g.mul(h, weight(scale, [width]))? } else { h };
        g.add(x, h)
    }

    /// x (images, in, rows, columns) → (images, out, rows', columns').
    fn conv(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        shape: [u64; 3],
        [stride, padding]: [u64; 2],
    ) -> Result<Value, ComputeError> {
        let (taps, bias) = self.taps(name, shape);
        // Both fit: `check` bounds windows, and strides are theirs.
        let padding = Padding::all(padding as u32);
        g.conv2d(x, taps, bias, Conv2d { padding, ..Conv2d::strided(stride as u32) })
    }

    fn taps(&self, name: &str, [out, inner, kernel]: [u64; 3]) -> (WeightRef, Option<WeightRef>) {
        let bias = self.conv_bias.then(|| weight(format!("{name}.bias"), [out]));
        (weight(format!("{name}.weight"), [out, inner, kernel, kernel]), bias)
    }
}

impl ConvNextStage {
    /// timm's stage `s`; `None`: there is none.
    fn infer(shapes: &Shapes<'_>, s: usize) -> Result<Option<Self>, ModelsError> {
        let blocks =
            (0..=MAX_BLOCKS).take_while(|b| shapes.has(&format!("stages.{s}.blocks.{b}.conv_dw.weight")));
        let blocks = blocks.count() as u64;
        if blocks == 0 {
            return Ok(None);
        }
        let [width, _, kernel] = shapes.window(&format!("stages.{s}.blocks.0.conv_dw"))?;
        let hidden = shapes.rows(&format!("stages.{s}.blocks.0.mlp.fc1"))?;
        let downsample = format!("stages.{s}.downsample.1");
        let downsample = if shapes.has(&format!("{downsample}.weight")) {
            Some(shapes.window(&downsample)?[2])
        } else {
            None
        };
        Ok(Some(Self { downsample, width, hidden, blocks, kernel }))
    }

    fn check(&self, name: &str) -> Result<(), ModelsError> {
        bounded(name, "kernel", self.kernel, MAX_KERNEL)?;
        bounded(name, "kernel", self.downsample.unwrap_or(1), MAX_KERNEL)?;
        bounded(name, "width", self.width, MAX_WIDTH)?;
        bounded(name, "width", self.hidden, MAX_WIDTH)?;
        bounded(name, "blocks", self.blocks, MAX_BLOCKS)?;
        if self.kernel.is_multiple_of(2) {
            let (key, expected) = (format!("{name}.kernel"), "an odd number".to_owned());
            return Err(ModelsError::Config {
                file: "clip.vision",
                key,
                expected,
                got: self.kernel.to_string(),
            });
        }
        Ok(())
    }
}

/// Of the layer norms, which shapes do not show.
fn eps(timm_model_name: &str) -> Result<f32, ModelsError> {
    let name = untagged(timm_model_name);
    let known = match name.strip_prefix("convnextv2_") {
        Some(size) => {
            matches!(size, "atto" | "femto" | "pico" | "nano" | "tiny" | "small" | "base" | "large" | "huge")
        }
        None => {
            let size = name.strip_prefix("convnext_").unwrap_or("");
            let plain = ["_ols", "_hnf", "_mlp"].iter().find_map(|ending| size.strip_suffix(ending));
            let size = plain.unwrap_or(size);
            let small = matches!(size, "atto" | "femto" | "pico" | "nano" | "tiny");
            small || matches!(size, "small" | "base" | "large" | "xlarge" | "xxlarge")
        }
    };
    match name {
        _ if !known => Err(unknown(timm_model_name, "a convnext or convnextv2 of timm with layer norms")),
        "convnext_xxlarge" => Ok(1e-5),
        _ => Ok(1e-6),
    }
}

/// (images, rows, columns, channels) → (images, channels, rows, columns).
fn channels_first(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    g.permute(x, &[0, 3, 1, 2])
}

/// (images, channels, rows, columns) → (images, rows, columns, channels).
fn channels_last(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    g.permute(x, &[0, 2, 3, 1])
}

/// (images, rows, columns, channels) → (images, positions, channels).
fn positions(g: &mut GraphBuilder, x: Value) -> Result<(Value, u64), ComputeError> {
    let dims = g.dims(x)?;
    let size = |axis: usize| dims[axis].as_constant().and_then(|size| u64::try_from(size).ok());
    let [rows, columns] =
        [size(1), size(2)].map(|size| size.expect("convolutions of a constant image are constant"));
    let channels = dims[3];
    let count = rows * columns;
    Ok((g.reshape(x, [Symbol::Images.into(), count.into(), channels])?, count))
}

/// (images, rows, columns, channels) → (images, channels).
fn mean_of_positions(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    let (x, _) = positions(g, x)?;
    g.pool(x, PoolKind::Mean, 1, None)
}

/// Global response normalisation: x (1 + weight · n) + bias, where n is the length of a channel over all
/// positions, divided by the mean of these lengths. x (images, rows, columns, width).
/// Source: Woo et al., ConvNeXt V2, section 3.2; timm `GlobalResponseNorm`.
fn response_norm(g: &mut GraphBuilder, x: Value, name: &str, width: u64) -> Result<Value, ComputeError> {
    let (flat, count) = positions(g, x)?;
    let planes = g.permute(flat, &[0, 2, 1])?; // (images, width, positions)
    // There is no root among the operations: ‖x‖ = Σ x · x / ‖x‖.
    let unit = g.l2_normalize(planes, LEAST_LENGTH)?;
    let length = g.mul(planes, unit)?;
    let length = g.pool(length, PoolKind::Mean, 2, None)?; // (images, width)
    let length = g.scale(length, count as f32)?;
    let mean = g.pool(length, PoolKind::Mean, 1, None)?; // (images)
    let mean = g.reshape(mean, dims![Symbol::Images, 1])?;
    let eps = g.constant(dims![1], vec![RESPONSE_EPS])?;
    let mean = g.add(mean, eps)?;
    let inverse = reciprocal(g, mean)?;
    let n = g.mul(length, inverse)?;
    let n = g.mul(n, weight(format!("{name}.weight"), [width]))?;
    let one = g.constant(dims![1], vec![1.0])?;
    let factor = g.add(n, one)?;
    let factor = g.reshape(factor, dims![Symbol::Images, 1, 1, width])?;
    let x = g.mul(x, factor)?;
    g.add(x, weight(format!("{name}.bias"), [width]))
}

/// 1 / x of x (images, 1), at least `RESPONSE_EPS`. There is no quotient among the operations: the vector
/// (t, x) at length 1 begins with t / √(t² + x²), and t is so small that this is t / x.
fn reciprocal(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    let zero = g.scale(x, 0.0)?;
    let tiny = g.constant(dims![1], vec![TINY])?;
    let tiny = g.add(zero, tiny)?;
    let pair = g.concat([tiny, x], 1)?; // (images, 2)
    let unit = g.l2_normalize(pair, 0.0)?;
    let first = g.slice(unit, 1, 0, 1)?; // (images, 1)
    g.scale(first, 1.0 / TINY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_shapes_cannot() {
        let eps = |name: &str| eps(name).ok();
        assert_eq!(eps("convnext_base"), Some(1e-6));
        assert_eq!(eps("convnext_nano_ols.d1h_in1k"), Some(1e-6));
        assert_eq!(eps("convnextv2_huge.fcmae"), Some(1e-6));
        assert_eq!(eps("convnext_xxlarge.clip_laion2b_soup"), Some(1e-5));
        for unknown in
            ["convnext_atto_rms", "convnext_zepto_rms_ols", "test_convnext", "convnext_", "convnext", ""]
        {
            assert!(eps(unknown).is_none(), "{unknown}");
        }
        let error = ConvNext::infer("convnext_giant", [64, 64], &|_| None).unwrap_err().to_string();
        assert!(error.contains("convnext_giant"), "{error}");
    }
}
