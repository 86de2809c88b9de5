//! Idefics3 and SmolVLM: a large picture as tiles of the vision tower's size, and an overview.
//!
//! All sizes are computed in f64 and truncated where the source does so, in its order.
//! Source: transformers `image_processing_smolvlm.py` (the same code as `image_processing_idefics3.py`).

use super::normalize::Table;
use super::size::hold_model_size;
use super::{ImageTiles, PixelTensor};
use crate::error::ImagingError;
use crate::pixels::Pixels;
use crate::resize::{Filter, resize};

/// The source's `MAX_IMAGE_SIZE`: no side is resized beyond it.
const MAX_SIDE: u64 = 4096;

/// (height, width) with the longer side at `edge`, also where that enlarges; the other is truncated and then
/// made even.
pub(crate) fn longest_edge(width: u64, height: u64, edge: u64) -> (u64, u64) {
    let aspect = width as f64 / height as f64;
    let (width, height) = if width >= height {
        let other = (edge as f64 / aspect) as u64;
        (edge, other + other % 2)
    } else {
        let other = (edge as f64 * aspect) as u64;
        (other + other % 2, edge)
    };
    let (width, height) = (width.max(1), height.max(1));
    let aspect = width as f64 / height as f64;
    let (width, height) = if width >= height && width > MAX_SIDE {
        (MAX_SIDE, (MAX_SIDE as f64 / aspect) as u64)
    } else if height > width && height > MAX_SIDE {
        ((MAX_SIDE as f64 * aspect) as u64, MAX_SIDE)
    } else {
        (width, height)
    };
    (height.max(1), width.max(1))
}

/// (height, width) in whole tiles: the longer side is rounded up, the other follows it and is rounded up.
pub(crate) fn whole_tiles(width: u64, height: u64, tile: u64) -> (u64, u64) {
    let aspect = width as f64 / height as f64;
    let up = |side: u64| side.div_ceil(tile) * tile;
    if width >= height {
        let width = up(width);
        (up((width as f64 / aspect) as u64), width)
    } else {
        let height = up(height);
        (height, up((height as f64 * aspect) as u64))
    }
}

/// `pixels`: RGB, resized to the longest edge already. Tiles row by row, then the overview; a picture of one
/// tile is the overview alone, and so is every picture if `split` is false: rows and columns are 0 then.
/// Errors: `Limit` where the tiles together are too many pixels.
pub(crate) fn tiles(
    pixels: &Pixels,
    table: &Table,
    tile: u32,
    split: bool,
    filter: Filter,
) -> Result<ImageTiles, ImagingError> {
    let (side, mut values) = (tile as usize, Vec::new());
    let (mut rows, mut cols) = (0, 0);
    let mut whole = None;
    if split {
        let (height, width) = whole_tiles(pixels.width().into(), pixels.height().into(), tile.into());
        hold_model_size(width, height)?;
        let fits = "held against the limit of a side";
        let (height, width) = (u32::try_from(height).expect(fits), u32::try_from(width).expect(fits));
        let refined = resize(pixels, width, height, filter)?;
        if height > tile || width > tile {
            (rows, cols) = ((height / tile) as usize, (width / tile) as usize);
            for number in 0..rows * cols {
                let cut = cut(&refined, number % cols * side, number / cols * side, side);
                values.extend(planes(&cut, table));
            }
        }
        whole = Some(refined);
    }
    let overview = resize(whole.as_ref().unwrap_or(pixels), tile, tile, filter)?;
    values.extend(planes(&overview, table));
    Ok(ImageTiles { dims: [rows * cols + 1, 3, side, side], values, rows, cols })
}

fn planes(pixels: &Pixels, table: &Table) -> Vec<f32> {
    let PixelTensor { values, .. } = table.planes(pixels);
    values
}

/// The square at (`left`, `top`), which lies within the picture.
fn cut(pixels: &Pixels, left: usize, top: usize, side: usize) -> Pixels {
    let rows = (top..top + side).flat_map(|y| &pixels.row(y)[left * 3..(left + side) * 3]);
    Pixels::made(side, side, 3, rows.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_come_row_by_row_and_the_overview_last() {
        let pixels = Pixels::new(4, 2, 3, (0..24).collect()).unwrap();
        let table = Table::new(None, None);
        let cut = tiles(&pixels, &table, 2, true, Filter::Nearest).unwrap();
        assert_eq!((cut.dims, cut.rows, cut.cols), ([3, 3, 2, 2], 1, 2));
        assert_eq!(cut.values[..4], [0.0, 3.0, 12.0, 15.0]);
        assert_eq!(cut.values[12..16], [6.0, 9.0, 18.0, 21.0]);
        assert_eq!(cut.values[24..28], [3.0, 9.0, 15.0, 21.0]);
        for (picture, split) in [(&pixels, false), (&Pixels::new(1, 2, 3, vec![5; 6]).unwrap(), true)] {
            let one = tiles(picture, &table, 2, split, Filter::Nearest).unwrap();
            assert_eq!((one.dims, one.rows, one.cols, one.values.len()), ([1, 3, 2, 2], 0, 0, 12));
        }
    }

    #[test]
    fn sizes_are_those_of_the_source() {
        let Some(path) = bedside_tests::golden("preprocess/size_tables.json") else { return };
        let table: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let rows = table["idefics3"].as_array().unwrap();
        for row in rows {
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            let pair = |name: &str| (number(&row[name][0]), number(&row[name][1]));
            let (height, width) =
                longest_edge(number(&row["w"]), number(&row["h"]), number(&row["longest_edge"]));
            assert_eq!((height, width), pair("resized"), "{row}");
            assert_eq!(whole_tiles(width, height, number(&row["tile"])), pair("refined"), "{row}");
        }
        assert_eq!(rows.len(), 213);
    }

    #[test]
    fn tiles_of_too_many_pixels_are_refused() {
        let line = Pixels::new(16384, 1, 3, vec![0; 3 * 16384]).unwrap();
        let error = tiles(&line, &Table::new(None, None), 8192, true, Filter::Box).unwrap_err();
        assert!(matches!(error, ImagingError::Limit { got: 134217728, .. }), "{error}");
    }
}
