//! What a process really takes while the host executor plays a plan. One test, alone in its process, and its
//! cases each in one of their own.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use bedside_compute::host::Executor;
use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::{
    Activation, Attend, ComputeError, Dim, Element, Graph, GraphBuilder, HostTensor, KvFormat, Numerics,
    OwnedWeight, Sizes, Symbol, Value, WeightRef, dims, weight,
};
use bedside_tensor::DType;

const MIB: u64 = 1 << 20;
const WIDTH: i32 = 256;
const TOKENS: i32 = 197;
const LAYERS: usize = 4;

/// What a plan may be exceeded by: a quarter, and 32 MiB for tiles, packing buffers and the threads' stacks.
fn allowed(plan: &Plan) -> u64 {
    plan.totals().total_bytes() / 4 * 5 + 32 * MIB
}

#[test]
fn a_run_stays_within_its_plan_and_memory_stays_flat() -> Result<(), ComputeError> {
    if status_bytes("VmHWM:").is_none() {
        bedside_tests::skip("memory", "only Linux tells the peak of a process in /proc/self/status");
        return Ok(());
    }
    if let Ok(case) = std::env::var(CASE) {
        return stays_within_its_plan(case.parse().unwrap_or(usize::MAX));
    }
    for case in 0..2 * FORMATS.len() {
        // Each in a process of its own: memory that an allocator keeps would hide what the next case takes.
        let test = "a_run_stays_within_its_plan_and_memory_stays_flat";
        let me = std::env::current_exe().expect("the test's own program");
        let mut child = std::process::Command::new(me);
        let status = child.args(["--exact", test, "--nocapture"]).env(CASE, case.to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "case {case}");
    }
    flat_over_many_runs()
}

/// Names the case that a process of its own measures.
const CASE: &str = "BEDSIDE_MEMORY_CASE";

const FORMATS: [(DType, Numerics); 5] = [
    (DType::F32, Numerics::Exact),
    (DType::F16, Numerics::Exact),
    (DType::Q8_0, Numerics::Exact),
    (DType::Q8_0, Numerics::Fast),
    (DType::Q4_K, Numerics::Fast),
];

fn stays_within_its_plan(case: usize) -> Result<(), ComputeError> {
    let (graph, sizes) = if case < FORMATS.len() { encoder()? } else { decoder()? };
    let (dtype, numerics) = FORMATS[case % FORMATS.len()];
    let weights = weights(&graph, dtype)?;
    let settings = PlanSettings { bounds: sizes, numerics, kv: KvFormat::F16 };
    let plan = Plan::for_weights(&graph, &settings, &weights)?;
    let inputs = inputs(&graph, &sizes.with(Symbol::Past, 0))?;
    let before = reset_peak();
    let mut host = Executor::new(&graph, &plan, &weights, NonZeroUsize::MIN.saturating_add(1))?;
    for _ in 0..3 {
        host.run(&sizes.with(Symbol::Past, 0), &inputs)?;
    }
    let peak = status_bytes("VmHWM:").unwrap_or(u64::MAX).saturating_sub(before);
    let (total, allowed) = (plan.totals().total_bytes(), allowed(&plan));
    let what = format!("{} {dtype} {numerics}", graph.name());
    eprintln!("{what}: planned {} MiB, measured {} MiB", total / MIB, peak / MIB);
    assert!(peak <= allowed, "{what}: planned {total}, allowed {allowed}, measured {peak}");
    Ok(())
}

/// 1,000 runs of a small plan leave the process as large as the first 100 made it.
fn flat_over_many_runs() -> Result<(), ComputeError> {
    let sizes = Sizes::new().with(Symbol::Images, 1);
    let mut g = Graph::builder("small encoder");
    let x = g.input("x", dims![Symbol::Images, 17, 64], Element::F32)?;
    let y = block(&mut g, x, "blk", 64, 17)?;
    g.output("y", y)?;
    let graph = g.finish()?;
    let weights = weights(&graph, DType::F32)?;
    let settings = PlanSettings { bounds: sizes, numerics: Numerics::Exact, kv: KvFormat::F16 };
    let plan = Plan::for_weights(&graph, &settings, &weights)?;
    let mut host = Executor::new(&graph, &plan, &weights, NonZeroUsize::MIN.saturating_add(1))?;
    let inputs = inputs(&graph, &sizes)?;
    let first = host.run(&sizes, &inputs)?;
    let mut settled = 0;
    for run in 0..1000 {
        assert_eq!(host.run(&sizes, &inputs)?, first, "run {run}");
        if run == 100 {
            settled = status_bytes("VmRSS:").unwrap_or(0);
        }
    }
    let after = status_bytes("VmRSS:").unwrap_or(u64::MAX);
    assert!(after <= settled + MIB / 4, "{settled} bytes became {after}");
    Ok(())
}

fn encoder() -> Result<(Graph, Sizes), ComputeError> {
    let images = Dim::from(Symbol::Images);
    let mut g = Graph::builder("encoder");
    let mut x = g.input("x", dims![images, TOKENS, WIDTH], Element::F32)?;
    for i in 0..LAYERS {
        x = block(&mut g, x, &format!("blk.{i}"), WIDTH, TOKENS)?;
    }
    g.output("y", x)?;
    Ok((g.finish()?, Sizes::new().with(Symbol::Images, 8)))
}

fn decoder() -> Result<(Graph, Sizes), ComputeError> {
    let mut g = Graph::builder("decoder");
    let ids = g.input("ids", dims![Symbol::Tokens], Element::U32)?;
    let table = weight("token_embd.weight", [20_000, WIDTH]);
    let mut x = g.embedding(ids, table.clone())?;
    for i in 0..LAYERS {
        let q = g.linear(x, square(&format!("{i}.q"), WIDTH), None, Activation::None)?;
        let q = g.reshape(q, dims![Symbol::Tokens, 4, 64])?;
        let mut cached = [q; 2];
        for (value, part) in cached.iter_mut().zip(["k", "v"]) {
            let state = g.state(&format!("{i}.{part}.cache"), dims![4096, 4, 64])?;
            let y = g.linear(x, square(&format!("{i}.{part}"), WIDTH), None, Activation::None)?;
            let y = g.reshape(y, dims![Symbol::Tokens, 4, 64])?;
            *value = g.cache_append(state, y)?;
        }
        let y = g.attention(q, cached[0], cached[1], Attend::causal(0.125))?;
        let y = g.reshape(y, dims![Symbol::Tokens, WIDTH])?;
        x = g.add(x, y)?;
    }
    let x = g.slice(x, 0, Symbol::Tokens - 1, 1)?;
    let y = g.linear(x, table, None, Activation::None)?;
    g.output("logits", y)?;
    Ok((g.finish()?, Sizes::new().with(Symbol::Tokens, 512).with(Symbol::Past, 3584)))
}

fn square(name: &str, width: i32) -> WeightRef {
    weight(format!("{name}.weight"), [width, width])
}

fn block(g: &mut GraphBuilder, x: Value, name: &str, width: i32, tokens: i32) -> Result<Value, ComputeError> {
    let h = g.layer_norm(x, weight(format!("{name}.norm"), [width]), None, 1e-5)?;
    let mut heads = [h; 3];
    for (value, part) in heads.iter_mut().zip(["q", "k", "v"]) {
        let y = g.linear(h, square(&format!("{name}.{part}"), width), None, Activation::None)?;
        *value = g.reshape(y, dims![Symbol::Images, tokens, 4, width / 4])?;
    }
    let [q, k, v] = heads;
    let y = g.attention(q, k, v, Attend::all(0.125))?;
    let y = g.reshape(y, dims![Symbol::Images, tokens, width])?;
    let x = g.add(x, y)?;
    let up = weight(format!("{name}.up"), [width * 4, width]);
    let h = g.linear(x, up, None, Activation::GeluErf)?;
    let y = g.linear(h, weight(format!("{name}.down"), [width, width * 4]), None, Activation::None)?;
    g.add(x, y)
}

/// Numbers of either sign below `size`, by position.
fn numbers(count: u64, size: f32) -> Vec<f32> {
    (0..count)
        .map(|i| (i.wrapping_mul(2_654_435_761) % 2001) as f32 / 1000.0 - 1.0)
        .map(|v| v * size)
        .collect()
}

/// Matrices in `dtype`, vectors in f32.
fn weights(graph: &Graph, dtype: DType) -> Result<HashMap<String, OwnedWeight>, ComputeError> {
    let make = |node: &bedside_compute::Node| {
        let dims = node.value.at(&Sizes::new())?;
        let values = numbers(dims.iter().product(), 0.05);
        let dtype = if dims.len() == 1 { DType::F32 } else { dtype };
        Ok((node.name.clone(), OwnedWeight::new(&node.name, dtype, &dims, &values)?))
    };
    graph.weights().map(make).collect()
}

fn inputs(graph: &Graph, sizes: &Sizes) -> Result<Vec<(&'static str, HostTensor)>, ComputeError> {
    let mut inputs = Vec::new();
    for name in ["x", "ids"] {
        let Some(node) = graph.inputs().find(|node| node.name == name) else { continue };
        let dims: Vec<usize> = node.value.at(sizes)?.iter().map(|&d| d as usize).collect();
        let count = dims.iter().product::<usize>();
        let made = match node.value.element {
            Element::F32 => HostTensor::f32(&dims, numbers(count as u64, 1.0))?,
            Element::U32 => HostTensor::u32(&dims, (0..count as u32).map(|i| i * 7 % 20_000).collect())?,
        };
        inputs.push((name, made));
    }
    Ok(inputs)
}

/// A line of /proc/self/status that is in kB.
fn status_bytes(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Forget the peak so far; what is resident now. Where the kernel refuses, the old peak stands and the
/// figure is only larger.
fn reset_peak() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    status_bytes("VmRSS:").unwrap_or(0)
}
