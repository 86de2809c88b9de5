//! `bedside bench ops`: every operation × format × shape on this machine.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bedside_compute::host::Executor;
use bedside_compute::plan::{Plan, PlanSettings};
use bedside_compute::{
    ComputeError, Element, Graph, HostTensor, KvFormat, Node, Numerics, Sizes, WeightSource,
};
use bedside_tensor::{DType, TensorView};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::cases::{self, Case};
use super::machine::Machine;
use super::median;
use crate::cli::BenchOpsArguments;
use crate::exit::{Code, Failure};
use crate::{interrupt, output, text};

/// Each case runs until it has taken this long, and at least `LEAST_RUNS` times.
const TIME_PER_CASE: Duration = Duration::from_millis(150);
const LEAST_RUNS: usize = 5;
const MOST_RUNS: usize = 2000;

/// The JSON document `bedside.bench-ops/1`.
#[derive(Serialize)]
struct Document {
    threads: usize,
    /// Instruction-set tier of the integer dot products.
    tier: &'static str,
    machine: Machine,
    ops: Vec<Line>,
}

/// One measured case.
#[derive(Serialize)]
struct Line {
    op: &'static str,
    format: &'static str,
    numerics: Numerics,
    shape: &'static str,
    /// Median time of the operation alone.
    ms: f64,
    gflop_s: f64,
    gb_s: f64,
    /// Of the measured multiply rate.
    of_multiply: f64,
    /// Of the measured copy bandwidth. Above 1 where the data lies in a cache.
    of_copy: f64,
    runs: usize,
}

/// What a case took.
pub(super) struct Timed {
    /// Median.
    pub(super) seconds: f64,
    pub(super) runs: usize,
    pub(super) flops: u64,
    pub(super) bytes: u64,
}

pub(super) fn run(arguments: &BenchOpsArguments) -> Result<Code, Failure> {
    let refused = |error| Failure::new(Code::Device, anyhow::Error::from(error));
    let threads = arguments.threads;
    let _working = interrupt::Cancellable::begin();
    let machine = Machine::measure(threads).map_err(refused)?;
    let wanted = |case: &Case| arguments.op.is_empty() || arguments.op.iter().any(|op| op == case.op);
    let cases: Vec<Case> = cases::all().into_iter().filter(wanted).collect();
    if cases.is_empty() {
        let error = anyhow::anyhow!("no such operation: {}", arguments.op.join(", "));
        return Err(Failure::new(Code::Usage, error));
    }
    let style = ProgressStyle::with_template("{msg:30} {wide_bar} {pos}/{len} {eta}");
    let style = style.expect("the template is a constant that parses");
    let bar = ProgressBar::new(cases.len() as u64).with_style(style);
    let mut ops = Vec::new();
    for case in &cases {
        if interrupt::asked() {
            return Err(Failure::new(Code::Interrupted, anyhow::anyhow!("cancelled")));
        }
        bar.set_message(format!("{} {} {}", case.op, case.format, case.shape));
        let timed = Bench::new(case, threads).and_then(|mut bench| time(&mut bench)).map_err(refused)?;
        ops.push(line(case, &timed, machine));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let document = Document { threads: threads.get(), tier: bedside_compute::host::tier(), machine, ops };
    if arguments.json {
        output::document("bench-ops", &document)?;
    } else {
        output::print(&report(&document))?;
    }
    Ok(Code::Done)
}

fn line(case: &Case, timed: &Timed, machine: Machine) -> Line {
    let (gflop_s, gb_s) =
        (timed.flops as f64 / timed.seconds / 1e9, timed.bytes as f64 / timed.seconds / 1e9);
    Line {
        op: case.op,
        format: case.format.name(),
        numerics: case.numerics,
        shape: case.shape,
        ms: timed.seconds * 1e3,
        gflop_s,
        gb_s,
        of_multiply: gflop_s / machine.multiply_gflop_s,
        of_copy: gb_s / machine.copy_gb_s,
        runs: timed.runs,
    }
}

fn report(document: &Document) -> String {
    let rows = document.ops.iter().map(|line| {
        vec![
            line.op.to_owned(),
            line.format.to_owned(),
            line.numerics.to_string(),
            line.shape.to_owned(),
            format!("{:.4}", line.ms),
            format!("{:.1}", line.gflop_s),
            format!("{:.1}", line.gb_s),
            format!("{:.2}", line.of_multiply),
            format!("{:.2}", line.of_copy),
        ]
    });
    let header = ["op", "format", "numerics", "shape", "ms", "GFLOP/s", "GB/s", "of multiply", "of copy"];
    let Machine { copy_gb_s, multiply_gflop_s } = document.machine;
    format!(
        "{} threads, integer dot products: {}; copy {copy_gb_s:.1} GB/s (read and written), f32 multiply {multiply_gflop_s:.1} GFLOP/s\n\n{}\n",
        text::count(document.threads as u64),
        document.tier,
        text::table(&header, &[4, 5, 6, 7, 8], rows),
    )
}

/// A case ready to run.
pub(super) struct Bench {
    executor: Executor,
    inputs: Vec<(String, HostTensor)>,
    /// Position of the operation's node.
    node: usize,
    flops: u64,
    bytes: u64,
}

impl Bench {
    pub(super) fn new(case: &Case, threads: NonZeroUsize) -> Result<Self, ComputeError> {
        let mut builder = Graph::builder(case.op);
        let value = (case.build)(&mut builder)?;
        builder.output("y", value)?;
        let graph = builder.finish()?;
        let weights = Weights::of(&graph, case.format)?;
        let settings = PlanSettings { bounds: Sizes::new(), numerics: case.numerics, kv: KvFormat::F32 };
        let plan = Plan::for_weights(&graph, &settings, &weights)?;
        let placement = &plan.placements()[value.index()];
        let (flops, bytes, node) = (placement.flops, placement.traffic_bytes, value.index());
        let inputs = graph.inputs().map(input).collect::<Result<_, _>>()?;
        let executor = Executor::new(&graph, &plan, &weights, threads)?;
        Ok(Self { executor, inputs, node, flops, bytes })
    }
}

/// Runs the case often enough for a median.
pub(super) fn time(bench: &mut Bench) -> Result<Timed, ComputeError> {
    let inputs: Vec<(&str, HostTensor)> = bench.inputs.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    bench.executor.profile(&Sizes::new(), &inputs)?; // warm
    let begin = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < LEAST_RUNS || (begin.elapsed() < TIME_PER_CASE && seconds.len() < MOST_RUNS) {
        let times = bench.executor.profile(&Sizes::new(), &inputs)?;
        seconds.push(times[bench.node].as_secs_f64());
    }
    let runs = seconds.len();
    // No clock ticks faster than a nanosecond: 0 would divide.
    let seconds = median(seconds).map_or(1e-9, |s| s.max(1e-9));
    Ok(Timed { seconds, runs, flops: bench.flops, bytes: bench.bytes })
}

/// Numbers between −1 and 1 that repeat with a period no shape has.
fn wave(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i % 9973) as f32 * 0.619).sin()).collect()
}

fn input(node: &Node) -> Result<(String, HostTensor), ComputeError> {
    let dims: Vec<usize> = node.value.at(&Sizes::new())?.iter().map(|d| *d as usize).collect();
    let count = dims.iter().product();
    let tensor = match node.value.element {
        Element::F32 => HostTensor::f32(&dims, wave(count))?,
        Element::U32 => HostTensor::u32(&dims, (0..count as u32).collect())?,
    };
    Ok((node.name.clone(), tensor))
}

/// Weights of a case: matrices in its format, vectors as F32. One row is quantized and repeated, since what
/// the numbers are does not matter to the time.
struct Weights(HashMap<String, (DType, Vec<u64>, Vec<u8>)>);

impl Weights {
    fn of(graph: &Graph, format: DType) -> Result<Self, ComputeError> {
        let mut weights = HashMap::new();
        for node in graph.weights() {
            let dims = node.value.at(&Sizes::new())?;
            let dtype = if dims.len() == 2 { format } else { DType::F32 };
            let wrong = |source| ComputeError::WeightFormat { name: node.name.clone(), source };
            let width = dims.last().copied().unwrap_or(1) as usize;
            let row = dtype.quantize(&wave(width)).map_err(wrong)?;
            let rows = dims.iter().product::<u64>() as usize / width;
            weights.insert(node.name.clone(), (dtype, dims, row.repeat(rows)));
        }
        Ok(Self(weights))
    }
}

impl WeightSource for Weights {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        let missing = || ComputeError::WeightMissing { name: name.to_owned() };
        let (dtype, dims, bytes) = self.0.get(name).ok_or_else(missing)?;
        let wrong = |source| ComputeError::WeightFormat { name: name.to_owned(), source };
        TensorView::new(*dtype, dims, bytes).map_err(wrong)
    }
}
