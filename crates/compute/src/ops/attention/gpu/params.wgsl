// Twin: AttentionParams in gpu/mod.rs.
struct AttentionParams {
    first_group: u32,
    batch: u32,
    queries: u32,
    heads: u32,
    keys: u32,
    kv_heads: u32,
    shared_queries: u32, // 1: one entry of q for the whole batch
    splits: u32,         // parts of the keys that are weighed apart
    scale: f32,
    softcap: f32,
    window: u32,
    segments_batch: u32, // elements from one batch entry to the next, 0 if it repeats
    mask_batch: u32,     // elements from one batch entry, query or key to the next, 0 if it repeats
    mask_query: u32,
    mask_key: u32,
}

@group(0) @binding(0) var<uniform> params: AttentionParams;
//# if QUADS
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;      // ([batch], queries, heads, HEAD_DIM)
//# else
@group(0) @binding(1) var<storage, read> q: array<f32>;            // ([batch], queries, heads, HEAD_DIM)
//# end
//# if VALUES
//# if QUADS
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;      // ([batch], keys, kv_heads, HEAD_DIM)
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;      // as k
//# else
@group(0) @binding(2) var<storage, read> k: array<f32>;            // ([batch], keys, kv_heads, HEAD_DIM)
@group(0) @binding(3) var<storage, read> v: array<f32>;            // as k
//# end
//# else
@group(0) @binding(2) var<storage, read> k: array<u32>;            // (capacity, kv_heads, HEAD_DIM) in the cache's format
@group(0) @binding(3) var<storage, read> v: array<u32>;            // as k
//# end
//# if SEGMENTS
@group(0) @binding(4) var<storage, read> segments: array<u32>;     // ([batch], keys)
//# end
//# if MASKED
@group(0) @binding(5) var<storage, read> mask: array<u32>;         // from (batch, queries, keys); f32 bits if ADDED
//# end

// Below every score: what a maximum begins with.
const LOWEST = -3.40282347e38;

//# if QUADS
fn quad_q(row: u32, d: u32) -> vec4<f32> {
    return q[row * (HEAD_DIM / 4u) + d];
}
//# else
// Features 4 d and on of one head of a query; 0 beyond it.
fn quad_q(row: u32, d: u32) -> vec4<f32> {
    let at = row * HEAD_DIM + 4u * d;
    let left = HEAD_DIM - 4u * d;
    return vec4<f32>(
        q[at],
        select(0.0, q[at + min(1u, left - 1u)], left > 1u),
        select(0.0, q[at + min(2u, left - 1u)], left > 2u),
        select(0.0, q[at + min(3u, left - 1u)], left > 3u),
    );
}
//# end

// Position of a score's row of q and of the result.
fn query_row(batch: u32, query: u32, head: u32) -> u32 {
    return (batch * params.queries + query) * params.heads + head;
}

// The same within q, which may be shared by the batch.
fn q_row(batch: u32, query: u32, head: u32) -> u32 {
    return query_row(select(batch, 0u, params.shared_queries == 1u), query, head);
}

// Position of one head of a key or value.
fn key_row(batch: u32, key: u32, kv_head: u32) -> u32 {
    return (batch * params.keys + key) * params.kv_heads + kv_head;
}

// Position of the first query among the keys.
fn queries_before() -> u32 {
    return params.keys - min(params.queries, params.keys);
}

// Keys that the queries `first` to `last` may see lie from x to y, y excluded.
fn seen_keys(first: u32, last: u32) -> vec2<u32> {
//# if CAUSAL
    let end = min(queries_before() + last + 1u, params.keys);
//# if WINDOW
    let begin = queries_before() + first + 1u;
    return vec2<u32>(min(begin - min(begin, params.window), end), end);
//# else
    return vec2<u32>(0u, end);
//# end
//# else
    return vec2<u32>(0u, params.keys);
//# end
}

// The query may see the key, by pattern and segments.
fn in_pattern(batch: u32, query: u32, key: u32) -> bool {
    let position = queries_before() + query;
//# if SEGMENTS
    let own = segments[batch * params.segments_batch + min(position, params.keys - 1u)];
    let same = segments[batch * params.segments_batch + key] == own;
//# end
//# if BLOCK
    return same;
//# else
//# if BACKWARD
//# if WINDOW
    let causal = key <= position && position - key < params.window;
//# else
    let causal = key <= position;
//# end
//# if SEGMENTS
    return causal || (same && own != 0u);
//# else
    return causal;
//# end
//# else
    return true;
//# end
//# end
}

struct Score {
    value: f32,
    seen: bool,
}

fn is_number(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u;
}

// A product of query and key, scaled already, capped and masked.
fn score_of(product: f32, batch: u32, query: u32, key: u32) -> Score {
    var score = Score(product, in_pattern(batch, query, key));
//# if SOFTCAP
    score.value = select(product, params.softcap * tanh_f32(product / params.softcap), is_number(product));
//# end
//# if MASKED
    let word = mask[batch * params.mask_batch + query * params.mask_query + key * params.mask_key];
//# if ADDED
    // As bits: a shader may take it that there are no infinities.
    score.seen = score.seen && word != 0xff800000u;
    if (score.seen) {
        score.value += bitcast<f32>(word);
    }
//# else
    score.seen = score.seen && word != 0u;
//# end
//# end
    return score;
}

// e^(score - largest), 0 where the query may not see the key. What is not a number stays so, which exp_f32, since it
// clamps, would hide.
fn weight_of(score: Score, largest: f32) -> f32 {
    let below = score.value - largest;
    return select(0.0, select(below, exp_f32(below), is_number(below)), score.seen);
}
