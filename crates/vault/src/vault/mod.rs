//! The open vault: key, store and audit log of one folder, and the session's own reports.

mod opening;
mod operations;
mod reports;
mod session;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use opening::{Opening, Options};
pub use operations::{
    CacheEntry, CacheList, CacheVerification, DamagedEntry, ExportedReport, Prune, PruneResult, Revoked,
};
pub use reports::{Attachment, CachedReport, Lookup, Miss, NewReport, Place, Saved, Warning};

use crate::audit::{AuditEvent, AuditLog};
use crate::disk::{Disk, Lock};
use crate::key::Subkeys;
use crate::store::{Revocation, Store, StoreEvent};
use crate::{ClockReading, Dependency, DependencyKind, Digest, Stamp, VaultError};
use session::Session;

/// A record on its way into the log.
type Event = (AuditEvent, Option<Digest>, Option<u64>);

/// The vault of one device, open in this process only.
///
/// Every operation that something depends on takes a [`ClockReading`]: the vault reads no clock itself.
/// Call [`Vault::close`] at the end; dropping does the same and can only log what goes wrong.
pub struct Vault {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    keys: Arc<Subkeys>,
    store: Store,
    log: AuditLog,
    session: Session,
    options: Options,
    opening: Opening,
    /// Records that could not be written yet.
    pending: Vec<Event>,
    /// Whether this run has recorded that the clock went back.
    clock_reported: bool,
    last_stamp: Stamp,
    closed: bool,
    _lock: Box<dyn Lock>,
}

impl Vault {
    /// What opening the vault found and did.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The vault's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The secret under which UIDs of exported scans are replaced: the same scan gets the same ones on this device,
    /// and nobody without it can tell which scan it was.
    pub fn uid_key(&self) -> [u8; 32] {
        self.keys.uids
    }

    /// Records that a scan was opened. `file`: digest of its bytes; only a keyed hash of it is written.
    /// When it returns, the record survives a power cut.
    pub fn record_scan_opened(&mut self, file: &Digest, clock: ClockReading) -> Result<(), VaultError> {
        let subject = Digest(self.keys.hash("scan", &[Some(&file.0)]));
        self.record(AuditEvent::ScanOpened, Some(subject), clock)
    }

    /// Records that a computed report was shown. `id`: from [`Saved`].
    pub fn record_report_shown(&mut self, id: &Digest, clock: ClockReading) -> Result<(), VaultError> {
        self.record(AuditEvent::ReportShown, Some(*id), clock)
    }

    /// Records that a report was shown which could not be saved.
    pub fn record_report_not_saved(
        &mut self,
        id: Option<&Digest>,
        clock: ClockReading,
    ) -> Result<(), VaultError> {
        self.record(AuditEvent::ReportNotSaved, id.copied(), clock)
    }

    /// A user confirmed the clock (after a dead battery, or a date set wrongly into the future): readings from
    /// before do not count against it any more. It is recorded.
    pub fn confirm_clock(&mut self, clock: ClockReading) -> Result<(), VaultError> {
        self.log.forget_time();
        self.clock_reported = false;
        self.record(AuditEvent::ClockConfirmed, None, clock)
    }

    /// Revokes a model, a protocol or a device's verdict: no result that depends on it is served again.
    pub fn revoke(&mut self, dependency: Dependency, clock: ClockReading) -> Result<(), VaultError> {
        let at = self.now(clock);
        let event = revocation_event(dependency.kind);
        // The log first: a revocation must survive even the loss of the database, which is rebuilt from the log.
        self.note(at, vec![(event, Some(dependency.digest), None)])?;
        let revoked = self.store.revoke(&[Revocation { dependency, at }]);
        self.settle(at, revoked)
    }

    /// Signs the log and closes everything in order, so that the next start need not check it.
    pub fn close(mut self, clock: ClockReading) -> Result<(), VaultError> {
        let at = self.now(clock);
        self.closed = true;
        self.shut(at)
    }

    fn shut(&mut self, at: Stamp) -> Result<(), VaultError> {
        self.note(at, Vec::new())?;
        self.log.checkpoint(at)?;
        // Only a database that is being written anyway: a second look at a scan writes nothing to it.
        if let Some(anchor) = self.log.anchor().filter(|_| self.store.is_writing()) {
            self.store.set_anchor(&anchor)?;
        }
        self.store.close()
    }

    fn record(
        &mut self,
        event: AuditEvent,
        subject: Option<Digest>,
        clock: ClockReading,
    ) -> Result<(), VaultError> {
        let at = self.now(clock);
        self.note(at, vec![(event, subject, None)])
    }

    /// How `clock` counts. The first time in a run that it lies behind, that becomes a record.
    fn now(&mut self, clock: ClockReading) -> Stamp {
        let (stamp, behind) = self.log.stamp(clock);
        if behind && !self.clock_reported {
            self.clock_reported = true;
            self.opening.clock_went_back = true;
            self.pending.push((AuditEvent::ClockWentBack, None, None));
        }
        self.last_stamp = stamp;
        stamp
    }

    /// Writes records, those that wait first.
    fn note(&mut self, at: Stamp, events: Vec<Event>) -> Result<(), VaultError> {
        self.pending.extend(events);
        self.log.append(&self.pending, at)?;
        self.pending.clear();
        Ok(())
    }

    /// After an operation of the store: records what it did to the database, then gives `result` on.
    fn settle<T>(&mut self, at: Stamp, result: Result<T, VaultError>) -> Result<T, VaultError> {
        let events = self.store.take_events();
        if !events.is_empty() {
            self.note_rebuilt(at, &events)?;
        }
        result
    }

    fn note_rebuilt(&mut self, at: Stamp, events: &[StoreEvent]) -> Result<(), VaultError> {
        let records = events
            .iter()
            .map(|StoreEvent::Rebuilt { number }| (AuditEvent::StoreQuarantined, None, Some(*number)))
            .collect();
        self.opening.stores_set_aside += events.len() as u64;
        self.restore_revocations()?;
        self.note(at, records)
    }

    /// Puts the revocations of the log into a new database.
    fn restore_revocations(&mut self) -> Result<(), VaultError> {
        let mut revoked = Vec::new();
        self.log.for_each(&mut |record| {
            let kind = [DependencyKind::Model, DependencyKind::Protocol, DependencyKind::DeviceVerdict]
                .into_iter()
                .find(|kind| revocation_event(*kind) == record.event);
            if let (Some(kind), Some(digest)) = (kind, record.subject) {
                revoked.push(Revocation { dependency: Dependency { kind, digest }, at: record.at });
            }
        })?;
        self.store.restore(&revoked)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if !self.closed {
            let at = self.last_stamp;
            if let Err(error) = self.shut(at) {
                log::warn!("the vault was not closed in order: {error}");
            }
        }
    }
}

fn revocation_event(kind: DependencyKind) -> AuditEvent {
    match kind {
        DependencyKind::Model => AuditEvent::ModelRevoked,
        DependencyKind::Protocol => AuditEvent::ProtocolRevoked,
        DependencyKind::DeviceVerdict => AuditEvent::DeviceVerdictRevoked,
    }
}
