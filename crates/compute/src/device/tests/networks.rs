//! Whole networks against the reference executor.

use std::collections::HashMap;

use bedside_tensor::DType;
use proptest::prelude::*;

use super::close;
use crate::device::{Device, Executor};
use crate::graph::sample::{WIDTH, random_graph, vit};
use crate::graph::{Graph, Sizes, Symbol};
use crate::host::tests::bits;
use crate::host::tests::networks::{images, mobile, positions_and, text, window_inputs, window_vision};
use crate::ops::proof::{noise, u32s};
use crate::reference;
use crate::reference::tests::{decoder, random_weights};
use crate::source::{OwnedWeight, WeightSource};
use crate::{ComputeError, HostTensor};

/// A few layers of f32 roundings.
const NETWORK: f64 = 1e-5;

#[track_caller]
fn agree(
    graph: &Graph,
    weights: &dyn WeightSource,
    sizes: Sizes,
    inputs: &[(&str, HostTensor)],
    on: (&Device, f64),
) {
    let expected = reference::Executor::new(graph, weights).unwrap().run(&sizes, inputs).unwrap();
    let got = Executor::new(graph, weights, on.0).unwrap().run(&sizes, inputs).unwrap();
    for (name, expected) in &expected {
        close(&got[name], expected, on.1, name);
    }
}

/// Encoders, one of them with weights in blocks.
pub(super) fn encoders(device: &Device) {
    let on = (device, NETWORK);
    let graph = vit().unwrap();
    let mut weights = random_weights(&graph, 3);
    let pixels = [("pixels", noise(&[3, 3, 32, 32], 5))];
    agree(&graph, &weights, images(3), &pixels, on);
    for name in ["v.blk.0.ffn_up.weight", "v.proj.weight"] {
        let view = weights[name].view();
        let (dims, numbers) = (view.shape().dims().to_vec(), view.to_f32().unwrap());
        weights.insert(name.to_owned(), OwnedWeight::new(name, DType::Q4_0, &dims, &numbers).unwrap());
    }
    agree(&graph, &weights, images(3), &pixels, on);
    let graph = mobile();
    let weights = random_weights(&graph, 4);
    agree(&graph, &weights, images(2), &[("pixels", noise(&[2, 3, 33, 31], 5))], on);
    let graph = window_vision();
    let weights = random_weights(&graph, 5);
    agree(&graph, &weights, Sizes::new().with(Symbol::Patches, 37), &window_inputs(), on);
}

/// A decoder in chunks of these lengths.
pub(super) fn decoder_in(device: &Device, chunks: &[&[usize]]) {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let ids: [u32; 9] = [3, 17, 39, 0, 5, 5, 21, 8, 30];
    for lens in chunks {
        let mut expected = reference::Executor::new(&graph, &weights).unwrap();
        let mut got = Executor::new(&graph, &weights, device).unwrap();
        let mut past = 0;
        for &len in *lens {
            let inputs = positions_and(&ids[past..past + len], past as u32);
            let sizes = text(len as u64, past as u64);
            let expected = expected.run(&sizes, &inputs).unwrap();
            let got = got.run(&sizes, &inputs).unwrap();
            close(&got["logits"], &expected["logits"], NETWORK, &format!("{lens:?} {past}"));
            past += len;
        }
    }
}

#[test]
fn encoders_agree_with_the_reference() {
    encoders(&Device::cpu());
}

#[test]
fn a_decoder_agrees_token_by_token_and_in_chunks() {
    decoder_in(&Device::cpu(), &[&[9], &[1; 9], &[5, 1, 1, 2], &[8, 1]]);
}

#[test]
fn wrong_runs_are_refused_and_the_next_one_is_right() {
    let graph = decoder();
    let weights = random_weights(&graph, 7);
    let mut executor = Executor::new(&graph, &weights, &Device::cpu()).unwrap();
    let both = positions_and(&[1, 2], 0);
    let right = executor.run(&text(2, 0), &both).unwrap();
    let mut refused = |sizes: Sizes, inputs: &[(&str, HostTensor)]| executor.run(&sizes, inputs).unwrap_err();
    let missing = refused(text(2, 0), &both[..1]);
    assert!(matches!(missing, ComputeError::InputMissing { name } if name == "positions"));
    let unknown = refused(text(2, 0), &[both[0].clone(), ("mask", u32s(&[1], &[1]))]);
    assert!(matches!(unknown, ComputeError::InputUnknown { .. }));
    let shape = refused(text(3, 0), &both);
    assert!(matches!(shape, ComputeError::Input { .. }));
    let element = refused(text(2, 0), &[("ids", noise(&[2], 1)), both[1].clone()]);
    assert!(matches!(element, ComputeError::Input { .. }));
    let index = refused(text(2, 0), &positions_and(&[1, 40], 0));
    assert!(index.to_string().contains("(embedding): id: expected less than 40, got 40"), "{index}");
    let none = refused(text(0, 0), &positions_and(&[], 0));
    assert!(none.to_string().contains("(slice): range: expected a part of 0"), "{none}");
    let none = refused(text(0, 3), &positions_and(&[], 3));
    assert!(none.to_string().contains("(slice): range: expected a part of 0"), "{none}");
    for sizes in [Sizes::new(), Sizes::new().with(Symbol::Tokens, 2)] {
        let size = refused(sizes, &both);
        assert!(matches!(size, ComputeError::Size { .. }), "{sizes}: {size}");
    }
    let full = refused(text(2, 23), &both);
    assert!(matches!(full, ComputeError::CacheFull { capacity: 24, needed: 25, .. }));
    let again = executor.run(&text(2, 0), &both).unwrap();
    assert_eq!(bits(&right["logits"]), bits(&again["logits"]));
    assert!(executor.run(&text(1, 23), &positions_and(&[1], 23)).is_ok());
}

#[test]
fn rows_that_are_not_finite_are_refused() {
    let graph = decoder();
    let mut weights: HashMap<String, OwnedWeight> = random_weights(&graph, 7);
    let norm = [f32::MAX; 16];
    weights.insert(
        "blk.1.attn_norm.weight".to_owned(),
        OwnedWeight::new("blk.1.attn_norm.weight", DType::F32, &[16], &norm).unwrap(),
    );
    let inputs = positions_and(&[1, 2], 0);
    let expected = reference::Executor::new(&graph, &weights).unwrap().run(&text(2, 0), &inputs).unwrap_err();
    let got = Executor::new(&graph, &weights, &Device::cpu()).unwrap().run(&text(2, 0), &inputs).unwrap_err();
    assert_eq!(got, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_agree(graph in random_graph(), tokens in 1u64..5, seed: u64) {
        let weights = random_weights(&graph, seed);
        let dims = [tokens as usize, WIDTH as usize];
        let mut inputs = vec![("x", noise(&dims, seed)), ("y", noise(&dims, seed ^ 1))];
        inputs.retain(|(name, _)| graph.inputs().any(|node| node.name == *name));
        // Norms of nearly constant rows enlarge roundings.
        agree(&graph, &weights, Sizes::new().with(Symbol::Tokens, tokens), &inputs, (&Device::cpu(), 1e-3));
    }
}
