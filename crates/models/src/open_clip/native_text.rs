//! OpenCLIP's own text transformer, alone in `CLIP` or as `text.` in `CustomTextCLIP`.

use bedside_compute::Activation;
use bedside_weights::Model;

use super::native_vision::{eps, hidden, refuse_blocks};
use super::{TextSide, count};
use crate::ModelsError;
use crate::config::{Config, MAX_SIZE, check_heads};
use crate::description::Text;
use crate::name_table::{Part, Row};
use crate::tokenizer_files;
use crate::towers::TextTower;
use crate::towers::clip_text::{ClipText, TextPool};
use crate::towers::encoder::{AttentionSizes, Encoder, NormOrder};
use crate::towers::projection::Projection;

/// Both layouts: names of tensors differ by a prefix, and the projection is stored turned over unless it is
/// a layer with a bias.
macro_rules! names {
    ($prefix:literal, $projection:literal, $part:expr) => {
        &[
            ("t.token_embd.weight", concat!($prefix, "token_embedding.weight"), Part::Whole),
            ("t.position_embd.weight", concat!($prefix, "positional_embedding"), Part::Whole),
            ("t.post_ln.{p}", concat!($prefix, "ln_final.{p}"), Part::Whole),
            ("t.blk.{n}.ln1.{p}", concat!($prefix, "transformer.resblocks.{n}.ln_1.{p}"), Part::Whole),
            ("t.blk.{n}.ln2.{p}", concat!($prefix, "transformer.resblocks.{n}.ln_2.{p}"), Part::Whole),
            (
                "t.blk.{n}.attn_q.{p}",
                concat!($prefix, "transformer.resblocks.{n}.attn.in_proj_{p}"),
                Part::Rows(0, 3),
            ),
            (
                "t.blk.{n}.attn_k.{p}",
                concat!($prefix, "transformer.resblocks.{n}.attn.in_proj_{p}"),
                Part::Rows(1, 3),
            ),
            (
                "t.blk.{n}.attn_v.{p}",
                concat!($prefix, "transformer.resblocks.{n}.attn.in_proj_{p}"),
                Part::Rows(2, 3),
            ),
            (
                "t.blk.{n}.attn_out.{p}",
                concat!($prefix, "transformer.resblocks.{n}.attn.out_proj.{p}"),
                Part::Whole,
            ),
            ("t.blk.{n}.ffn_up.{p}", concat!($prefix, "transformer.resblocks.{n}.mlp.c_fc.{p}"), Part::Whole),
            (
                "t.blk.{n}.ffn_down.{p}",
                concat!($prefix, "transformer.resblocks.{n}.mlp.c_proj.{p}"),
                Part::Whole,
            ),
            ("t.blk.{n}.ls1.weight", concat!($prefix, "transformer.resblocks.{n}.ls_1.gamma"), Part::Whole),
            ("t.blk.{n}.ls2.weight", concat!($prefix, "transformer.resblocks.{n}.ls_2.gamma"), Part::Whole),
            ("text_projection.{p}", concat!($prefix, $projection), $part),
        ]
    };
}

/// `eos_id` where the configuration has none. Source: open_clip `CLIPTextCfg`.
const END_TOKEN: u32 = 2;

/// By prefix (none, `text.`) and whether the projection has a bias.
const NAMES: [[&[Row]; 2]; 2] = [
    [names!("", "text_projection", Part::Transposed), names!("", "text_projection.{p}", Part::Whole)],
    [
        names!("text.", "text_projection", Part::Transposed),
        names!("text.", "text_projection.{p}", Part::Whole),
    ],
];

pub(super) fn read(
    model: &Model,
    cfg: &Config<'_>,
    embed: u64,
    activation: Activation,
) -> Result<TextSide, ModelsError> {
    let custom = model.find("text.token_embedding.weight").is_some();
    let prefix = if custom { "text." } else { "" };
    let tower = tower(cfg, activation)?;
    let blocks = count(model, |n| format!("{prefix}transformer.resblocks.{n}.ln_1.weight"));
    if blocks < tower.encoder.layers {
        return Err(cfg.contradicts("layers", format!("the file's {blocks}"), tower.encoder.layers));
    }
    let bias = cfg.bool("proj_bias")?.unwrap_or(false);
    let projection = match cfg.text("proj_type")?.unwrap_or("linear") {
        "linear" => Projection::Linear { bias },
        "none" => Projection::None,
        _ => return Err(cfg.refused("proj_type", "linear or none")),
    };
    let read = tokenizer_files::open_clip(model, cfg, tower.context)?;
    let tokenizer = read.tokenizer.rules().clone();
    let text = Text { tower: TextTower::ClipText(tower), embed, projection, tokenizer };
    Ok((text, read, vec![NAMES[usize::from(custom)][usize::from(bias)]]))
}

fn tower(cfg: &Config<'_>, activation: Activation) -> Result<ClipText, ModelsError> {
    if cfg.bool("embed_cls")? == Some(true) {
        return Err(cfg.refused("embed_cls", "false: CoCa's text tower is not read"));
    }
    refuse_blocks(cfg)?;
    let width = cfg.size("width", MAX_SIZE)?.unwrap_or(512);
    let heads = cfg.size("heads", MAX_SIZE)?.unwrap_or(8);
    check_heads(cfg, "heads", width, heads)?;
    let pool = match cfg.text("pool_type")?.unwrap_or("argmax") {
        "argmax" => TextPool::LargestId,
        "last" => TextPool::Last,
        "first" => TextPool::First,
        "eos" => TextPool::EndToken { id: cfg.id("eos_id")?.unwrap_or(END_TOKEN) },
        _ => return Err(cfg.refused("pool_type", "argmax, last, first or eos")),
    };
    Ok(ClipText {
        vocabulary: cfg.size("vocab_size", MAX_SIZE)?.unwrap_or(49_408),
        context: cfg.size("context_length", MAX_SIZE)?.unwrap_or(77),
        encoder: Encoder {
            layers: cfg.size("layers", crate::config::MAX_LAYERS)?.unwrap_or(12),
            width,
            hidden: hidden(cfg, width, 4.0)?,
            attention: AttentionSizes { heads, eps: eps(cfg)? },
            activation,
            order: NormOrder::Pre,
            layer_scale: cfg.positive("ls_init_value")?.is_some(),
        },
        causal: !cfg.bool("no_causal_mask")?.unwrap_or(false),
        pool,
    })
}
