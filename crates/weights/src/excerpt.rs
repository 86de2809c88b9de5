//! Names and texts out of files, made fit for a message: escaped, so that no terminal acts on them, and
//! shortened, so that a name of two megabytes stays one line.

use std::fmt::Write;
use std::path::Path;

/// Characters of a name that a message shows. Real tensor names stay below it.
const NAME_CHARS: usize = 96;

/// Characters of a path that a message shows: Linux's PATH_MAX is 4096, real ones stay below this.
const PATH_CHARS: usize = 1024;

/// `"name"`, or `"the begi…" (2097152 bytes)`. Bytes that are no UTF-8 are shown as `\xff`.
pub(crate) fn excerpt(name: &[u8]) -> String {
    let (text, whole) = escaped(name, NAME_CHARS);
    if whole { format!("\"{text}\"") } else { format!("\"{text}…\" ({} bytes)", name.len()) }
}

/// A path for a message, without quotes.
pub(crate) fn excerpt_path(path: &Path) -> String {
    let (text, whole) = escaped(path.as_os_str().as_encoded_bytes(), PATH_CHARS);
    if whole { text } else { text + "…" }
}

/// At most `limit` characters of `bytes`, and whether that was all of them.
fn escaped(bytes: &[u8], limit: usize) -> (String, bool) {
    let mut out = String::new();
    let mut left = limit;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return (out, false);
            }
            left -= 1;
            if c == '\'' { out.push(c) } else { out.extend(c.escape_debug()) }
        }
        for byte in chunk.invalid() {
            if left == 0 {
                return (out, false);
            }
            left -= 1;
            write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_and_nothing_long_gets_through() {
        struct Case {
            name: &'static [u8],
            shown: &'static str,
        }
        let cases = [
            Case { name: b"blk.0.attn_q.weight", shown: r#""blk.0.attn_q.weight""# },
            Case { name: b"it's \"a\"", shown: r#""it's \"a\"""# },
            Case { name: b"\x1b[2J\n\0", shown: r#""\u{1b}[2J\n\0""# },
            Case { name: "\u{202e}abc".as_bytes(), shown: r#""\u{202e}abc""# },
            Case { name: b"\xc3\x28", shown: r#""\xc3(""# },
            Case { name: "Größe ✓".as_bytes(), shown: "\"Größe ✓\"" },
        ];
        for case in cases {
            assert_eq!(excerpt(case.name), case.shown);
        }
        let long = excerpt(&vec![b'n'; 2_000_000]);
        assert!(long.ends_with("…\" (2000000 bytes)") && long.chars().count() < 130, "{long}");
        assert_eq!(excerpt_path(Path::new("/a/\u{7}b.gguf")), "/a/\\u{7}b.gguf");
    }
}
