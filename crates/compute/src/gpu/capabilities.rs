//! What an adapter gives, as kernels ask for it; and the smaller device that tests pretend it to be.

use serde::{Deserialize, Serialize};

/// Limits and features that kernels depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Invocations of one workgroup.
    pub max_invocations: u32,
    /// Invocations of one workgroup in each direction.
    pub max_workgroup: [u32; 3],
    /// Workgroups of one dispatch in each direction.
    pub max_groups: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Bytes of one storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of one buffer.
    pub max_buffer_bytes: u64,
    /// Storage buffers that one kernel may bind.
    pub max_storage_buffers: u32,
    /// Alignment of storage bindings, bytes.
    pub storage_alignment: u32,
    /// Alignment of uniform bindings, bytes.
    pub uniform_alignment: u32,
    /// Smallest and largest subgroup, where kernels may use subgroup operations.
    pub subgroup: Option<[u32; 2]>,
    /// Kernels may use f16 arithmetic.
    pub f16: bool,
    /// A rasteriser in software: workgroups run one after the other, barriers are dear, and a thread for each
    /// result beats a workgroup for each.
    pub software: bool,
}

impl Capabilities {
    /// The least that WebGPU promises, without optional features.
    pub const SMALL: Self = Self {
        max_invocations: 256,
        max_workgroup: [256, 256, 64],
        max_groups: 65_535,
        workgroup_bytes: 16 << 10,
        max_binding_bytes: 128 << 20,
        max_buffer_bytes: 256 << 20,
        max_storage_buffers: 8,
        storage_alignment: 256,
        uniform_alignment: 256,
        subgroup: None,
        f16: false,
        software: false,
    };

    /// The lower of both, limit by limit.
    #[must_use]
    pub fn clamped(self, to: &Self) -> Self {
        let mut max_workgroup = self.max_workgroup;
        max_workgroup.iter_mut().zip(to.max_workgroup).for_each(|(mine, theirs)| *mine = theirs.min(*mine));
        Self {
            max_invocations: self.max_invocations.min(to.max_invocations),
            max_workgroup,
            max_groups: self.max_groups.min(to.max_groups),
            workgroup_bytes: self.workgroup_bytes.min(to.workgroup_bytes),
            max_binding_bytes: self.max_binding_bytes.min(to.max_binding_bytes),
            max_buffer_bytes: self.max_buffer_bytes.min(to.max_buffer_bytes),
            max_storage_buffers: self.max_storage_buffers.min(to.max_storage_buffers),
            storage_alignment: self.storage_alignment.max(to.storage_alignment),
            uniform_alignment: self.uniform_alignment.max(to.uniform_alignment),
            subgroup: self.subgroup.filter(|_| to.subgroup.is_some()),
            f16: self.f16 && to.f16,
            software: self.software,
        }
    }

    /// A kernel of this workgroup and as many bytes of workgroup memory can run.
    pub(crate) fn holds(&self, workgroup: [u32; 3], workgroup_bytes: u32) -> bool {
        let invocations = workgroup.iter().try_fold(1u32, |n, &w| n.checked_mul(w));
        let each = workgroup.iter().zip(&self.max_workgroup).all(|(w, max)| w <= max);
        each && invocations.is_some_and(|n| n <= self.max_invocations)
            && workgroup_bytes <= self.workgroup_bytes
    }
}
