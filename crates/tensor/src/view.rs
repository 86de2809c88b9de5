//! A tensor on the host: dtype, shape and borrowed bytes that are known to fit each other.

use crate::{DType, Shape, TensorError};

/// Borrowed tensor, row-major, with exactly the bytes that shape and dtype ask for.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    dtype: DType,
    shape: Shape,
    bytes: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// `dims`: outermost first. Errors: a shape that does not fit the dtype or the bytes.
    pub fn new(dtype: DType, dims: &[u64], bytes: &'a [u8]) -> Result<Self, TensorError> {
        let shape = Shape::new(dims)?;
        let (expected, got) = (shape.bytes(dtype)?, bytes.len() as u64);
        if expected != got {
            return Err(TensorError::Bytes { dtype: dtype.name(), expected, got });
        }
        Ok(Self { dtype, shape, bytes })
    }

    /// Tensor type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Dimensions, outermost first.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Raw blocks, row after row.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Blocks of row `row`, counted over all outer dimensions. Errors: [`TensorError::Row`].
    pub fn row(&self, row: u64) -> Result<&'a [u8], TensorError> {
        let rows = self.shape.rows();
        if row >= rows {
            return Err(TensorError::Row { row, rows });
        }
        // No overflow and no truncation: rows × row_bytes is the length of a slice that exists.
        let row_bytes = self.bytes.len() / rows as usize;
        Ok(&self.bytes[row as usize * row_bytes..][..row_bytes])
    }

    /// All elements as f32, row-major. Errors: [`TensorError::NoCodec`].
    pub fn to_f32(&self) -> Result<Vec<f32>, TensorError> {
        self.dtype.codec()?; // before the memory for the result is asked for
        // Fits: block formats hold at most 8 elements a byte, and the bytes are in memory.
        let mut out = vec![0.0; self.shape.elements() as usize];
        self.dtype.dequantize(self.bytes, &mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_where_the_shape_says() {
        let bytes: Vec<u8> = (0..6 * 4).collect();
        let view = TensorView::new(DType::F32, &[3, 2], &bytes).unwrap();
        assert_eq!(view.row(2).unwrap(), &bytes[16..24]);
        assert_eq!(view.row(3), Err(TensorError::Row { row: 3, rows: 3 }));
        assert!(matches!(TensorView::new(DType::F32, &[3, 3], &bytes), Err(TensorError::Bytes { .. })));
        let none = TensorView::new(DType::F32, &[0, 2], &[]).unwrap();
        assert_eq!(none.to_f32().unwrap(), Vec::<f32>::new());
        assert!(none.row(0).is_err());
    }
}
