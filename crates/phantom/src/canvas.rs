//! A grey picture to draw on: rectangles, lines of text, other pictures. What lies outside is not drawn.

use bedside_imaging::Pixels;

use crate::error::PhantomError;
use crate::font::{ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH, glyph};

/// Grey bytes, `(height, width)`.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Canvas {
    /// Errors: those of [`Pixels::new`] for the size, before anything is allocated.
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, PhantomError> {
        // An empty buffer of the wrong length tells a bad size from a good one.
        if let Err(error) = Pixels::new(width, height, 1, Vec::new())
            && !matches!(error, bedside_imaging::ImagingError::PixelBytes { .. })
        {
            return Err(error.into());
        }
        Ok(Self { width, height, bytes: vec![0; width as usize * height as usize] })
    }

    pub(crate) fn set(&mut self, x: u32, y: u32, grey: u8) {
        if x < self.width && y < self.height {
            self.bytes[y as usize * self.width as usize + x as usize] = grey;
        }
    }

    pub(crate) fn rectangle(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), grey: u8) {
        for row in y..y.saturating_add(height).min(self.height) {
            for column in x..x.saturating_add(width).min(self.width) {
                self.set(column, row, grey);
            }
        }
    }

    /// Text with its upper left corner at `(x, y)`, each dot `scale` pixels wide.
    pub(crate) fn text(&mut self, (x, y): (u32, u32), text: &str, scale: u32, grey: u8) {
        for (n, character) in text.chars().enumerate() {
            let left = x.saturating_add((n as u32).saturating_mul(ADVANCE * scale));
            for (row, dots) in (0..GLYPH_HEIGHT).zip(glyph(character)) {
                for column in (0..GLYPH_WIDTH).filter(|column| dots >> (GLYPH_WIDTH - 1 - column) & 1 == 1) {
                    let at = (left.saturating_add(column * scale), y.saturating_add(row * scale));
                    self.rectangle(at, (scale, scale), grey);
                }
            }
        }
    }

    /// A grey picture with its upper left corner at `(x, y)`.
    pub(crate) fn picture(&mut self, (x, y): (u32, u32), picture: &Pixels) {
        let width = picture.width() as usize;
        for (row, line) in (0..).zip(picture.bytes().chunks_exact(width)) {
            for (column, grey) in (0..).zip(line) {
                self.set(x.saturating_add(column), y.saturating_add(row), *grey);
            }
        }
    }

    pub(crate) fn into_pixels(self) -> Result<Pixels, PhantomError> {
        Ok(Pixels::new(self.width, self.height, 1, self.bytes)?)
    }
}
