//! What holds for both numerics, and what the tests of both share.

use std::collections::HashMap;

use super::*;
use bedside_tests::golden;
use bedside_weights::Model;

pub(super) fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// SplitMix64.
pub(super) fn bits(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// Nearly normal, variance 1: the sum of twelve even ones.
pub(super) fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut bits = bits(seed).map(|b| (b >> 40) as f32 / (1 << 24) as f32);
    (0..count).map(|_| bits.by_ref().take(12).sum::<f32>() - 6.0).collect()
}

/// A weight that owns its blocks.
pub(super) struct Blocks {
    dtype: DType,
    dims: [u64; 2],
    bytes: Vec<u8>,
}

impl Blocks {
    pub(super) fn quantized(dtype: DType, rows: usize, columns: usize, seed: u64) -> Self {
        let bytes = dtype.quantize(&noise(rows * columns, seed)).unwrap();
        Self { dtype, dims: [rows as u64, columns as u64], bytes }
    }

    /// Blocks of arbitrary bytes, `byte(row, i)`, but for their f16 factors, which `half(row, i)` gives.
    pub(super) fn made(
        dtype: DType,
        (rows, columns): (usize, usize),
        byte: impl Fn(usize, usize) -> u8,
        half: impl Fn(usize, usize) -> u16,
    ) -> Self {
        let row_bytes = columns / dtype.block_len() * dtype.block_bytes();
        let halves: &[usize] = match dtype.name() {
            "Q6_K" => &[208],
            "Q8_0" | "Q4_0" | "Q5_0" => &[0],
            _ => &[0, 2],
        };
        let mut bytes: Vec<u8> = (0..rows * row_bytes).map(|i| byte(i / row_bytes, i % row_bytes)).collect();
        for (b, block) in bytes.chunks_exact_mut(dtype.block_bytes()).enumerate() {
            for (i, &at) in halves.iter().enumerate() {
                block[at..at + 2]
                    .copy_from_slice(&half(b * dtype.block_bytes() / row_bytes, b + i).to_le_bytes());
            }
        }
        Self { dtype, dims: [rows as u64, columns as u64], bytes }
    }

    pub(super) fn view(&self) -> TensorView<'_> {
        TensorView::new(self.dtype, &self.dims, &self.bytes).unwrap()
    }

    pub(super) fn outputs(&self) -> usize {
        self.dims[0] as usize
    }

    pub(super) fn columns(&self) -> usize {
        self.dims[1] as usize
    }

    pub(super) fn forward(
        &self,
        numerics: Numerics,
        tier: Tier,
        x: &[f32],
        pool: &rayon::ThreadPool,
    ) -> Vec<f32> {
        let linear = BlockLinear::with_tier("w", self.view(), numerics, tier).unwrap();
        let rows = x.len() / self.columns();
        let mut out = vec![f32::NAN; rows * self.outputs()];
        linear.forward(x, rows, &mut out, pool);
        out
    }

    /// f64 accumulators, as the op's reference, with Σ |w| |x| for the tolerance.
    pub(super) fn expected(&self, x: &[f32]) -> Vec<(f64, f64)> {
        let (w, columns) = (self.view().to_f32().unwrap(), self.columns());
        let dot = |x: &[f32], w: &[f32]| {
            x.iter().zip(w).fold((0.0, 0.0), |(dot, size), (x, w)| {
                let product = f64::from(*x) * f64::from(*w);
                (dot + product, size + product.abs())
            })
        };
        x.chunks(columns).flat_map(|x| w.chunks(columns).map(move |w| dot(x, w))).collect()
    }
}

pub(super) fn packed_formats() -> impl Iterator<Item = DType> {
    format::FORMATS.iter().map(|format| format.dtype)
}

/// Same bits, or both NaN.
#[track_caller]
pub(super) fn assert_same(got: &[f32], expected: &[f32], what: impl std::fmt::Display) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{what}: element {i} is {a} for {b}");
    }
}

#[test]
fn a_weight_is_measured_and_named() {
    for dtype in packed_formats() {
        for (rows, columns) in [(1, 256), (16, 512), (17, 768)] {
            let blocks = Blocks::quantized(dtype, rows, columns, 3);
            let linear = BlockLinear::new("w", blocks.view(), Numerics::Fast).unwrap();
            let expected = packed_bytes(dtype, rows as u64, columns as u64);
            assert_eq!(linear.bytes(), expected, "{dtype}");
            let file = (rows.div_ceil(16) * 16 * columns / dtype.block_len() * dtype.block_bytes()) as u64;
            assert!(expected >= file && expected <= file + file / 32, "{dtype}: {expected} for {file}");
            assert_eq!((linear.outputs(), linear.columns()), (rows, columns));
            assert_eq!((linear.numerics(), linear.tier()), (Numerics::Fast, Tier::best().name()));
        }
    }
}

#[test]
fn other_formats_are_borrowed_and_exact() {
    let blocks = Blocks::quantized(DType::IQ4_NL, 3, 64, 4);
    let linear = BlockLinear::new("w", blocks.view(), Numerics::Fast).unwrap();
    assert_eq!((linear.numerics(), packed_bytes(DType::IQ4_NL, 3, 64)), (Numerics::Exact, 0));
    let Weights::Blocks { bytes: Cow::Borrowed(bytes), .. } = &linear.weights else { panic!("not borrowed") };
    assert_eq!(bytes.as_ptr(), blocks.bytes.as_ptr());
    let owned: BlockLinear<'static> = linear.into_owned();
    assert_eq!(owned.bytes(), blocks.bytes.len() as u64);
}

#[test]
fn what_cannot_be_multiplied_is_refused() {
    let bytes = [0; 36];
    let vector = TensorView::new(DType::F32, &[9], &bytes).unwrap();
    assert!(matches!(BlockLinear::new("w", vector, Numerics::Fast), Err(ComputeError::WeightDims { .. })));
    let unsupported = TensorView::new(DType::Q8_1, &[1, 32], &bytes).unwrap();
    let refused = BlockLinear::new("w", unsupported, Numerics::Fast).err().map(|e| e.to_string());
    assert!(refused.as_ref().is_some_and(|e| e.contains("Q8_1")), "{refused:?}");
}

#[test]
fn empty_weights_and_no_rows_give_what_the_sums_say() {
    let pool = pool(2);
    for numerics in [Numerics::Exact, Numerics::Fast] {
        for dtype in [DType::Q8_0, DType::Q4_K, DType::F16] {
            let (columns, none) = (dtype.block_len() as u64, TensorView::new(dtype, &[3, 0], &[]).unwrap());
            let mut out = [f32::NAN; 6];
            let linear = BlockLinear::new("w", none, numerics).unwrap();
            linear.forward(&[], 2, &mut out, &pool);
            assert_eq!(out, [0.0; 6], "{dtype}");
            linear.backward_input(&out, 2, &mut [], &pool);
            let none = TensorView::new(dtype, &[0, columns], &[]).unwrap();
            let linear = BlockLinear::new("w", none, numerics).unwrap();
            let mut dx = vec![f32::NAN; 2 * columns as usize];
            linear.forward(&dx, 2, &mut [], &pool);
            linear.backward_input(&[], 2, &mut dx, &pool);
            assert!(dx.iter().all(|v| *v == 0.0), "{dtype}");
        }
    }
}

/// Relative RMS error of `fast`, in percent: the figures of the table in `dot/mod.rs`. Only activations are
/// rounded, so it hardly depends on the format; a large one makes the 31 others of its block coarser.
#[test]
fn the_error_of_fast_is_what_the_documentation_says() {
    let pool = pool(2);
    for dtype in packed_formats() {
        let blocks = Blocks::quantized(dtype, 64, 1536, 78);
        for (large, stated) in [(1.0, 0.52), (10.0, 1.04)] {
            let mut x = noise(16 * 1536, 77);
            x.iter_mut().step_by(64).for_each(|v| *v *= large);
            let got = blocks.forward(Numerics::Fast, Tier::best(), &x, &pool);
            let (mut error, mut size) = (0.0, 0.0);
            for (got, (expected, _)) in got.iter().zip(blocks.expected(&x)) {
                error += (f64::from(*got) - expected).powi(2);
                size += expected * expected;
            }
            let percent = 100.0 * (error / size).sqrt();
            eprintln!("{dtype}, largest × {large}: {percent:.3} %");
            assert!((percent - stated).abs() <= 0.05, "{dtype}: {percent} for {stated}");
        }
    }
}

#[test]
fn a_block_of_activations_is_as_large_as_plans_count() {
    // `FAST_BLOCK_BYTES` of the plan's scratch; named by number since the bench compiles this module alone.
    assert_eq!(size_of::<activations::ActivationBlock>(), 40);
}

fn safetensors_f64(path: &std::path::Path) -> HashMap<String, Vec<f64>> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let value = |view: &safetensors::tensor::TensorView<'_>| match view.dtype() {
        safetensors::Dtype::F32 => {
            view.data().as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        }
        _ => view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
    };
    file.iter().map(|(name, view)| (name.to_owned(), value(&view))).collect()
}

/// Products of ggml's own blocks. `exact`: 1e-6 of Σ |w| |x|, about 16 roundings of the largest partial sum.
/// `fast`: 0.8 % of it, what rounding each activation to 1/127 of its block's largest can cost.
#[test]
fn products_of_goldens() {
    let (Some(file), Some(table)) =
        (golden("quant/quant_types.gguf"), golden("quant/quant_expected.safetensors"))
    else {
        return;
    };
    let (model, expected, pool) = (Model::open(&file).unwrap(), safetensors_f64(&table), pool(2));
    let (one, three) = (&expected["x"], &expected["X"]);
    let mut checked = 0;
    for dtype in DType::ALL.iter().filter(|t| t.is_supported()) {
        let Ok(view) = model.tensor(&format!("{dtype}.w")) else { continue };
        let w = view.to_f32().unwrap();
        for (x, product) in [(one, "matvec_f64"), (three, "matmul_f64")] {
            let want = &expected[&format!("{dtype}.{product}")];
            let x: Vec<f32> = x.iter().map(|v| *v as f32).collect();
            let size = |i: usize| -> f64 {
                let (x, w) = (&x[i / 7 * 512..][..512], &w[i % 7 * 512..][..512]);
                x.iter().zip(w).map(|(x, w)| f64::from(x * w).abs()).sum()
            };
            for tier in Tier::available() {
                for (numerics, part) in [(Numerics::Exact, 1e-6), (Numerics::Fast, 8e-3)] {
                    let linear = BlockLinear::with_tier("w", view, numerics, tier).unwrap();
                    let mut got = vec![f32::NAN; want.len()];
                    linear.forward(&x, want.len() / 7, &mut got, &pool);
                    for (i, (got, want)) in got.iter().zip(want).enumerate() {
                        let difference = (f64::from(*got) - want).abs();
                        assert!(
                            difference <= part * size(i),
                            "{dtype} {tier:?} {numerics}: {got} for {want}"
                        );
                    }
                }
            }
        }
        checked += 1;
    }
    assert!(checked >= 14, "{checked} formats in the golden file");
}
