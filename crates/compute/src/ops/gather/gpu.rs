//! One element to a thread; an index past the last row is refused.

use super::Gather;
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct GatherParams {
        elements: u32,
        inner: u32,
        rows: u32,
        per_batch: u32,
    }
}

pub(super) fn run(op: &Gather, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let kernel = simple::kernel(call, "gather", Source::new(), include_str!("gather.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "x", Resource::Input(0)),
        Binding::new(2, "indices", Resource::Input(1)),
        Binding::new(3, "y", Resource::Output),
        Binding::new(4, "status", Resource::Status),
    ];
    let axis = usize::from(op.batched);
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let elements = shapes.output.iter().product();
        count(shapes.inputs[0].iter().product())?;
        let params = GatherParams {
            first_group: 0,
            elements: count(elements)?,
            inner: count(shapes.output[axis + 1..].iter().product())?,
            rows: count(shapes.inputs[0][axis])?,
            per_batch: count(shapes.output[axis])?,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    let fault = move |number: u32, shapes: &crate::gpu::Shapes<'_>| {
        let rows = shapes.inputs[0][axis];
        Mismatch::new("index", format!("less than {rows}"), format!("more, at position {}", number - 1))
    };
    Ok(vec![dispatch.refusing(fault).twin(GatherParams::MEMBERS)])
}
