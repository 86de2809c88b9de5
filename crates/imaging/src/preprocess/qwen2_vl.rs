//! Qwen2-VL: any aspect ratio in whole groups of patches, and the order its tower reads them in.
//!
//! Source: transformers `image_processing_qwen2_vl.py`.

use super::GridPatches;
use super::normalize::Table;
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// No picture is more than this many times as long as wide.
const MAX_ASPECT: u64 = 200;

/// (height, width) in multiples of `factor`, near the picture's own size, with `min_pixels` to `max_pixels`
/// pixels as far as whole multiples allow. Computed in f64; ties round to even.
/// Errors: `Geometry` above an aspect ratio of 200.
pub(crate) fn smart_resize(
    width: u64,
    height: u64,
    factor: u64,
    min_pixels: u64,
    max_pixels: u64,
) -> Result<(u64, u64), ImagingError> {
    if width.max(height) > MAX_ASPECT * width.min(height) {
        return Err(ImagingError::Geometry {
            operation: "resize",
            width: width as u32,
            height: height as u32,
            expected: "an aspect ratio of at most 200",
            got: format!("{:.1}", width.max(height) as f64 / width.min(height) as f64),
        });
    }
    let (w, h, f) = (width as f64, height as f64, factor as f64);
    let near = |side: f64| (side / f).round_ties_even() as u64 * factor;
    let pixels = near(h) * near(w);
    Ok(if pixels > max_pixels {
        let shrink = ((height * width) as f64 / max_pixels as f64).sqrt();
        let side = |side: f64| ((side / shrink / f).floor() as u64 * factor).max(factor);
        (side(h), side(w))
    } else if pixels < min_pixels {
        let grow = (min_pixels as f64 / (height * width) as f64).sqrt();
        let side = |side: f64| (side * grow / f).ceil() as u64 * factor;
        (side(h), side(w))
    } else {
        (near(h), near(w))
    })
}

/// `pixels`: RGB, in whole groups of `merge` x `merge` patches. Rows of the result: group by group, within
/// each patch by patch; columns: (channel, repeat in time, row, column).
/// Errors: `Geometry` if the picture is not made of whole groups.
pub(crate) fn patches(
    pixels: &Pixels,
    table: &Table,
    patch: u32,
    merge: u32,
    temporal: u32,
) -> Result<GridPatches, ImagingError> {
    let (patch, merge, temporal) = (patch as usize, merge as usize, temporal as usize);
    let (width, height, _) = pixels.dims();
    let group = patch * merge;
    if width % group != 0 || height % group != 0 {
        return Err(ImagingError::Geometry {
            operation: "cut into patches",
            width: pixels.width(),
            height: pixels.height(),
            expected: "whole groups of patches",
            got: format!("groups of {group} x {group} pixels"),
        });
    }
    let planes = table.planes(pixels);
    let (rows, cols) = (height / patch, width / patch);
    let mut values = Vec::with_capacity(planes.values.len() * temporal);
    for number in 0..rows * cols {
        let (within, group) = (number % (merge * merge), number / (merge * merge));
        let top = (group / (cols / merge) * merge + within / merge) * patch;
        let left = (group % (cols / merge) * merge + within % merge) * patch;
        for plane in planes.values.chunks_exact(width * height) {
            for y in (0..temporal).flat_map(|_| top..top + patch) {
                values.extend_from_slice(&plane[y * width + left..][..patch]);
            }
        }
    }
    Ok(GridPatches { dims: [rows * cols, 3 * temporal * patch * patch], values, grid: [1, rows, cols] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_source() {
        let Some(path) = bedside_tests::golden("preprocess/size_tables.json") else { return };
        let table: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let rows = table["smart_resize"].as_array().unwrap();
        for row in rows {
            let number = |name: &str| row[name].as_u64().unwrap();
            let (min, max) = (number("min_pixels"), number("max_pixels"));
            let got = smart_resize(number("w"), number("h"), number("factor"), min, max).ok();
            let expected =
                row["out"].as_array().map(|out| (out[0].as_u64().unwrap(), out[1].as_u64().unwrap()));
            assert_eq!(got, expected, "{row}");
        }
        assert_eq!(rows.len(), 213);
        assert!(smart_resize(201, 1, 28, 3136, 12845056).is_err());
        assert!(smart_resize(200, 1, 28, 3136, 12845056).is_ok());
    }

    #[test]
    fn patches_come_group_by_group() {
        let pixels = Pixels::new(4, 2, 3, (0..24).collect()).unwrap();
        let cut = patches(&pixels, &Table::new(None, None), 1, 2, 2).unwrap();
        assert_eq!((cut.dims, cut.grid), ([8, 6], [1, 2, 4]));
        let reds: Vec<f32> = cut.values.iter().step_by(6).copied().collect();
        assert_eq!(reds, [0.0, 3.0, 12.0, 15.0, 6.0, 9.0, 18.0, 21.0]);
        assert_eq!(cut.values[..6], [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        assert!(patches(&pixels, &Table::new(None, None), 1, 3, 2).is_err());
    }
}
