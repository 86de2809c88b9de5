//! Which frames of a cine are looked at.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::error::ImagingError;
use crate::frame::Frame;
use crate::pixels::Pixels;

/// Side of the reduced picture on which sharpness is measured: speckle is averaged away, edges of structures stay.
const REDUCED_SIDE: usize = 128;

/// A policy. The same scan gives the same frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// All frames.
    All,
    /// Frames 0, n, 2n, …
    EveryNth(NonZeroU32),
    /// That many, spread evenly from the first to the last (of one: the middle one); all where there are fewer.
    Evenly(NonZeroU32),
    /// The sharpest, that many: largest variance of the Laplacian of the reduced grey picture, the earlier of equal
    /// ones. Every frame is decoded once; one is in memory at a time.
    Sharpest(NonZeroU32),
}

impl Sampling {
    /// Ascending indices below `frames`, which is at least 1.
    pub(super) fn choose(
        self,
        frames: u32,
        frame: impl Fn(u32) -> Result<Arc<Frame>, ImagingError>,
    ) -> Result<Vec<u32>, ImagingError> {
        Ok(match self {
            Self::All => (0..frames).collect(),
            Self::EveryNth(n) => (0..frames).step_by(n.get() as usize).collect(),
            Self::Evenly(count) => evenly(frames, count.get()),
            Self::Sharpest(count) if count.get() >= frames => (0..frames).collect(),
            Self::Sharpest(count) => {
                let mut measured = Vec::with_capacity(frames as usize);
                for index in 0..frames {
                    measured.push((sharpness(&frame(index)?.pixels), index));
                }
                measured.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                let mut chosen: Vec<u32> =
                    measured.iter().take(count.get() as usize).map(|(_, index)| *index).collect();
                chosen.sort_unstable();
                chosen
            }
        })
    }
}

fn evenly(frames: u32, count: u32) -> Vec<u32> {
    if count >= frames {
        return (0..frames).collect();
    }
    if count == 1 {
        return vec![(frames - 1) / 2];
    }
    let (last, gaps) = (u64::from(frames - 1), u64::from(count - 1));
    // Rounded to the nearest; it stays below `frames`.
    (0..=gaps).map(|place| ((place * last * 2 + gaps) / (gaps * 2)) as u32).collect()
}

/// Variance of the 4-neighbour Laplacian of the grey picture, reduced by whole blocks to at most [`REDUCED_SIDE`]
/// in its longer direction. 0 where nothing is left inside.
fn sharpness(pixels: &Pixels) -> f64 {
    let (width, height, channels) = pixels.dims();
    let block = width.max(height).div_ceil(REDUCED_SIDE);
    let (columns, rows) = (width / block, height / block);
    if columns < 3 || rows < 3 {
        return 0.0;
    }
    let mut reduced = vec![0_u64; columns * rows];
    for y in 0..rows * block {
        let row = &pixels.row(y)[..columns * block * channels];
        for (x, samples) in row.chunks_exact(block * channels).enumerate() {
            let sum: u32 = samples.iter().map(|sample| u32::from(*sample)).sum();
            reduced[y / block * columns + x] += u64::from(sum);
        }
    }
    let scale = 1.0 / (block * block * channels) as f64;
    let grey = |x: usize, y: usize| reduced[y * columns + x] as f64 * scale;
    let (mut sum, mut squares) = (0.0, 0.0);
    for y in 1..rows - 1 {
        for x in 1..columns - 1 {
            let around = grey(x - 1, y) + grey(x + 1, y) + grey(x, y - 1) + grey(x, y + 1);
            let laplacian = around - 4.0 * grey(x, y);
            sum += laplacian;
            squares += laplacian * laplacian;
        }
    }
    let count = ((rows - 2) * (columns - 2)) as f64;
    squares / count - (sum / count).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(index: u32) -> Result<Arc<Frame>, ImagingError> {
        // A ramp with a line, the clearer the nearer the index is to 3.
        let line = 250 - 40 * index.abs_diff(3) as u8;
        let pixel = |place: u32| if place % 300 == 150 { line } else { (place % 300 / 4) as u8 };
        let bytes = (0..300 * 260).map(pixel).collect();
        Ok(Arc::new(Frame::new(Pixels::new(300, 260, 1, bytes)?, index)))
    }

    #[test]
    fn policies_choose_in_order() {
        let n = |n| NonZeroU32::new(n).unwrap();
        struct Case {
            sampling: Sampling,
            frames: u32,
            chosen: &'static [u32],
        }
        let cases = [
            Case { sampling: Sampling::All, frames: 3, chosen: &[0, 1, 2] },
            Case { sampling: Sampling::EveryNth(n(3)), frames: 8, chosen: &[0, 3, 6] },
            Case { sampling: Sampling::EveryNth(n(u32::MAX)), frames: 8, chosen: &[0] },
            Case { sampling: Sampling::Evenly(n(1)), frames: 8, chosen: &[3] },
            Case { sampling: Sampling::Evenly(n(3)), frames: 8, chosen: &[0, 4, 7] },
            Case { sampling: Sampling::Evenly(n(9)), frames: 8, chosen: &[0, 1, 2, 3, 4, 5, 6, 7] },
            Case { sampling: Sampling::Sharpest(n(2)), frames: 7, chosen: &[2, 3] },
            Case { sampling: Sampling::Sharpest(n(9)), frames: 2, chosen: &[0, 1] },
        ];
        for Case { sampling, frames, chosen } in cases {
            assert_eq!(sampling.choose(frames, frame).unwrap(), chosen, "{sampling:?}");
        }
        assert_eq!(evenly(65536, 65535).len(), 65535);
    }

    #[test]
    fn a_flat_or_tiny_picture_is_not_sharp() {
        let flat = Pixels::new(300, 200, 3, vec![7; 180_000]).unwrap();
        assert_eq!(sharpness(&flat), 0.0);
        assert_eq!(sharpness(&Pixels::new(2, 2, 1, vec![0, 255, 255, 0]).unwrap()), 0.0);
    }
}
