//! Compute pipelines: each distinct shader once, made in parallel.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use super::adapter::Backend;
use super::device::Device;
use super::dispatch::Kernel;
use super::memory::PARAMS_BYTES;
use crate::ComputeError;

/// Most threads that make pipelines.
const MAX_THREADS: usize = 8;

/// A shader, compiled, with the layout of its bindings.
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// A kernel with its storage bindings: number, and whether it writes there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shader {
    pub(super) kernel: Kernel,
    pub(super) bindings: Vec<(u32, bool)>,
}

/// All pipelines of an executor, and why some could not be made.
#[derive(Default)]
pub(super) struct Pipelines {
    made: HashMap<Shader, Pipeline>,
}

impl Pipelines {
    pub(super) fn get(&self, shader: &Shader) -> Option<&Pipeline> {
        self.made.get(shader)
    }

    /// Make those of `shaders` that are not there yet. Returns the ones that the driver refuses, by label, with
    /// the reason. Errors: a lost device; a kernel that exceeds the adapter's limits.
    pub(super) fn make(
        &mut self,
        device: &Device,
        shaders: &[Shader],
    ) -> Result<BTreeMap<String, ComputeError>, ComputeError> {
        let mut missing: Vec<&Shader> = Vec::new();
        for shader in shaders {
            if !self.made.contains_key(shader) && !missing.contains(&shader) {
                check_limits(device, shader)?;
                missing.push(shader);
            }
        }
        // OpenGL has one context, for which threads would only wait.
        let alone = device.adapter().backend == Backend::Gl;
        let cores = if alone { 1 } else { std::thread::available_parallelism().map_or(1, NonZeroUsize::get) };
        let threads = cores.min(MAX_THREADS).min(missing.len());
        let next = Mutex::new(missing.into_iter());
        let results = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let shader = next.lock().ok().and_then(|mut next| next.next());
                        let Some(shader) = shader else { return };
                        let made = compile(device, shader);
                        if let Ok(mut results) = results.lock() {
                            results.push((shader.clone(), made));
                        }
                    }
                });
            }
        });
        let mut refused = BTreeMap::new();
        for (shader, made) in results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            match made {
                Ok(pipeline) => {
                    self.made.insert(shader, pipeline);
                }
                Err(lost @ ComputeError::GpuLost { .. }) => return Err(lost),
                Err(error) => {
                    refused.insert(shader.kernel.label, error);
                }
            }
        }
        Ok(refused)
    }
}

/// wgpu checks all of it but workgroup memory; with a limit's own name in the message.
fn check_limits(device: &Device, shader: &Shader) -> Result<(), ComputeError> {
    let (capabilities, kernel) = (device.capabilities(), &shader.kernel);
    if !capabilities.holds(kernel.workgroup, kernel.workgroup_bytes) {
        let what = format!("{}: workgroup {:?} with bytes of memory", kernel.label, kernel.workgroup);
        return Err(device.limit(what, capabilities.workgroup_bytes.into(), kernel.workgroup_bytes.into()));
    }
    let (limit, got) = (u64::from(capabilities.max_storage_buffers), shader.bindings.len() as u64);
    if got > limit {
        return Err(device.limit(format!("{}: storage buffers", kernel.label), limit, got));
    }
    Ok(())
}

fn compile(device: &Device, shader: &Shader) -> Result<Pipeline, ComputeError> {
    let label = Some(shader.kernel.label.as_str());
    let name = |error: ComputeError| match error {
        ComputeError::GpuRefused { adapter, reason, .. } => {
            ComputeError::GpuRefused { adapter, what: format!("kernel {}", shader.kernel.label), reason }
        }
        other => other,
    };
    let make = || {
        let wgsl = wgpu::ShaderSource::Wgsl(shader.kernel.wgsl.clone());
        let module = device.wgpu().create_shader_module(wgpu::ShaderModuleDescriptor { label, source: wgsl });
        let entries: Vec<wgpu::BindGroupLayoutEntry> = entries(shader).collect();
        let layout = device
            .wgpu()
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let all = device.wgpu().create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.wgpu().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&all),
            module: &module,
            entry_point: Some(shader.kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: device.pipelines().cache(),
        });
        Pipeline { pipeline, layout }
    };
    device.watched("kernel", 0, make).map_err(name)
}

fn entries(shader: &Shader) -> impl Iterator<Item = wgpu::BindGroupLayoutEntry> {
    let entry = |binding, ty, dynamic, size| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: size },
        count: None,
    };
    let params = entry(0, wgpu::BufferBindingType::Uniform, true, std::num::NonZeroU64::new(PARAMS_BYTES));
    let storage = shader.bindings.iter().map(move |&(binding, writes)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: !writes }, false, None)
    });
    std::iter::once(params).chain(storage)
}
