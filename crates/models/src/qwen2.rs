//! Qwen2 and Qwen2.5, and the text models of Qwen2-VL and Qwen2.5-VL, whose tokens have three positions.
//! Source: transformers `modeling_qwen2.py`, `modeling_qwen2_5_vl.py`; llama.cpp's `qwen2` and `qwen2vl`.

use bedside_compute::{Pairing, RopeAxes};
use bedside_weights::Model;
use serde_json::Value;

use crate::ModelsError;
use crate::config::{Config, MAX_LAYERS, MAX_SIZE};
use crate::decoder_names::{NormNames, decoder_names};
use crate::gguf_config::GgufConfig;
use crate::hf_decoder::{self, DecoderDefaults, text_section};
use crate::language::Language;
use crate::name_table::NameTable;
use crate::towers::decoder::{Biases, Decoder, Layer};

const QWEN2: DecoderDefaults = DecoderDefaults {
    vocabulary: 151_936,
    width: 4096,
    hidden: 22_016,
    layers: 32,
    heads: 32,
    kv_heads: Some(32),
    head_dim: None,
    context: 32_768,
    eps: 1e-6,
    theta: 10_000.0,
    tied: false,
};
const QWEN2_5_VL: DecoderDefaults = DecoderDefaults {
    vocabulary: 152_064,
    width: 8192,
    hidden: 29_568,
    layers: 80,
    heads: 64,
    kv_heads: Some(8),
    eps: 1e-5,
    theta: 1_000_000.0,
    ..QWEN2
};

/// Text models of these types; the last four are parts of models that take images.
pub(crate) const TYPES: &[&str] = &["qwen2", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text"];
/// The only one whose tokens have one position.
const PLAIN: &str = "qwen2";

pub(crate) fn read(model: &Model) -> Result<Language, ModelsError> {
    let config = text_section(model)?;
    let plain = hf_decoder::text_type(model) == Some(PLAIN);
    let mut decoder = hf_decoder::decoder(model, &config, if plain { &QWEN2 } else { &QWEN2_5_VL })?;
    decoder.biases = Biases { qkv: true, ..Biases::NONE };
    windows(&mut decoder, &config)?;
    if !plain {
        decoder.axes = RopeAxes::Multimodal { sections: sections(&config)? };
    }
    let architecture = if plain { "Qwen2" } else { "Qwen2-VL text" };
    Ok(Language { architecture, decoder, names: decoder_names(model, NormNames::Llama) })
}

/// Rows of q and k are not permuted in these files.
pub(crate) fn read_gguf(config: &GgufConfig<'_>) -> Result<Language, ModelsError> {
    let mut decoder = config.decoder(Pairing::Neox)?;
    let plain = config.architecture() == PLAIN;
    if !plain {
        decoder.axes = RopeAxes::Multimodal { sections: config.sections()? };
    }
    let architecture = if plain { "Qwen2" } else { "Qwen2-VL text" };
    Ok(Language { architecture, decoder, names: NameTable::gguf() })
}

/// With `use_sliding_window`, the blocks from `max_window_layers` on slide, or those that `layer_types` names.
fn windows(decoder: &mut Decoder, config: &Config<'_>) -> Result<(), ModelsError> {
    if config.bool("use_sliding_window")? != Some(true) {
        return Ok(());
    }
    let Some(window) = config.size("sliding_window", MAX_SIZE)? else { return Ok(()) };
    decoder.window = Some(window as u32); // fits: at most MAX_SIZE
    if let Some(types) = layer_types(config)? {
        decoder.layers = types;
        return Ok(());
    }
    let first = config.id("max_window_layers")?.map_or(MAX_LAYERS, u64::from);
    let sliding = decoder.layers.iter_mut().zip(0..).filter(|(_, number)| *number >= first);
    sliding.for_each(|(layer, _)| *layer = Layer::Sliding);
    Ok(())
}

/// `layer_types`, one for each block. `None`: absent. Errors: `Config`.
pub(crate) fn layer_types(config: &Config<'_>) -> Result<Option<Vec<Layer>>, ModelsError> {
    let Some(types) = config.get("layer_types") else { return Ok(None) };
    let expected = "a list of full_attention and sliding_attention, one for each block";
    let layer = |name: &Value| match name.as_str() {
        Some("full_attention") => Some(Layer::Full),
        Some("sliding_attention") => Some(Layer::Sliding),
        _ => None,
    };
    let layers: Option<Vec<Layer>> = types.as_array().and_then(|types| types.iter().map(layer).collect());
    let layers = layers.ok_or_else(|| config.refused("layer_types", expected))?;
    let count = config.size("num_hidden_layers", MAX_LAYERS)?;
    if count.is_some_and(|count| count != layers.len() as u64) {
        return Err(config.contradicts("layer_types", expected, format!("{} of them", layers.len())));
    }
    Ok(Some(layers))
}

/// `mrope_section`: pairs that turn by time, row and column. Errors: `Config`.
fn sections(config: &Config<'_>) -> Result<[u32; 3], ModelsError> {
    const KEY: &str = "mrope_section";
    let scaling = match config.section("rope_parameters")? {
        Some(section) => section,
        None => config.required_section("rope_scaling")?,
    };
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let numbers: Option<Vec<u32>> =
        scaling.get(KEY).and_then(Value::as_array).and_then(|items| items.iter().map(number).collect());
    match numbers.as_deref() {
        Some(&[time, row, column]) => Ok([time, row, column]),
        _ => Err(scaling.refused(KEY, "three integers")),
    }
}
