//! Llama and Mistral: text models alone, and those of LLaVA, Idefics3 and SmolVLM.
//! Source: transformers `modeling_llama.py`, `modeling_mistral.py`; llama.cpp's architecture `llama`.

use bedside_compute::Pairing;
use bedside_weights::Model;

use crate::ModelsError;
use crate::config::{Config, MAX_SIZE};
use crate::decoder_names::{NormNames, decoder_names};
use crate::gguf_config::GgufConfig;
use crate::hf_decoder::{self, DecoderDefaults, text_section};
use crate::language::Language;
use crate::name_table::NameTable;
use crate::towers::decoder::{Decoder, Layer};

const LLAMA: DecoderDefaults = DecoderDefaults {
    vocabulary: 32_000,
    width: 4096,
    hidden: 11_008,
    layers: 32,
    heads: 32,
    kv_heads: None,
    head_dim: None,
    context: 2048,
    eps: 1e-6,
    theta: 10_000.0,
    tied: false,
};
const MISTRAL: DecoderDefaults =
    DecoderDefaults { hidden: 14_336, kv_heads: Some(8), context: 131_072, ..LLAMA };
/// Of Mistral where its file says nothing; later versions say null.
const MISTRAL_WINDOW: u64 = 4096;

/// Text models of these types.
pub(crate) const TYPES: &[&str] = &["llama", "mistral"];

pub(crate) fn read(model: &Model) -> Result<Language, ModelsError> {
    let config = text_section(model)?;
    let mistral = hf_decoder::text_type(model) == Some("mistral");
    let mut decoder = hf_decoder::decoder(model, &config, if mistral { &MISTRAL } else { &LLAMA })?;
    if mistral {
        let window = if config.has("sliding_window") {
            config.size("sliding_window", MAX_SIZE)?
        } else {
            Some(MISTRAL_WINDOW)
        };
        slide(&mut decoder, window);
    }
    refuse_parallel(&config)?;
    let architecture = if mistral { "Mistral" } else { "Llama" };
    Ok(Language { architecture, decoder, names: decoder_names(model, NormNames::Llama) })
}

/// Files made from llama.cpp's `llama` architecture, Mistral's among them: rows of q and k are permuted.
pub(crate) fn read_gguf(config: &GgufConfig<'_>) -> Result<Language, ModelsError> {
    let decoder = config.decoder(Pairing::Interleaved)?;
    Ok(Language { architecture: "Llama", decoder, names: NameTable::gguf() })
}

/// Every layer sees a window of keys. A window as long as the context hides nothing.
pub(crate) fn slide(decoder: &mut Decoder, window: Option<u64>) {
    if let Some(window) = window.filter(|window| *window < decoder.context) {
        decoder.window = Some(window as u32); // fits: at most MAX_SIZE
        decoder.layers.fill(Layer::Sliding);
    }
}

/// Errors: `Config` for checkpoints whose matrices were meant to be cut into parts that are rounded apart.
fn refuse_parallel(config: &Config<'_>) -> Result<(), ModelsError> {
    match config.size("pretraining_tp", MAX_SIZE)? {
        None | Some(1) => Ok(()),
        Some(parts) => Err(config.contradicts("pretraining_tp", "1", parts)),
    }
}
