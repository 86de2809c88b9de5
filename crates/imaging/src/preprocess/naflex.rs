//! SigLIP 2 NaFlex: as many whole patches as the model takes, in the picture's own aspect ratio.

use super::NaflexPatches;
use super::normalize::Table;
use crate::error::ImagingError;
use crate::pixels::Pixels;

/// The search stops when the scale is known to this.
const PRECISION: f64 = 1e-5;
/// No picture is enlarged further.
const MAX_SCALE: f64 = 100.0;

/// (height, width) in whole patches, at most `max_num_patches` of them: the largest scale that bisection
/// finds. At least one patch in each direction, so a very long picture loses its aspect ratio.
/// Source: transformers `image_processing_siglip2.get_image_size_for_max_num_patches`.
pub(crate) fn size(width: u64, height: u64, patch_size: u64, max_num_patches: u64) -> (u64, u64) {
    let scaled = |scale: f64, side: u64| {
        // The same f64 operations as the source: a side of 2^14 times 100 stays far below 2^53.
        let patches = (side as f64 * scale / patch_size as f64).ceil() as u64;
        patches.max(1) * patch_size
    };
    let (mut low, mut high) = (PRECISION / 10.0, MAX_SCALE);
    while high - low >= PRECISION {
        let scale = (low + high) / 2.0;
        let patches = (scaled(scale, height) / patch_size) * (scaled(scale, width) / patch_size);
        if patches <= max_num_patches {
            low = scale;
        } else {
            high = scale;
        }
    }
    (scaled(low, height), scaled(low, width))
}

/// `pixels`: RGB. Whole patches from the top left; what is left at the right and below is not used (nothing,
/// where the rule `naflex` made the size).
/// Errors: `Geometry` if there is no whole patch, or more than `max_num_patches`.
/// Source: transformers `image_processing_siglip2.convert_image_to_patches`, `pad_along_first_dim`.
pub(crate) fn patches(
    pixels: &Pixels,
    table: &Table,
    patch_size: u32,
    max_num_patches: u32,
) -> Result<NaflexPatches, ImagingError> {
    let (width, height, _) = pixels.dims();
    let (side, capacity) = (patch_size as usize, max_num_patches as usize);
    let (rows, cols) = (height / side, width / side);
    if rows == 0 || cols == 0 || rows * cols > capacity {
        return Err(ImagingError::Geometry {
            operation: "cut into patches",
            width: pixels.width(),
            height: pixels.height(),
            expected: "at least one patch and at most max_num_patches",
            got: format!("{rows} x {cols} patches, max_num_patches {capacity}"),
        });
    }
    let length = side * side * 3;
    let mut values = Vec::with_capacity(capacity * length);
    for patch in 0..rows * cols {
        let (top, left) = (patch / cols * side, patch % cols * side);
        for y in top..top + side {
            table.interleaved(&pixels.row(y)[left * 3..(left + side) * 3], &mut values);
        }
    }
    values.resize(capacity * length, 0.0);
    let mask = (0..capacity).map(|patch| patch < rows * cols).collect();
    Ok(NaflexPatches { dims: [capacity, length], values, mask, rows, cols })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_patches_within_the_number() {
        for (width, height) in [(640, 480), (480, 640), (1, 1), (5000, 3), (224, 224), (16384, 2048)] {
            let (rows, cols) = size(width, height, 16, 256);
            assert_eq!((rows % 16, cols % 16), (0, 0));
            let patches = (rows / 16) * (cols / 16);
            assert!((1..=256).contains(&patches), "{width} x {height} gives {patches}");
        }
        assert_eq!(size(640, 480, 16, 256), (224, 288));
    }

    #[test]
    fn patches_are_row_by_row_and_interleaved_and_padding_is_masked() {
        // 3 x 2 pixels of patch side 1: values 0 to 17 in reading order.
        let pixels = Pixels::new(3, 2, 3, (0..18).collect()).unwrap();
        let table = Table::new(None, None);
        let cut = patches(&pixels, &table, 1, 8).unwrap();
        assert_eq!((cut.dims, cut.rows, cut.cols), ([8, 3], 2, 3));
        let counted: Vec<f32> = (0..24_u8).map(|i| if i < 18 { f32::from(i) } else { 0.0 }).collect();
        assert_eq!(cut.values, counted);
        assert_eq!(cut.mask, [true, true, true, true, true, true, false, false]);
        let wide = Pixels::new(4, 2, 3, (0..24).collect()).unwrap();
        let second = &patches(&wide, &table, 2, 2).unwrap().values[12..];
        assert_eq!(second, [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0]);
        assert!(matches!(patches(&wide, &table, 3, 2), Err(ImagingError::Geometry { .. })));
        assert!(matches!(patches(&wide, &table, 1, 7), Err(ImagingError::Geometry { .. })));
    }
}
