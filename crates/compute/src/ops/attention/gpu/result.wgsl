//# if QUADS
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>; // (batch, queries, heads, HEAD_DIM)

fn put_quad(row: u32, d: u32, value: vec4<f32>) {
    y[row * (HEAD_DIM / 4u) + d] = value;
}
//# else
@group(0) @binding(6) var<storage, read_write> y: array<f32>;       // (batch, queries, heads, HEAD_DIM)

fn put_quad(row: u32, d: u32, value: vec4<f32>) {
    for (var i = 0u; i < min(4u, HEAD_DIM - 4u * d); i++) {
        y[row * HEAD_DIM + 4u * d + i] = value[i];
    }
}
//# end
