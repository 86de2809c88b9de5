// Twin: LinearParams in gpu/mod.rs.
struct LinearParams {
    first_group: u32,
    rows: u32,           // of x and y
    outputs: u32,        // of y: columns
    weight_columns: u32, // of x and of the weight
    first_output: u32,   // first row of the weight's part
    part_outputs: u32,   // its rows
}

@group(0) @binding(0) var<uniform> params: LinearParams;
//# if FAST
@group(0) @binding(1) var<storage, read> x_codes: array<vec4<u32>>;   // (rows, blocks, 2): 32 int8
@group(0) @binding(6) var<storage, read> x_factors: array<vec2<u32>>; // (rows, blocks): scale (f32), two sums (i16)
//# else
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;         // (rows, weight_columns)
//# end
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;    // (part_outputs, weight_columns): its format's words
//# if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // (outputs)
//# end
//# if RESIDUAL
@group(0) @binding(4) var<storage, read> residual: array<f32>;        // (rows, outputs)
//# end
@group(0) @binding(5) var<storage, read_write> y: array<f32>;         // (rows, outputs)
