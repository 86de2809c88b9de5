//! One element to a thread, for each part of the table; an id past the last row is refused.

use super::Embedding;
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Part, Resource, Shapes, Source, Work, dequant, params, simple};

params! {
    /// Twin of the shader's struct.
    struct EmbeddingParams {
        elements: u32,
        weight_rows: u32,
        weight_columns: u32,
        first_row: u32,
        all_rows: u32,
    }
}

pub(super) fn run(_: &Embedding, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let Some(weight) = call.inputs[1].weight else {
        let rows = call.inputs[1].dims[0] as u64;
        let whole = Part { first_row: 0, rows };
        let table = Binding::new(2, "numbers", Resource::Input(1));
        return Ok(vec![part(call, Source::new().flag("VALUE", true), table, whole)?]);
    };
    let dispatch = |(number, whole): (usize, &Part)| {
        let source = dequant::include(Source::new(), weight.dtype, "table", false);
        let unread = || Mismatch::new("table", "a format that a kernel reads", weight.dtype.name());
        let table = Binding::new(2, "table", Resource::Part { input: 1, part: number });
        part(call, source.ok_or_else(unread)?, table, *whole)
    };
    weight.parts.iter().enumerate().map(dispatch).collect()
}

fn part(call: &Call<'_>, source: Source, table: Binding, part: Part) -> Result<Dispatch, Mismatch> {
    let kernel = simple::kernel(call, "embedding", source, include_str!("embedding.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "ids", Resource::Input(0)),
        table,
        Binding::new(3, "y", Resource::Output),
        Binding::new(4, "status", Resource::Status),
    ];
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let elements = shapes.output.iter().product();
        let [rows, columns] = [shapes.inputs[1][0], shapes.inputs[1][1]];
        let params = EmbeddingParams {
            first_group: 0,
            elements: count(elements)?,
            weight_rows: count(part.rows as usize)?,
            weight_columns: count(columns)?,
            first_row: count(part.first_row as usize)?,
            all_rows: count(rows)?,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    let fault = |number: u32, shapes: &Shapes<'_>| {
        let rows = shapes.inputs[1][0];
        Mismatch::new("id", format!("less than {rows}"), format!("more, at position {}", number - 1))
    };
    Ok(dispatch.refusing(fault).twin(EmbeddingParams::MEMBERS))
}
