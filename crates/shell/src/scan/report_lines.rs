//! A report for the terminal.

use bedside_pipeline::{Language, report_text};

use super::keep::Kept;
use super::page::words;
use super::{Scanned, patient};
use crate::{clock, text};

/// Everything that is said about one scan. `name`: what the user calls it.
pub(super) fn lines(name: &str, scanned: &Scanned, language: Language) -> String {
    let words = words(language);
    let said = report_text(&scanned.judged.report, language);
    let mut out = format!("\n{}\n", text::name(name));
    if let Kept::Not(why) = &scanned.kept {
        out.push_str(&format!("*** {}: {} ***\n", words.not_saved, text::name(why)));
    }
    out.push_str(&format!("{}: {}\n", words.patient, patient(scanned.identification.as_ref(), language)));
    if let Some(zone) = scanned.judged.report.scan.zone {
        out.push_str(&format!("{}: {}\n", words.zone, language.word(zone)));
    }
    out.push_str(&format!("{}\n", said.headline));
    let rows = said.findings.iter().map(|finding| {
        let number = finding.probability.clone().or_else(|| finding.score.clone()).unwrap_or_default();
        vec![
            format!("  {}", finding.name),
            finding.state.clone(),
            number,
            finding.why.clone().unwrap_or_default(),
        ]
    });
    out.push_str(&format!("{}\n", text::table(&words.columns, &[], rows)));
    for line in said.quality.iter().chain(&said.notices).chain(&scanned.warnings) {
        out.push_str(&format!("  {line}\n"));
    }
    if let Some(at) = scanned.cached {
        out.push_str(&format!("  {}\n", words.cached.replace("{at}", &clock::shown(at))));
    } else if scanned.kept == Kept::Session {
        out.push_str(&format!("  {}\n", words.session));
    }
    out
}
