//! Attention against worked numbers and against itself.

use super::*;
use crate::ops::proof::{assert_close, difference, f32s, noise, run, try_run, u32s};
use proptest::prelude::*;

fn op(pattern: Pattern) -> Attention {
    Attention { pattern, scale: 1.0, softcap: None, masked: false }
}

/// Weight of a query's key when all visible keys score the same: v are unit vectors, so the result shows
/// which keys were seen.
fn seen(op: Attention, queries: usize, keys: usize, extra: &[&HostTensor]) -> Vec<Vec<bool>> {
    let q = f32s(&[queries, 1, keys], &vec![0.0; queries * keys]);
    let unit: Vec<f32> = (0..keys * keys).map(|i| f32::from(u8::from(i / keys == i % keys))).collect();
    let k = f32s(&[keys, 1, keys], &unit);
    let inputs: Vec<&HostTensor> = [&q, &k, &k].into_iter().chain(extra.iter().copied()).collect();
    let y = run(op, &inputs);
    y.f32s().chunks(keys).map(|row| row.iter().map(|&w| w > 0.0).collect()).collect()
}

fn rows(text: &[&str]) -> Vec<Vec<bool>> {
    text.iter().map(|row| row.chars().map(|c| c == 'x').collect()).collect()
}

#[test]
fn by_hand() {
    // Scores 0 and ln 3 · 2 / 2: weights 1/4 and 3/4.
    let ln3 = 3.0f32.ln();
    let q = f32s(&[1, 1, 2], &[2.0, 0.0]);
    let k = f32s(&[2, 1, 2], &[0.0, 5.0, ln3, 7.0]);
    let v = f32s(&[2, 1, 2], &[4.0, 0.0, 8.0, 4.0]);
    let half = Attention { scale: 0.5, ..op(Pattern::Bidirectional) };
    assert_close(&run(half.clone(), &[&q, &k, &v]), &f32s(&[1, 1, 2], &[7.0, 3.0]), 1e-7);
    // The score ln 3 capped at 2 becomes 2 tanh(ln 3 / 2) = 1.
    let capped = Attention { softcap: Some(2.0), ..half.clone() };
    let w = 1.0f32.exp() / (1.0 + 1.0f32.exp());
    assert_close(&run(capped, &[&q, &k, &v]), &f32s(&[1, 1, 2], &[4.0 + 4.0 * w, 4.0 * w]), 1e-7);
    // Adding ln 3 to the first key makes them equal.
    let masked = Attention { masked: true, ..half.clone() };
    let mask = f32s(&[1, 2], &[ln3, 0.0]);
    assert_close(&run(masked.clone(), &[&q, &k, &v, &mask]), &f32s(&[1, 1, 2], &[6.0, 2.0]), 1e-7);
    // Nothing visible gives zeros.
    let hidden = u32s(&[2], &[0, 0]);
    assert_eq!(run(masked, &[&q, &k, &v, &hidden]), f32s(&[1, 1, 2], &[0.0, 0.0]));
}

/// Python 3 in f64: softmax(q kᵀ / √2) v with a causal mask, two heads on one kv head.
#[test]
fn against_python() {
    let q = f32s(&[2, 2, 2], &[0.1, 0.2, -0.3, 0.4, 0.5, -0.6, 0.7, 0.8]);
    let k = f32s(&[2, 1, 2], &[0.9, -0.1, -0.4, 0.3]);
    let v = f32s(&[2, 1, 2], &[1.0, 2.0, 3.0, -4.0]);
    let attention = Attention { scale: std::f32::consts::FRAC_1_SQRT_2, ..op(Pattern::Causal { window: None }) };
    let y = run(attention, &[&q, &k, &v]);
    assert_close(&y, &f32s(&[2, 2, 2], &PYTHON), 1e-6);
}

const PYTHON: [f32; 8] = [1.0, 2.0, 1.0, 2.0, 1.695327, -0.0859816, 1.794377, -0.3831318];

#[test]
fn patterns_show_what_they_should() {
    assert_eq!(seen(op(Pattern::Bidirectional), 2, 3, &[]), rows(&["xxx", "xxx"]));
    assert_eq!(seen(op(Pattern::Causal { window: None }), 3, 3, &[]), rows(&["x..", "xx.", "xxx"]));
    // Two new tokens behind two that are cached.
    assert_eq!(seen(op(Pattern::Causal { window: None }), 2, 4, &[]), rows(&["xxx.", "xxxx"]));
    assert_eq!(seen(op(Pattern::Causal { window: Some(2) }), 2, 4, &[]), rows(&[".xx.", "..xx"]));
    let blocks = u32s(&[5], &[0, 1, 1, 1, 0]);
    let prefix = |window| op(Pattern::PrefixLm { window });
    let wide = rows(&["x....", "xxxx.", "xxxx.", "xxxx.", "xxxxx"]);
    assert_eq!(seen(prefix(None), 5, 5, &[&blocks]), wide);
    let narrow = rows(&["x....", ".xxx.", ".xxx.", ".xxx.", "....x"]);
    assert_eq!(seen(prefix(Some(1)), 5, 5, &[&blocks]), narrow);
    let windows = u32s(&[5], &[0, 0, 2, 2, 0]);
    let blocked = rows(&["xx..x", "xx..x", "..xx.", "..xx.", "xx..x"]);
    assert_eq!(seen(op(Pattern::Block), 5, 5, &[&windows]), blocked);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (q, k) = (noise(&[2, 4, 6], 1), noise(&[3, 2, 6], 2));
    let plain = op(Pattern::Bidirectional);
    assert!(try_run(plain.clone(), &[&q, &k, &k]).is_ok());
    for (k, v) in [([3, 3, 6], [3, 3, 6]), ([3, 2, 5], [3, 2, 5]), ([3, 2, 6], [4, 2, 6])] {
        assert!(try_run(plain.clone(), &[&q, &noise(&k, 1), &noise(&v, 1)]).is_err(), "{k:?} {v:?}");
    }
    assert!(try_run(plain.clone(), &[&q, &k]).is_err());
    let masked = Attention { masked: true, ..plain };
    assert!(try_run(masked.clone(), &[&q, &k, &k, &noise(&[3, 2], 1)]).is_err());
    assert!(try_run(masked, &[&q, &k, &k, &noise(&[2, 3], 1)]).is_ok());
    assert!(try_run(op(Pattern::Block), &[&q, &k, &k, &u32s(&[2], &[0, 0])]).is_err());
}

proptest! {
    #[test]
    fn a_mask_that_hides_nothing_equals_no_mask(
        batch in 1usize..3, queries in 1usize..6, keys in 1usize..8, kv in 1usize..3, per in 1usize..3, seed: u64,
    ) {
        let q = noise(&[batch, queries, kv * per, 5], seed);
        let (k, v) = (noise(&[batch, keys, kv, 5], seed ^ 1), noise(&[batch, keys, kv, 5], seed ^ 2));
        let plain = op(Pattern::Bidirectional);
        let y = run(plain.clone(), &[&q, &k, &v]);
        let masked = Attention { masked: true, ..plain };
        let ones = u32s(&[batch, queries, keys], &vec![1; batch * queries * keys]);
        prop_assert_eq!(&y, &run(masked.clone(), &[&q, &k, &v, &ones]));
        prop_assert_eq!(&y, &run(masked, &[&q, &k, &v, &f32s(&[1, keys], &vec![0.0; keys])]));
        let segments = u32s(&[keys], &vec![3; keys]);
        if queries <= keys {
            prop_assert_eq!(&y, &run(op(Pattern::Block), &[&q, &k, &v, &segments]));
        }
    }

    #[test]
    fn grouped_heads_equal_repeated_heads(tokens in 1usize..6, kv in 1usize..4, per in 1usize..4, seed: u64) {
        let (q, k, v) = (
            noise(&[tokens, kv * per, 3], seed), noise(&[tokens, kv, 3], seed ^ 1), noise(&[tokens, kv, 3], seed ^ 2),
        );
        let repeat = |x: &HostTensor| {
            let values: Vec<f32> = x.f32s().chunks(3).flat_map(|head| head.repeat(per)).collect();
            f32s(&[tokens, kv * per, 3], &values)
        };
        let causal = op(Pattern::Causal { window: None });
        prop_assert_eq!(run(causal.clone(), &[&q, &k, &v]), run(causal, &[&q, &repeat(&k), &repeat(&v)]));
    }

    #[test]
    fn a_causal_mask_as_input_equals_the_pattern(new in 1usize..5, past in 0usize..5, window in 1u32..6, seed: u64) {
        let keys = past + new;
        let (q, k, v) = (noise(&[new, 2, 4], seed), noise(&[keys, 1, 4], seed ^ 1), noise(&[keys, 1, 4], seed ^ 2));
        let allowed = |i: usize, j: usize| j <= past + i && past + i - j < window as usize;
        let mask: Vec<u32> = (0..new * keys).map(|n| u32::from(allowed(n / keys, n % keys))).collect();
        let added: Vec<f32> = mask.iter().map(|&m| if m == 1 { 0.0 } else { f32::NEG_INFINITY }).collect();
        let y = run(op(Pattern::Causal { window: Some(window) }), &[&q, &k, &v]);
        let masked = Attention { masked: true, ..op(Pattern::Bidirectional) };
        prop_assert_eq!(&y, &run(masked.clone(), &[&q, &k, &v, &u32s(&[new, keys], &mask)]));
        prop_assert_eq!(&y, &run(masked, &[&q, &k, &v, &f32s(&[new, keys], &added)]));
    }

    #[test]
    fn one_probe_repeats_over_the_batch(batch in 1usize..4, keys in 1usize..6, seed: u64) {
        let probe = noise(&[1, 1, 2, 3], seed);
        let k = noise(&[batch, keys, 2, 3], seed ^ 1);
        let y = run(op(Pattern::Bidirectional), &[&probe, &k, &k]);
        let copies = f32s(&[batch, 1, 2, 3], &probe.f32s().repeat(batch));
        prop_assert_eq!(&y, &run(op(Pattern::Bidirectional), &[&copies, &k, &k]));
        // A mean of the values stays within their range.
        prop_assert!(difference(&y, &y.clone()) == 0.0 && y.f32s().iter().all(|v| v.abs() <= 1.0));
    }
}
