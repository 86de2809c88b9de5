//! The page: one HTML file without anything outside of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bedside_imaging::DEMONSTRATION;
use bedside_pipeline::codes::State;
use bedside_pipeline::{Language, report_text};

use super::keep::Kept;
use super::{Scanned, patient};
use crate::clock;

/// The words around a report.
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) patient: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) no_zone: &'static str,
    pub(crate) exam: &'static str,
    pub(crate) columns: [&'static str; 4],
    pub(crate) not_saved: &'static str,
    pub(crate) session: &'static str,
    pub(crate) cached: &'static str,
    pub(crate) computed: &'static str,
    pub(crate) age: &'static str,
    pub(crate) old: &'static str,
    pub(crate) made_with: &'static str,
}

const ENGLISH: Words = Words {
    title: "Findings",
    patient: "Patient",
    nobody: "not named in the file",
    zone: "Zone",
    no_zone: "not stated",
    exam: "Exam",
    columns: ["  finding", "state", "how sure", ""],
    not_saved: "NOT SAVED",
    session: "the file names no patient: the report was not kept (--keep keeps it)",
    cached: "computed at {at}, cached",
    computed: "computed at {at}",
    age: "Age of this result: ",
    old: "This result is old: look at the scanner.",
    made_with: "Made with",
};

const JAPANESE: Words = Words {
    title: "所見",
    patient: "患者",
    nobody: "ファイルに記載なし",
    zone: "領域",
    no_zone: "記載なし",
    exam: "検査",
    columns: ["  所見", "判定", "確からしさ", ""],
    not_saved: "保存されていません",
    session: "ファイルに患者の記載がないため、結果は保存されません（--keep で保存）",
    cached: "{at} に計算（キャッシュ）",
    computed: "{at} に計算",
    age: "この結果からの経過時間：",
    old: "この結果は古くなりました。装置を確認してください。",
    made_with: "使用したもの",
};

/// Of a language.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Japanese => &JAPANESE,
    }
}

/// One page.
pub(crate) struct Page<'a> {
    pub(crate) scanned: &'a Scanned,
    /// PNG files.
    pub(crate) pictures: &'a [Vec<u8>],
    pub(crate) language: Language,
    /// It is looked at while scans come in: it loads itself again, says its age and turns grey.
    pub(crate) live: bool,
}

const STYLE: &str = "\
:root{color-scheme:dark}body{margin:0 auto;max-width:70rem;padding:1.2rem;background:#0d1015;color:#e2e8ee;\
font:1.05rem/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:.6rem 0}dl{display:flex;flex-wrap:wrap;\
gap:.2rem 2rem;margin:0}dt{color:#96a2ae}dd{margin:0;font-weight:600}dl div{display:flex;gap:.6rem}\
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{padding:.45rem .6rem;text-align:left;\
border-bottom:1px solid #343e4a;vertical-align:top}th{color:#96a2ae;font-weight:500}img{width:100%;height:auto;\
margin:.4rem 0}.present td:nth-child(2){color:#ffb454;font-weight:700}.indeterminate td:nth-child(2){color:#9ecbff}\
.mark{background:#3a2d12;color:#ffd28a;padding:.5rem .8rem;border-radius:.3rem}\
.unsaved{background:#7a1420;color:#fff;padding:.7rem 1rem;font-weight:700;font-size:1.2rem}\
.quiet{color:#96a2ae;font-size:.92rem}body.old{filter:grayscale(1);opacity:.55}";

/// Says the age and greys the page once that is two minutes; loads the page again every two seconds. An age below
/// nought means that the clock was set back: it is not shown, and the page turns grey.
const SCRIPT: &str = "\
const at=Number(document.body.dataset.at);function tell(){const s=Math.floor((Date.now()-at)/1000);\
const age=document.getElementById('age');const old=!(s>=0&&s<120);\
age.textContent=s>=0?Math.floor(s/60)+':'+String(s%60).padStart(2,'0'):'?';\
document.body.classList.toggle('old',old);document.getElementById('old').hidden=!old}\
tell();setInterval(tell,500);setTimeout(()=>location.reload(),2000);";

impl Page<'_> {
    /// The file. Everything out of a scan is escaped.
    pub(crate) fn html(&self) -> String {
        let (words, report) = (words(self.language), &self.scanned.judged.report);
        let said = report_text(report, self.language);
        let lang = if self.language == Language::Japanese { "ja" } else { "en" };
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>{}</title><style>{STYLE}</style></head>\n<body data-at=\"{}\">\n",
            words.title, self.scanned.computed_at.unix_ms
        );
        if let Kept::Not(why) = &self.scanned.kept {
            out.push_str(&format!("<p class=\"unsaved\">{}: {}</p>\n", words.not_saved, escaped(why)));
        }
        if report.watermarked() {
            out.push_str(&format!("<p class=\"mark\">{}</p>\n", escaped(DEMONSTRATION)));
        }
        out.push_str(&self.head());
        out.push_str(&format!("<h1>{}</h1>\n", escaped(&said.headline)));
        for picture in self.pictures {
            let data = BASE64.encode(picture);
            out.push_str(&format!("<img alt=\"\" src=\"data:image/png;base64,{data}\">\n"));
        }
        out.push_str(&self.table(&said));
        for line in said.quality.iter().chain(&said.notices).chain(&self.scanned.warnings) {
            out.push_str(&format!("<p>{}</p>\n", escaped(line)));
        }
        out.push_str(&self.foot());
        out
    }

    fn head(&self) -> String {
        let words = words(self.language);
        let patient = patient(self.scanned.identification.as_ref(), self.language);
        let zone = self.scanned.judged.report.scan.zone;
        let zone = zone.map_or(words.no_zone, |zone| self.language.word(zone));
        let mut rows = vec![(words.patient, patient), (words.zone, zone.to_owned())];
        let at = clock::shown(self.scanned.computed_at);
        let when = if self.scanned.cached.is_some() { words.cached } else { words.computed };
        rows.push(("", when.replace("{at}", &at)));
        let row =
            |(name, value): (&str, String)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
        let mut out = format!("<dl>{}</dl>\n", rows.into_iter().map(row).collect::<String>());
        if self.live {
            out.push_str(&format!(
                "<p class=\"quiet\">{}<span id=\"age\"></span></p><p class=\"unsaved\" id=\"old\" hidden>{}</p>\n",
                words.age, words.old
            ));
        }
        out
    }

    fn table(&self, said: &bedside_pipeline::ReportText) -> String {
        let words = words(self.language);
        let head: String = words.columns.iter().map(|name| format!("<th>{}</th>", name.trim())).collect();
        let row = |(finding, text): (&bedside_pipeline::FindingReport, &bedside_pipeline::FindingText)| {
            let class = match finding.state {
                State::Present => "present",
                State::Indeterminate => "indeterminate",
                _ => "other",
            };
            let sure = text.probability.as_ref().or(text.score.as_ref()).cloned().unwrap_or_default();
            let more: Vec<&str> = [&text.why, &text.spread, &text.localisation]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            let cells = [&text.name, &text.state, &sure, &more.join("; ")]
                .map(|cell| format!("<td>{}</td>", escaped(cell)));
            format!("<tr class=\"{class}\">{}</tr>\n", cells.concat())
        };
        let rows: String = self.scanned.judged.report.findings.iter().zip(&said.findings).map(row).collect();
        format!("<table><tr>{head}</tr>\n{rows}</table>\n")
    }

    fn foot(&self) -> String {
        let report = &self.scanned.judged.report;
        let made = format!(
            "{}: bedside {}, {}, {}, {}",
            words(self.language).made_with,
            env!("CARGO_PKG_VERSION"),
            report.protocol,
            report.model.get(..16).unwrap_or_default(),
            report.executor
        );
        let script = if self.live { format!("<script>{SCRIPT}</script>") } else { String::new() };
        format!("<p class=\"quiet\">{}</p>\n{script}</body></html>\n", escaped(&made))
    }
}

/// Text that cannot be markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_out_of_a_scan_is_no_markup() {
        assert_eq!(escaped("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }
}
