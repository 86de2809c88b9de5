//! Plane by plane; each tap runs along whole rows of the result.

use super::DepthwiseConv2d;
use crate::host::call::Call;
use crate::host::rows::each_row;

pub(super) fn run(op: &DepthwiseConv2d, call: &mut Call<'_>) {
    let (x, dims) = (call.numbers(0), call.inputs[0].dims);
    let (taps, kernel) = (call.numbers(1), &call.inputs[1].dims[2..]);
    let bias = op.bias.then(|| call.numbers(2));
    let (channels, rows, columns) = (dims[1], dims[2], dims[3]);
    let [stride_rows, stride_columns] = op.stride.map(|s| s as usize);
    let (top, left) = (op.padding.top as usize, op.padding.left as usize);
    let (out_rows, out_columns) = (call.dims[2], call.dims[3]);
    each_row(call.out, out_columns, |i, out| {
        let (plane, row) = (i / out_rows, i % out_rows * stride_rows);
        let channel = plane % channels;
        let taps = &taps[channel * kernel[0] * kernel[1]..][..kernel[0] * kernel[1]];
        out.fill(bias.map_or(0.0, |bias| bias[channel]));
        for (k, taps) in taps.chunks_exact(kernel[1]).enumerate() {
            // Rows in the padding wrap to a huge number and fail the comparison.
            let row = (row + k).wrapping_sub(top);
            if row < rows {
                let x = &x[(plane * rows + row) * columns..][..columns];
                taps.iter().enumerate().for_each(|(j, &tap)| add_tap(out, x, tap, j, left, stride_columns));
            }
        }
        op.activation.apply_host(out);
    });
}

/// `out[c] += tap · x[c · stride + j - left]`, where that lies in the row.
fn add_tap(out: &mut [f32], x: &[f32], tap: f32, j: usize, left: usize, stride: usize) {
    let first = left.saturating_sub(j).div_ceil(stride);
    let end = (x.len() + left).saturating_sub(j).div_ceil(stride).min(out.len());
    if first >= end {
        return;
    }
    let x = &x[first * stride + j - left..];
    let out = &mut out[first..end];
    if stride == 1 {
        out.iter_mut().zip(x).for_each(|(out, x)| *out += tap * x);
    } else {
        out.iter_mut().zip(x.iter().step_by(stride)).for_each(|(out, x)| *out += tap * x);
    }
}
