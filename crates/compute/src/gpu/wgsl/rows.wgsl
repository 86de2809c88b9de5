// One row: by one thread (LANES 1, ROWS rows of a workgroup), or by all LANES threads of a workgroup.

//# if GROUP
var<workgroup> partial: array<f32, LANES>;

// Every thread gets the sum of all threads' values.
fn row_sum(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    partial[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        if (lane < half) {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    return partial[0];
}

// Every thread gets the largest of all threads' values.
fn row_max(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    partial[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        if (lane < half) {
            partial[lane] = max(partial[lane], partial[lane + half]);
        }
        workgroupBarrier();
    }
    return partial[0];
}
//# else
fn row_sum(lane: u32, value: f32) -> f32 {
    return value;
}

fn row_max(lane: u32, value: f32) -> f32 {
    return value;
}
//# end

// Row and first column of this thread.
fn row_of(group: u32, thread: u32) -> vec2<u32> {
    return vec2<u32>(group * ROWS + thread / LANES, thread % LANES);
}
