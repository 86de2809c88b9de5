// Elements of either type, as their bits, from one place and order to another.
struct CopyParams {
    first_group: u32,
    elements: u32,
    rank: u32,
    from_start: u32,
    to_start: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
    sizes: array<vec4<u32>, 2>,
    from_strides: array<vec4<u32>, 2>,
    to_strides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: CopyParams;                // twin: CopyParams in gpu/copy.rs
@group(0) @binding(1) var<storage, read> x: array<u32>;               // from_start, from_strides
@group(0) @binding(2) var<storage, read_write> y: array<u32>;         // to_start, to_strides

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i < params.elements) {
        let at = strided_offsets(i);
        y[params.to_start + at.y] = x[params.from_start + at.x];
    }
}
