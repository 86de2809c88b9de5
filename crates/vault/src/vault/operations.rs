//! What `bedside cache` and `bedside audit` do: list, show, export, prune, verify.

use serde::Serialize;

use super::Vault;
use super::reports::{CachedReport, Lookup, Miss, Warning};
use crate::audit::{self, AuditEvent, AuditVerification};
use crate::set_aside::names_of;
use crate::store::{DAMAGED_ENTRY_NAME, DATABASE_NAME, EntryKey, Level, PutOutcome};
use crate::{ClockReading, Dependency, Digest, Stamp, VaultError};

/// One line of `cache list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheEntry {
    /// Keyed hash; the id under which a report is shown and exported.
    pub id: Digest,
    /// `report` or `embedding`.
    pub level: &'static str,
    /// Bytes it takes.
    pub bytes: u64,
    /// When it was computed; `None` when it is damaged.
    pub computed_at: Option<Stamp>,
    /// Whether it was exported; `None` for embeddings and damaged entries.
    pub exported: Option<bool>,
    /// What it depends on that is revoked: it is never served.
    pub revoked: Option<Digest>,
    /// Whether its header does not authenticate; `cache verify` takes it out.
    pub damaged: bool,
    /// Names of attachments.
    pub attachments: Vec<String>,
}

/// A revoked digest; `kind` and `at` are `None` when its row was changed (it counts all the same).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// What is revoked.
    pub digest: Digest,
    /// What it is.
    pub dependency: Option<Dependency>,
    /// Since when.
    pub at: Option<Stamp>,
}

/// `cache list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheList {
    /// Entries, most recently used first, at most as many as asked for.
    pub entries: Vec<CacheEntry>,
    /// Entries in the store.
    pub entry_count: u64,
    /// Bytes in the store.
    pub bytes: u64,
    /// Bytes of reports not exported.
    pub pinned_bytes: u64,
    /// The store's limit.
    pub max_bytes: u64,
    /// Reports kept for this session only.
    pub session_reports: usize,
    /// Everything revoked.
    pub revoked: Vec<Revoked>,
    /// Damaged databases and entries set aside.
    pub set_aside: Vec<String>,
    /// What a user should know.
    pub warnings: Vec<Warning>,
}

/// A report with everything that belongs to it, for `cache export`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedReport {
    /// The report.
    pub report: CachedReport,
    /// Names and bytes of its attachments.
    pub attachments: Vec<(String, Vec<u8>)>,
}

/// What `cache prune` takes out. Reports not exported always stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// The least recently used, until at most this many bytes are left.
    ToBytes(u64),
    /// What depends on something revoked, and is exported or an embedding.
    Revoked,
}

/// `cache prune`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PruneResult {
    /// Entries taken out.
    pub removed: u64,
    /// Bytes left.
    pub bytes: u64,
    /// Of these, bytes of reports not exported.
    pub pinned_bytes: u64,
}

/// One damaged entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DamagedEntry {
    /// Its id.
    pub id: Digest,
    /// What does not fit.
    pub what: &'static str,
}

/// `cache verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheVerification {
    /// Whether nothing was damaged.
    pub ok: bool,
    /// Entries read.
    pub entries: u64,
    /// Entries that do not authenticate; they were set aside.
    pub damaged: Vec<DamagedEntry>,
    /// Files that nothing referred to (left by a power cut); they were removed.
    pub swept_files: u64,
    /// Whether sums or order did not fit and were put right.
    pub corrected: bool,
    /// Whether the whole database was damaged, set aside and begun anew.
    pub rebuilt: bool,
}

impl Vault {
    /// The store's entries, at most `limit`, and its sums.
    pub fn list(&mut self, limit: usize, clock: ClockReading) -> Result<CacheList, VaultError> {
        let at = self.now(clock);
        let listed = self.store.list();
        let mut listed = self.settle(at, listed)?;
        let totals = self.store.totals()?;
        let revoked: Vec<Revoked> = self
            .store
            .revocations()?
            .into_iter()
            .map(|row| match row {
                Ok(row) => Revoked {
                    digest: row.dependency.digest,
                    dependency: Some(row.dependency),
                    at: Some(row.at),
                },
                Err(digest) => Revoked { digest, dependency: None, at: None },
            })
            .collect();
        listed.truncate(limit);
        let mut set_aside = names_of(&*self.disk, &self.folder.join(DATABASE_NAME))?;
        set_aside.extend(names_of(&*self.disk, &self.folder.join(DAMAGED_ENTRY_NAME))?);
        let entries = listed
            .into_iter()
            .map(|entry| {
                let header = entry.header.as_ref();
                let is_report = entry.key.level() == Some(Level::Report);
                let of = header.map(|h| h.dependencies.as_slice()).unwrap_or_default();
                CacheEntry {
                    id: entry.key.id(),
                    level: if is_report { "report" } else { "embedding" },
                    bytes: entry.row.bytes,
                    computed_at: header.map(|header| header.computed_at),
                    exported: header.filter(|_| is_report).map(|header| header.exported),
                    revoked: revoked_among(of, &revoked),
                    damaged: header.is_none(),
                    attachments: header.map(|header| header.attachments.clone()).unwrap_or_default(),
                }
            })
            .collect();
        Ok(CacheList {
            entries,
            entry_count: totals.entries,
            bytes: totals.bytes,
            pinned_bytes: totals.pinned_bytes,
            max_bytes: self.options.max_bytes,
            session_reports: self.session.len(),
            revoked,
            set_aside,
            warnings: self.near_limit(totals.pinned_bytes).into_iter().collect(),
        })
    }

    /// A report by its id, as [`Vault::list`] shows it. A hit is recorded as served.
    pub fn show(&mut self, id: &Digest, clock: ClockReading) -> Result<Lookup<CachedReport>, VaultError> {
        let at = self.now(clock);
        self.serve(&EntryKey::new(Level::Report, &id.0), at)
    }

    /// A report with its attachments, to be written somewhere. When that is done and safe on its disk, call
    /// [`Vault::mark_exported`]: only then may the store forget it.
    pub fn export(&mut self, id: &Digest, clock: ClockReading) -> Result<Lookup<ExportedReport>, VaultError> {
        let at = self.now(clock);
        let key = EntryKey::new(Level::Report, &id.0);
        let report = match self.fetch(&key, at)? {
            Lookup::Hit(report) => report,
            Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
        };
        let mut attachments = Vec::with_capacity(report.attachments.len());
        for (number, name) in (2_usize..).zip(&report.attachments) {
            match self.value(&key, number, at)? {
                Lookup::Hit(bytes) => attachments.push((name.clone(), bytes)),
                Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
            }
        }
        Ok(Lookup::Hit(ExportedReport { report, attachments }))
    }

    /// Notes that a report was exported: it may be evicted from now on.
    /// Errors: `NotFound`; a session's report cannot be marked.
    pub fn mark_exported(&mut self, id: &Digest, clock: ClockReading) -> Result<(), VaultError> {
        let at = self.now(clock);
        let key = EntryKey::new(Level::Report, &id.0);
        match self.store.mark_exported(&key) {
            Err(VaultError::EntryDamaged { id, what }) => {
                self.store.quarantine(&key)?;
                self.note(at, vec![(AuditEvent::EntryQuarantined, Some(key.id()), None)])?;
                Err(VaultError::EntryDamaged { id, what })
            }
            result => {
                self.settle(at, result)?;
                self.note(at, vec![(AuditEvent::Exported, Some(*id), None)])
            }
        }
    }

    /// Takes entries out. Reports not exported stay.
    pub fn prune(&mut self, what: Prune, clock: ClockReading) -> Result<PruneResult, VaultError> {
        let at = self.now(clock);
        let outcome = match what {
            Prune::ToBytes(bytes) => {
                let outcome = self.store.shrink(bytes);
                self.settle(at, outcome)?
            }
            Prune::Revoked => self.prune_revoked(at)?,
        };
        self.note_evicted(at, &outcome)?;
        Ok(PruneResult {
            removed: outcome.evicted.len() as u64,
            bytes: outcome.totals.bytes,
            pinned_bytes: outcome.totals.pinned_bytes,
        })
    }

    fn prune_revoked(&mut self, at: Stamp) -> Result<PutOutcome, VaultError> {
        let listed = self.store.list();
        let mut evicted = Vec::new();
        for entry in self.settle(at, listed)? {
            let Some(header) = entry.header.filter(|header| header.exported) else { continue };
            if self.store.first_revoked(&header.dependencies)?.is_some() {
                evicted.push(entry.key);
            }
        }
        let totals = self.store.remove(&evicted);
        let totals = self.settle(at, totals)?;
        Ok(PutOutcome { evicted, totals })
    }

    /// Reads and authenticates everything in the store; damaged entries are set aside and recorded.
    pub fn verify(&mut self, clock: ClockReading) -> Result<CacheVerification, VaultError> {
        let at = self.now(clock);
        let checked = match self.store.check() {
            Err(error) if error.is_damage() => {
                self.settle(at, Ok(()))?;
                return Ok(CacheVerification {
                    ok: false,
                    entries: 0,
                    damaged: Vec::new(),
                    swept_files: 0,
                    corrected: false,
                    rebuilt: true,
                });
            }
            checked => self.settle(at, checked)?,
        };
        let records = checked.damaged.iter();
        let records = records.map(|(key, _)| (AuditEvent::EntryQuarantined, Some(key.id()), None)).collect();
        self.note(at, records)?;
        let damaged: Vec<DamagedEntry> =
            checked.damaged.iter().map(|(key, what)| DamagedEntry { id: key.id(), what }).collect();
        Ok(CacheVerification {
            ok: damaged.is_empty(),
            entries: checked.entries,
            damaged,
            swept_files: checked.swept,
            corrected: checked.corrected,
            rebuilt: false,
        })
    }

    /// Verifies the audit log with the vault's own key, and against the place that the database remembers.
    pub fn audit_verify(&mut self, clock: ClockReading) -> Result<AuditVerification, VaultError> {
        let at = self.now(clock);
        let anchor = match self.store.anchor() {
            Err(error) if error.is_damage() => self.settle(at, Ok(None))?,
            anchor => anchor?,
        };
        let key = Digest(self.log.public_key().to_bytes());
        audit::verify(&*self.disk, &self.folder, Some(key), anchor)
    }
}

/// The first of `dependencies` that is in the list.
fn revoked_among(dependencies: &[Dependency], revoked: &[Revoked]) -> Option<Digest> {
    let digests = dependencies.iter().map(|dependency| dependency.digest);
    digests.into_iter().find(|digest| revoked.iter().any(|row| row.digest == *digest))
}

/// The text of a miss, for messages.
impl std::fmt::Display for Miss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing is stored under it"),
            Self::Revoked { digest } => write!(f, "it depends on {digest}, which is revoked"),
            Self::Damaged { what } => write!(f, "it was damaged ({what}) and set aside"),
            Self::StoreRebuilt => f.write_str("the store was damaged, set aside and begun anew"),
        }
    }
}
