// Features 4 d and on of one head of CACHE (k or v); 0 beyond it.
//# if VALUES
//# if QUADS
fn quad_CACHE(row: u32, d: u32) -> vec4<f32> {
    return CACHE[row * (HEAD_DIM / 4u) + d];
}
//# else
fn element_CACHE(i: u32) -> f32 {
    return CACHE[i];
}
//# end
//# end
//# if KV_F32
fn element_CACHE(i: u32) -> f32 {
    return bitcast<f32>(CACHE[i]);
}
//# end
//# if KV_F16
//# if QUADS
fn quad_CACHE(row: u32, d: u32) -> vec4<f32> {
    let at = (row * HEAD_DIM + 4u * d) >> 1u;
    return vec4<f32>(unpack2x16float(CACHE[at]), unpack2x16float(CACHE[at + 1u]));
}
//# else
fn element_CACHE(i: u32) -> f32 {
    return unpack2x16float(CACHE[i >> 1u])[i & 1u];
}
//# end
//# end
//# if KV_Q8_0
// head_dim is a multiple of 32. All codes first, then the scales.
fn quad_CACHE(row: u32, d: u32) -> vec4<f32> {
    let at = row * HEAD_DIM + 4u * d;
    let block = at >> 5u;
    let scale = unpack2x16float(CACHE[KV_ELEMENTS / 4u + (block >> 1u)])[block & 1u];
    return vec4<f32>(unpack4xI8(CACHE[at >> 2u])) * scale;
}
//# end
//# if ELEMENTS
fn quad_CACHE(row: u32, d: u32) -> vec4<f32> {
    let at = row * HEAD_DIM + 4u * d;
    let left = HEAD_DIM - 4u * d;
    return vec4<f32>(
        element_CACHE(at),
        select(0.0, element_CACHE(at + min(1u, left - 1u)), left > 1u),
        select(0.0, element_CACHE(at + min(2u, left - 1u)), left > 2u),
        select(0.0, element_CACHE(at + min(3u, left - 1u)), left > 3u),
    );
}
//# end
