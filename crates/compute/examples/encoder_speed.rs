//! How long the host executor takes for a ViT-B/16-like encoder, and how much of it is burn's own matrix
//! products: `cargo run --release -p bedside-compute --example encoder_speed -- [threads] [tokens]`.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::time::Instant;

use bedside_compute::host::Executor;
use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::rewrite::rewrite;
use bedside_compute::{
    Activation, Attend, ComputeError, Element, Graph, GraphBuilder, HostTensor, KvFormat, Numerics, Overlay,
    OwnedWeight, Sizes, Symbol, Value, dims, weight,
};
use bedside_tensor::DType;
use burn::tensor::{Device, Tensor, TensorData};

const WIDTH: i32 = 768;
const HIDDEN: i32 = 3072;
const LAYERS: usize = 12;
const RUNS: usize = 15;

fn main() -> Result<(), ComputeError> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().unwrap_or(1));
    let threads = arguments.next().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN);
    let tokens = arguments.next().unwrap_or(197);
    let graph = encoder()?;
    let weights: HashMap<String, OwnedWeight> = graph
        .weights()
        .map(|node| {
            let dims = node.value.at(&Sizes::new())?;
            let values = numbers(dims.iter().product::<u64>() as usize, 0.02);
            Ok((node.name.clone(), OwnedWeight::new(&node.name, DType::F32, &dims, &values)?))
        })
        .collect::<Result<_, ComputeError>>()?;
    let rewritten = rewrite(&graph, &weights)?;
    let overlay = Overlay::new(&weights, &rewritten.weights);
    let sizes = Sizes::new().with(Symbol::Tokens, tokens as u64);
    let settings = PlanSettings { bounds: sizes, numerics: Numerics::Exact, kv: KvFormat::F16 };
    let plan = Plan::for_weights(&rewritten.graph, &settings, &overlay)?;
    let mut host = Executor::new(&rewritten.graph, &plan, &overlay, threads)?;
    let inputs = [("x", HostTensor::f32(&[tokens, WIDTH as usize], numbers(tokens * WIDTH as usize, 1.0))?)];
    let whole = median(|| host.run(&sizes, &inputs).map(|_| ()));
    by_operation(&mut host, &sizes, &inputs)?;
    let products = products(tokens);
    let gflop = plan.totals().flops as f64 / 1e9;
    println!(
        "{tokens} tokens, {threads} threads: {whole:.1} ms, {gflop:.1} GFLOP, {:.1} GFLOP/s",
        gflop / whole * 1e3
    );
    println!("burn's matmul for the linear layers alone, one thread: {products:.1} ms");
    Ok(())
}

/// Milliseconds of each kind of node, medians over the runs, by operation and result.
fn by_operation(
    host: &mut Executor,
    sizes: &Sizes,
    inputs: &[(&str, HostTensor)],
) -> Result<(), ComputeError> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); host.graph().nodes().len()];
    for _ in 0..RUNS {
        let run = host.profile(sizes, inputs)?;
        times.iter_mut().zip(run).for_each(|(times, time)| times.push(time.as_secs_f64() * 1e3));
    }
    let mut kinds: BTreeMap<String, f64> = BTreeMap::new();
    for (node, times) in host.graph().nodes().iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let last = node.inputs.get(1).map(|input| host.graph().node(*input).value.dims.clone());
        let kind = format!("{} {last:?}", node.op.name());
        *kinds.entry(kind).or_default() += times[RUNS / 2];
    }
    for (kind, ms) in kinds.iter().filter(|(_, ms)| **ms > 0.05) {
        println!("{ms:8.1} ms  {kind}");
    }
    Ok(())
}

/// Milliseconds of the linear layers' products on one thread.
fn products(tokens: usize) -> f64 {
    let device = Device::flex();
    let matrix = |rows: usize, columns: usize| {
        Tensor::<2>::from_data(TensorData::new(numbers(rows * columns, 0.5), [rows, columns]), &device)
    };
    let shapes = [(WIDTH, WIDTH, 4), (WIDTH, HIDDEN, 1), (HIDDEN, WIDTH, 1)];
    let operands: Vec<(Tensor<2>, Vec<Tensor<2>>)> = shapes
        .iter()
        .map(|&(k, n, times)| {
            let weights = (0..times * LAYERS as i32).map(|_| matrix(n as usize, k as usize)).collect();
            (matrix(tokens, k as usize), weights)
        })
        .collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let once = || {
        for (x, weights) in &operands {
            for weight in weights {
                std::hint::black_box(x.clone().matmul(weight.clone().transpose()));
            }
        }
    };
    median(|| pool.as_ref().map(|pool| pool.install(once)).map_err(|_| ()))
}

fn median<E>(mut once: impl FnMut() -> Result<(), E>) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let done = once().is_ok();
            if done { start.elapsed().as_secs_f64() * 1e3 } else { f64::NAN }
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn numbers(count: usize, size: f32) -> Vec<f32> {
    (0..count as u64)
        .map(|i| (i.wrapping_mul(2_654_435_761) % 2001) as f32 / 1000.0 - 1.0)
        .map(|v| v * size)
        .collect()
}

fn encoder() -> Result<Graph, ComputeError> {
    let mut g = Graph::builder("encoder");
    let mut x = g.input("x", dims![Symbol::Tokens, WIDTH], Element::F32)?;
    for i in 0..LAYERS {
        x = block(&mut g, x, i)?;
    }
    g.output("y", x)?;
    g.finish()
}

fn block(g: &mut GraphBuilder, x: Value, i: usize) -> Result<Value, ComputeError> {
    let linear = |g: &mut GraphBuilder, x: Value, part: &str, n: i32, k: i32, activation: Activation| {
        g.linear(
            x,
            weight(format!("{i}.{part}"), [n, k]),
            Some(weight(format!("{i}.{part}.bias"), [n])),
            activation,
        )
    };
    let norm = |g: &mut GraphBuilder, x: Value, part: &str| {
        let bias = Some(weight(format!("{i}.{part}.bias"), [WIDTH]));
        g.layer_norm(x, weight(format!("{i}.{part}"), [WIDTH]), bias, 1e-6)
    };
    let h = norm(g, x, "norm1")?;
    let mut heads = [h; 3];
    for (value, part) in heads.iter_mut().zip(["q", "k", "v"]) {
        let y = linear(g, h, part, WIDTH, WIDTH, Activation::None)?;
        *value = g.reshape(y, dims![Symbol::Tokens, 12, 64])?;
    }
    let [q, k, v] = heads;
    let y = g.attention(q, k, v, Attend::all(0.125))?;
    let y = g.reshape(y, dims![Symbol::Tokens, WIDTH])?;
    let y = linear(g, y, "out", WIDTH, WIDTH, Activation::None)?;
    let x = g.add(x, y)?;
    let h = norm(g, x, "norm2")?;
    let h = linear(g, h, "up", HIDDEN, WIDTH, Activation::GeluErf)?;
    let y = linear(g, h, "down", WIDTH, HIDDEN, Activation::None)?;
    g.add(x, y)
}
