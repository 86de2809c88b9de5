//! A picture that can be drawn on.

use crate::pixels::Pixels;

/// A colour: red, green, blue, 0 to 255.
pub type Rgb = [u8; 3];

/// RGB pixels that shapes are blended onto.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    #[cfg(test)]
    pub(crate) fn of(pixels: &Pixels) -> Self {
        let (width, height, _) = pixels.dims();
        Self { width, height, bytes: pixels.to_rgb().into_bytes() }
    }

    pub(crate) fn filled(width: usize, height: usize, colour: Rgb) -> Self {
        Self { width, height, bytes: colour.repeat(width * height) }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// Mix `colour` into a pixel. `opacity`: 0 to 1. Nothing happens outside the picture.
    pub(crate) fn blend(&mut self, x: i64, y: i64, colour: Rgb, opacity: f64) {
        if x < 0 || y < 0 || x >= self.width as i64 || y >= self.height as i64 {
            return;
        }
        let at = (y as usize * self.width + x as usize) * 3;
        for (byte, tone) in self.bytes[at..at + 3].iter_mut().zip(colour) {
            let mixed = f64::from(*byte) + (f64::from(tone) - f64::from(*byte)) * opacity.clamp(0.0, 1.0);
            *byte = mixed.round() as u8;
        }
    }

    /// Fill columns `left..left + width` and rows `top..top + height`.
    pub(crate) fn fill(
        &mut self,
        (left, top): (i64, i64),
        (width, height): (i64, i64),
        colour: Rgb,
        opacity: f64,
    ) {
        for y in top.max(0)..(top + height).min(self.height as i64) {
            for x in left.max(0)..(left + width).min(self.width as i64) {
                self.blend(x, y, colour, opacity);
            }
        }
    }

    /// Copy a picture, its upper left pixel to `(left, top)`.
    pub(crate) fn place(&mut self, pixels: &Pixels, left: i64, top: i64) {
        let (width, _, _) = pixels.dims();
        for (at, rgb) in pixels.to_rgb().bytes().chunks_exact(3).enumerate() {
            let (x, y) = ((at % width) as i64, (at / width) as i64);
            self.blend(left + x, top + y, [rgb[0], rgb[1], rgb[2]], 1.0);
        }
    }

    pub(crate) fn into_pixels(self) -> Pixels {
        Pixels::made(self.width, self.height, 3, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_stays_within_the_picture() {
        let mut canvas = Canvas::filled(3, 2, [0, 0, 0]);
        canvas.fill((-5, 1), (7, 9), [200, 100, 0], 0.5);
        canvas.blend(9, 9, [1, 1, 1], 1.0);
        let black_row = [0; 9];
        let mixed = [100, 50, 0, 100, 50, 0, 0, 0, 0];
        assert_eq!(canvas.into_pixels().bytes(), [black_row, mixed].concat());
    }
}
