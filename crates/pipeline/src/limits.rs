//! TABLE: every limit that a protocol, a calibration or an exam is held against.

/// Bytes of a protocol. One with five findings and 200 replicates each has 60 KB.
pub const MAX_PROTOCOL_BYTES: usize = 4 << 20;
/// Findings of a protocol.
pub const MAX_FINDINGS: usize = 32;
/// Prompts for a finding, and against it.
pub const MAX_PROMPTS: usize = 64;
/// Characters of a prompt.
pub const MAX_PROMPT: usize = 256;
/// Characters of a name: of a protocol, a domain.
pub const MAX_NAME: usize = 64;
/// Characters of a note: of a cohort, an executor.
pub const MAX_NOTE: usize = 512;
/// Frames of a scan that are looked at.
pub const MAX_FRAMES: u32 = 256;
/// Changes of a still that are looked at, of each kind.
pub const MAX_CHANGES: usize = 8;
/// Bootstrap replicates of a fit.
pub const MAX_REPLICATES: usize = 2000;
/// Replicates that must be defined for an interval to be shown: below, its ends are the extremes themselves.
pub const LEAST_REPLICATES: usize = 40;
/// Scores and coefficients: magnitude. Logits of real models stay below 1000.
pub const MAX_MAGNITUDE: f64 = 1e6;
/// Full heat of a heatmap, in logits: below this nothing would be left of it after rounding.
pub const LEAST_FULL_SCALE: f64 = 1e-3;
/// Scans of one folder.
pub const MAX_SCANS: usize = 100_000;
/// Places of a heatmap.
pub const MAX_PLACES: usize = 1 << 14;
/// Cases of a fit.
pub const MAX_CASES: usize = 1 << 22;
