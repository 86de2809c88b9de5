//! Row-major shapes: the last dimension is contiguous (GGUF's `ne` reversed).

use std::fmt;

use crate::{DType, TensorError};

/// Most dimensions a tensor may have. GGUF allows 4; safetensors names no limit, real models stay below 8.
pub const MAX_RANK: usize = 8;

/// Dimensions of a tensor, outermost first. Rank 0 is a scalar with one element.
/// The product of the dimensions is known to fit in `u64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: usize,
    dims: [u64; MAX_RANK],
}

impl Shape {
    /// `dims`: outermost first.
    /// Errors: [`TensorError::Rank`], [`TensorError::TooLarge`] when the element count overflows.
    /// Zero dimensions count as one there, so that `[0, 2^60, 2^60]` is refused too.
    pub fn new(dims: &[u64]) -> Result<Self, TensorError> {
        if dims.len() > MAX_RANK {
            return Err(TensorError::Rank { rank: dims.len() });
        }
        dims.iter()
            .try_fold(1u64, |n, &d| n.checked_mul(d.max(1)))
            .ok_or_else(|| TensorError::TooLarge { dims: dims.to_vec(), dtype: "any dtype" })?;
        let mut all = [1; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Ok(Self { rank: dims.len(), dims: all })
    }

    /// Dimensions, outermost first.
    pub fn dims(&self) -> &[u64] {
        &self.dims[..self.rank]
    }

    /// Number of elements; 1 for a scalar.
    pub fn elements(&self) -> u64 {
        self.dims().iter().product()
    }

    /// Elements of one row (the last dimension); 1 for a scalar.
    pub fn row_len(&self) -> u64 {
        self.dims().last().copied().unwrap_or(1)
    }

    /// Number of rows: the product of all dimensions but the last; 1 for a scalar.
    pub fn rows(&self) -> u64 {
        self.dims().split_last().map_or(1, |(_, outer)| outer.iter().product())
    }

    /// Bytes a tensor of this shape takes in `dtype`.
    /// Errors: [`TensorError::PartialBlock`], [`TensorError::TooLarge`].
    pub fn bytes(&self, dtype: DType) -> Result<u64, TensorError> {
        let block = dtype.block_len();
        if !self.row_len().is_multiple_of(block as u64) {
            return Err(TensorError::PartialBlock { row: self.row_len(), block, dtype: dtype.name() });
        }
        (self.elements() / block as u64)
            .checked_mul(dtype.block_bytes() as u64)
            .ok_or_else(|| TensorError::TooLarge { dims: self.dims().to_vec(), dtype: dtype.name() })
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `[7, 512]`; a scalar is `[]`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_shapes() {
        struct Case {
            dims: &'static [u64],
            rows: u64,
            row_len: u64,
            q8_0: Result<u64, ()>,
        }
        let cases = [
            Case { dims: &[], rows: 1, row_len: 1, q8_0: Err(()) },
            Case { dims: &[32], rows: 1, row_len: 32, q8_0: Ok(34) },
            Case { dims: &[2, 3, 96], rows: 6, row_len: 96, q8_0: Ok(6 * 3 * 34) },
            Case { dims: &[0, 64], rows: 0, row_len: 64, q8_0: Ok(0) },
            Case { dims: &[2, 48], rows: 2, row_len: 48, q8_0: Err(()) },
        ];
        for case in cases {
            let shape = Shape::new(case.dims).unwrap();
            assert_eq!((shape.rows(), shape.row_len()), (case.rows, case.row_len), "{shape}");
            assert_eq!(shape.bytes(DType::Q8_0).map_err(|_| ()), case.q8_0, "{shape}");
        }
    }

    #[test]
    fn what_cannot_be_addressed_is_refused() {
        for dims in [&[1 << 32, 1 << 32][..], &[1 << 20; 4], &[0, u64::MAX, 2]] {
            assert!(matches!(Shape::new(dims), Err(TensorError::TooLarge { .. })), "{dims:?}");
        }
        assert!(matches!(Shape::new(&[1; 9]), Err(TensorError::Rank { rank: 9 })));
        let shape = Shape::new(&[1 << 31, 1 << 31]).unwrap();
        assert!(matches!(shape.bytes(DType::F32), Err(TensorError::TooLarge { .. })));
    }
}
