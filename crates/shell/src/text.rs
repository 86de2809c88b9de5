//! Numbers and names for human eyes.

use comfy_table::{CellAlignment, Table, presets};

/// `12.3 MiB`; bytes below 1 KiB as they are.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// `134,515,008`.
pub(crate) fn count(n: u64) -> String {
    indicatif::HumanCount(n).to_string()
}

/// A name out of a file: what a terminal would act upon is escaped, long ones are cut.
pub(crate) fn name(text: &str) -> String {
    const SHOWN: usize = 96;
    let mut out: String = text.chars().take(SHOWN).flat_map(escaped).collect();
    if text.chars().count() > SHOWN {
        out.push('…');
    }
    out
}

/// Text that a model made, for a terminal: lines and letters as they are, what a terminal would act upon
/// escaped.
pub(crate) fn prose(text: &str) -> String {
    let acted_upon = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (c.is_control() && !matches!(c, '\n' | '\t'))
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acted_upon(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Quotes as they are, all that a terminal would act upon escaped.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let quote = matches!(c, '\'' | '"').then_some(c);
    let others = quote.is_none().then(|| c.escape_debug());
    quote.into_iter().chain(others.into_iter().flatten())
}

/// A table without lines. `right`: columns of numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_a_terminal() {
        assert_eq!(name("blk.0\u{1b}[31m"), "blk.0\\u{1b}[31m");
        assert_eq!(name("it's.gguf"), "it's.gguf");
        assert_eq!(name(&"x".repeat(200)).chars().count(), 97);
    }

    #[test]
    fn prose_keeps_its_lines_and_commands_nothing() {
        assert_eq!(prose("a\n\tnaïve 肺 \u{1b}[2J\u{202e}\r"), "a\n\tnaïve 肺 \\u{1b}[2J\\u{202e}\\u{d}");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(count(134_515_008), "134,515,008");
        assert_eq!(bytes(3 << 20), "3.00 MiB");
    }
}
