//! Copies in another order, for the operations that only move elements.

use super::dispatch::{Binding, Call, Dispatch, Resource, Shapes, Work, params};
use super::simple;
use super::source::Source;
use super::strided::{Axes, STRIDED, count};
use crate::error::Mismatch;

params! {
    /// Twin of the shader's struct.
    struct CopyParams {
        elements: u32,
        rank: u32,
        from_start: u32,
        to_start: u32,
        padding_a: u32,
        padding_b: u32,
        padding_c: u32,
        sizes: [[u32; 4]; 2],
        from_strides: [[u32; 4]; 2],
        to_strides: [[u32; 4]; 2],
    }
}

/// What one copy does in one run: sizes of its axes, outermost first, and where both sides begin.
pub(crate) struct Moved {
    /// Elements along each axis.
    pub(crate) sizes: Vec<usize>,
    /// Strides of what is read.
    pub(crate) from: Vec<usize>,
    /// Its first element.
    pub(crate) from_start: usize,
    /// Strides of what is written.
    pub(crate) to: Vec<usize>,
    /// Its first element.
    pub(crate) to_start: usize,
}

/// Copy from operand `input` as `moved` says at the sizes of each run. Errors: see [`Axes::new`].
pub(crate) fn run(
    call: &Call<'_>,
    input: usize,
    moved: impl Fn(&Shapes<'_>) -> Result<Moved, Mismatch> + Send + Sync + 'static,
) -> Result<Dispatch, Mismatch> {
    let text = format!("{}\n{STRIDED}", include_str!("wgsl/copy.wgsl"));
    let kernel = simple::kernel(call, "copy", Source::new(), &text)?;
    let bindings = vec![Binding::new(1, "x", Resource::Input(input)), Binding::new(2, "y", Resource::Output)];
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let Moved { sizes, from, from_start, to, to_start } = moved(shapes)?;
        let elements = sizes.iter().product();
        let axes = Axes::new(&sizes, &from, &to)?;
        // Offsets on either side stay below what the values themselves hold.
        count(shapes.inputs[input].iter().product())?;
        count(shapes.output.iter().product())?;
        let params = CopyParams {
            first_group: 0,
            elements: count(elements)?,
            rank: axes.rank,
            from_start: count(from_start)?,
            to_start: count(to_start)?,
            padding_a: 0,
            padding_b: 0,
            padding_c: 0,
            sizes: axes.sizes,
            from_strides: axes.from,
            to_strides: axes.to,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(dispatch.twin(CopyParams::MEMBERS))
}
