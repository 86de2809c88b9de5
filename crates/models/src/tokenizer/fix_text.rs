//! What `ftfy.fix_text` (6.3.1, its default settings) does to a text: the first step of open_clip's
//! cleaning. Surrogates cannot stand in a `str`, so that fix is absent.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::ModelsError;
use super::mojibake::{fix_c1_controls, fix_encoding};
use super::{MAX_ROUNDS, html, refused};

/// Codes that colour a terminal.
static TERMINAL_ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\u{1b}\\[(?:\\d|;)*[a-zA-Z]").expect("the pattern is fixed and tested"));

/// Mend `text` line by line.
/// Errors: `ModelsError::Tokenizer` where mending does not come to an end within [`MAX_ROUNDS`].
pub(super) fn fix_text(text: &str) -> Result<String, ModelsError> {
    let mut out = String::with_capacity(text.len());
    let mut references = true;
    for line in text.split_inclusive('\n') {
        // A `<` says that this is HTML: from here on its references are meant to stay.
        references &= !line.contains('<');
        out.push_str(&fix_line(line, references)?);
    }
    Ok(out)
}

/// Mend one line until nothing changes; `references`: whether `&amp;` and the like are read.
fn fix_line(line: &str, references: bool) -> Result<String, ModelsError> {
    let mut text = line.to_owned();
    for _ in 0..MAX_ROUNDS {
        let unescaped = if references { html::unescape_closed(&text) } else { text.clone() };
        let decoded = fix_c1_controls(&fix_encoding(&unescaped)?);
        let plain = fix_line_breaks(&plain_characters(&decoded));
        let plain = TERMINAL_ESCAPE.replace_all(&plain, "");
        let fixed: String = plain.chars().filter(|c| !is_removed(*c)).nfc().collect();
        if fixed == text {
            return Ok(text);
        }
        text = fixed;
    }
    Err(refused("clean a text", format!("it still changes after {MAX_ROUNDS} rounds of mending")))
}

/// Ligatures, wide and narrow forms, and curly quotes to what is commonly typed.
fn plain_characters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match ligature(c) {
            Some(letters) => out.push_str(letters),
            None if c == '\u{3000}' => out.push(' '),
            None if ('\u{ff01}'..='\u{ffef}').contains(&c) => out.extend([c].into_iter().nfkc()),
            None => out.push(c),
        }
    }
    // After the others: the ligature ŉ leaves a quote behind.
    out.chars().map(uncurled).collect()
}

fn uncurled(c: char) -> char {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        other => other,
    }
}

/// The letters of a ligature or digraph of Latin letters.
fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

/// Every kind of line break to `\n`.
fn fix_line_breaks(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}', '\u{85}'], "\n")
}

/// Controls without an effect that is seen: ASCII's, old Arabic ones, annotations, the byte order mark.
fn is_removed(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}'
            | '\u{b}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
    )
}
