//! A dual encoder before training: its description as docs/gguf-dual-encoder.md has it, its tokenizer, and weights
//! drawn from a seed.

use std::path::Path;

use bedside_compute::Graph;
use bedside_models::networks;
use bedside_tensor::{DType, Shape};
use bedside_weights::gguf::{Array, Metadata, TensorSpec, Value, Writer};
use bedside_weights::{Model, Overwrite};

use crate::AdaptError;
use crate::draw::{Draw, Purpose};
use crate::sizes::Sizes;
use crate::vocabulary::{PADDING, tokenizer_json};

/// Of every layer norm.
pub(crate) const EPSILON: f32 = 1e-5;
/// Factor on the cosine before training: its natural logarithm is stored.
const FIRST_SCALE: f32 = 10.0;
/// Mean and standard deviation of the grey values, on a scale of 0 to 1: of phantom frames, black corners included.
const GREY: (f64, f64) = (0.25, 0.25);
/// Height of the waves that the table of positions starts as.
const POSITION_WAVES: f64 = 0.3;

/// Write a model of these sizes to `path`, replacing what is there: f32, named and described as `models` reads it.
/// The same seed gives the same bytes. Errors: sizes no model has; those of the writer.
pub fn write_blank(path: &Path, sizes: &Sizes, seed: u64) -> Result<(), AdaptError> {
    let metadata = metadata(sizes)?;
    Writer::create(path, Overwrite::Replace, &metadata, &[])?.finish()?;
    let networks = networks(&Model::open(path)?)?;
    let graphs = [networks.image, networks.text];
    let weights = graphs.iter().flatten().flat_map(Graph::weights);
    let mut specs = Vec::new();
    for node in weights {
        let dims = node.value.at(&bedside_compute::Sizes::new())?;
        let shape = Shape::new(&dims).map_err(bedside_weights::WeightsError::from)?;
        specs.push(TensorSpec { name: node.name.clone(), dtype: DType::F32, shape });
    }
    let mut writer = Writer::create(path, Overwrite::Replace, &metadata, &specs)?;
    for (n, spec) in specs.iter().enumerate() {
        let numbers =
            first_weights(&spec.name, spec.shape.dims(), &mut Draw::new(seed, Purpose::Weights, n as u64));
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        writer.write(&spec.name, &bytes)?;
    }
    Ok(writer.finish()?)
}

/// Matrices: normal, of variance 1 / fan-in, so that values keep their size; those that add to the residual stream
/// smaller. Vectors: ones for norms, zeros for biases. Positions: waves in two directions.
fn first_weights(name: &str, dims: &[u64], draw: &mut Draw) -> Vec<f32> {
    let count = dims.iter().product::<u64>() as usize;
    if name == "v.position_embd.weight" {
        return waves(dims[0], dims[1]);
    }
    if name.ends_with(".bias") {
        return vec![0.0; count];
    }
    if dims.len() == 1 {
        return vec![1.0; count];
    }
    let fan_in = dims[1..].iter().product::<u64>() as f64;
    let scale = match name {
        // A norm follows: small tables are learned in fewer steps of the optimiser, each of which has the same length.
        "t.token_embd.weight" => 0.05,
        "t.position_embd.weight" | "t.token_types.weight" => 0.01,
        // Its length does not change the image's vector; a small one makes no patch stand out before training.
        "visual_projection.weight" => 0.1 / fan_in.sqrt(),
        _ if name.contains("attn_out") || name.contains("ffn_down") => 0.5 / fan_in.sqrt(),
        _ => 1.0 / fan_in.sqrt(),
    };
    (0..count).map(|_| (draw.normal() * scale) as f32).collect()
}

/// (patches, width): a quarter each of sines and cosines along rows and along columns, from one wave over the picture
/// to one over two patches.
fn waves(patches: u64, width: u64) -> Vec<f32> {
    let side = patches.isqrt().max(1);
    let quarter = (width / 4).max(1);
    let value = |patch: u64, i: u64| {
        let (row, column) = ((patch / side) as f64, (patch % side) as f64);
        let (kind, wave) = (i / quarter % 4, (i % quarter) as f64 / quarter as f64);
        let frequency = std::f64::consts::TAU / side as f64 * (side as f64 / 2.0).powf(wave);
        let angle = frequency * if kind < 2 { row } else { column };
        (POSITION_WAVES * if kind % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    };
    (0..patches * width).map(|i| value(i / width, i % width)).collect()
}

/// Every key of the layout.
fn metadata(sizes: &Sizes) -> Result<Metadata, AdaptError> {
    let (tokenizer, vocabulary) = tokenizer_json();
    let mut all = general(&tokenizer);
    let side = |name: &str, keys: Vec<(&str, Value)>| -> Vec<(String, Value)> {
        keys.into_iter().map(|(key, value)| (format!("clip.{name}.{key}"), value)).collect()
    };
    let (image, text) = (sizes.image, sizes.text);
    all.extend(side("vision", vision(sizes)));
    all.extend(side("vision", blocks([image.layers, image.width, image.hidden, image.heads], sizes.embed)));
    all.extend(side("vision", preprocessing(image.side)));
    all.extend(side("text", written(sizes, vocabulary)));
    all.extend(side("text", blocks([text.layers, text.width, text.hidden, text.heads], sizes.embed)));
    let mut metadata = Metadata::default();
    for (key, value) in all {
        metadata.insert(&key, value)?;
    }
    Ok(metadata)
}

fn word(text: &str) -> Value {
    Value::String(text.into())
}

/// What the file is, and how scores come about.
fn general(tokenizer: &str) -> Vec<(String, Value)> {
    let keys = [
        ("general.architecture", word("clip")),
        ("general.name", word("Bedside lung demo")),
        ("general.license", word("Apache-2.0 OR MIT")),
        ("general.description", word(crate::NOTICE)),
        ("clip.dual_encoder.version", Value::U32(1)),
        ("clip.dual_encoder.architecture", word("Bedside demo")),
        ("clip.has_vision_encoder", Value::Bool(true)),
        ("clip.has_text_encoder", Value::Bool(true)),
        ("clip.logit_scale", Value::F32(FIRST_SCALE.ln())),
        ("clip.logit_bias", Value::F32(0.0)),
        ("clip.logit_activation", word("sigmoid")),
        ("tokenizer.huggingface.json", word(tokenizer)),
    ];
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The image tower but for its blocks.
fn vision(sizes: &Sizes) -> Vec<(&'static str, Value)> {
    vec![
        ("tower", word("vit")),
        ("input.kind", word("pixels")),
        ("input.image", Value::Array(Array::U64(vec![sizes.image.side; 2]))),
        ("patch_size", Value::U64(sizes.image.patch)),
        ("patch_bias", Value::Bool(true)),
        ("class_token", Value::Bool(false)),
        ("class_position", Value::Bool(false)),
        ("pre_norm", Value::Bool(false)),
        ("final_norm", word("before_pool")),
        ("pool", word("mean")),
        ("norm_order", word("pre")),
    ]
}

/// The text tower but for its blocks.
fn written(sizes: &Sizes, vocabulary: u64) -> Vec<(&'static str, Value)> {
    vec![
        ("tower", word("bert")),
        ("vocabulary", Value::U64(vocabulary)),
        ("positions", Value::U64(sizes.text.context)),
        ("token_types", Value::U64(1)),
        ("padding", Value::U32(PADDING)),
        ("pool", word("mean")),
        ("norm_order", word("post")),
        ("tokenizer.cleaning", word("none")),
        ("tokenizer.context_length", Value::U64(sizes.text.context)),
        ("tokenizer.padding", Value::U32(PADDING)),
    ]
}

/// Blocks and projection of a tower.
fn blocks([layers, width, hidden, heads]: [u64; 4], embed: u64) -> Vec<(&'static str, Value)> {
    vec![
        ("block_count", Value::U64(layers)),
        ("embedding_length", Value::U64(width)),
        ("feed_forward_length", Value::U64(hidden)),
        ("attention.head_count", Value::U64(heads)),
        ("attention.layer_norm_epsilon", Value::F32(EPSILON)),
        ("activation", word("relu")),
        ("layer_scale", Value::Bool(false)),
        ("projection_dim", Value::U64(embed)),
        ("projection.kind", word("linear")),
        ("projection.bias", Value::Bool(false)),
    ]
}

/// The whole picture, its aspect kept, black beside it.
fn preprocessing(side: u64) -> Vec<(&'static str, Value)> {
    let (mean, std) = GREY;
    let statistic = |x: f64| Value::Array(Array::F64(vec![x; 3]));
    vec![
        ("image_mean", statistic(mean)),
        ("image_std", statistic(std)),
        ("preprocessing.resize.rule.fit.height", Value::U64(side)),
        ("preprocessing.resize.rule.fit.width", Value::U64(side)),
        ("preprocessing.resize.filter", Value::String("bilinear".into())),
        ("preprocessing.crop.height", Value::U64(side)),
        ("preprocessing.crop.width", Value::U64(side)),
        ("preprocessing.crop.rule", Value::String("hugging_face".into())),
        ("preprocessing.rescale", Value::F64(1.0 / 255.0)),
        ("preprocessing.normalize.mean", statistic(mean)),
        ("preprocessing.normalize.std", statistic(std)),
        ("preprocessing.layout", Value::String("planes".into())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bedside_models::{DualEncoder, LoadSettings};

    #[test]
    fn a_blank_model_opens_and_the_same_seed_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, seed| {
            let path = folder.path().join(name);
            write_blank(&path, &Sizes::tiny(), seed).unwrap();
            std::fs::read(path).unwrap()
        };
        let first = write("a.gguf", 1);
        assert!(first == write("b.gguf", 1) && first != write("c.gguf", 2));
        let model = Model::open(&folder.path().join("a.gguf")).unwrap();
        let encoder = DualEncoder::open(&model, &LoadSettings::default()).unwrap();
        assert!(encoder.preprocessing().is_some_and(|steps| steps.normalize.is_some()));
        let none = Sizes { embed: 0, ..Sizes::tiny() };
        assert!(write_blank(&folder.path().join("d.gguf"), &none, 1).is_err());
    }

    #[test]
    fn words_are_whole_where_they_are_known_and_letters_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gguf");
        write_blank(&path, &Sizes::tiny(), 1).unwrap();
        let encoder = DualEncoder::open(&Model::open(&path).unwrap(), &LoadSettings::default()).unwrap();
        let vocabulary: serde_json::Value = serde_json::from_str(&tokenizer_json().0).unwrap();
        let vocabulary = vocabulary["model"]["vocab"].as_object().unwrap();
        let tokens = |text: &str| -> Vec<String> {
            let ids = encoder.tokenize(text).unwrap();
            assert_eq!(ids.len() as u64, Sizes::tiny().text.context);
            let ids = ids.into_iter().filter(|id| *id != PADDING);
            let token = |id: u32| vocabulary.iter().find(|(_, at)| **at == id).unwrap().0.clone();
            ids.map(token).collect()
        };
        assert_eq!(tokens("No B-lines"), ["[CLS]", "no", "b", "-", "lines", "[SEP]"]);
        assert_eq!(tokens("effusions"), ["[CLS]", "effusion", "##s", "[SEP]"]);
        assert_eq!(tokens("zq"), ["[CLS]", "z", "##q", "[SEP]"]);
        assert_eq!(tokens("\u{4e00}"), ["[CLS]", "[UNK]", "[SEP]"]);
        for phrases in crate::statements::PHRASES {
            for wording in phrases.present.iter().chain(phrases.absent).chain(phrases.held_present) {
                let split = tokens(wording).iter().filter(|token| token.starts_with("##")).count();
                assert_eq!(split, 0, "{wording}");
            }
        }
    }
}
