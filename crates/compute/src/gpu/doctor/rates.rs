//! How fast a device copies, multiplies and begins a dispatch.

use std::collections::HashMap;
use std::time::Instant;

use bedside_tensor::DType;
use serde::{Deserialize, Serialize};

use super::super::Executor;
use super::super::device::Device;
use super::case::numbers;
use crate::graph::{Element, Graph, Sizes, Value};
use crate::kv::KvFormat;
use crate::ops::{Activation, Numerics};
use crate::plan::{Plan, PlanSettings};
use crate::source::OwnedWeight;
use crate::tensor::HostTensor;
use crate::{ComputeError, dims, weight};

/// Elements that are copied: 32 MiB read and as many written.
const COPIED: usize = 8 << 20;

/// Rows, columns and outputs of the product.
const PRODUCT: [usize; 3] = [256, 1024, 1024];

/// Dependent small dispatches in one run.
const CHAIN: usize = 200;

/// The best of so many runs.
const RUNS: usize = 3;

/// Measured on one device; the best of a few runs each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Bytes read and written per second by a kernel that moves 32 MiB.
    pub copy_bytes_per_second: f64,
    /// Multiplications and additions per second of an f32 product of 256 × 1024 × 1024.
    pub multiply_flops_per_second: f64,
    /// Seconds of one small dispatch among 200 that wait for each other.
    pub dispatch_seconds: f64,
}

/// Errors: what the device refuses.
pub(super) fn measure(device: &Device) -> Result<Rates, ComputeError> {
    Ok(Rates {
        copy_bytes_per_second: copy(device)?,
        multiply_flops_per_second: multiply(device)?,
        dispatch_seconds: dispatch(device)?,
    })
}

fn executor(
    graph: &Graph,
    weights: &HashMap<String, OwnedWeight>,
    device: &Device,
) -> Result<Executor, ComputeError> {
    let settings = PlanSettings { bounds: Sizes::new(), numerics: Numerics::Exact, kv: KvFormat::F32 };
    let plan = Plan::for_weights(graph, &settings, weights)?;
    Executor::new(graph, &plan, weights, device, None)
}

/// Seconds of the node that makes `value`.
fn seconds(executor: &mut Executor, value: Value, x: &HostTensor) -> Result<f64, ComputeError> {
    let mut best = f64::INFINITY;
    for _ in 0..=RUNS {
        let times = executor.profile(&Sizes::new(), &[("x", x.clone())])?;
        best = best.min(times[value.index()].as_secs_f64());
    }
    Ok(best)
}

fn copy(device: &Device) -> Result<f64, ComputeError> {
    // Within one binding of small devices; reading one part back is enough.
    let mut g = Graph::builder("copy");
    let x = g.input("x", dims![COPIED], Element::F32)?;
    let y = g.scale(x, 0.5)?;
    let part = g.slice(y, 0, 0, 64)?;
    g.output("x", x)?;
    g.output("part", part)?;
    let x = HostTensor::f32(&[COPIED], numbers(COPIED, 1))?;
    let mut executor = executor(&g.finish()?, &HashMap::new(), device)?;
    Ok(2.0 * 4.0 * COPIED as f64 / seconds(&mut executor, y, &x)?)
}

fn multiply(device: &Device) -> Result<f64, ComputeError> {
    let [rows, columns, outputs] = PRODUCT;
    let mut g = Graph::builder("multiply");
    let x = g.input("x", dims![rows, columns], Element::F32)?;
    let y = g.linear(x, weight("w", dims![outputs, columns]), None, Activation::None)?;
    g.output("y", y)?;
    let w =
        OwnedWeight::new("w", DType::F32, &[outputs as u64, columns as u64], &numbers(outputs * columns, 2))?;
    let x = HostTensor::f32(&[rows, columns], numbers(rows * columns, 1))?;
    let mut executor = executor(&g.finish()?, &HashMap::from([("w".to_owned(), w)]), device)?;
    Ok(2.0 * (rows * columns * outputs) as f64 / seconds(&mut executor, y, &x)?)
}

fn dispatch(device: &Device) -> Result<f64, ComputeError> {
    let run = |length: usize| {
        let mut g = Graph::builder("chain");
        let mut y = g.input("x", dims![64], Element::F32)?;
        for _ in 0..length {
            y = g.scale(y, 0.99)?;
        }
        g.output("y", y)?;
        let x = [("x", HostTensor::f32(&[64], numbers(64, 1))?)];
        let mut executor = executor(&g.finish()?, &HashMap::new(), device)?;
        let mut best = f64::INFINITY;
        for _ in 0..=RUNS {
            let begin = Instant::now();
            executor.run(&Sizes::new(), &x)?;
            best = best.min(begin.elapsed().as_secs_f64());
        }
        Ok::<f64, ComputeError>(best)
    };
    let (short, long) = (run(1)?, run(CHAIN + 1)?);
    Ok((long - short).max(0.0) / CHAIN as f64)
}
