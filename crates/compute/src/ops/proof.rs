//! What the tests of the operations share: run one operation by its reference, make numbers, compare.

use super::Op;
use crate::error::Mismatch;
use crate::graph::{Dim, Sizes, ValueType};
use crate::tensor::HostTensor;

/// Shape check and reference of one operation over concrete operands.
pub(crate) fn try_run(op: impl Into<Op>, inputs: &[&HostTensor]) -> Result<HostTensor, Mismatch> {
    let op = op.into();
    let operation = op.operation().expect("not a leaf");
    let types: Vec<ValueType> = inputs
        .iter()
        .map(|x| ValueType { dims: x.dims().iter().map(|&d| Dim::from(d)).collect(), element: x.element() })
        .collect();
    let output = operation.infer(&types)?.at(&Sizes::new()).unwrap();
    let output: Vec<usize> = output.iter().map(|&d| d as usize).collect();
    let result = operation.reference(inputs, &output, &Sizes::new())?;
    assert_eq!(result.dims(), output, "{op:?} returned other dimensions than its shape check");
    Ok(result)
}

pub(crate) fn run(op: impl Into<Op>, inputs: &[&HostTensor]) -> HostTensor {
    try_run(op, inputs).unwrap()
}

pub(crate) fn f32s(dims: &[usize], values: &[f32]) -> HostTensor {
    HostTensor::f32(dims, values.to_vec()).unwrap()
}

pub(crate) fn u32s(dims: &[usize], values: &[u32]) -> HostTensor {
    HostTensor::u32(dims, values.to_vec()).unwrap()
}

/// Numbers in [-1, 1) that depend on dimensions and seed only (SplitMix64).
pub(crate) fn noise(dims: &[usize], seed: u64) -> HostTensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let values = (0..dims.iter().product()).map(|_| next()).collect();
    HostTensor::f32(dims, values).unwrap()
}

/// Largest difference, relative to the largest expected magnitude (at least 1).
pub(crate) fn difference(got: &HostTensor, expected: &HostTensor) -> f64 {
    assert_eq!(got.dims(), expected.dims());
    let pairs = || got.f32s().iter().zip(expected.f32s());
    let largest = pairs().fold(1.0f64, |m, (_, e)| m.max(f64::from(e.abs())));
    pairs().fold(0.0f64, |m, (g, e)| {
        let d = f64::from((g - e).abs()) / largest;
        if d.is_nan() { f64::INFINITY } else { m.max(d) }
    })
}

/// Equal up to `tolerance` of the largest magnitude.
#[track_caller]
pub(crate) fn assert_close(got: &HostTensor, expected: &HostTensor, tolerance: f64) {
    let d = difference(got, expected);
    assert!(d <= tolerance, "differ by {d}: {:?} and {:?}", got.f32s(), expected.f32s());
}
