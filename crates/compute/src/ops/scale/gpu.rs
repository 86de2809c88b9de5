//! One element to a thread.

use super::Scale;
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct ScaleParams {
        elements: u32,
        factor: f32,
    }
}

pub(super) fn run(op: &Scale, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let kernel = simple::kernel(call, "scale", Source::new(), include_str!("scale.wgsl"))?;
    let bindings = vec![Binding::new(1, "operand", Resource::Input(0)), Binding::new(2, "result", Resource::Output)];
    let factor = op.factor;
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let elements = shapes.output.iter().product();
        let params = ScaleParams { first_group: 0, elements: count(elements)?, factor };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(ScaleParams::MEMBERS)])
}
