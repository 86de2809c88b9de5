struct BatchNormParams {
    first_group: u32,
    elements: u32,
    channels: u32,
    inner: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: BatchNormParams;        // twin: BatchNormParams in gpu.rs
@group(0) @binding(1) var<storage, read> operand: array<f32>;            // (n, channels, inner)
@group(0) @binding(2) var<storage, read> weight: array<f32>;       // (channels)
@group(0) @binding(3) var<storage, read> bias: array<f32>;         // (channels)
@group(0) @binding(4) var<storage, read> mean: array<f32>;         // (channels)
@group(0) @binding(5) var<storage, read> variance: array<f32>;     // (channels)
@group(0) @binding(6) var<storage, read_write> result: array<f32>;      // (n, channels, inner)

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let c = (i / params.inner) % params.channels;
    result[i] = (operand[i] - mean[c]) * (weight[c] / sqrt(variance[c] + params.eps)) + bias[c];
}
