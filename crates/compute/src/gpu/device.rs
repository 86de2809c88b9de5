//! An open adapter: every call that can fail is watched, and a failure is an error, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::adapter::{self, Adapter, DeviceOptions};
use super::capabilities::Capabilities;
use super::pipeline_cache::PipelineStore;
use crate::ComputeError;

/// Longest wait for one answer: no command buffer is made longer than a second or two, but a slow
/// software device may have many in its queue.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// An open GPU. Clones share it.
#[derive(Clone)]
pub struct Device {
    inner: Arc<Inner>,
}

struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    adapter: Adapter,
    capabilities: Capabilities,
    health: Arc<Health>,
    pipelines: PipelineStore,
}

/// What the driver said outside of the calls that we watch.
#[derive(Default)]
struct Health {
    lost: Mutex<Option<String>>,
    refused: Mutex<Option<String>>,
}

impl Device {
    /// Open the adapter that `options` choose. `pipelines`: what [`Device::kept_pipelines`] gave for the same
    /// [`Device::key`] in an earlier process; anything else is ignored with a warning.
    /// Errors: [`ComputeError::GpuMissing`], `GpuRefused`.
    pub fn open(options: &DeviceOptions, pipelines: Option<&[u8]>) -> Result<Self, ComputeError> {
        let (handle, adapter) = adapter::choose(options)?;
        let capabilities = match &options.clamp {
            Some(clamp) => adapter.capabilities.clamped(clamp),
            None => adapter.capabilities,
        };
        let mut features = wgpu::Features::empty();
        features.set(wgpu::Features::SHADER_F16, capabilities.f16);
        features.set(wgpu::Features::SUBGROUP, capabilities.subgroup.is_some());
        features.set(wgpu::Features::PIPELINE_CACHE, adapter.keeps_pipelines);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("bedside"),
            required_features: features,
            required_limits: adapter::limits(&handle, &capabilities),
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            trace: wgpu::Trace::Off,
        };
        let refused = |reason: String| ComputeError::GpuRefused {
            adapter: adapter.to_string(),
            what: "a device".to_owned(),
            reason,
        };
        let opened = pollster::block_on(handle.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| refused(error.to_string()))?;
        let health = Arc::new(Health::default());
        health.watch(&device);
        let pipelines = PipelineStore::new(&device, &adapter, pipelines);
        Ok(Self { inner: Arc::new(Inner { device, queue, adapter, capabilities, health, pipelines }) })
    }

    /// The adapter it was opened on.
    pub fn adapter(&self) -> &Adapter {
        &self.inner.adapter
    }

    /// What kernels may count on: the adapter's, clamped.
    pub fn capabilities(&self) -> &Capabilities {
        &self.inner.capabilities
    }

    /// Under which key pipelines, verdicts and measurements of this device are kept: adapter, driver, limits and
    /// kernels. Safe as a file name.
    pub fn key(&self) -> String {
        let Adapter { name, backend, driver, driver_info, vendor, device, .. } = self.adapter();
        let told = format!(
            "{name}|{backend}|{driver}|{driver_info}|{vendor:x}|{device:x}|{:?}",
            self.capabilities()
        );
        format!(
            "{backend}-{vendor:x}-{device:x}-{:016x}-{}",
            super::digest::of(told.as_bytes()),
            super::kernel_digest()
        )
    }

    /// Everything that made the pipelines of this device, to be kept under [`Device::key`] and given to
    /// [`Device::open`] the next time. `None` where the driver keeps none.
    pub fn kept_pipelines(&self) -> Option<Vec<u8>> {
        self.inner.pipelines.kept()
    }

    /// Name, driver and kernels, for the executor identity in reports.
    pub fn identity(&self) -> String {
        format!("gpu {}, kernels {}", self.adapter(), super::kernel_digest())
    }

    pub(crate) fn wgpu(&self) -> &wgpu::Device {
        &self.inner.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    pub(super) fn pipelines(&self) -> &PipelineStore {
        &self.inner.pipelines
    }

    /// Give the device up as a driver does that has crashed; for tests of what follows.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.inner.device.destroy();
    }

    /// Nothing went wrong beside the watched calls. Errors: [`ComputeError::GpuLost`], `GpuRefused`.
    pub(crate) fn check(&self) -> Result<(), ComputeError> {
        let adapter = || self.adapter().to_string();
        if let Some(reason) = locked(&self.inner.health.lost).clone() {
            return Err(ComputeError::GpuLost { adapter: adapter(), reason });
        }
        let refused = locked(&self.inner.health.refused).take();
        let Some(reason) = refused else { return Ok(()) };
        Err(self.lost_or(self.refused("a command", reason)))
    }

    /// What was refused may be the consequence of a loss that wgpu tells only when it is asked.
    fn lost_or(&self, refused: ComputeError) -> ComputeError {
        // wgpu panics where the driver reports a loss while it is asked.
        let asked = catch_unwind(AssertUnwindSafe(|| self.inner.device.poll(wgpu::PollType::Poll)));
        if asked.is_err() {
            locked(&self.inner.health.lost).get_or_insert("the driver failed while it was asked".to_owned());
        }
        match locked(&self.inner.health.lost).clone() {
            Some(reason) => ComputeError::GpuLost { adapter: self.adapter().to_string(), reason },
            None => refused,
        }
    }

    /// `make`, with every error that the driver or wgpu reports meanwhile.
    /// `bytes`: of the memory that is asked for. Errors: [`ComputeError::Memory`], `GpuRefused`, `GpuLost`.
    pub(crate) fn watched<T>(
        &self,
        what: &'static str,
        bytes: u64,
        make: impl FnOnce() -> T,
    ) -> Result<T, ComputeError> {
        let device = &self.inner.device;
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = catch_unwind(AssertUnwindSafe(make));
        let wrong = pollster::block_on(validation.pop());
        let wrong = pollster::block_on(internal.pop()).or(wrong);
        let memory = pollster::block_on(memory.pop());
        self.check()?;
        if memory.is_some() {
            return Err(ComputeError::Memory { what, bytes });
        }
        if let Some(error) = wrong {
            return Err(self.lost_or(self.refused(what, error.to_string())));
        }
        made.map_err(|_| self.lost_or(self.refused(what, "wgpu gave up".to_owned())))
    }

    pub(crate) fn refused(&self, what: &str, reason: String) -> ComputeError {
        ComputeError::GpuRefused { adapter: self.adapter().to_string(), what: what.to_owned(), reason }
    }

    pub(crate) fn limit(&self, what: String, limit: u64, got: u64) -> ComputeError {
        ComputeError::GpuLimit { adapter: self.adapter().to_string(), what, limit, got }
    }

    /// Memory on the device, zeros. Errors: [`ComputeError::GpuLimit`], `Memory`, `GpuLost`.
    pub(crate) fn buffer(
        &self,
        what: &'static str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        mapped: bool,
    ) -> Result<wgpu::Buffer, ComputeError> {
        let size = bytes.max(16).next_multiple_of(16);
        let limit = self.inner.capabilities.max_buffer_bytes;
        if size > limit {
            return Err(self.limit(format!("bytes of {what}"), limit, size));
        }
        let descriptor =
            wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: mapped };
        self.watched(what, size, || self.inner.device.create_buffer(&descriptor))
    }

    /// Wait for everything up to `submission`. Errors: [`ComputeError::GpuLost`] also when no answer comes.
    pub(crate) fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<(), ComputeError> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: Some(MAX_WAIT) };
        // wgpu panics where the driver reports a loss while it is waited for.
        let waited = catch_unwind(AssertUnwindSafe(|| self.inner.device.poll(wait)));
        let reason = match waited {
            Ok(Ok(_)) => return self.check(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the driver failed while it was waited for".to_owned(),
        };
        let mut lost = locked(&self.inner.health.lost);
        lost.get_or_insert(reason);
        drop(lost);
        self.check()
    }
}

impl Health {
    fn watch(self: &Arc<Self>, device: &wgpu::Device) {
        let health = Arc::clone(self);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            log::error!("GPU: {error}");
            locked(&health.refused).get_or_insert(error.to_string());
        }));
        let health = Arc::clone(self);
        device.set_device_lost_callback(move |reason, message| {
            log::error!("GPU lost ({reason:?}): {message}");
            locked(&health.lost).get_or_insert(format!("{reason:?}: {message}"));
        });
    }
}

/// Nothing that happens under these locks leaves them in a half state.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
