//! `bedside doctor`, as clap shows it.

use bedside_compute::gpu::Backend;
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub(crate) struct DoctorArguments {
    /// Every kernel variant and several shapes, and how fast the device copies and multiplies
    #[arg(long)]
    pub(crate) full: bool,

    /// Only the GPU whose name holds this
    #[arg(long, value_name = "NAME")]
    pub(crate) gpu: Option<String>,

    /// Look for GPUs through this interface only: vulkan, metal, dx12 or gl
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<Backend>,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const DOCTOR_HELP: &str = "\
Drivers can be wrong. Each operation and weight format is computed on each GPU and compared with the reference; a GPU \
that fails any is not used. Exit code 5: no GPU, or one that is not sound.

Example: bedside doctor --full --json > doctor.json";
