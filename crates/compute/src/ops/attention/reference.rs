//! Every query against every key it may see, in f64.

use super::super::check::repeated_index;
use super::{Attention, Pattern};
use crate::tensor::HostTensor;

pub(super) fn run(op: &Attention, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let (q, k, v) = (inputs[0], inputs[1], inputs[2]);
    let [queries, heads, head_dim] = output[output.len() - 3..] else { return q.clone() };
    let batch = if output.len() == 4 { output[0] } else { 1 };
    let q_batch = if q.dims().len() == 4 { q.dims()[0] } else { 1 };
    let kv_heads = k.dims()[k.dims().len() - 2];
    let keys = k.dims()[k.dims().len() - 3];
    let mut y = Vec::with_capacity(batch * queries * heads * head_dim);
    for b in 0..batch {
        let q_entry = if q_batch == 1 { 0 } else { b };
        for i in 0..queries {
            for h in 0..heads {
                let row = |x: &HostTensor, index: usize| -> Vec<f64> {
                    x.f32s()[index * head_dim..][..head_dim].iter().map(|&v| f64::from(v)).collect()
                };
                let kv = |j: usize| (b * keys + j) * kv_heads + h / (heads / kv_heads);
                let query = row(q, (q_entry * queries + i) * heads + h);
                let scores: Vec<f64> = (0..keys)
                    .map(|j| score(op, inputs, &query, &row(k, kv(j)), [b, i, j], keys - queries.min(keys)))
                    .collect();
                let largest = scores.iter().fold(f64::NEG_INFINITY, |m, &s| m.max(s));
                let (mut sum, mut mixed) = (0.0, vec![0.0; head_dim]);
                for (j, &score) in scores.iter().enumerate().filter(|(_, s)| **s != f64::NEG_INFINITY) {
                    let weight = (score - largest).exp();
                    sum += weight;
                    mixed.iter_mut().zip(row(v, kv(j))).for_each(|(m, v)| *m += weight * v);
                }
                let sum = if sum == 0.0 { 1.0 } else { sum }; // nothing visible: zeros
                y.extend(mixed.iter().map(|m| (m / sum) as f32));
            }
        }
    }
    HostTensor::filled(output, y)
}

/// Scaled, capped and masked product; -∞ where the query may not see the key. `at`: batch, query, key.
fn score(op: &Attention, inputs: &[&HostTensor], q: &[f64], k: &[f64], at: [usize; 3], before: usize) -> f64 {
    let segments = op.pattern.has_segments().then(|| inputs[3]);
    if !visible(op.pattern, segments, at, before) {
        return f64::NEG_INFINITY;
    }
    let mut score = q.iter().zip(k).map(|(a, b)| a * b).sum::<f64>() * f64::from(op.scale);
    if let Some(cap) = op.softcap.map(f64::from) {
        score = cap * (score / cap).tanh();
    }
    let mask = if op.masked { inputs[inputs.len() - 1] } else { return score };
    let index = repeated_index(mask.dims(), &at);
    match (mask.as_f32(), mask.as_u32()) {
        (Some(added), _) => score + f64::from(added[index]),
        (_, Some(seen)) if seen[index] != 0 => score,
        _ => f64::NEG_INFINITY,
    }
}

fn visible(pattern: Pattern, segments: Option<&HostTensor>, [b, i, j]: [usize; 3], before: usize) -> bool {
    let position = before + i;
    let segment = |at: usize| {
        segments.map(|s| s.u32s()[repeated_index(s.dims(), &[b, at])])
    };
    let causal = |window: Option<u32>| {
        j <= position && window.is_none_or(|window| position - j < window as usize)
    };
    match pattern {
        Pattern::Bidirectional => true,
        Pattern::Causal { window } => causal(window),
        Pattern::PrefixLm { window } => {
            causal(window) || (segment(j) == segment(position) && segment(j) != Some(0))
        }
        Pattern::Block => segment(j) == segment(position),
    }
}
