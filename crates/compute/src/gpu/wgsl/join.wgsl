// Two values, element by element, the second repeated over the first; JOIN is + or *.
struct JoinParams {
    first_group: u32,
    elements: u32,
    rank: u32,
    padding: u32,
    sizes: array<vec4<u32>, 2>,
    from_strides: array<vec4<u32>, 2>,
    to_strides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: JoinParams;             // twin: JoinParams in gpu/join.rs
@group(0) @binding(1) var<storage, read> left: array<f32>;         // (elements)
@group(0) @binding(2) var<storage, read> right: array<f32>;        // repeats: sizes, from_strides
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // (elements)

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i < params.elements) {
        result[i] = left[i] JOIN right[strided_offsets(i).x];
    }
}
