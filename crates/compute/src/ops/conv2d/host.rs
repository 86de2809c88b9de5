//! Convolution as matrix products: rows of the weight times the image's windows, laid out as tiles of
//! (channels × kernel, 32 positions), which give 32 positions of every output channel.

use super::Conv2d;
use crate::host::call::Call;
use crate::host::vector::{Loop, vectorized};
use crate::ops::linear::host::columns::{self, Work};
use crate::ops::linear::host::tile::{DEPTH, Rows, WIDTH, Wide, multiply};
use crate::ops::{Activation, Tier};

pub(super) fn run(op: &Conv2d, call: &mut Call<'_>) {
    let (x, weight) = (call.numbers(0), call.numbers(1));
    let image = Image::of(op, call.inputs[0].dims, call.inputs[1].dims, call.dims);
    let bias = op.bias.then(|| call.numbers(2));
    let groups = op.groups as usize;
    let (out, plane, taps) = (call.dims[1] / groups, call.dims[2] * call.dims[3], image.taps());
    let work = Work { width: plane, unit: WIDTH, multiplications: out.saturating_mul(plane * taps) };
    for (part, target) in call.out.chunks_exact_mut(out * plane).enumerate() {
        let group = part % groups;
        let x = &x[part * image.elements()..][..image.elements()];
        let weight = &weight[group * out * taps..][..out * taps];
        let bias = bias.map(|bias| &bias[group * out..][..out]);
        columns::for_each(work, target, call.pool, |part| {
            let mut sums = vec![[0.0; WIDTH]; out];
            let mut windows = vec![[0.0; WIDTH]; taps.min(DEPTH)];
            for unit in 0..part.units {
                let start = unit * WIDTH;
                sums.fill([0.0; WIDTH]);
                for first in (0..taps).step_by(DEPTH) {
                    let windows = &mut windows[..DEPTH.min(taps - first)];
                    image.windows(x, first, (part.first + unit) * WIDTH, windows);
                    let rows = Rows { numbers: &weight[first..], stride: taps, turned: false };
                    multiply(Tier::best(), rows, windows, &mut sums);
                }
                vectorized(Finish { activation: op.activation, bias, sums: &mut sums });
                for (sums, row) in sums.iter().zip(&mut part.rows) {
                    let end = row.len().min(start + WIDTH);
                    row[start..end].copy_from_slice(&sums[..end - start]);
                }
            }
        });
    }
}

/// Bias and activation, one row per channel.
struct Finish<'a> {
    activation: Activation,
    bias: Option<&'a [f32]>,
    sums: &'a mut [Wide],
}

impl Loop for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if let Some(bias) = self.bias {
            for (sums, bias) in self.sums.iter_mut().zip(bias) {
                sums.iter_mut().for_each(|sum| *sum += bias);
            }
        }
        self.activation.apply_inline(self.sums.as_flattened_mut());
    }
}

/// One group of one image, and how windows slide over it.
struct Image {
    channels: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    out: [usize; 2],
}

impl Image {
    fn of(op: &Conv2d, x: &[usize], weight: &[usize], out: &[usize]) -> Self {
        Self {
            channels: weight[1],
            size: [x[2], x[3]],
            kernel: [weight[2], weight[3]],
            stride: op.stride.map(|s| s as usize),
            before: [op.padding.top as usize, op.padding.left as usize],
            out: [out[2], out[3]],
        }
    }

    fn elements(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }

    fn taps(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Taps from `first` on, as many as `windows` holds, at 32 positions from `position` on. Padding is 0, and
    /// so are lanes past the last position.
    fn windows(&self, x: &[f32], first: usize, position: usize, windows: &mut [Wide]) {
        windows.fill([0.0; WIDTH]);
        let per_channel = self.kernel[0] * self.kernel[1];
        let end = (position + WIDTH).min(self.out[0] * self.out[1]);
        let mut at = position;
        while at < end {
            let (r, c) = (at / self.out[1], at % self.out[1]);
            let lanes = at - position..end.min(at - c + self.out[1]) - position;
            for (tap, windows) in (first..).zip(windows.iter_mut()) {
                let (channel, tap) = (tap / per_channel, tap % per_channel);
                let (i, j) = (tap / self.kernel[1], tap % self.kernel[1]);
                // Rows in the padding wrap to a huge number and fail the comparison.
                let row = (r * self.stride[0] + i).wrapping_sub(self.before[0]);
                if row < self.size[0] {
                    let row = &x[(channel * self.size[0] + row) * self.size[1]..][..self.size[1]];
                    self.row(row, c, j, &mut windows[lanes.clone()]);
                }
            }
            at = position + lanes.end;
        }
    }

    /// Column j of the window at positions from `first` on of one row; what is in the padding stays.
    #[inline]
    fn row(&self, x: &[f32], first: usize, j: usize, to: &mut [f32]) {
        let (stride, left) = (self.stride[1], self.before[1]);
        let start = left.saturating_sub(j).div_ceil(stride).max(first) - first;
        let end = (x.len() + left).saturating_sub(j).div_ceil(stride).saturating_sub(first).min(to.len());
        if start >= end {
            return;
        }
        let (from, to) = (&x[(first + start) * stride + j - left..], &mut to[start..end]);
        if stride == 1 {
            return to.copy_from_slice(&from[..to.len()]);
        }
        to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from);
    }
}
