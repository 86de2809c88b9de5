//! A plan on whichever device was chosen.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::ComputeError;
use crate::gpu::{self, Tuning};
use crate::graph::{Graph, Sizes};
use crate::host;
use crate::plan::Plan;
use crate::source::WeightSource;
use crate::tensor::HostTensor;

/// What plays a plan.
#[derive(Clone)]
pub enum Target {
    /// The host executor with so many threads.
    Cpu {
        /// Threads.
        threads: NonZeroUsize,
    },
    /// The GPU executor on an open device.
    Gpu {
        /// The device.
        device: gpu::Device,
        /// Measured choices among its kernels.
        tuning: Option<Tuning>,
    },
}

/// An executor of either kind. Both play the same graph by the same plan.
pub enum Player {
    /// On the processor.
    Cpu(Box<host::Executor>),
    /// On a GPU.
    Gpu(Box<gpu::Executor>),
}

impl Player {
    /// Errors: those of [`host::Executor::new`] and [`gpu::Executor::new`].
    pub fn new(
        graph: &Graph,
        plan: &Plan,
        source: &dyn WeightSource,
        target: &Target,
    ) -> Result<Self, ComputeError> {
        Ok(match target {
            Target::Cpu { threads } => {
                Player::Cpu(Box::new(host::Executor::new(graph, plan, source, *threads)?))
            }
            Target::Gpu { device, tuning } => {
                Player::Gpu(Box::new(gpu::Executor::new(graph, plan, source, device, tuning.as_ref())?))
            }
        })
    }

    /// Play the graph once. Errors: as the executor's `run`.
    pub fn run(
        &mut self,
        sizes: &Sizes,
        inputs: &[(&str, HostTensor)],
    ) -> Result<BTreeMap<String, HostTensor>, ComputeError> {
        match self {
            Player::Cpu(executor) => executor.run(sizes, inputs),
            Player::Gpu(executor) => executor.run(sizes, inputs),
        }
    }
}
