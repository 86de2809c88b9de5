//! Protocols as text: reading them, and writing what was fitted below what people wrote.

use serde::Serialize;

use super::{Calibration, Protocol};
use crate::PipelineError;
use crate::error::shortened;
use crate::limits::MAX_PROTOCOL_BYTES;

/// The line above what `calibrate` writes. What people wrote stays above it as it is, comments included.
pub const FITTED_BELOW: &str = "# Fitted by `bedside calibrate`. Do not edit below this line.";

impl Protocol {
    /// Read a protocol. Errors: `ProtocolText` for what is no TOML, for fields that are not known or missing;
    /// `Protocol` for values that cannot be, that contradict each other, or another schema; `ModelDigest` and
    /// `Settings` for a calibration of another model or of other settings.
    pub fn parse(text: &str) -> Result<Self, PipelineError> {
        if text.len() > MAX_PROTOCOL_BYTES {
            let expected = format!("at most {MAX_PROTOCOL_BYTES} bytes");
            return Err(PipelineError::Count { what: "protocol", expected, got: text.len() as u64 });
        }
        let unread = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let reason = format!("line {line}: {}", shortened(error.message()));
            PipelineError::ProtocolText { reason }
        };
        let protocol: Self = toml::from_str(text).map_err(unread)?;
        protocol.check()?;
        Ok(protocol)
    }

    /// The text of a protocol with what was fitted below it, in place of what was fitted before.
    /// Errors: those of [`Protocol::parse`] for the text without and with it, so that nothing is written that could not
    /// be read: `ModelDigest` and `Settings` among them.
    pub fn with_calibration(text: &str, calibration: &Calibration) -> Result<String, PipelineError> {
        #[derive(Serialize)]
        struct Fitted<'a> {
            calibration: &'a Calibration,
        }
        let own = text.split(FITTED_BELOW).next().unwrap_or_default().trim_end();
        if Self::parse(own)?.calibration.is_some() {
            let expected = "no calibration above the line that begins what was fitted";
            return Err(PipelineError::protocol("calibration", expected, "one"));
        }
        let fitted = toml::to_string(&Fitted { calibration })
            .map_err(|error| PipelineError::ProtocolText { reason: error.to_string() })?;
        let whole = format!("{own}\n\n{FITTED_BELOW}\n\n{fitted}");
        Self::parse(&whole)?;
        Ok(whole)
    }

    /// 16 hexadecimal digits over everything but the calibration: a calibration holds for these settings only. It
    /// guards against accidents, not against intent (FNV-1a, 64 bits); signatures are another crate's.
    pub fn fingerprint(&self) -> String {
        let settings = serde_json::to_vec(&self.uncalibrated()).expect("a protocol has text keys only");
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        format!("{:016x}", settings.iter().fold(0xcbf2_9ce4_8422_2325, step))
    }
}
