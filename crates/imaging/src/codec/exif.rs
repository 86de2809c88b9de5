//! EXIF orientation: what it says, and turning a picture upright by it.

use image::metadata::Orientation as Applied;

use crate::pixels::Pixels;

/// How the stored picture has to be turned to stand upright: the values 1 to 8 of the EXIF tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Orientation {
    /// 1: it is upright.
    Upright,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3: upside down.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored along the diagonal from the top left.
    Transpose,
    /// 6: to be turned by 90 degrees clockwise.
    Rotate90,
    /// 7: mirrored along the other diagonal.
    Transverse,
    /// 8: to be turned by 90 degrees anticlockwise.
    Rotate270,
}

impl Orientation {
    /// Of the EXIF block of a file (without the `Exif` header of JPEG). `None`: it has none out of 1 to 8, or
    /// cannot be read; Pillow takes such a picture as it is stored, too.
    pub(crate) fn of(exif: &[u8]) -> Option<Self> {
        Some(match Applied::from_exif_chunk(exif)? {
            Applied::NoTransforms => Self::Upright,
            Applied::FlipHorizontal => Self::FlipHorizontal,
            Applied::Rotate180 => Self::Rotate180,
            Applied::FlipVertical => Self::FlipVertical,
            Applied::Rotate90FlipH => Self::Transpose,
            Applied::Rotate90 => Self::Rotate90,
            Applied::Rotate270FlipH => Self::Transverse,
            Applied::Rotate270 => Self::Rotate270,
        })
    }

    /// The upright picture.
    pub(crate) fn apply(self, pixels: Pixels) -> Pixels {
        if self == Self::Upright {
            return pixels;
        }
        let (width, height, channels) = pixels.dims();
        let swaps = matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270);
        let (new_width, new_height) = if swaps { (height, width) } else { (width, height) };
        let mut bytes = Vec::with_capacity(pixels.bytes().len());
        for y in 0..new_height {
            for x in 0..new_width {
                let (right, below) = (new_width - 1 - x, new_height - 1 - y);
                let (from_x, from_y) = match self {
                    Self::Upright => (x, y),
                    Self::FlipHorizontal => (right, y),
                    Self::Rotate180 => (right, below),
                    Self::FlipVertical => (x, below),
                    Self::Transpose => (y, x),
                    Self::Rotate90 => (y, right),
                    Self::Transverse => (below, right),
                    Self::Rotate270 => (below, x),
                };
                bytes.extend_from_slice(&pixels.row(from_y)[from_x * channels..(from_x + 1) * channels]);
            }
        }
        Pixels::made(new_width, new_height, channels, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF header with one entry: tag 0x0112, type SHORT, count 1.
    fn exif(value: u8) -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        block.extend([value, 0, 0, 0, 0, 0, 0, 0]);
        block
    }

    #[test]
    fn each_value_turns_the_picture_as_pillow_does() {
        // a b c
        // d e f
        let picture = Pixels::new(3, 2, 1, b"abcdef".to_vec()).unwrap();
        let cases: [(u8, u32, &[u8]); 8] = [
            (1, 3, b"abcdef"),
            (2, 3, b"cbafed"),
            (3, 3, b"fedcba"),
            (4, 3, b"defabc"),
            (5, 2, b"adbecf"),
            (6, 2, b"daebfc"),
            (7, 2, b"fcebda"),
            (8, 2, b"cfbead"),
        ];
        for (value, width, expected) in cases {
            let turned = Orientation::of(&exif(value)).unwrap().apply(picture.clone());
            assert_eq!((turned.width(), turned.bytes()), (width, expected), "{value}");
        }
        for value in [0, 9] {
            assert_eq!(Orientation::of(&exif(value)), None);
        }
        assert_eq!(Orientation::of(b""), None);
        assert_eq!(Orientation::of(b"II*\0\xff\xff\xff\xff"), None);
    }
}
