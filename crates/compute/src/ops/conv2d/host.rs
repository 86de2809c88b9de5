//! Convolution as a matrix product by burn: weight (out, channels × kernel) times the image's windows laid
//! out as (channels × kernel, positions), some rows of the result at a time.

use burn::tensor::{Device, Tensor};

use super::Conv2d;
use crate::host::call::{Call, Data};
use crate::host::matmul::{matrix, product};

/// Elements of laid-out windows at a time (8 MiB).
const TILE_ELEMENTS: usize = 1 << 21;

pub(super) fn run(op: &Conv2d, call: &mut Call<'_>) {
    let (x, dims) = (call.numbers(0), call.inputs[0].dims);
    let image = Image::of(op, dims, call.inputs[1].dims, call.dims);
    let bias = op.bias.then(|| call.numbers(2));
    let weight = weight(call);
    let groups = op.groups as usize;
    let (out, plane) = (call.dims[1] / groups, call.dims[2] * call.dims[3]);
    let tile_rows = (TILE_ELEMENTS / (image.taps() * image.out[1])).clamp(1, image.out[0]);
    for (part, target) in call.out.chunks_exact_mut(out * plane).enumerate() {
        let group = part % groups;
        let x = &x[part * image.elements()..][..image.elements()];
        let weight = weight.clone().narrow(0, group * out, out);
        for first in (0..image.out[0]).step_by(tile_rows) {
            let rows = tile_rows.min(image.out[0] - first);
            let windows = matrix(image.windows(x, first, rows), [image.taps(), rows * image.out[1]], &Device::flex());
            let y = product(weight.clone(), windows); // (out, positions of the tile)
            let start = first * image.out[1];
            for (c, y) in y.chunks_exact(rows * image.out[1]).enumerate() {
                let target = &mut target[c * plane + start..][..y.len()];
                let bias = bias.map_or(0.0, |bias| bias[group * out + c]);
                target.iter_mut().zip(y).for_each(|(to, y)| *to = y + bias);
                op.activation.apply_host(target);
            }
        }
    }
}

/// (out, channels / groups × kernel).
fn weight(call: &Call<'_>) -> Tensor<2> {
    match call.inputs[1].data {
        Data::Matrix(weight) => weight.clone(),
        _ => {
            let dims = call.inputs[1].dims;
            matrix(call.numbers(1).to_vec(), [dims[0], dims[1..].iter().product()], &Device::flex())
        }
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

    /// Windows of `rows` rows of the result from `first` on: (taps, rows × columns).
    fn windows(&self, x: &[f32], first: usize, rows: usize) -> Vec<f32> {
        let mut windows = vec![0.0; self.taps() * rows * self.out[1]];
        let per_channel = self.kernel[0] * self.kernel[1];
        for (tap, to) in windows.chunks_exact_mut(rows * self.out[1]).enumerate() {
            let (channel, tap) = (tap / per_channel, tap % per_channel);
            let (i, j) = (tap / self.kernel[1], tap % self.kernel[1]);
            let plane = &x[channel * self.size[0] * self.size[1]..][..self.size[0] * self.size[1]];
            for (r, to) in to.chunks_exact_mut(self.out[1]).enumerate() {
                // Rows in the padding wrap to a huge number and fail the comparison.
                let row = ((first + r) * self.stride[0] + i).wrapping_sub(self.before[0]);
                if row < self.size[0] {
                    self.row(&plane[row * self.size[1]..][..self.size[1]], j, to);
                }
            }
        }
        windows
    }

    /// Column j of the window at every position of one row.
    fn row(&self, x: &[f32], j: usize, to: &mut [f32]) {
        let (stride, left) = (self.stride[1], self.before[1]);
        let first = left.saturating_sub(j).div_ceil(stride);
        let end = (x.len() + left).saturating_sub(j).div_ceil(stride).min(to.len());
        if first < end {
            let from = x[first * stride + j - left..].iter().step_by(stride);
            to[first..end].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}
