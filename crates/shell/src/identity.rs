//! What a result was made with: the model's identity, by way of the digests that the store keeps, and the
//! executor's.

use std::num::NonZeroUsize;
use std::path::Path;

use bedside_compute::{Numerics, host};
use bedside_models::LoadSettings;
use bedside_weights::{Digest, DigestCache, Model, Role, file_digests, model_identity};
use serde::Serialize;

use crate::exit::Failure;
use crate::progress;
use crate::store::Store;

/// The model in a report.
#[derive(Debug, Serialize)]
pub(crate) struct ModelIdentity {
    path: String,
    identity: Digest,
}

impl ModelIdentity {
    /// Errors: as [`computed`].
    pub(crate) fn of(path: &Path, model: &Model, store: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self { path: path.display().to_string(), identity: computed(model, store)? })
    }
}

/// The executor in a report.
#[derive(Debug, Serialize)]
pub(crate) struct ExecutorIdentity {
    device: &'static str,
    /// Instruction-set tier of the integer dot products.
    tier: &'static str,
    numerics: Numerics,
    threads: usize,
}

impl ExecutorIdentity {
    pub(crate) fn of(settings: &LoadSettings) -> Self {
        Self::of_host(settings.numerics, settings.threads)
    }

    /// Of the CPU.
    pub(crate) fn of_host(numerics: Numerics, threads: NonZeroUsize) -> Self {
        Self { device: "cpu", tier: host::tier(), numerics, threads: threads.get() }
    }

    /// `cpu, avx2, exact`: what results depend on. They do not depend on the number of threads.
    pub(crate) fn name(&self) -> String {
        format!("{}, {}, {}", self.device, self.tier, self.numerics)
    }

    /// `cpu, avx2, exact, 4 threads`.
    pub(crate) fn line(&self) -> String {
        let Self { device, tier, numerics, threads } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        format!("{device}, {tier}, {numerics}, {threads} thread{plural}")
    }
}

/// The model's identity. Files whose digest the store does not remember are read whole.
/// Errors: a store that cannot be opened; files that cannot be read, or change.
pub(crate) fn computed(model: &Model, store: Option<&Path>) -> Result<Digest, Failure> {
    let cache = Store::open(store)?.digests();
    let total = model.files().iter().map(|file| file.source.bytes().len() as u64).sum();
    let digests = progress::with_bar("digest", total, |progress| file_digests(model, &cache, progress))?;
    Ok(model_identity(digests.iter().map(|file| (file.role, file.digest))))
}

/// The model's identity where the store remembers all of its files. A store that cannot be opened costs a
/// warning only.
pub(crate) fn remembered(model: &Model, store: Option<&Path>) -> Result<Option<Digest>, Failure> {
    let cache = match Store::open_existing(store) {
        Ok(store) => store.map_or_else(DigestCache::none, |store| store.digests()),
        Err(failure) => {
            log::warn!("{:#}", failure.error);
            DigestCache::none()
        }
    };
    let mut digests = Vec::new();
    for file in model.files().iter().filter(|file| file.role != Role::Document) {
        let Some(digest) = cache.remembered(&file.source)? else { return Ok(None) };
        digests.push((file.role, digest));
    }
    Ok(Some(model_identity(digests)))
}
