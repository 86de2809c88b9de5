//! Every number of a protocol within its limits, and no two that contradict each other.

use bedside_evaluation::Role;
use bedside_imaging::BodyPart;

use super::{Aggregation, FindingSettings, PROTOCOL_SCHEMA, Protocol};
use crate::PipelineError;
use crate::codes::FindingCode;
use crate::domain::is_name;
use crate::limits::{MAX_CHANGES, MAX_FINDINGS, MAX_FRAMES, MAX_PROMPT, MAX_PROMPTS};

type Checked = Result<(), PipelineError>;

impl Protocol {
    /// Hold everything against its limits. Errors: `Protocol`, `ModelDigest`, `Settings`.
    pub(super) fn check(&self) -> Checked {
        if self.schema != PROTOCOL_SCHEMA {
            return Err(PipelineError::protocol("schema", PROTOCOL_SCHEMA, &self.schema));
        }
        if !is_name(&self.name) {
            return Err(PipelineError::protocol("name", "small letters, digits, - _ .", &self.name));
        }
        within("not_assessed", self.not_assessed.len(), 1, crate::codes::NotAssessed::ALL.len())?;
        once("not_assessed", &self.not_assessed)?;
        within("zones", self.zones.len(), 1, crate::codes::Zone::ALL.len())?;
        once("zones", &self.zones)?;
        once("body_parts", &self.body_parts)?;
        for part in &self.body_parts {
            if BodyPart::of(part).is_none() {
                return Err(PipelineError::protocol(
                    "body_parts",
                    "a term of DICOM's BodyPartExamined",
                    part,
                ));
            }
        }
        if let Some(model) = &self.model {
            is_digest("model.digest", &model.digest)?;
        }
        self.check_numbers()?;
        within("finding", self.findings.len(), 1, MAX_FINDINGS)?;
        let codes: Vec<FindingCode> = self.findings.iter().map(|finding| finding.code).collect();
        once("finding.code", &codes)?;
        self.findings.iter().try_for_each(|finding| self.check_finding(finding))?;
        self.calibration.as_ref().map_or(Ok(()), |calibration| calibration.check(self))
    }

    fn check_numbers(&self) -> Checked {
        within("cine.most_frames", self.cine.most_frames as usize, 1, MAX_FRAMES as usize)?;
        match self.cine.aggregation {
            Aggregation::Max => {}
            Aggregation::TopMean { frames } => {
                within("cine.aggregation.frames", frames as usize, 1, self.cine.most_frames as usize)?;
            }
            Aggregation::Quantile { at } => finite("cine.aggregation.at", at, 0.0, 1.0)?,
        }
        let changes = [
            ("still.brightness_percent", &self.still.brightness_percent, 25..=400),
            ("still.border_percent", &self.still.border_percent, 1..=50),
        ];
        for (field, values, range) in changes {
            within(field, values.len(), 0, MAX_CHANGES)?;
            once(field, values)?;
            for value in values {
                within(field, *value as usize, *range.start(), *range.end())?;
            }
        }
        let quality = &self.quality;
        let frames = quality.least_usable_frames as usize;
        within("quality.least_usable_frames", frames, 1, self.cine.most_frames as usize)?;
        finite("quality.least_usable_share", quality.least_usable_share, 0.0, 1.0)?;
        // At 0.5 and more a bound leaves out half of its own class.
        finite("conformal.error_rate", self.conformal.error_rate, 1e-6, 0.5)?;
        finite("localisation.least_pointing", self.localisation.least_pointing, 0.5, 1.0)?;
        within("localisation.least_lesions", self.localisation.least_lesions as usize, 1, usize::MAX)
    }

    fn check_finding(&self, finding: &FindingSettings) -> Checked {
        let field = |name: &str| format!("finding.{}.{name}", finding.code.as_str());
        let (Role::Screening { least_sensitivity: floor } | Role::Confirmation { least_specificity: floor }) =
            finding.role;
        // A floor of one half or less is no floor.
        finite(&field("role"), floor, 0.5, 1.0)?;
        for (name, prompts) in [("positive", &finding.positive), ("negative", &finding.negative)] {
            let field = field(name);
            within(&field, prompts.len(), 1, MAX_PROMPTS)?;
            once(&field, prompts)?;
            prompts.iter().try_for_each(|prompt| note(&field, prompt, MAX_PROMPT))?;
        }
        if let Some(both) = finding.positive.iter().find(|prompt| finding.negative.contains(prompt)) {
            return Err(PipelineError::protocol(
                field("negative"),
                "no text that is also for the finding",
                both,
            ));
        }
        once(&field("implies"), &finding.implies)?;
        for implied in &finding.implies {
            if self.finding(*implied).is_none() {
                let expected = "a finding of the protocol";
                return Err(PipelineError::protocol(field("implies"), expected, implied.as_str()));
            }
            if self.implied_by(*implied).contains(&finding.code) {
                let expected = "no finding that implies this one";
                return Err(PipelineError::protocol(field("implies"), expected, implied.as_str()));
            }
        }
        Ok(())
    }

    /// A finding and all that it implies, directly or through others.
    pub(crate) fn implied_by(&self, code: FindingCode) -> Vec<FindingCode> {
        let mut all = vec![code];
        let mut next = 0;
        while let Some(code) = all.get(next) {
            let implied = self.finding(*code).map(|finding| finding.implies.clone()).unwrap_or_default();
            all.extend(implied.into_iter().filter(|code| !all.contains(code)).collect::<Vec<_>>());
            next += 1;
        }
        all
    }
}

/// Errors: `Protocol` unless `got` is from `least` to `most`.
pub(super) fn within(field: &str, got: usize, least: usize, most: usize) -> Checked {
    if (least..=most).contains(&got) {
        return Ok(());
    }
    let expected =
        if most == usize::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
    Err(PipelineError::protocol(field, expected, got))
}

/// Errors: `Protocol` unless `got` is a number from `least` to `most`.
pub(super) fn finite(field: &str, got: f64, least: f64, most: f64) -> Checked {
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(PipelineError::protocol(field, format!("a number from {least} to {most}"), got))
}

/// Errors: `Protocol` for a text that is empty, longer than `most` characters, or holds control characters.
pub(super) fn note(field: &str, text: &str, most: usize) -> Checked {
    let fits = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    Err(PipelineError::protocol(field, format!("1 to {most} characters on one line"), text))
}

/// Errors: `Protocol` unless `text` is 64 small hexadecimal digits.
pub(super) fn is_digest(field: &str, text: &str) -> Checked {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if text.len() == 64 && text.chars().all(hex) {
        return Ok(());
    }
    Err(PipelineError::protocol(field, "64 small hexadecimal digits", text))
}

/// Errors: `Protocol` for a value that is there twice.
fn once<T: PartialEq + std::fmt::Debug>(field: &str, values: &[T]) -> Checked {
    let twice = values.iter().enumerate().find(|(place, value)| values[..*place].contains(value));
    match twice {
        Some((_, value)) => {
            Err(PipelineError::protocol(field, "each value once", format!("{value:?} again")))
        }
        None => Ok(()),
    }
}
