//! Expand to a square (LLaVA).

use super::size::hold_model_size;
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// `pixels`: RGB. The longer side is kept, the shorter grows to it; `floor(difference / 2)` rows or columns
/// of `colour` go before the picture, the rest after it.
/// Errors: `Limit` where the square is too large.
/// Source: transformers `LlavaImageProcessor.pad_to_square`.
pub(crate) fn pad(pixels: &Pixels, colour: [u8; 3]) -> Result<Pixels, ImagingError> {
    let (width, height, _) = pixels.dims();
    if width == height {
        return Ok(pixels.clone());
    }
    let side = width.max(height);
    hold_model_size(side as u64, side as u64)?;
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    let mut bytes = colour.repeat(side * side);
    for y in 0..height {
        let start = ((top + y) * side + left) * 3;
        bytes[start..start + 3 * width].copy_from_slice(pixels.row(y));
    }
    Ok(Pixels::made(side, side, 3, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_row_goes_below_and_the_odd_column_to_the_right() {
        let [a, b, fill] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
        let wide = Pixels::new(2, 1, 3, [a, b].concat()).unwrap();
        assert_eq!(pad(&wide, fill).unwrap().bytes(), [a, b, fill, fill].concat());
        let tall = Pixels::new(1, 2, 3, [a, b].concat()).unwrap();
        assert_eq!(pad(&tall, fill).unwrap().bytes(), [a, fill, b, fill].concat());
        let flat = Pixels::new(4, 1, 3, [a, b, a, b].concat()).unwrap();
        assert_eq!(pad(&flat, fill).unwrap().bytes()[12..24], [a, b, a, b].concat());
        let one = Pixels::new(1, 1, 3, a.to_vec()).unwrap();
        assert_eq!(pad(&one, fill).unwrap(), one);
    }

    #[test]
    fn a_square_beyond_the_limit_is_refused() {
        let line = Pixels::new(16384, 1, 3, vec![0; 3 * 16384]).unwrap();
        assert!(matches!(pad(&line, [0; 3]), Err(ImagingError::Limit { got: 268435456, .. })));
    }
}
