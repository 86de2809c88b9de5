//! A picture in memory: 8-bit grey or RGB, rows from the top, channels interleaved.

use crate::error::ImagingError;
use crate::limits::{MAX_PIXELS, MAX_SIDE};

/// A picture: `(height, width, channels)` bytes, row-major, interleaved, 0 to 255.
/// 1 channel is grey (Pillow's mode `L`), 3 are RGB. It has at least one pixel and stays within
/// [`MAX_SIDE`] and [`MAX_PIXELS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    width: u32,
    height: u32,
    channels: u8,
    bytes: Vec<u8>,
}

impl Pixels {
    /// Take `bytes` as a picture of that size.
    /// Errors: `ZeroSize`, `Limit`, `Channels`, `PixelBytes` if the length does not fit.
    pub fn new(width: u32, height: u32, channels: u8, bytes: Vec<u8>) -> Result<Self, ImagingError> {
        check_size("pixels", u64::from(width), u64::from(height))?;
        if channels != 1 && channels != 3 {
            return Err(ImagingError::Channels { got: channels });
        }
        let expected = u64::from(width) * u64::from(height) * u64::from(channels);
        let got = bytes.len() as u64;
        if got != expected {
            return Err(ImagingError::PixelBytes { width, height, channels, expected, got });
        }
        Ok(Self { width, height, channels, bytes })
    }

    /// Result of an operation of this crate, whose size was checked before it ran. It may exceed the limits
    /// of a picture out of a file.
    pub(crate) fn made(width: usize, height: usize, channels: usize, bytes: Vec<u8>) -> Self {
        debug_assert_eq!(bytes.len(), width * height * channels);
        let side = |n: usize| u32::try_from(n).expect("sizes were held against a limit before");
        Self { width: side(width), height: side(height), channels: channels as u8, bytes }
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes per pixel: 1 or 3.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// All bytes: `(height, width, channels)`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// As RGB: grey values are replicated, as Pillow's `convert("RGB")` does.
    pub fn to_rgb(&self) -> Pixels {
        if self.channels == 3 {
            return self.clone();
        }
        let bytes = self.bytes.iter().flat_map(|&grey| [grey; 3]).collect();
        Self { width: self.width, height: self.height, channels: 3, bytes }
    }

    /// Columns, rows and channels as `usize`.
    pub(crate) fn dims(&self) -> (usize, usize, usize) {
        (self.width as usize, self.height as usize, usize::from(self.channels))
    }

    /// The bytes of one row.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        let stride = self.width as usize * usize::from(self.channels);
        &self.bytes[y * stride..(y + 1) * stride]
    }
}

/// Hold a picture's size against the limits, before anything is allocated for it.
pub(crate) fn check_size(what: &'static str, width: u64, height: u64) -> Result<(), ImagingError> {
    if width == 0 || height == 0 {
        return Err(ImagingError::ZeroSize { what, width, height });
    }
    ImagingError::hold("picture columns", width, MAX_SIDE)?;
    ImagingError::hold("picture rows", height, MAX_SIDE)?;
    ImagingError::hold("picture pixels", width * height, MAX_PIXELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        struct Case {
            size: (u32, u32, u8, usize),
            error: &'static str,
        }
        let cases = [
            Case { size: (0, 3, 1, 0), error: "pixels: expected at least one column and one row, got 0 x 3" },
            Case { size: (3, 0, 3, 0), error: "pixels: expected at least one column and one row, got 3 x 0" },
            Case { size: (2, 2, 2, 8), error: "pixels: expected 1 or 3 channels, got 2" },
            Case { size: (2, 2, 3, 11), error: "2 x 2 pixels of 3 channels: expected 12 bytes, got 11" },
            Case { size: (20000, 1, 1, 1), error: "picture columns: at most 16384 are supported, got 20000" },
            Case {
                size: (1, u32::MAX, 1, 1),
                error: "picture rows: at most 16384 are supported, got 4294967295",
            },
            Case {
                size: (16384, 16384, 1, 1),
                error: "picture pixels: at most 33554432 are supported, got 268435456",
            },
        ];
        for Case { size: (width, height, channels, length), error } in cases {
            let got = Pixels::new(width, height, channels, vec![0; length]).unwrap_err();
            assert_eq!(got.to_string(), error);
        }
    }

    #[test]
    fn grey_is_replicated() {
        let grey = Pixels::new(2, 1, 1, vec![7, 250]).unwrap();
        assert_eq!(grey.to_rgb().bytes(), [7, 7, 7, 250, 250, 250]);
        assert_eq!(grey.to_rgb().to_rgb(), grey.to_rgb());
        assert_eq!((grey.width(), grey.height(), grey.channels()), (2, 1, 1));
    }
}
