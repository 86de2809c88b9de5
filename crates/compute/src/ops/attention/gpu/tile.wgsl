// A workgroup of 128 lanes takes 32 rows (heads of queries that share a kv head) and 32 keys at a time, with a running
// softmax: scores by features of 32 at a time, then the weights of each row, then the mix. A lane holds 2 x 4 scores
// of the tile, and 2 x 4 of each 32 features of the mix.
var<workgroup> left_tile: array<vec4<f32>, 256>;  // (32 rows, 8): q's features, or weights
var<workgroup> right_tile: array<vec4<f32>, 256>; // (32 keys, 8): features of k or v
var<workgroup> score_tile: array<f32, 1024>;      // (32 rows, 32 keys)
var<workgroup> largest_of: array<f32, 32>;
var<workgroup> sum_of: array<f32, 32>;
var<workgroup> fade_of: array<f32, 32>;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let share = params.heads / params.kv_heads;
    let rows = params.queries * share;
    let groups_of_rows = (rows + 31u) / 32u;
    let index = group_index(group, groups);
    let batch = index / (groups_of_rows * params.kv_heads);
    if (batch >= params.batch) {
        return;
    }
    let kv_head = index / groups_of_rows % params.kv_heads;
    let first_row = index % groups_of_rows * 32u;
    let last_row = min(first_row + 32u, rows) - 1u;
    // This lane's rows 2 down and 2 down + 1, and keys (or features) 4 across to 4 across + 3.
    let down = lane / 8u;
    let across = lane % 8u;
    if (lane < 32u) {
        largest_of[lane] = LOWEST;
        sum_of[lane] = 0.0;
    }
//# for c in HEAD_CHUNKS
    var mix_$c_0 = vec4<f32>();
    var mix_$c_1 = vec4<f32>();
//# next
    let seen = seen_keys(first_row / share, last_row / share);
    for (var first_key = seen.x; first_key < seen.y; first_key += 32u) {
        var products_0 = vec4<f32>();
        var products_1 = vec4<f32>();
        for (var chunk = 0u; chunk < HEAD_CHUNKS; chunk++) {
            workgroupBarrier();
            for (var i = lane; i < 256u; i += 128u) {
                let row = min(first_row + i / 8u, last_row);
                let d = 8u * chunk + i % 8u;
                var features = vec4<f32>();
                var others = vec4<f32>();
                if (d < HEAD_QUADS) {
                    features = quad_q(q_row(batch, row / share, kv_head * share + row % share), d) * params.scale;
                    others = quad_k(key_row(batch, min(first_key + i / 8u, params.keys - 1u), kv_head), d);
                }
                left_tile[i] = features;
                right_tile[i] = others;
            }
            workgroupBarrier();
            for (var d = 0u; d < 8u; d++) {
                let q_0 = left_tile[16u * down + d];
                let q_1 = left_tile[16u * down + 8u + d];
//# for j in 4
                let k_$j = right_tile[32u * across + 8u * $ju + d];
                products_0[$j] += dot(q_0, k_$j);
                products_1[$j] += dot(q_1, k_$j);
//# next
            }
        }
//# for r in 2
//# for j in 4
        {
            let row = min(first_row + 2u * down + $ru, last_row);
            let key = first_key + 4u * across + $ju;
            let score = score_of(products_$r[$j], batch, row / share, min(key, params.keys - 1u));
            let is_seen = score.seen && key < seen.y;
            score_tile[(2u * down + $ru) * 32u + 4u * across + $ju] = select(LOWEST, score.value, is_seen);
        }
//# next
//# next
        workgroupBarrier();
        if (lane < 32u) {
            var top = largest_of[lane];
            for (var j = 0u; j < 32u; j++) {
                top = max(top, score_tile[32u * lane + j]);
            }
            var sum = 0.0;
            for (var j = 0u; j < 32u; j++) {
                // LOWEST stands for a key that is not seen: no score is as low as that.
                let score = score_tile[32u * lane + j];
                let weight = weight_of(Score(score, bitcast<u32>(score) != bitcast<u32>(LOWEST)), top);
                sum += weight;
                left_tile[8u * lane + j / 4u][j % 4u] = weight;
            }
            fade_of[lane] = exp_f32(largest_of[lane] - top);
            largest_of[lane] = top;
            sum_of[lane] = sum_of[lane] * fade_of[lane] + sum;
        }
        workgroupBarrier();
        let fade_0 = fade_of[2u * down];
        let fade_1 = fade_of[2u * down + 1u];
//# for c in HEAD_CHUNKS
        for (var i = lane; i < 256u; i += 128u) {
            let d = 8u * $cu + i % 8u;
            var features = vec4<f32>();
            if (d < HEAD_QUADS) {
                features = quad_v(key_row(batch, min(first_key + i / 8u, params.keys - 1u), kv_head), d);
            }
            right_tile[i] = features;
        }
        workgroupBarrier();
        mix_$c_0 *= fade_0;
        mix_$c_1 *= fade_1;
        for (var j = 0u; j < 8u; j++) {
            let weights_0 = left_tile[16u * down + j];
            let weights_1 = left_tile[16u * down + 8u + j];
//# for i in 4
            let v_$i = right_tile[(4u * j + $iu) * 8u + across];
            mix_$c_0 += weights_0[$i] * v_$i;
            mix_$c_1 += weights_1[$i] * v_$i;
//# next
        }
        workgroupBarrier();
//# next
    }
//# for r in 2
    if (first_row + 2u * down + $ru <= last_row) {
        let row = first_row + 2u * down + $ru;
        let to = query_row(batch, row / share, kv_head * share + row % share);
        // A query that sees nothing gives zeros.
        let sum = sum_of[2u * down + $ru];
        let inverse = select(1.0 / sum, 0.0, sum == 0.0);
//# for c in HEAD_CHUNKS
        if (8u * $cu + across < HEAD_QUADS) { put_quad(to, 8u * $cu + across, mix_$c_$r * inverse); }
//# next
    }
//# next
}
