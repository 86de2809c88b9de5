//! Kernels that give each element of the result to one thread.

use super::dispatch::{Call, Kernel};
use super::source::Source;
use super::tune::Candidate;
use crate::error::Mismatch;

/// Threads of a workgroup.
pub(crate) const THREADS: u64 = 64;

/// A kernel of [`THREADS`] threads. Errors: an adapter that cannot even run that.
pub(crate) fn kernel(
    call: &Call<'_>,
    family: &'static str,
    source: Source,
    text: &str,
) -> Result<Kernel, Mismatch> {
    let candidate = Candidate::plain("thread", [THREADS as u32, 1, 1], 0);
    let chosen = call.variants.choose(family, call.capabilities, &[candidate]);
    chosen.ok_or_else(|| Mismatch::new("kernel", "one that this adapter runs", "none"))?;
    Ok(Kernel {
        label: format!("{family}/{}", candidate.name),
        wgsl: source.constant("THREADS", format!("{THREADS}u")).include(text).finish().into(),
        entry: "main",
        workgroup: candidate.workgroup,
        workgroup_bytes: 0,
    })
}

/// Workgroups for as many threads.
pub(crate) fn groups(threads: usize) -> u64 {
    (threads as u64).div_ceil(THREADS)
}
