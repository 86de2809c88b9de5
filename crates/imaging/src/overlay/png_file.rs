//! PNG files of our own pictures.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::error::ImagingError;
use crate::excerpt::excerpt;
use crate::pixels::Pixels;

/// A PNG file of a picture, 8 bits, grey or RGB, without text or time chunks. The same picture gives the same
/// bytes.
/// Errors: `Encode` with the encoder's words.
pub fn encode_png(pixels: &Pixels) -> Result<Vec<u8>, ImagingError> {
    let colour = if pixels.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive);
    let written = encoder.write_image(pixels.bytes(), pixels.width(), pixels.height(), colour);
    written.map_err(|error| ImagingError::Encode { format: "PNG", problem: excerpt(error) })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_survive_the_file() {
        for channels in [1, 3] {
            let bytes = (0..35 * u32::from(channels)).map(|at| (at * 7 % 256) as u8).collect();
            let pixels = Pixels::new(7, 5, channels, bytes).unwrap();
            let file = encode_png(&pixels).unwrap();
            assert_eq!(crate::codec::decode(&file).unwrap().pixels, pixels);
        }
    }
}
