//! HTML character references to characters, in two ways: as Python's `html.unescape` reads them, and the
//! more careful way of `ftfy`, which wants a semicolon.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use entities::ENTITIES;

use super::code_pages::WINDOWS_1252;

/// Longest name that is looked up, in characters, by [`unescape`].
const NAME_CHARS: usize = 32;
/// Longest name or number that is looked up, in bytes, by [`unescape_closed`].
const CLOSED_BYTES: usize = 24;

/// All names of HTML 5, each with its `&` and, where it has one, its semicolon.
static NAMES: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| ENTITIES.iter().map(|entity| (entity.entity, entity.characters)).collect());

/// The names with a semicolon, and capital spellings of those that are all small: `&EACUTE;` is É.
static CLOSED_NAMES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (name, characters) in NAMES.iter().filter(|(name, _)| name.ends_with(';')) {
        names.insert((*name).to_owned(), (*characters).to_owned());
        let capitals = name.to_ascii_uppercase();
        // A capital spelling that already means something keeps its meaning.
        if *name == name.to_ascii_lowercase() && unescape(&capitals) == capitals {
            names.insert(capitals, characters.to_uppercase());
        }
    }
    names
});

/// What Python's `html.unescape` makes of `text`: semicolons may be missing, and of a name that is not
/// known the longest beginning that is known is read.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let taken = push_reference(reference, &mut out);
        rest = &reference[taken..];
    }
    out.push_str(rest);
    out
}

/// Read one reference at the start of `text`, which begins with `&`, and add what it means to `out`.
/// The number of bytes read; where there is no reference the `&` alone.
fn push_reference(text: &str, out: &mut String) -> usize {
    let semicolon = |end: usize| end + usize::from(text.as_bytes().get(end) == Some(&b';'));
    if let Some((digits, radix)) = number(text) {
        push_number(&text[digits.clone()], radix, out);
        return semicolon(digits.end);
    }
    let excluded = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | ' ' | '<' | '&' | '#' | ';');
    let name = text[1..].chars().take(NAME_CHARS).take_while(|c| !excluded(*c));
    let end = 1 + name.map(char::len_utf8).sum::<usize>();
    if end == 1 {
        out.push('&');
        return 1;
    }
    let end = semicolon(end);
    // The shortest name has two letters. Names are ASCII, so a cut inside a character finds nothing.
    let known = |end: usize| Some((NAMES.get(text.get(..end)?)?, end));
    match (3..=end).rev().find_map(known) {
        Some((characters, end)) => {
            out.push_str(characters);
            end
        }
        None => {
            out.push_str(&text[..end]);
            end
        }
    }
}

/// Where the digits of a numeric reference at the start of `text` lie, and their radix.
fn number(text: &str) -> Option<(Range<usize>, u32)> {
    let bytes = text.as_bytes();
    if bytes.get(1) != Some(&b'#') {
        return None;
    }
    let hexadecimal = matches!(bytes.get(2), Some(b'x' | b'X'));
    let (start, radix) = if hexadecimal { (3, 16) } else { (2, 10) };
    let digits = bytes[start..].iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    (digits > 0).then_some((start..start + digits, radix))
}

/// Add the character with the number `digits`, by the rules of HTML 5 for numbers that are none.
fn push_number(digits: &str, radix: u32, out: &mut String) {
    // A number too large for u32 is too large for a character as well.
    let value = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    match value {
        0x80..=0x9f => out.extend(WINDOWS_1252.chars().nth(value as usize - 0x80)),
        0x1..=0x8 | 0xb | 0xe..=0x1f | 0x7f | 0xfdd0..=0xfdef => {}
        value if value <= 0x10_ffff && value & 0xfffe == 0xfffe => {}
        // U+0000 and numbers without a character become the sign for a lost one.
        value => {
            let c = char::from_u32(value).filter(|c| *c != '\0');
            out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
}

/// What `ftfy` makes of `text`: only references that a semicolon closes, and capital spellings too.
pub(super) fn unescape_closed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let end = closed(reference).unwrap_or(1);
        let (reference, after) = reference.split_at(end);
        match CLOSED_NAMES.get(reference) {
            Some(characters) => out.push_str(characters),
            None if reference.starts_with("&#") => {
                let read = unescape(reference);
                // A semicolon that is left means that only a part was a reference.
                out.push_str(if read.contains(';') { reference } else { &read });
            }
            None => out.push_str(reference),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Length in bytes of the closed reference at the start of `text`, if there is one.
fn closed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let start = if bytes.get(1) == Some(&b'#') { 2 } else { 1 };
    let name = bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let end = start + name;
    ((1..=CLOSED_BYTES).contains(&name) && bytes.get(end) == Some(&b';')).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_python_reads_them() {
        let cases = [
            ("&amp", "&"),
            ("&ampamp;", "&amp;"),
            ("&notit;", "¬it;"),
            ("&copy;2", "©2"),
            ("&#65", "A"),
            ("&#x41;", "A"),
            ("&", "&"),
            ("&#", "&#"),
            ("&lt;&gt", "<>"),
            ("&NTILDE;", "&NTILDE;"),
            ("&hellip", "&hellip"),
            ("&acE;", "∾\u{333}"),
        ];
        for (text, expected) in cases {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }

    #[test]
    fn only_closed_references_are_read_by_ftfy() {
        let cases = [
            ("&amp", "&amp"),
            ("&ampamp;", "&ampamp;"),
            ("&notit;", "&notit;"),
            ("&copy;2", "©2"),
            ("&#65", "&#65"),
            ("&#x41;", "A"),
            ("&", "&"),
            ("&#", "&#"),
            ("&lt;&gt", "<&gt"),
            ("&NTILDE;", "Ñ"),
            ("&hellip", "&hellip"),
            ("&acE;", "∾\u{333}"),
        ];
        for (text, expected) in cases {
            assert_eq!(unescape_closed(text), expected, "{text}");
        }
    }

    #[test]
    fn the_table_is_that_of_html_5() {
        assert_eq!(NAMES.len(), 2231);
        assert_eq!(CLOSED_NAMES.len(), 3501);
    }
}
