//! Against the `safetensors` crate, and what refusals say.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};

use super::entries::DTYPES;
use super::*;

fn file(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn files_that_the_crate_writes_are_read() {
    let bytes = [1; 96];
    let types = [
        (Dtype::BOOL, "BOOL", 1),
        (Dtype::I8, "I8", 1),
        (Dtype::U8, "U8", 1),
        (Dtype::F8_E4M3, "F8_E4M3", 1),
        (Dtype::F8_E5M2, "F8_E5M2", 1),
        (Dtype::F8_E4M3FNUZ, "F8_E4M3FNUZ", 1),
        (Dtype::F8_E5M2FNUZ, "F8_E5M2FNUZ", 1),
        (Dtype::F8_E8M0, "F8_E8M0", 1),
        (Dtype::F16, "F16", 2),
        (Dtype::BF16, "BF16", 2),
        (Dtype::I16, "I16", 2),
        (Dtype::U16, "U16", 2),
        (Dtype::F32, "F32", 4),
        (Dtype::I32, "I32", 4),
        (Dtype::U32, "U32", 4),
        (Dtype::F64, "F64", 8),
        (Dtype::I64, "I64", 8),
        (Dtype::U64, "U64", 8),
        (Dtype::C64, "C64", 8),
    ];
    let view = |dtype, size: usize| TensorView::new(dtype, vec![3, 4], &bytes[..12 * size]).unwrap();
    let packed = |dtype, size: usize| TensorView::new(dtype, vec![3, 4], &bytes[..size]).unwrap();
    let mut tensors: Vec<_> = types.iter().map(|(t, name, size)| (*name, view(*t, *size))).collect();
    tensors.push(("F4", packed(Dtype::F4, 6)));
    tensors.push(("F6_E2M3", packed(Dtype::F6_E2M3, 9)));
    tensors.push(("F6_E3M2", packed(Dtype::F6_E3M2, 9)));
    let text = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let file = serialize(tensors, Some(text)).unwrap();
    let header = SafetensorsHeader::parse(&file).unwrap();
    assert_eq!(header.tensors().len(), DTYPES.len());
    for tensor in header.tensors() {
        assert_eq!((&*tensor.name, tensor.shape.dims()), (tensor.dtype.name(), &[3, 4][..]));
    }
    assert_eq!(header.metadata().collect::<Vec<_>>(), [("format", "pt")]);
}

#[test]
fn refusals_name_the_tensor() {
    struct Case {
        header: &'static str,
        data: usize,
        error: &'static str,
    }
    let cases = [
        Case {
            header: r#"{"a":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}}"#,
            data: 34,
            error: r#"tensor "a": safetensors header: dtype "Q8_0" is unknown to this build"#,
        },
        Case {
            header: r#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
            data: 4,
            error: r#"tensor "a": safetensors header: invalid length 9, expected at most 8 dimensions"#,
        },
        Case {
            header: r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            data: 4,
            error: r#"tensor "a": data_offsets: expected 8 bytes, got 4"#,
        },
        Case {
            header: r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            data: 8,
            error: r#"tensor "a": expected the tensor data to continue at 0, got 4"#,
        },
        Case {
            header: r#"{"\u001b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u001b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            data: 4,
            error: r#"tensor "\u{1b}" occurs twice"#,
        },
        Case {
            header: r#"{"__metadata__":{"k":"1","k":"2"}}"#,
            data: 0,
            error: r#"key "__metadata__": safetensors header: key "k" occurs twice"#,
        },
        Case { header: "{} x", data: 0, error: "trailing characters" },
    ];
    for case in cases {
        let error = SafetensorsHeader::parse(&file(case.header, case.data)).unwrap_err().to_string();
        assert!(error.contains(case.error), "{error}");
    }
}

#[test]
fn where_we_differ_from_the_crate() {
    let entry = |dims: &str, end| format!(r#"{{"dtype":"F4","shape":{dims},"data_offsets":[0,{end}]}}"#);
    let empty = |dims: &str| format!(r#"{{"a":{{"dtype":"F32","shape":{dims},"data_offsets":[0,0]}}}}"#);
    let only_the_crate_accepts = [
        file(&format!(r#"{{"a":{}}}"#, entry("[2,1]", 1)), 1),
        file(&empty("[0,1,1,1,1,1,1,1,1]"), 0),
        file(&empty("[0,2000000000000]"), 0),
    ];
    for bytes in only_the_crate_accepts {
        assert!(SafeTensors::deserialize(&bytes).is_ok());
        assert!(SafetensorsHeader::parse(&bytes).is_err());
    }
}
