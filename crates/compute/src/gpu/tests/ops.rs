//! Each operation on every adapter. Few cases: each shape may be compiled, and software devices are slow.

use bedside_tensor::DType;
use proptest::test_runner::{Config, TestRunner};

use super::{agree, agree_with_weight, devices, outputs};
use crate::ComputeError;
use crate::device::tests::cases;
use crate::host::tests::Operands;
use crate::ops::proof::{f32s, noise, run, try_run, u32s};
use crate::ops::*;
use crate::tensor::HostTensor;

/// Play cases of the kinds of operations with these names.
fn prove(names: &[&str], cases_each: u32) {
    if devices().is_empty() {
        return;
    }
    for (name, strategy) in cases::all().into_iter().filter(|(name, _)| names.contains(name)) {
        let mut runner = TestRunner::new(Config { cases: cases_each, ..Config::default() });
        let played = runner.run(&strategy, |cases| {
            for case in cases {
                agree(case.op.clone(), &case.operands(), case.tolerance);
            }
            Ok(())
        });
        played.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn pointwise_operations_agree_with_their_references() {
    prove(&["activation", "add and mul", "batch_norm"], 3);
}

#[test]
fn operations_over_rows_agree_with_their_references() {
    prove(&["rows", "pool"], 4);
}

#[test]
fn operations_that_move_agree_with_their_references() {
    prove(&["moves", "concat", "lookups"], 2);
}

#[test]
fn operations_on_images_agree_with_their_references() {
    prove(&["images"], 3);
}

#[test]
fn rope_agrees_with_its_reference() {
    prove(&["rope"], 4);
}

#[test]
fn linear_agrees_with_its_reference() {
    prove(&["linear"], 4);
}

#[test]
fn attention_agrees_with_its_reference() {
    prove(&["attention"], 6);
}

#[test]
fn every_activation_is_the_references() {
    // Around 0, where quotients cancel, and far out, where exponentials leave f32.
    let mut x: Vec<f32> = (-60..60).map(|i| i as f32 * 0.31).collect();
    x.extend([0.0, -0.0, 1e-3, -1e-3, 88.0, -88.0, 300.0, -300.0, 1e30, -1e30]);
    let x = f32s(&[2, x.len() / 2], &x);
    for activation in crate::host::tests::ops::ACTIVATIONS {
        let expected = run(activation, &[&x]);
        for device in devices() {
            let got = outputs(&activation.into(), &[&x], Operands::Inputs, device).unwrap();
            for ((x, got), expected) in x.f32s().iter().zip(got["y"].f32s()).zip(expected.f32s()) {
                // Each by its own size: half a dozen roundings, and the error function's 6e-7.
                let allowed = 1e-6 * expected.abs().max(x.abs().min(1.0));
                assert!(
                    (got - expected).abs() <= allowed,
                    "{activation:?}({x}) = {got}, expected {expected}"
                );
            }
        }
    }
}

#[test]
fn every_format_can_be_looked_up() {
    let table = noise(&[7, 512], 1);
    let ids = u32s(&[2, 2], &[6, 0, 3, 3]);
    for dtype in crate::gpu::dequant::formats() {
        agree_with_weight(Embedding, &[&ids, &table], dtype, Numerics::Exact, 1e-6);
    }
}

#[test]
fn rows_of_thousands_keep_their_digits() {
    let x: Vec<f32> = noise(&[3, 5000], 4).f32s().iter().map(|v| v + 100.0).collect();
    let x = f32s(&[3, 5000], &x);
    let w = noise(&[5000], 1);
    // The numbers around 100 have an absolute error of 4e-6 as they come.
    agree(LayerNorm { eps: 1e-5, bias: false }, &[&x, &w], 2e-5);
    agree(Softmax, &[&noise(&[3, 5000], 2)], 1e-5);
}

/// A GPU refuses what the reference refuses, though it cannot say with which number.
#[track_caller]
fn both_refuse(op: impl Into<Op>, operands: &[&HostTensor]) {
    let op = op.into();
    let expected = try_run(op.clone(), operands).unwrap_err();
    for device in devices() {
        let got = outputs(&op, operands, Operands::Inputs, device).unwrap_err();
        let ComputeError::Operand { what, expected: wanted, .. } = got else { panic!("{got}") };
        assert_eq!((what, wanted), (expected.what, expected.expected.clone()));
    }
}

#[test]
fn indices_out_of_range_are_refused() {
    let x = noise(&[3, 4], 1);
    both_refuse(Embedding, &[&u32s(&[2], &[0, 3]), &x]);
    both_refuse(Gather { batched: false }, &[&x, &u32s(&[2], &[2, u32::MAX])]);
    both_refuse(Gather { batched: false }, &[&noise(&[0, 4], 1), &u32s(&[1], &[0])]);
}

#[test]
fn not_a_number_stays_one() {
    let x = f32s(&[1, 3], &[f32::NAN, 1.0, -1.0]);
    for device in devices() {
        for activation in [Activation::None, Activation::GeluErf, Activation::Silu, Activation::Relu] {
            let got = outputs(&activation.into(), &[&x], Operands::Inputs, device).unwrap();
            assert!(got["y"].f32s()[0].is_nan(), "{activation:?}: {:?}", got["y"]);
        }
    }
}

#[test]
fn empty_values_are_no_trouble() {
    let none = noise(&[0, 4], 1);
    agree(Activation::Silu, &[&none], 0.0);
    agree(Softmax, &[&none], 0.0);
    for kind in [PoolKind::Mean, PoolKind::Max] {
        agree(Pool { kind, axis: 0, masked: false }, &[&none], 0.0);
    }
    agree(Concat { axis: 0 }, &[&none, &noise(&[2, 4], 2)], 0.0);
}

/// A table that does not fit one binding is read in parts.
#[test]
fn weights_are_split_where_bindings_are_small() {
    use super::super::{AdapterChoice, Capabilities, Device, DeviceOptions, Variants};
    let (ids, table) = (u32s(&[5], &[0, 36, 17, 18, 35]), noise(&[37, 64], 1));
    for adapter in super::found() {
        let clamp = Capabilities { max_binding_bytes: 4096, ..Capabilities::SMALL };
        let named = AdapterChoice::Named(adapter.name.clone());
        let options = DeviceOptions { adapter: named, backend: Some(adapter.backend), clamp: Some(clamp) };
        let device = Device::open(&options, None).unwrap();
        for dtype in [DType::F32, DType::Q8_0, DType::F16] {
            let how = (dtype, Numerics::Exact);
            let (got, expected) =
                super::with_weight(&Embedding.into(), &[&ids, &table], how, &device, Variants::default());
            crate::host::tests::close(&got.unwrap(), &expected, 1e-6, &format!("{dtype:?}"));
            let (x, linear) =
                (noise(&[3, 64], 2), Linear { bias: false, activation: Activation::None, residual: false });
            let (got, expected) =
                super::with_weight(&linear.into(), &[&x, &table], how, &device, Variants::default());
            crate::host::tests::close(&got.unwrap(), &expected, 1e-5, &format!("{dtype:?}"));
        }
        let wide = noise(&[2, 4096], 3);
        let refused = outputs(&Softmax.into(), &[&wide], Operands::Inputs, &device).unwrap_err();
        assert!(matches!(refused, ComputeError::GpuLimit { limit: 4096, .. }), "{refused}");
    }
}
