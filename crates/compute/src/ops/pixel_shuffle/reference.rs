//! Idefics3's own sequence of views and transpositions, written as loops over both intermediate layouts.
//! Source: transformers `Idefics3Connector.pixel_shuffle`: view (h, w/s, c·s), swap, view (w/s, h/s, c·s²), swap.

use crate::tensor::HostTensor;

/// x: (batch, rows × columns, channels). Result: (batch, rows × columns / s², channels × s²).
pub(super) fn idefics3(x: &HostTensor, rows: usize, columns: usize, s: usize) -> HostTensor {
    let (batch, channels) = (x.dims()[0], x.dims()[2]);
    let (down, across, wide) = (rows / s, columns / s, channels * s);
    let mut y = vec![0.0; x.len()];
    for b in 0..batch {
        let image = &x.f32s()[b * rows * columns * channels..][..rows * columns * channels];
        let mut swapped = vec![0.0; image.len()]; // (across, rows, channels × s)
        for r in 0..rows {
            for a in 0..across {
                for c in 0..wide {
                    swapped[(a * rows + r) * wide + c] = image[(r * across + a) * wide + c];
                }
            }
        }
        let wider = wide * s; // now (across, down, channels × s²)
        for a in 0..across {
            for d in 0..down {
                for c in 0..wider {
                    let to = ((b * down + d) * across + a) * wider + c;
                    y[to] = swapped[(a * down + d) * wider + c];
                }
            }
        }
    }
    HostTensor::filled(&[batch, down * across, channels * s * s], y)
}
