//! One element of the result to a thread.

use super::{Pool, PoolKind};
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct PoolParams {
        elements: u32,
        length: u32,
        inner: u32,
    }
}

pub(super) fn run(op: &Pool, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new().flag("MEAN", op.kind == PoolKind::Mean).flag("MASKED", op.masked);
    let kernel = simple::kernel(call, "pool", source, include_str!("pool.wgsl"))?;
    let mut bindings = vec![Binding::new(1, "x", Resource::Input(0)), Binding::new(2, "y", Resource::Output)];
    if op.masked {
        bindings.push(Binding::new(3, "seen", Resource::Input(1)));
    }
    let axis = op.axis;
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (elements, dims) = (shapes.output.iter().product(), shapes.inputs[0]);
        count(dims.iter().product())?;
        let params = PoolParams {
            first_group: 0,
            elements: count(elements)?,
            length: count(dims[axis])?,
            inner: count(dims[axis + 1..].iter().product())?,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(PoolParams::MEMBERS)])
}
