"""Tiny image towers of timm with random weights, and what timm makes of two images in float64.

Usage: python gen_towers.py OUTPUT_FOLDER
Needs torch, timm, safetensors, numpy; made with timm 1.0.31 and torch 2.15.0 on a CPU.

A file holds the weights under the names of an OpenCLIP file (F16, exact: the network ran on the same numbers),
`pixel_values` (F16, exact), `stages.N` and `features` (F32).
"""
import sys

import torch
from safetensors.torch import save_file
from timm.layers import BatchNormAct2d
from timm.models.convnext import ConvNeXt
from timm.models.efficientnet import _gen_efficientnet, _gen_efficientnet_lite, _gen_mobilenet_v2
from timm.models.mobilenetv3 import _gen_mobilenet_v3

# What timm's `tf_` entry points set.
TF = dict(pad_type="same", bn_eps=1e-3)
# Narrow and short: every stage keeps at least one block, the widest have three.
NARROW = dict(channel_multiplier=0.1, depth_multiplier=0.5)


def convnext(**kwargs):
    return ConvNeXt(depths=(1, 1, 2, 1), dims=(8, 12, 16, 20), **kwargs)


# Features behind the last convolution.
FEATURES = 40

# File: network, rows and columns of the image. Odd sizes, so that both ways to pad differ.
MODELS = {
    "convnext_base": (lambda: convnext(), (66, 97)),
    "convnext_nano_ols": (lambda: convnext(conv_mlp=True, stem_type="overlap_tiered", ls_init_value=None), (65, 65)),
    "convnext_tiny_hnf": (lambda: convnext(conv_mlp=True, head_norm_first=True, conv_bias=False), (64, 64)),
    "convnext_large_mlp": (lambda: convnext(head_hidden_size=28, kernel_sizes=(3, 5, 7, 7), norm_eps=1e-6), (64, 65)),
    "convnextv2_tiny": (lambda: convnext(use_grn=True, ls_init_value=None), (72, 65)),
    "tf_efficientnet_lite0": (lambda: _gen_efficientnet_lite("tf_efficientnet_lite0", **NARROW, **TF), (49, 34)),
    "efficientnet_b0": (lambda: _gen_efficientnet("efficientnet_b0", **NARROW), (41, 34)),
    "mobilenetv2_100": (lambda: _gen_mobilenet_v2("mobilenetv2_110d", fix_stem_head=True, **NARROW), (49, 34)),
    "mobilenetv3_large_100": (lambda: _gen_mobilenet_v3("mobilenetv3_large_100", **NARROW), (41, 34)),
    "tf_mobilenetv3_small_100": (lambda: _gen_mobilenet_v3("tf_mobilenetv3_small_100", **NARROW, **TF), (50, 49)),
    "tf_mobilenetv3_small_minimal_100": (
        lambda: _gen_mobilenet_v3("tf_mobilenetv3_small_minimal_100", **NARROW, **TF), (41, 32)),
}


def shorten(network):
    """The last convolution of the mobile networks with few features; timm's 1280 would be most of a file."""
    conv = network.conv_head
    network.conv_head = torch.nn.Conv2d(conv.in_channels, FEATURES, 1, bias=conv.bias is not None)
    if hasattr(network, "bn2"):
        norm = BatchNormAct2d(FEATURES, eps=network.bn2.eps)
        norm.act = network.bn2.act
        network.bn2 = norm


def normal(like, mean, deviation):
    return mean + deviation * torch.randn_like(like)


def randomise(network, images):
    """Weights of all kinds away from 0 and 1; batch statistics near those of the images, so that values keep
    their size from layer to layer and reach both ends of relu6 and hard_swish."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("bias"):
                weight.copy_(normal(weight, 0.0, 0.3))
            elif weight.ndim > 1:
                inputs = weight[0].numel()
                weight.copy_(normal(weight, 0.0, 1.0 / inputs**0.5))
            else:
                weight.copy_(normal(weight, 1.5, 0.5))
        norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        network.train()
        network(torch.randn(32, *images.shape[1:]))
        network.eval()
        for norm in norms:
            norm.running_mean.add_(normal(norm.running_mean, 0.0, 0.1) * norm.running_var.sqrt())
            norm.running_var.mul_(normal(norm.running_var, 1.0, 0.1).clamp(0.5, 2.0)).clamp_(min=0.01)
        for number in list(network.parameters()) + [b for n in norms for b in (n.running_mean, n.running_var)]:
            number.copy_(number.half())


def expected(network, images):
    """Results of the stages and of the head without its classifier, in float64."""
    network = network.double()
    found = {}
    stages = network.stages if hasattr(network, "stages") else network.blocks
    for index, stage in enumerate(stages):
        stage.register_forward_hook(lambda _, __, out, index=index: found.update({f"stages.{index}": out}))
    with torch.no_grad():
        features = network.forward_features(images.double())
        found["features"] = network.forward_head(features, pre_logits=True)
    return {name: value.float().contiguous() for name, value in found.items()}


def main(folder):
    for seed, (name, (make, size)) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        network = make()
        network.reset_classifier(0)
        if hasattr(network, "conv_head"):
            shorten(network)
        images = torch.randn(2, 3, *size).half()
        randomise(network, images.float())
        skip = "num_batches_tracked"
        tensors = {f"visual.trunk.{key}": value.half().contiguous()
                   for key, value in network.state_dict().items() if not key.endswith(skip)}
        outputs = expected(network, images)
        assert all(torch.isfinite(value).all() for value in outputs.values())
        print(name, {key: (list(value.shape), round(value.abs().max().item(), 2)) for key, value in outputs.items()})
        tensors |= outputs | {"pixel_values": images}
        save_file(tensors, f"{folder}/{name}.safetensors")


if __name__ == "__main__":
    main(sys.argv[1])
