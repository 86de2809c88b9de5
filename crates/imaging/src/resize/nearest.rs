//! Nearest neighbour, with Pillow's positions.

use crate::pixels::Pixels;

/// `width`, `height`: at least 1.
/// Source: Pillow `Geometry.c`, `ImagingScaleAffine`.
pub(crate) fn resize(pixels: &Pixels, width: usize, height: usize) -> Pixels {
    let (in_width, in_height, channels) = pixels.dims();
    let columns = positions(in_width, width);
    let mut bytes = vec![0; width * height * channels];
    for (y, out) in positions(in_height, height).into_iter().zip(bytes.chunks_exact_mut(width * channels)) {
        if channels == 1 {
            pick::<1>(pixels.row(y), &columns, out);
        } else {
            pick::<3>(pixels.row(y), &columns, out);
        }
    }
    Pixels::made(width, height, channels, bytes)
}

fn pick<const CHANNELS: usize>(row: &[u8], columns: &[usize], out: &mut [u8]) {
    let (row, _) = row.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for (out, &x) in out.iter_mut().zip(columns) {
        *out = row[x];
    }
}

/// The input position of each output position. The step is added again and again, as Pillow does, so its
/// rounding errors add up: multiplying gives other positions.
fn positions(in_size: usize, out_size: usize) -> Vec<usize> {
    let step = in_size as f64 / out_size as f64;
    let mut at = step * 0.5;
    let mut positions = Vec::with_capacity(out_size);
    for _ in 0..out_size {
        positions.push((at as usize).min(in_size - 1));
        at += step;
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_lie_in_the_middle() {
        assert_eq!(positions(4, 2), [1, 3]);
        assert_eq!(positions(2, 4), [0, 0, 1, 1]);
        assert_eq!(positions(5, 1), [2]);
    }
}
