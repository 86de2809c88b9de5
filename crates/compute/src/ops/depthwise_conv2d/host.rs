//! Plane by plane, a few rows of the result at a time: the rows of the image that they read are laid out with
//! their padding, so that every tap is one multiplication of whole lanes, whatever the stride.

use super::DepthwiseConv2d;
use crate::host::call::Call;
use crate::host::rows::each_row;
use crate::host::vector::{Loop, vectorized};
use crate::ops::Activation;

/// Rows of the result at a time: enough sums that do not wait for each other.
const ROWS: usize = 4;

pub(super) fn run(op: &DepthwiseConv2d, call: &mut Call<'_>) {
    let (x, taps) = (call.numbers(0), call.numbers(1));
    let bias = op.bias.then(|| call.numbers(2));
    let (channels, shape) = (call.dims[1], Shape::of(op, call));
    let (image, kernel) = (shape.size[0] * shape.size[1], shape.kernel[0] * shape.kernel[1]);
    each_row(call.out, shape.out[0] * shape.out[1], |plane, out| {
        let channel = plane % channels;
        vectorized(Plane {
            shape: &shape,
            x: &x[plane * image..][..image],
            taps: &taps[channel * kernel..][..kernel],
            bias: bias.map_or(0.0, |bias| bias[channel]),
            activation: op.activation,
            out,
        });
    });
}

/// Sizes of a plane, each rows and columns.
struct Shape {
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    out: [usize; 2],
}

impl Shape {
    fn of(op: &DepthwiseConv2d, call: &Call<'_>) -> Self {
        let last_two = |dims: &[usize]| [dims[2], dims[3]];
        Self {
            size: last_two(call.inputs[0].dims),
            kernel: last_two(call.inputs[1].dims),
            stride: op.stride.map(|s| s as usize),
            before: [op.padding.top as usize, op.padding.left as usize],
            out: last_two(call.dims),
        }
    }

    /// Rows of the image that `ROWS` rows of the result read.
    fn band_rows(&self) -> usize {
        (ROWS - 1) * self.stride[0] + self.kernel[0]
    }
}

/// One channel of one image.
struct Plane<'a> {
    shape: &'a Shape,
    x: &'a [f32],
    taps: &'a [f32],
    bias: f32,
    activation: Activation,
    out: &'a mut [f32],
}

impl Loop for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.shape.out[1] <= 8 { self.bands::<8>() } else { self.bands::<16>() }
    }
}

impl Plane<'_> {
    #[inline(always)]
    fn bands<const LANES: usize>(self) {
        let (shape, width) = (self.shape, self.shape.out[1]);
        // Columns of one phase: what the last lanes read, needed or not.
        let pitch = width.next_multiple_of(LANES) + (shape.kernel[1] - 1) / shape.stride[1];
        let mut band = vec![0.0; shape.band_rows() * shape.stride[1] * pitch];
        for (number, out) in self.out.chunks_mut(ROWS * width).enumerate() {
            lay_out(shape, self.x, number * ROWS * shape.stride[0], pitch, &mut band);
            for start in (0..width).step_by(LANES) {
                let sums = sums::<LANES>(shape, &band[start..], pitch, self.taps, self.bias);
                for (sums, row) in sums.iter().zip(out.chunks_exact_mut(width)) {
                    let row = &mut row[start..width.min(start + LANES)];
                    row.copy_from_slice(&sums[..row.len()]);
                }
            }
            self.activation.apply_inline(out);
        }
    }
}

/// The padded image from row `first` on. Columns are sorted by what is left when the stride divides them, one
/// phase behind the other, so that neighbours in the result read neighbours here.
#[inline(always)]
fn lay_out(shape: &Shape, x: &[f32], first: usize, pitch: usize, band: &mut [f32]) {
    let (columns, stride, left) = (shape.size[1], shape.stride[1], shape.before[1]);
    for (i, row) in band.chunks_exact_mut(stride * pitch).enumerate() {
        // Rows in the padding wrap to a huge number and fail the comparison.
        let at = (first + i).wrapping_sub(shape.before[0]);
        if at >= shape.size[0] {
            row.fill(0.0);
            continue;
        }
        let x = &x[at * columns..][..columns];
        for (phase, to) in row.chunks_exact_mut(pitch).enumerate() {
            // Columns outside the image are 0 from the beginning.
            let start = left.saturating_sub(phase).div_ceil(stride);
            let end = (columns + left).saturating_sub(phase).div_ceil(stride).min(pitch);
            if start >= end {
                continue;
            }
            let (from, to) = (&x[start * stride + phase - left..], &mut to[start..end]);
            if stride == 1 {
                to.copy_from_slice(&from[..to.len()]);
            } else {
                to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// `LANES` columns of `ROWS` rows of the result.
#[inline(always)]
fn sums<const LANES: usize>(
    shape: &Shape,
    band: &[f32],
    pitch: usize,
    taps: &[f32],
    bias: f32,
) -> [[f32; LANES]; ROWS] {
    let mut sums = [[bias; LANES]; ROWS];
    let row = shape.stride[1] * pitch;
    for (i, taps) in taps.chunks_exact(shape.kernel[1]).enumerate() {
        for (j, &tap) in taps.iter().enumerate() {
            let column = j % shape.stride[1] * pitch + j / shape.stride[1];
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = &band[(r * shape.stride[0] + i) * row + column..][..LANES];
                sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += tap * x);
            }
        }
    }
    sums
}
