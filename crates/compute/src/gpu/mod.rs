//! The GPU executor: plays a graph with our own kernels on whatever adapter wgpu knows. Weights stay in their block
//! formats; everything that is made is made at load: buffers, pipelines, bind groups. A run writes its inputs and
//! parameters, plays one command buffer (more only where the work is estimated long) and reads its outputs back.
//!
//! Results are the same for every run on one adapter. Whether they are right there, [`doctor`] finds out.

pub(crate) mod adapter;
pub(crate) mod capabilities;
pub(crate) mod copy;
pub(crate) mod dequant;
pub(crate) mod device;
pub(crate) mod digest;
pub(crate) mod dispatch;
pub mod doctor;
pub(crate) mod join;
mod load;
mod measure;
mod memory;
mod pipeline;
mod pipeline_cache;
pub(crate) mod rows;
mod run;
pub(crate) mod simple;
pub(crate) mod source;
pub(crate) mod strided;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod tune;
pub(crate) mod unroll;
mod weights;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

pub use adapter::{Adapter, AdapterChoice, AdapterKind, Backend, DeviceOptions, adapters};
pub use capabilities::Capabilities;
pub use device::Device;
pub(crate) use dispatch::{Binding, Call, Dispatch, Kernel, Part, Resource, Shapes, Work, params};
pub use measure::tune;
pub(crate) use source::Source;
pub use tune::Tuning;
pub(crate) use tune::{Candidate, Variants};

use crate::ComputeError;
use crate::graph::{Graph, Sizes};
use crate::ops::Activation;
use crate::plan::Plan;
use crate::source::WeightSource;
use crate::tensor::HostTensor;
use load::Loaded;

/// The shaders' text, for [`kernel_digest`]. A test compares the list with the folders.
const SHADERS: &[&str] = &include!("shaders.in");

/// Digest of all shaders of this build: part of every key under which pipelines, verdicts and measurements are
/// kept, and of the executor identity.
pub fn kernel_digest() -> &'static str {
    static DIGEST: LazyLock<String> = LazyLock::new(|| {
        let told = [&[env!("CARGO_PKG_VERSION")], SHADERS].concat().join("\0");
        format!("{:016x}", digest::of(told.as_bytes()))
    });
    &DIGEST
}

/// `kind` of the shaders' `activate`.
pub(crate) fn activation_code(activation: Activation) -> u32 {
    match activation {
        Activation::None => 0,
        Activation::GeluErf => 1,
        Activation::GeluTanh => 2,
        Activation::QuickGelu => 3,
        Activation::Silu => 4,
        Activation::Relu => 5,
        Activation::Relu6 => 6,
        Activation::HardSwish => 7,
        Activation::Sigmoid => 8,
    }
}

/// Plays one graph as one plan says, on one device. KV caches live as long as the executor.
pub struct Executor {
    graph: Graph,
    plan: Plan,
    device: Device,
    loaded: Loaded,
}

impl Executor {
    /// Load the weights, make every buffer, pipeline and bind group. `tuning`: measured choices of this adapter;
    /// those of another one are ignored.
    /// Errors: a plan that is not this graph's; weights that are missing or of another shape or format than
    /// planned; memory, limits or kernels that the device refuses; a lost device.
    pub fn new(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        device: &Device,
        tuning: Option<&Tuning>,
    ) -> Result<Self, ComputeError> {
        let variants =
            Variants::of(tuning.filter(|tuning| tuning.is_for(device)).cloned().unwrap_or_default());
        Self::with_variants(graph, plan, source, device, variants)
    }

    pub(crate) fn with_variants(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        device: &Device,
        variants: Variants,
    ) -> Result<Self, ComputeError> {
        plan.verify(graph)?;
        graph.check_weights(source)?;
        device.check()?;
        let loaded = load::load(graph, plan, source, device, variants)?;
        Ok(Self { graph: graph.clone(), plan: plan.clone(), device: device.clone(), loaded })
    }

    /// The graph it plays.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plan it plays by.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device it plays on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Device, driver, kernels and numerics: part of every report and cache key.
    pub fn identity(&self) -> String {
        format!("{}, {}", self.device.identity(), self.plan.settings().numerics)
    }

    /// Labels of the kernels it plays, in order, each once.
    pub fn kernels(&self) -> Vec<String> {
        self.loaded.kernels()
    }

    /// Families of kernel variants that were chosen among, with the variants that fit the device.
    pub(crate) fn asked(&self) -> BTreeMap<String, Vec<&'static str>> {
        self.loaded.variants.asked()
    }

    /// Bytes of device memory it has taken, uploads in flight left out.
    pub fn device_bytes(&self) -> u64 {
        self.loaded.memory.bytes()
    }

    /// Play the graph once at these sizes, each at most the plan's bound. `inputs`: by name, each exactly as
    /// the graph asks for. Returns the outputs by name. The caller advances `past`.
    /// Errors: sizes beyond the bounds; inputs that are missing, unknown or of another shape; indices out of
    /// range; a full cache; a lost device. After an error the caches hold some rows of the failed run behind
    /// `past`.
    pub fn run(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        run::play(self, sizes, inputs, None)
    }

    /// As [`Executor::run`], for the time that each node took from its submission to its end, in the order of the
    /// graph: slower in all, since nothing overlaps. Errors: as `run`'s.
    pub fn profile(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<Vec<Duration>, ComputeError> {
        let mut times = vec![Duration::ZERO; self.graph.nodes().len()];
        run::play(self, sizes, inputs, Some(&mut times))?;
        Ok(times)
    }
}
