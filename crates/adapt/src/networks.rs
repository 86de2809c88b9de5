//! The networks of a model as training plays them: both towers, and the patches' vectors.

use std::num::NonZeroUsize;

use bedside_compute::train::{Differentiator, Tape};
use bedside_compute::{
    Activation, Element, Graph, HostTensor, Sizes as At, Symbol, WeightSource, dims, weight,
};
use bedside_models::networks;
use bedside_weights::Model;

use crate::AdaptError;
use crate::sizes::Sizes;

/// Result of the last block, an output of the image tower.
fn last_block(sizes: &Sizes) -> String {
    format!("v.blk.{}", sizes.image.layers - 1)
}

/// What is played.
pub(crate) struct Networks {
    pub(crate) image: Differentiator,
    /// Norm and projection of every patch: with mean pooling, their mean is the image's vector.
    pub(crate) head: Differentiator,
    pub(crate) text: Differentiator,
    last_block: String,
    tokens: usize,
    width: usize,
}

/// Images that were played forward.
pub(crate) struct Seen<'a> {
    pub(crate) image: Tape<'a>,
    pub(crate) head: Tape<'a>,
    last_block: &'a str,
}

impl Networks {
    /// Of a model of these sizes. `weights`: where its weights are. Errors: a model without one of the towers.
    pub(crate) fn new(
        model: &Model,
        sizes: &Sizes,
        epsilon: f32,
        weights: &dyn WeightSource,
        threads: NonZeroUsize,
    ) -> Result<Self, AdaptError> {
        let found = networks(model)?;
        let missing = |got: &str| AdaptError::Setting {
            what: "model",
            expected: "a model with both towers",
            got: got.to_owned(),
        };
        let image = found.image.ok_or_else(|| missing("no image tower"))?;
        let text = found.text.ok_or_else(|| missing("no text tower"))?;
        let all = |graph: &Graph| -> Vec<String> { graph.weights().map(|node| node.name.clone()).collect() };
        let play = |graph: &Graph, mut names: Vec<String>, more: Option<&str>| {
            names.extend(more.map(str::to_owned));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Differentiator::new(graph, weights, &names, threads)
        };
        let head = head(sizes, epsilon)?;
        Ok(Self {
            image: play(&image, all(&image), None)?,
            head: play(&head, all(&head), Some("tokens"))?,
            text: play(&text, all(&text), None)?,
            last_block: last_block(sizes),
            tokens: sizes.image.grid() * sizes.image.grid(),
            width: sizes.image.width as usize,
        })
    }

    /// Play images forward. `pixels`: (images, 3, side, side). Errors: those of the executor.
    pub(crate) fn see(&self, pixels: HostTensor) -> Result<Seen<'_>, AdaptError> {
        let count = pixels.dims()[0];
        let sizes = At::new().with(Symbol::Images, count as u64);
        let image = self.image.forward(&sizes, &[("pixel_values", pixels)])?;
        let tokens = image.output(&self.last_block)?.as_f32().unwrap_or_default().to_vec();
        let tokens = HostTensor::f32(&[count, self.tokens, self.width], tokens)?;
        let head = self.head.forward(&sizes, &[("tokens", tokens)])?;
        Ok(Seen { image, head, last_block: &self.last_block })
    }

    /// Play texts forward. `ids`, `mask`: (texts, tokens). Errors: those of the executor.
    pub(crate) fn read(&self, ids: HostTensor, mask: HostTensor) -> Result<Tape<'_>, AdaptError> {
        let [texts, tokens] = [0, 1].map(|axis| ids.dims()[axis] as u64);
        let sizes = At::new().with(Symbol::Texts, texts).with(Symbol::Tokens, tokens);
        Ok(self.text.forward(&sizes, &[("input_ids", ids), ("attention_mask", mask)])?)
    }
}

impl Seen<'_> {
    /// What the last block gives for each patch, (images · patches, width). Errors: none for a tower.
    pub(crate) fn tokens(&self) -> Result<&[f32], AdaptError> {
        Ok(self.image.output(self.last_block)?.as_f32().unwrap_or_default())
    }

    /// Vectors of the images at length 1, (images, embed). Errors: none for a tower.
    pub(crate) fn embeds(&self) -> Result<&HostTensor, AdaptError> {
        Ok(self.image.output("embeds")?)
    }

    /// Vectors of the patches, (images, patches, embed): their mean is the image's before it is brought to length 1.
    /// Errors: none for a tower.
    pub(crate) fn patches(&self) -> Result<&HostTensor, AdaptError> {
        Ok(self.head.output("patches")?)
    }

    /// Gradients of all weights, by name, given those of both results. Errors: other dimensions.
    pub(crate) fn backward(
        &self,
        embeds: HostTensor,
        patches: HostTensor,
    ) -> Result<Vec<(String, HostTensor)>, AdaptError> {
        let mut head = self.head.backward(&[("patches", patches)])?;
        let mut upstream = vec![("embeds", embeds)];
        if let Some(tokens) = head.remove("tokens") {
            upstream.push((self.last_block, tokens));
        }
        let image = self.image.backward(&upstream)?;
        Ok(image.into_iter().chain(head).collect())
    }
}

/// tokens (images, patches, width) → `patches` (images, patches, embed): the last norm and the projection.
fn head(sizes: &Sizes, epsilon: f32) -> Result<Graph, AdaptError> {
    let (width, patches) = (sizes.image.width, (sizes.image.grid() * sizes.image.grid()) as u64);
    let mut g = Graph::builder("patches");
    let tokens = g.input("tokens", dims![Symbol::Images, patches, width], Element::F32)?;
    let bias = Some(weight("v.post_ln.bias", [width]));
    let x = g.layer_norm(tokens, weight("v.post_ln.weight", [width]), bias, epsilon)?;
    let projection = weight("visual_projection.weight", [sizes.embed, width]);
    let patches = g.linear(x, projection, None, Activation::None)?;
    g.output("patches", patches)?;
    Ok(g.finish()?)
}
