struct EmbeddingParams {
    first_group: u32,
    elements: u32,
    weight_rows: u32,
    weight_columns: u32,
    first_row: u32,
    all_rows: u32,
}

@group(0) @binding(0) var<uniform> params: EmbeddingParams;            // twin: EmbeddingParams in gpu.rs
@group(0) @binding(1) var<storage, read> ids: array<u32>;              // (n)
//# if VALUE
@group(0) @binding(2) var<storage, read> numbers: array<f32>;          // (all_rows, weight_columns)
//# else
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;      // rows first_row .. of a weight in its format
//# end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;          // (n, weight_columns)
@group(0) @binding(4) var<storage, read_write> status: array<atomic<u32>, 1>; // position of a bad id, from 1

//# if VALUE
fn dequant_table(at: u32) -> f32 {
    return numbers[at];
}
//# end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
    let i = group_index(group, groups) * THREADS + thread;
    if (i >= params.elements) {
        return;
    }
    let position = i / params.weight_columns;
    let id = ids[position];
    if (id >= params.all_rows) {
        atomicMax(&status[0], position + 1u);
        return;
    }
    // Another part of the table holds the row.
    if (id < params.first_row || id - params.first_row >= params.weight_rows) {
        return;
    }
    y[i] = dequant_table((id - params.first_row) * params.weight_columns + i % params.weight_columns);
}
