//! Every variant of every format parses; every variant and every format computes what the reference does, and `fast`
//! what the host's `fast` does.

use std::collections::BTreeSet;

use bedside_tensor::DType;

use super::*;
use crate::gpu::tests::{devices, validate, with_weight};
use crate::gpu::{Device, Variants};
use crate::host::tests::close;
use crate::ops::proof::noise;
use crate::ops::{BlockLinear, Op};
use crate::source::OwnedWeight;
use crate::tensor::HostTensor;

const PLAIN: Linear = Linear { bias: false, activation: Activation::None, residual: false };
const ALL: Linear = Linear { bias: true, activation: Activation::GeluErf, residual: true };

/// Error of f32 sums of some hundred products against f64, by the largest result.
const EXACT: f64 = 1e-5;

fn integer_of(reach: Reach, dtype: DType) -> Option<Option<Integer>> {
    if reach.fast { dequant::integer(dtype).map(Some) } else { Some(None) }
}

#[test]
fn every_variant_of_every_format_is_valid() {
    let mut seen = BTreeSet::new();
    for (reach, variant) in variants::all() {
        for dtype in dequant::formats() {
            let Some(integer) = integer_of(reach, dtype) else { continue };
            let lengths: &[usize] = if dtype.block_len() == 1 { &[256, 36, 35] } else { &[256] };
            for (&columns, op) in lengths.iter().flat_map(|columns| [(columns, &PLAIN), (columns, &ALL)]) {
                let matrix = Matrix { dtype, outputs: 5, columns, parts: None };
                let made = kernel(op, &matrix, integer, "linear/test".to_owned(), variant).unwrap();
                if seen.insert(made.wgsl.clone()) {
                    validate(&made);
                }
            }
        }
    }
    assert!(seen.len() > 400, "{} shaders", seen.len());
}

#[test]
fn the_last_variant_is_small() {
    for software in [false, true] {
        let small = crate::gpu::Capabilities { software, ..crate::gpu::Capabilities::SMALL };
        for reach in variants::all().map(|(reach, _)| reach) {
            let all = variants::of(reach, software);
            assert!(all.iter().all(|variant| variant.candidate.subgroup || variant.candidate.fits(&small)));
            assert!(all.last().is_some_and(|variant| variant.candidate.fits(&small)));
        }
    }
}

/// Result and reference of `op` on rows × n × k with this variant.
fn forced(
    op: &Linear,
    [rows, n, k]: [usize; 3],
    how: (DType, Numerics),
    device: &Device,
    (family, name): (&str, &str),
) -> (HostTensor, HostTensor) {
    let (x, w, b, r) = (noise(&[rows, k], 1), noise(&[n, k], 2), noise(&[n], 3), noise(&[rows, n], 4));
    let mut operands = vec![&x, &w];
    operands.extend(op.bias.then_some(&b));
    operands.extend(op.residual.then_some(&r));
    let mut variants = Variants::default();
    variants.force(family, name);
    let (got, expected) = with_weight(&Op::from(op.clone()), &operands, how, device, variants);
    (got.unwrap(), expected)
}

#[test]
fn every_variant_agrees_with_the_reference() {
    // One device: that the others compute the same is shown with the variants they choose.
    let Some(device) = devices().first() else { return };
    let mut seen = BTreeSet::new();
    for (reach, variant) in variants::all() {
        let name = (reach.few, reach.fast, variant.candidate.name);
        if !variant.candidate.fits(device.capabilities()) || !seen.insert(name) {
            continue;
        }
        let numerics = if reach.fast { Numerics::Fast } else { Numerics::Exact };
        // Around tiles and blocks; the last columns of F32 are no whole vector.
        let rows = if reach.few { 3 } else { 65 };
        let formats: &[(DType, usize)] = match reach.fast {
            true => &[(DType::Q5_1, 96), (DType::Q6_K, 256)],
            false => &[(DType::F32, 37), (DType::Q4_0, 96)],
        };
        for &(dtype, k) in formats {
            let reach = Reach::of(rows, 67, k, reach.fast);
            let names = variants::of(reach, device.capabilities().software).iter().map(|v| v.candidate.name);
            assert!(names.into_iter().any(|name| name == variant.candidate.name), "it would not be taken");
            let family = variants::family(reach, dtype);
            let how = (dtype, numerics);
            let (got, expected) = forced(&ALL, [rows, 67, k], how, device, (&family, variant.candidate.name));
            // `fast` rounds activations to 1 / 254 of the largest of their block.
            let tolerance = if reach.fast { 2e-2 } else { EXACT };
            close(&got, &expected, tolerance, &format!("{} {dtype}", variant.candidate.name));
        }
    }
}

#[test]
fn every_format_agrees_with_the_reference() {
    for device in devices().iter().take(2) {
        for dtype in dequant::formats() {
            for rows in [1, 9] {
                let shape = [rows, 5, 512];
                let (got, expected) = forced(&PLAIN, shape, (dtype, Numerics::Exact), device, ("", ""));
                close(&got, &expected, EXACT, &format!("{dtype}, {rows} rows"));
            }
        }
    }
}

#[test]
fn fast_is_the_hosts_fast() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for dtype in dequant::formats().filter(|dtype| dequant::integer(*dtype).is_some()) {
        for rows in [1, 9] {
            let mut x = noise(&[rows, 512], 1).f32s().to_vec();
            x[..32].fill(0.0);
            x[40] = 11.0;
            let (x, w) = (HostTensor::f32(&[rows, 512], x).unwrap(), noise(&[6, 512], 2));
            let owned = OwnedWeight::new("w", dtype, &[6, 512], w.f32s()).unwrap();
            let host = BlockLinear::new("w", owned.view(), Numerics::Fast).unwrap();
            let mut expected = vec![0.0; rows * 6];
            host.forward(x.f32s(), rows, &mut expected, &pool);
            let expected = HostTensor::f32(&[rows, 6], expected).unwrap();
            for device in devices() {
                let how = (dtype, Numerics::Fast);
                let (got, _) = with_weight(&PLAIN.into(), &[&x, &w], how, device, Variants::default());
                // The integers are the same; sixteen f32 sums may be taken in another order.
                close(&got.unwrap(), &expected, 2e-6, &format!("{dtype}, {rows} rows"));
            }
        }
    }
}

#[test]
fn fast_hands_on_what_is_not_a_number() {
    let mut x = noise(&[2, 64], 1).f32s().to_vec();
    x[3] = f32::INFINITY;
    let (x, w) = (HostTensor::f32(&[2, 64], x).unwrap(), noise(&[4, 64], 2));
    for device in devices() {
        let how = (DType::Q8_0, Numerics::Fast);
        let (got, _) = with_weight(&PLAIN.into(), &[&x, &w], how, device, Variants::default());
        let got = got.unwrap();
        let not_numbers: Vec<bool> = got.f32s().iter().map(|v| v.is_nan()).collect();
        assert_eq!(not_numbers, [true, true, true, true, false, false, false, false]);
    }
}
