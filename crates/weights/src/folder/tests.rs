//! Folders of every kind, whole and broken.

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::*;
use crate::{Layout, Model, StructureNote, structure_notes};

/// safetensors bytes with F32 scalars of these names.
fn tensors(names: &[&str]) -> Vec<u8> {
    let zeros = [0; 4];
    let view = TensorView::new(Dtype::F32, vec![1], &zeros).unwrap();
    safetensors::serialize(names.iter().map(|name| (name, view.clone())), None).unwrap()
}

fn folder_of(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A GGUF file without keys and tensors.
fn gguf() -> Vec<u8> {
    [&b"GGUF\x03\0\0\0"[..], &[0; 16]].concat()
}

fn index(pairs: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<String> =
        pairs.iter().map(|(tensor, shard)| format!("\"{tensor}\":\"{shard}\"")).collect();
    format!("{{\"weight_map\":{{{}}}}}", pairs.join(",")).into_bytes()
}

struct Case {
    files: Vec<(&'static str, Vec<u8>)>,
    found: Result<Layout, &'static str>,
}

fn cases() -> Vec<Case> {
    let json = || b"{}".to_vec();
    let hf = || vec![("config.json", json()), ("model.safetensors", tensors(&["a"]))];
    vec![
        Case { files: hf(), found: Ok(Layout::HuggingFace) },
        Case { files: [hf(), vec![("x.gguf", gguf())]].concat(), found: Ok(Layout::HuggingFace) },
        Case {
            files: vec![("open_clip_config.json", json()), ("open_clip_model.safetensors", tensors(&["a"]))],
            found: Ok(Layout::OpenClip),
        },
        Case { files: vec![("config.json", json()), ("without-ending", gguf())], found: Ok(Layout::Gguf) },
        Case {
            files: vec![("b.gguf", gguf()), ("a.gguf", gguf())],
            found: Err("holds several models; name one of them: \"a.gguf\", \"b.gguf\""),
        },
        Case {
            files: vec![("config.json", json()), ("pytorch_model.bin", vec![0])],
            found: Err("only \"pytorch_model.bin\": pickles are refused"),
        },
        Case {
            files: vec![("open_clip_config.json", json()), ("open_clip_pytorch_model.bin", vec![0])],
            found: Err("only \"open_clip_pytorch_model.bin\": pickles are refused"),
        },
        Case { files: vec![("config.json", json())], found: Err("\"model.safetensors\" is missing") },
        Case { files: vec![("model.safetensors", tensors(&[]))], found: Err("\"config.json\" is missing") },
        Case {
            files: vec![("open_clip_config.json", json())],
            found: Err("\"open_clip_model.safetensors\" is missing"),
        },
        Case { files: vec![("a.gguf", gguf()), ("a.gguf.x1Y2z3.partial", gguf())], found: Ok(Layout::Gguf) },
        Case { files: vec![("a.gguf.x1Y2z3.partial", gguf())], found: Err("holds no model") },
        Case {
            files: vec![("config.json", b"[]".to_vec()), ("model.safetensors", tensors(&["a"]))],
            found: Err("config.json: configuration: invalid type: sequence, expected an object"),
        },
        Case {
            files: vec![
                ("config.json", json()),
                ("preprocessor_config.json", br#"{"a":1,"a":2}"#.to_vec()),
                ("model.safetensors", tensors(&["a"])),
            ],
            found: Err("preprocessor_config.json: key \"a\" occurs twice"),
        },
        Case {
            files: vec![
                ("config.json", json()),
                ("model.safetensors.index.json", index(&[])),
                ("1.safetensors", tensors(&["a"])),
            ],
            found: Err("model.safetensors.index.json: weight_map is empty"),
        },
        Case { files: vec![("notes.txt", vec![])], found: Err("holds no model") },
        Case {
            files: vec![("config.json", b"{".to_vec()), ("model.safetensors", tensors(&["a"]))],
            found: Err("config.json: configuration: EOF"),
        },
        Case {
            files: vec![("config.json", vec![b' '; (1 << 20) + 1]), ("model.safetensors", tensors(&["a"]))],
            found: Err("bytes of configuration: at most 1048576"),
        },
    ]
}

#[test]
fn what_a_folder_holds_is_found() {
    for case in cases() {
        let folder = folder_of(&case.files);
        match (Model::open(folder.path()), case.found) {
            (Ok(model), Ok(layout)) => assert_eq!(model.layout(), layout),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, expected) => panic!("{:?}: expected {expected:?}, got {got:?}", case.files[0].0),
        }
    }
}

#[test]
fn shards_fit_their_index() {
    struct Case {
        index: &'static [(&'static str, &'static str)],
        shards: [&'static [&'static str]; 2],
        found: Result<&'static [&'static str], &'static str>,
    }
    const FITTING: &[(&str, &str)] = &[("a", "1.safetensors"), ("b", "2.safetensors")];
    const SWAPPED: &[(&str, &str)] = &[("a", "2.safetensors"), ("b", "1.safetensors")];
    const ABSENT: &[(&str, &str)] = &[("a", "1.safetensors"), ("b", "3.safetensors")];
    let cases = [
        Case { index: FITTING, shards: [&["a"], &["b"]], found: Ok(&["a", "b"]) },
        Case { index: FITTING, shards: [&["a"], &["a", "b"]], found: Err("tensor \"a\" occurs twice") },
        Case { index: FITTING, shards: [&["a"], &["c"]], found: Err("tensor \"b\": is missing") },
        Case { index: SWAPPED, shards: [&["a"], &["b"]], found: Err("tensor \"b\": is missing") },
        Case { index: ABSENT, shards: [&["a"], &["b"]], found: Err("\"3.safetensors\" is missing") },
    ];
    for case in cases {
        let files = [
            ("config.json", b"{}".to_vec()),
            ("model.safetensors.index.json", index(case.index)),
            ("1.safetensors", tensors(case.shards[0])),
            ("2.safetensors", tensors(case.shards[1])),
        ];
        let folder = folder_of(&files);
        match (Model::open(folder.path()), case.found) {
            (Ok(model), Ok(names)) => {
                let found: Vec<&str> = model.tensors().iter().map(|t| &*t.name).collect();
                assert_eq!(found, names);
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, expected) => panic!("expected {expected:?}, got {got:?}"),
        }
    }
}

#[test]
fn a_tensor_that_the_index_does_not_name_is_noted() {
    let files = [
        ("config.json", b"{}".to_vec()),
        ("model.safetensors.index.json", index(&[("a", "1.safetensors")])),
        ("1.safetensors", tensors(&["a", "extra"])),
    ];
    let folder = folder_of(&files);
    let model = Model::open(folder.path()).unwrap();
    assert_eq!(structure_notes(&model), [StructureNote::Unmapped { file: 0, tensor: "extra".into() }]);
    assert!(model.tensor("extra").is_err());
}

#[test]
fn names_need_not_be_utf8() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(OsStr::from_bytes(b"\xff.gguf")), gguf()).unwrap();
    assert_eq!(Model::open(folder.path()).unwrap().layout(), Layout::Gguf);
    fs::write(folder.path().join("b.gguf"), gguf()).unwrap();
    let error = Model::open(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with(r#"name one of them: "b.gguf", "\xff.gguf""#), "{error}");
}
