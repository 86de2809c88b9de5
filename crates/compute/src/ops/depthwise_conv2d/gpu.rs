//! One element of the result to a thread.

use super::DepthwiseConv2d;
use crate::error::Mismatch;
use crate::gpu::source::{ACTIVATION, MATH};
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, activation_code, params, simple};

params! {
    /// Twin of the shader's struct.
    struct DepthwiseParams {
        elements: u32,
        channels: u32,
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
    }
}

pub(super) fn run(op: &DepthwiseConv2d, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let source = Source::new()
        .constant("ACTIVATION", format!("{}u", activation_code(op.activation)))
        .flag("BIAS", op.bias)
        .include(MATH)
        .include(ACTIVATION);
    let kernel = simple::kernel(call, "depthwise_conv2d", source, include_str!("depthwise_conv2d.wgsl"))?;
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
        let (elements, dims, kernel) = (shapes.output.iter().product(), shapes.inputs[0], shapes.inputs[1]);
        count(dims.iter().product())?;
        let params = DepthwiseParams {
            first_group: 0,
            elements: count(elements)?,
            channels: count(dims[1])?,
            rows: count(dims[2])?,
            columns: count(dims[3])?,
            out_rows: count(shapes.output[2])?,
            out_columns: count(shapes.output[3])?,
            kernel_rows: count(kernel[2])?,
            kernel_columns: count(kernel[3])?,
            stride_rows: op.stride[0],
            stride_columns: op.stride[1],
            top: op.padding.top,
            left: op.padding.left,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.twin(DepthwiseParams::MEMBERS)])
}
