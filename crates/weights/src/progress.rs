//! How a long operation tells of its progress and hears that it is no longer wanted.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::WeightsError;

/// Handed to every operation that reads whole files.
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    cancel: &'a AtomicBool,
    on_bytes: &'a (dyn Fn(u64) + Sync),
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl<'a> Progress<'a> {
    /// `cancel`: set it from any thread. `on_bytes`: called with the bytes done since the last call, from
    /// any thread, every few megabytes.
    pub fn new(cancel: &'a AtomicBool, on_bytes: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { cancel, on_bytes }
    }

    /// Told of nothing, never cancelled.
    pub fn silent() -> Self {
        Self { cancel: &NEVER, on_bytes: &|_| {} }
    }

    /// `bytes` more are done. Errors: `Cancelled`.
    pub fn advance(&self, bytes: u64) -> Result<(), WeightsError> {
        (self.on_bytes)(bytes);
        if self.cancel.load(Ordering::Relaxed) { Err(WeightsError::Cancelled) } else { Ok(()) }
    }
}
