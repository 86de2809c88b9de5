//! One element to a thread.

use super::BatchNorm;
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct BatchNormParams {
        elements: u32,
        channels: u32,
        inner: u32,
        eps: f32,
    }
}

pub(super) fn run(op: &BatchNorm, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let kernel = simple::kernel(call, "batch_norm", Source::new(), include_str!("batch_norm.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "operand", Resource::Input(0)),
        Binding::new(2, "weight", Resource::Input(1)),
        Binding::new(3, "bias", Resource::Input(2)),
        Binding::new(4, "mean", Resource::Input(3)),
        Binding::new(5, "variance", Resource::Input(4)),
        Binding::new(6, "result", Resource::Output),
    ];
    let eps = op.eps;
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let elements = shapes.output.iter().product();
        let params = BatchNormParams {
            first_group: 0,
            elements: count(elements)?,
            channels: count(shapes.output[1])?,
            inner: count(shapes.output[2..].iter().product())?,
            eps,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(BatchNormParams::MEMBERS)])
}
