//! What the operations that move or repeat elements share: dimensions and strides of up to eight axes, neighbours
//! that lie alike taken together.

use crate::error::Mismatch;
use crate::tensor::strides;

/// Axes after neighbours were taken together: pixel shuffles have six.
pub(crate) const MAX_AXES: usize = 8;

/// WGSL `strided_offsets`, which walks [`Axes`].
pub(crate) const STRIDED: &str = include_str!("wgsl/strided.wgsl");

/// Sizes of a loop's axes, innermost first, with the strides of what is read and what is written. As the shader's
/// three `array<vec4<u32>, 2>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axes {
    /// Axes in use, at least 1.
    pub(crate) rank: u32,
    /// Elements along each.
    pub(crate) sizes: [[u32; 4]; 2],
    /// Of what is read.
    pub(crate) from: [[u32; 4]; 2],
    /// Of what is written.
    pub(crate) to: [[u32; 4]; 2],
}

impl Axes {
    /// `sizes`, outermost first, with the strides of both sides.
    /// Errors: more than [`MAX_AXES`] that cannot be taken together, or sizes that u32 cannot hold.
    pub(crate) fn new(sizes: &[usize], from: &[usize], to: &[usize]) -> Result<Self, Mismatch> {
        // (size, from, to), innermost first
        let mut joined: Vec<[usize; 3]> = Vec::new();
        for ((&size, &from), &to) in sizes.iter().zip(from).zip(to).rev() {
            if size == 1 {
                continue;
            }
            match joined.last_mut() {
                Some([inner, f, t]) if *f * *inner == from && *t * *inner == to => *inner *= size,
                _ => joined.push([size, from, to]),
            }
        }
        if joined.is_empty() {
            joined.push([1, 0, 0]);
        }
        if joined.len() > MAX_AXES {
            return Err(Mismatch::new("axes", format!("at most {MAX_AXES}"), joined.len()));
        }
        let mut axes =
            Self { rank: joined.len() as u32, sizes: [[1; 4]; 2], from: [[0; 4]; 2], to: [[0; 4]; 2] };
        for (i, &[size, from, to]) in joined.iter().enumerate() {
            axes.sizes[i / 4][i % 4] = count(size)?;
            axes.from[i / 4][i % 4] = count(from)?;
            axes.to[i / 4][i % 4] = count(to)?;
        }
        Ok(axes)
    }

    /// Every element of `dims` in order, with `operand` repeated over it.
    pub(crate) fn repeating(dims: &[usize], operand: &[usize]) -> Result<Self, Mismatch> {
        Self::new(dims, &repeated(dims, operand), &strides(dims))
    }
}

/// Strides of `operand` as it repeats over `dims`.
pub(crate) fn repeated(dims: &[usize], operand: &[usize]) -> Vec<usize> {
    let own = strides(operand);
    let missing = dims.len() - operand.len();
    let stride = |axis: usize| match axis.checked_sub(missing) {
        Some(mine) if operand[mine] != 1 => own[mine],
        _ => 0,
    };
    (0..dims.len()).map(stride).collect()
}

/// A number that a shader can count. Errors: more than u32 holds.
pub(crate) fn count(n: usize) -> Result<u32, Mismatch> {
    u32::try_from(n).map_err(|_| Mismatch::new("elements", "at most 2^32 - 1 on a GPU", n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_lie_alike_are_one_axis() {
        let axes = Axes::repeating(&[2, 3, 4], &[3, 4]).unwrap();
        assert_eq!((axes.rank, axes.sizes[0], axes.from[0]), (2, [12, 2, 1, 1], [1, 0, 0, 0]));
        let axes = Axes::repeating(&[2, 3, 4], &[2, 3, 4]).unwrap();
        assert_eq!((axes.rank, axes.sizes[0][0]), (1, 24));
        let axes = Axes::repeating(&[2, 3, 4], &[1]).unwrap();
        assert_eq!((axes.rank, axes.sizes[0][0], axes.from[0][0]), (1, 24, 0));
        // permute (0, 2, 1) of (2, 3, 4)
        let axes = Axes::new(&[2, 4, 3], &[12, 1, 4], &[12, 3, 1]).unwrap();
        assert_eq!((axes.rank, axes.sizes[0], axes.from[0]), (3, [3, 4, 2, 1], [4, 1, 12, 0]));
    }
}
