//! What an image tower makes of each place of an image: the last tokens or the last feature map, turned into the
//! space that images and texts share.

use bedside_compute::{
    Activation, ComputeError, Dim, Graph, GraphBuilder, PoolKind, Symbol, Value, dims, weight,
};

use super::encoder::{layer_norm, leading, linear};
use super::projection::Projection;
use super::{EMBEDS, FEATURES, LEAST_LENGTH};

/// Name of the output (images, places, embed).
pub(crate) const PLACES: &str = "places";
/// Name of the output (1, embed) that is added to every place once they are scaled; only behind a norm of the mean.
pub(crate) const PLACES_OFFSET: &str = "places_offset";

/// A tower's last values before and after pooling.
pub(crate) struct Places {
    /// (images, features), as the tower's `build` gives it.
    pub(crate) pooled: Value,
    pub(crate) head: Head,
    pub(crate) grid: Grid,
}

/// Where the places lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    /// The same for every image.
    Fixed {
        /// Rows and columns of places.
        places: [u64; 2],
        /// Rows and columns of pixels that they divide among them, from the upper left corner.
        pixels: [u64; 2],
    },
    /// As many as the image has patches.
    Patches,
}

/// How the pooled features come from the places.
pub(crate) enum Head {
    /// Their mean. `places`: (images, places, features).
    Mean { places: Value },
    /// The layer norm of their mean.
    MeanNorm { places: Value, norm: LastNorm },
    /// By no sum. `features`: what the head makes of each place alone, (images, places, features).
    Separate { features: Value },
}

/// A layer norm behind the pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastNorm {
    pub(crate) name: &'static str,
    pub(crate) width: u64,
    pub(crate) eps: f32,
}

/// (images, channels, rows, columns) → (images, places, channels), and where they lie on an image of `pixels`.
pub(crate) fn of_channels(
    g: &mut GraphBuilder,
    x: Value,
    pixels: [u64; 2],
) -> Result<(Value, Grid), ComputeError> {
    let (channels, places) = (g.dims(x)?[1], super::conv_block::image_of(g, x)?);
    let x = g.reshape(x, [Symbol::Images.into(), channels, (places[0] * places[1]).into()])?;
    Ok((g.permute(x, &[0, 2, 1])?, Grid::Fixed { places, pixels }))
}

/// The graph of [`super::finish`] with the outputs [`PLACES`] and, behind a norm of the mean, [`PLACES_OFFSET`].
/// The flag says whether the places add up to the features.
pub(crate) fn finish(
    mut g: GraphBuilder,
    places: &Places,
    name: &str,
    projection: Projection,
    embed: u64,
) -> Result<(Graph, bool), ComputeError> {
    let dims = g.dims(places.pooled)?;
    let width = dims.last().and_then(Dim::as_constant).and_then(|w| u64::try_from(w).ok()).unwrap_or(0);
    let shape = [embed, width];
    let features = projection.build(&mut g, name, places.pooled, shape)?;
    let embeds = g.l2_normalize(features, LEAST_LENGTH)?;
    g.output(FEATURES, features)?;
    g.output(EMBEDS, embeds)?;
    g.scope(PLACES);
    let linear_projection = !matches!(projection, Projection::Mlp { .. });
    let (each, additive) = match places.head {
        Head::Mean { places } => (projection.build(&mut g, name, places, shape)?, linear_projection),
        Head::Separate { features } => (projection.build(&mut g, name, features, shape)?, false),
        Head::MeanNorm { places, norm } if linear_projection => {
            let each = centred(&mut g, places, norm)?;
            let offset = g.weight(weight(format!("{}.bias", norm.name), [norm.width]))?;
            let offset = g.reshape(offset, dims![1, norm.width])?;
            let offset = projection.build(&mut g, name, offset, shape)?;
            g.output(PLACES_OFFSET, offset)?;
            (without_bias(&mut g, name, projection, each, shape)?, true)
        }
        Head::MeanNorm { places, norm } => {
            let each = layer_norm(&mut g, places, norm.name, norm.width, norm.eps)?;
            (projection.build(&mut g, name, each, shape)?, false)
        }
    };
    g.output(PLACES, each)?;
    Ok((g.finish()?, additive))
}

/// weight · (x − mean of x over the last dimension): a layer norm without its division and its bias.
fn centred(g: &mut GraphBuilder, x: Value, norm: LastNorm) -> Result<Value, ComputeError> {
    let [images, places] = leading(g, x);
    let mean = g.pool(x, PoolKind::Mean, 2, None)?; // (images, places)
    let mean = g.reshape(mean, [images, places, 1.into()])?;
    let minus = g.scale(mean, -1.0)?;
    let x = g.add(x, minus)?;
    g.mul(x, weight(format!("{}.weight", norm.name), [norm.width]))
}

fn without_bias(
    g: &mut GraphBuilder,
    name: &str,
    projection: Projection,
    x: Value,
    shape: [u64; 2],
) -> Result<Value, ComputeError> {
    match projection {
        Projection::Linear { .. } => linear(g, x, name, shape, false, Activation::None),
        Projection::None | Projection::Mlp { .. } => Ok(x),
    }
}
