//! Texts out of files and configurations, made fit for a message: escaped and shortened.

use std::fmt::Display;

/// Characters of a text that a message shows.
const SHOWN_CHARS: usize = 96;

/// What `text` says, without anything a terminal obeys and not longer than a line.
pub(crate) fn excerpt(text: impl Display) -> String {
    let text = text.to_string();
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut() {
        assert_eq!(excerpt("a\u{1b}[2J"), "a\\u{1b}[2J");
        assert_eq!(excerpt("x".repeat(2000)), format!("{}…", "x".repeat(96)));
        assert_eq!(excerpt("x".repeat(96)), "x".repeat(96));
    }
}
