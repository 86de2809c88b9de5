//! The same on a GPU, where there is one; a software device counts. Few cases: each shape may be compiled.

use super::{networks, ops};
use crate::device::Device;
use crate::graph::sample::vit;
use crate::host::tests::close;
use crate::host::tests::networks::images;
use crate::ops::proof::noise;
use crate::reference::tests::random_weights;
use crate::train::Differentiator;

/// The GPU, or `None`, and the calling test is recorded as skipped.
#[track_caller]
fn gpu() -> Option<Device> {
    match Device::gpu() {
        Ok(device) => {
            eprintln!("on {}", device.adapter().unwrap_or_default());
            Some(device)
        }
        Err(error) => {
            bedside_tests::skip("gpu", &error.to_string());
            None
        }
    }
}

#[test]
fn every_operation_agrees_with_its_reference_on_the_gpu() {
    let Some(device) = gpu() else { return };
    ops::prove_all(&device, 2);
    ops::empty_values(&device);
}

#[test]
fn networks_agree_with_the_reference_on_the_gpu() {
    let Some(device) = gpu() else { return };
    networks::encoders(&device);
    networks::decoder_in(&device, &[&[5, 1, 1, 2]]);
}

/// The processor's gradients are held against differences; the GPU's against those.
#[test]
fn gradients_on_the_gpu_are_the_processors() {
    let Some(device) = gpu() else { return };
    let graph = vit().unwrap();
    let weights = random_weights(&graph, 11);
    let wanted = ["pixels", "v.patch_embd.weight", "v.blk.0.attn_q.weight", "v.blk.0.ln1.weight"];
    let gradients = [Device::cpu(), device].map(|device| {
        let differentiator = Differentiator::on_device(&graph, &weights, &wanted, &device).unwrap();
        let tape = differentiator.forward(&images(2), &[("pixels", noise(&[2, 3, 32, 32], 5))]).unwrap();
        tape.backward(&[("embedding", noise(&[2, 32], 17))]).unwrap()
    });
    for name in wanted {
        // A few layers of f32 roundings, there and back.
        close(&gradients[1][name], &gradients[0][name], 1e-5, name);
    }
}
