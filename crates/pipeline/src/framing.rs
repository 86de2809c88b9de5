//! From a masked frame to the picture that the model is given.

use bedside_imaging::{ImagingError, Mask, Pixels};

use crate::protocol::FrameCrop;

/// A picture cut out of a frame: its upper left corner lies at `origin` (column, row) of the frame, also outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Framed {
    pub(crate) pixels: Pixels,
    pub(crate) origin: [i64; 2],
}

/// Cut `masked` (black outside of `mask`) as the protocol says; the square may be wider by `border_percent` of its
/// side on each side. Errors: those of a picture that grows too large.
pub(crate) fn frame(
    masked: &Pixels,
    mask: &Mask,
    crop: FrameCrop,
    border_percent: u32,
) -> Result<Framed, ImagingError> {
    let (width, height) = (i64::from(masked.width()), i64::from(masked.height()));
    let [left, top, columns, rows] = match (crop, mask.bounds()) {
        (FrameCrop::SectorSquare, Some((left, top, right, bottom))) => {
            let [left, top, right, bottom] = [left, top, right, bottom].map(i64::from);
            let side = (right - left).max(bottom - top);
            [left - (side - (right - left)) / 2, top - (side - (bottom - top)) / 2, side, side]
        }
        _ => [0, 0, width, height],
    };
    let border = |side: i64| side * i64::from(border_percent) / 100;
    let (across, down) = (border(columns), border(rows));
    let (left, top) = (left - across, top - down);
    let (columns, rows) = (columns + 2 * across, rows + 2 * down);
    Ok(Framed { pixels: cut(masked, [left, top], [columns, rows])?, origin: [left, top] })
}

/// Columns and rows from `origin` on; black where the picture ends.
fn cut(pixels: &Pixels, [left, top]: [i64; 2], [columns, rows]: [i64; 2]) -> Result<Pixels, ImagingError> {
    let channels = i64::from(pixels.channels());
    let (width, height) = (i64::from(pixels.width()), i64::from(pixels.height()));
    let mut bytes = vec![0; (columns * rows * channels) as usize];
    let (from, to) = (left.max(0), (left + columns).min(width));
    for row in top.max(0)..(top + rows).min(height) {
        if from >= to {
            break;
        }
        let source = ((row * width + from) * channels) as usize;
        let length = ((to - from) * channels) as usize;
        let target = (((row - top) * columns + from - left) * channels) as usize;
        bytes[target..target + length].copy_from_slice(&pixels.bytes()[source..source + length]);
    }
    // Both fit: the sides of a picture, and of one that is at most twice as wide, are far below 2³².
    Pixels::new(columns as u32, rows as u32, pixels.channels(), bytes)
}

/// Every value times `percent` / 100, rounded down, at most 255: black stays black.
pub(crate) fn brightened(pixels: &Pixels, percent: u32) -> Result<Pixels, ImagingError> {
    let value = |v: &u8| (u32::from(*v) * percent / 100).min(255) as u8;
    let bytes = pixels.bytes().iter().map(value).collect();
    Pixels::new(pixels.width(), pixels.height(), pixels.channels(), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_is_centred_on_the_scan_and_black_beyond_the_frame() {
        let pixels = Pixels::new(6, 3, 1, (1..=18).collect()).unwrap();
        let whole = frame(&pixels, &Mask::all(6, 3), FrameCrop::Whole, 0).unwrap();
        assert_eq!((whole.pixels, whole.origin), (pixels.clone(), [0, 0]));
        // Columns 1 to 4, row 1: a square of 4 that begins a row above the picture.
        let mask = Mask::by(6, 3, |x, y| (1..5).contains(&x) && y == 1);
        let square = frame(&pixels, &mask, FrameCrop::SectorSquare, 0).unwrap();
        assert_eq!(square.origin, [1, 0]);
        let expected = [2, 3, 4, 5, 8, 9, 10, 11, 14, 15, 16, 17, 0, 0, 0, 0];
        assert_eq!(square.pixels.bytes(), expected);
        let wider = frame(&pixels, &mask, FrameCrop::SectorSquare, 50).unwrap();
        assert_eq!((wider.origin, wider.pixels.width(), wider.pixels.height()), ([-1, -2], 8, 8));
        assert_eq!(&wider.pixels.bytes()[16..24], [0, 1, 2, 3, 4, 5, 6, 0]);
        let nothing = frame(&pixels, &Mask::none(6, 3), FrameCrop::SectorSquare, 0).unwrap();
        assert_eq!(nothing.origin, [0, 0]);
    }

    #[test]
    fn brightness_keeps_black_and_ends_at_white() {
        let pixels = Pixels::new(3, 1, 1, vec![0, 100, 250]).unwrap();
        assert_eq!(brightened(&pixels, 150).unwrap().bytes(), [0, 150, 255]);
        assert_eq!(brightened(&pixels, 50).unwrap().bytes(), [0, 50, 125]);
    }
}
