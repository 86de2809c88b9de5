//! Writing, reading and writing again; and files that nobody wrote.

use std::fs;

use bedside_tensor::{DType, Shape};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::{Model, Overwrite, Source};

fn array() -> impl Strategy<Value = Array> {
    let leaf = prop_oneof![
        vec(any::<u8>(), 0..5).prop_map(Array::U8),
        vec(any::<i8>(), 0..5).prop_map(Array::I8),
        vec(any::<u16>(), 0..5).prop_map(Array::U16),
        vec(any::<i16>(), 0..5).prop_map(Array::I16),
        vec(any::<u32>(), 0..5).prop_map(Array::U32),
        vec(any::<i32>(), 0..5).prop_map(Array::I32),
        vec(any::<u64>(), 0..5).prop_map(Array::U64),
        vec(any::<i64>(), 0..5).prop_map(Array::I64),
        vec(any::<f32>(), 0..5).prop_map(Array::F32),
        vec(any::<f64>(), 0..5).prop_map(Array::F64),
        vec(any::<bool>(), 0..5).prop_map(Array::Bool),
        vec(vec(any::<u8>(), 0..9), 0..5).prop_map(|texts| Array::Strings(texts.into_iter().collect())),
    ];
    // Depth 3 inside one array: the limit of four.
    leaf.prop_recursive(3, 12, 3, |inner| vec(inner, 0..3).prop_map(Array::Arrays))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u8>().prop_map(Value::U8),
        any::<i8>().prop_map(Value::I8),
        any::<u16>().prop_map(Value::U16),
        any::<i16>().prop_map(Value::I16),
        any::<u32>().prop_map(Value::U32),
        any::<i32>().prop_map(Value::I32),
        any::<u64>().prop_map(Value::U64),
        any::<i64>().prop_map(Value::I64),
        any::<f32>().prop_map(Value::F32),
        any::<f64>().prop_map(Value::F64),
        any::<bool>().prop_map(Value::Bool),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Value::String(bytes.into())),
        array().prop_map(Value::Array),
    ]
}

prop_compose! {
    fn metadata()(
        pairs in vec((".{1,12}", value()), 0..8),
        alignment in proptest::option::of(0u32..10),
    ) -> Metadata {
        let mut metadata = Metadata::default();
        for (key, value) in pairs {
            metadata.insert(&key, value).unwrap();
        }
        if let Some(power) = alignment {
            metadata.insert(ALIGNMENT_KEY, Value::U32(1 << power)).unwrap();
        }
        metadata
    }
}

fn spec() -> impl Strategy<Value = (DType, Vec<u64>)> {
    let dtypes: Vec<DType> = DType::ALL.iter().copied().filter(|t| t.ggml_id().is_some()).collect();
    (proptest::sample::select(dtypes), vec(0u64..4, 0..5)).prop_map(|(dtype, mut dims)| {
        match dims.last_mut() {
            Some(row) => *row *= dtype.block_len() as u64,
            None if dtype.block_len() > 1 => dims.push(dtype.block_len() as u64),
            None => {}
        }
        (dtype, dims)
    })
}

fn specs() -> impl Strategy<Value = Vec<TensorSpec>> {
    btree_map(".{1,80}", spec(), 0..6).prop_map(|specs| {
        let spec = |(name, (dtype, dims)): (_, (_, Vec<u64>))| TensorSpec {
            name,
            dtype,
            shape: Shape::new(&dims).unwrap(),
        };
        specs.into_iter().map(spec).collect()
    })
}

/// Data of tensor `i`: bytes that depend on the tensor, in pieces of `piece` bytes.
fn write_file(metadata: &Metadata, specs: &[TensorSpec], piece: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gguf");
    let mut writer = Writer::create(&path, Overwrite::Refuse, metadata, specs).unwrap();
    for (i, spec) in specs.iter().enumerate() {
        let data: Vec<u8> =
            (0..spec.shape.bytes(spec.dtype).unwrap()).map(|b| (b as usize + i) as u8).collect();
        for part in data.chunks(piece) {
            writer.write(&spec.name, part).unwrap();
        }
    }
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

fn specs_of(model: &Model) -> Vec<TensorSpec> {
    let spec =
        |t: &crate::TensorInfo| TensorSpec { name: t.name.to_string(), dtype: t.dtype, shape: t.shape };
    model.tensors().iter().map(spec).collect()
}

/// A valid file for mutations.
fn valid() -> Vec<u8> {
    let mut metadata = Metadata::default();
    metadata.insert("general.architecture", Value::String("demo".into())).unwrap();
    let words = Strings::from_iter(["a", "bb", ""]);
    metadata.insert("words", Value::Array(Array::Strings(words))).unwrap();
    let nested = Array::Arrays(vec![Array::U8(vec![1, 2]), Array::Bool(vec![true])]);
    metadata.insert("nested", Value::Array(nested)).unwrap();
    let spec = |name: &str, dtype, dims: &[u64]| TensorSpec {
        name: name.into(),
        dtype,
        shape: Shape::new(dims).unwrap(),
    };
    let specs =
        [spec("a", DType::F32, &[5, 4]), spec("b", DType::Q8_0, &[2, 64]), spec("c", DType::F16, &[])];
    write_file(&metadata, &specs, usize::MAX)
}

/// Whatever it is: no panic, and what is accepted can be used.
fn use_it(bytes: Vec<u8>) {
    let Ok(model) = Model::from_source(Source::from_bytes("bytes", bytes)) else { return };
    for info in model.tensors() {
        let view = model.view(info).unwrap();
        if info.dtype.is_supported() && info.shape.elements() > 0 {
            let mut row = vec![0.0; info.shape.row_len() as usize];
            info.dtype.dequantize(view.row(0).unwrap(), &mut row).unwrap();
        }
    }
    crate::Summary::of(&model);
    crate::check_data(&model, crate::Progress::silent()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_and_writes_the_same(
        metadata in metadata(), specs in specs(), piece in 1usize..200,
    ) {
        let first = write_file(&metadata, &specs, piece);
        let model = Model::from_source(Source::from_bytes("x.gguf", first.clone())).unwrap();
        prop_assert_eq!(model.metadata().len(), metadata.len());
        prop_assert_eq!(specs_of(&model), specs.clone());
        for (i, spec) in specs.iter().enumerate() {
            let view = model.tensor(&spec.name).unwrap();
            prop_assert!(view.bytes().iter().enumerate().all(|(b, byte)| *byte == (b + i) as u8));
        }
        prop_assert_eq!(crate::structure_notes(&model), vec![]);
        let second = write_file(model.metadata(), &specs_of(&model), 1 << 20);
        prop_assert!(first == second, "the second file differs");
    }
}

#[test]
fn versions_are_told_from_byte_orders() {
    let cases: [(u32, &str); 6] = [
        (1, "is GGUF version 1;"),
        (4, "is GGUF version 4;"),
        (65_536, "is GGUF version 65536;"),
        (1 << 24, "is a big-endian GGUF file"),
        (3 << 24, "is a big-endian GGUF file"),
        (4 << 24, "is GGUF version 67108864;"),
    ];
    for (version, error) in cases {
        let file = [&b"GGUF"[..], &version.to_le_bytes(), &[0; 16]].concat();
        let got = Header::parse(&file).unwrap_err().to_string();
        assert!(got.starts_with(error), "{got}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_panic(tail in vec(any::<u8>(), 0..400), counts in any::<[u8; 2]>(), like in 0..3) {
        let start = match like {
            0 => vec![],
            1 => b"GGUF\x03\0\0\0".to_vec(),
            _ => {
                let [tensors, keys] = counts.map(|n| u64::from(n % 4).to_le_bytes());
                [&b"GGUF\x03\0\0\0"[..], &tensors, &keys].concat()
            }
        };
        use_it([start, tail].concat());
    }

    #[test]
    fn mutated_files_never_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        static VALID: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(valid);
        let mut bytes = VALID.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        use_it(bytes);
    }
}
