//! Gemma 3: the whole picture, and with pan and scan also crops of one that is far from square.
//!
//! Source: transformers `image_processing_gemma3.py`, `pan_and_scan`.

use super::normalize::Table;
use super::{ImageCrops, PixelTensor};
use crate::error::ImagingError;
use crate::pixels::Pixels;
use crate::resize::{Filter, resize};

/// When and how finely a picture is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanAndScan {
    pub(crate) min_crop_size: u32,
    pub(crate) max_num_crops: u32,
    pub(crate) min_ratio_to_activate: f64,
}

/// Left, top, width and height of each crop of a picture, left to right and top to bottom; none where it is
/// too square or the crops would be too small. The last crop may be cut short by the edge.
pub(crate) fn crops(width: u32, height: u32, rules: PanAndScan) -> Vec<[u32; 4]> {
    let landscape = width >= height;
    let (long, short) = if landscape { (width, height) } else { (height, width) };
    let ratio = f64::from(long) / f64::from(short);
    if ratio < rules.min_ratio_to_activate {
        return Vec::new();
    }
    // Half is rounded up. A ratio is at most that of the largest side to 1.
    let wanted = (ratio + 0.5).floor() as u32;
    let count = wanted.min(long / rules.min_crop_size).max(2).min(rules.max_num_crops);
    let length = long.div_ceil(count);
    if length.min(short) < rules.min_crop_size {
        return Vec::new();
    }
    let crop = |i: u32| {
        let start = (length * i).min(long);
        let length = length.min(long - start);
        if landscape { [start, 0, length, height] } else { [0, start, width, length] }
    };
    (0..count).map(crop).collect()
}

/// `pixels`: RGB. The whole picture first, then its crops, each squashed to `height` × `width`.
/// Errors: `ZeroSize` for a crop that the edge leaves nothing of.
pub(crate) fn pictures(
    pixels: &Pixels,
    table: &Table,
    [height, width]: [u32; 2],
    rules: PanAndScan,
    filter: Filter,
) -> Result<ImageCrops, ImagingError> {
    let cuts = crops(pixels.width(), pixels.height(), rules);
    let mut values = planes(&resize(pixels, width, height, filter)?, table);
    for cut in &cuts {
        values.extend(planes(&resize(&part(pixels, *cut)?, width, height, filter)?, table));
    }
    Ok(ImageCrops { dims: [cuts.len() + 1, 3, height as usize, width as usize], values })
}

fn planes(pixels: &Pixels, table: &Table) -> Vec<f32> {
    let PixelTensor { values, .. } = table.planes(pixels);
    values
}

fn part(pixels: &Pixels, [left, top, width, height]: [u32; 4]) -> Result<Pixels, ImagingError> {
    let (left, width) = (left as usize * 3, width as usize * 3);
    let rows = (top..top + height).flat_map(|y| &pixels.row(y as usize)[left..left + width]);
    Pixels::new(width as u32 / 3, height, 3, rows.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PanAndScan = PanAndScan { min_crop_size: 40, max_num_crops: 4, min_ratio_to_activate: 1.2 };

    /// Worked by hand from the source's formulas.
    #[test]
    fn crops_follow_the_aspect() {
        struct Case {
            size: (u32, u32),
            crops: Vec<[u32; 4]>,
        }
        let cases = [
            // 1.19: too square.
            Case { size: (119, 100), crops: vec![] },
            // 1.33 rounds to 1, and at least 2 are made.
            Case { size: (640, 480), crops: vec![[0, 0, 320, 480], [320, 0, 320, 480]] },
            // The second crop is one column shorter.
            Case { size: (301, 150), crops: vec![[0, 0, 151, 150], [151, 0, 150, 150]] },
            Case {
                size: (50, 500),
                crops: vec![[0, 0, 50, 125], [0, 125, 50, 125], [0, 250, 50, 125], [0, 375, 50, 125]],
            },
            // Crops of 35 would be too small.
            Case { size: (70, 41), crops: vec![] },
            Case { size: (1, 1), crops: vec![] },
        ];
        for Case { size: (width, height), crops: expected } in cases {
            assert_eq!(crops(width, height, RULES), expected, "{width} x {height}");
        }
        // A crop that the edge leaves nothing of: 5 columns in 4 crops of 2.
        let rules = PanAndScan { min_crop_size: 1, max_num_crops: 4, min_ratio_to_activate: 1.0 };
        assert_eq!(crops(5, 1, rules)[3], [5, 0, 0, 1]);
    }
}
