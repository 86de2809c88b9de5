//! Several channels of one position to a thread, a strip of positions to a workgroup.

use super::Conv2d;
use crate::error::Mismatch;
use crate::gpu::source::{ACTIVATION, MATH};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, activation_code, params, simple};

/// Channels that a thread computes: as many sums stay in registers.
const CHANNELS: usize = 8;

params! {
    /// Twin of the shader's struct.
    struct Conv2dParams {
        positions: u32,
        tiles: u32,
        channels: u32,
        channels_per_group: u32,
        out_channels: u32,
        out_per_group: u32,
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
        strips: u32,
    }
}

pub(super) fn run(op: &Conv2d, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new()
        .constant("ACTIVATION", format!("{}u", activation_code(op.activation)))
        .constant("CHANNELS", format!("{CHANNELS}u"))
        .flag("BIAS", op.bias)
        .include(MATH)
        .include(ACTIVATION);
    let kernel = simple::kernel(call, "conv2d", source, include_str!("conv2d.wgsl"))?;
    let mut bindings = vec![
        Binding::new(1, "x", Resource::Input(0)),
        Binding::new(2, "weight", Resource::Input(1)),
        Binding::new(3, "y", Resource::Output),
    ];
    if op.bias {
        bindings.push(Binding::new(4, "bias", Resource::Input(2)));
    }
    let op = op.clone();
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        let (x, weight, out) = (shapes.inputs[0], shapes.inputs[1], shapes.output);
        for dims in [x, weight, out] {
            count(dims.iter().product())?;
        }
        let parts = op.groups as usize;
        let (positions, per_group) = (out[2] * out[3], out[1] / parts);
        let (strips, tiles) = (positions.div_ceil(simple::THREADS as usize), per_group.div_ceil(CHANNELS));
        let params = Conv2dParams {
            first_group: 0,
            positions: count(positions)?,
            tiles: count(tiles)?,
            channels: count(x[1])?,
            channels_per_group: count(weight[1])?,
            out_channels: count(out[1])?,
            out_per_group: count(per_group)?,
            rows: count(x[2])?,
            columns: count(x[3])?,
            out_rows: count(out[2])?,
            out_columns: count(out[3])?,
            kernel_rows: count(weight[2])?,
            kernel_columns: count(weight[3])?,
            stride_rows: op.stride[0],
            stride_columns: op.stride[1],
            top: op.padding.top,
            left: op.padding.left,
            strips: count(strips)?,
        };
        Ok(Work::new(&params, (out[0] * parts * tiles * strips) as u64))
    });
    Ok(vec![dispatch.twin(Conv2dParams::MEMBERS)])
}
