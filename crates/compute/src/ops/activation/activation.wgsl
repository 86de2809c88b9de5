struct ActivationParams {
    first_group: u32,
    elements: u32,
}

@group(0) @binding(0) var<uniform> params: ActivationParams;       // twin: ActivationParams in gpu.rs
@group(0) @binding(1) var<storage, read> operand: array<f32>;            // (elements)
@group(0) @binding(2) var<storage, read_write> result: array<f32>;      // (elements)

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i < params.elements) {
        result[i] = activate(ACTIVATION, operand[i]);
    }
}
