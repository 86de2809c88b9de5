//! Figures of the GPU executor on one adapter: cold start of a 12-layer, 192-wide ViT at 224 px, small dispatches,
//! products. `cargo run --release -p bedside-compute --example gpu_speed -- [NAME]`; best of a few runs, so a loaded
//! machine shows too.

use std::collections::HashMap;
use std::time::Instant;

use bedside_compute::gpu::{AdapterChoice, Device, DeviceOptions, Executor};
use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::rewrite::rewrite;
use bedside_compute::{
    Activation, Attend, ComputeError, Conv2d, Dim, Element, Graph, GraphBuilder, HostTensor, KvFormat,
    Numerics, Overlay, OwnedWeight, Sizes, Symbol, WeightRef, dims, weight,
};
use bedside_tensor::DType;

const RUNS: usize = 8;

fn main() -> Result<(), ComputeError> {
    let begin = Instant::now();
    let adapter = std::env::args().nth(1).map_or(AdapterChoice::Auto, AdapterChoice::Named);
    let device = Device::open(&DeviceOptions { adapter, ..DeviceOptions::default() }, None)?;
    println!("{}: opened in {:.0} ms", device.adapter(), begin.elapsed().as_secs_f64() * 1e3);
    vit(&device, begin)?;
    chain(&device)?;
    for (rows, columns, outputs) in [(512, 768, 3072), (1, 576, 1536)] {
        for (dtype, numerics) in
            [(DType::F32, Numerics::Exact), (DType::Q8_0, Numerics::Exact), (DType::Q8_0, Numerics::Fast)]
        {
            product(&device, [rows, columns, outputs], dtype, numerics)?;
        }
    }
    Ok(())
}

fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
}

fn weights(graph: &Graph, dtype: DType) -> Result<HashMap<String, OwnedWeight>, ComputeError> {
    let make = |node: &bedside_compute::Node| {
        let dims = node.value.at(&Sizes::new())?;
        let values = noise(dims.iter().product::<u64>() as usize);
        let dtype = if dims.len() == 2 { dtype } else { DType::F32 };
        Ok((node.name.clone(), OwnedWeight::new(&node.name, dtype, &dims, &values)?))
    };
    graph.weights().map(make).collect()
}

fn vit(device: &Device, begin: Instant) -> Result<(), ComputeError> {
    let graph = encoder()?;
    let weights = weights(&graph, DType::F32)?;
    let pixels = [("pixels", HostTensor::f32(&[1, 3, 224, 224], noise(3 * 224 * 224))?)];
    let sizes = Sizes::new().with(Symbol::Images, 1);
    let rewritten = rewrite(&graph, &weights)?;
    let overlay = Overlay::new(&weights, &rewritten.weights);
    let settings = PlanSettings { bounds: sizes, numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&rewritten.graph, &settings, &overlay)?;
    let load = Instant::now();
    let mut executor = Executor::new(&rewritten.graph, &plan, &overlay, device, None)?;
    let loaded = load.elapsed();
    executor.run(&sizes, &pixels)?;
    println!(
        "ViT 12 × 192, 224 px: load {:.0} ms, first result {:.0} ms after the start of the process",
        loaded.as_secs_f64() * 1e3,
        begin.elapsed().as_secs_f64() * 1e3
    );
    let best = best(RUNS, || executor.run(&sizes, &pixels).map(drop))?;
    println!("  one image {:.1} ms; {} nodes", best * 1e3, rewritten.graph.nodes().len());
    let times = executor.profile(&sizes, &pixels)?;
    let mut by_op: HashMap<&str, f64> = HashMap::new();
    for (node, time) in rewritten.graph.nodes().iter().zip(times) {
        *by_op.entry(node.op.name()).or_default() += time.as_secs_f64();
    }
    let mut by_op: Vec<(&str, f64)> = by_op.into_iter().filter(|(_, seconds)| *seconds > 0.0).collect();
    by_op.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (op, seconds) in by_op {
        println!("  {op}: {:.2} ms", seconds * 1e3);
    }
    Ok(())
}

fn encoder() -> Result<Graph, ComputeError> {
    let images = Dim::from(Symbol::Images);
    let mut g = Graph::builder("vit");
    let pixels = g.input("pixels", dims![images, 3, 224, 224], Element::F32)?;
    let bias = |name: &str, n: i32| Some(weight(name, [n]));
    let patches = weight("patch.weight", [192, 3, 16, 16]);
    let x = g.conv2d(pixels, patches, bias("patch.bias", 192), Conv2d::strided(16))?;
    let x = g.reshape(x, dims![images, 192, 196])?;
    let x = g.permute(x, &[0, 2, 1])?;
    let mut x = g.add(x, weight("positions", [196, 192]))?;
    for i in 0..12 {
        x = block(&mut g, x, &format!("blk.{i}"))?;
    }
    g.output("features", x)?;
    g.finish()
}

fn block(
    g: &mut GraphBuilder,
    x: bedside_compute::Value,
    name: &str,
) -> Result<bedside_compute::Value, ComputeError> {
    let w = |part: &str, out: i32, columns: i32| weight(format!("{name}.{part}.weight"), [out, columns]);
    let vector = |part: &str, n: i32| -> WeightRef { weight(format!("{name}.{part}"), [n]) };
    let h = g.layer_norm(x, vector("ln1.weight", 192), Some(vector("ln1.bias", 192)), 1e-5)?;
    let mut heads = [h; 3];
    for (value, part) in heads.iter_mut().zip(["q", "k", "v"]) {
        let y =
            g.linear(h, w(part, 192, 192), Some(vector(&format!("{part}.bias"), 192)), Activation::None)?;
        *value = g.reshape(y, dims![Symbol::Images, 196, 3, 64])?;
    }
    let [q, k, v] = heads;
    let y = g.attention(q, k, v, Attend::all(0.125))?;
    let y = g.reshape(y, dims![Symbol::Images, 196, 192])?;
    let y = g.linear(y, w("out", 192, 192), Some(vector("out.bias", 192)), Activation::None)?;
    let x = g.add(x, y)?;
    let h = g.layer_norm(x, vector("ln2.weight", 192), Some(vector("ln2.bias", 192)), 1e-5)?;
    let h = g.linear(h, w("up", 768, 192), Some(vector("up.bias", 768)), Activation::GeluErf)?;
    let y = g.linear(h, w("down", 192, 768), Some(vector("down.bias", 192)), Activation::None)?;
    g.add(x, y)
}

fn chain(device: &Device) -> Result<(), ComputeError> {
    let time = |length: usize| {
        let mut g = Graph::builder("chain");
        let mut y = g.input("x", dims![64], Element::F32)?;
        for _ in 0..length {
            y = g.scale(y, 0.99)?;
        }
        g.output("y", y)?;
        let mut executor = executor(&g.finish()?, &HashMap::new(), Numerics::Exact, device)?;
        let x = [("x", HostTensor::f32(&[64], noise(64))?)];
        best(RUNS * 4, || executor.run(&Sizes::new(), &x).map(drop))
    };
    let (short, long) = (time(1)?, time(301)?);
    println!(
        "small dispatch: {:.1} µs inside one submit; a run of one: {:.0} µs",
        (long - short) / 300.0 * 1e6,
        short * 1e6
    );
    Ok(())
}

fn product(
    device: &Device,
    [rows, columns, outputs]: [usize; 3],
    dtype: DType,
    numerics: Numerics,
) -> Result<(), ComputeError> {
    // Several in one run, so that submission and readback share themselves out.
    let repeats = if rows == 1 { 64 } else { 1 };
    let mut g = Graph::builder("product");
    let x = g.input("x", dims![rows, columns], Element::F32)?;
    let mut last = x;
    for i in 0..repeats {
        let y = g.linear(x, weight(format!("w{i}"), dims![outputs, columns]), None, Activation::None)?;
        last = g.slice(y, 0, 0, 1)?;
    }
    g.output("y", last)?;
    let graph = g.finish()?;
    let mut executor = executor(&graph, &weights(&graph, dtype)?, numerics, device)?;
    let x = [("x", HostTensor::f32(&[rows, columns], noise(rows * columns))?)];
    let seconds = best(RUNS, || executor.run(&Sizes::new(), &x).map(drop))? / f64::from(repeats);
    let flops = 2.0 * (rows * columns * outputs) as f64;
    println!(
        "linear {rows} × {columns} × {outputs} {} {numerics}: {:.3} ms, {:.1} GFLOP/s ({})",
        dtype.name(),
        seconds * 1e3,
        flops / seconds / 1e9,
        executor.kernels().join(", ")
    );
    Ok(())
}

fn executor(
    graph: &Graph,
    weights: &HashMap<String, OwnedWeight>,
    numerics: Numerics,
    device: &Device,
) -> Result<Executor, ComputeError> {
    let settings = PlanSettings { bounds: Sizes::new(), numerics, kv: KvFormat::F32 };
    let plan = Plan::for_weights(graph, &settings, weights)?;
    Executor::new(graph, &plan, weights, device, None)
}

fn best(runs: usize, mut run: impl FnMut() -> Result<(), ComputeError>) -> Result<f64, ComputeError> {
    let mut best = f64::INFINITY;
    for _ in 0..=runs {
        let begin = Instant::now();
        run()?;
        best = best.min(begin.elapsed().as_secs_f64());
    }
    Ok(best)
}
