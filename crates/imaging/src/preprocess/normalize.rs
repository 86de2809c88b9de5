//! From 8-bit values to f32: rescale and normalise, in the order and precision of the slow processors.

use super::{Normalize, PixelTensor};
use crate::pixels::Pixels;

/// One f32 for each 8-bit value and channel: there are no more inputs than that.
/// Rescaling multiplies in f64 and rounds to f32 once; mean and standard deviation are rounded to f32, and
/// subtracted and divided by in f32.
/// Source: transformers `image_transforms.rescale`, `normalize`. torchvision's `ToTensor` divides by 255 in
/// f32 instead; for 8-bit values that is the same number as multiplying by 1/255 in f64 and rounding.
pub(crate) struct Table {
    channels: Box<[[f32; 256]; 3]>,
}

impl Table {
    pub(crate) fn new(rescale: Option<f64>, normalize: Option<Normalize>) -> Self {
        let mut channels = Box::new([[0.0; 256]; 3]);
        for (channel, values) in channels.iter_mut().enumerate() {
            for (byte, value) in values.iter_mut().enumerate() {
                *value = (byte as f64 * rescale.unwrap_or(1.0)) as f32;
                if let Some(Normalize { mean, std }) = normalize {
                    *value = (*value - mean[channel] as f32) / std[channel] as f32;
                }
            }
        }
        Self { channels }
    }

    /// `pixels`: RGB (height, width, 3). Result: (3, height, width).
    pub(crate) fn planes(&self, pixels: &Pixels) -> PixelTensor {
        let (width, height, _) = pixels.dims();
        let mut values = Vec::with_capacity(3 * width * height);
        for (channel, table) in self.channels.iter().enumerate() {
            let bytes = pixels.bytes().iter().skip(channel).step_by(3);
            values.extend(bytes.map(|&byte| table[usize::from(byte)]));
        }
        PixelTensor { dims: [3, height, width], values }
    }

    /// `bytes`: interleaved RGB; the values stay interleaved and go to the end of `values`.
    pub(crate) fn interleaved(&self, bytes: &[u8], values: &mut Vec<f32>) {
        let [red, green, blue] = &*self.channels;
        for pixel in bytes.chunks_exact(3) {
            values.extend([
                red[usize::from(pixel[0])],
                green[usize::from(pixel[1])],
                blue[usize::from(pixel[2])],
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_factor_serves_both_libraries() {
        let table = Table::new(Some(1.0 / 255.0), None);
        for byte in 0..=255_u8 {
            assert_eq!(table.channels[1][usize::from(byte)], f32::from(byte) / 255.0, "{byte}");
        }
    }

    #[test]
    fn steps_that_are_not_described_are_not_done() {
        assert_eq!(Table::new(None, None).channels[2][200], 200.0);
        let normalize = Normalize { mean: [100.0, 0.0, 50.0], std: [2.0, 1.0, 50.0] };
        let table = Table::new(None, Some(normalize));
        let picture = Pixels::new(1, 2, 3, vec![110, 7, 100, 90, 8, 0]).unwrap();
        let tensor = table.planes(&picture);
        assert_eq!((tensor.dims, tensor.values), ([3, 2, 1], vec![5.0, -5.0, 7.0, 8.0, 1.0, -1.0]));
    }
}
