//! The vision transformer of CLIP, OpenCLIP, SigLIP and timm.

use bedside_compute::{
    Attend, ComputeError, Conv2d, Element, GraphBuilder, PoolKind, Symbol, Value, dims, weight,
};
use serde::{Deserialize, Serialize};

use super::attention_pool;
use super::encoder::{Encoder, layer_norm, linear};
use super::places::{Grid, Head, LastNorm, Places};

/// How the patches become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VitPool {
    /// The class token.
    Class,
    /// The mean of the patches, the class token left out.
    Mean,
    /// SigLIP's learned query.
    Attention,
}

/// Where the last layer norm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinalNorm {
    /// Over every token, then pooling.
    BeforePool,
    /// Over the pooled vector.
    AfterPool,
}

/// What the patches come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum VitInput {
    /// Images of one size, cut by a convolution.
    Pixels {
        /// Rows and columns of the image.
        image: [u64; 2],
    },
    /// SigLIP 2 NaFlex: flattened patches of images of any aspect; the square table of positions is resized
    /// for each image.
    Patches {
        /// Rows (and columns) of the table.
        table_side: u64,
        /// Most patches of an image.
        max_patches: u64,
    },
}

/// A vision transformer; weights are named as llama.cpp names those of its clip files (`v.…`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vit {
    pub(crate) input: VitInput,
    /// Rows and columns of a patch.
    #[serde(rename = "patch_size")]
    pub(crate) patch: u64,
    #[serde(flatten)]
    pub(crate) encoder: Encoder,
    pub(crate) patch_bias: bool,
    pub(crate) class_token: bool,
    /// The table of positions has a first row for the class token.
    pub(crate) class_position: bool,
    /// A layer norm before the first block (CLIP).
    pub(crate) pre_norm: bool,
    pub(crate) final_norm: FinalNorm,
    pub(crate) pool: VitPool,
}

/// Colours of the images.
pub(crate) const CHANNELS: u64 = 3;

impl Vit {
    /// Patches of an image of the fixed size; the most of NaFlex.
    pub(crate) fn patches(&self) -> u64 {
        match self.input {
            VitInput::Pixels { image: [rows, columns] } => (rows / self.patch) * (columns / self.patch),
            VitInput::Patches { max_patches, .. } => max_patches,
        }
    }

    /// Numbers of a patch.
    pub(crate) fn patch_len(&self) -> u64 {
        self.patch * self.patch * CHANNELS
    }

    /// Result: (images, width). Inputs: `pixel_values` (images, 3, rows, columns); for NaFlex
    /// `pixel_values` (images, patches, patch · patch · 3), `position_embeddings` (images, patches, width)
    /// and `pixel_attention_mask` u32 (images, patches).
    pub(crate) fn build(&self, g: &mut GraphBuilder, states: bool) -> Result<Value, ComputeError> {
        let (x, mask) = self.build_blocks(g, states)?;
        self.build_pool(g, x, mask)
    }

    /// The same with every patch apart: of means the patches themselves, of a class token and of attention what the
    /// head makes of one patch alone.
    pub(crate) fn build_places(&self, g: &mut GraphBuilder) -> Result<Places, ComputeError> {
        let (x, mask) = self.build_blocks(g, false)?;
        let pooled = self.build_pool(g, x, mask)?;
        let norm = LastNorm { name: "v.post_ln", width: self.encoder.width, eps: self.encoder.attention.eps };
        let post = |g: &mut GraphBuilder, x| layer_norm(g, x, norm.name, norm.width, norm.eps);
        let before = self.final_norm == FinalNorm::BeforePool;
        let x = if self.class_token { g.slice(x, 1, 1, self.patches())? } else { x };
        let head = match self.pool {
            VitPool::Class => Head::Separate { features: post(g, x)? },
            VitPool::Mean if before => Head::Mean { places: post(g, x)? },
            VitPool::Mean => Head::MeanNorm { places: x, norm },
            VitPool::Attention => {
                let x = if before { post(g, x)? } else { x };
                let x = attention_pool::build_each(&self.encoder, g, "v", x)?;
                Head::Separate { features: if before { x } else { post(g, x)? } }
            }
        };
        let grid = match self.input {
            VitInput::Pixels { image } => {
                let places = image.map(|side| side / self.patch);
                Grid::Fixed { places, pixels: places.map(|count| count * self.patch) }
            }
            VitInput::Patches { .. } => Grid::Patches,
        };
        Ok(Places { pooled, head, grid })
    }

    /// Everything before the pooling: (images, tokens, width), and NaFlex's mask.
    fn build_blocks(
        &self,
        g: &mut GraphBuilder,
        states: bool,
    ) -> Result<(Value, Option<Value>), ComputeError> {
        g.scope("v");
        let (x, mask) = match self.input {
            VitInput::Pixels { image } => (self.embed_pixels(g, image)?, None),
            VitInput::Patches { .. } => self.embed_patches(g)?,
        };
        let width = self.encoder.width;
        let x =
            if self.pre_norm { layer_norm(g, x, "v.pre_ln", width, self.encoder.attention.eps)? } else { x };
        let attend = Attend { mask, ..Attend::all(self.encoder.attention_scale()) };
        Ok((self.encoder.build(g, "v", x, attend, states)?, mask))
    }

    fn build_pool(&self, g: &mut GraphBuilder, x: Value, mask: Option<Value>) -> Result<Value, ComputeError> {
        let width = self.encoder.width;
        let post = |g: &mut GraphBuilder, x| layer_norm(g, x, "v.post_ln", width, self.encoder.attention.eps);
        let before = self.final_norm == FinalNorm::BeforePool;
        match self.pool {
            VitPool::Class => {
                // A norm of one token does not depend on the others: it is done for that one only.
                let x = g.slice(x, 1, 0, 1)?; // (images, 1, width)
                let x = g.reshape(x, dims![Symbol::Images, width])?;
                post(g, x)
            }
            VitPool::Mean => {
                let x = if before { post(g, x)? } else { x };
                let patches = self.patches();
                let x = if self.class_token { g.slice(x, 1, 1, patches)? } else { x };
                let x = g.pool(x, PoolKind::Mean, 1, None)?;
                if before { Ok(x) } else { post(g, x) }
            }
            VitPool::Attention => {
                let x = if before { post(g, x)? } else { x };
                let x = attention_pool::build(&self.encoder, g, "v", x, mask)?;
                if before { Ok(x) } else { post(g, x) }
            }
        }
    }

    fn embed_pixels(&self, g: &mut GraphBuilder, [rows, columns]: [u64; 2]) -> Result<Value, ComputeError> {
        let (width, patch, patches) = (self.encoder.width, self.patch, self.patches());
        let pixels = g.input("pixel_values", dims![Symbol::Images, CHANNELS, rows, columns], Element::F32)?;
        let kernel = weight("v.patch_embd.weight", [width, CHANNELS, patch, patch]);
        let bias = self.patch_bias.then(|| weight("v.patch_embd.bias", [width]));
        // Fits: a patch is at most as large as an image, whose sides were checked.
        let x = g.conv2d(pixels, kernel, bias, Conv2d::strided(patch as u32))?;
        let x = g.reshape(x, dims![Symbol::Images, width, patches])?;
        let mut x = g.permute(x, &[0, 2, 1])?; // (images, patches, width)
        let positions = patches + u64::from(self.class_token && self.class_position);
        let table = weight("v.position_embd.weight", [positions, width]);
        if !self.class_position {
            x = g.add(x, table.clone())?;
        }
        if self.class_token {
            let class = g.weight(weight("v.class_embd", [width]))?;
            let class = g.reshape(class, [1.into(), 1.into(), width.into()])?;
            x = g.concat([class, x], 1)?;
        }
        if self.class_position { g.add(x, table) } else { Ok(x) }
    }

    fn embed_patches(&self, g: &mut GraphBuilder) -> Result<(Value, Option<Value>), ComputeError> {
        let width = self.encoder.width;
        let (images, patches) = (Symbol::Images, Symbol::Patches);
        let pixels = g.input("pixel_values", dims![images, patches, self.patch_len()], Element::F32)?;
        let positions = g.input("position_embeddings", dims![images, patches, width], Element::F32)?;
        let mask = g.input("pixel_attention_mask", dims![images, patches], Element::U32)?;
        let mask = g.reshape(mask, dims![images, 1, patches])?;
        let shape = [width, self.patch_len()];
        let x = linear(g, pixels, "v.patch_embd", shape, self.patch_bias, bedside_compute::Activation::None)?;
        Ok((g.add(x, positions)?, Some(mask)))
    }
}
