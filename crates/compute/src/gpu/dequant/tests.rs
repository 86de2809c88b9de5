//! Layouts, and every format restored on the GPU against `tensor::quant`.

use bedside_tensor::TensorView;

use super::*;
use crate::ComputeError;
use crate::gpu::{Executor, Variants, tests::devices};
use crate::graph::{Graph, Sizes, ValueType};
use crate::kv::KvFormat;
use crate::ops::proof::{noise, u32s};
use crate::ops::{Numerics, Op};
use crate::plan::{Plan, PlanSettings};
use crate::source::WeightSource;

#[test]
fn every_computable_format_has_a_kernel() {
    for dtype in DType::ALL.iter().filter(|dtype| dtype.is_supported()) {
        assert!(formats().any(|known| known == *dtype), "{dtype}");
    }
    assert!(words(DType::I8, 1, 32).is_none());
}

#[test]
fn pieces_are_the_whole_block() {
    for format in FORMATS {
        let mut pieces = format.pieces.to_vec();
        pieces.sort_unstable();
        let end = pieces.iter().fold(0, |end, &(at, len)| {
            assert_eq!(at, end, "{}", format.dtype);
            at + len
        });
        assert_eq!(end, format.dtype.block_bytes(), "{}", format.dtype);
    }
}

#[test]
fn rows_take_their_bytes_and_their_filling() {
    struct Case(DType, u64, Option<u64>);
    for Case(dtype, columns, expected) in [
        Case(DType::F32, 3, Some(12)),
        Case(DType::F16, 3, Some(64)),
        Case(DType::BF16, 64, Some(128)),
        Case(DType::Q8_0, 64, Some(80)),
        Case(DType::Q8_0, 256, Some(272)),
        Case(DType::Q4_K, 512, Some(288)),
        Case(DType::Q6_K, 256, Some(224)),
        Case(DType::Q8_0, 33, None),
    ] {
        assert_eq!(words(dtype, 5, columns), expected.map(|bytes| 5 * bytes / 4), "{dtype} {columns}");
    }
    assert_eq!(words(DType::F32, u64::MAX, 2), None);
}

#[test]
fn packing_sorts_pieces_by_kind() {
    let row: Vec<u8> = (0..68).collect();
    let mut packed = vec![u32::MAX; words(DType::Q8_0, 1, 64).unwrap() as usize];
    pack(DType::Q8_0, &row, 1, 64, &mut packed);
    let expected: Vec<u8> = (2..34).chain(36..68).chain([0, 1, 34, 35]).chain([0; 12]).collect();
    assert_eq!(bytemuck::cast_slice::<u32, u8>(&packed), expected);
}

/// Blocks as they come, not as a quantizer would choose them.
struct Raw {
    dtype: DType,
    dims: [u64; 2],
    bytes: Vec<u8>,
}

impl Raw {
    /// Any bits, but f16 scales that are numbers, some of them subnormal.
    fn new(dtype: DType, rows: u64, columns: u64) -> Self {
        let block = dtype.block_bytes();
        let len = rows as usize * columns as usize / dtype.block_len() * block;
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut bytes: Vec<u8> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                (state >> 56) as u8
            })
            .collect();
        for bytes in bytes.chunks_exact_mut(block) {
            for &at in halves(dtype) {
                bytes[at + 1] &= 0xbf; // magnitudes below 2
            }
        }
        Self { dtype, dims: [rows, columns], bytes }
    }
}

/// Where a block has f16 numbers (upper halves of f32 and bf16 alike lose the top exponent bit).
fn halves(dtype: DType) -> &'static [usize] {
    match dtype.name() {
        "F32" => &[2],
        "Q4_1" | "Q5_1" | "Q4_K" | "Q5_K" => &[0, 2],
        "Q2_K" => &[80, 82],
        "Q3_K" => &[108],
        "Q6_K" => &[208],
        "MXFP4" => &[],
        _ => &[0],
    }
}

impl WeightSource for Raw {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        let wrong = |source| ComputeError::WeightFormat { name: name.to_owned(), source };
        TensorView::new(self.dtype, &self.dims, &self.bytes).map_err(wrong)
    }
}

/// Every element of a table, looked up.
fn looked_up(raw: &Raw, device: &crate::gpu::Device) -> Vec<f32> {
    let [rows, columns] = raw.dims;
    let mut g = Graph::builder("rows");
    let ids = g.input("ids", [(rows as u32).into()], crate::Element::U32).unwrap();
    let value = ValueType::f32([(rows as u32).into(), (columns as u32).into()]);
    let table = crate::graph::Node { name: "table".into(), op: Op::Weight, inputs: vec![], value };
    let table = g.push_node(table).unwrap();
    let y = g.push(crate::ops::Embedding, vec![ids, table]).unwrap();
    g.output("y", y).unwrap();
    let graph = g.finish().unwrap();
    let settings = PlanSettings { bounds: Sizes::new(), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&graph, &settings, raw).unwrap();
    let mut executor = Executor::with_variants(&graph, &plan, raw, device, Variants::default()).unwrap();
    let all: Vec<u32> = (0..rows as u32).collect();
    let mut outputs = executor.run(&Sizes::new(), &[("ids", u32s(&[rows as usize], &all))]).unwrap();
    outputs.remove("y").unwrap().f32s().to_vec()
}

#[test]
fn every_format_is_restored_exactly() {
    for dtype in formats() {
        // Two super-blocks, and rows that end within 16 bytes.
        let raw = Raw::new(dtype, 3, 512);
        let expected = raw.weight("table").unwrap().to_f32().unwrap();
        for device in devices() {
            for (i, (got, expected)) in looked_up(&raw, device).iter().zip(&expected).enumerate() {
                // A device may take subnormal numbers for zero.
                let flushed = expected.is_subnormal() && *got == 0.0;
                assert!(got == expected || flushed, "{dtype}, element {i}: {got:e}, expected {expected:e}");
            }
        }
    }
}

#[test]
fn rows_of_any_length_are_restored() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        for columns in [1, 7, 33] {
            let values = noise(&[3, columns], 5);
            let bytes = dtype.quantize(values.f32s()).unwrap();
            let raw = Raw { dtype, dims: [3, columns as u64], bytes };
            let expected = raw.weight("table").unwrap().to_f32().unwrap();
            for device in devices() {
                assert_eq!(looked_up(&raw, device), expected, "{dtype} {columns}");
            }
        }
    }
}

#[test]
fn every_mxfp4_exponent_is_restored() {
    let codes = || (0..16u8).map(|i| i | (15 - i) << 4);
    let bytes: Vec<u8> = (0..=255).flat_map(|e| std::iter::once(e).chain(codes())).collect();
    let raw = Raw { dtype: DType::MXFP4, dims: [8, 1024], bytes };
    let expected = raw.weight("table").unwrap().to_f32().unwrap();
    for device in devices() {
        for (i, (got, expected)) in looked_up(&raw, device).iter().zip(&expected).enumerate() {
            let flushed = expected.is_subnormal() && *got == 0.0;
            assert!(got == expected || flushed, "exponent {}: {got:e}, expected {expected:e}", i / 32);
        }
    }
}
