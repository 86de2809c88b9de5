//! One window to a thread.

use super::{Pool2d, Pool2dKind};
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct Pool2dParams {
        elements: u32,
        rows: u32,
        columns: u32,
        out_rows: u32,
        out_columns: u32,
        kernel_rows: u32,
        kernel_columns: u32,
        stride_rows: u32,
        stride_columns: u32,
        top: u32,
        left: u32,
    }
}

pub(super) fn run(op: &Pool2d, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new().flag("MEAN", op.kind == Pool2dKind::Average);
    let kernel = simple::kernel(call, "pool2d", source, include_str!("pool2d.wgsl"))?;
    let bindings = vec![Binding::new(1, "x", Resource::Input(0)), Binding::new(2, "y", Resource::Output)];
    let op = op.clone();
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (elements, dims) = (shapes.output.iter().product(), shapes.inputs[0]);
        count(dims.iter().product())?;
        let params = Pool2dParams {
            first_group: 0,
            elements: count(elements)?,
            rows: count(dims[2])?,
            columns: count(dims[3])?,
            out_rows: count(shapes.output[2])?,
            out_columns: count(shapes.output[3])?,
            kernel_rows: op.kernel[0],
            kernel_columns: op.kernel[1],
            stride_rows: op.stride[0],
            stride_columns: op.stride[1],
            top: op.padding.top,
            left: op.padding.left,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(Pool2dParams::MEMBERS)])
}
