// A lane holds one head of one query and its mix in registers. All lanes of a workgroup share a kv head, so that keys and
// values are read from the same place by all; KEYS keys at a time, with a running softmax. Only what stays in
// registers is written out: software devices compile slowly, each load and store that differs between lanes above all.
const KEYS = 16u;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let share = params.heads / params.kv_heads;
    let rows = params.queries * share;
    let groups_of_rows = (rows + LANES - 1u) / LANES;
    let index = group_index(group, groups);
    let batch = index / (groups_of_rows * params.kv_heads);
    if (batch >= params.batch) {
        return;
    }
    let kv_head = index / groups_of_rows % params.kv_heads;
    let first_row = index % groups_of_rows * LANES;
    let last_row = min(first_row + LANES, rows) - 1u;
    let row = min(first_row + lane, last_row);
    let query = row / share;
    let head = kv_head * share + row % share;
    let at = q_row(batch, query, head);
    var features: array<vec4<f32>, HEAD_QUADS>;
    for (var d = 0u; d < HEAD_QUADS; d++) {
        features[d] = quad_q(at, d) * params.scale;
    }
//# for d in HEAD_QUADS
    let q_$d = features[$d];
    var mix_$d = vec4<f32>();
//# next
    var largest = LOWEST;
    var sum = 0.0;
    let seen = seen_keys(first_row / share, last_row / share);
    var scores: array<Score, KEYS>;
    for (var first_key = seen.x; first_key < seen.y; first_key += KEYS) {
        let count = min(KEYS, seen.y - first_key);
        var top = largest;
        for (var j = 0u; j < count; j++) {
            let place = key_row(batch, first_key + j, kv_head);
            var product = 0.0;
//# for d in HEAD_QUADS
            product += dot(q_$d, quad_k(place, $du));
//# next
            let score = score_of(product, batch, query, first_key + j);
            scores[j] = score;
            top = select(top, max(top, score.value), score.seen);
        }
        let fade = exp_f32(largest - top);
        largest = top;
        sum *= fade;
//# for d in HEAD_QUADS
        mix_$d *= fade;
//# next
        for (var j = 0u; j < count; j++) {
            let place = key_row(batch, first_key + j, kv_head);
            let weight = weight_of(scores[j], top);
            sum += weight;
//# for d in HEAD_QUADS
            mix_$d += weight * quad_v(place, $du);
//# next
        }
    }
    if (first_row + lane > last_row) {
        return;
    }
    // A query that sees nothing gives zeros.
    let inverse = select(1.0 / sum, 0.0, sum == 0.0);
    let to = query_row(batch, query, head);
//# for d in HEAD_QUADS
    features[$d] = mix_$d * inverse;
//# next
    for (var d = 0u; d < HEAD_QUADS; d++) {
        put_quad(to, d, features[d]);
    }
}
