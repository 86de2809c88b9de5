//! Where reports are kept: the vault, or nowhere, and then that is said.

use std::path::Path;

use bedside_imaging::{Identification, IdentityField};
use bedside_vault::{
    Attachment, CachedReport, Digest, EmbeddingKey, NewReport, Options, Patient, Place, ReportKey, Saved,
    SourceKey, Unlock, Vault, VaultError, Warning,
};

use crate::exit::{Code, Failure};
use crate::store::Store;
use crate::{clock, output, text};

/// Name of the attachment that holds the scan itself.
pub(crate) const SOURCE: &str = "scan";

/// The store's vault, or why there is none.
pub(crate) enum Keeper {
    Vault(Box<Vault>),
    Nowhere(String),
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It survives a power cut.
    Saved(Digest),
    /// It names no patient, and goes with this program.
    Session,
    /// Why it was not.
    Not(String),
}

/// Open the store's vault. Errors (code 6): it cannot be.
pub(crate) fn open(store: Option<&Path>) -> Result<Vault, Failure> {
    let folder = Store::open(store)?.vault();
    let vault = Vault::open(&folder, Unlock::KeyFile, Options::default(), clock::read());
    let vault = vault.map_err(|error| Failure::new(Code::Store, error))?;
    let opening = vault.opening();
    if opening.key_made {
        log::info!("{}", bedside_vault::KEY_FILE_PROTECTION);
    }
    if opening.stores_set_aside > 0 || opening.log_set_aside {
        output::warn("bedside: the store was damaged; it was set aside and begun anew");
    }
    if opening.clock_went_back {
        output::warn(
            "bedside: the clock is behind what was seen before: times are unverified, order is kept",
        );
    }
    Ok(vault)
}

impl Keeper {
    /// A vault that cannot be opened stops no scan.
    pub(crate) fn open(store: Option<&Path>) -> Self {
        match open(store) {
            Ok(vault) => Self::Vault(Box::new(vault)),
            Err(failure) => Self::Nowhere(format!("{:#}", failure.error)),
        }
    }

    /// The report of the same file under the same settings, if it is kept.
    pub(crate) fn find(&mut self, source: &SourceKey) -> Option<CachedReport> {
        let Self::Vault(vault) = self else { return None };
        match vault.report_by_source(source, clock::read()) {
            Ok(lookup) => lookup.hit(),
            Err(error) => {
                log::warn!("the store cannot be read: {error}");
                None
            }
        }
    }

    /// Note that a scan is looked at.
    pub(crate) fn opened(&mut self, file: &Digest) {
        self.note(|vault| vault.record_scan_opened(file, clock::read()));
    }

    /// Keep a report. `copy`: the scan itself, for proving it later.
    pub(crate) fn put(
        &mut self,
        report: &[u8],
        key: &ReportKey,
        source: &SourceKey,
        copy: Option<&[u8]>,
        without_patient: bool,
    ) -> (Kept, Vec<String>) {
        let vault = match self {
            Self::Nowhere(why) => return (Kept::Not(why.clone()), Vec::new()),
            Self::Vault(vault) => vault,
        };
        let attachments: Vec<Attachment<'_>> =
            copy.map(|bytes| Attachment { name: SOURCE, bytes }).into_iter().collect();
        let new = NewReport {
            key,
            source: Some(source),
            bytes: report,
            attachments: &attachments,
            device_verdict: None,
            keep_without_patient: without_patient,
        };
        let saved = vault.put_report(&new, clock::read()).and_then(|saved| {
            vault.record_report_shown(&saved.id, clock::read())?;
            Ok(saved)
        });
        match saved {
            Ok(Saved { id, place, warnings }) => {
                let kept = if place == Place::Store { Kept::Saved(id) } else { Kept::Session };
                (kept, warnings.iter().map(warning).collect())
            }
            Err(error) => {
                let why = error.to_string();
                self.note(|vault| vault.record_report_not_saved(None, clock::read()));
                (Kept::Not(why), Vec::new())
            }
        }
    }

    fn note(&mut self, record: impl FnOnce(&mut Vault) -> Result<(), VaultError>) {
        if let Self::Vault(vault) = self
            && let Err(error) = record(vault)
        {
            log::warn!("the audit log cannot be written: {error}");
        }
    }

    /// Close in order. Errors (code 6): the log could not be signed.
    pub(crate) fn close(self) -> Result<(), Failure> {
        match self {
            Self::Vault(vault) => {
                vault.close(clock::read()).map_err(|error| Failure::new(Code::Store, error))
            }
            Self::Nowhere(_) => Ok(()),
        }
    }
}

/// What a user should know.
pub(crate) fn warning(warning: &Warning) -> String {
    match warning {
        Warning::SamePixelsOtherPatient { others } => {
            format!("the same pictures are kept under {others} other patient(s): is the name right?")
        }
        Warning::NotExportedNearLimit { pinned_bytes, max_bytes } => format!(
            "reports that were not exported take {} of the store's {}: export them",
            text::bytes(*pinned_bytes),
            text::bytes(*max_bytes)
        ),
        Warning::Revoked { digest } => format!("it depends on something revoked: {digest}"),
    }
}

/// The key of a report. `pixels`: digest of what was looked at.
pub(crate) fn report_key(
    pixels: Digest,
    engine: &super::engine::Engine,
    identification: Option<&Identification>,
    zone: Option<bedside_pipeline::codes::Zone>,
) -> ReportKey {
    let text = |field| identification.and_then(|known| known.text(field)).map(str::to_owned);
    let calibration = engine.protocol.calibration.as_ref().map(|_| engine.protocol_digest());
    ReportKey {
        embedding: EmbeddingKey {
            pixels,
            model: Digest::of(engine.model.as_bytes()),
            preprocessing: Digest::of(engine.protocol.fingerprint().as_bytes()),
            executor: Digest::of(engine.executor.name().as_bytes()),
        },
        patient: text(IdentityField::PatientId)
            .map(|id| Patient { issuer: text(IdentityField::IssuerOfPatientId), id }),
        study_instance_uid: text(IdentityField::StudyInstanceUid),
        sop_instance_uid: identification.and_then(Identification::sop_instance_uid).map(str::to_owned),
        laterality: None,
        zone: zone.map(|zone| zone.as_str().to_owned()),
        // A report holds codes; its texts are made when it is shown.
        language: "codes".to_owned(),
        protocol: engine.protocol_digest(),
        calibration,
    }
}
