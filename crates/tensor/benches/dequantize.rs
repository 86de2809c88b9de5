//! Dequantize and quantize, one core, per format. Figures are bytes of f32 output (input for quantize).
//! `cargo bench -p bedside-tensor`

use std::hint::black_box;

use bedside_tensor::DType;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// 64 rows of 4096: 1 MiB of f32, so that the output stays in the L2 cache as a tile would.
const ELEMENTS: usize = 64 * 4096;

fn wave() -> Vec<f32> {
    (0..ELEMENTS).map(|i| (i as f32 * 0.37).sin() * (i as f32 * 0.011).cos()).collect()
}

fn dequantize(c: &mut Criterion) {
    let x = wave();
    let mut group = c.benchmark_group("dequantize");
    group.throughput(Throughput::Bytes(4 * ELEMENTS as u64));
    for dtype in DType::ALL.iter().filter(|t| t.is_supported()) {
        let blocks = dtype.quantize(&x).expect("whole blocks of finite values");
        let mut out = vec![0.0; ELEMENTS];
        group.bench_function(dtype.name(), |b| {
            b.iter(|| dtype.dequantize(black_box(&blocks), &mut out).expect("lengths fit"));
        });
        let codec = dtype.codec().expect("filtered by is_supported");
        group.bench_function(format!("{dtype} reference"), |b| {
            b.iter(|| codec.reference(black_box(&blocks), &mut out));
        });
    }
    group.finish();
}

fn quantize(c: &mut Criterion) {
    let x = &wave()[..16 * 4096];
    let mut group = c.benchmark_group("quantize");
    group.sample_size(10).throughput(Throughput::Bytes(4 * x.len() as u64));
    for dtype in DType::ALL.iter().filter(|t| t.is_quantized()) {
        group.bench_function(dtype.name(), |b| {
            b.iter(|| dtype.quantize(black_box(x)).expect("whole blocks of finite values"));
        });
    }
    group.finish();
}

criterion_group!(benches, dequantize, quantize);
criterion_main!(benches);
