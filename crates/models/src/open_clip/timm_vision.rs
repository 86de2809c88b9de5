//! timm image towers inside OpenCLIP (`TimmModel`).
//!
//! Sizes are read from the tensors' shapes, which cannot lie; what shapes do not show follows from the
//! model's name, as timm defines it.

use bedside_compute::Activation;
use bedside_weights::Model;

use super::{TowerSide, count, matrix};
use crate::ModelsError;
use crate::config::{Config, MAX_SIZE, check_heads, shown};
use crate::name_table::{Part, Row};
use crate::towers::VisionTower;
use crate::towers::convnext::{self, ConvNext};
use crate::towers::efficientnet::{self, EfficientNet};
use crate::towers::encoder::{AttentionSizes, Encoder, NormOrder};
use crate::towers::mobilenet::{self, MobileNet};
use crate::towers::projection::Projection;
use crate::towers::vit::{FinalNorm, Vit, VitInput, VitPool};

/// The projection, wherever it is.
const HEAD: &[Row] = &[
    ("visual_projection.0.{p}", "visual.head.mlp.fc1.{p}", Part::Whole),
    ("visual_projection.2.{p}", "visual.head.mlp.fc2.{p}", Part::Whole),
    ("visual_projection.{p}", "visual.head.proj.{p}", Part::Whole),
];
/// The trunk's own classifier, under the names that families of networks give it.
const TRUNK_HEADS: [&[Row]; 3] = [
    &[("visual_projection.{p}", "visual.trunk.head.{p}", Part::Whole)],
    &[("visual_projection.{p}", "visual.trunk.head.fc.{p}", Part::Whole)],
    &[("visual_projection.{p}", "visual.trunk.classifier.{p}", Part::Whole)],
];

const VIT: &[Row] = &[
    ("v.class_embd", "visual.trunk.cls_token", Part::Whole),
    ("v.position_embd.weight", "visual.trunk.pos_embed", Part::Whole),
    ("v.patch_embd.{p}", "visual.trunk.patch_embed.proj.{p}", Part::Whole),
    ("v.pre_ln.{p}", "visual.trunk.norm_pre.{p}", Part::Whole),
    ("v.blk.{n}.ln1.{p}", "visual.trunk.blocks.{n}.norm1.{p}", Part::Whole),
    ("v.blk.{n}.ln2.{p}", "visual.trunk.blocks.{n}.norm2.{p}", Part::Whole),
    ("v.blk.{n}.attn_q.{p}", "visual.trunk.blocks.{n}.attn.qkv.{p}", Part::Rows(0, 3)),
    ("v.blk.{n}.attn_k.{p}", "visual.trunk.blocks.{n}.attn.qkv.{p}", Part::Rows(1, 3)),
    ("v.blk.{n}.attn_v.{p}", "visual.trunk.blocks.{n}.attn.qkv.{p}", Part::Rows(2, 3)),
    ("v.blk.{n}.attn_out.{p}", "visual.trunk.blocks.{n}.attn.proj.{p}", Part::Whole),
    ("v.blk.{n}.ffn_up.{p}", "visual.trunk.blocks.{n}.mlp.fc1.{p}", Part::Whole),
    ("v.blk.{n}.ffn_down.{p}", "visual.trunk.blocks.{n}.mlp.fc2.{p}", Part::Whole),
    ("v.blk.{n}.ls1.weight", "visual.trunk.blocks.{n}.ls1.gamma", Part::Whole),
    ("v.blk.{n}.ls2.weight", "visual.trunk.blocks.{n}.ls2.gamma", Part::Whole),
    ("v.head.probe", "visual.trunk.attn_pool.latent", Part::Whole),
    ("v.head.attn_q.{p}", "visual.trunk.attn_pool.q.{p}", Part::Whole),
    ("v.head.attn_k.{p}", "visual.trunk.attn_pool.kv.{p}", Part::Rows(0, 2)),
    ("v.head.attn_v.{p}", "visual.trunk.attn_pool.kv.{p}", Part::Rows(1, 2)),
    ("v.head.attn_out.{p}", "visual.trunk.attn_pool.proj.{p}", Part::Whole),
    ("v.head.ln.{p}", "visual.trunk.attn_pool.norm.{p}", Part::Whole),
    ("v.head.ffn_up.{p}", "visual.trunk.attn_pool.mlp.fc1.{p}", Part::Whole),
    ("v.head.ffn_down.{p}", "visual.trunk.attn_pool.mlp.fc2.{p}", Part::Whole),
];
/// The last norm, before pooling or after it.
const NORM: &[Row] = &[("v.post_ln.{p}", "visual.trunk.norm.{p}", Part::Whole)];
const FC_NORM: &[Row] = &[("v.post_ln.{p}", "visual.trunk.fc_norm.{p}", Part::Whole)];

/// Heads by the size in the name (`vit_base_patch16_224`). Source: timm `vision_transformer.py`.
const HEADS: &[(&str, u64)] = &[
    ("xsmall", 4),
    ("tiny", 3),
    ("small", 6),
    ("medium", 8),
    ("betwixt", 10),
    ("base", 12),
    ("large", 16),
    ("so400m", 16),
    ("huge", 16),
    ("giant", 16),
    ("giantopt", 16),
    ("gigantic", 16),
];

pub(super) fn read(
    model: &Model,
    cfg: &Config<'_>,
    name: &str,
    image: [u64; 2],
) -> Result<TowerSide, ModelsError> {
    let (tower, mut names) = if model.find("visual.trunk.blocks.0.attn.qkv.weight").is_some() {
        vit(model, cfg, name, image)?
    } else {
        convolutional(model, cfg, name, image)?
    };
    let (projection, head) = projection(model, cfg)?;
    names.push(head);
    Ok((tower, projection, names))
}

/// Absent is the default, null the empty text. Errors: `Config`.
fn named<'a>(cfg: &Config<'a>, key: &str, default: &'static str) -> Result<&'a str, ModelsError> {
    Ok(cfg.text(key)?.unwrap_or(if cfg.has(key) { "" } else { default }))
}

/// Source: open_clip `TimmModel.__init__`.
fn projection(model: &Model, cfg: &Config<'_>) -> Result<(Projection, &'static [Row]), ModelsError> {
    let has = |name: &str| model.find(name).is_some();
    match named(cfg, "timm_proj", "linear")? {
        "linear" => Ok((Projection::Linear { bias: has("visual.head.proj.bias") }, HEAD)),
        "mlp" => {
            let [hidden, _] = matrix(model, "visual.head.mlp.fc1.weight")?;
            let bias = [has("visual.head.mlp.fc1.bias"), has("visual.head.mlp.fc2.bias")];
            Ok((Projection::Mlp { hidden, bias }, HEAD))
        }
        "none" => Ok((Projection::None, HEAD)),
        "" => {
            let stored = |rows: &[Row], part: &str| has(&rows[0].1.replace("{p}", part));
            let rows = TRUNK_HEADS.into_iter().find(|rows| stored(rows, "weight"));
            let rows = rows.ok_or_else(|| cfg.refused("timm_proj", "linear, mlp or none"))?;
            Ok((Projection::Linear { bias: stored(rows, "bias") }, rows))
        }
        _ => Err(cfg.refused("timm_proj", "linear, mlp or none")),
    }
}

fn vit(
    model: &Model,
    cfg: &Config<'_>,
    name: &str,
    image: [u64; 2],
) -> Result<(VisionTower, Vec<&'static [Row]>), ModelsError> {
    let has = |part: &str| model.find(&format!("visual.trunk.{part}")).is_some();
    // The last: EVA's blocks, which turn queries and keys too.
    let others =
        ["reg_token", "blocks.0.attn.q_norm.weight", "blocks.0.mlp.fc1_g.weight", "blocks.0.gamma_1"];
    if others.into_iter().any(has) {
        let expected = "a plain ViT: register tokens, query norms, gated MLPs and EVA are not read";
        return Err(cfg.contradicts("timm_model_name", expected, shown(name)));
    }
    let kernel = model.info("visual.trunk.patch_embed.proj.weight")?;
    let (&[width, 3, patch, columns], true) = (kernel.shape.dims(), kernel.shape.dims().len() == 4) else {
        return Err(not_a_patch_kernel(kernel));
    };
    if patch != columns || patch == 0 || patch > image[0].min(image[1]) {
        return Err(not_a_patch_kernel(kernel));
    }
    let [hidden, _] = matrix(model, "visual.trunk.blocks.0.mlp.fc1.weight")?;
    let heads = heads(cfg, name, width)?;
    // Only the CLIP variants use PyTorch's own layer norm.
    let eps = if name.contains("_clip_") { 1e-5 } else { 1e-6 };
    let class_token = has("cls_token");
    let patches = (image[0] / patch) * (image[1] / patch);
    let positions = model.info("visual.trunk.pos_embed")?.shape.elements() / width.max(1);
    let after = has("fc_norm.weight");
    let tower = Vit {
        input: VitInput::Pixels { image },
        patch,
        encoder: Encoder {
            layers: count(model, |n| format!("visual.trunk.blocks.{n}.norm1.weight")),
            width,
            hidden,
            attention: AttentionSizes { heads, eps },
            activation: activation(cfg, name)?,
            order: NormOrder::Pre,
            layer_scale: has("blocks.0.ls1.gamma"),
        },
        patch_bias: has("patch_embed.proj.bias"),
        class_token,
        class_position: class_token && positions == patches + 1,
        pre_norm: has("norm_pre.weight"),
        final_norm: if after { FinalNorm::AfterPool } else { FinalNorm::BeforePool },
        pool: pool(cfg, class_token, has("attn_pool.latent"))?,
    };
    let norm = if after { FC_NORM } else { NORM };
    Ok((VisionTower::Vit(tower), vec![VIT, norm]))
}

fn not_a_patch_kernel(kernel: &bedside_weights::TensorInfo) -> ModelsError {
    let expected = "(width, 3, patch, patch) with a patch no larger than the image".to_owned();
    ModelsError::Tensor { name: shown(&kernel.name), expected, got: kernel.shape.to_string() }
}

/// `timm_kwargs.num_heads`, else by the size in the name.
fn heads(cfg: &Config<'_>, name: &str, width: u64) -> Result<u64, ModelsError> {
    let kwargs = cfg.section("timm_kwargs")?;
    let stated = kwargs.as_ref().map(|kwargs| kwargs.size("num_heads", MAX_SIZE)).transpose()?.flatten();
    let by_name = || {
        // More heads than the others of its width.
        if name.starts_with("vit_base_patch16_gap_") {
            return Some(16);
        }
        HEADS.iter().find(|(size, _)| name.split(['_', '.']).any(|part| part == *size)).map(|(_, n)| *n)
    };
    let heads = stated.or_else(by_name).ok_or_else(|| {
        let expected = "a name with a size (tiny, small, base, large, …), or timm_kwargs.num_heads";
        cfg.contradicts("timm_model_name", expected, shown(name))
    })?;
    check_heads(cfg, "timm_model_name (heads)", width, heads)?;
    Ok(heads)
}

/// The SigLIP sizes that timm gives GELU's tanh form; it runs the others with erf.
/// Source: timm `vision_transformer.py`.
const TANH: &[&str] = &[
    "vit_base_patch32_siglip_",
    "vit_large_patch16_siglip_512",
    "vit_large_patch16_siglip_gap_512",
    "vit_so400m_patch16_siglip_",
    "vit_giantopt_patch16_siglip_",
];

/// `timm_kwargs.act_layer`, else by the name.
fn activation(cfg: &Config<'_>, name: &str) -> Result<Activation, ModelsError> {
    if let Some(kwargs) = cfg.section("timm_kwargs")?
        && let Some(layer) = kwargs.text("act_layer")?
    {
        return match layer {
            "gelu" => Ok(Activation::GeluErf),
            "gelu_tanh" => Ok(Activation::GeluTanh),
            "quick_gelu" => Ok(Activation::QuickGelu),
            _ => Err(kwargs.refused("act_layer", "gelu, gelu_tanh or quick_gelu")),
        };
    }
    Ok(match () {
        () if name.contains("quickgelu") => Activation::QuickGelu,
        () if TANH.iter().any(|begin| name.starts_with(begin)) => Activation::GeluTanh,
        () => Activation::GeluErf,
    })
}

/// An empty `timm_pool` leaves the network's own.
fn pool(cfg: &Config<'_>, class_token: bool, attention: bool) -> Result<VitPool, ModelsError> {
    match named(cfg, "timm_pool", "avg")? {
        "" if attention => Ok(VitPool::Attention),
        "" if class_token => Ok(VitPool::Class),
        "" | "avg" => Ok(VitPool::Mean),
        "token" | "tok" if class_token => Ok(VitPool::Class),
        "map" if attention => Ok(VitPool::Attention),
        _ => Err(cfg.refused("timm_pool", "nothing, token, avg or map, as the tensors allow")),
    }
}

/// The family is known by the beginning of the name; sizes by the tensors.
fn convolutional(
    model: &Model,
    cfg: &Config<'_>,
    name: &str,
    image: [u64; 2],
) -> Result<(VisionTower, Vec<&'static [Row]>), ModelsError> {
    match named(cfg, "timm_pool", "avg")? {
        "" | "avg" => {}
        _ => return Err(cfg.refused("timm_pool", "nothing or avg: attention pooling is not read")),
    }
    let dims = |name: &str| model.find(name).map(|info| info.shape.dims().to_vec());
    let family = |begins: &[&str]| begins.iter().any(|begin| name.starts_with(begin));
    if family(&["convnext"]) {
        let tower = ConvNext::infer(name, image, &dims)?;
        return Ok((VisionTower::ConvNext(tower), vec![convnext::NAMES]));
    }
    if family(&["efficientnet", "tf_efficientnet"]) {
        let tower = EfficientNet::infer(name, image, &dims)?;
        return Ok((VisionTower::EfficientNet(tower), vec![efficientnet::NAMES]));
    }
    if family(&["mobilenet", "tf_mobilenet"]) {
        let tower = MobileNet::infer(name, image, &dims)?;
        return Ok((VisionTower::MobileNet(tower), vec![mobilenet::NAMES]));
    }
    let expected = "a ViT, ConvNeXt, EfficientNet or MobileNet of timm";
    Err(cfg.contradicts("timm_model_name", expected, shown(name)))
}
