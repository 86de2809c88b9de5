struct PoolParams {
    first_group: u32,
    elements: u32,
    length: u32,
    inner: u32,
}

@group(0) @binding(0) var<uniform> params: PoolParams;             // twin: PoolParams in gpu.rs
@group(0) @binding(1) var<storage, read> x: array<f32>;            // (outer, length, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;      // (outer, inner)
//# if MASKED
@group(0) @binding(3) var<storage, read> seen: array<u32>;         // (outer, length): 0 leaves a position out
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let column = i % params.inner;
    let first = i / params.inner * params.length;
//# if MEAN
    // What each addition lost is added to the next one.
    var sum = 0.0;
    var lost = 0.0;
    var n = 0.0;
    for (var j = first; j < first + params.length; j++) {
//# if MASKED
        if (seen[j] == 0u) {
            continue;
        }
//# end
        let value = x[j * params.inner + column] - lost;
        let next = sum + value;
        lost = (next - sum) - value;
        sum = next;
        n += 1.0;
    }
    y[i] = sum / max(n, 1.0);
//# else
    var largest = bitcast<f32>(params.length * 0u + 0xff800000u); // -infinity, which WGSL has no constant for
    for (var j = first; j < first + params.length; j++) {
//# if MASKED
        if (seen[j] == 0u) {
            continue;
        }
//# end
        largest = max(largest, x[j * params.inner + column]);
    }
    y[i] = largest;
//# end
}
