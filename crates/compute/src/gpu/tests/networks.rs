//! Whole networks on every adapter against the reference executor, and what must hold over many runs.

use std::collections::HashMap;

use bedside_tensor::DType;
use proptest::prelude::*;

use super::super::{AdapterChoice, Backend, Device, DeviceOptions, Executor, adapters};
use super::{devices, named};
use crate::graph::sample::{WIDTH, random_graph, vit};
use crate::graph::{Graph, Sizes, Symbol};
use crate::host::tests::networks::{
    alone, images, in_blocks, mobile, positions_and, resident_bytes, text, wide_decoder, window_inputs,
    window_vision,
};
use crate::host::tests::{bits, close};
use crate::kv::KvFormat;
use crate::ops::Numerics;
use crate::ops::proof::{noise, u32s};
use crate::plan::{Plan, PlanSettings};
use crate::reference;
use crate::reference::tests::{decoder, random_weights};
use crate::rewrite::rewrite;
use crate::source::{Overlay, OwnedWeight, WeightSource};
use crate::{ComputeError, HostTensor};

/// A few layers of f32 roundings.
const NETWORK: f64 = 1e-5;

pub(super) fn executor(
    graph: &Graph,
    weights: &dyn WeightSource,
    bounds: Sizes,
    kv: KvFormat,
    device: &Device,
) -> Executor {
    let settings = PlanSettings { bounds, numerics: Numerics::Exact, kv };
    let plan = Plan::for_weights(graph, &settings, weights).unwrap();
    Executor::new(graph, &plan, weights, device, None).unwrap()
}

/// The GPU and the reference on the same inputs, before and after the rewrites.
#[track_caller]
fn agree(graph: &Graph, weights: &dyn WeightSource, sizes: Sizes, inputs: &[(&str, HostTensor)]) {
    let expected = reference::Executor::new(graph, weights).unwrap().run(&sizes, inputs).unwrap();
    let rewritten = rewrite(graph, weights).unwrap();
    let overlay = Overlay::new(weights, &rewritten.weights);
    for device in devices() {
        let got = executor(graph, weights, sizes, KvFormat::F32, device).run(&sizes, inputs).unwrap();
        let fused = executor(&rewritten.graph, &overlay, sizes, KvFormat::F32, device).run(&sizes, inputs);
        let fused = fused.unwrap();
        for (name, expected) in &expected {
            close(&got[name], expected, NETWORK, &format!("{name} on {}", named(device)));
            close(&fused[name], expected, NETWORK, &format!("{name}, rewritten, on {}", named(device)));
        }
    }
}

#[test]
fn encoders_agree_with_the_reference() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    agree(&graph, &weights, images(3), &[("pixels", noise(&[3, 3, 32, 32], 5))]);
    let graph = mobile();
    let weights = random_weights(&graph, 4);
    agree(&graph, &weights, images(2), &[("pixels", noise(&[2, 3, 33, 31], 5))]);
    let graph = window_vision();
    let weights = random_weights(&graph, 5);
    agree(&graph, &weights, Sizes::new().with(Symbol::Patches, 37), &window_inputs());
}

#[test]
fn a_decoder_agrees_token_by_token_and_in_chunks() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let ids: [u32; 9] = [3, 17, 39, 0, 5, 5, 21, 8, 30];
    let chunks: [&[usize]; 3] = [&[9], &[1; 9], &[5, 1, 1, 2]];
    for device in devices() {
        for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
            for lens in chunks {
                let mut expected = reference::Executor::new(&graph, &weights).unwrap().with_kv(kv).unwrap();
                let mut got = executor(&graph, &weights, text(9, 24), kv, device);
                let mut past = 0;
                for &len in lens {
                    let inputs = positions_and(&ids[past..past + len], past as u32);
                    let sizes = text(len as u64, past as u64);
                    let expected = expected.run(&sizes, &inputs).unwrap();
                    let got = got.run(&sizes, &inputs).unwrap();
                    // A rounding to f16 or int8 may fall on the other side.
                    let tolerance = if kv == KvFormat::F32 { NETWORK } else { 1e-3 };
                    let what = format!("{kv} {lens:?} {past} on {}", named(device));
                    close(&got["logits"], &expected["logits"], tolerance, &what);
                    past += len;
                }
            }
        }
    }
}

#[test]
fn weights_in_blocks_agree_with_the_same_weights_dequantized() {
    let graph = wide_decoder();
    for (numerics, tolerance) in [(Numerics::Exact, NETWORK), (Numerics::Fast, 5e-2)] {
        for dtype in [DType::F16, DType::Q8_0, DType::Q4_1, DType::Q6_K, DType::IQ4_NL] {
            let weights = in_blocks(&graph, dtype);
            let settings = PlanSettings { bounds: text(6, 24), numerics, kv: KvFormat::F32 };
            let plan = Plan::for_weights(&graph, &settings, &weights).unwrap();
            for device in devices() {
                let mut gpu = Executor::new(&graph, &plan, &weights, device, None).unwrap();
                let mut expected = reference::Executor::new(&graph, &weights).unwrap();
                for (ids, past) in [(&[3u32, 17, 39, 0, 5][..], 0), (&[21], 5)] {
                    let (inputs, sizes) = (positions_and(ids, past), text(ids.len() as u64, past.into()));
                    let expected = expected.run(&sizes, &inputs).unwrap();
                    let got = gpu.run(&sizes, &inputs).unwrap();
                    let what = format!("{numerics} {dtype:?} on {}", named(device));
                    close(&got["logits"], &expected["logits"], tolerance, &what);
                }
            }
        }
    }
}

#[test]
fn wrong_runs_are_refused_and_the_next_one_is_right() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    for device in devices() {
        let mut gpu = executor(&graph, &weights, text(4, 24), KvFormat::F16, device);
        let both = positions_and(&[1, 2], 0);
        let right = gpu.run(&text(2, 0), &both).unwrap();
        let mut refused = |sizes: Sizes, inputs: &[(&str, HostTensor)]| gpu.run(&sizes, inputs).unwrap_err();
        let missing = refused(text(2, 0), &both[..1]);
        assert!(matches!(missing, ComputeError::InputMissing { name } if name == "positions"));
        let unknown = refused(text(2, 0), &[both[0].clone(), ("mask", u32s(&[1], &[1]))]);
        assert!(matches!(unknown, ComputeError::InputUnknown { .. }));
        let shape = refused(text(3, 0), &both);
        assert!(matches!(shape, ComputeError::Input { .. }));
        let element = refused(text(2, 0), &[("ids", noise(&[2], 1)), both[1].clone()]);
        assert!(matches!(element, ComputeError::Input { .. }));
        let index = refused(text(2, 0), &positions_and(&[1, 40], 0));
        assert!(index.to_string().contains("(embedding): id: expected less than 40"), "{index}");
        let none = refused(text(0, 0), &positions_and(&[], 0));
        assert!(none.to_string().contains("(slice): range: expected a part of"), "{none}");
        for sizes in [text(5, 0), text(1, 25), Sizes::new(), Sizes::new().with(Symbol::Tokens, 2)] {
            let size = refused(sizes, &both);
            assert!(matches!(size, ComputeError::Size { .. }), "{sizes}: {size}");
        }
        let full = refused(text(2, 23), &both);
        assert!(matches!(full, ComputeError::CacheFull { capacity: 24, needed: 25, .. }));
        let again = gpu.run(&text(2, 0), &both).unwrap();
        assert_eq!(bits(&right["logits"]), bits(&again["logits"]));
        assert!(gpu.run(&text(1, 23), &positions_and(&[1], 23)).is_ok());
    }
}

#[test]
fn rows_that_are_not_finite_are_refused() {
    let graph = decoder();
    let mut weights: HashMap<String, OwnedWeight> = random_weights(&graph, 7);
    let name = "blk.1.attn_norm.weight";
    weights.insert(name.to_owned(), OwnedWeight::new(name, DType::F32, &[16], &[f32::MAX; 16]).unwrap());
    let inputs = positions_and(&[1, 2], 0);
    let expected = reference::Executor::new(&graph, &weights).unwrap().run(&text(2, 0), &inputs).unwrap_err();
    let ComputeError::Operand { what: wanted, .. } = expected else { panic!("{expected}") };
    for device in devices() {
        for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8_0] {
            let refused = executor(&graph, &weights, text(2, 24), kv, device).run(&text(2, 0), &inputs);
            let ComputeError::Operand { what, .. } = refused.unwrap_err() else { panic!("{kv}") };
            assert_eq!(what, wanted);
        }
    }
}

/// 1,000 runs; and what is pushed to the queue is taken back.
#[test]
fn runs_repeat_bit_for_bit_in_flat_memory() {
    if !alone("gpu::tests::networks::runs_repeat_bit_for_bit_in_flat_memory") {
        return;
    }
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    let Some(device) = devices().first() else { return };
    let mut gpu = executor(&graph, &weights, images(1), KvFormat::F32, device);
    let pixels = [("pixels", noise(&[1, 3, 32, 32], 5))];
    let first = gpu.run(&images(1), &pixels).unwrap();
    let (mut before, taken) = (None, gpu.device_bytes());
    for run in 0..1000 {
        let again = gpu.run(&images(1), &pixels).unwrap();
        assert_eq!(bits(&first["embedding"]), bits(&again["embedding"]), "run {run}");
        if run == 100 {
            before = resident_bytes();
        }
    }
    assert_eq!(gpu.device_bytes(), taken);
    // The driver keeps memory for later; a leak of one arena per run would be 300 MiB.
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        assert!(after < before + (256 << 20), "{before} bytes became {after}");
    }
}

#[test]
fn opengl_agrees_with_the_reference() {
    let Some(adapter) = adapters(Some(Backend::Gl)).into_iter().next() else {
        return bedside_tests::skip("opengl", "no adapter through OpenGL");
    };
    let named = AdapterChoice::Named(adapter.name);
    let options = DeviceOptions { adapter: named, backend: Some(Backend::Gl), clamp: None };
    let device = Device::open(&options, None).unwrap();
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    let pixels = [("pixels", noise(&[2, 3, 32, 32], 5))];
    let expected = reference::Executor::new(&graph, &weights).unwrap().run(&images(2), &pixels).unwrap();
    let mut gpu = executor(&graph, &weights, images(2), KvFormat::F32, &device);
    let got = gpu.run(&images(2), &pixels).unwrap();
    close(&got["embedding"], &expected["embedding"], NETWORK, &device.adapter().to_string());
}

#[test]
fn a_profile_times_every_operation() {
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 3);
    let Some(device) = devices().first() else { return };
    let mut gpu = executor(&graph, &weights, images(1), KvFormat::F32, device);
    let times = gpu.profile(&images(1), &[("pixels", noise(&[1, 3, 32, 32], 5))]).unwrap();
    for (value, node) in graph.values() {
        let computes = !matches!(node.op.name(), "input" | "weight" | "constant" | "state" | "reshape");
        assert_eq!(!times[value.index()].is_zero(), computes, "{}", node.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_agree(graph in random_graph(), tokens in 1u64..5, seed: u64) {
        let weights = random_weights(&graph, seed);
        let sizes = Sizes::new().with(Symbol::Tokens, tokens);
        let dims = [tokens as usize, WIDTH as usize];
        let mut inputs = vec![("x", noise(&dims, seed)), ("y", noise(&dims, seed ^ 1))];
        inputs.retain(|(name, _)| graph.inputs().any(|node| node.name == *name));
        let expected = reference::Executor::new(&graph, &weights).unwrap().run(&sizes, &inputs).unwrap();
        for device in devices() {
            let bounds = sizes.with(Symbol::Tokens, tokens + 2);
            let got = executor(&graph, &weights, bounds, KvFormat::F32, device).run(&sizes, &inputs).unwrap();
            for (name, expected) in &expected {
                // Norms of nearly constant rows enlarge roundings.
                close(&got[name], expected, 1e-3, name);
            }
        }
    }
}
