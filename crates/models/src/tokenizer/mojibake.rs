//! Text in UTF-8 that was decoded with another code page: `Ã©` for `é`. Found and mended as `ftfy` 6.3.1
//! does it, the method of which this follows (Apache-2.0).

use std::array;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Regex, bytes};

use super::code_pages as pages;
use super::mojibake_classes as classes;
use super::{MAX_ROUNDS, ModelsError, refused};

/// How deep mojibake inside of mojibake is followed.
const MAX_DEPTH: usize = 8;
/// The byte that stands for U+FFFD, a character that was lost before.
const LOST: u8 = 0x1a;
/// The A0 that a space after the letter à was.
const NO_BREAK: u8 = 0xa0;

/// Pairs and short runs of characters that a writer hardly means. `{x}` is a class by its name.
const SUSPECT: &[&str] = &[
    "[{c1}]",
    "[{bad}{la}{ua}{box}{start}{end}{cur}{num}{law}][{bad}]",
    "[a-zA-Z][{lc}{uc}][{bad}]",
    "[{bad}][{la}{ua}{box}{start}{end}{cur}{num}{law}]",
    "[{la}{lc}{box}{end}{cur}{num}][{ua}]",
    "[{box}{end}{cur}{num}][{la}]",
    "[{la}{box}{end}][{cur}]",
    "[\\s\\x1c-\\x1f][{ua}][{cur}]",
    "[{ua}{box}][{num}{law}]",
    "[{la}{ua}{box}{cur}{end}][{start}][{num}]",
    "[{la}{ua}{cur}{num}{box}{law}][{end}][{start}]",
    "[{cur}{num}{box}][{start}]",
    "[a-z][{ua}][{start}{cur}]",
    "[{box}][{kaomoji}]",
    "[{la}{ua}{cur}{num}{start}{end}{law}][{box}]",
    "[{box}][{end}]",
    "[{la}{ua}][{start}{end}][\\p{L}\\p{N}_]",
    "[Œœ][^A-Za-z]",
    "[{ua}]°",
    // Windows 1252: two bytes, Arabic, South Asian scripts.
    "[ÂÃÎÐ][€œŠš¢£Ÿž\\xa0\\xad®©°·»{start}{end}–—´]",
    "×[²³]",
    "[ØÙ][{common}{cur}{bad}{num}{start}ŸŠ®°µ»][ØÙ][{common}{cur}{bad}{num}{start}ŸŠ®°µ»]",
    "à[²µ¹¼½¾]",
    // Mac OS Roman.
    "√[±∂†≠®™´≤≥¥µø]",
    "≈[°¢]",
    "‚Ä[ìîïòôúùû†°¢π]",
    "‚[âó][àä°ê]",
    // Windows 1251.
    "вЂ",
    "[ВГРС][{c1}{bad}{start}{end}{cur}°µ][ВГРС]",
    "ГўВЂВ.[A-Za-z ]",
    // Windows 1252: à, á and the no-break space.
    "Ã[\\xa0¡]",
    "[a-z][\\s\\x1c-\\x1f]?[ÃÂ] ",
    "^[ÃÂ] ",
    "[a-z.,?!{end}]Â[ {start}{end}]",
    // Windows 1253 and 1257.
    "β€[™\\xa0Ά\\xad®°]",
    "[ΒΓΞΟ][{c1}{bad}{start}{end}{cur}°][ΒΓΞΟ]",
    "ā€",
];

/// The names that [`SUSPECT`] uses.
const CLASSES: &[(&str, &str)] = &[
    ("{common}", classes::COMMON),
    ("{c1}", classes::C1),
    ("{bad}", classes::BAD),
    ("{law}", classes::LAW),
    ("{cur}", classes::CURRENCY),
    ("{start}", classes::START_PUNCTUATION),
    ("{end}", classes::END_PUNCTUATION),
    ("{num}", classes::NUMERIC),
    ("{kaomoji}", classes::KAOMOJI),
    ("{ua}", classes::UPPER_ACCENTED),
    ("{la}", classes::LOWER_ACCENTED),
    ("{uc}", classes::UPPER_COMMON),
    ("{lc}", classes::LOWER_COMMON),
    ("{box}", classes::BOX),
];

static BADNESS: LazyLock<Regex> = LazyLock::new(|| {
    let mut pattern = SUSPECT.join("|");
    for (name, class) in CLASSES {
        pattern = pattern.replace(name, class);
    }
    Regex::new(&pattern).expect("the pattern is fixed and tested")
});

/// Whether some of `text` looks decoded with the wrong code page.
fn is_bad(text: &str) -> bool {
    BADNESS.is_match(text)
}

/// A code page as text is tried with it.
struct Page {
    /// Its upper half, one character per byte.
    upper: &'static str,
    /// Whether it knows U+FFFD, as byte [`LOST`].
    sloppy: bool,
    /// Whether a space in it may have been a no-break space. Not in Mac OS Roman, where that would
    /// take an en dash and a space for one.
    spaces: bool,
}

const fn windows(upper: &'static str) -> Page {
    Page { upper, sloppy: true, spaces: true }
}

/// The code pages after Latin-1, in the order they are tried.
const PAGES: [Page; 9] = [
    windows(pages::WINDOWS_1252),
    windows(pages::WINDOWS_1251),
    windows(pages::WINDOWS_1250),
    windows(pages::WINDOWS_1253),
    windows(pages::WINDOWS_1254),
    windows(pages::WINDOWS_1257),
    Page { upper: pages::ISO_8859_2, sloppy: false, spaces: true },
    Page { upper: pages::MAC_ROMAN, sloppy: false, spaces: false },
    Page { upper: pages::CP_437, sloppy: false, spaces: true },
];

/// For each code page the byte of a character.
static BYTES: LazyLock<[HashMap<char, u8>; PAGES.len()]> = LazyLock::new(|| {
    array::from_fn(|page| {
        let mut of: HashMap<char, u8> = (0..0x80).map(|byte| (char::from(byte), byte)).collect();
        of.extend(PAGES[page].upper.chars().zip(0x80..=0xff));
        if PAGES[page].sloppy {
            of.remove(&char::from(LOST));
            of.insert(char::REPLACEMENT_CHARACTER, LOST);
        }
        of
    })
});

/// UTF-8 sequences in which a space was byte A0.
static ALTERED: LazyLock<bytes::Regex> = LazyLock::new(|| {
    bytes::Regex::new(concat!(
        r"(?-u)[\xc2\xc3\xc5\xce\xd0\xd9] ",
        r"|[\xe2\xe3] [\x80-\x84\x86-\x9f\xa1-\xbf]|[\xe0-\xe3][\x80-\x84\x86-\x9f\xa1-\xbf] ",
        r"|\xf0 [\x80-\xbf][\x80-\xbf]|\xf0[\x80-\xbf] [\x80-\xbf]|\xf0[\x80-\xbf][\x80-\xbf] ",
    ))
    .expect("the pattern is fixed and tested")
});

/// UTF-8 sequences of which a byte was lost: [`LOST`], or once a question mark.
static LOSSY: LazyLock<bytes::Regex> = LazyLock::new(|| {
    bytes::Regex::new(concat!(
        r"(?-u)[\xc2-\xdf]\x1a|[\xc2-\xc3][?]",
        r"|\xed[\xa0-\xaf][\x1a?]\xed[\xb0-\xbf][\x1a?\x80-\xbf]",
        r"|\xed[\xa0-\xaf][\x1a?\x80-\xbf]\xed[\xb0-\xbf][\x1a?]",
        r"|[\xe0-\xef][\x1a?][\x1a\x80-\xbf]|[\xe0-\xef][\x1a\x80-\xbf][\x1a?]",
        r"|[\xf0-\xf4][\x1a?][\x1a\x80-\xbf][\x1a\x80-\xbf]",
        r"|[\xf0-\xf4][\x1a\x80-\xbf][\x1a?][\x1a\x80-\xbf]",
        r"|[\xf0-\xf4][\x1a\x80-\xbf][\x1a\x80-\xbf][\x1a?]|\x1a",
    ))
    .expect("the pattern is fixed and tested")
});

/// Mend the encoding of `text`, as often as that changes something.
/// Errors: `ModelsError::Tokenizer` where it does not come to an end.
pub(super) fn fix_encoding(text: &str) -> Result<String, ModelsError> {
    fix_nested(text, 0)
}

fn fix_nested(text: &str, depth: usize) -> Result<String, ModelsError> {
    if depth > MAX_DEPTH {
        return Err(refused("clean a text", format!("wrong code pages are nested deeper than {MAX_DEPTH}")));
    }
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let fixed = fix_once(&text, depth)?;
        if fixed == text {
            return Ok(text);
        }
        text = fixed;
    }
    Err(refused("clean a text", format!("its encoding still changes after {MAX_ROUNDS} rounds")))
}

/// One step: the whole text through one code page, else the parts that look wrong, else the C1 controls.
fn fix_once(text: &str, depth: usize) -> Result<String, ModelsError> {
    if text.is_ascii() || !is_bad(text) {
        return Ok(text.to_owned());
    }
    let latin_1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    if let Some(fixed) = latin_1.clone().and_then(|bytes| decode(bytes, false, true)) {
        return Ok(fixed);
    }
    for (page, of) in PAGES.iter().zip(BYTES.iter()) {
        let bytes: Option<Vec<u8>> = text.chars().map(|c| of.get(&c).copied()).collect();
        if let Some(fixed) = bytes.and_then(|bytes| decode(bytes, page.sloppy, page.spaces)) {
            return Ok(fixed);
        }
    }
    let fixed = fix_parts(text, depth)?;
    if fixed != text {
        return Ok(fixed);
    }
    // Latin-1 with C1 controls was Windows 1252, and so is a lone control in any other text; the first
    // gives the same unless a byte has no character there, which the second then leaves as it is.
    Ok(fix_c1_controls(text))
}

/// The characters that Windows 1252 has in place of the C1 controls.
pub(super) fn fix_c1_controls(text: &str) -> String {
    if !text.contains(|c| ('\u{80}'..='\u{9f}').contains(&c)) {
        return text.to_owned();
    }
    let upper: Vec<char> = pages::WINDOWS_1252.chars().collect();
    text.chars()
        .map(|c| match u32::from(c) {
            control @ 0x80..=0x9f => upper[control as usize - 0x80],
            _ => c,
        })
        .collect()
}

/// The bytes as UTF-8, after what was altered in them is put back; `None` where they are none.
/// `sloppy`: lost bytes are looked for. `spaces`: spaces may have been A0.
fn decode(mut bytes: Vec<u8>, sloppy: bool, spaces: bool) -> Option<String> {
    if spaces && ALTERED.is_match(&bytes) {
        bytes = restore_no_break(&bytes);
    }
    if sloppy {
        bytes = LOSSY.replace_all(&bytes, "\u{fffd}".as_bytes()).into_owned();
    }
    if bytes.contains(&0xed) || bytes.contains(&0xc0) {
        return decode_variant(&bytes);
    }
    String::from_utf8(bytes).ok()
}

/// A0 for the spaces that were one.
fn restore_no_break(bytes: &[u8]) -> Vec<u8> {
    let mut with_words = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        with_words.push(*first);
        rest = after;
        // "à" as a word of its own keeps its space; not so "àquele", "às" and the like, nor two spaces.
        let joined: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
        if *first == 0xc3
            && let Some(word) = after.strip_prefix(b" ")
            && !joined.iter().any(|start| word.starts_with(start))
        {
            with_words.extend([NO_BREAK, b' ']);
            rest = word;
        }
    }
    let spaces = |found: &bytes::Captures<'_>| -> Vec<u8> {
        found[0].iter().map(|byte| if *byte == b' ' { NO_BREAK } else { *byte }).collect()
    };
    ALTERED.replace_all(&with_words, spaces).into_owned()
}

/// UTF-8 as other programs write it: NUL in two bytes, and high characters as two surrogates of three.
fn decode_variant(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0xc0 | 0xed)) {
        let (before, special) = rest.split_at(at);
        out.push_str(str::from_utf8(before).ok()?);
        let (c, taken) = match *special {
            [0xc0, 0x80, ..] | [0xc0, b'\n'] => ('\0', 2),
            [0xed, a @ 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ 0x80..=0xbf, ..] => {
                let high = (u32::from(a & 0xf) << 16) | (u32::from(b & 0x3f) << 10);
                let low = (u32::from(c & 0xf) << 6) | u32::from(d & 0x3f);
                (char::from_u32(0x1_0000 + high + low)?, 6)
            }
            [0xed, ..] => (str::from_utf8(special.get(..3)?).ok()?.chars().next()?, 3),
            _ => return None,
        };
        out.push(c);
        rest = &special[taken..];
    }
    out.push_str(str::from_utf8(rest).ok()?);
    Some(out)
}

/// What a character can be in UTF-8 that was decoded wrongly.
#[derive(Clone, Copy, Default)]
struct Clue {
    /// Continuations that follow it, where it can begin a sequence.
    leads: Option<usize>,
    continues: bool,
    /// As `continues`, without characters that commonly stand before a sequence.
    continues_strictly: bool,
}

static CLUES: LazyLock<HashMap<char, Clue>> = LazyLock::new(|| {
    let mut clues: HashMap<char, Clue> = HashMap::new();
    let leads = [(classes::UTF8_FIRST_OF_2, 1), (classes::UTF8_FIRST_OF_3, 2), (classes::UTF8_FIRST_OF_4, 3)];
    for (class, continuations) in leads {
        members(class).for_each(|c| clues.entry(c).or_default().leads = Some(continuations));
    }
    members(classes::UTF8_CONTINUATION).for_each(|c| clues.entry(c).or_default().continues = true);
    members(classes::UTF8_CONTINUATION_STRICT)
        .for_each(|c| clues.entry(c).or_default().continues_strictly = true);
    clues
});

/// The characters of a class: single ones and ranges `a-b`.
fn members(class: &'static str) -> impl Iterator<Item = char> {
    let characters: Vec<char> = class.chars().collect();
    let mut at = 0;
    let mut ranges = Vec::new();
    while let Some(first) = characters.get(at).copied() {
        let last = match characters.get(at + 1..at + 3) {
            Some(['-', last]) => *last,
            _ => first,
        };
        at += if last == first { 1 } else { 3 };
        ranges.push(first..=last);
    }
    ranges.into_iter().flatten()
}

/// Mend the runs that look like UTF-8 decoded wrongly, each for itself.
fn fix_parts(text: &str, depth: usize) -> Result<String, ModelsError> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let clue = |at: usize| characters.get(at).and_then(|(_, c)| CLUES.get(c)).copied().unwrap_or_default();
    let offset = |at: usize| characters.get(at).map_or(text.len(), |(offset, _)| *offset);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let start = at;
        // After a continuation a run is part of something larger that would only be made worse.
        if at == 0 || !clue(at - 1).continues_strictly {
            while let Some(leads) = clue(at).leads
                && (1..=leads).all(|next| clue(at + next).continues)
            {
                at += 1 + leads;
            }
        }
        at = at.max(start + 1);
        let part = &text[offset(start)..offset(at)];
        if at > start + 1 && part.len() < text.len() && is_bad(part) {
            out.push_str(&fix_nested(part, depth + 1)?);
        } else {
            out.push_str(part);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for page in &PAGES {
            assert_eq!(page.upper.chars().count(), 128);
        }
        assert_eq!(members(classes::UPPER_COMMON).count(), 82);
        assert_eq!(members(classes::UTF8_CONTINUATION).count(), 159);
        assert_eq!(CLUES.len(), 345);
    }

    #[test]
    fn clinical_text_does_not_look_wrong() {
        let texts = [
            "10² µm ± 5 °C, ½, ≥ 3 — …",
            "α-fetoprotein 12 µg/L; Sjögren’s, Ménière’s, Guillain–Barré",
            "“Größe” 3×4 cm², pH 7.4, £5, 20 %",
            "肺部超声 三条B线",
            "перелом ребра слева",
        ];
        for text in texts {
            assert!(!is_bad(text), "{text}");
        }
        for text in ["Ã©", "â€™", "Â°C", "\u{91}"] {
            assert!(is_bad(text), "{text}");
        }
    }

    #[test]
    fn variants_of_utf_8_are_decoded() {
        let cases: [(&[u8], Option<&str>); 7] = [
            (b"a\xc0\x80b", Some("a\0b")),
            (b"a\xc0\n", Some("a\0")),
            (b"\xed\xa0\xbd\xed\xb2\xa9", Some("💩")),
            ("한 é".as_bytes(), Some("한 é")),
            (b"\xed\xa0\xbd", None),
            (b"\xed\xa0", None),
            (b"\xc0\x81", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode_variant(bytes).as_deref(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn spaces_become_no_break_spaces_where_they_were() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"\xc3 la", b"\xc3\xa0 la"),
            (b"\xc3 quele", b"\xc3\xa0quele"),
            (b"\xe2 \x80", b"\xe2\xa0\x80"),
            (b"a b", b"a b"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(restore_no_break(bytes), expected, "{bytes:x?}");
        }
    }
}
