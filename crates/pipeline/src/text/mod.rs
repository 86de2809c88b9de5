//! Reports in words, rendered from their codes. English and Japanese; pictures are captioned in English only, because
//! the font that is drawn into them has no other letters.

mod en;
mod ja;

use serde::{Deserialize, Serialize};

use crate::codes::{Code, Localisation, QualityCode, State, Summary, Warning};
use crate::folder::{ExamTable, FindingState, ScanRow};
use crate::report::{FindingReport, Probability, Report};

/// Of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

/// A row: group, code, text.
type Row = (&'static str, &'static str, &'static str);

impl Language {
    /// Of its two letters (ISO 639-1).
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            _ => None,
        }
    }

    fn table(self) -> &'static [Row] {
        match self {
            Self::English => en::TEXTS,
            Self::Japanese => ja::TEXTS,
        }
    }

    /// The text of a code, as its table has it.
    pub fn word<C: Code>(self, code: C) -> &'static str {
        self.text(C::GROUP, code.as_str())
    }

    /// What to do about a shortcoming.
    pub fn hint(self, code: QualityCode) -> &'static str {
        self.text("hint", code.as_str())
    }

    fn text(self, group: &str, code: &str) -> &'static str {
        let row = self.table().iter().find(|row| row.0 == group && row.1 == code);
        row.expect("a test holds every code against the tables").2
    }

    fn line(self, code: &str, fill: &[(&str, &str)]) -> String {
        filled(self.text("line", code), fill)
    }

    fn list<'a>(self, words: impl Iterator<Item = &'a str>) -> String {
        words.collect::<Vec<_>>().join(self.text("line", "between"))
    }

    fn codes<C: Code>(self, codes: impl Iterator<Item = C>) -> String {
        self.list(codes.map(|code| self.word(code)))
    }
}

/// The places of a template filled.
fn filled(template: &str, fill: &[(&str, &str)]) -> String {
    fill.iter().fold(template.to_owned(), |text, (place, with)| text.replace(&format!("{{{place}}}"), with))
}

fn percent(share: f64) -> String {
    // Never "100 %" or "0 %" of what is not: a tenth before the ends.
    let shown = (share * 100.0).clamp(0.0, 100.0);
    if !(0.5..99.5).contains(&shown) {
        format!("{:.1}", shown.clamp(0.1, 99.9))
    } else {
        format!("{shown:.0}")
    }
}

/// A report in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportText {
    /// One sentence over all findings; it names what is not assessed, and never calls a scan normal.
    pub headline: String,
    /// One line per finding.
    pub findings: Vec<FindingText>,
    /// What has to be said beside, the most important first.
    pub notices: Vec<String>,
    /// What fell short, with what to do.
    pub quality: Vec<String>,
}

/// A finding in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingText {
    /// Its name.
    pub name: String,
    /// What is said.
    pub state: String,
    /// Why it cannot be told.
    pub why: Option<String>,
    /// Probability with its interval.
    pub probability: Option<String>,
    /// Raw score.
    pub score: Option<String>,
    /// How much the score varies.
    pub spread: Option<String>,
    /// What is said about where it is. `None` where nothing has to be said.
    pub localisation: Option<String>,
}

impl FindingText {
    /// All on one line.
    pub fn line(&self, language: Language) -> String {
        let mut parts = vec![language.line("finding", &[("finding", &self.name), ("state", &self.state)])];
        let rest = [&self.why, &self.probability, &self.score, &self.spread, &self.localisation];
        parts.extend(rest.into_iter().flatten().cloned());
        language.list(parts.iter().map(String::as_str))
    }
}

/// A report in words of a language.
pub fn report_text(report: &Report, language: Language) -> ReportText {
    let not_assessed = language.codes(report.not_assessed.iter().copied());
    let mut notices: Vec<String> =
        report.notices.iter().map(|notice| language.word(*notice).to_owned()).collect();
    notices.insert(0, language.line("not_assessed", &[("not_assessed", &not_assessed)]));
    let note = |code: QualityCode| {
        language.line("quality", &[("what", language.word(code)), ("hint", language.hint(code))])
    };
    ReportText {
        headline: headline(report, language),
        findings: report.findings.iter().map(|finding| finding_text(finding, language)).collect(),
        notices,
        quality: report.scan.quality.iter().map(|shortcoming| note(shortcoming.code)).collect(),
    }
}

fn headline(report: &Report, language: Language) -> String {
    let named = |state: State| {
        language.codes(report.findings.iter().filter(|f| f.state == state).map(|finding| finding.code))
    };
    let why = report.why.map_or("", |why| language.word(why));
    let not_assessed = language.codes(report.not_assessed.iter().copied());
    let count = report.findings.iter().filter(|f| f.state == State::Absent).count().to_string();
    let untold = named(State::Indeterminate);
    let findings = if report.summary == Summary::SomeSeen { named(State::Present) } else { untold.clone() };
    let fill: [(&str, &str); 4] =
        [("findings", findings.as_str()), ("why", why), ("not_assessed", &not_assessed), ("count", &count)];
    let text = filled(language.word(report.summary), &fill);
    if report.summary == Summary::SomeSeen && !untold.is_empty() {
        return format!("{text} {}", language.line("also_indeterminate", &[("findings", &untold)]));
    }
    text
}

fn finding_text(finding: &FindingReport, language: Language) -> FindingText {
    let number = |value: f64| format!("{value:.2}");
    let spread = finding.spread.map(|spread| {
        let over = filled(language.word(spread.over), &[("count", &spread.count.to_string())]);
        let (low, high) = (number(spread.low), number(spread.high));
        language.line("spread", &[("low", &low), ("high", &high), ("over", &over)])
    });
    FindingText {
        name: language.word(finding.code).to_owned(),
        state: language.word(finding.state).to_owned(),
        why: finding.why.map(|why| language.line("because", &[("why", language.word(why))])),
        probability: finding.probability.map(|p| probability(&p, language)),
        score: finding.score.map(|score| language.line("score", &[("score", &number(score))])),
        spread,
        localisation: Some(finding.localisation)
            .filter(|localisation| *localisation != Localisation::NotNeeded)
            .map(|localisation| language.word(localisation).to_owned()),
    }
}

fn probability(probability: &Probability, language: Language) -> String {
    let value = percent(probability.value);
    let Some(interval) = probability.interval else {
        return language.line("probability_alone", &[("value", &value)]);
    };
    let (low, high) = (percent(interval.low), percent(interval.high));
    let kind = language.word(probability.interval_kind);
    language.line("probability", &[("value", &value), ("interval", kind), ("low", &low), ("high", &high)])
}

/// Lines under a picture, in English: the first is the headline. Every letter has a glyph in the pictures' font.
pub fn captions(report: &Report) -> Vec<String> {
    let text = report_text(report, Language::English);
    let mut lines = vec![text.headline];
    let said = |finding: &FindingText| {
        let mut line = format!("{}: {}", finding.name, finding.state);
        if let Some(more) = finding.probability.as_ref().or(finding.score.as_ref()) {
            line = format!("{line}, {more}");
        }
        line
    };
    if report.scan.key_frame.is_some() {
        lines.push(text.findings.iter().map(said).collect::<Vec<_>>().join(" · "));
    }
    lines.extend(text.notices);
    lines
}

/// An exam's table in words: each row a zone or a scan without one, what was found, and the key frames.
pub fn exam_lines(exam: &ExamTable, language: Language) -> Vec<String> {
    let finding = |f: &FindingState| {
        language.line("finding", &[("finding", language.word(f.code)), ("state", language.word(f.state))])
    };
    let findings = |all: &[FindingState]| {
        let lines: Vec<String> = all.iter().map(finding).collect();
        language.list(lines.iter().map(String::as_str))
    };
    let scan = |row: &ScanRow| match row.key_frame {
        Some(frame) => {
            format!("{} ({})", row.scan, language.line("key_frame", &[("frame", &frame.to_string())]))
        }
        None => row.scan.clone(),
    };
    let scans = |rows: &[ScanRow]| rows.iter().map(scan).collect::<Vec<_>>().join(", ");
    let mut lines: Vec<String> = exam
        .zones
        .iter()
        .map(|zone| {
            format!("{} | {} | {}", language.word(zone.zone), findings(&zone.findings), scans(&zone.scans))
        })
        .collect();
    for row in &exam.without_zone {
        let zone = language.text("line", "no_zone");
        lines.push(format!("{zone} | {} | {}", findings(&row.findings), scan(row)));
    }
    let zones = language.codes(exam.missing.iter().copied());
    let count = exam.without_zone.len().to_string();
    let warn = |warning: &Warning| filled(language.word(*warning), &[("zones", &zones), ("count", &count)]);
    lines.extend(exam.warnings.iter().map(warn));
    lines
}

#[cfg(test)]
mod tests;
