//! OpenCLIP's own vision transformer.

use bedside_compute::Activation;
use bedside_weights::Model;

use super::TowerSide;
use crate::ModelsError;
use crate::config::{Config, MAX_IMAGE_SIDE, MAX_LAYERS, MAX_SIZE, check_heads};
use crate::name_table::{Part, Row};
use crate::towers::VisionTower;
use crate::towers::encoder::{AttentionSizes, Encoder, NormOrder};
use crate::towers::projection::Projection;
use crate::towers::vit::{FinalNorm, Vit, VitInput, VitPool};

/// PyTorch's layer norm.
const EPS: f64 = 1e-5;

const NAMES: &[Row] = &[
    ("v.class_embd", "visual.class_embedding", Part::Whole),
    ("v.patch_embd.{p}", "visual.conv1.{p}", Part::Whole),
    ("v.position_embd.weight", "visual.positional_embedding", Part::Whole),
    ("v.pre_ln.{p}", "visual.ln_pre.{p}", Part::Whole),
    ("v.post_ln.{p}", "visual.ln_post.{p}", Part::Whole),
    ("v.blk.{n}.ln1.{p}", "visual.transformer.resblocks.{n}.ln_1.{p}", Part::Whole),
    ("v.blk.{n}.ln2.{p}", "visual.transformer.resblocks.{n}.ln_2.{p}", Part::Whole),
    ("v.blk.{n}.attn_q.{p}", "visual.transformer.resblocks.{n}.attn.in_proj_{p}", Part::Rows(0, 3)),
    ("v.blk.{n}.attn_k.{p}", "visual.transformer.resblocks.{n}.attn.in_proj_{p}", Part::Rows(1, 3)),
    ("v.blk.{n}.attn_v.{p}", "visual.transformer.resblocks.{n}.attn.in_proj_{p}", Part::Rows(2, 3)),
    ("v.blk.{n}.attn_out.{p}", "visual.transformer.resblocks.{n}.attn.out_proj.{p}", Part::Whole),
    ("v.blk.{n}.ffn_up.{p}", "visual.transformer.resblocks.{n}.mlp.c_fc.{p}", Part::Whole),
    ("v.blk.{n}.ffn_down.{p}", "visual.transformer.resblocks.{n}.mlp.c_proj.{p}", Part::Whole),
    ("v.blk.{n}.ls1.weight", "visual.transformer.resblocks.{n}.ls_1.gamma", Part::Whole),
    ("v.blk.{n}.ls2.weight", "visual.transformer.resblocks.{n}.ls_2.gamma", Part::Whole),
    ("visual_projection.weight", "visual.proj", Part::Transposed),
];

/// Options of `vision_cfg` that change the network and that no published medical model uses.
const REFUSED: &[&str] = &["attentional_pool", "input_patchnorm"];
/// Options of a block, in `vision_cfg` or `text_cfg`, that change it.
const REFUSED_IN_BLOCKS: &[&str] =
    &["qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"];

pub(super) fn read(
    model: &Model,
    cfg: &Config<'_>,
    image: [u64; 2],
    activation: Activation,
) -> Result<TowerSide, ModelsError> {
    refuse(cfg)?;
    let width = cfg.size("width", MAX_SIZE)?.unwrap_or(768);
    let head_width = cfg.size("head_width", MAX_SIZE)?.unwrap_or(64);
    // Rounded down, as OpenCLIP does: heads may then be wider than `head_width`.
    let heads = width / head_width;
    if heads == 0 {
        return Err(cfg.refused("head_width", "at most the width"));
    }
    check_heads(cfg, "head_width (heads)", width, heads)?;
    let patch = cfg.size("patch_size", MAX_IMAGE_SIDE)?.unwrap_or(16);
    let encoder = Encoder {
        layers: cfg.size("layers", MAX_LAYERS)?.unwrap_or(12),
        width,
        hidden: hidden(cfg, width, 4.0)?,
        attention: AttentionSizes { heads, eps: eps(cfg)? },
        activation,
        order: NormOrder::Pre,
        layer_scale: cfg.positive("ls_init_value")?.is_some(),
    };
    let after = cfg.bool("final_ln_after_pool")?.unwrap_or(false);
    let pool = match cfg.text("pool_type")?.unwrap_or("tok") {
        _ if cfg.bool("global_average_pool")? == Some(true) => VitPool::Mean,
        "tok" => VitPool::Class,
        "avg" => VitPool::Mean,
        _ => return Err(cfg.refused("pool_type", "tok or avg")),
    };
    let tower = Vit {
        input: VitInput::Pixels { image },
        patch,
        encoder,
        patch_bias: false,
        class_token: true,
        class_position: true,
        pre_norm: !cfg.bool("no_ln_pre")?.unwrap_or(false),
        final_norm: if after { FinalNorm::AfterPool } else { FinalNorm::BeforePool },
        pool,
    };
    let projection = match model.find("visual.proj") {
        Some(_) => Projection::Linear { bias: false },
        None => Projection::None,
    };
    Ok((VisionTower::Vit(tower), projection, vec![NAMES]))
}

fn refuse(cfg: &Config<'_>) -> Result<(), ModelsError> {
    if cfg.get("layers").is_some_and(serde_json::Value::is_array) {
        return Err(cfg.refused("layers", "a number: the ResNets of CLIP are not read"));
    }
    refuse_options(cfg, REFUSED)?;
    refuse_blocks(cfg)?;
    match cfg.text("pos_embed_type")? {
        None | Some("learnable") => Ok(()),
        Some(_) => Err(cfg.refused("pos_embed_type", "learnable")),
    }
}

fn refuse_options(cfg: &Config<'_>, keys: &[&str]) -> Result<(), ModelsError> {
    for key in keys {
        let harmless = matches!(cfg.get(key), None | Some(serde_json::Value::Bool(false)));
        if !harmless {
            return Err(cfg.refused(key, "nothing: this option is not read"));
        }
    }
    Ok(())
}

/// Blocks other than CLIP's own. `block_type` alone changes nothing: `custom` without its options is the
/// same network. Errors: `Config`.
pub(super) fn refuse_blocks(cfg: &Config<'_>) -> Result<(), ModelsError> {
    refuse_options(cfg, REFUSED_IN_BLOCKS)?;
    match cfg.text("block_type")? {
        None | Some("default" | "custom") => Ok(()),
        Some(_) => Err(cfg.refused("block_type", "default or custom")),
    }
}

/// int(width · mlp_ratio), as OpenCLIP rounds.
pub(super) fn hidden(cfg: &Config<'_>, width: u64, default: f64) -> Result<u64, ModelsError> {
    let ratio = cfg.positive("mlp_ratio")?.unwrap_or(default);
    let hidden = (width as f64 * ratio).floor();
    if (1.0..=MAX_SIZE as f64).contains(&hidden) {
        return Ok(hidden as u64); // in range
    }
    Err(cfg.refused("mlp_ratio", "a ratio that leaves a width of at least 1"))
}

/// `norm_kwargs.eps`, else PyTorch's.
pub(super) fn eps(cfg: &Config<'_>) -> Result<f32, ModelsError> {
    let kwargs = cfg.section("norm_kwargs")?;
    let eps = kwargs.map(|kwargs| kwargs.positive("eps")).transpose()?.flatten();
    Ok(eps.unwrap_or(EPS) as f32)
}
