// Where element i of the loop lies on both sides: x reads, y writes. Axes run from the innermost; twin: Axes in
// gpu/strided.rs.
fn strided_offsets(i: u32) -> vec2<u32> {
    var rest = i;
    var at = vec2<u32>(0u, 0u);
    for (var axis = 0u; axis + 1u < params.rank; axis++) {
        let size = params.sizes[axis >> 2u][axis & 3u];
        let position = rest % size;
        rest = rest / size;
        at += position * vec2<u32>(params.from_strides[axis >> 2u][axis & 3u], params.to_strides[axis >> 2u][axis & 3u]);
    }
    let last = params.rank - 1u;
    return at + rest * vec2<u32>(params.from_strides[last >> 2u][last & 3u], params.to_strides[last >> 2u][last & 3u]);
}
