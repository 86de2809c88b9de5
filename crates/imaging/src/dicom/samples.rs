//! Stored samples of one frame, whatever they were compressed with. Source: DICOM PS3.5 section 8.

use super::image_pixel::ImagePixel;
use crate::frame::PhotometricInterpretation;

/// Codes as stored: `(rows, columns, samples)`, interleaved, only the bits stored, not extended by a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) codes: Vec<u16>,
    /// YBR_FULL_422 became YBR_FULL.
    pub(crate) photometric: PhotometricInterpretation,
}

/// Uncompressed bytes of one frame, `frame_bytes` of them.
pub(crate) fn native(bytes: &[u8], image: &ImagePixel, big_endian: bool) -> Samples {
    let shift = image.high_bit + 1 - image.bits_stored;
    let mask = (1_u32 << image.bits_stored) - 1;
    let code = |word: u16| ((u32::from(word) >> shift) & mask) as u16;
    let codes: Vec<u16> = match image.bits_allocated {
        8 => bytes.iter().map(|byte| code((*byte).into())).collect(),
        _ => {
            let word = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
            bytes.as_chunks().0.iter().map(|bytes| code(word(*bytes))).collect()
        }
    };
    let photometric = image.photometric;
    if photometric == PhotometricInterpretation::YbrFull422 {
        return Samples { codes: widen_422(&codes), photometric: PhotometricInterpretation::YbrFull };
    }
    let codes = if image.planar { interleave(&codes, image.samples) } else { codes };
    Samples { codes, photometric }
}

/// Planes of bytes as RLE leaves them, high bytes before low ones.
pub(crate) fn rle(planes: &[u8], image: &ImagePixel) -> Samples {
    let pixels = image.pixels();
    let width = image.bits_allocated as usize / 8;
    let mut bytes = Vec::with_capacity(planes.len());
    for pixel in 0..pixels {
        for plane in 0..image.samples * width {
            bytes.push(planes[plane * pixels + pixel]);
        }
    }
    native(&bytes, &ImagePixel { planar: false, ..*image }, true)
}

/// Y1 Y2 CB CR: the colours hold for both pixels. Source: DICOM PS3.3 C.7.6.3.1.2 (YBR_FULL_422).
fn widen_422(codes: &[u16]) -> Vec<u16> {
    codes.as_chunks().0.iter().flat_map(|[y1, y2, cb, cr]| [*y1, *cb, *cr, *y2, *cb, *cr]).collect()
}

fn interleave(codes: &[u16], samples: usize) -> Vec<u16> {
    let pixels = codes.len() / samples;
    (0..codes.len()).map(|at| codes[at % samples * pixels + at / samples]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use PhotometricInterpretation as P;

    const GREY: ImagePixel = ImagePixel {
        columns: 2,
        rows: 1,
        samples: 1,
        photometric: P::Monochrome2,
        planar: false,
        bits_allocated: 8,
        bits_stored: 8,
        high_bit: 7,
        signed: false,
        frames: 1,
    };

    #[test]
    fn bits_planes_and_byte_orders_are_untangled() {
        let rgb = ImagePixel { samples: 3, photometric: P::Rgb, ..GREY };
        let twelve = ImagePixel { bits_allocated: 16, bits_stored: 12, high_bit: 11, ..GREY };
        struct Case {
            image: ImagePixel,
            big_endian: bool,
            bytes: &'static [u8],
            codes: &'static [u16],
        }
        let cases = [
            Case { image: GREY, big_endian: false, bytes: &[1, 255], codes: &[1, 255] },
            Case {
                image: ImagePixel { bits_stored: 4, ..GREY },
                big_endian: false,
                bytes: &[0x1F, 0xF2],
                codes: &[1, 15],
            },
            Case { image: twelve, big_endian: false, bytes: &[0x34, 0xF2, 1, 0], codes: &[0x234, 1] },
            Case { image: twelve, big_endian: true, bytes: &[0xF2, 0x34, 0, 1], codes: &[0x234, 1] },
            Case {
                image: ImagePixel { high_bit: 15, ..twelve },
                big_endian: false,
                bytes: &[0x34, 0x12, 0xF0, 0xFF],
                codes: &[0x123, 0xFFF],
            },
            Case { image: rgb, big_endian: false, bytes: &[1, 2, 3, 4, 5, 6], codes: &[1, 2, 3, 4, 5, 6] },
            Case {
                image: ImagePixel { planar: true, ..rgb },
                big_endian: false,
                bytes: &[1, 4, 2, 5, 3, 6],
                codes: &[1, 2, 3, 4, 5, 6],
            },
            Case {
                image: ImagePixel { photometric: P::YbrFull422, ..rgb },
                big_endian: false,
                bytes: &[1, 2, 3, 4],
                codes: &[1, 3, 4, 2, 3, 4],
            },
        ];
        for Case { image, big_endian, bytes, codes } in cases {
            assert_eq!(native(bytes, &image, big_endian).codes, codes, "{bytes:?}");
        }
        assert_eq!(rle(&[1, 4, 2, 5, 3, 6], &rgb).codes, [1, 2, 3, 4, 5, 6]);
        assert_eq!(rle(&[0xF2, 0, 0x34, 1], &twelve).codes, [0x234, 1]);
    }

    #[test]
    fn codes_have_a_sign_where_the_file_says_so() {
        let signed = ImagePixel { bits_stored: 4, signed: true, ..GREY };
        assert_eq!([0, 7, 8, 15].map(|code| signed.value(code)), [0, 7, -8, -1]);
        assert_eq!(GREY.value(255), 255);
    }
}
