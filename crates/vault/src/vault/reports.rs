//! Saving and finding reports and embeddings.

use serde::Serialize;
use zeroize::Zeroizing;

use super::Vault;
use super::session::SessionReport;
use crate::audit::AuditEvent;
use crate::limits::{
    ATTACHMENT_NAME_MAX_BYTES, ATTACHMENTS_MAX, DEPENDENCIES_MAX, PINNED_WARNING_PERCENT, SESSION_MAX_BYTES,
};
use crate::store::{EntryKey, Found, Header, Level, NewEntry, Part, PutOutcome};
use crate::{
    ClockReading, Dependency, DependencyKind, Digest, EmbeddingKey, ReportKey, SourceKey, Stamp, VaultError,
};

/// A picture or document that belongs to a report.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// A short name, such as `overlay.png`; unique within the report, no identifier.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A report to be saved.
#[derive(Debug, Clone, Copy)]
pub struct NewReport<'a> {
    /// What it is the report of.
    pub key: &'a ReportKey,
    /// The file it was made from, so that the same file finds it without being decoded.
    pub source: Option<&'a SourceKey>,
    /// The report's bytes, given back as they are.
    pub bytes: &'a [u8],
    /// What belongs to it.
    pub attachments: &'a [Attachment<'a>],
    /// Digest of the verdict that the device computes rightly, where one was reached.
    pub device_verdict: Option<Digest>,
    /// Whether to save it although it has no patient; otherwise such a report is kept for the session only.
    pub keep_without_patient: bool,
}

/// Where a report is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the store; it survives a power cut.
    Store,
    /// In memory: it has no patient and nobody asked to keep it.
    Session,
}

/// What a user should know although nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// The same pixels have reports under other patients: one of them may be under the wrong name.
    SamePixelsOtherPatient {
        /// How many other patients.
        others: usize,
    },
    /// Reports that are not exported take more than 80 % of the store and cannot be evicted.
    NotExportedNearLimit {
        /// Bytes of reports not exported.
        pinned_bytes: u64,
        /// The store's limit.
        max_bytes: u64,
    },
    /// The report depends on something revoked; it is kept but never served from the cache.
    Revoked {
        /// What is revoked.
        digest: Digest,
    },
}

/// A report is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Its id: a keyed hash, no identifier.
    pub id: Digest,
    /// Where.
    pub place: Place,
    /// What a user should know.
    pub warnings: Vec<Warning>,
}

/// What a look into the cache gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It was there, unchanged.
    Hit(T),
    /// It must be computed.
    Miss(Miss),
}

impl<T> Lookup<T> {
    /// The hit, if it is one.
    pub fn hit(self) -> Option<T> {
        match self {
            Self::Hit(value) => Some(value),
            Self::Miss(_) => None,
        }
    }
}

/// Why nothing came out of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Miss {
    /// Nothing is stored under this key.
    Absent,
    /// It depends on something revoked.
    Revoked {
        /// What is revoked.
        digest: Digest,
    },
    /// It was changed; it was set aside.
    Damaged {
        /// What did not fit.
        what: &'static str,
    },
    /// The whole database was damaged; it was set aside and begun anew.
    StoreRebuilt,
}

/// A report out of the cache. Show "computed at …, cached".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CachedReport {
    /// Its id.
    pub id: Digest,
    /// The report's bytes, as they were saved.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// When it was computed.
    pub computed_at: Stamp,
    /// Its age; `None` when a clock cannot be believed.
    pub age_ms: Option<u64>,
    /// Whether it was exported.
    pub exported: bool,
    /// Where it is kept.
    pub place: Place,
    /// Names of what belongs to it; see [`Vault::attachment`].
    pub attachments: Vec<String>,
    /// What a user should know.
    pub warnings: Vec<Warning>,
}

impl Vault {
    /// Level 1: the report of a file that was scanned before with the same settings, found without decoding.
    /// A hit is recorded before it is returned.
    pub fn report_by_source(
        &mut self,
        source: &SourceKey,
        clock: ClockReading,
    ) -> Result<Lookup<CachedReport>, VaultError> {
        let at = self.now(clock);
        let hash = source.hash(&self.keys);
        if let Some(key) = self.session.source(&hash) {
            return self.serve(&key, at);
        }
        let found = match self.store.source(&hash) {
            Err(error) if error.is_damage() => return self.rebuilt(at),
            found => found,
        };
        match self.settle(at, found)? {
            Found::Value(key) => {
                let served = self.serve(&key, at)?;
                if served == Lookup::Miss(Miss::Absent) {
                    self.store.remove_source(&hash)?;
                }
                Ok(served)
            }
            Found::Damaged(what) => {
                let removed = self.store.remove_source(&hash);
                self.settle(at, removed)?;
                Ok(Lookup::Miss(Miss::Damaged { what }))
            }
            Found::Absent | Found::Revoked(_) => Ok(Lookup::Miss(Miss::Absent)),
        }
    }

    /// Level 3: the report of these pixels for this patient and protocol. A hit is recorded before it is returned.
    /// `source`: on a hit, this file leads to the report from now on.
    pub fn report(
        &mut self,
        key: &ReportKey,
        source: Option<&SourceKey>,
        clock: ClockReading,
    ) -> Result<Lookup<CachedReport>, VaultError> {
        let at = self.now(clock);
        let key = EntryKey::new(Level::Report, &key.hash(&self.keys)?);
        let served = self.serve(&key, at)?;
        if let (Lookup::Hit(report), Some(source)) = (&served, source)
            && report.place == Place::Store
        {
            let linked = self.store.link_source(&key, Digest(source.hash(&self.keys)));
            self.settle(at, linked)?;
        }
        Ok(served)
    }

    /// An attachment of a report by the report's id.
    pub fn attachment(
        &mut self,
        id: &Digest,
        name: &str,
        clock: ClockReading,
    ) -> Result<Lookup<Vec<u8>>, VaultError> {
        let at = self.now(clock);
        let key = EntryKey::new(Level::Report, &id.0);
        let header = match self.header(&key, at)? {
            Lookup::Hit(header) => header,
            Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
        };
        match header.attachments.iter().position(|attachment| attachment == name) {
            Some(index) => self.value(&key, index + 2, at),
            None => Ok(Lookup::Miss(Miss::Absent)),
        }
    }

    /// Saves a report; when it returns, the report survives a power cut (if its place is the store). It is not
    /// evicted before [`Vault::mark_exported`].
    /// Errors: `Full` when reports not exported leave no room; `DiskFull`, `ReadOnly`; `TooLarge`, `TooMany`. On any of
    /// them show the findings headed NOT SAVED, with [`VaultError::not_saved`].
    pub fn put_report(&mut self, report: &NewReport<'_>, clock: ClockReading) -> Result<Saved, VaultError> {
        check_attachments(report.attachments)?;
        let at = self.now(clock);
        let key = EntryKey::new(Level::Report, &report.key.hash(&self.keys)?);
        let header = self.header_of(report, at);
        if report.key.patient.is_none() && !report.keep_without_patient {
            let values = std::iter::once(report.bytes).chain(report.attachments.iter().map(|a| a.bytes));
            let values = values.map(|bytes| Zeroizing::new(bytes.to_vec())).collect();
            self.session.put(key, SessionReport { header, values }, SESSION_MAX_BYTES);
            return Ok(Saved { id: key.id(), place: Place::Session, warnings: Vec::new() });
        }
        let mut parts = vec![Part { number: 1, bytes: report.bytes }];
        for (number, attachment) in (2_u8..).zip(report.attachments) {
            parts.push(Part { number, bytes: attachment.bytes });
        }
        let entry = NewEntry { key, header: &header, parts: &parts, pinned: true };
        let outcome = self.store.put(&entry, self.options.max_bytes, self.log.anchor());
        let outcome = self.settle(at, outcome)?;
        self.session.remove(&key);
        self.note_evicted(at, &outcome)?;
        let mut warnings = self.warnings_for(&header, at)?;
        warnings.extend(self.near_limit(outcome.totals.pinned_bytes));
        let revoked = self.store.first_revoked(&header.dependencies);
        warnings.extend(self.settle(at, revoked)?.map(|digest| Warning::Revoked { digest }));
        Ok(Saved { id: key.id(), place: Place::Store, warnings })
    }

    /// Level 2: the embedding of these pixels; nothing is recorded, for it holds no identifier.
    pub fn embedding(
        &mut self,
        key: &EmbeddingKey,
        clock: ClockReading,
    ) -> Result<Lookup<Vec<u8>>, VaultError> {
        let at = self.now(clock);
        let key = EntryKey::new(Level::Embedding, &key.hash(&self.keys));
        match self.header(&key, at)? {
            Lookup::Hit(_) => self.value(&key, 1, at),
            Lookup::Miss(miss) => Ok(Lookup::Miss(miss)),
        }
    }

    /// Saves an embedding; it may be evicted at any time.
    /// Errors: as [`Vault::put_report`]; nothing is lost by ignoring them but time.
    pub fn put_embedding(
        &mut self,
        key: &EmbeddingKey,
        bytes: &[u8],
        clock: ClockReading,
    ) -> Result<(), VaultError> {
        let at = self.now(clock);
        let header = Header {
            computed_at: at,
            exported: true,
            dependencies: key.dependencies(),
            pixels: None,
            patient: None,
            sources: Vec::new(),
            attachments: Vec::new(),
        };
        let key = EntryKey::new(Level::Embedding, &key.hash(&self.keys));
        let parts = [Part { number: 1, bytes }];
        let entry = NewEntry { key, header: &header, parts: &parts, pinned: false };
        let outcome = self.store.put(&entry, self.options.max_bytes, self.log.anchor());
        let outcome = self.settle(at, outcome)?;
        self.note_evicted(at, &outcome)
    }

    fn header_of(&self, report: &NewReport<'_>, at: Stamp) -> Header {
        let mut dependencies = report.key.dependencies();
        let verdict = |digest| Dependency { kind: DependencyKind::DeviceVerdict, digest };
        dependencies.extend(report.device_verdict.map(verdict));
        debug_assert!(dependencies.len() <= DEPENDENCIES_MAX, "four of the key and the verdict");
        Header {
            computed_at: at,
            exported: false,
            dependencies,
            pixels: Some(report.key.pixels_hash(&self.keys)),
            patient: report.key.patient.as_ref().map(|patient| patient.hash(&self.keys)),
            sources: report.source.iter().map(|source| Digest(source.hash(&self.keys))).collect(),
            attachments: report.attachments.iter().map(|a| a.name.to_owned()).collect(),
        }
    }

    /// A report by its key, recorded as served.
    pub(super) fn serve(&mut self, key: &EntryKey, at: Stamp) -> Result<Lookup<CachedReport>, VaultError> {
        let found = self.fetch(key, at)?;
        if matches!(found, Lookup::Hit(_)) {
            self.note(at, vec![(AuditEvent::ServedFromCache, Some(key.id()), None)])?;
        }
        Ok(found)
    }

    pub(super) fn fetch(&mut self, key: &EntryKey, at: Stamp) -> Result<Lookup<CachedReport>, VaultError> {
        let header = match self.header(key, at)? {
            Lookup::Hit(header) => header,
            Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
        };
        let bytes = match self.value(key, 1, at)? {
            Lookup::Hit(bytes) => bytes,
            Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
        };
        let place = if self.session.get(key).is_some() { Place::Session } else { Place::Store };
        let warnings = self.warnings_for(&header, at)?;
        Ok(Lookup::Hit(CachedReport {
            id: key.id(),
            bytes,
            computed_at: header.computed_at,
            age_ms: header.computed_at.age_ms(at),
            exported: header.exported,
            place,
            attachments: header.attachments,
            warnings,
        }))
    }

    fn header(&mut self, key: &EntryKey, at: Stamp) -> Result<Lookup<Header>, VaultError> {
        if let Some(report) = self.session.get(key) {
            let header = report.header.clone();
            let revoked = self.store.first_revoked(&header.dependencies);
            return Ok(match self.settle(at, revoked)? {
                Some(digest) => Lookup::Miss(Miss::Revoked { digest }),
                None => Lookup::Hit(header),
            });
        }
        let found = self.store.header(key);
        self.lookup(key, found, at)
    }

    /// Part `number` of an entry: 1 the value, from 2 the attachments.
    pub(super) fn value(
        &mut self,
        key: &EntryKey,
        number: usize,
        at: Stamp,
    ) -> Result<Lookup<Vec<u8>>, VaultError> {
        if let Some(report) = self.session.get(key) {
            let value = number.checked_sub(1).and_then(|index| report.values.get(index));
            return Ok(value.map_or(Lookup::Miss(Miss::Absent), |value| Lookup::Hit(value.to_vec())));
        }
        let Ok(number) = u8::try_from(number) else { return Ok(Lookup::Miss(Miss::Absent)) };
        let found = match self.store.value(key, number) {
            // A header without its value is no state that a put leaves.
            Ok(Found::Absent) => Ok(Found::Damaged("a value is missing")),
            found => found,
        };
        self.lookup(key, found, at)
    }

    /// Damage becomes a miss: the entry or the database is set aside, and that is recorded.
    fn lookup<T>(
        &mut self,
        key: &EntryKey,
        found: Result<Found<T>, VaultError>,
        at: Stamp,
    ) -> Result<Lookup<T>, VaultError> {
        match found {
            Ok(Found::Value(value)) => Ok(Lookup::Hit(value)),
            Ok(Found::Absent) => Ok(Lookup::Miss(Miss::Absent)),
            Ok(Found::Revoked(digest)) => Ok(Lookup::Miss(Miss::Revoked { digest })),
            Ok(Found::Damaged(what)) => {
                log::warn!("entry {} is damaged ({what}); it is set aside", key.id());
                match self.store.quarantine(key) {
                    Err(error) if error.is_damage() => return self.rebuilt(at),
                    result => result?,
                }
                self.note(at, vec![(AuditEvent::EntryQuarantined, Some(key.id()), None)])?;
                Ok(Lookup::Miss(Miss::Damaged { what }))
            }
            Err(error) if error.is_damage() => self.rebuilt(at),
            Err(error) => Err(error),
        }
    }

    fn rebuilt<T>(&mut self, at: Stamp) -> Result<Lookup<T>, VaultError> {
        self.settle(at, Ok(()))?;
        Ok(Lookup::Miss(Miss::StoreRebuilt))
    }

    fn warnings_for(&mut self, header: &Header, at: Stamp) -> Result<Vec<Warning>, VaultError> {
        let (Some(pixels), Some(patient)) = (header.pixels, header.patient) else { return Ok(Vec::new()) };
        let others = self.store.other_patients(&pixels, &patient);
        let others = self.settle(at, others)?;
        Ok(if others > 0 { vec![Warning::SamePixelsOtherPatient { others }] } else { Vec::new() })
    }

    pub(super) fn near_limit(&self, pinned_bytes: u64) -> Option<Warning> {
        let max_bytes = self.options.max_bytes;
        let near =
            u128::from(pinned_bytes) * 100 >= u128::from(max_bytes) * u128::from(PINNED_WARNING_PERCENT);
        near.then_some(Warning::NotExportedNearLimit { pinned_bytes, max_bytes })
    }

    pub(super) fn note_evicted(&mut self, at: Stamp, outcome: &PutOutcome) -> Result<(), VaultError> {
        let reports = outcome.evicted.iter().filter(|key| key.level() == Some(Level::Report));
        let records = reports.map(|key| (AuditEvent::Evicted, Some(key.id()), None)).collect();
        self.note(at, records)
    }
}

fn check_attachments(attachments: &[Attachment<'_>]) -> Result<(), VaultError> {
    let (got, max) = (attachments.len(), ATTACHMENTS_MAX);
    if got > max {
        return Err(VaultError::TooMany { what: "attachments", got, max });
    }
    for attachment in attachments {
        let got = attachment.name.len();
        if got > ATTACHMENT_NAME_MAX_BYTES {
            let (got, max) = (got as u64, ATTACHMENT_NAME_MAX_BYTES as u64);
            return Err(VaultError::TooLarge { what: "an attachment's name", got, max });
        }
        let same = attachments.iter().filter(|other| other.name == attachment.name).count();
        if same > 1 {
            return Err(VaultError::TooMany { what: "attachments of one name", got: same, max: 1 });
        }
    }
    Ok(())
}
