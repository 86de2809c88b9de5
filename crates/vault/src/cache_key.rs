//! What a result is the result of: the typed keys of the three caches, and what revokes a result.

use serde::{Deserialize, Serialize};

use crate::key::Subkeys;
use crate::limits::KEY_TEXT_MAX_BYTES;
use crate::{Digest, VaultError};

/// Level 1: a file as it lies on the disk, and everything set for the scan. Finds a report without decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceKey {
    /// Digest of the file's bytes (of an exam: of its files' digests in order).
    pub file: Digest,
    /// Digest of everything else the report depends on: model, protocol, calibration, executor, language, …
    pub settings: Digest,
}

/// Level 2: decoded and masked pixels, and everything that turns them into an embedding. Holds no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingKey {
    /// Digest of the decoded, masked pixels (of a cine or an exam: of all frames in order), sides included.
    pub pixels: Digest,
    /// Model identity.
    pub model: Digest,
    /// Digest of the preprocessing.
    pub preprocessing: Digest,
    /// Executor identity.
    pub executor: Digest,
}

/// Who was scanned, as the file says it.
#[derive(Clone, PartialEq, Eq)]
pub struct Patient {
    /// IssuerOfPatientID (0010,0021).
    pub issuer: Option<String>,
    /// PatientID (0010,0020), not empty.
    pub id: String,
}

/// Level 3: an embedding's key, whom and what it shows, and how it is judged. Texts reach the store only as keyed
/// hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportKey {
    /// What was looked at, and with what.
    pub embedding: EmbeddingKey,
    /// The patient; without one the report is kept for the session only, unless asked.
    pub patient: Option<Patient>,
    /// StudyInstanceUID (0020,000D).
    pub study_instance_uid: Option<String>,
    /// SOPInstanceUID (0008,0018).
    pub sop_instance_uid: Option<String>,
    /// Laterality code.
    pub laterality: Option<String>,
    /// Zone code.
    pub zone: Option<String>,
    /// Language of the report.
    pub language: String,
    /// Digest of the protocol.
    pub protocol: Digest,
    /// Digest of the fitted calibration; `None` when uncalibrated.
    pub calibration: Option<Digest>,
}

/// A patient's data do not belong into a log, so these do not print themselves.
impl std::fmt::Debug for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Patient(withheld)")
    }
}

impl std::fmt::Debug for ReportKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportKey")
            .field("embedding", &self.embedding)
            .field("protocol", &self.protocol)
            .field("calibration", &self.calibration)
            .finish_non_exhaustive()
    }
}

/// What kind of thing a result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyKind {
    /// A model.
    Model,
    /// An exam protocol or its calibration.
    Protocol,
    /// The verdict that a device computes rightly, or the executor it was reached for.
    DeviceVerdict,
}

impl DependencyKind {
    const ALL: [Self; 3] = [Self::Model, Self::Protocol, Self::DeviceVerdict];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Model => 1,
            Self::Protocol => 2,
            Self::DeviceVerdict => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Something that a result depends on, and that can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// What it is.
    pub kind: DependencyKind,
    /// Its digest.
    pub digest: Digest,
}

impl SourceKey {
    pub(crate) fn hash(&self, keys: &Subkeys) -> [u8; 32] {
        keys.hash("source", &[Some(&self.file.0), Some(&self.settings.0)])
    }
}

impl EmbeddingKey {
    pub(crate) fn hash(&self, keys: &Subkeys) -> [u8; 32] {
        keys.hash("embedding", &self.fields())
    }

    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        vec![
            Dependency { kind: DependencyKind::Model, digest: self.model },
            Dependency { kind: DependencyKind::DeviceVerdict, digest: self.executor },
        ]
    }

    fn fields(&self) -> [Option<&[u8]>; 4] {
        [Some(&self.pixels.0), Some(&self.model.0), Some(&self.preprocessing.0), Some(&self.executor.0)]
    }
}

impl Patient {
    pub(crate) fn hash(&self, keys: &Subkeys) -> Digest {
        Digest(keys.hash("patient", &[self.issuer.as_deref().map(str::as_bytes), Some(self.id.as_bytes())]))
    }
}

impl ReportKey {
    /// Errors: `TooLarge` when a text is longer than any that DICOM allows.
    pub(crate) fn hash(&self, keys: &Subkeys) -> Result<[u8; 32], VaultError> {
        let patient = self.patient.as_ref();
        let texts = [
            patient.and_then(|patient| patient.issuer.as_deref()),
            patient.map(|patient| patient.id.as_str()),
            self.study_instance_uid.as_deref(),
            self.sop_instance_uid.as_deref(),
            self.laterality.as_deref(),
            self.zone.as_deref(),
            Some(self.language.as_str()),
        ];
        for text in texts.into_iter().flatten() {
            if text.len() > KEY_TEXT_MAX_BYTES {
                let (got, max) = (text.len() as u64, KEY_TEXT_MAX_BYTES as u64);
                return Err(VaultError::TooLarge { what: "a text of a report's key", got, max });
            }
        }
        let patient = patient.map(|patient| patient.hash(keys));
        let [_, _, study, sop, laterality, zone, language] = texts.map(|text| text.map(str::as_bytes));
        let mut fields = self.embedding.fields().to_vec();
        fields.push(patient.as_ref().map(|patient| &patient.0[..]));
        fields.extend([study, sop, laterality, zone, language]);
        fields.extend([Some(&self.protocol.0[..]), self.calibration.as_ref().map(|digest| &digest.0[..])]);
        Ok(keys.hash("report", &fields))
    }

    /// Keyed hash of the pixels alone, for the warning about identical pixels.
    pub(crate) fn pixels_hash(&self, keys: &Subkeys) -> Digest {
        Digest(keys.hash("pixels", &[Some(&self.embedding.pixels.0)]))
    }

    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let mut dependencies = self.embedding.dependencies();
        let protocol = |digest| Dependency { kind: DependencyKind::Protocol, digest };
        dependencies.push(protocol(self.protocol));
        dependencies.extend(self.calibration.map(protocol));
        dependencies
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::MasterKey;

    /// A report key with every field set.
    pub(crate) fn report_key(patient: &str, frame: &[u8]) -> ReportKey {
        ReportKey {
            embedding: EmbeddingKey {
                pixels: Digest::of(frame),
                model: Digest::of(b"model"),
                preprocessing: Digest::of(b"preprocessing"),
                executor: Digest::of(b"executor"),
            },
            patient: Some(Patient { issuer: Some("ward".into()), id: patient.into() }),
            study_instance_uid: Some("1.2.3".into()),
            sop_instance_uid: Some("1.2.3.4".into()),
            laterality: Some("L".into()),
            zone: Some("R1".into()),
            language: "en".into(),
            protocol: Digest::of(b"protocol"),
            calibration: Some(Digest::of(b"calibration")),
        }
    }

    #[test]
    fn every_field_of_a_report_key_matters() {
        let keys = Subkeys::new(&MasterKey::new([1; 32]));
        let base = report_key("p1", b"frame");
        type Change = fn(&mut ReportKey);
        let changes: &[Change] = &[
            |_| {},
            |k| k.embedding.pixels = Digest::of(b"x"),
            |k| k.embedding.model = Digest::of(b"x"),
            |k| k.embedding.preprocessing = Digest::of(b"x"),
            |k| k.embedding.executor = Digest::of(b"x"),
            |k| k.patient = None,
            |k| k.patient = Some(Patient { issuer: None, id: "p1".into() }),
            |k| k.patient = Some(Patient { issuer: Some("ward".into()), id: "p2".into() }),
            |k| k.patient = Some(Patient { issuer: Some("ward2".into()), id: "p1".into() }),
            |k| k.study_instance_uid = None,
            |k| k.study_instance_uid = Some(String::new()),
            |k| k.sop_instance_uid = Some("1.2.3.5".into()),
            |k| k.laterality = Some("R".into()),
            |k| k.zone = Some("R2".into()),
            |k| k.laterality = Some("R1".into()),
            |k| k.language = "ja".into(),
            |k| k.protocol = Digest::of(b"x"),
            |k| k.calibration = None,
            |k| k.calibration = Some(Digest::of(b"x")),
        ];
        let hashes: Vec<_> = changes
            .iter()
            .map(|change| {
                let mut key = base.clone();
                change(&mut key);
                key.hash(&keys).unwrap()
            })
            .collect();
        assert!((0..hashes.len()).all(|i| (0..i).all(|j| hashes[i] != hashes[j])));
        assert_ne!(Subkeys::new(&MasterKey::new([2; 32])).hash("x", &[]), keys.hash("x", &[]));
    }

    #[test]
    fn texts_are_bounded_and_not_printed() {
        let keys = Subkeys::new(&MasterKey::new([1; 32]));
        let mut key = report_key("p1", b"frame");
        assert!(!format!("{key:?}").contains("p1"));
        key.zone = Some("z".repeat(KEY_TEXT_MAX_BYTES));
        assert!(key.hash(&keys).is_ok());
        key.zone = Some("z".repeat(KEY_TEXT_MAX_BYTES + 1));
        assert!(matches!(key.hash(&keys), Err(VaultError::TooLarge { .. })));
    }
}
