//! What a text may be that is written: length and characters by its value representation.
//! Source: DICOM PS3.5 section 6.2.

use crate::dicom::tags::tag_text;
use crate::dicom::uid::is_uid;
use crate::error::ImagingError;

/// Characters of a decimal string, at most.
const DECIMAL_CHARACTERS: usize = 16;

/// Value representations that are texts padded with spaces: all but `UI`.
pub(crate) fn is_text(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE" | b"AS" | b"CS" | b"DA" | b"DS" | b"DT" | b"IS" | b"LO" | b"LT" | b"PN" | b"SH" | b"ST" | b"TM"
    ) || matches!(&vr, b"UC" | b"UR" | b"UT")
}

/// Refuse a text of one value that its value representation does not allow. The empty text is allowed.
/// Errors: `DicomElement`, which does not repeat the text.
pub(super) fn hold(code: u32, vr: [u8; 2], text: &str) -> Result<(), ImagingError> {
    let refuse =
        |expected, got: String| Err(ImagingError::DicomElement { tag: tag_text(code), expected, got });
    let paragraphs = matches!(&vr, b"ST" | b"LT" | b"UT");
    let breaks = |c: char| paragraphs && matches!(c, '\r' | '\n');
    if text.chars().any(|c| c.is_control() && !breaks(c)) {
        return refuse("no control characters", "some".to_owned());
    }
    if !paragraphs && text.contains('\\') {
        return refuse("one value", "a backslash, which divides values".to_owned());
    }
    let limit = match &vr {
        b"SH" | b"CS" | b"AE" => 16,
        b"LO" => 64,
        b"PN" => 64 * 3 + 2,
        b"ST" => 1024,
        b"LT" => 10240,
        _ => u32::MAX as usize,
    };
    let characters = text.chars().count();
    let groups_fit = text.split('=').all(|group| group.chars().count() <= 64) && text.split('=').count() <= 3;
    if characters > limit || (vr == *b"PN" && !groups_fit) {
        return refuse(
            "a text within the length of its value representation",
            format!("{characters} characters"),
        );
    }
    let fits = text.is_empty()
        || match &vr {
            b"CS" => {
                text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'_'))
            }
            b"DA" => is_date(text),
            b"TM" => is_time(text),
            b"UI" => is_uid(text),
            _ => true,
        };
    if fits { Ok(()) } else { refuse("a text of the form of its value representation", "another".to_owned()) }
}

/// `YYYYMMDD`.
fn is_date(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && part(4..6).is_some_and(|month| (1..=12).contains(&month))
        && part(6..8).is_some_and(|day| (1..=31).contains(&day))
}

/// `HHMMSS`, with up to six digits of a fraction.
fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let below = |range: std::ops::Range<usize>, limit| {
        whole.get(range).and_then(|part| part.parse::<u32>().ok()).is_some_and(|number| number < limit)
    };
    whole.len() == 6
        && digits(whole)
        && digits(fraction)
        && fraction.len() <= 6
        && below(0..2, 24)
        && below(2..4, 60)
        && below(4..6, 61)
}

/// A number as a decimal string of at most 16 characters, as exact as that allows.
pub(super) fn decimal(value: f64) -> String {
    let shortest = value.to_string();
    if shortest.len() <= DECIMAL_CHARACTERS {
        return shortest;
    }
    let candidates = (0..=DECIMAL_CHARACTERS)
        .rev()
        .flat_map(|digits| [format!("{value:.digits$}"), format!("{value:.digits$e}")])
        .filter(|text| text.len() <= DECIMAL_CHARACTERS);
    let error = |text: &str| text.parse::<f64>().map_or(f64::INFINITY, |read| (read - value).abs());
    candidates.min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or_else(|| "0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_do_not_fit_are_refused_and_not_repeated() {
        struct Case {
            vr: &'static [u8; 2],
            text: String,
            fits: bool,
        }
        let case = |vr, text: &str, fits| Case { vr, text: text.to_owned(), fits };
        let cases = [
            case(b"PN", "PLANTED^NAME=漢字", true),
            case(b"PN", "A\\PLANTED", false),
            case(b"PN", "a=b=c=PLANTED", false),
            case(b"LO", &"PLANTED".repeat(10), false),
            case(b"LO", "PLANTED\u{1b}", false),
            case(b"SH", "12345678901234567", false),
            case(b"CS", "PLANTED name", false),
            case(b"DA", "20261124", true),
            case(b"DA", "20261324", false),
            case(b"DA", "2026112", false),
            case(b"DA", "2026é124", false),
            case(b"TM", "235960.123456", true),
            case(b"TM", "246060", false),
            case(b"TM", "1200", false),
            case(b"UI", "1.2.3", true),
            case(b"UI", "PLANTED", false),
            case(b"ST", "two\r\nlines \\ and more", true),
            case(b"ST", &"x".repeat(1025), false),
        ];
        for Case { vr, text, fits } in cases {
            let held = hold(0x0010_0010, *vr, &text);
            assert_eq!(held.is_ok(), fits, "{vr:?} {text}");
            assert!(!held.is_err_and(|error| error.to_string().contains("PLANTED")));
        }
    }

    #[test]
    fn decimals_are_as_exact_as_sixteen_characters_are() {
        for (value, text) in
            [(33.0, "33"), (0.1, "0.1"), (100.0 / 3.0, "33.3333333333333"), (1e-7, "0.0000001")]
        {
            assert_eq!(decimal(value), text);
        }
        for value in [1.0 / 3e9, -2.0 / 3.0, 1.234567890123456e15, -1.234567890123456e-120, f64::MAX] {
            let text = decimal(value);
            let read: f64 = text.parse().unwrap();
            assert!(text.len() <= 16 && ((read - value) / value).abs() < 1e-8, "{value}: {text}");
        }
    }
}
