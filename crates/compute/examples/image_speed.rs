//! How long the host executor takes for what image networks do between their matrix products, at ConvNeXt's
//! and EfficientNet's sizes: `cargo run --release -p bedside-compute --example image_speed -- [threads]`.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use bedside_compute::host::Executor;
use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::{
    Activation, ComputeError, DepthwiseConv2d, Element, Graph, HostTensor, KvFormat, Numerics, OwnedWeight,
    Padding, Sizes, dims, weight,
};
use bedside_tensor::DType;

const RUNS: usize = 15;

fn main() -> Result<(), ComputeError> {
    let threads = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(NonZeroUsize::MIN);
    for (channels, side, kernel, stride) in [
        (128, 56, 7, 1),
        (256, 28, 7, 1),
        (512, 14, 7, 1),
        (1024, 7, 7, 1),
        (32, 112, 3, 1),
        (96, 112, 3, 2),
        (240, 28, 5, 1),
        (672, 14, 5, 2),
    ] {
        depthwise(channels, side, kernel, stride, threads)?;
    }
    for (channels, side) in [(96, 112), (128, 56), (1024, 7)] {
        moved(channels, side, threads)?;
    }
    Ok(())
}

fn depthwise(
    channels: i32,
    side: i32,
    kernel: i32,
    stride: u32,
    threads: NonZeroUsize,
) -> Result<(), ComputeError> {
    let mut g = Graph::builder("depthwise");
    let x = g.input("x", dims![1, channels, side, side], Element::F32)?;
    let op = DepthwiseConv2d {
        stride: [stride, stride],
        padding: Padding::all(kernel as u32 / 2),
        bias: true,
        activation: Activation::None,
    };
    let window = weight("window", [channels, 1, kernel, kernel]);
    let y = g.depthwise_conv2d(x, window, Some(weight("bias", [channels])), op)?;
    g.output("y", y)?;
    let graph = g.finish()?;
    time(&graph, &[1, channels as usize, side as usize, side as usize], threads)
}

/// A gate per channel, and channels last.
fn moved(channels: i32, side: i32, threads: NonZeroUsize) -> Result<(), ComputeError> {
    let mut g = Graph::builder("moved");
    let x = g.input("x", dims![1, channels, side, side], Element::F32)?;
    let gate = g.weight(weight("gate", [1, channels, 1, 1]))?;
    let y = g.mul(x, gate)?;
    let last = g.permute(y, &[0, 2, 3, 1])?;
    let first = g.permute(last, &[0, 3, 1, 2])?;
    g.output("last", last)?;
    g.output("first", first)?;
    time(&g.finish()?, &[1, channels as usize, side as usize, side as usize], threads)
}

/// Prints the median of each node.
fn time(graph: &Graph, x: &[usize], threads: NonZeroUsize) -> Result<(), ComputeError> {
    let numbers = |n: usize| (0..n).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect::<Vec<f32>>();
    let mut weights = HashMap::new();
    for node in graph.weights() {
        let dims = node.value.at(&Sizes::new())?;
        let values = numbers(dims.iter().product::<u64>() as usize);
        weights.insert(node.name.clone(), OwnedWeight::new(&node.name, DType::F32, &dims, &values)?);
    }
    let settings = PlanSettings { bounds: Sizes::new(), numerics: Numerics::Exact, kv: KvFormat::F16 };
    let plan = Plan::for_weights(graph, &settings, &weights)?;
    let mut host = Executor::new(graph, &plan, &weights, threads)?;
    let inputs = [("x", HostTensor::f32(x, numbers(x.iter().product()))?)];
    let runs: Result<Vec<_>, _> = (0..RUNS).map(|_| host.profile(&Sizes::new(), &inputs)).collect();
    let runs = runs?;
    for (i, node) in graph.nodes().iter().enumerate() {
        let flops = node.op.name() == "depthwise_conv2d";
        let mut times: Vec<f64> = runs.iter().map(|run| run[i].as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        let seconds = times[RUNS / 2];
        if seconds == 0.0 {
            continue;
        }
        let dims = node.value.at(&Sizes::new())?;
        let taps =
            if flops { weights["window"].view().shape().dims()[2..].iter().product::<u64>() } else { 0 };
        let gflops = (dims.iter().product::<u64>() * taps * 2) as f64 / seconds / 1e9;
        println!("{:8.3} ms  {:5.1} GFLOP/s  {} {dims:?} of {x:?}", seconds * 1e3, gflops, node.op.name());
    }
    Ok(())
}
