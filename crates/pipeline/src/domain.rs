//! Where scans come from: what a calibration holds for.

use std::fmt;

use bedside_imaging::Scan;
use serde::{Deserialize, Serialize};

use crate::PipelineError;
use crate::limits::MAX_NAME;

/// `ManufacturerModelName` (0008,1090) of DICOM files that the phantom's writer makes, and by which a scan is known
/// to be simulated. Nothing else in a picture says so.
pub const PHANTOM_MODEL_NAME: &str = "BEDSIDE PHANTOM";

/// A kind of scans. A calibration holds for scans of its own domain only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Domain {
    /// Simulated scans.
    Phantom,
    /// A scan of which nothing is known: no calibration holds for it.
    Unknown,
    /// A device or a cohort, by its name: small letters, digits, `-`, `_` and `.`.
    Named(String),
}

impl Domain {
    /// Of an opened file: [`Domain::of_model_name`] of what it says about its machine.
    pub fn of_scan(scan: &Scan) -> Self {
        Self::of_model_name(scan.manufacturer_model_name())
    }

    /// Of a file that names its machine, or names none.
    pub fn of_model_name(manufacturer_model_name: Option<&str>) -> Self {
        match manufacturer_model_name {
            Some(name) if name.trim_matches([' ', '\0']) == PHANTOM_MODEL_NAME => Self::Phantom,
            _ => Self::Unknown,
        }
    }

    /// As protocols and reports spell it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phantom => "phantom",
            Self::Unknown => "unknown",
            Self::Named(name) => name,
        }
    }

    /// Whether a calibration for this domain may be used on a scan of `other`.
    pub(crate) fn holds_for(&self, other: &Self) -> bool {
        self == other && *self != Self::Unknown
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.as_str().to_owned()
    }
}

impl TryFrom<String> for Domain {
    type Error = PipelineError;

    /// Errors: `Protocol` for a name with other characters, or a longer one.
    fn try_from(name: String) -> Result<Self, PipelineError> {
        match name.as_str() {
            "phantom" => Ok(Self::Phantom),
            "unknown" => Ok(Self::Unknown),
            other if is_name(other) => Ok(Self::Named(name)),
            other => Err(PipelineError::protocol("domain", "small letters, digits, - _ .", other)),
        }
    }
}

/// Small letters, digits, `-`, `_` and `.`, as many as a name may have.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_phantoms_own_name_is_the_phantom() {
        assert_eq!(Domain::of_model_name(Some("BEDSIDE PHANTOM ")), Domain::Phantom);
        assert_eq!(PHANTOM_MODEL_NAME, bedside_phantom::MODEL_NAME);
        for other in [None, Some(""), Some("BEDSIDE"), Some("bedside phantom")] {
            assert_eq!(Domain::of_model_name(other), Domain::Unknown, "{other:?}");
        }
        let named = Domain::try_from("lumify-2024".to_owned()).unwrap();
        assert!(named.holds_for(&named) && !named.holds_for(&Domain::Phantom));
        assert!(!Domain::Unknown.holds_for(&Domain::Unknown));
        assert!(Domain::try_from("Ward 5".to_owned()).is_err() && Domain::try_from(String::new()).is_err());
    }
}
