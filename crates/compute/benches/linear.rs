//! Linear on block formats, on one core unless the name says two: `cargo bench -p bedside-compute --bench linear`.
//! Figures: element/s are multiplications (half the flop/s); bytes/s are weight bytes, and for `copy` the
//! bytes read and written. Compare within one run.

use std::hint::black_box;
use std::time::Duration;

use bedside_compute::{ComputeError, Numerics};
use bedside_tensor::{DType, TensorView};
use burn::tensor::{Device, Tensor, TensorData};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use rayon::{ThreadPool, ThreadPoolBuilder};

// The kernels are no public interface; the bench compiles the same sources.
#[allow(dead_code, unused_imports, reason = "only a part is measured, and none of the tests")]
#[path = "../src/ops/linear/host/mod.rs"]
mod host;

use host::{BlockLinear, Tier};

const FORMATS: [DType; 8] =
    [DType::Q8_0, DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::Q4_K, DType::Q5_K, DType::Q6_K];

/// The larger matrices: beyond the caches of most devices.
const LARGE: usize = 64 << 20;

fn wave(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin() * (i as f32 * 0.011).cos()).collect()
}

fn threads(count: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(count).build().expect("a pool of one or two threads")
}

fn view(dtype: DType, [outputs, columns]: [usize; 2], blocks: &[u8]) -> TensorView<'_> {
    TensorView::new(dtype, &[outputs as u64, columns as u64], blocks).expect("whole blocks")
}

fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(30);
    group
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: String,
    linear: &BlockLinear<'_>,
    rows: usize,
    pool: &ThreadPool,
) {
    let (x, mut out) = (wave(rows * linear.columns()), vec![0.0; rows * linear.outputs()]);
    group.bench_function(name, |b| b.iter(|| linear.forward(black_box(&x), rows, &mut out, pool)));
}

/// The same shape for all: 1536 × 576, or 1152 × 768 (as many weights) where super-blocks ask for it.
fn shape(dtype: DType) -> [usize; 2] {
    if dtype.block_len() == 256 { [1152, 768] } else { [1536, 576] }
}

fn by_format(c: &mut Criterion, name: &str, rows: usize, tiers: &[Tier]) {
    let (mut group, one) = (group(c, name), threads(1));
    for dtype in FORMATS {
        let [outputs, columns] = shape(dtype);
        let blocks = dtype.quantize(&wave(outputs * columns)).expect("finite whole blocks");
        group.throughput(Throughput::Elements((rows * outputs * columns) as u64));
        for (tier, numerics) in tiers.iter().flat_map(|t| [(*t, Numerics::Fast), (*t, Numerics::Exact)]) {
            let linear = BlockLinear::with_tier("w", view(dtype, shape(dtype), &blocks), numerics, tier)
                .expect("two dimensions and a codec");
            measure(&mut group, format!("{dtype} {numerics} {}", tier.name()), &linear, rows, &one);
        }
    }
    dense(&mut group, rows, shape(DType::F32));
}

/// burn's product and ours on f32 weights.
fn dense(group: &mut BenchmarkGroup<'_, WallTime>, rows: usize, shape: [usize; 2]) {
    let (w, x, one) = (wave(shape[0] * shape[1]), wave(rows * shape[1]), threads(1));
    group.throughput(Throughput::Elements((rows * shape[0] * shape[1]) as u64));
    let blocks = DType::F32.quantize(&w).expect("finite");
    let linear = BlockLinear::new("w", view(DType::F32, shape, &blocks), Numerics::Exact).expect("a matrix");
    measure(group, "F32 tiles".to_owned(), &linear, rows, &one);
    let matrix = |numbers: Vec<f32>, dims: [usize; 2]| -> Tensor<2> {
        Tensor::from_data(TensorData::new(numbers, dims), &Device::flex())
    };
    let (w, x) = (matrix(w, shape).transpose(), matrix(x, [rows, shape[1]]));
    let product = || x.clone().matmul(w.clone()).into_data();
    group.bench_function("F32 burn-flex", |b| b.iter(|| one.install(|| black_box(product()))));
}

fn matrix_vector(c: &mut Criterion) {
    by_format(c, "matrix-vector 576 to 1536", 1, &Tier::available().collect::<Vec<_>>());
}

fn matrix_matrix(c: &mut Criterion) {
    let vector: Vec<Tier> = Tier::available().filter(|t| *t > Tier::Portable).collect();
    by_format(c, "linear 512 x 576 x 1536", 512, &vector);
}

fn large_matrix_vector(c: &mut Criterion) {
    let (mut group, one, two) = (group(c, "matrix-vector 64 MiB"), threads(1), threads(2));
    let (source, mut target) = (vec![1u8; LARGE], vec![0u8; LARGE]);
    group.throughput(Throughput::Bytes(2 * LARGE as u64));
    group.bench_function("copy", |b| b.iter(|| target.copy_from_slice(black_box(&source))));
    for dtype in FORMATS {
        let columns = 4096;
        let row = dtype.quantize(&wave(columns)).expect("finite whole blocks");
        let outputs = LARGE / row.len();
        let blocks = row.repeat(outputs);
        let linear = BlockLinear::new("w", view(dtype, [outputs, columns], &blocks), Numerics::Fast)
            .expect("a matrix");
        group.throughput(Throughput::Bytes(blocks.len() as u64));
        measure(&mut group, format!("{dtype} fast"), &linear, 1, &one);
        measure(&mut group, format!("{dtype} fast, two threads"), &linear, 1, &two);
    }
}

fn two_threads(c: &mut Criterion) {
    let (mut group, pools) = (group(c, "linear 512 x 768 x 3072"), [threads(1), threads(2)]);
    let shape = [3072, 768];
    let blocks = DType::Q8_0.quantize(&wave(shape[0] * shape[1])).expect("finite whole blocks");
    dense(&mut group, 512, shape);
    for numerics in [Numerics::Fast, Numerics::Exact] {
        let linear = BlockLinear::new("w", view(DType::Q8_0, shape, &blocks), numerics).expect("a matrix");
        for pool in &pools {
            let name = format!("Q8_0 {numerics}, {} threads", pool.current_num_threads());
            measure(&mut group, name, &linear, 512, pool);
        }
    }
}

criterion_group!(benches, matrix_vector, matrix_matrix, large_matrix_vector, two_threads);
criterion_main!(benches);
