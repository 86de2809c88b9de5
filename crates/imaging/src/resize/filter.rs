//! TABLE: Pillow's resampling filters.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The filters of Pillow, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The pixel at the place; never averages.
    Nearest,
    /// Mean over the area.
    Box,
    /// Linear in both directions.
    Bilinear,
    /// A windowed sinc as narrow as `Bilinear`.
    Hamming,
    /// Cubic convolution with a = -0.5.
    Bicubic,
    /// A sinc windowed by a sinc, 3 lobes.
    Lanczos,
}

/// A filter as a function of the distance in (scaled) pixels, zero outside of `-support..support`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    pub(crate) support: f64,
    pub(crate) weight: fn(f64) -> f64,
}

impl Filter {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Nearest, Self::Box, Self::Bilinear, Self::Hamming, Self::Bicubic, Self::Lanczos];

    /// The filter of Pillow's number, which Hugging Face configurations write as `resample`.
    pub fn from_pillow(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }

    /// Name, as it is serialised.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Box => "box",
            Self::Bilinear => "bilinear",
            Self::Hamming => "hamming",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
        }
    }

    /// `None` for `Nearest`, which weighs nothing.
    pub(crate) fn kernel(self) -> Option<Kernel> {
        let (support, weight): (f64, fn(f64) -> f64) = match self {
            Self::Nearest => return None,
            Self::Box => (0.5, cuboid),
            Self::Bilinear => (1.0, |x| (1.0 - x.abs()).max(0.0)),
            Self::Hamming => (1.0, hamming),
            Self::Bicubic => (2.0, bicubic),
            Self::Lanczos => (3.0, lanczos),
        };
        Some(Kernel { support, weight })
    }
}

fn cuboid(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

fn hamming(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { sinc(x) * (0.54 + 0.46 * (x * PI).cos()) }
}

fn bicubic(x: f64) -> f64 {
    let (x, a) = (x.abs(), -0.5);
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_serialised() {
        for filter in Filter::ALL {
            assert_eq!(serde_json::to_string(&filter).unwrap(), format!("\"{}\"", filter.name()));
        }
        let numbers: Vec<_> = (-1..7).map(Filter::from_pillow).collect();
        assert_eq!(numbers[4], Some(Filter::Bicubic));
        assert_eq!((numbers[0], numbers[7]), (None, None));
    }

    #[test]
    fn weights_are_one_in_the_middle_and_zero_outside() {
        for kernel in Filter::ALL.into_iter().filter_map(Filter::kernel) {
            assert_eq!((kernel.weight)(0.0), 1.0);
            assert_eq!((kernel.weight)(kernel.support + 0.01), 0.0);
            assert_eq!((kernel.weight)(-kernel.support - 0.01), 0.0);
        }
    }
}
