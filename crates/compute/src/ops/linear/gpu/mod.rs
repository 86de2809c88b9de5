//! Linear on the GPU. Weights stay in their blocks: each kernel takes its format's text from `gpu::dequant`.
//!
//! - for few rows of x, matrix–vector kernels, bound by reading the weight once per row;
//! - for more, matrix–matrix kernels, by tiles in registers or in workgroup memory; [`variants`] says which.
//!
//! `exact` restores weights to f32 and sums in f32. `fast` quantizes x to int8 blocks first, by one dispatch before, and
//! multiplies integers as the host does (`host/dot`): the same but for the order of the f32 sums.
//! A weight in several parts takes a dispatch for each.

#[cfg(test)]
mod tests;
mod variants;

use bedside_tensor::DType;

use super::{FAST_BLOCK, Linear};
use crate::error::Mismatch;
use crate::gpu::dequant::{self, Integer};
use crate::gpu::source::{ACTIVATION, MATH};
use crate::gpu::strided::count;
use crate::gpu::unroll::unroll;
use crate::gpu::{
    Binding, Call, Dispatch, Kernel, Part, Resource, Shapes, Source, Work, activation_code, params,
};
use crate::ops::{Activation, Numerics};
use variants::{Reach, Variant};

/// Threads of a workgroup that quantizes activations, a block each.
const QUANTIZE_THREADS: u32 = 64;

params! {
    /// Twin of the shader's struct.
    struct LinearParams {
        rows: u32,
        outputs: u32,
        weight_columns: u32,
        first_output: u32,
        part_outputs: u32,
    }
}

params! {
    /// Twin of the shader's struct.
    struct QuantizeParams {
        blocks: u32,
    }
}

/// The weight of a call, or a value in its place.
struct Matrix {
    dtype: DType,
    outputs: usize,
    columns: usize,
    /// `None`: a value in the arena.
    parts: Option<Vec<Part>>,
}

impl Matrix {
    fn of(call: &Call<'_>) -> Self {
        let [outputs, columns] = [call.inputs[1].dims[0], call.inputs[1].dims[1]];
        match call.inputs[1].weight {
            Some(weight) => Self { dtype: weight.dtype, outputs, columns, parts: Some(weight.parts.clone()) },
            None => Self { dtype: DType::F32, outputs, columns, parts: None },
        }
    }

    /// What each dispatch is bound to, and which rows that is; `None`: all rows there are in a run.
    fn pieces(&self) -> Vec<(Resource, Option<Part>)> {
        match &self.parts {
            Some(parts) => {
                let piece = |(part, rows): (usize, &Part)| (Resource::Part { input: 1, part }, Some(*rows));
                parts.iter().enumerate().map(piece).collect()
            }
            None => vec![(Resource::Input(1), None)],
        }
    }
}

pub(super) fn run(op: &Linear, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let matrix = Matrix::of(call);
    let rows = call.dims.iter().product::<usize>() / matrix.outputs.max(1);
    let integer = match (call.numerics, &matrix.parts) {
        (Numerics::Fast, Some(_)) => dequant::integer(matrix.dtype),
        _ => None,
    };
    let mut dispatches = Vec::new();
    if integer.is_some() {
        dispatches.push(quantize(rows, matrix.columns));
    }
    let reach = Reach::of(rows, matrix.outputs, matrix.columns, integer.is_some());
    let (family, variant) = variants::choose(call, reach, matrix.dtype)?;
    let kernel = kernel(op, &matrix, integer, family, variant)?;
    for (resource, part) in matrix.pieces() {
        let bindings = bindings(op, resource, integer.map(|_| scratch(rows, matrix.columns)));
        let work = move |shapes: &Shapes<'_>| work(shapes, part, variant);
        dispatches.push(Dispatch::new(kernel.clone(), bindings, work).twin(LinearParams::MEMBERS));
    }
    Ok(dispatches)
}

/// The shader of a variant.
fn kernel(
    op: &Linear,
    matrix: &Matrix,
    integer: Option<Integer>,
    family: String,
    variant: &Variant,
) -> Result<Kernel, Mismatch> {
    let whole = matrix.columns.is_multiple_of(FAST_BLOCK as usize);
    let activated = op.activation != Activation::None;
    let mut source = Source::new()
        .flag("FAST", integer.is_some())
        .flag("AFFINE", integer.is_some_and(|integer| integer.affine))
        .flag("SIXTEENS", integer.is_some_and(|integer| integer.sixteens))
        .flag("QUADS", matrix.columns.is_multiple_of(4))
        .flag("BIAS", op.bias)
        .flag("ACTIVATED", activated)
        .flag("RESIDUAL", op.residual)
        .flag("WIDE", variant.wide)
        .flag("SUBGROUP", variant.candidate.subgroup)
        .constant("ACTIVATION", format!("{}u", activation_code(op.activation)));
    for (name, value) in variant.constants {
        source = source.constant(name, format!("{value}u"));
    }
    if activated {
        source = source.include(MATH).include(ACTIVATION);
    }
    let unread = || Mismatch::new("weight", "a format that a kernel reads", matrix.dtype.name());
    source = source.include(include_str!("params.wgsl"));
    source = dequant::include(source, matrix.dtype, "weight", whole).ok_or_else(unread)?;
    let elements = if integer.is_some() { include_str!("blocks.wgsl") } else { include_str!("eights.wgsl") };
    let text = unroll(variant.text, variant.constants);
    let source = source.include(elements).include(include_str!("finish.wgsl")).include(&text);
    Ok(Kernel {
        label: format!("{family}/{}", variant.candidate.name),
        wgsl: source.finish().into(),
        entry: "main",
        workgroup: variant.candidate.workgroup,
        workgroup_bytes: variant.candidate.workgroup_bytes,
    })
}

/// Parameters and workgroups of one part.
fn work(shapes: &Shapes<'_>, part: Option<Part>, variant: &Variant) -> Result<Work, Mismatch> {
    let [outputs, columns] = [shapes.inputs[1][0], shapes.inputs[1][1]];
    let rows = shapes.output.iter().product::<usize>() / outputs.max(1);
    let part = part.unwrap_or(Part { first_row: 0, rows: outputs as u64 });
    // The kernels count elements of x and y.
    count(rows.saturating_mul(columns.next_multiple_of(4)))?;
    count(rows.saturating_mul(outputs))?;
    let params = LinearParams {
        first_group: 0,
        rows: count(rows)?,
        outputs: count(outputs)?,
        weight_columns: count(columns)?,
        first_output: count(part.first_row as usize)?,
        part_outputs: count(part.rows as usize)?,
    };
    let [down, across] = variant.tile;
    Ok(Work::new(&params, (rows as u64).div_ceil(down) * part.rows.div_ceil(across)))
}

/// Bytes of the codes and of the factors of `rows` quantized rows.
fn scratch(rows: usize, columns: usize) -> [Resource; 2] {
    let blocks = rows as u64 * (columns as u64).div_ceil(FAST_BLOCK);
    [Resource::Scratch { piece: 0, bytes: 32 * blocks }, Resource::Scratch { piece: 1, bytes: 8 * blocks }]
}

fn bindings(op: &Linear, weight: Resource, quantized: Option<[Resource; 2]>) -> Vec<Binding> {
    let mut bindings = match quantized {
        Some([codes, factors]) => {
            vec![Binding::new(1, "x_codes", codes), Binding::new(6, "x_factors", factors)]
        }
        None => vec![Binding::new(1, "x", Resource::Input(0))],
    };
    bindings.push(Binding::new(2, "weight", weight));
    if op.bias {
        bindings.push(Binding::new(3, "bias", Resource::Input(2)));
    }
    if op.residual {
        bindings.push(Binding::new(4, "residual", Resource::Input(op.residual_operand())));
    }
    bindings.push(Binding::new(5, "y", Resource::Output));
    bindings
}

/// Activations as int8 blocks, for `fast`. `rows`: at the bounds.
fn quantize(rows: usize, columns: usize) -> Dispatch {
    let kernel = Kernel {
        label: "linear/quantize/block".to_owned(),
        wgsl: Source::new().include(&unroll(include_str!("quantize.wgsl"), &[])).finish().into(),
        entry: "main",
        workgroup: [QUANTIZE_THREADS, 1, 1],
        workgroup_bytes: 0,
    };
    let [codes, factors] = scratch(rows, columns);
    let bindings = vec![
        Binding::new(1, "x", Resource::Input(0)),
        Binding::new(2, "x_codes", codes),
        Binding::new(3, "x_factors", factors),
    ];
    let work = |shapes: &Shapes<'_>| {
        let blocks = shapes.inputs[0].iter().product::<usize>() / FAST_BLOCK as usize;
        let params = QuantizeParams { first_group: 0, blocks: count(blocks)? };
        Ok(Work::new(&params, (blocks as u64).div_ceil(QUANTIZE_THREADS.into())))
    };
    Dispatch::new(kernel, bindings, work).twin(QuantizeParams::MEMBERS)
}
