// For few queries: a workgroup takes one head of one query and SPLIT keys, LANES at a time: first a key to each lane, for
// its score, then four features to each lane, for the mix. Where all keys are one split it writes the result, else its
// part of it, which merge.wgsl puts together.
var<workgroup> weights: array<f32, LANES>;
var<workgroup> reduced: array<f32, LANES>;

//# if MERGED
@group(0) @binding(7) var<storage, read_write> partial: array<vec4<f32>>; // (rows, splits, HEAD_QUADS + 1): the mix; its largest score, its sum
//# end

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group_index(group, groups);
    let row = index / params.splits;
    let batch = row / (params.queries * params.heads);
    if (batch >= params.batch) {
        return;
    }
    let split = index % params.splits;
    let query = row / params.heads % params.queries;
    let head = row % params.heads;
    let kv_head = head / (params.heads / params.kv_heads);
    let at = q_row(batch, query, head);
//# for t in MIX_TURNS
    var mix_$t = vec4<f32>();
//# next
    var largest = LOWEST;
    var sum = 0.0;
    let seen = seen_keys(query, query);
    let end = min(seen.x + (split + 1u) * SPLIT, seen.y);
    for (var first_key = seen.x + split * SPLIT; first_key < end; first_key += LANES) {
        let key = first_key + lane;
        var score = Score(LOWEST, false);
        if (key < end) {
            let place = key_row(batch, key, kv_head);
            var product = 0.0;
            for (var d = 0u; d < HEAD_QUADS; d++) {
                product += dot(quad_q(at, d), quad_k(place, d));
            }
            score = score_of(product * params.scale, batch, query, key);
        }
        reduced[lane] = select(LOWEST, score.value, score.seen);
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if (lane < half) {
                reduced[lane] = max(reduced[lane], reduced[lane + half]);
            }
        }
        workgroupBarrier();
        let top = max(largest, reduced[0]);
        let fade = exp_f32(largest - top);
        largest = top;
        weights[lane] = weight_of(score, top);
        workgroupBarrier();
        // Every lane adds up the same weights in the same order.
        let count = min(LANES, end - first_key);
        var added = 0.0;
//# for t in MIX_TURNS
        var add_$t = vec4<f32>();
//# next
        for (var j = 0u; j < count; j++) {
            let weight = weights[j];
            let place = key_row(batch, first_key + j, kv_head);
            added += weight;
//# for t in MIX_TURNS
            add_$t += weight * quad_v(place, min(lane + LANES * $tu, HEAD_QUADS - 1u));
//# next
        }
        sum = sum * fade + added;
//# for t in MIX_TURNS
        mix_$t = mix_$t * fade + add_$t;
//# next
        workgroupBarrier();
    }
//# if MERGED
    let to = (row * params.splits + split) * (HEAD_QUADS + 1u);
//# for t in MIX_TURNS
    if (lane + LANES * $tu < HEAD_QUADS) { partial[to + lane + LANES * $tu] = mix_$t; }
//# next
    if (lane == 0u) {
        partial[to + HEAD_QUADS] = vec4<f32>(largest, sum, 0.0, 0.0);
    }
//# else
    // A query that sees nothing gives zeros.
    let inverse = select(1.0 / sum, 0.0, sum == 0.0);
    let to = query_row(batch, query, head);
//# for t in MIX_TURNS
    if (lane + LANES * $tu < HEAD_QUADS) { put_quad(to, lane + LANES * $tu, mix_$t * inverse); }
//# next
//# end
}
