//! Every variant against the reference, over patterns, masks, shared heads and caches.

use super::*;
use crate::gpu::tests::devices;
use crate::gpu::{Executor, Variants};
use crate::graph::Sizes;
use crate::host::tests::{Operands, close, lone};
use crate::ops::proof::{f32s, noise, run as reference, u32s};
use crate::ops::{Numerics, Op};
use crate::plan::{Plan, PlanSettings};
use crate::tensor::HostTensor;

/// Products of up to 130 features and mixes of up to 1,100 keys in f32, by the largest result (at least 1).
const TOLERANCE: f64 = 5e-6;

fn played(op: &Attention, operands: &[&HostTensor], device: &crate::gpu::Device, name: &str) -> HostTensor {
    let (graph, weights) = lone(&Op::from(op.clone()), operands, Operands::Inputs);
    let settings = PlanSettings { bounds: Sizes::new(), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
    let mut variants = Variants::default();
    let head_dim = operands[0].row_len();
    for kind in ["few", "many"] {
        variants.force(&format!("attention/{kind}{head_dim}"), name);
    }
    let mut executor = Executor::with_variants(&graph, &plan, &weights, device, variants).unwrap();
    let labels = executor.kernels();
    assert!(labels.iter().any(|label| label.ends_with(&format!("/{name}"))), "{name}: {labels:?}");
    let names: Vec<String> = (0..operands.len()).map(|i| format!("x{i}")).collect();
    let inputs: Vec<(&str, HostTensor)> =
        names.iter().zip(operands).map(|(name, x)| (name.as_str(), (*x).clone())).collect();
    executor.run(&Sizes::new(), &inputs).unwrap().remove("y").unwrap()
}

/// Every variant on the first device; that the others compute the same is shown with the variants they choose.
#[track_caller]
fn agree(op: &Attention, operands: &[&HostTensor]) {
    let Some(device) = devices().first() else { return };
    let expected = reference(op.clone(), operands);
    for candidate in [LANE, TILE, SPLIT_KEYS] {
        let got = played(op, operands, device, candidate.name);
        close(&got, &expected, TOLERANCE, &format!("{op:?} by {}", candidate.name));
    }
}

fn attention(pattern: Pattern) -> Attention {
    Attention { pattern, scale: 0.3, softcap: None, masked: false }
}

#[test]
fn patterns_agree_around_tiles() {
    // 35 queries behind 30 keys: a tile and a bit of both; two query heads share a kv head.
    let (q, k, v) = (noise(&[35, 4, 8], 1), noise(&[65, 2, 8], 2), noise(&[65, 2, 8], 3));
    let segments: Vec<u32> = (0..65).map(|i| [0, 1, 1, 2][i / 7 % 4]).collect();
    let segments = u32s(&[65], &segments);
    for pattern in [
        Pattern::Bidirectional,
        Pattern::Causal { window: None },
        Pattern::Causal { window: Some(5) },
        Pattern::PrefixLm { window: Some(3) },
        Pattern::Block,
    ] {
        let mut operands = vec![&q, &k, &v];
        operands.extend(pattern.has_segments().then_some(&segments));
        agree(&attention(pattern), &operands);
    }
}

#[test]
fn masks_agree_and_a_query_that_sees_nothing_gives_zeros() {
    let (q, k, v) = (noise(&[2, 3, 2, 5], 1), noise(&[2, 7, 2, 5], 2), noise(&[2, 7, 2, 5], 3));
    let masked = |softcap| Attention { softcap, masked: true, ..attention(Pattern::Bidirectional) };
    let seen: Vec<u32> = (0..21).map(|i| u32::from(i >= 7 && i % 3 != 0)).collect();
    agree(&masked(None), &[&q, &k, &v, &u32s(&[3, 7], &seen)]);
    let mut added = noise(&[2, 1, 7], 4).f32s().to_vec();
    added[..7].fill(f32::NEG_INFINITY);
    added[9] = f32::NEG_INFINITY;
    agree(&masked(Some(2.0)), &[&q, &k, &v, &f32s(&[2, 1, 7], &added)]);
    // f32::MIN hides too, by rounding.
    let added: Vec<f32> = (0..7).map(|i| if i % 2 == 0 { f32::MIN } else { 0.5 }).collect();
    agree(&masked(None), &[&q, &k, &v, &f32s(&[7], &added)]);
}

#[test]
fn heads_of_any_width_agree() {
    for head_dim in [1, 3, 64, 65, 128] {
        let (q, k, v) =
            (noise(&[2, 2, head_dim], 1), noise(&[5, 1, head_dim], 2), noise(&[5, 1, head_dim], 3));
        agree(&attention(Pattern::Causal { window: None }), &[&q, &k, &v]);
    }
}

#[test]
fn wide_heads_have_kernels() {
    let Some(device) = devices().first() else { return };
    let (q, k, v) = (noise(&[3, 1, 260], 1), noise(&[4, 1, 260], 2), noise(&[4, 1, 260], 3));
    let op = attention(Pattern::Bidirectional);
    let expected = reference(op.clone(), &[&q, &k, &v]);
    for name in [TILE.name, SPLIT_KEYS.name] {
        close(&played(&op, &[&q, &k, &v], device, name), &expected, TOLERANCE, name);
    }
}

#[test]
fn splits_of_the_keys_are_put_together() {
    for keys in [SPLIT, SPLIT + 1, 2 * SPLIT + 77] {
        let (q, k, v) = (noise(&[2, 2, 8], 1), noise(&[keys, 1, 8], 2), noise(&[keys, 1, 8], 3));
        for pattern in [Pattern::Causal { window: None }, Pattern::Causal { window: Some(600) }] {
            agree(&attention(pattern), &[&q, &k, &v]);
        }
    }
}

#[test]
fn what_is_not_a_number_is_handed_on() {
    let Some(device) = devices().first() else { return };
    let (q, v) = (noise(&[2, 1, 8], 1), noise(&[40, 1, 8], 3));
    let mut k = noise(&[40, 1, 8], 2).f32s().to_vec();
    k[39 * 8] = f32::NAN;
    let k = f32s(&[40, 1, 8], &k);
    let op = attention(Pattern::Causal { window: None });
    for candidate in [LANE, TILE, SPLIT_KEYS] {
        let got = played(&op, &[&q, &k, &v], device, candidate.name);
        assert!(got.f32s()[..8].iter().all(|v| v.is_finite()), "{}: {got:?}", candidate.name);
        assert!(got.f32s()[8..].iter().all(|v| v.is_nan()), "{}: {got:?}", candidate.name);
    }
}

#[test]
fn steps_are_none_where_an_operand_repeats() {
    assert_eq!(steps::<3>(&[2, 3, 4]), [12, 4, 1]);
    assert_eq!(steps::<3>(&[2, 1, 4]), [4, 0, 1]);
    assert_eq!(steps::<3>(&[3, 1]), [0, 1, 0]);
    assert_eq!(steps::<3>(&[1]), [0, 0, 0]);
    assert_eq!(steps::<2>(&[4]), [0, 1]);
}
