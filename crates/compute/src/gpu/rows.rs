//! What the operations over rows share: a thread for each row, which software devices like, or a workgroup for each,
//! which all others do.

use super::dispatch::{Call, Kernel};
use super::source::Source;
use super::tune::Candidate;
use crate::error::Mismatch;

/// WGSL `row_sum`, `row_max`; flag GROUP; constants LANES, ROWS.
pub(crate) const ROWS: &str = include_str!("wgsl/rows.wgsl");

/// Rows of a workgroup that gives each a thread.
const THREADS: u32 = 64;

/// Threads of a workgroup that shares one row.
const LANES: u32 = 64;

/// A kernel over rows, and how many rows one workgroup takes. `source`: flags and constants; `text`: the operation's.
/// Errors: no variant that the adapter runs.
pub(crate) fn kernel(
    call: &Call<'_>,
    family: &'static str,
    source: Source,
    text: &str,
) -> Result<(Kernel, u64), Mismatch> {
    let thread = Candidate::plain("thread", [THREADS, 1, 1], 0);
    let group = Candidate::plain("group", [LANES, 1, 1], LANES * 4);
    let candidates = if call.capabilities.software { [thread, group] } else { [group, thread] };
    let chosen = call.variants.choose(family, call.capabilities, &candidates);
    let candidate =
        candidates[chosen.ok_or_else(|| Mismatch::new("kernel", "one that this adapter runs", "none"))?];
    let shared = candidate.name == group.name;
    let (lanes, rows) = if shared { (LANES, 1) } else { (1, THREADS) };
    let source = source
        .flag("GROUP", shared)
        .constant("LANES", format!("{lanes}u"))
        .constant("ROWS", format!("{rows}u"))
        .constant("THREADS", format!("{THREADS}u"))
        .include(ROWS)
        .include(text);
    let kernel = Kernel {
        label: format!("{family}/{}", candidate.name),
        wgsl: source.finish().into(),
        entry: "main",
        workgroup: candidate.workgroup,
        workgroup_bytes: candidate.workgroup_bytes,
    };
    Ok((kernel, rows.into()))
}

/// Rows and width of a value.
pub(crate) fn rows_of(dims: &[usize]) -> (usize, usize) {
    let width = dims.last().copied().unwrap_or(1);
    (dims.iter().product::<usize>() / width.max(1), width)
}
