//! Sum and product of two values, of which the second may repeat over the first: one text for both operations.

use super::dispatch::{Binding, Call, Dispatch, Resource, Work, params};
use super::simple;
use super::source::Source;
use super::strided::{Axes, STRIDED, count};
use crate::error::Mismatch;

params! {
    /// Twin of the shader's struct.
    struct JoinParams {
        elements: u32,
        rank: u32,
        padding: u32,
        sizes: [[u32; 4]; 2],
        from_strides: [[u32; 4]; 2],
        to_strides: [[u32; 4]; 2],
    }
}

/// `join`: `+` or `*`. Errors: more elements than a shader counts.
pub(crate) fn run(call: &Call<'_>, family: &'static str, join: &str) -> Result<Vec<Dispatch>, Mismatch> {
    let text = include_str!("wgsl/join.wgsl").replace("JOIN", join);
    let source = Source::new();
    // The loop's axes come after the parameters that they read.
    let kernel = simple::kernel(call, family, source, &format!("{text}\n{STRIDED}"))?;
    let bindings = vec![
        Binding::new(1, "left", Resource::Input(0)),
        Binding::new(2, "right", Resource::Input(1)),
        Binding::new(3, "result", Resource::Output),
    ];
    let dispatch = Dispatch::new(kernel, bindings, |shapes| {
        let elements = shapes.output.iter().product();
        let Axes { rank, sizes, from, to } = Axes::repeating(shapes.output, shapes.inputs[1])?;
        let elements32 = count(elements)?;
        let params = JoinParams {
            first_group: 0,
            elements: elements32,
            rank,
            padding: 0,
            sizes,
            from_strides: from,
            to_strides: to,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(JoinParams::MEMBERS)])
}
