struct GatherParams {
    first_group: u32,
    elements: u32,
    inner: u32,
    rows: u32,
    per_batch: u32,
}

@group(0) @binding(0) var<uniform> params: GatherParams;               // twin: GatherParams in gpu.rs
@group(0) @binding(1) var<storage, read> x: array<u32>;                // (batch, rows, inner), as bits
@group(0) @binding(2) var<storage, read> indices: array<u32>;          // (batch, per_batch)
@group(0) @binding(3) var<storage, read_write> y: array<u32>;          // (batch, per_batch, inner)
@group(0) @binding(4) var<storage, read_write> status: array<atomic<u32>, 1>; // position of a bad index, from 1

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let position = i / params.inner;
    let index = indices[position];
    if (index >= params.rows) {
        atomicMax(&status[0], position + 1u);
        return;
    }
    let batch = position / params.per_batch;
    y[i] = x[(batch * params.rows + index) * params.inner + i % params.inner];
}
