//! One element to a thread.

use super::Activation;
use crate::error::Mismatch;
use crate::gpu::source::{ACTIVATION, MATH};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, activation_code, params, simple};

params! {
    /// Twin of the shader's struct.
    struct ActivationParams {
        elements: u32,
    }
}

pub(super) fn run(activation: Activation, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new()
        .constant("ACTIVATION", format!("{}u", activation_code(activation)))
        .include(MATH)
        .include(ACTIVATION);
    let kernel = simple::kernel(call, "activation", source, include_str!("activation.wgsl"))?;
    let bindings = vec![Binding::new(1, "operand", Resource::Input(0)), Binding::new(2, "result", Resource::Output)];
    let dispatch = Dispatch::new(kernel, bindings, |shapes| {
        let elements = shapes.output.iter().product();
        let params = ActivationParams { first_group: 0, elements: count(elements)? };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(ActivationParams::MEMBERS)])
}
