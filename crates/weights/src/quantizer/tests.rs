//! Recipes, fallbacks, refusals, and output that does not depend on threads.

use bedside_tensor::Shape;

use super::*;
use crate::source::Source;

/// A model in a file: name, dimensions and type of each tensor; values are a wave.
fn model(folder: &Path, tensors: &[(&str, &[u64], DType)], bad: Option<f32>) -> Model {
    let path = folder.join("in.gguf");
    let mut metadata = Metadata::default();
    metadata.insert("general.architecture", Value::String("demo".into())).unwrap();
    metadata.insert("general.file_type", Value::U32(0)).unwrap();
    let specs: Vec<TensorSpec> = tensors
        .iter()
        .map(|(name, dims, dtype)| TensorSpec {
            name: (*name).into(),
            dtype: *dtype,
            shape: Shape::new(dims).unwrap(),
        })
        .collect();
    let mut writer = Writer::create(&path, Overwrite::Refuse, &metadata, &specs).unwrap();
    for spec in &specs {
        let mut x: Vec<f32> = (0..spec.shape.elements()).map(|i| (i as f32 * 0.7).sin()).collect();
        if let Some(bad) = bad {
            let at = x.len() - 1;
            x[at] = bad;
        }
        let bytes: Vec<u8> = if spec.dtype == DType::F32 {
            x.iter().flat_map(|v| v.to_le_bytes()).collect()
        } else if spec.dtype.is_supported() {
            spec.dtype.quantize(&x).unwrap()
        } else {
            vec![0; spec.shape.bytes(spec.dtype).unwrap() as usize]
        };
        writer.write(&spec.name, &bytes).unwrap();
    }
    writer.finish().unwrap();
    Model::open(&path).unwrap()
}

fn recipe(to: DType, rules: &[&str]) -> Recipe {
    Recipe { to, rules: rules.iter().map(|text| Rule::parse(text).unwrap()).collect() }
}

#[test]
fn each_tensor_gets_its_type_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let tensors: &[(&str, &[u64], DType)] = &[
        ("blk.0.attn_q.weight", &[4, 512], DType::F32),
        ("blk.0.ffn_up.weight", &[4, 96], DType::F16),
        ("blk.0.ffn_down.weight", &[4, 20], DType::F32),
        ("blk.0.attn_norm.weight", &[4, 256], DType::F32),
        ("blk.0.attn_q.bias", &[512], DType::F32),
        ("output.weight", &[4, 256], DType::F32),
        ("v.patch_embd.weight", &[4, 3, 16, 16], DType::F16),
        ("table.weight", &[4, 256], DType::I32),
    ];
    let model = model(folder.path(), tensors, None);
    let choices = choose(&model, &recipe(DType::Q4_K, &["^output=q6_k", "attn_q.bias=source"])).unwrap();
    let got: Vec<(DType, &Reason)> = choices.iter().map(|c| (c.to, &c.reason)).collect();
    let fell = |row| Reason::RowLength { row, wanted: DType::Q4_K };
    let want = [
        (DType::Q4_K, &Reason::Asked),
        (DType::Q5_0, &fell(96)),
        (DType::F16, &fell(20)),
        (DType::F32, &Reason::Small),
        (DType::F32, &Reason::Rule("attn_q.bias=source".into())),
        (DType::Q6_K, &Reason::Rule("^output=q6_k".into())),
        (DType::F16, &Reason::Small),
        (DType::I32, &Reason::Small),
    ];
    assert_eq!(got, want);

    let out = folder.path().join("out.gguf");
    let done = quantize(&model, &out, Overwrite::Refuse, DType::Q4_K, choices, Progress::silent()).unwrap();
    let written = Model::open(&out).unwrap();
    assert_eq!(written.metadata().unsigned("general.file_type").unwrap(), Some(14));
    assert_eq!(written.metadata().unsigned("general.quantization_version").unwrap(), Some(2));
    assert_eq!(written.metadata().str("general.architecture").unwrap(), Some("demo"));
    assert_eq!(done.bytes, written.tensors().iter().map(TensorInfo::bytes).sum::<u64>());
    let untouched = ["blk.0.attn_norm.weight", "v.patch_embd.weight"];
    for name in untouched {
        assert_eq!(model.tensor(name).unwrap().bytes(), written.tensor(name).unwrap().bytes());
    }
}

#[test]
fn output_does_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let tensors: &[(&str, &[u64], DType)] = &[("a.weight", &[700, 512], DType::F32)]; // more than one piece
    let model = model(folder.path(), tensors, None);
    let bytes = |threads: usize| {
        let out = folder.path().join(format!("{threads}.gguf"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let choices = choose(&model, &recipe(DType::Q5_1, &[])).unwrap();
        pool.install(|| {
            quantize(&model, &out, Overwrite::Refuse, DType::Q5_1, choices, Progress::silent()).unwrap()
        });
        std::fs::read(out).unwrap()
    };
    assert!(bytes(1) == bytes(3));
}

#[test]
fn what_cannot_be_converted_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let bad = model(folder.path(), &[("a.weight", &[700, 512], DType::F32)], Some(f32::NAN));
    let out = folder.path().join("out.gguf");
    let run = |model: &Model| {
        let choices = choose(model, &recipe(DType::Q8_0, &[]))?;
        quantize(model, &out, Overwrite::Refuse, DType::Q8_0, choices, Progress::silent())
    };
    let error = run(&bad).unwrap_err().to_string();
    assert!(error.contains("tensor \"a.weight\": element 358399 is NaN"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let folder = tempfile::tempdir().unwrap();
    let unknown = model(folder.path(), &[("a.weight", &[2, 256], DType::IQ2_S)], None);
    let error = run(&unknown).unwrap_err().to_string();
    assert!(error.contains("tensor \"a.weight\": IQ2_S"), "{error}");
    let kept = choose(&unknown, &recipe(DType::Q8_0, &["a=source"])).unwrap();
    assert_eq!(kept[0].to, DType::IQ2_S);
    let error = choose(&unknown, &recipe(DType::Q8_0, &["nothing=f16"])).unwrap_err().to_string();
    assert!(error.contains("no tensor matches the rule \"nothing=f16\""), "{error}");
}

#[test]
fn rules_are_read_strictly() {
    for (text, message) in [
        ("output", "REGEX=TYPE"),
        ("(=q4_k", "regular expression"),
        ("a=q9_k", "no tensor format"),
        ("a=iq2_s", "no codec"),
    ] {
        let error = Rule::parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn only_gguf_can_be_quantized() {
    let mut bytes = 2u64.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    let model = Model::from_source(Source::from_bytes("x.safetensors", bytes)).unwrap();
    let error =
        quantize(&model, Path::new("out.gguf"), Overwrite::Refuse, DType::Q8_0, vec![], Progress::silent());
    assert!(error.unwrap_err().to_string().contains("a GGUF model to quantize"));
}
