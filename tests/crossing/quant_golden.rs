//! Block formats against reference data: dequantization to the bit, quantization no worse than the
//! reference quantizer's on the same rows.

use std::collections::HashMap;
use std::path::Path;

use bedside_tensor::DType;
use bedside_tests::golden;
use bedside_weights::Model;
use bedside_weights::gguf::{Array, Value};

/// Name → (dimensions, values) of the f32 and f64 tensors of a safetensors file.
fn expected(path: &Path) -> HashMap<String, (Vec<usize>, Vec<f64>)> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let value = |view: &safetensors::tensor::TensorView<'_>| match view.dtype() {
        safetensors::Dtype::F32 => {
            view.data().as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        }
        safetensors::Dtype::F64 => {
            view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
        }
        other => unreachable!("the golden file holds f32 and f64, not {other:?}"),
    };
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), value(&view)))).collect()
}

fn squared(a: &[f64], b: impl Iterator<Item = f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[test]
fn dequantization_is_exact_to_the_bit() {
    let (Some(file), Some(table)) =
        (golden("quant/quant_types.gguf"), golden("quant/quant_expected.safetensors"))
    else {
        return;
    };
    let (model, expected) = (Model::open(&file).unwrap(), expected(&table));
    let mut checked = 0;
    for info in model.tensors() {
        let view = model.tensor(&info.name).unwrap();
        if !view.dtype().is_supported() {
            let refused = view.to_f32().unwrap_err().to_string();
            assert!(refused.contains(view.dtype().name()), "{refused}");
            continue;
        }
        let values = view.to_f32().unwrap();
        let (_, want) = &expected[&format!("{}.deq", info.name)];
        assert_eq!(values.len(), want.len(), "{}", info.name);
        for (i, (got, want)) in values.iter().zip(want).enumerate() {
            assert_eq!(got.to_bits(), (*want as f32).to_bits(), "{}[{i}]: {got} for {want}", info.name);
        }
        checked += 1;
    }
    assert_eq!(checked, 58, "tensors of supported types in the golden file");
}

#[test]
fn plain_numbers_and_all_metadata_types_are_read_as_written() {
    let (Some(file), Some(table)) =
        (golden("quant/plain_types.gguf"), golden("quant/plain_expected.safetensors"))
    else {
        return;
    };
    let model = Model::open(&file).unwrap();
    let table = std::fs::read(table).unwrap();
    let expected = safetensors::SafeTensors::deserialize(&table).unwrap();
    assert_eq!(model.tensors().len(), expected.len());
    for (name, want) in expected.iter() {
        let got = model.tensor(name).unwrap();
        assert_eq!(got.bytes(), want.data(), "{name}");
        assert_eq!(got.shape().dims(), [3, 5], "{name}");
        // numpy calls f64 float64, and so on.
        let dtype = format!("{:?}", got.dtype()).replace('F', "float").replace('I', "int");
        assert_eq!(dtype, name);
    }

    let want = [
        ("u8", Value::U8(200)),
        ("i8", Value::I8(-100)),
        ("u16", Value::U16(65_000)),
        ("i16", Value::I16(-30_000)),
        ("u32", Value::U32(4_000_000_000)),
        ("i32", Value::I32(-2_000_000_000)),
        ("u64", Value::U64((1 << 63) + 5)),
        ("i64", Value::I64(-(1 << 62))),
        ("f32", Value::F32(0.1)),
        ("f64", Value::F64(0.1)),
        ("bool", Value::Bool(true)),
        ("str", Value::String("naïve ✓".into())),
        ("arr_i32", Value::Array(Array::I32(vec![1, -2, 3]))),
        ("arr_f32", Value::Array(Array::F32(vec![1.5, -0.25]))),
        ("arr_bool", Value::Array(Array::Bool(vec![true, false]))),
    ];
    for (key, want) in want {
        assert_eq!(model.metadata().get(&format!("golden.{key}")), Some(&want), "{key}");
    }
    let Some(Value::Array(Array::Strings(strings))) = model.metadata().get("golden.arr_str") else {
        panic!("golden.arr_str is an array of strings");
    };
    let strings: Vec<&[u8]> = strings.iter().collect();
    assert_eq!(strings, ["a".as_bytes(), "ß".as_bytes(), b""]);
}

/// Formats whose codes follow from the values alone: the reference cannot be beaten, only matched.
const EXACT: [&str; 3] = ["F32", "F16", "BF16"];

#[test]
fn quantization_error_is_no_worse_than_the_reference_quantizers() {
    let Some(table) = golden("quant/quant_expected.safetensors") else { return };
    let expected = expected(&table);
    let mut worse = Vec::new();
    println!("{:8} {:>5} {:>12} {:>12}", "format", "rows", "median ratio", "worst ratio");
    for dtype in DType::ALL.iter().filter(|t| t.is_supported()) {
        let mut ratios = Vec::new();
        for tag in ["w", "edge", "d3"] {
            let (shape, source) = &expected[&format!("src.{tag}")];
            let Some((_, reference)) = expected.get(&format!("{dtype}.{tag}.deq")) else { continue };
            let row = shape[shape.len() - 1];
            for (i, (x, reference)) in source.chunks(row).zip(reference.chunks(row)).enumerate() {
                let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
                let mut restored = vec![0.0; row];
                dtype.dequantize(&dtype.quantize(&narrow).unwrap(), &mut restored).unwrap();
                let ours = squared(x, restored.iter().map(|v| f64::from(*v)));
                let theirs = squared(x, reference.iter().copied());
                // A row that both get right counts as equal.
                let ratio = if ours == theirs { 1.0 } else { (ours / theirs).sqrt() };
                if ratio > 1.0 || (EXACT.contains(&dtype.name()) && ratio != 1.0) {
                    worse.push(format!("{dtype}.{tag} row {i}: {ratio:.4}"));
                }
                ratios.push(ratio);
            }
        }
        ratios.sort_by(f64::total_cmp);
        let (median, worst) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!("{:8} {:>5} {median:>12.4} {worst:>12.4}", dtype.name(), ratios.len());
    }
    assert!(worse.is_empty(), "worse than the reference: {worse:#?}");
}
