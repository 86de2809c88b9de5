//! Crop at the centre, and what a picture smaller than the crop gets.

use super::{Crop, CropRule};
use crate::error::ImagingError;
use crate::limits::MAX_MODEL_SIDE;
use crate::pixels::Pixels;

/// `pixels`: RGB. Result: exactly `crop.height` x `crop.width`.
/// Errors: `Limit` above [`MAX_MODEL_SIDE`].
pub(crate) fn centre(pixels: &Pixels, crop: Crop) -> Result<Pixels, ImagingError> {
    ImagingError::hold("crop_size height", crop.height.into(), MAX_MODEL_SIDE)?;
    ImagingError::hold("crop_size width", crop.width.into(), MAX_MODEL_SIDE)?;
    let (width, height, _) = pixels.dims();
    let (new_width, new_height) = (crop.width as usize, crop.height as usize);
    let (columns, rows) = match crop.rule {
        CropRule::HuggingFace => (floor_window(width, new_width), floor_window(height, new_height)),
        CropRule::Torchvision { .. } => (even_window(width, new_width), even_window(height, new_height)),
    };
    let fill = match crop.rule {
        CropRule::HuggingFace => 0,
        CropRule::Torchvision { fill } => fill,
    };
    let mut bytes = vec![fill; new_width * new_height * 3];
    for y in 0..rows.length {
        let from = &pixels.row(rows.from + y)[columns.from * 3..][..columns.length * 3];
        let start = ((rows.to + y) * new_width + columns.to) * 3;
        bytes[start..start + from.len()].copy_from_slice(from);
    }
    Ok(Pixels::made(new_width, new_height, 3, bytes))
}

/// In one direction: `length` pixels from `from` in the picture go to `to` in the crop.
#[derive(Debug, PartialEq)]
struct Window {
    from: usize,
    to: usize,
    length: usize,
}

/// Hugging Face: the margin before is `floor((size - crop) / 2)`. Where the crop is larger that is minus the
/// padding before, so the odd pixel of padding goes before the picture.
fn floor_window(size: usize, crop: usize) -> Window {
    if crop <= size {
        Window { from: (size - crop) / 2, to: 0, length: crop }
    } else {
        Window { from: 0, to: (crop - size).div_ceil(2), length: size }
    }
}

/// torchvision: the margin before is half of it, ties to even; the odd pixel of padding goes after.
fn even_window(size: usize, crop: usize) -> Window {
    if crop <= size {
        let margin = size - crop;
        // margin / 2 rounded to nearest: an odd margin is a tie, and goes to the even neighbour.
        let from = if margin % 4 == 3 { margin / 2 + 1 } else { margin / 2 };
        Window { from, to: 0, length: crop }
    } else {
        Window { from: 0, to: (crop - size) / 2, length: size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_rounded_as_the_libraries_do() {
        struct Case {
            size: usize,
            crop: usize,
            floor: (usize, usize),
            even: (usize, usize),
        }
        let cases = [
            Case { size: 10, crop: 10, floor: (0, 0), even: (0, 0) },
            Case { size: 11, crop: 10, floor: (0, 0), even: (0, 0) },
            Case { size: 13, crop: 10, floor: (1, 0), even: (2, 0) },
            Case { size: 14, crop: 10, floor: (2, 0), even: (2, 0) },
            Case { size: 15, crop: 10, floor: (2, 0), even: (2, 0) },
            Case { size: 17, crop: 10, floor: (3, 0), even: (4, 0) },
            Case { size: 9, crop: 10, floor: (0, 1), even: (0, 0) },
            Case { size: 7, crop: 10, floor: (0, 2), even: (0, 1) },
            Case { size: 6, crop: 10, floor: (0, 2), even: (0, 2) },
        ];
        for Case { size, crop, floor, even } in cases {
            let length = size.min(crop);
            let window = |(from, to)| Window { from, to, length };
            assert_eq!(floor_window(size, crop), window(floor), "{size} to {crop}");
            assert_eq!(even_window(size, crop), window(even), "{size} to {crop}");
            // As the libraries' own code has it.
            let half = (size as f64 - crop as f64) / 2.0;
            if crop <= size {
                assert_eq!(even_window(size, crop).from, half.round_ties_even() as usize);
            }
            assert_eq!(floor.0 as f64 - floor.1 as f64, half.floor());
        }
    }

    #[test]
    fn rows_and_columns_crop_and_pad_each_for_itself() {
        let picture = Pixels::new(3, 1, 3, vec![1, 1, 1, 2, 2, 2, 3, 3, 3]).unwrap();
        let crop = |rule| Crop { height: 2, width: 1, rule };
        let centred = centre(&picture, crop(CropRule::HuggingFace)).unwrap();
        assert_eq!(centred.bytes(), [0, 0, 0, 2, 2, 2]);
        let centred = centre(&picture, crop(CropRule::Torchvision { fill: 9 })).unwrap();
        assert_eq!(centred.bytes(), [2, 2, 2, 9, 9, 9]);
    }
}
