//! What each token stands for: bytes of text, or a mark of the conversation.

use std::collections::HashMap;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Text that the tokenizer looks for as a whole.
    UserDefined,
    /// A mark that is no text: the end of a turn, the place of an image.
    Control,
    /// Nothing: a place in the table that no text leads to.
    Unused,
}

/// All tokens, by id.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    /// Where each piece ends in `bytes`.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
}

impl Pieces {
    pub(crate) fn push(&mut self, kind: Kind, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How a token is spelled; empty past the last one.
    pub(crate) fn spelling(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let begin = id.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(id).map_or(&[], |end| &self.bytes[begin..*end])
    }

    /// `None` past the last one.
    pub(crate) fn kind(&self, id: u32) -> Option<Kind> {
        self.kinds.get(id as usize).copied()
    }

    /// The text that a token adds to an answer; none for marks.
    pub(crate) fn text(&self, id: u32) -> &[u8] {
        match self.kind(id) {
            Some(Kind::Text | Kind::UserDefined) => self.spelling(id),
            _ => &[],
        }
    }

    /// The control token of this spelling.
    pub(crate) fn control(&self, name: &str) -> Option<u32> {
        self.ids(Kind::Control).find(|id| self.spelling(*id) == name.as_bytes())
    }

    pub(crate) fn ids(&self, kind: Kind) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.kinds).filter(move |(_, found)| **found == kind).map(|(id, _)| id)
    }

    /// The first control token that is spelled out in a text. Marks of one or two characters are too common
    /// to count.
    pub(crate) fn control_in(&self, text: &str) -> Option<&str> {
        const LEAST: usize = 3;
        let names = self.ids(Kind::Control).filter_map(|id| std::str::from_utf8(self.spelling(id)).ok());
        names.filter(|name| name.len() >= LEAST).find(|name| text.contains(name))
    }
}

/// The characters that byte-level vocabularies write bytes with, and the bytes.
/// Source: GPT-2 `bytes_to_unicode`.
#[derive(Debug)]
pub(crate) struct ByteSymbols(HashMap<char, u8>);

impl ByteSymbols {
    pub(crate) fn new() -> Self {
        let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let themselves = (0..=u8::MAX).filter(printable).map(|byte| (char::from(byte), byte));
        let others = (0..=u8::MAX).filter(|byte| !printable(byte));
        let moved = (256u32..).zip(others).filter_map(|(code, byte)| Some((char::from_u32(code)?, byte)));
        Self(themselves.chain(moved).collect())
    }

    /// The bytes of a token; its own, where a character stands for none.
    pub(crate) fn bytes(&self, token: &str) -> Vec<u8> {
        let bytes: Option<Vec<u8>> = token.chars().map(|symbol| self.0.get(&symbol).copied()).collect();
        bytes.unwrap_or_else(|| token.as_bytes().to_vec())
    }
}

/// What SentencePiece writes for a space.
pub(crate) const SPACE: &str = "\u{2581}";

/// `<0x0A>` → 10.
pub(crate) fn byte_token(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let valid = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_symbols_are_a_bijection() {
        let symbols = ByteSymbols::new();
        assert_eq!(symbols.0.len(), 256);
        assert_eq!(symbols.bytes("ĠHi"), b" Hi");
        assert_eq!(symbols.bytes("ÃŃĊ"), [0xc3, 0xad, b'\n']);
        assert_eq!(symbols.bytes("한"), "한".as_bytes());
    }

    #[test]
    fn byte_tokens_have_two_digits() {
        let cases =
            [("<0x0A>", Some(10)), ("<0xff>", Some(255)), ("<0x+A>", None), ("<0x0AB>", None), ("x", None)];
        for (token, byte) in cases {
            assert_eq!(byte_token(token), byte, "{token}");
        }
    }

    #[test]
    fn marks_are_no_text() {
        let mut pieces = Pieces::default();
        pieces.push(Kind::Control, b"<end>");
        pieces.push(Kind::Text, b"lung");
        pieces.push(Kind::Unused, b"[PAD2]");
        assert_eq!(
            [pieces.text(0), pieces.text(1), pieces.text(2), pieces.text(3)],
            [b"", &b"lung"[..], b"", b""]
        );
        assert_eq!(
            (pieces.spelling(0), pieces.control("<end>"), pieces.control("lung")),
            (&b"<end>"[..], Some(0), None)
        );
        assert_eq!((pieces.control_in("a <end> b"), pieces.control_in("a <en")), (Some("<end>"), None));
    }
}
