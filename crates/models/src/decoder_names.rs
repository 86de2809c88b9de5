//! TABLE: how Hugging Face folders call a decoder's tensors, under each prefix that is in use.

use bedside_weights::Model;

use crate::name_table::{NameTable, Part, Row};

/// Where a folder keeps its text model.
struct Place {
    /// Its token table, by which the place is known.
    table: &'static str,
    all: &'static [Row],
    /// The norm before the MLP, and those behind attention and MLP: names that mean different things.
    llama: &'static [Row],
    gemma: &'static [Row],
}

macro_rules! place {
    ($body:literal, $head:literal) => {
        Place {
            table: concat!($body, "embed_tokens.weight"),
            all: &[
                ("token_embd.weight", concat!($body, "embed_tokens.weight"), Part::Whole),
                ("output.weight", $head, Part::Whole),
                ("output_norm.weight", concat!($body, "norm.weight"), Part::Whole),
                ("blk.{n}.attn_norm.{p}", concat!($body, "layers.{n}.input_layernorm.{p}"), Part::Whole),
                ("blk.{n}.attn_q.{p}", concat!($body, "layers.{n}.self_attn.q_proj.{p}"), Part::Whole),
                ("blk.{n}.attn_k.{p}", concat!($body, "layers.{n}.self_attn.k_proj.{p}"), Part::Whole),
                ("blk.{n}.attn_v.{p}", concat!($body, "layers.{n}.self_attn.v_proj.{p}"), Part::Whole),
                ("blk.{n}.attn_output.{p}", concat!($body, "layers.{n}.self_attn.o_proj.{p}"), Part::Whole),
                ("blk.{n}.attn_q_norm.{p}", concat!($body, "layers.{n}.self_attn.q_norm.{p}"), Part::Whole),
                ("blk.{n}.attn_k_norm.{p}", concat!($body, "layers.{n}.self_attn.k_norm.{p}"), Part::Whole),
                ("blk.{n}.ffn_gate.{p}", concat!($body, "layers.{n}.mlp.gate_proj.{p}"), Part::Whole),
                ("blk.{n}.ffn_up.{p}", concat!($body, "layers.{n}.mlp.up_proj.{p}"), Part::Whole),
                ("blk.{n}.ffn_down.{p}", concat!($body, "layers.{n}.mlp.down_proj.{p}"), Part::Whole),
            ],
            llama: &[(
                "blk.{n}.ffn_norm.{p}",
                concat!($body, "layers.{n}.post_attention_layernorm.{p}"),
                Part::Whole,
            )],
            gemma: &[
                (
                    "blk.{n}.post_attention_norm.{p}",
                    concat!($body, "layers.{n}.post_attention_layernorm.{p}"),
                    Part::Whole,
                ),
                (
                    "blk.{n}.ffn_norm.{p}",
                    concat!($body, "layers.{n}.pre_feedforward_layernorm.{p}"),
                    Part::Whole,
                ),
                (
                    "blk.{n}.post_ffw_norm.{p}",
                    concat!($body, "layers.{n}.post_feedforward_layernorm.{p}"),
                    Part::Whole,
                ),
            ],
        }
    };
}

/// Text models alone and Qwen2-VL's; LLaVA's and Gemma's before transformers 4.52; those since; Idefics3's.
const PLACES: [Place; 4] = [
    place!("model.", "lm_head.weight"),
    place!("language_model.model.", "language_model.lm_head.weight"),
    place!("model.language_model.", "lm_head.weight"),
    place!("model.text_model.", "lm_head.weight"),
];

/// Which norms a block has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormNames {
    Llama,
    Gemma,
}

/// Names as the folder has them; those of a text model alone where it has no token table at all, so that the
/// error names one.
pub(crate) fn decoder_names(model: &Model, norms: NormNames) -> NameTable {
    let place = PLACES.iter().find(|place| model.find(place.table).is_some()).unwrap_or(&PLACES[0]);
    let norms = match norms {
        NormNames::Llama => place.llama,
        NormNames::Gemma => place.gemma,
    };
    NameTable { layout: "Hugging Face text model", rows: vec![place.all, norms] }
}
