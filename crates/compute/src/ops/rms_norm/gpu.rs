//! One row to a workgroup, or to a thread.

use super::RmsNorm;
use crate::error::Mismatch;
use crate::gpu::rows::{self, rows_of};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params};

params! {
    /// Twin of the shader's struct.
    struct RmsNormParams {
        rows: u32,
        width: u32,
        eps: f32,
    }
}

pub(super) fn run(op: &RmsNorm, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new();
    let (kernel, per_group) = rows::kernel(call, "rms_norm", source, include_str!("rms_norm.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "operand", Resource::Input(0)),
        Binding::new(2, "result", Resource::Output),
        Binding::new(3, "weight", Resource::Input(1)),
    ];
    let eps = op.eps;
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (rows, width) = rows_of(shapes.output);
        count(rows * width)?;
        let params = RmsNormParams { first_group: 0, rows: count(rows)?, width: count(width)?, eps };
        Ok(Work::new(&params, (rows as u64).div_ceil(per_group)))
    });
    Ok(vec![dispatch.twin(RmsNormParams::MEMBERS)])
}
