//! One row to a workgroup, or to a thread.

use super::Softmax;
use crate::error::Mismatch;
use crate::gpu::source::MATH;
use crate::gpu::rows::{self, rows_of};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params};

params! {
    /// Twin of the shader's struct.
    struct SoftmaxParams {
        rows: u32,
        width: u32,
    }
}

pub(super) fn run(_: &Softmax, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new().include(MATH);
    let (kernel, per_group) = rows::kernel(call, "softmax", source, include_str!("softmax.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "operand", Resource::Input(0)),
        Binding::new(2, "result", Resource::Output),
    ];
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (rows, width) = rows_of(shapes.output);
        count(rows * width)?;
        let params = SoftmaxParams { first_group: 0, rows: count(rows)?, width: count(width)? };
        Ok(Work::new(&params, (rows as u64).div_ceil(per_group)))
    });
    Ok(vec![dispatch.twin(SoftmaxParams::MEMBERS)])
}
