//! What EfficientNet and MobileNet are made of: a stem and stages of convolutions with batch norms, as timm
//! builds and names them; and how sizes are read from the shapes in a file.

use bedside_compute::{
    Activation, ComputeError, Conv2d, DepthwiseConv2d, Element, GraphBuilder, Padding, PoolKind, Symbol,
    Value, dims, weight,
};
use serde::{Deserialize, Serialize};

use super::encoder::linear;
use super::vit::CHANNELS;
use crate::ModelsError;
use crate::config::{MAX_IMAGE_SIDE, shown};
use crate::description::in_range;
use crate::name_table::{Part, Row};

/// Most stages of a tower; timm's have at most 7.
pub(crate) const MAX_STAGES: u64 = 16;
/// Most blocks of a stage; timm's have at most 30.
pub(crate) const MAX_BLOCKS: u64 = 64;
/// Most channels anywhere; timm's have at most 23 000 (EfficientNet-L2, inside its last blocks).
pub(crate) const MAX_WIDTH: u64 = 1 << 15;
/// Most rows or columns of a window.
pub(crate) const MAX_KERNEL: u64 = 31;

/// Prefix of the keys in errors.
const SIDE: &str = "clip.vision";

/// What begins the names of the image tower's tensors in an OpenCLIP file.
const TRUNK: &str = "visual.trunk";

/// Rows and columns are halved by the stem.
const STEM_STRIDE: u64 = 2;

/// Where the tensors of EfficientNet and MobileNet lie in an OpenCLIP file.
pub(crate) const NAMES: &[Row] = &[
    ("v.stem.conv.{p}", "visual.trunk.conv_stem.{p}", Part::Whole),
    ("v.stem.bn.{p}", "visual.trunk.bn1.{p}", Part::Whole),
    ("v.stem.bn.mean.weight", "visual.trunk.bn1.running_mean", Part::Whole),
    ("v.stem.bn.variance.weight", "visual.trunk.bn1.running_var", Part::Whole),
    ("v.stages.{s}.blk.{b}.se.{layer}.{p}", "visual.trunk.blocks.{s}.{b}.se.{layer}.{p}", Part::Whole),
    ("v.stages.{s}.blk.{b}.{bn}.mean.weight", "visual.trunk.blocks.{s}.{b}.{bn}.running_mean", Part::Whole),
    (
        "v.stages.{s}.blk.{b}.{bn}.variance.weight",
        "visual.trunk.blocks.{s}.{b}.{bn}.running_var",
        Part::Whole,
    ),
    ("v.stages.{s}.blk.{b}.{layer}.{p}", "visual.trunk.blocks.{s}.{b}.{layer}.{p}", Part::Whole),
    ("v.head.conv.{p}", "visual.trunk.conv_head.{p}", Part::Whole),
    ("v.head.bn.{p}", "visual.trunk.bn2.{p}", Part::Whole),
    ("v.head.bn.mean.weight", "visual.trunk.bn2.running_mean", Part::Whole),
    ("v.head.bn.variance.weight", "visual.trunk.bn2.running_var", Part::Whole),
];

/// How zeros are put around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaddingStyle {
    /// TensorFlow's SAME: by the image's size; bottom and right get the odd one.
    Same,
    /// PyTorch's: by the window alone, the same on both sides.
    Symmetric,
}

impl PaddingStyle {
    /// For a square window over an image of `[rows, columns]`.
    fn around(self, image: [u64; 2], kernel: u64, stride: u64) -> Padding {
        let [rows, columns] = image.map(|size| {
            let zeros = match self {
                Self::Same => {
                    (size.div_ceil(stride).saturating_sub(1) * stride + kernel).saturating_sub(size)
                }
                Self::Symmetric => (stride + kernel).saturating_sub(2) / 2 * 2,
            };
            // Fits: `check` bounds windows and strides.
            zeros as u32
        });
        Padding { top: rows / 2, bottom: rows.div_ceil(2), left: columns / 2, right: columns.div_ceil(2) }
    }
}

/// What the excitation goes through before it multiplies the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gate {
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// relu6(x + 3) / 6.
    HardSigmoid,
}

impl Gate {
    fn build(self, g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
        match self {
            Self::Sigmoid => g.activation(x, Activation::Sigmoid),
            Self::HardSigmoid => {
                let three = g.constant(dims![1], vec![3.0])?;
                let x = g.add(x, three)?;
                let x = g.activation(x, Activation::Relu6)?;
                g.scale(x, 1.0 / 6.0)
            }
        }
    }
}

/// Squeeze-and-excite, the same in every block that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Squeeze {
    /// Between its two layers.
    pub(crate) activation: Activation,
    /// Behind them.
    pub(crate) gate: Gate,
}

/// The layers of a block, by timm's class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlockKind {
    /// `DepthwiseSeparableConv`: a window for each channel, then a 1 × 1 convolution.
    Separable,
    /// `InvertedResidual`: the same behind a 1 × 1 convolution to more channels.
    Inverted,
    /// `ConvBnAct` without skip: one convolution.
    Plain,
}

/// One block. With stride 1 and as many channels out as in, a block that is not plain is added to what it read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    /// Rows and columns of the window.
    pub(crate) kernel: u64,
    pub(crate) stride: u64,
    /// Channels that the window slides over.
    pub(crate) hidden: u64,
    /// Channels of the result.
    pub(crate) width: u64,
    /// Channels inside squeeze-and-excite.
    pub(crate) squeeze: Option<u64>,
}

impl Block {
    /// The block of timm's name `blocks.{stage}.{index}`; `None`: there is none.
    fn infer(shapes: &Shapes<'_>, name: &str, stride: u64) -> Result<Option<Self>, ModelsError> {
        let has = |layer| shapes.has(&format!("{name}.{layer}.weight"));
        let window = |layer| shapes.window(&format!("{name}.{layer}"));
        let (kind, filter, last) = if has("conv_pwl") {
            (BlockKind::Inverted, "conv_dw", "conv_pwl")
        } else if has("conv_pw") {
            (BlockKind::Separable, "conv_dw", "conv_pw")
        } else if has("conv") {
            (BlockKind::Plain, "conv", "conv")
        } else {
            return Ok(None);
        };
        let ([hidden, inner, kernel], [width, ..]) = (window(filter)?, window(last)?);
        if kind != BlockKind::Plain && inner != 1 {
            let name = format!("{TRUNK}.{name}.{filter}.weight");
            let (expected, got) = ("one channel per group".to_owned(), inner.to_string());
            return Err(ModelsError::Tensor { name, expected, got });
        }
        let hidden = if kind == BlockKind::Plain { inner } else { hidden };
        let squeeze = if has("se.conv_reduce") { Some(window("se.conv_reduce")?[0]) } else { None };
        Ok(Some(Self { kind, kernel, stride, hidden, width, squeeze }))
    }

    fn check(&self, name: &str) -> Result<(), ModelsError> {
        bounded(name, "kernel", self.kernel, MAX_KERNEL)?;
        bounded(name, "stride", self.stride, MAX_KERNEL)?;
        let widths = [self.hidden, self.width].into_iter().chain(self.squeeze);
        widths.into_iter().try_for_each(|width| bounded(name, "width", width, MAX_WIDTH))
    }
}

/// Blocks with one activation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) activation: Activation,
    pub(crate) blocks: Vec<Block>,
}

/// What the shapes in a file cannot show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) eps: f32,
    pub(crate) padding: PaddingStyle,
    pub(crate) activation: Activation,
    pub(crate) squeeze: Squeeze,
    /// Stride of each stage's first block, and the stage's activation.
    pub(crate) stages: Vec<(u64, Activation)>,
}

/// Everything up to the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trunk {
    /// Rows and columns.
    pub(crate) image: [u64; 2],
    /// Of every batch norm.
    pub(crate) eps: f32,
    pub(crate) padding: PaddingStyle,
    /// Channels behind the stem.
    pub(crate) stem: u64,
    /// Rows and columns of the stem's window.
    pub(crate) stem_kernel: u64,
    /// Of stem and head.
    pub(crate) activation: Activation,
    pub(crate) squeeze: Squeeze,
    pub(crate) stages: Vec<Stage>,
}

/// A convolution and the batch norm behind it.
struct Layer<'a> {
    /// Their names.
    conv: &'a str,
    bn: &'a str,
    out: u64,
    /// Channels read; `None`: each channel has its own window.
    inner: Option<u64>,
    kernel: u64,
    stride: u64,
    activation: Activation,
}

impl Trunk {
    /// Sizes from the shapes of a file, the rest from the family.
    /// Errors: a tensor that is missing or of another kind of shape, a size beyond its limit.
    pub(crate) fn infer(family: &Family, image: [u64; 2], shapes: &Shapes<'_>) -> Result<Self, ModelsError> {
        let [stem, _, stem_kernel] = shapes.window("conv_stem")?;
        let mut stages = Vec::new();
        for (s, &(first, activation)) in family.stages.iter().enumerate() {
            let mut blocks = Vec::new();
            // One more than may be, so that `check` sees it.
            while blocks.len() as u64 <= MAX_BLOCKS {
                let stride = if blocks.is_empty() { first } else { 1 };
                let Some(block) = Block::infer(shapes, &format!("blocks.{s}.{}", blocks.len()), stride)?
                else {
                    break;
                };
                blocks.push(block);
            }
            stages.push(Stage { activation, blocks });
        }
        let beyond = stages.len();
        if Block::infer(shapes, &format!("blocks.{beyond}.0"), 1)?.is_some() {
            let name = format!("{TRUNK}.blocks.{beyond}");
            let (expected, got) = (format!("{beyond} stages"), "more".to_owned());
            return Err(ModelsError::Tensor { name, expected, got });
        }
        let Family { eps, padding, activation, squeeze, .. } = *family;
        let trunk = Self { image, eps, padding, stem, stem_kernel, activation, squeeze, stages };
        trunk.check()?;
        Ok(trunk)
    }

    /// Sizes within their limits. Errors: one that is not.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        check_image(self.image)?;
        check_eps(self.eps)?;
        bounded("v.stem", "width", self.stem, MAX_WIDTH)?;
        bounded("v.stem", "kernel", self.stem_kernel, MAX_KERNEL)?;
        bounded("v", "stages", self.stages.len() as u64, MAX_STAGES)?;
        for (s, stage) in self.stages.iter().enumerate() {
            bounded(&format!("v.stages.{s}"), "blocks", stage.blocks.len() as u64, MAX_BLOCKS)?;
            for (b, block) in stage.blocks.iter().enumerate() {
                block.check(&format!("v.stages.{s}.blk.{b}"))?;
            }
        }
        Ok(())
    }

    /// Channels of the result.
    pub(crate) fn width(&self) -> u64 {
        let last = self.stages.iter().rev().find_map(|stage| stage.blocks.last());
        last.map_or(self.stem, |block| block.width)
    }

    /// Input: `pixel_values` (images, 3, rows, columns). Result: (images, width, rows', columns').
    /// `states`: every stage's result becomes an output `v.stages.N`.
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        g.scope("v.stem");
        let [rows, columns] = self.image;
        let x = g.input("pixel_values", dims![Symbol::Images, CHANNELS, rows, columns], Element::F32)?;
        let (kernel, stride, activation) = (self.stem_kernel, STEM_STRIDE, self.activation);
        let inner = Some(CHANNELS);
        let stem = Layer { conv: "conv", bn: "bn", out: self.stem, inner, kernel, stride, activation };
        let mut x = self.layer(g, x, "v.stem", &stem)?;
        let mut inner = self.stem;
        for (s, stage) in self.stages.iter().enumerate() {
            for (b, block) in stage.blocks.iter().enumerate() {
                let name = format!("v.stages.{s}.blk.{b}");
                g.scope(name.as_str());
                x = self.block(g, x, &name, block, (inner, stage.activation))?;
                inner = block.width;
            }
            if states {
                g.output(&format!("v.stages.{s}"), x)?;
            }
        }
        Ok(x)
    }

    /// A 1 × 1 convolution with batch norm and activation behind the last stage (`v.head`).
    pub(crate) fn head(&self, g: &mut GraphBuilder, x: Value, out: u64) -> Result<Value, ComputeError> {
        g.scope("v.head");
        let (inner, activation) = (Some(self.width()), self.activation);
        let head = Layer { conv: "conv", bn: "bn", out, inner, kernel: 1, stride: 1, activation };
        self.layer(g, x, "v.head", &head)
    }

    fn block(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        block: &Block,
        (inner, activation): (u64, Activation),
    ) -> Result<Value, ComputeError> {
        let Block { kind, kernel, stride, hidden, width, .. } = *block;
        let filter = |bn| Layer { conv: "conv_dw", bn, out: hidden, inner: None, kernel, stride, activation };
        let narrow = |conv, bn| {
            let (inner, activation) = (Some(hidden), Activation::None);
            Layer { conv, bn, out: width, inner, kernel: 1, stride: 1, activation }
        };
        let h = match kind {
            BlockKind::Plain => {
                let inner = Some(inner);
                let plain = Layer { conv: "conv", bn: "bn1", out: width, inner, kernel, stride, activation };
                return self.layer(g, x, name, &plain);
            }
            BlockKind::Separable => {
                let h = self.layer(g, x, name, &filter("bn1"))?;
                let h = self.excite(g, h, name, block)?;
                self.layer(g, h, name, &narrow("conv_pw", "bn2"))?
            }
            BlockKind::Inverted => {
                let inner = Some(inner);
                let widen = Layer {
                    conv: "conv_pw",
                    bn: "bn1",
                    out: hidden,
                    inner,
                    kernel: 1,
                    stride: 1,
                    activation,
                };
                let h = self.layer(g, x, name, &widen)?;
                let h = self.layer(g, h, name, &filter("bn2"))?;
                let h = self.excite(g, h, name, block)?;
                self.layer(g, h, name, &narrow("conv_pwl", "bn3"))?
            }
        };
        if stride == 1 && width == inner { g.add(x, h) } else { Ok(h) }
    }

    /// Every channel times a number between 0 and 1 that follows from the means of all channels.
    fn excite(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        block: &Block,
    ) -> Result<Value, ComputeError> {
        let Some(inside) = block.squeeze else { return Ok(x) };
        let (hidden, Squeeze { activation, gate }) = (block.hidden, self.squeeze);
        let h = mean_of_channels(g, x)?; // (images, hidden)
        let h = linear(g, h, &format!("{name}.se.conv_reduce"), [inside, hidden], true, activation)?;
        let h = linear(g, h, &format!("{name}.se.conv_expand"), [hidden, inside], true, Activation::None)?;
        let h = gate.build(g, h)?;
        let h = g.reshape(h, dims![Symbol::Images, hidden, 1, 1])?;
        g.mul(x, h)
    }

    fn layer(
        &self,
        g: &mut GraphBuilder,
        x: Value,
        name: &str,
        layer: &Layer<'_>,
    ) -> Result<Value, ComputeError> {
        let Layer { conv, bn, out, inner, kernel, stride, activation } = *layer;
        let padding = self.padding.around(image_of(g, x)?, kernel, stride);
        let taps = weight(format!("{name}.{conv}.weight"), [out, inner.unwrap_or(1), kernel, kernel]);
        // Fits: `check` bounds strides.
        let stride = [stride as u32; 2];
        let x = if inner.is_none() {
            let op = DepthwiseConv2d { stride, padding, bias: false, activation: Activation::None };
            g.depthwise_conv2d(x, taps, None, op)?
        } else {
            g.conv2d(x, taps, None, Conv2d { stride, padding, ..Conv2d::strided(1) })?
        };
        let part = |part: &str| weight(format!("{name}.{bn}.{part}"), [out]);
        let statistics = [part("weight"), part("bias"), part("mean.weight"), part("variance.weight")];
        let x = g.batch_norm(x, statistics, self.eps)?;
        if activation == Activation::None { Ok(x) } else { g.activation(x, activation) }
    }
}

/// (images, channels, rows, columns) → (images, channels).
pub(crate) fn mean_of_channels(g: &mut GraphBuilder, x: Value) -> Result<Value, ComputeError> {
    let (channels, [rows, columns]) = (g.dims(x)?[1], image_of(g, x)?);
    let x = g.reshape(x, [Symbol::Images.into(), channels, (rows * columns).into()])?;
    g.pool(x, PoolKind::Mean, 2, None)
}

/// Rows and columns of x (images, channels, rows, columns).
pub(crate) fn image_of(g: &GraphBuilder, x: Value) -> Result<[u64; 2], ComputeError> {
    let dims = g.dims(x)?;
    let size = |axis: usize| dims[axis].as_constant().and_then(|size| u64::try_from(size).ok());
    let image = [size(2), size(3)].map(|size| size.expect("convolutions of a constant image are constant"));
    Ok(image)
}

/// Shapes of the tensors of a file, by timm's names without `visual.trunk`.
pub(crate) struct Shapes<'a>(pub(crate) &'a dyn Fn(&str) -> Option<Vec<u64>>);

impl Shapes<'_> {
    pub(crate) fn find(&self, name: &str) -> Option<Vec<u64>> {
        (self.0)(&format!("{TRUNK}.{name}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Out, in and rows of the window of the square convolution `{name}.weight`.
    /// Errors: a tensor that is missing or of another shape.
    pub(crate) fn window(&self, name: &str) -> Result<[u64; 3], ModelsError> {
        match self.found(name)?[..] {
            [out, inner, rows, columns] if rows == columns => Ok([out, inner, rows]),
            ref other => Err(unfit(name, "a square window", format!("{other:?}"))),
        }
    }

    /// Rows of the matrix `{name}.weight`, which may be a 1 × 1 convolution. Errors: it is missing.
    pub(crate) fn rows(&self, name: &str) -> Result<u64, ModelsError> {
        let shape = self.found(name)?;
        shape.first().copied().ok_or_else(|| unfit(name, "a matrix", "a number".to_owned()))
    }

    fn found(&self, name: &str) -> Result<Vec<u64>, ModelsError> {
        self.find(&format!("{name}.weight")).ok_or_else(|| unfit(name, "a tensor", "nothing".to_owned()))
    }
}

fn unfit(name: &str, expected: &str, got: String) -> ModelsError {
    ModelsError::Tensor { name: format!("{TRUNK}.{name}.weight"), expected: expected.to_owned(), got }
}

/// The refusal of a timm name. `expected`: what would have been known.
pub(crate) fn unknown(timm_model_name: &str, expected: &str) -> ModelsError {
    let (file, key) = ("open_clip_config.json", "timm_model_name".to_owned());
    ModelsError::Config { file, key, expected: expected.to_owned(), got: shown(timm_model_name) }
}

/// Errors: `Config` unless `got`, under the keys `{name}.{what}`, is from 1 to `most`.
pub(crate) fn bounded(name: &str, what: &str, got: u64, most: u64) -> Result<(), ModelsError> {
    in_range(SIDE, &format!("{name}.{what}"), got, most)
}

/// Errors: `Config` for an image side beyond its limit.
pub(crate) fn check_image(image: [u64; 2]) -> Result<(), ModelsError> {
    image.into_iter().try_for_each(|side| in_range(SIDE, "image_size", side, MAX_IMAGE_SIDE))
}

/// Errors: `Config` for what cannot be added to a variance.
pub(crate) fn check_eps(eps: f32) -> Result<(), ModelsError> {
    if eps > 0.0 && eps.is_finite() {
        return Ok(());
    }
    let (key, expected) = ("eps".to_owned(), "a number above 0".to_owned());
    Err(ModelsError::Config { file: SIDE, key, expected, got: eps.to_string() })
}

/// A timm name without its pretrained tag: `convnext_base` of `convnext_base.clip_laion2b`.
pub(crate) fn untagged(timm_model_name: &str) -> &str {
    timm_model_name.split_once('.').map_or(timm_model_name, |(name, _)| name)
}

/// The family of a `tf_` name has TensorFlow's padding and a larger eps; returns the rest of the name with both.
pub(crate) fn origin(name: &str) -> (&str, PaddingStyle, f32) {
    // timm: BN_EPS_TF_DEFAULT and pad_type='same'; else PyTorch's defaults.
    name.strip_prefix("tf_")
        .map_or((name, PaddingStyle::Symmetric, 1e-5), |rest| (rest, PaddingStyle::Same, 1e-3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_tensorflows_or_pytorchs() {
        let around = |style: PaddingStyle, size, kernel, stride| {
            let padding = style.around([size, 9], kernel, stride);
            (padding.top, padding.bottom)
        };
        // Even and odd images under strides of 2: SAME pads one side only, or both.
        assert_eq!(around(PaddingStyle::Same, 224, 3, 2), (0, 1));
        assert_eq!(around(PaddingStyle::Same, 65, 3, 2), (1, 1));
        assert_eq!(around(PaddingStyle::Same, 56, 5, 2), (1, 2));
        assert_eq!(around(PaddingStyle::Same, 7, 5, 1), (2, 2));
        assert_eq!(around(PaddingStyle::Same, 7, 1, 1), (0, 0));
        assert_eq!(around(PaddingStyle::Symmetric, 224, 3, 2), (1, 1));
        assert_eq!(around(PaddingStyle::Symmetric, 56, 5, 2), (2, 2));
        assert_eq!(around(PaddingStyle::Symmetric, 7, 1, 1), (0, 0));
    }
}
