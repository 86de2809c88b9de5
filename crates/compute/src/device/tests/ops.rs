//! Each operation on the processor.

use proptest::test_runner::{Config, TestRunner};

use super::{Case, agree, cases, output};
use crate::ComputeError;
use crate::device::Device;
use crate::ops::proof::{f32s, noise, try_run, u32s};
use crate::ops::*;
use crate::tensor::HostTensor;

/// Play cases of every kind of operation.
pub(super) fn prove_all(device: &Device, cases_each: u32) {
    for (name, strategy) in cases::all() {
        eprintln!("{name}");
        let mut runner = TestRunner::new(Config { cases: cases_each, ..Config::default() });
        let played = runner.run(&strategy, |cases| {
            agree(&cases, device);
            Ok(())
        });
        played.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn every_operation_agrees_with_its_reference() {
    prove_all(&Device::cpu(), 24);
}

/// The device refuses what the reference refuses.
#[track_caller]
fn both_refuse(op: impl Into<Op>, operands: &[&HostTensor]) {
    let op = op.into();
    let expected = try_run(op.clone(), operands).unwrap_err();
    let got = output(&op, operands, &Device::cpu()).unwrap_err();
    let ComputeError::Operand { what, expected: wanted, got, .. } = got else { panic!("{got}") };
    assert_eq!((what, wanted, got), (expected.what, expected.expected, expected.got));
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
    for op in crate::host::tests::ops::ACTIVATIONS.map(Op::from).into_iter().chain([Softmax.into()]) {
        assert!(output(&op, &[&x], &Device::cpu()).unwrap().f32s()[0].is_nan(), "{op:?}");
    }
}

#[test]
fn empty_values_are_no_trouble() {
    empty_values(&Device::cpu());
}

pub(super) fn empty_values(device: &Device) {
    let none = noise(&[0, 4], 1);
    let of = |kind| Pool { kind, axis: 0, masked: false };
    let (q, k) = (noise(&[2, 1, 4], 1), noise(&[0, 1, 4], 1));
    let causal = Pattern::Causal { window: None };
    let attention = Attention { pattern: causal, scale: 1.0, softcap: None, masked: false };
    let cases = [
        Case::new(Activation::Silu, &[&none], 0.0),
        Case::new(Softmax, &[&none], 0.0),
        Case::new(of(PoolKind::Mean), &[&none], 0.0),
        Case::new(of(PoolKind::Max), &[&none], 0.0),
        Case::new(attention, &[&q, &k, &k], 0.0),
    ];
    agree(&cases, device);
}
