//! SentencePiece's byte pair encoding: neighbours merge by the score of what they become, what no piece
//! stands for becomes bytes. Llama 1 and 2, Mistral, Gemma.
//! Source: SentencePiece `bpe_model.cc`; llama.cpp `llm_tokenizer_spm`.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::super::refused;
use super::pieces::{Kind, Pieces, SPACE, byte_token};
use crate::ModelsError;

/// A vocabulary, ready.
pub(crate) struct SentencePiece {
    /// Pieces by their spelling, spaces as [`SPACE`]; with their scores.
    pieces: HashMap<Box<str>, (u32, f32)>,
    /// Of each byte.
    bytes: Box<[Option<u32>; 256]>,
    /// For what not even bytes stand for.
    unknown: Option<u32>,
    /// Texts that are looked for as a whole; the bool: control tokens, which a text may be forbidden to spell.
    whole: HashMap<Box<str>, (u32, bool)>,
    /// Lengths of the texts in `whole`, the longest first.
    lengths: Vec<usize>,
    /// A space stands before the text, and before what follows a special token.
    space_before: bool,
}

/// A token of the vocabulary as the file has it.
pub(crate) struct Entry<'a> {
    pub(crate) token: &'a str,
    pub(crate) score: f32,
    pub(crate) kind: Kind,
}

impl SentencePiece {
    /// Errors: `Tokenizer` for a score that is no number.
    pub(crate) fn new<'a>(
        entries: impl IntoIterator<Item = Entry<'a>>,
        unknown: Option<u32>,
        space_before: bool,
    ) -> Result<Self, ModelsError> {
        let mut pieces = HashMap::new();
        let mut whole: HashMap<Box<str>, (u32, bool)> = HashMap::new();
        let mut bytes = Box::new([None; 256]);
        for (id, entry) in (0u32..).zip(entries) {
            let Entry { token, score, kind } = entry;
            if score.is_nan() {
                return Err(refused("read the tokenizer", format!("the score of token {id} is no number")));
            }
            match (kind, byte_token(token)) {
                (Kind::Text, Some(byte)) => bytes[usize::from(byte)] = Some(id),
                (Kind::Text, None) => drop(pieces.insert(token.into(), (id, score))),
                (Kind::UserDefined | Kind::Control, _) if token.is_empty() => {}
                (Kind::UserDefined, _) => {
                    pieces.insert(token.into(), (id, score));
                    whole.insert(token.replace(SPACE, " ").into(), (id, false));
                }
                (Kind::Control, _) => drop(whole.insert(token.into(), (id, true))),
                (Kind::Unused, _) => {}
            }
        }
        let mut lengths: Vec<usize> = whole.keys().map(|text| text.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Ok(Self { pieces, bytes, unknown, whole, lengths, space_before })
    }

    /// The ids of a text. `parse`: control tokens may be spelled out.
    /// Errors: `Tokenizer` for what the vocabulary has no token for.
    pub(crate) fn encode(&self, text: &str, parse: bool) -> Result<Vec<u32>, ModelsError> {
        let mut ids = Vec::new();
        let (mut begin, mut at) = (0, 0);
        while at < text.len() {
            match self.whole_at(text, at, parse) {
                Some((id, len)) => {
                    self.merge(&text[begin..at], &mut ids)?;
                    ids.push(id);
                    at += len;
                    begin = at;
                }
                None => at += text[at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        self.merge(&text[begin..], &mut ids)?;
        Ok(ids)
    }

    /// The longest text that is looked for as a whole and stands here, with its length.
    fn whole_at(&self, text: &str, at: usize, parse: bool) -> Option<(u32, usize)> {
        self.lengths.iter().find_map(|&len| {
            let (id, control) = self.whole.get(text.get(at..at + len)?)?;
            (parse || !control).then_some((*id, len))
        })
    }

    fn merge(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), ModelsError> {
        if text.is_empty() {
            return Ok(());
        }
        let mut escaped = text.replace(' ', SPACE);
        if self.space_before {
            escaped.insert_str(0, SPACE);
        }
        for piece in Merging::of(&escaped, self).run() {
            match self.pieces.get(piece) {
                Some((id, _)) => ids.push(*id),
                None => self.push_bytes(piece, ids)?,
            }
        }
        Ok(())
    }

    /// One token for each byte, or the unknown token where the vocabulary has no bytes.
    fn push_bytes(&self, piece: &str, ids: &mut Vec<u32>) -> Result<(), ModelsError> {
        let bytes: Option<Vec<u32>> = piece.bytes().map(|byte| self.bytes[usize::from(byte)]).collect();
        match (bytes, self.unknown) {
            (Some(bytes), _) => ids.extend(bytes),
            (None, Some(unknown)) => ids.push(unknown),
            (None, None) => {
                let reason = format!("no token stands for {}", piece.escape_debug());
                return Err(refused("encode a text", reason));
            }
        }
        Ok(())
    }
}

/// Part of a text that is one piece so far, in a list linked both ways.
struct Symbol {
    begin: usize,
    /// 0 once it has gone into the one before.
    len: usize,
    before: Option<usize>,
    next: Option<usize>,
}

/// Two neighbours that could become one piece.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    len: usize,
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best score first; of equal ones, the leftmost.
impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

/// A text while its pieces grow.
struct Merging<'a> {
    text: &'a str,
    vocabulary: &'a SentencePiece,
    symbols: Vec<Symbol>,
    queue: BinaryHeap<Pair>,
}

impl<'a> Merging<'a> {
    fn of(text: &'a str, vocabulary: &'a SentencePiece) -> Self {
        let symbol = |(number, (begin, c)): (usize, (usize, char))| {
            let (before, next) = (number.checked_sub(1), Some(number + 1));
            Symbol { begin, len: c.len_utf8(), before, next }
        };
        let mut symbols: Vec<Symbol> = text.char_indices().enumerate().map(symbol).collect();
        if let Some(last) = symbols.last_mut() {
            last.next = None;
        }
        Self { text, vocabulary, symbols, queue: BinaryHeap::new() }
    }

    fn run(mut self) -> Vec<&'a str> {
        for right in 1..self.symbols.len() {
            self.consider(Some(right - 1), Some(right));
        }
        while let Some(Pair { left, right, len, .. }) = self.queue.pop() {
            // Either may have changed since the pair was seen.
            if self.symbols[left].len == 0 || self.symbols[left].len + self.symbols[right].len != len {
                continue;
            }
            if self.symbols[right].len == 0 {
                continue;
            }
            let next = self.symbols[right].next;
            self.symbols[left].len = len;
            self.symbols[right].len = 0;
            self.symbols[left].next = next;
            if let Some(next) = next {
                self.symbols[next].before = Some(left);
            }
            self.consider(self.symbols[left].before, Some(left));
            self.consider(Some(left), next);
        }
        let left = self.symbols.iter().filter(|symbol| symbol.len > 0);
        left.map(|symbol| &self.text[symbol.begin..symbol.begin + symbol.len]).collect()
    }

    fn consider(&mut self, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let (begin, len) = (self.symbols[left].begin, self.symbols[left].len + self.symbols[right].len);
        if let Some((_, score)) = self.vocabulary.pieces.get(&self.text[begin..begin + len]) {
            self.queue.push(Pair { score: *score, left, right, len });
        }
    }
}

impl SentencePiece {
    /// The kinds of an entry's token, as text: spaces are spaces.
    pub(crate) fn text_of(pieces: &mut Pieces, entry: &Entry<'_>) {
        match (entry.kind, byte_token(entry.token)) {
            (Kind::Text, Some(byte)) => pieces.push(Kind::Text, &[byte]),
            (kind, _) => pieces.push(kind, entry.token.replace(SPACE, " ").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(space_before: bool) -> SentencePiece {
        let entries = [
            ("<unk>", 0.0, Kind::Control),
            ("<s>", 0.0, Kind::Control),
            ("<0x41>", 0.0, Kind::Text),
            ("a", -5.0, Kind::Text),
            ("b", -5.0, Kind::Text),
            ("ab", -1.0, Kind::Text),
            ("ba", -1.0, Kind::Text),
            ("\u{2581}", -3.0, Kind::Text),
            ("\u{2581}a", -0.5, Kind::Text),
            ("bab", -0.25, Kind::Text),
            ("\n\n", 0.0, Kind::UserDefined),
            ("\n", -9.0, Kind::Text),
        ];
        let entries = entries.map(|(token, score, kind)| Entry { token, score, kind });
        SentencePiece::new(entries, None, space_before).unwrap()
    }

    #[test]
    fn neighbours_merge_by_score_then_from_the_left() {
        let plain = vocabulary(false);
        for (text, ids) in [
            ("ab", &[5][..]),
            ("aba", &[5, 3]),
            ("bab", &[9]),
            (" ab", &[8, 4]),
            ("a\n\n\nb", &[3, 10, 11, 4]),
            ("<s>a", &[1, 3]),
            ("A", &[2]),
            ("", &[]),
        ] {
            assert_eq!(plain.encode(text, true).unwrap(), ids, "{text:?}");
        }
        assert_eq!(vocabulary(true).encode("a<s>a", true).unwrap(), [8, 1, 8]);
    }

    #[test]
    fn what_nothing_stands_for_is_refused_or_unknown() {
        assert!(vocabulary(false).encode("<s>", false).is_err(), "no token stands for <");
        let entries = [("<unk>", 0.0, Kind::Control), ("a", 0.0, Kind::Text)];
        let entries = entries.map(|(token, score, kind)| Entry { token, score, kind });
        let small = SentencePiece::new(entries, Some(0), false).unwrap();
        assert_eq!(small.encode("aéa", true).unwrap(), [1, 0, 1]);
        let nan = [Entry { token: "a", score: f32::NAN, kind: Kind::Text }];
        assert!(SentencePiece::new(nan, None, false).is_err());
    }
}
