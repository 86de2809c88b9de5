"""Tiny dual encoders of kinds that gen_dual.py has not, with random weights, and what transformers 4.53.3,
open_clip 3.3.0 and timm 1.0.31 (Pillow 13.0.0, on torch 2.15.0) make of three images and five texts.

Usage: python gen_dual_more.py OUTPUT_FOLDER IMAGES_FOLDER

A folder holds `model/` as published models of its kind have it (weights F16, exact: the network ran on the same
numbers), `expected.safetensors` (F32, ids I64) and `expected.json`.
"""
import gzip
import json
import os
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
import open_clip
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from timm.models.convnext import ConvNeXt
from timm.models.vision_transformer import VisionTransformer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

torch.set_grad_enabled(False)
torch.set_num_threads(1)

IMAGES = ["us", "grey", "odd"]
PROMPTS = [
    "a lung ultrasound with three b-lines",
    "Normal A-lines, no effusion.",
    "free fluid: 12.5 cm &amp; more",
    "Ünïcödé ñ café 肺 “quotes”",
    "",
]
LONG = " ".join(PROMPTS) + " " + " ".join(PROMPTS[::-1])
MERGES = 120
CLIP = dict(mean=list(open_clip.OPENAI_DATASET_MEAN), std=list(open_clip.OPENAI_DATASET_STD))


def randomise(model, seed):
    """Weights of all kinds away from 0 and 1, as F16 has them."""
    g = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        r = torch.randn(weight.shape, generator=g)
        if name in ("logit_scale", "logit_bias"):
            weight.fill_(2.5 if name == "logit_scale" else -3.25)
        elif weight.numel() == max(weight.shape):
            norm = name.endswith("weight") or "gamma" in name
            weight.copy_(1 + 0.2 * r if norm else (0.1 if name.endswith("bias") else 1.5) * r)
        else:
            table = "embed" in name and "patch" not in name or "position" in name
            weight.copy_(r * (0.5 if table else weight[0].numel() ** -0.5))
        weight.copy_(weight.half())
    return model.eval()


def write(folder, name, value):
    with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.write("\n")


class Case:
    def __init__(self, out, images, name):
        self.name, self.folder, self.model = name, f"{out}/{name}", f"{out}/{name}/model"
        os.makedirs(self.model, exist_ok=True)
        self.images = [Image.open(f"{images}/{image}.png") for image in IMAGES]
        self.states = {}

    def watch(self, model, names):
        """What these modules give becomes an expected tensor `{alias}`."""
        modules = dict(model.named_modules())
        for alias, name in names.items():
            def hook(_, __, out, alias=alias):
                self.states[alias] = out[0] if isinstance(out, tuple) else out
            modules[name].register_forward_hook(hook)

    def finish(self, pixels, ids, long_ids, image, text, scale, bias, mask=None):
        embeds = [torch.nn.functional.normalize(features, dim=-1) for features in (image, text)]
        logits = scale.exp() * embeds[0] @ embeds[1].T + (0 if bias is None else bias)
        found = dict(self.states, pixel_values=pixels, input_ids=ids, long_input_ids=long_ids, image_features=image,
                     text_features=text, image_embeds=embeds[0], text_embeds=embeds[1], logits_per_image=logits,
                     probs=logits.softmax(-1) if bias is None else logits.sigmoid())
        if mask is not None:
            found["attention_mask"] = mask.long()
        assert all(torch.isfinite(value).all() for value in found.values())
        save_file({key: value.contiguous() for key, value in found.items()}, f"{self.folder}/expected.safetensors")
        write(self.folder, "expected.json", dict(name=self.name, images=IMAGES, prompts=PROMPTS))
        print(self.name, logits.round(decimals=3).tolist())


def merges():
    path = f"{open_clip.__path__[0]}/bpe_simple_vocab_16e6.txt.gz"
    return gzip.open(path).read().decode().split("\n")[1:1 + MERGES]


def clip_tokenizer(folder, context):
    """CLIP's tokenizer cut to its first merges. Returns (transformers', open_clip's, ids)."""
    symbols = list(open_clip.tokenizer.bytes_to_unicode().values())
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m.split()) for m in merges()]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as scratch:
        write(scratch, "vocab.json", {token: i for i, token in enumerate(tokens)})
        with open(f"{scratch}/merges.txt", "w") as file:
            file.write("\n".join(["#version: 0.2", *merges(), ""]))
        fast = transformers.CLIPTokenizerFast(f"{scratch}/vocab.json", f"{scratch}/merges.txt", model_max_length=context)
        with gzip.open(f"{scratch}/bpe.txt.gz", "wb") as file:
            file.write("\n".join(["", *merges()]).encode())
        simple = open_clip.tokenizer.SimpleTokenizer(bpe_path=f"{scratch}/bpe.txt.gz", context_length=context)
    save_tokenizer(fast, folder)
    return fast, simple, len(tokens)


def save_tokenizer(fast, folder):
    """tokenizer.json without line breaks and its two side files; nothing else is read."""
    with tempfile.TemporaryDirectory() as scratch:
        fast.save_pretrained(scratch)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            write(folder, name, json.load(open(f"{scratch}/{name}")))


def unigram(folder, context):
    """SigLIP's kind: `</s>` after the text and as padding."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([p.lower() for p in PROMPTS * 4] + PROMPTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>", model_max_length=context,
        padding_side="right")
    save_tokenizer(fast, folder)
    return tokenizer.get_vocab_size()


def gemma(folder, context):
    """SigLIP 2's kind: byte pairs, unknown characters as bytes, `<eos>` after the text, `<pad>` as padding."""
    special, base = ["<pad>", "<eos>", "<bos>", "<unk>"], [f"<0x{i:02X}>" for i in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special + base, show_progress=False)
    tokenizer.train_from_iterator([p.lower().replace(" ", "▁") for p in PROMPTS[:3]], trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in special]
    state["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>",
        model_max_length=context, padding_side="right")
    save_tokenizer(fast, folder)
    return fast, tokenizer.get_vocab_size()


def word_pieces(folder, context):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=110, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False)
    tokenizer.train_from_iterator(PROMPTS, trainer)
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda token: token[1])
    with tempfile.TemporaryDirectory() as scratch:
        with open(f"{scratch}/vocab.txt", "w") as file:
            file.write("\n".join([token for token, _ in tokens] + [""]))
        fast = transformers.BertTokenizerFast(vocab_file=f"{scratch}/vocab.txt", model_max_length=context)
    save_tokenizer(fast, folder)
    return len(tokens)


def clip_gelu(case):
    """CLIPModel as fine-tuning leaves it: a real end token, erf GELU, another epsilon, an image that is no
    multiple of the patch, and a configuration that leaves out what is equal to the class's defaults."""
    context = 12
    fast, _, vocabulary = clip_tokenizer(case.model, context)
    vision = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=12, image_size=35,
                  patch_size=8, hidden_act="gelu", layer_norm_eps=1e-3)
    text = dict(hidden_size=16, intermediate_size=36, num_hidden_layers=2, num_attention_heads=8, vocab_size=vocabulary,
                max_position_embeddings=context, hidden_act="gelu", eos_token_id=vocabulary - 1)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=20, attn_implementation="eager")
    model = randomise(transformers.CLIPModel(config), 1)
    size = vision["image_size"]
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    write(case.model, "preprocessor_config.json", dict(image_processor_type="CLIPFeatureExtractor", size=size, crop_size=size))
    config_file = dict(model_type="clip", projection_dim=20)
    for key, values, default in (("text_config", text, transformers.CLIPTextConfig()),
                                 ("vision_config", vision, transformers.CLIPVisionConfig())):
        config_file[key] = {k: v for k, v in values.items() if getattr(default, k) != v}
    write(case.model, "config.json", config_file)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items() if "position_ids" not in k},
              f"{case.model}/model.safetensors")
    hugging_face(case, model, fast, context, processor, None)


def siglip_gemma(case):
    """SigLIP 2 of fixed resolution: SiglipModel with a tokenizer of Gemma's kind."""
    context = 13
    fast, vocabulary = gemma(case.model, context)
    vision = dict(hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=3, image_size=30, patch_size=7)
    text = dict(hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4, vocab_size=vocabulary,
                max_position_embeddings=context, projection_size=24, bos_token_id=2, eos_token_id=1, pad_token_id=0)
    config = transformers.SiglipConfig(text_config=text, vision_config=vision, attn_implementation="eager")
    model = randomise(transformers.SiglipModel(config), 2)
    processor = transformers.SiglipImageProcessor(size={"height": 30, "width": 30}, resample=2)
    model.half().save_pretrained(case.model)
    model.float()
    processor.save_pretrained(case.model)
    hugging_face(case, model, fast, context, processor, model.logit_bias)


def hugging_face(case, model, fast, context, processor, bias):
    pixels = processor(images=[image.convert("RGB") for image in case.images], return_tensors="pt")["pixel_values"]
    options = dict(padding="max_length", truncation=True, max_length=context, return_tensors="pt")
    ids, long_ids = fast(PROMPTS, **options), fast([LONG], **options)
    case.watch(model, {f"{side}.layer.{i}": f"{side}_model.encoder.layers.{i}" for side in ("vision", "text") for i in range(2)})
    mask = dict(attention_mask=ids.attention_mask) if bias is None else {}
    image, text = model.get_image_features(pixels), model.get_text_features(input_ids=ids.input_ids, **mask)
    case.finish(pixels, ids.input_ids, long_ids.input_ids, image, text, model.logit_scale, bias, mask.get("attention_mask"))


def open_clip_model(case, embed, vision, text, preprocess, tokenizer, blocks, trunk=None, custom=False, **options):
    """`trunk`: makes timm's network; text and vision: what the file's configuration says."""
    if trunk:
        def create(_, pretrained=False, **kwargs):
            network = trunk(**kwargs)
            network.default_cfg = dict(pool_size=(1, 1)) if isinstance(network, ConvNeXt) else {}
            return network
        open_clip.timm_model.timm.create_model = create
    kind = open_clip.model.CustomTextCLIP if custom else open_clip.model.CLIP
    model = randomise(kind(embed_dim=embed, vision_cfg=dict(vision), text_cfg=dict(text), **options), sum(map(ord, case.name)))
    stored = dict(text, hf_model_name="local") if "hf_model_name" in text else text
    model_cfg = dict(embed_dim=embed, vision_cfg=vision, text_cfg=stored, **({"custom_text": True} if custom else {}), **options)
    write(case.model, "open_clip_config.json", dict(model_cfg=model_cfg, preprocess_cfg=preprocess))
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, f"{case.model}/open_clip_model.safetensors")
    size = vision["image_size"]
    config = open_clip.transform.PreprocessCfg(size=tuple(size) if isinstance(size, list) else size, **preprocess)
    transform = open_clip.transform.image_transform_v2(config, is_train=False)
    pixels = torch.stack([transform(image) for image in case.images])
    ids, long_ids = tokenizer(PROMPTS), tokenizer([LONG])
    case.watch(model, blocks)
    image, text_features = model.encode_image(pixels), model.encode_text(ids)
    mask = ids != 0 if "hf_model_name" in text else None
    case.finish(pixels, ids, long_ids, image, text_features, model.logit_scale, getattr(model, "logit_bias", None), mask)


def blocks(vision, text, count=2):
    names = {f"vision.block.{i}": f"{vision}.{i}" for i in range(count)} if vision else {}
    return names | {f"text.layer.{i}": f"{text}.{i}" for i in range(2)}


def echoclip(case):
    """EchoCLIP's kind: a ConvNeXt of timm with OpenCLIP's text tower."""
    _, simple, vocabulary = clip_tokenizer(case.model, 12)
    open_clip_model(
        case, 20, dict(timm_model_name="convnext_base", timm_pool="", timm_proj="linear", timm_proj_bias=True, image_size=48),
        dict(context_length=12, vocab_size=vocabulary, width=16, heads=4, layers=2), dict(CLIP, interpolation="bicubic", resize_mode="shortest"),
        simple, blocks(None, "transformer.resblocks"),
        trunk=lambda **kwargs: ConvNeXt(depths=(1, 1, 2, 1), dims=(8, 12, 16, 20), **kwargs))


def openclip_siglip(case):
    """SigLIP as OpenCLIP stores it: timm's map pooling, text that is not causal, its last position, a bias."""
    vocabulary = unigram(case.model, 12)
    text = dict(context_length=12, vocab_size=vocabulary, hf_tokenizer_name="local", tokenizer_kwargs=dict(clean="canonicalize"),
                width=24, heads=4, layers=2, no_causal_mask=True, proj_bias=True, pool_type="last", norm_kwargs=dict(eps=1e-6),
                act_kwargs=dict(approximate="tanh"))
    tokenizer = open_clip.tokenizer.HFTokenizer(case.model, context_length=12, clean="canonicalize")
    open_clip_model(
        case, 24, dict(timm_model_name="vit_base_patch32_siglip_256", timm_pool="map", timm_proj="none", image_size=32), text,
        dict(mean=[0.5] * 3, std=[0.5] * 3, interpolation="bicubic", resize_mode="squash"), tokenizer,
        blocks("visual.trunk.blocks", "text.transformer.resblocks"), custom=True, init_logit_bias=-10.0,
        trunk=lambda **kwargs: VisionTransformer(**{**dict(
            img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=12, mlp_ratio=1.7, class_token=False, act_layer="gelu_tanh",
            global_pool="map"), **kwargs}))


def biomedclip_shapes(case):
    """BiomedCLIP's kind as it is published: nothing but the tensors' shapes tells of the BERT's sizes."""
    context = 16
    vocabulary = word_pieces(case.model, context)
    with tempfile.TemporaryDirectory() as scratch:
        transformers.BertConfig(
            vocab_size=vocabulary, hidden_size=64, num_hidden_layers=2, num_attention_heads=1, intermediate_size=24,
            max_position_embeddings=context, attn_implementation="eager").save_pretrained(scratch)
        tokenizer = open_clip.tokenizer.HFTokenizer(case.model, context_length=context)
        text = dict(hf_model_name=scratch, hf_model_pretrained=False, hf_tokenizer_name="local",
                    hf_pooler_type="mean_pooler", context_length=context)
        open_clip_model(
            case, 28, dict(timm_model_name="vit_small_patch16_224", timm_pool="avg", timm_proj="mlp", image_size=24), text,
            dict(CLIP, interpolation="bicubic", resize_mode="shortest"), tokenizer,
            blocks("visual.trunk.blocks", "text.transformer.encoder.layer"), custom=True,
            trunk=lambda **kwargs: VisionTransformer(**{**dict(
                img_size=24, patch_size=8, embed_dim=24, depth=2, num_heads=6, mlp_ratio=1.5), **kwargs}))


def openclip_options(case):
    """The options of OpenCLIP's own towers that none of the others has."""
    _, simple, vocabulary = clip_tokenizer(case.model, 12)
    vision = dict(image_size=[24, 42], layers=2, width=27, head_width=8, patch_size=6, mlp_ratio=1.37, pool_type="avg",
                  no_ln_pre=True, final_ln_after_pool=True, ls_init_value=0.1, norm_kwargs=dict(eps=1e-3))
    text = dict(context_length=12, vocab_size=vocabulary, width=20, heads=5, layers=2, mlp_ratio=1.3, proj_type="none",
                pool_type="eos", eos_id=vocabulary - 1, ls_init_value=0.1)
    open_clip_model(
        case, 20, vision, text, dict(CLIP, interpolation="bilinear", resize_mode="longest", fill_color=9), simple,
        blocks("visual.transformer.resblocks", "text.transformer.resblocks"), custom=True, quick_gelu=True)


CASES = {"clip-gelu-tiny": clip_gelu, "siglip2-gemma-tiny": siglip_gemma, "echoclip-tiny": echoclip,
         "openclip-siglip-tiny": openclip_siglip, "biomedclip-shapes-tiny": biomedclip_shapes,
         "openclip-options-tiny": openclip_options}

if __name__ == "__main__":
    for name, make in CASES.items():
        make(Case(sys.argv[1], sys.argv[2], name))
