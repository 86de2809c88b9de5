//! EfficientNet and EfficientNet-Lite, as timm builds them.

use bedside_compute::{Activation, ComputeError, GraphBuilder, Value};
use serde::{Deserialize, Serialize};

use super::conv_block::{
    self, Family, Gate, MAX_WIDTH, Shapes, Squeeze, Trunk, bounded, mean_of_channels, origin, unknown,
    untagged,
};
use super::places::{self, Head, Places};
use crate::ModelsError;
use crate::name_table::Row;

/// Where the tensors lie in an OpenCLIP file.
pub(crate) const NAMES: &[Row] = conv_block::NAMES;

/// Stride of each stage's first block. Source: Tan and Le, EfficientNet, table 1 (stages 2 to 8).
const STRIDES: [u64; 7] = [1, 2, 2, 2, 1, 2, 1];

/// Weights are named `v.…`, layers within a block as in timm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EfficientNet {
    pub(crate) trunk: Trunk,
    /// Channels of the 1 × 1 convolution before pooling: the features.
    pub(crate) head: u64,
}

impl EfficientNet {
    /// Sizes from the shapes of a file: `dims` of tensors by name, all below `visual.trunk`; the rest from the
    /// name: `[tf_]efficientnet_b0` to `b8`, `l2`, `[tf_]efficientnet_lite0` to `lite4`.
    /// Errors: `Config` for another name or a size beyond its limit, `Tensor` for shapes of no such network.
    pub(crate) fn infer(
        timm_model_name: &str,
        image: [u64; 2],
        dims: &dyn Fn(&str) -> Option<Vec<u64>>,
    ) -> Result<Self, ModelsError> {
        let family = family(timm_model_name)?;
        let shapes = Shapes(dims);
        let trunk = Trunk::infer(&family, image, &shapes)?;
        let tower = Self { trunk, head: shapes.window("conv_head")?[0] };
        tower.check()?;
        Ok(tower)
    }

    /// Sizes within their limits. Errors: one that is not.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        bounded("v.head", "width", self.head, MAX_WIDTH)?;
        self.trunk.check()
    }

    /// Result: (images, features), the mean over the image. Input: `pixel_values` (images, 3, rows, columns).
    /// `states`: every stage's result becomes an output `v.stages.N` (images, channels, rows', columns').
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        let x = self.trunk.build(g, states)?;
        let x = self.trunk.head(g, x, self.head)?;
        mean_of_channels(g, x)
    }

    /// The same with every place of the last feature map apart.
    pub(crate) fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
        let x = self.trunk.build(g, false)?;
        let x = self.trunk.head(g, x, self.head)?;
        let pooled = mean_of_channels(g, x)?;
        let (places, grid) = places::of_channels(g, x, self.trunk.image)?;
        Ok(Places { pooled, head: Head::Mean { places }, grid })
    }
}

fn family(timm_model_name: &str) -> Result<Family, ModelsError> {
    let (name, padding, eps) = origin(untagged(timm_model_name));
    let size = name.strip_prefix("efficientnet_").unwrap_or("");
    let activation = match size {
        "b0" | "b1" | "b2" | "b3" | "b4" | "b5" | "b6" | "b7" | "b8" | "l2" => Activation::Silu,
        "lite0" | "lite1" | "lite2" | "lite3" | "lite4" => Activation::Relu6,
        _ => return Err(unknown(timm_model_name, "[tf_]efficientnet_b0 to b8, l2 or lite0 to lite4")),
    };
    let stages = STRIDES.map(|stride| (stride, activation)).to_vec();
    let squeeze = Squeeze { activation, gate: Gate::Sigmoid };
    Ok(Family { eps, padding, activation, squeeze, stages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::towers::conv_block::PaddingStyle;

    #[test]
    fn the_name_says_what_shapes_cannot() {
        let of = |name: &str| family(name).map(|f| (f.activation, f.padding, f.eps)).ok();
        let tf = (Activation::Relu6, PaddingStyle::Same, 1e-3);
        assert_eq!(of("tf_efficientnet_lite0"), Some(tf));
        assert_eq!(of("tf_efficientnet_lite4.in1k"), Some(tf));
        assert_eq!(of("efficientnet_b3.ra2_in1k"), Some((Activation::Silu, PaddingStyle::Symmetric, 1e-5)));
        for unknown in
            ["efficientnet_b0_gn", "efficientnet_blur_b0", "efficientnetv2_s", "tf_", "", "efficientnet_b9"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        let error = EfficientNet::infer("efficientnet_x9", [64, 64], &|_| None).unwrap_err().to_string();
        assert!(error.contains("efficientnet_x9"), "{error}");
    }
}
