//! Pixel shuffle: a square of patches becomes one token with that many times the channels.
//!
//! No operation of its own: both layouts in use are exactly reshape, permute, reshape.

#[cfg(test)]
mod reference;

use crate::ComputeError;
use crate::error::Mismatch;
use crate::graph::{Dim, GraphBuilder, Operand, Value};

use super::check;

/// Order of the merged channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// (row in the square, column in the square, channel): Idefics3, SmolVLM, Qwen's patch merger on a
    /// row-major grid.
    OffsetMajor,
    /// (channel, row, column): PyTorch's `PixelUnshuffle`.
    ChannelMajor,
}

impl GraphBuilder {
    /// x: (batch, rows × columns, channels), a row-major grid of patches.
    /// Result: (batch, rows × columns / factor², channels × factor²).
    /// Errors: a grid that is no multiple of `factor`, or another number of patches.
    pub fn pixel_shuffle(
        &mut self,
        x: impl Into<Operand>,
        (rows, columns): (u32, u32),
        factor: u32,
        order: ChannelOrder,
    ) -> Result<Value, ComputeError> {
        let x = self.operand(x)?;
        let dims = self.dims(x)?.to_vec();
        let refuse = |mismatch: Mismatch| mismatch.at("pixel_shuffle", "pixel_shuffle");
        let &[batch, _, channels] = dims.as_slice() else {
            let got = format!("{} dimensions", dims.len());
            return Err(refuse(Mismatch::new("x", "3 dimensions", got)));
        };
        let channels = check::constant("channels", channels).map_err(refuse)?;
        let fits = factor > 0 && rows.is_multiple_of(factor) && columns.is_multiple_of(factor);
        if !fits {
            let expected = format!("a multiple of {factor} in both directions");
            return Err(refuse(Mismatch::new("grid", expected, format!("{rows} × {columns}"))));
        }
        let (down, across) = (rows / factor, columns / factor);
        let grid = vec![
            batch,
            Dim::from(down),
            Dim::from(factor),
            Dim::from(across),
            Dim::from(factor),
            channels.into(),
        ];
        let x = self.reshape(x, grid)?; // (batch, down, row, across, column, channels)
        let x = match order {
            ChannelOrder::OffsetMajor => self.permute(x, &[0, 1, 3, 2, 4, 5])?,
            ChannelOrder::ChannelMajor => self.permute(x, &[0, 1, 3, 5, 2, 4])?,
        };
        let merged = Dim::from(channels) * i64::from(factor) * i64::from(factor);
        self.reshape(x, vec![batch, Dim::from(down) * i64::from(across), merged])
    }
}

#[cfg(test)]
mod tests {
    use super::reference::idefics3;
    use super::*;
    use crate::graph::{Element, Graph, Sizes};
    use crate::ops::proof::{f32s, noise};
    use crate::tensor::HostTensor;
    use crate::{dims, reference::Executor};
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn shuffled(x: &HostTensor, grid: (u32, u32), factor: u32, order: ChannelOrder) -> HostTensor {
        let mut g = Graph::builder("shuffle");
        let dims: Vec<Dim> = x.dims().iter().map(|&d| d.into()).collect();
        let input = g.input("x", dims, Element::F32).unwrap();
        let y = g.pixel_shuffle(input, grid, factor, order).unwrap();
        g.output("y", y).unwrap();
        let graph = g.finish().unwrap();
        let weights = HashMap::new();
        let mut executor = Executor::new(&graph, &weights).unwrap();
        executor.run(&Sizes::new(), &[("x", x.clone())]).unwrap().remove("y").unwrap()
    }

    #[test]
    fn by_hand() {
        // Grid 2 × 2 of 2 channels: patches [0 1] [2 3] / [4 5] [6 7].
        let x = f32s(&[1, 4, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let offset = shuffled(&x, (2, 2), 2, ChannelOrder::OffsetMajor);
        assert_eq!(offset, f32s(&[1, 1, 8], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]));
        let channel = shuffled(&x, (2, 2), 2, ChannelOrder::ChannelMajor);
        assert_eq!(channel, f32s(&[1, 1, 8], &[0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]));
        let mut g = Graph::builder("refused");
        let x = g.input("x", dims![1, 6, 2], Element::F32).unwrap();
        assert!(g.pixel_shuffle(x, (2, 3), 2, ChannelOrder::OffsetMajor).is_err());
        assert!(g.pixel_shuffle(x, (4, 4), 2, ChannelOrder::OffsetMajor).is_err());
    }

    proptest! {
        #[test]
        fn the_composition_is_the_published_algorithm(
            batch in 1usize..3, down in 1u32..4, across in 1u32..4, factor in 1u32..4, channels in 1usize..4, seed: u64,
        ) {
            let (rows, columns) = (down * factor, across * factor);
            let x = noise(&[batch, (rows * columns) as usize, channels], seed);
            let got = shuffled(&x, (rows, columns), factor, ChannelOrder::OffsetMajor);
            let expected = idefics3(&x, rows as usize, columns as usize, factor as usize);
            prop_assert_eq!(got, expected);
        }
    }
}
