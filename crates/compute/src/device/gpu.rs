//! The GPU, by burn-wgpu.

use std::sync::OnceLock;

use super::Device;
use crate::ComputeError;

impl Device {
    /// The GPU that wgpu prefers: one for the whole process, taken by the first call.
    /// Errors: [`ComputeError::Device`] where there is none, or its driver refuses.
    pub fn gpu() -> Result<Self, ComputeError> {
        static GPU: OnceLock<Result<burn::tensor::Device, String>> = OnceLock::new();
        // Not `Device::wgpu`, which waits for the first tensor and panics where there is no adapter.
        let make = || burn::tensor::Device::wgpu_options().init().map_err(|error| error.to_string());
        let device = GPU.get_or_init(make).clone();
        device.map(Self).map_err(|reason| ComputeError::Device { reason })
    }

    /// What the device calls itself; `None` for the processor.
    pub fn adapter(&self) -> Option<String> {
        self.0.identity().map(|identity| identity.name)
    }
}
