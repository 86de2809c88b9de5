//! What a result was made with: the model's identity, by way of the digests that the store keeps, and the
//! executor's.

use std::num::NonZeroUsize;
use std::path::Path;

use bedside_compute::{Numerics, Target, host};
use bedside_models::LoadSettings;
use bedside_weights::{Digest, DigestCache, Model, Role, file_digests, model_identity};
use serde::Serialize;

use crate::device::Chosen;
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
    device: String,
    /// Instruction-set tier of the integer dot products; of the processor only.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'static str>,
    numerics: Numerics,
    /// Of the processor only.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    /// Why the device that was asked for was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
}

impl ExecutorIdentity {
    pub(crate) fn of(settings: &LoadSettings, on: &Chosen) -> Self {
        let (numerics, fallback) = (settings.numerics, on.fallback.clone());
        match &on.target {
            Target::Cpu { threads } => Self { fallback, ..Self::of_host(numerics, *threads) },
            Target::Gpu { device, .. } => {
                Self { device: device.identity(), tier: None, numerics, threads: None, fallback }
            }
        }
    }

    /// Of the CPU.
    pub(crate) fn of_host(numerics: Numerics, threads: NonZeroUsize) -> Self {
        let (tier, threads) = (Some(host::tier()), Some(threads.get()));
        Self { device: "cpu".to_owned(), tier, numerics, threads, fallback: None }
    }

    /// `cpu, avx2, exact`: what results depend on. They do not depend on the number of threads.
    pub(crate) fn name(&self) -> String {
        let tier = self.tier.map_or(String::new(), |tier| format!(", {tier}"));
        format!("{}{tier}, {}", self.device, self.numerics)
    }

    /// `cpu, avx2, exact, 4 threads`.
    pub(crate) fn line(&self) -> String {
        let Self { device, tier, numerics, threads, fallback } = self;
        let tier = tier.map_or(String::new(), |tier| format!(", {tier}"));
        let threads =
            threads.map_or(String::new(), |n| format!(", {n} thread{}", if n == 1 { "" } else { "s" }));
        let fallback = fallback.as_ref().map_or(String::new(), |why| format!(" (not the GPU: {why})"));
        format!("{device}{tier}, {numerics}{threads}{fallback}")
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
