//! TABLE: the operations, formats and shapes that `bench ops` measures.
//!
//! Shapes are those of the networks Bedside runs: ViT-B/16 at 224 px (197 tokens of 768), SigLIP at 512 px
//! (1024 of 768), SmolLM2-135M (576 wide, 1536 inside), a conv stem at 224 px, and matrices of 64 MiB that no
//! cache holds.

use bedside_compute::{
    Activation, Attend, ComputeError, Conv2d, DepthwiseConv2d, Element, GraphBuilder, Numerics, Padding,
    Pairing, Pool2d, Pool2dKind, PoolKind, Rope, RopeAxes, Value, dims, weight,
};
use bedside_tensor::DType;

/// Describes the one operation that is timed; returns its value.
type Build = Box<dyn Fn(&mut GraphBuilder) -> Result<Value, ComputeError>>;

/// One line of the report.
pub(super) struct Case {
    pub(super) op: &'static str,
    /// Format of the weight matrix; F32 where there is none.
    pub(super) format: DType,
    pub(super) numerics: Numerics,
    pub(super) shape: &'static str,
    pub(super) build: Build,
}

/// x (rows, inside) · weight (outside, inside)ᵀ.
pub(super) fn linear(
    g: &mut GraphBuilder,
    rows: u32,
    inside: u32,
    outside: u32,
) -> Result<Value, ComputeError> {
    let x = g.input("x", dims![rows, inside], Element::F32)?;
    g.linear(x, weight("weight", [outside, inside]), None, Activation::None)
}

fn input(g: &mut GraphBuilder, dims: &[u32]) -> Result<Value, ComputeError> {
    let dims: Vec<bedside_compute::Dim> = dims.iter().map(|d| (*d).into()).collect();
    g.input("x", dims, Element::F32)
}

fn attention(g: &mut GraphBuilder, tokens: u32, heads: u32, width: u32) -> Result<Value, ComputeError> {
    let name = |n: &'static str| (n, dims![1, tokens, heads, width]);
    let [q, k, v] = ["q", "k", "v"].map(name);
    let q = g.input(q.0, q.1, Element::F32)?;
    let k = g.input(k.0, k.1, Element::F32)?;
    let v = g.input(v.0, v.1, Element::F32)?;
    g.attention(q, k, v, Attend::all(1.0 / (width as f32).sqrt()))
}

fn rope(g: &mut GraphBuilder) -> Result<Value, ComputeError> {
    let x = input(g, &[512, 9, 64])?;
    let positions = g.input("positions", dims![512], Element::U32)?;
    let op = Rope {
        pairing: Pairing::Neox,
        axes: RopeAxes::One,
        rotary: 64,
        theta: 10_000.0,
        position_scale: 1.0,
        factors: false,
    };
    g.rope(x, positions, op, None)
}

fn embedding(g: &mut GraphBuilder) -> Result<Value, ComputeError> {
    let ids = g.input("ids", dims![512], Element::U32)?;
    g.embedding(ids, weight("weight", [49_152, 576]))
}

fn depthwise(g: &mut GraphBuilder) -> Result<Value, ComputeError> {
    let x = input(g, &[1, 96, 56, 56])?;
    let op = DepthwiseConv2d {
        stride: [1, 1],
        padding: Padding::all(3),
        bias: false,
        activation: Activation::None,
    };
    g.depthwise_conv2d(x, weight("weight", [96, 1, 7, 7]), None, op)
}

fn pool2d(g: &mut GraphBuilder) -> Result<Value, ComputeError> {
    let x = input(g, &[1, 64, 112, 112])?;
    let (kind, kernel, stride) = (Pool2dKind::Max, [3, 3], [2, 2]);
    g.pool2d(x, Pool2d { kind, kernel, stride, padding: Padding::all(1) })
}

fn norm_weight(width: u32) -> bedside_compute::WeightRef {
    weight("norm.weight", [width])
}

/// Everything that is measured, in the order of the report.
pub(super) fn all() -> Vec<Case> {
    use Numerics::{Exact, Fast};
    let case = |op, shape, build: Build| Case { op, format: DType::F32, numerics: Exact, shape, build };
    let mut cases = vec![
        case("linear", "512×768×3072", Box::new(|g| linear(g, 512, 768, 3072))),
        case("linear", "197×768×768", Box::new(|g| linear(g, 197, 768, 768))),
        case("linear", "512×576×1536", Box::new(|g| linear(g, 512, 576, 1536))),
        case("linear", "1×576×1536", Box::new(|g| linear(g, 1, 576, 1536))),
        case(
            "conv2d",
            "3→768, 16×16/16, 224",
            Box::new(|g| {
                let x = input(g, &[1, 3, 224, 224])?;
                g.conv2d(x, weight("weight", [768, 3, 16, 16]), None, Conv2d::strided(16))
            }),
        ),
        case(
            "conv2d",
            "64→64, 3×3/1, 56",
            Box::new(|g| {
                let x = input(g, &[1, 64, 56, 56])?;
                let op = Conv2d { padding: Padding::all(1), ..Conv2d::strided(1) };
                g.conv2d(x, weight("weight", [64, 64, 3, 3]), None, op)
            }),
        ),
        case("depthwise_conv2d", "96, 7×7/1, 56", Box::new(depthwise)),
        case("attention", "197 tokens, 12×64", Box::new(|g| attention(g, 197, 12, 64))),
        case("attention", "1024 tokens, 12×64", Box::new(|g| attention(g, 1024, 12, 64))),
        case(
            "layer_norm",
            "197×768",
            Box::new(|g| {
                let x = input(g, &[197, 768])?;
                g.layer_norm(x, norm_weight(768), Some(weight("norm.bias", [768])), 1e-5)
            }),
        ),
        case(
            "rms_norm",
            "512×576",
            Box::new(|g| {
                let x = input(g, &[512, 576])?;
                g.rms_norm(x, norm_weight(576), 1e-5)
            }),
        ),
        case(
            "softmax",
            "2364×197",
            Box::new(|g| {
                let x = input(g, &[2364, 197])?;
                g.softmax(x)
            }),
        ),
        case("rope", "512 tokens, 9×64", Box::new(rope)),
        case("embedding", "512 of 49152×576", Box::new(embedding)),
        case(
            "add",
            "197×768",
            Box::new(|g| {
                let x = input(g, &[197, 768])?;
                let y = g.input("y", dims![197, 768], Element::F32)?;
                g.add(x, y)
            }),
        ),
        case(
            "mul",
            "512×1536",
            Box::new(|g| {
                let x = input(g, &[512, 1536])?;
                let y = g.input("y", dims![512, 1536], Element::F32)?;
                g.mul(x, y)
            }),
        ),
        case(
            "scale",
            "512×1536",
            Box::new(|g| {
                let x = input(g, &[512, 1536])?;
                g.scale(x, 0.5)
            }),
        ),
        case(
            "permute",
            "196×12×64",
            Box::new(|g| {
                let x = input(g, &[196, 12, 64])?;
                g.permute(x, &[1, 0, 2])
            }),
        ),
        case(
            "concat",
            "197×768 twice",
            Box::new(|g| {
                let x = input(g, &[197, 768])?;
                let y = g.input("y", dims![197, 768], Element::F32)?;
                g.concat([x, y], 1)
            }),
        ),
        case(
            "pool",
            "196×768, mean",
            Box::new(|g| {
                let x = input(g, &[1, 196, 768])?;
                g.pool(x, PoolKind::Mean, 1, None)
            }),
        ),
        case("pool2d", "64, 3×3/2, 112", Box::new(pool2d)),
        case(
            "l2_normalize",
            "64×512",
            Box::new(|g| {
                let x = input(g, &[64, 512])?;
                g.l2_normalize(x, 1e-12)
            }),
        ),
    ];
    for (name, activation) in [
        ("gelu_erf", Activation::GeluErf),
        ("gelu_tanh", Activation::GeluTanh),
        ("quick_gelu", Activation::QuickGelu),
        ("silu", Activation::Silu),
        ("hard_swish", Activation::HardSwish),
    ] {
        cases.push(case(
            name,
            "197×3072",
            Box::new(move |g| {
                let x = input(g, &[197, 3072])?;
                g.activation(x, activation)
            }),
        ));
    }
    for format in DType::ALL.iter().copied().filter(|t| t.is_quantized() || t.block_bytes() == 2) {
        if !format.is_supported() {
            continue;
        }
        for numerics in [Exact, Fast] {
            let mut push =
                |shape, build: Build| cases.push(Case { op: "linear", format, numerics, shape, build });
            // Rows of 768 and 1536 fit blocks of 32 and of 256 alike.
            push("512×768×1536", Box::new(|g| linear(g, 512, 768, 1536)));
            push("1×768×1536", Box::new(|g| linear(g, 1, 768, 1536)));
        }
    }
    for format in [DType::Q8_0, DType::Q4_1, DType::Q4_K] {
        for (shape, rows) in [("1×576×1536", 1), ("512×576×1536", 512)] {
            if format.block_len() == 32 {
                let build: Build = Box::new(move |g| linear(g, rows, 576, 1536));
                cases.push(Case { op: "linear", format, numerics: Fast, shape, build });
            }
        }
        // As many rows of 4096 as make 64 MiB of blocks.
        let row = 4096 / format.block_len() * format.block_bytes();
        let rows = ((64 << 20) / row) as u32; // fewer than 2^26
        let build: Build = Box::new(move |g| linear(g, 1, 4096, rows));
        cases.push(Case { op: "linear", format, numerics: Fast, shape: "1×4096×64 MiB", build });
    }
    cases
}
