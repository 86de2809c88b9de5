//! Which adapters there are, and which one to take.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::capabilities::Capabilities;
use crate::ComputeError;

/// Most adapters that are looked at.
const MAX_ADAPTERS: usize = 64;

/// A graphics interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Linux, Android, Windows.
    Vulkan,
    /// Apple.
    Metal,
    /// Windows.
    Dx12,
    /// OpenGL and OpenGL ES with compute shaders.
    Gl,
}

impl Backend {
    /// All of them, the preferred first.
    pub const ALL: [Backend; 4] = [Backend::Vulkan, Backend::Metal, Backend::Dx12, Backend::Gl];

    /// As `--backend` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Vulkan => "vulkan",
            Backend::Metal => "metal",
            Backend::Dx12 => "dx12",
            Backend::Gl => "gl",
        }
    }

    fn of(backend: wgpu::Backend) -> Option<Self> {
        match backend {
            wgpu::Backend::Vulkan => Some(Backend::Vulkan),
            wgpu::Backend::Metal => Some(Backend::Metal),
            wgpu::Backend::Dx12 => Some(Backend::Dx12),
            wgpu::Backend::Gl => Some(Backend::Gl),
            _ => None,
        }
    }

    fn flags(self) -> wgpu::Backends {
        match self {
            Backend::Vulkan => wgpu::Backends::VULKAN,
            Backend::Metal => wgpu::Backends::METAL,
            Backend::Dx12 => wgpu::Backends::DX12,
            Backend::Gl => wgpu::Backends::GL,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = ComputeError;

    /// Errors: [`ComputeError::GpuMissing`] with the names there are.
    fn from_str(text: &str) -> Result<Self, ComputeError> {
        let found = Backend::ALL.map(Backend::name).join(", ");
        let wanted = || format!("backend {text:?}");
        Backend::ALL
            .into_iter()
            .find(|backend| backend.name() == text)
            .ok_or_else(|| ComputeError::GpuMissing { wanted: wanted(), found })
    }
}

/// What an adapter is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    /// A card with memory of its own.
    Discrete,
    /// A part of the processor's chip.
    Integrated,
    /// Given to a virtual machine.
    Virtual,
    /// The driver does not say.
    Other,
    /// A rasteriser in software: slower than the host executor. Only taken by name.
    Cpu,
}

/// An adapter, as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// Name of the product.
    pub name: String,
    /// Interface it was found through.
    pub backend: Backend,
    /// Hardware or software.
    pub kind: AdapterKind,
    /// Name of the driver; may be empty.
    pub driver: String,
    /// Its version; may be empty.
    pub driver_info: String,
    /// PCI vendor, where there is one.
    pub vendor: u32,
    /// PCI device, where there is one.
    pub device: u32,
    /// What it gives.
    pub capabilities: Capabilities,
    /// Pipelines that were made once may be kept (wgpu `PIPELINE_CACHE`).
    pub keeps_pipelines: bool,
}

/// `NVIDIA T4 (vulkan, NVIDIA 550.54)`.
impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, backend, driver, driver_info, .. } = self;
        f.pad(&format!("{name} ({backend}, {driver} {driver_info})"))
    }
}

/// Which adapter to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// The best that is no software rasteriser: discrete before integrated before others.
    #[default]
    Auto,
    /// The first whose name holds this text, upper and lower case alike; a software rasteriser too.
    Named(String),
}

/// Which device to open, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceOptions {
    /// Which adapter.
    pub adapter: AdapterChoice,
    /// Only this interface; `None`: any.
    pub backend: Option<Backend>,
    /// Limits and features not to be exceeded, as of a smaller device: tests use [`Capabilities::SMALL`].
    pub clamp: Option<Capabilities>,
}

/// Every adapter of this machine, the preferred first. `backend`: only through this interface.
pub fn adapters(backend: Option<Backend>) -> Vec<Adapter> {
    let found = enumerate(backend.map_or(modern() | wgpu::Backends::GL, Backend::flags));
    found.into_iter().map(|(_, adapter)| adapter).collect()
}

/// All interfaces but OpenGL, which shows the same adapters.
fn modern() -> wgpu::Backends {
    wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12
}

/// The adapter to take. Errors: [`ComputeError::GpuMissing`].
pub(super) fn choose(options: &DeviceOptions) -> Result<(wgpu::Adapter, Adapter), ComputeError> {
    let fits = |adapter: &Adapter| match &options.adapter {
        AdapterChoice::Auto => adapter.kind != AdapterKind::Cpu,
        AdapterChoice::Named(name) => adapter.name.to_lowercase().contains(&name.to_lowercase()),
    };
    // OpenGL is not asked unasked: it takes longer to begin than the others and shows the same adapters.
    let ways = match (options.backend, &options.adapter) {
        (Some(backend), _) => vec![backend.flags()],
        (None, AdapterChoice::Auto) => vec![modern()],
        (None, AdapterChoice::Named(_)) => vec![modern(), wgpu::Backends::GL],
    };
    let mut names = Vec::new();
    for backends in ways {
        for (handle, adapter) in enumerate(backends) {
            if fits(&adapter) {
                return Ok((handle, adapter));
            }
            names.push(adapter.to_string());
        }
    }
    Err(missing(options, &names))
}

fn missing(options: &DeviceOptions, names: &[String]) -> ComputeError {
    let wanted = match &options.adapter {
        AdapterChoice::Auto => "auto (no software rasteriser)".to_owned(),
        AdapterChoice::Named(name) => format!("{name:?}"),
    };
    let wanted = options.backend.map_or(wanted.clone(), |backend| format!("{wanted} through {backend}"));
    let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    ComputeError::GpuMissing { wanted, found }
}

/// Through these interfaces, the preferred first. The handles keep what they were found with.
fn enumerate(backends: wgpu::Backends) -> Vec<(wgpu::Adapter, Adapter)> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    // Validation layers are for development; the driver may not have them.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let handles = pollster::block_on(instance.enumerate_adapters(backends));
    let described = handles.into_iter().take(MAX_ADAPTERS);
    let described = described.filter_map(|handle| describe(&handle).map(|adapter| (handle, adapter)));
    let mut found: Vec<(wgpu::Adapter, Adapter)> = described.collect();
    found.sort_by_key(|(_, adapter)| (adapter.kind, adapter.backend));
    found
}

/// `None` for an adapter without compute shaders, or of an interface we do not use.
fn describe(handle: &wgpu::Adapter) -> Option<Adapter> {
    let info = handle.get_info();
    let computes = handle.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS);
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Cpu => AdapterKind::Cpu,
        wgpu::DeviceType::Other if is_software(&info) => AdapterKind::Cpu,
        wgpu::DeviceType::Other => AdapterKind::Other,
    };
    let backend = Backend::of(info.backend).filter(|_| computes)?;
    let features = handle.features();
    Some(Adapter {
        name: info.name.clone(),
        backend,
        kind,
        driver: info.driver.clone(),
        driver_info: info.driver_info.clone(),
        vendor: info.vendor,
        device: info.device,
        capabilities: capabilities(&handle.limits(), features, &info, kind),
        keeps_pipelines: features.contains(wgpu::Features::PIPELINE_CACHE),
    })
}

/// OpenGL does not say what an adapter is made of; Mesa's rasterisers name themselves.
fn is_software(info: &wgpu::AdapterInfo) -> bool {
    let name = info.name.to_lowercase();
    ["llvmpipe", "softpipe", "swiftshader", "swrast"].iter().any(|software| name.contains(software))
}

fn capabilities(
    limits: &wgpu::Limits,
    features: wgpu::Features,
    info: &wgpu::AdapterInfo,
    kind: AdapterKind,
) -> Capabilities {
    let subgroup = features.contains(wgpu::Features::SUBGROUP);
    Capabilities {
        max_invocations: limits.max_compute_invocations_per_workgroup,
        max_workgroup: [
            limits.max_compute_workgroup_size_x,
            limits.max_compute_workgroup_size_y,
            limits.max_compute_workgroup_size_z,
        ],
        max_groups: limits.max_compute_workgroups_per_dimension,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        storage_alignment: limits.min_storage_buffer_offset_alignment,
        uniform_alignment: limits.min_uniform_buffer_offset_alignment,
        subgroup: subgroup.then_some([info.subgroup_min_size, info.subgroup_max_size]),
        f16: features.contains(wgpu::Features::SHADER_F16),
        software: kind == AdapterKind::Cpu,
    }
}

/// The adapter's limits with those that kernels depend on as `capabilities` say.
pub(super) fn limits(handle: &wgpu::Adapter, capabilities: &Capabilities) -> wgpu::Limits {
    let [x, y, z] = capabilities.max_workgroup;
    wgpu::Limits {
        max_compute_invocations_per_workgroup: capabilities.max_invocations,
        max_compute_workgroup_size_x: x,
        max_compute_workgroup_size_y: y,
        max_compute_workgroup_size_z: z,
        max_compute_workgroups_per_dimension: capabilities.max_groups,
        max_compute_workgroup_storage_size: capabilities.workgroup_bytes,
        max_storage_buffer_binding_size: capabilities.max_binding_bytes,
        max_buffer_size: capabilities.max_buffer_bytes,
        max_storage_buffers_per_shader_stage: capabilities.max_storage_buffers,
        ..handle.limits()
    }
}
