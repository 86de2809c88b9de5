// Elements k and on, a multiple of 8, of the row of x that begins at element `start`; 0 beyond the row.
//# if WHOLE
fn eight_x(start: u32, k: u32) -> Eight {
    let at = (start + k) >> 2u;
    return Eight(x[at], x[at + 1u]);
}
//# else
fn quad_x(start: u32, k: u32) -> vec4<f32> {
    let at = start + k;
    let left = params.weight_columns - min(k, params.weight_columns);
//# if QUADS
    return select(vec4<f32>(), x[at >> 2u], left != 0u);
//# else
    let inside = vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(left);
    let i = at + vec4<u32>(0u, 1u, 2u, 3u);
    let j = i >> vec4<u32>(2u);
    let c = i & vec4<u32>(3u);
    return select(vec4<f32>(), vec4<f32>(x[j.x][c.x], x[j.y][c.y], x[j.z][c.z], x[j.w][c.w]), inside);
//# end
}

fn eight_x(start: u32, k: u32) -> Eight {
    return Eight(quad_x(start, k), quad_x(start, k + 4u));
}
//# end
