//! The networks that architectures are made of: image and text towers as data, each with its graph.

mod attention_pool;
pub(crate) mod bert;
pub(crate) mod clip_text;
pub(crate) mod conv_block;
pub(crate) mod convnext;
pub(crate) mod decoder;
pub(crate) mod efficientnet;
pub(crate) mod encoder;
pub(crate) mod mobilenet;
pub(crate) mod places;
pub(crate) mod projection;
#[cfg(test)]
mod tests;
pub(crate) mod vit;

use bedside_compute::{ComputeError, Dim, Graph, GraphBuilder, Value};
use serde::{Deserialize, Serialize};

use crate::ModelsError;
use crate::config::{MAX_IMAGE_SIDE, MAX_SIZE};
use crate::description::in_range;
use bert::Bert;
use clip_text::{ClipText, TextPool};
use convnext::ConvNext;
use efficientnet::EfficientNet;
use mobilenet::MobileNet;
use places::Places;
use projection::Projection;
use vit::{Vit, VitInput};

/// PyTorch's `normalize` divides by at least this.
const LEAST_LENGTH: f32 = 1e-12;

/// Prefix of the text side's keys in errors.
const TEXT: &str = "clip.text";

/// A network that turns images into one vector each.
pub(crate) trait ImageTower {
    /// Adds the inputs and the network; result (images, features).
    fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError>;

    /// The same with what it makes of each place of the image.
    fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError>;

    /// Every size is one the network can have. Errors: `Config`.
    fn check(&self) -> Result<(), ModelsError>;

    /// What an image must have become.
    fn input(&self) -> ImageInput;

    /// Weights that are read beside the graph's: names and dimensions.
    fn tables(&self) -> Vec<(String, Vec<u64>)> {
        Vec::new()
    }
}

/// What an image tower takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageInput {
    /// (3, rows, columns).
    Pixels {
        /// Rows and columns.
        image: [u64; 2],
    },
    /// Flattened patches with a table of positions that is resized for each image.
    Patches {
        /// Rows (and columns) of the table.
        table_side: u64,
        /// Most patches of an image.
        max_patches: u64,
        /// Numbers of a patch.
        patch_len: u64,
        /// Features of a patch.
        width: u64,
    },
}

/// A network that turns token ids into one vector each.
pub(crate) trait TokenTower {
    /// Adds the inputs and the network; result (texts, features).
    fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError>;

    /// Every size is one the network can have. Errors: `Config`.
    fn check(&self) -> Result<(), ModelsError>;

    /// Rows of the token table.
    fn vocabulary(&self) -> u64;

    /// What the graph takes beside `input_ids`.
    fn side_input(&self) -> SideInput;

    /// Most tokens: rows of the table of positions.
    fn positions(&self) -> u64;
}

/// The second input of a text tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SideInput {
    /// `pooled_positions`. `trims`: what stands behind the pooled token has no influence and need not run.
    PooledPosition {
        /// Which token stands for the text.
        pool: TextPool,
        /// Causal towers.
        trims: bool,
    },
    /// `attention_mask`: 0 where the id is this one.
    Mask {
        /// Padding.
        padding: u32,
    },
}

/// Every kind of image tower; a line here and in `tower` makes one known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tower", rename_all = "snake_case")]
pub(crate) enum VisionTower {
    Vit(Vit),
    ConvNext(ConvNext),
    EfficientNet(EfficientNet),
    MobileNet(MobileNet),
}

impl VisionTower {
    pub(crate) fn tower(&self) -> &dyn ImageTower {
        match self {
            Self::Vit(tower) => tower,
            Self::ConvNext(tower) => tower,
            Self::EfficientNet(tower) => tower,
            Self::MobileNet(tower) => tower,
        }
    }
}

/// Every kind of text tower; a line here and in `tower` makes one known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tower", rename_all = "snake_case")]
pub(crate) enum TextTower {
    ClipText(ClipText),
    Bert(Bert),
}

impl TextTower {
    pub(crate) fn tower(&self) -> &dyn TokenTower {
        match self {
            Self::ClipText(tower) => tower,
            Self::Bert(tower) => tower,
        }
    }
}

impl ImageTower for Vit {
    fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        Vit::build(self, g, states)
    }

    fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
        Vit::build_places(self, g)
    }

    fn check(&self) -> Result<(), ModelsError> {
        const SIDE: &str = "clip.vision";
        self.encoder.check(SIDE)?;
        match self.input {
            VitInput::Pixels { image: [rows, columns] } => {
                in_range(SIDE, "image_size", rows, MAX_IMAGE_SIDE)?;
                in_range(SIDE, "image_size", columns, MAX_IMAGE_SIDE)?;
                in_range(SIDE, "patch_size", self.patch, rows.min(columns))
            }
            VitInput::Patches { table_side, max_patches } => {
                in_range(SIDE, "patch_size", self.patch, MAX_IMAGE_SIDE)?;
                in_range(SIDE, "input.table_side", table_side, MAX_IMAGE_SIDE)?;
                in_range(SIDE, "input.max_patches", max_patches, MAX_SIZE)
            }
        }
    }

    fn input(&self) -> ImageInput {
        match self.input {
            VitInput::Pixels { image } => ImageInput::Pixels { image },
            VitInput::Patches { table_side, max_patches } => {
                let (patch_len, width) = (self.patch_len(), self.encoder.width);
                ImageInput::Patches { table_side, max_patches, patch_len, width }
            }
        }
    }

    fn tables(&self) -> Vec<(String, Vec<u64>)> {
        match self.input {
            VitInput::Pixels { .. } => Vec::new(),
            VitInput::Patches { table_side, .. } => {
                vec![("v.position_embd.weight".to_owned(), vec![table_side * table_side, self.encoder.width])]
            }
        }
    }
}

/// Towers of convolutions over images of one size.
macro_rules! convolutional {
    ($($tower:ident: $($image:ident).+;)*) => {$(
        impl ImageTower for $tower {
            fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
                $tower::build(self, g, states)
            }

            fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
                $tower::build_places(self, g)
            }

            fn check(&self) -> Result<(), ModelsError> {
                $tower::check(self)
            }

            fn input(&self) -> ImageInput {
                ImageInput::Pixels { image: self.$($image).+ }
            }
        }
    )*};
}

convolutional! {
    ConvNext: image;
    EfficientNet: trunk.image;
    MobileNet: trunk.image;
}

impl TokenTower for ClipText {
    fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        ClipText::build(self, g, states)
    }

    fn check(&self) -> Result<(), ModelsError> {
        self.encoder.check(TEXT)?;
        in_range(TEXT, "vocabulary", self.vocabulary, MAX_SIZE)?;
        in_range(TEXT, "context", self.context, MAX_SIZE)
    }

    fn vocabulary(&self) -> u64 {
        self.vocabulary
    }

    fn side_input(&self) -> SideInput {
        SideInput::PooledPosition { pool: self.pool, trims: self.causal && self.pool != TextPool::Last }
    }

    fn positions(&self) -> u64 {
        self.context
    }
}

impl TokenTower for Bert {
    fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        Bert::build(self, g, states)
    }

    fn check(&self) -> Result<(), ModelsError> {
        self.encoder.check(TEXT)?;
        in_range(TEXT, "vocabulary", self.vocabulary, MAX_SIZE)?;
        in_range(TEXT, "token_types", self.token_types, MAX_SIZE)?;
        in_range(TEXT, "positions", self.positions, MAX_SIZE)
    }

    fn vocabulary(&self) -> u64 {
        self.vocabulary
    }

    fn side_input(&self) -> SideInput {
        SideInput::Mask { padding: self.padding }
    }

    fn positions(&self) -> u64 {
        self.positions
    }
}

/// Names of the graphs' outputs.
pub(crate) const FEATURES: &str = "features";
/// The features at length 1.
pub(crate) const EMBEDS: &str = "embeds";

/// Projection and normalisation behind a tower; the graph's outputs are [`FEATURES`] and [`EMBEDS`].
pub(crate) fn finish(
    mut g: GraphBuilder,
    pooled: Value,
    name: &str,
    projection: Projection,
    embed: u64,
) -> Result<Graph, ComputeError> {
    let dims = &g.value_type(pooled).expect("the value was made by this builder").dims;
    // A symbolic or negative width cannot come out of a tower; 0 is refused by the first operation.
    let width = dims.last().and_then(Dim::as_constant).and_then(|w| u64::try_from(w).ok()).unwrap_or(0);
    let features = projection.build(&mut g, name, pooled, [embed, width])?;
    let embeds = g.l2_normalize(features, LEAST_LENGTH)?;
    g.output(FEATURES, features)?;
    g.output(EMBEDS, embeds)?;
    g.finish()
}
