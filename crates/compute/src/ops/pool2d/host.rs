//! Row after row of each plane, window by window.

use super::{Pool2d, Pool2dKind};
use crate::host::call::Call;
use crate::host::rows::each_row;

pub(super) fn run(op: &Pool2d, call: &mut Call<'_>) {
    let (x, dims) = (call.numbers(0), call.inputs[0].dims);
    let (rows, columns) = (dims[2], dims[3]);
    let (out_rows, out_columns) = (call.dims[2], call.dims[3]);
    let [kernel_rows, kernel_columns] = op.kernel.map(|k| k as usize);
    let [stride_rows, stride_columns] = op.stride.map(|s| s as usize);
    let (top, left) = (op.padding.top as usize, op.padding.left as usize);
    each_row(call.out, out_columns, |i, out| {
        let plane = &x[i / out_rows * rows * columns..][..rows * columns];
        let row = i % out_rows * stride_rows;
        let inside = (row.max(top) - top)..(row + kernel_rows).saturating_sub(top).min(rows);
        for (j, out) in out.iter_mut().enumerate() {
            let column = j * stride_columns;
            let across = (column.max(left) - left)..(column + kernel_columns).saturating_sub(left).min(columns);
            let (mut sum, mut largest) = (0.0f32, f32::NEG_INFINITY);
            for row in inside.clone().filter(|_| across.start < across.end) {
                for &v in &plane[row * columns..][across.clone()] {
                    (sum, largest) = (sum + v, largest.max(v));
                }
            }
            *out = match op.kind {
                Pool2dKind::Max => largest,
                Pool2dKind::Average => sum / (kernel_rows * kernel_columns) as f32,
            };
        }
    });
}
