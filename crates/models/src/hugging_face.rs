//! What the architectures stored by transformers share: encoder sizes, tensor names, preprocessing and
//! tokenizer files.

use bedside_compute::Activation;
use bedside_imaging::{HfPreprocessorConfig, Preprocessing};
use bedside_weights::Model;
use serde_json::Value;

use crate::ModelsError;
use crate::config::{Config, MAX_LAYERS, MAX_SIZE, check_heads};
use crate::name_table::{Part, Row};
use crate::towers::encoder::{AttentionSizes, Encoder, NormOrder};

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const PREPROCESSOR: &str = "preprocessor_config.json";
/// Holds the image processor since transformers 5.
const PROCESSOR: &str = "processor_config.json";

/// What a configuration class has where its file says nothing: files leave out what is equal to it.
pub(crate) struct Defaults {
    pub(crate) width: u64,
    pub(crate) hidden: u64,
    pub(crate) layers: u64,
    pub(crate) heads: u64,
    pub(crate) activation: Activation,
    pub(crate) eps: f64,
}

/// The blocks that `text_config` or `vision_config` describes. Errors: `Config`.
pub(crate) fn encoder(
    config: &Config<'_>,
    defaults: &Defaults,
    order: NormOrder,
) -> Result<Encoder, ModelsError> {
    let width = config.size("hidden_size", MAX_SIZE)?.unwrap_or(defaults.width);
    let heads = config.size("num_attention_heads", MAX_SIZE)?.unwrap_or(defaults.heads);
    check_heads(config, "num_attention_heads", width, heads)?;
    let eps = config.positive("layer_norm_eps")?.unwrap_or(defaults.eps) as f32;
    Ok(Encoder {
        layers: config.size("num_hidden_layers", MAX_LAYERS)?.unwrap_or(defaults.layers),
        width,
        hidden: config.size("intermediate_size", MAX_SIZE)?.unwrap_or(defaults.hidden),
        attention: AttentionSizes { heads, eps },
        activation: config.activation("hidden_act")?.unwrap_or(defaults.activation),
        order,
        layer_scale: false,
    })
}

/// Towers of CLIP and SigLIP; what only one of them has is never asked for in the other.
/// Source: transformers `modeling_clip.py`, `modeling_siglip.py`.
pub(crate) const TOWERS: &[Row] = &[
    ("v.class_embd", "vision_model.embeddings.class_embedding", Part::Whole),
    ("v.patch_embd.{p}", "vision_model.embeddings.patch_embedding.{p}", Part::Whole),
    ("v.position_embd.{p}", "vision_model.embeddings.position_embedding.{p}", Part::Whole),
    // The misspelling is the checkpoints' own.
    ("v.pre_ln.{p}", "vision_model.pre_layrnorm.{p}", Part::Whole),
    ("v.post_ln.{p}", "vision_model.post_layernorm.{p}", Part::Whole),
    ("v.blk.{n}.ln1.{p}", "vision_model.encoder.layers.{n}.layer_norm1.{p}", Part::Whole),
    ("v.blk.{n}.ln2.{p}", "vision_model.encoder.layers.{n}.layer_norm2.{p}", Part::Whole),
    ("v.blk.{n}.attn_q.{p}", "vision_model.encoder.layers.{n}.self_attn.q_proj.{p}", Part::Whole),
    ("v.blk.{n}.attn_k.{p}", "vision_model.encoder.layers.{n}.self_attn.k_proj.{p}", Part::Whole),
    ("v.blk.{n}.attn_v.{p}", "vision_model.encoder.layers.{n}.self_attn.v_proj.{p}", Part::Whole),
    ("v.blk.{n}.attn_out.{p}", "vision_model.encoder.layers.{n}.self_attn.out_proj.{p}", Part::Whole),
    ("v.blk.{n}.ffn_up.{p}", "vision_model.encoder.layers.{n}.mlp.fc1.{p}", Part::Whole),
    ("v.blk.{n}.ffn_down.{p}", "vision_model.encoder.layers.{n}.mlp.fc2.{p}", Part::Whole),
    ("t.token_embd.{p}", "text_model.embeddings.token_embedding.{p}", Part::Whole),
    ("t.position_embd.{p}", "text_model.embeddings.position_embedding.{p}", Part::Whole),
    ("t.post_ln.{p}", "text_model.final_layer_norm.{p}", Part::Whole),
    ("t.blk.{n}.ln1.{p}", "text_model.encoder.layers.{n}.layer_norm1.{p}", Part::Whole),
    ("t.blk.{n}.ln2.{p}", "text_model.encoder.layers.{n}.layer_norm2.{p}", Part::Whole),
    ("t.blk.{n}.attn_q.{p}", "text_model.encoder.layers.{n}.self_attn.q_proj.{p}", Part::Whole),
    ("t.blk.{n}.attn_k.{p}", "text_model.encoder.layers.{n}.self_attn.k_proj.{p}", Part::Whole),
    ("t.blk.{n}.attn_v.{p}", "text_model.encoder.layers.{n}.self_attn.v_proj.{p}", Part::Whole),
    ("t.blk.{n}.attn_out.{p}", "text_model.encoder.layers.{n}.self_attn.out_proj.{p}", Part::Whole),
    ("t.blk.{n}.ffn_up.{p}", "text_model.encoder.layers.{n}.mlp.fc1.{p}", Part::Whole),
    ("t.blk.{n}.ffn_down.{p}", "text_model.encoder.layers.{n}.mlp.fc2.{p}", Part::Whole),
];

/// `preprocessor_config.json`, or the image processor inside `processor_config.json`.
/// Errors: `FileMissing`, `ConfigFile`, what the processor cannot have.
pub(crate) fn preprocessing(model: &Model) -> Result<Preprocessing, ModelsError> {
    let nested = || model.config(PROCESSOR).and_then(|config| config.get("image_processor"));
    let (file, value) = match (model.config(PREPROCESSOR), nested()) {
        (Some(value), _) => (PREPROCESSOR, value),
        (None, Some(value)) => (PROCESSOR, value),
        (None, None) => {
            let why = "it says how an image becomes the numbers the model was trained on";
            return Err(ModelsError::FileMissing { file: PREPROCESSOR, why });
        }
    };
    let config: HfPreprocessorConfig = parsed(file, value)?;
    Ok(config.preprocessing()?)
}

/// A configuration as the type that reads it. Errors: `ConfigFile`.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(
    file: &'static str,
    value: &Value,
) -> Result<T, ModelsError> {
    T::deserialize(value)
        .map_err(|error| ModelsError::ConfigFile { file, reason: crate::config::shown(&error.to_string()) })
}

/// The sections `text_config` and `vision_config`, whose old twins `…_dict` win where they exist.
/// Source: transformers `CLIPConfig.__init__`.
pub(crate) fn section<'a>(config: &Config<'a>, key: &str) -> Result<Config<'a>, ModelsError> {
    match config.section(&format!("{key}_dict"))? {
        Some(section) => Ok(section),
        None => config.required_section(key),
    }
}

/// One number in a tensor of one element. Errors: the tensor is missing or has another size.
pub(crate) fn scalar(model: &Model, name: &str) -> Result<f32, ModelsError> {
    let view = model.tensor(name)?;
    let numbers = view
        .to_f32()
        .map_err(|source| bedside_compute::ComputeError::WeightFormat { name: name.to_owned(), source })?;
    match numbers[..] {
        [number] if number.is_finite() => Ok(number),
        _ => {
            let got = if numbers.len() == 1 { numbers[0].to_string() } else { view.shape().to_string() };
            let (name, expected) = (name.to_owned(), "one finite number".to_owned());
            Err(ModelsError::Tensor { name, expected, got })
        }
    }
}

/// The image must have the size the tower was made for. Errors: `Config`.
pub(crate) fn check_image(
    file: &'static str,
    preprocessing: &Preprocessing,
    [rows, columns]: [u64; 2],
) -> Result<(), ModelsError> {
    let got = preprocessing.output_size();
    if got.is_some_and(|(height, width)| [u64::from(height), u64::from(width)] == [rows, columns]) {
        return Ok(());
    }
    let got = got.map_or_else(|| "no fixed size".to_owned(), |(height, width)| format!("{height} × {width}"));
    let (key, expected) =
        ("size of the prepared image".to_owned(), format!("{rows} × {columns}, as the model has"));
    Err(ModelsError::Config { file, key, expected, got })
}
