//! MobileNetV2 and MobileNetV3, as timm builds them.

use bedside_compute::{Activation, ComputeError, GraphBuilder, Value};
use serde::{Deserialize, Serialize};

use super::conv_block::{
    self, Family, Gate, MAX_WIDTH, Shapes, Squeeze, Trunk, bounded, mean_of_channels, origin, unknown,
    untagged,
};
use super::encoder::linear;
use super::places::{self, Head, Places};
use crate::ModelsError;
use crate::name_table::Row;

/// Where the tensors lie in an OpenCLIP file.
pub(crate) const NAMES: &[Row] = conv_block::NAMES;

/// Stride of each stage's first block. Source: Sandler et al., MobileNetV2, table 2; Howard et al.,
/// MobileNetV3, table 1 (large).
const STRIDES: [u64; 7] = [1, 2, 2, 2, 1, 2, 1];
/// Source: Howard et al., MobileNetV3, table 2 (small).
const STRIDES_SMALL: [u64; 6] = [2, 2, 2, 1, 2, 1];
/// First stages of V3 large and small that keep ReLU. Source: the same tables, column NL.
const RELU_STAGES: usize = 3;
const RELU_STAGES_SMALL: usize = 2;

/// The last convolution, 1 × 1, and pooling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum MobileHead {
    /// Convolution, batch norm and activation, then pooling: V2.
    BeforePool {
        /// Channels: the features.
        width: u64,
    },
    /// Pooling, then convolution and activation: V3.
    AfterPool {
        /// Channels: the features.
        width: u64,
        /// A vector is added.
        bias: bool,
    },
}

/// Weights are named `v.…`, layers within a block as in timm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MobileNet {
    pub(crate) trunk: Trunk,
    pub(crate) head: MobileHead,
}

impl MobileNet {
    /// Sizes from the shapes of a file: `dims` of tensors by name, all below `visual.trunk`; the rest from the
    /// name: `mobilenetv2_…`, `[tf_]mobilenetv3_{large|small}_[minimal_]…`, each with timm's channel multipliers.
    /// Errors: `Config` for another name or a size beyond its limit, `Tensor` for shapes of no such network.
    pub(crate) fn infer(
        timm_model_name: &str,
        image: [u64; 2],
        dims: &dyn Fn(&str) -> Option<Vec<u64>>,
    ) -> Result<Self, ModelsError> {
        let (family, pools_first) = family(timm_model_name)?;
        let shapes = Shapes(dims);
        let trunk = Trunk::infer(&family, image, &shapes)?;
        let width = shapes.window("conv_head")?[0];
        let bias = shapes.has("conv_head.bias");
        let head = if pools_first {
            MobileHead::AfterPool { width, bias }
        } else {
            MobileHead::BeforePool { width }
        };
        let tower = Self { trunk, head };
        tower.check()?;
        Ok(tower)
    }

    /// Sizes within their limits. Errors: one that is not.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        let (MobileHead::BeforePool { width } | MobileHead::AfterPool { width, .. }) = self.head;
        bounded("v.head", "width", width, MAX_WIDTH)?;
        self.trunk.check()
    }

    /// Result: (images, features). Input: `pixel_values` (images, 3, rows, columns).
    /// `states`: every stage's result becomes an output `v.stages.N` (images, channels, rows', columns').
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        let x = self.trunk.build(g, states)?;
        match self.head {
            MobileHead::BeforePool { width } => {
                let x = self.trunk.head(g, x, width)?;
                mean_of_channels(g, x)
            }
            MobileHead::AfterPool { width, bias } => {
                g.scope("v.head");
                let x = mean_of_channels(g, x)?;
                linear(g, x, "v.head.conv", [width, self.trunk.width()], bias, self.trunk.activation)
            }
        }
    }

    /// The same with every place of the last feature map apart.
    pub(crate) fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
        let x = self.trunk.build(g, false)?;
        match self.head {
            MobileHead::BeforePool { width } => {
                let x = self.trunk.head(g, x, width)?;
                let pooled = mean_of_channels(g, x)?;
                let (places, grid) = places::of_channels(g, x, self.trunk.image)?;
                Ok(Places { pooled, head: Head::Mean { places }, grid })
            }
            MobileHead::AfterPool { width, bias } => {
                g.scope("v.head");
                let shape = [width, self.trunk.width()];
                let head =
                    |g: &mut GraphBuilder, x| linear(g, x, "v.head.conv", shape, bias, self.trunk.activation);
                let mean = mean_of_channels(g, x)?;
                let pooled = head(g, mean)?;
                let (places, grid) = places::of_channels(g, x, self.trunk.image)?;
                Ok(Places { pooled, head: Head::Separate { features: head(g, places)? }, grid })
            }
        }
    }
}

/// And whether pooling comes before the last convolution.
fn family(timm_model_name: &str) -> Result<(Family, bool), ModelsError> {
    let name = untagged(timm_model_name);
    let (generic, padding, eps) = origin(name);
    let squeeze = Squeeze { activation: Activation::Relu, gate: Gate::HardSigmoid };
    let uniform = |activation| STRIDES.map(|stride| (stride, activation)).to_vec();
    let hard = |strides: &[u64], relu_stages: usize| {
        let activation = |s| if s < relu_stages { Activation::Relu } else { Activation::HardSwish };
        strides.iter().enumerate().map(|(s, &stride)| (stride, activation(s))).collect()
    };
    let (pools_first, activation, stages) = match generic {
        "mobilenetv2_035" | "mobilenetv2_050" | "mobilenetv2_075" | "mobilenetv2_100"
        | "mobilenetv2_110d" | "mobilenetv2_120d" | "mobilenetv2_140" => {
            (false, Activation::Relu6, uniform(Activation::Relu6))
        }
        "mobilenetv3_large_075" | "mobilenetv3_large_100" | "mobilenetv3_large_150d" => {
            (true, Activation::HardSwish, hard(&STRIDES, RELU_STAGES))
        }
        "mobilenetv3_small_050" | "mobilenetv3_small_075" | "mobilenetv3_small_100" => {
            (true, Activation::HardSwish, hard(&STRIDES_SMALL, RELU_STAGES_SMALL))
        }
        "mobilenetv3_large_minimal_100" => (true, Activation::Relu, uniform(Activation::Relu)),
        "mobilenetv3_small_minimal_100" => {
            (true, Activation::Relu, STRIDES_SMALL.map(|stride| (stride, Activation::Relu)).to_vec())
        }
        _ => return Err(unknown(timm_model_name, "a mobilenetv2 or mobilenetv3 of timm")),
    };
    Ok((Family { eps, padding, activation, squeeze, stages }, pools_first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::towers::conv_block::PaddingStyle;

    #[test]
    fn the_name_says_what_shapes_cannot() {
        let of = |name: &str| family(name).map(|(f, first)| (f.padding, f.stages.len(), first)).ok();
        assert_eq!(of("mobilenetv2_100.ra_in1k"), Some((PaddingStyle::Symmetric, 7, false)));
        assert_eq!(of("tf_mobilenetv3_small_minimal_100"), Some((PaddingStyle::Same, 6, true)));
        assert_eq!(of("mobilenetv3_large_100"), Some((PaddingStyle::Symmetric, 7, true)));
        for unknown in ["mobilenetv4_conv_small", "mobilenetv3_rw", "mobilenetv2_", "mobilenet", ""] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        let error = MobileNet::infer("mobilenetv9", [64, 64], &|_| None).unwrap_err().to_string();
        assert!(error.contains("mobilenetv9"), "{error}");
    }
}
