//! Brightness of a picture's pixels.

use crate::pixels::Pixels;

/// Luma of each pixel, 0 to 255, `(height, width)`: grey as it is, RGB weighted 299 : 587 : 114.
/// Source: ITU-R BT.601, as in Pillow's `convert("L")` but truncated.
pub(crate) fn luma(pixels: &Pixels) -> Vec<u8> {
    if pixels.channels() == 1 {
        return pixels.bytes().to_vec();
    }
    let tone =
        |rgb: &[u8]| (299 * u32::from(rgb[0]) + 587 * u32::from(rgb[1]) + 114 * u32::from(rgb[2])) / 1000;
    pixels.bytes().chunks_exact(3).map(|rgb| tone(rgb) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_and_colours_are_weighted() {
        let rgb = Pixels::new(4, 1, 3, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]).unwrap();
        assert_eq!(luma(&rgb), [76, 149, 29, 255]);
        let grey = Pixels::new(2, 1, 1, vec![3, 250]).unwrap();
        assert_eq!(luma(&grey), [3, 250]);
    }
}
