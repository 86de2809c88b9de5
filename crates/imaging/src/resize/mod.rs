//! Pillow's `Image.resize`, byte for byte.

mod coefficients;
mod filter;
mod horizontal;
mod nearest;
mod vertical;

use crate::error::ImagingError;
use crate::limits::{MAX_MODEL_PIXELS, MAX_SIDE};
use crate::pixels::Pixels;
use coefficients::Coefficients;

pub use filter::Filter;

/// Resize to `width` x `height`, 8 bits in and out, grey or RGB. Shrinking is antialiased: the filter's
/// support grows with the scale. First horizontally, rounded to 8 bits, then vertically; a direction that
/// keeps its size is not filtered. Weights are 22-bit fixed point. Equals `Image.resize((width, height),
/// filter)` without `box` and `reducing_gap` in every byte.
/// Errors: `ZeroSize` if a side is 0; `Limit` above [`MAX_SIDE`] or [`MAX_MODEL_PIXELS`].
/// Source: Pillow, `src/libImaging/Resample.c`; for `Nearest` `Geometry.c`.
pub fn resize(pixels: &Pixels, width: u32, height: u32, filter: Filter) -> Result<Pixels, ImagingError> {
    if width == 0 || height == 0 {
        return Err(ImagingError::ZeroSize { what: "resize", width: width.into(), height: height.into() });
    }
    ImagingError::hold("columns after resizing", width.into(), MAX_SIDE)?;
    ImagingError::hold("rows after resizing", height.into(), MAX_SIDE)?;
    ImagingError::hold("pixels after resizing", u64::from(width) * u64::from(height), MAX_MODEL_PIXELS)?;
    if (width, height) == (pixels.width(), pixels.height()) {
        return Ok(pixels.clone());
    }
    let (out_width, out_height) = (width as usize, height as usize);
    let Some(kernel) = filter.kernel() else { return Ok(nearest::resize(pixels, out_width, out_height)) };
    let (in_width, in_height, _) = pixels.dims();
    let rows = Coefficients::new(in_height, out_height, kernel);
    let columns = Coefficients::new(in_width, out_width, kernel);
    // The horizontal pass can make more of the picture than either end has: 16384 x 16384 from a tall one.
    ImagingError::hold("pixels between the passes", (out_width * in_height) as u64, 2 * MAX_MODEL_PIXELS)?;
    let across = if in_width == out_width {
        None
    } else {
        let needed = if in_height == out_height { 0..in_height } else { rows.needed() };
        Some(horizontal::pass(pixels, &columns, needed))
    };
    Ok(match (across, in_height == out_height) {
        (Some((across, _)), true) => across,
        (Some((across, first_row)), false) => vertical::pass(&across, &rows, first_row),
        (None, _) => vertical::pass(pixels, &rows, 0),
    })
}

#[cfg(test)]
mod tests;
