//! One row to a workgroup, or to a thread.

use super::L2Normalize;
use crate::error::Mismatch;
use crate::gpu::rows::{self, rows_of};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params};

params! {
    /// Twin of the shader's struct.
    struct L2NormalizeParams {
        rows: u32,
        width: u32,
        eps: f32,
    }
}

pub(super) fn run(op: &L2Normalize, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new();
    let (kernel, per_group) = rows::kernel(call, "l2_normalize", source, include_str!("l2_normalize.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "operand", Resource::Input(0)),
        Binding::new(2, "result", Resource::Output),
    ];
    let eps = op.eps;
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (rows, width) = rows_of(shapes.output);
        count(rows * width)?;
        let params = L2NormalizeParams { first_group: 0, rows: count(rows)?, width: count(width)?, eps };
        Ok(Work::new(&params, (rows as u64).div_ceil(per_group)))
    });
    Ok(vec![dispatch.twin(L2NormalizeParams::MEMBERS)])
}
