//! Bytes of tokens become text piece by piece: whole characters, and nothing that may turn out to be the
//! beginning of a stop text.

/// An answer while it grows.
pub(crate) struct Stream<'a> {
    stops: &'a [String],
    text: String,
    /// Bytes of `text` that were given out.
    given: usize,
    /// The beginning of a character whose other bytes are still to come.
    rest: Vec<u8>,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(stops: &'a [String]) -> Self {
        Self { stops, text: String::new(), given: 0, rest: Vec::new() }
    }

    /// Add a token's bytes. Returns the stop text that is complete now, if one is: the text ends before it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<&'a str> {
        self.rest.extend_from_slice(bytes);
        let before = self.text.len();
        self.take_characters();
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let mut from = before.saturating_sub(longest);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let found = self.stops.iter().filter_map(|stop| Some((from + self.text[from..].find(stop)?, stop)));
        let (at, stop) = found.min_by_key(|(at, stop)| (*at, stop.len()))?;
        self.text.truncate(at);
        self.rest.clear();
        Some(stop)
    }

    /// Whole characters of `rest`; bytes that can be none become the replacement character.
    fn take_characters(&mut self) {
        loop {
            match std::str::from_utf8(&self.rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.rest.clear();
                    return;
                }
                Err(error) => {
                    let (whole, after) = self.rest.split_at(error.valid_up_to());
                    self.text.push_str(&String::from_utf8_lossy(whole));
                    let Some(wrong) = error.error_len() else {
                        self.rest = after.to_vec();
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.rest = after[wrong..].to_vec();
                }
            }
        }
    }

    /// What was not given out yet, less an end that a stop text begins with.
    pub(crate) fn news(&mut self) -> &str {
        let held = self.stops.iter().map(|stop| self.begun(stop)).max().unwrap_or(0);
        let end = (self.text.len() - held).max(self.given);
        let news = self.given..end;
        self.given = end;
        &self.text[news]
    }

    /// Bytes at the end of the text that `stop` begins with.
    fn begun(&self, stop: &str) -> usize {
        let ends = stop.char_indices().map(|(at, _)| at).skip(1).collect::<Vec<_>>();
        ends.into_iter().rev().find(|len| self.text.ends_with(&stop[..*len])).unwrap_or(0)
    }

    /// Nothing more comes: an unfinished character becomes the replacement character, and what was held back
    /// is given out.
    pub(crate) fn finish(&mut self) -> &str {
        if !self.rest.is_empty() {
            self.rest.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        let news = self.given.min(self.text.len())..self.text.len();
        self.given = self.text.len();
        &self.text[news]
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_given_whole() {
        let mut stream = Stream::new(&[]);
        let word = "añ🩺b".as_bytes();
        let mut news = Vec::new();
        for byte in word {
            assert_eq!(stream.push(&[*byte]), None);
            news.push(stream.news().to_owned());
        }
        assert_eq!(news, ["a", "", "ñ", "", "", "", "🩺", "b"]);
        stream.push(&[0xff, b'c', 0xc3]);
        assert_eq!(stream.news(), "\u{fffd}c");
        assert_eq!(stream.finish(), "\u{fffd}");
        assert_eq!(stream.into_text(), "añ🩺b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn stop_texts_end_the_answer_and_never_show() {
        let stops = ["User:".to_owned(), "\n\n".to_owned()];
        struct Case {
            tokens: &'static [&'static str],
            news: &'static [&'static str],
            stop: Option<&'static str>,
            text: &'static str,
        }
        let cases = [
            Case { tokens: &["a", "b"], news: &["a", "b"], stop: None, text: "ab" },
            Case { tokens: &["a U", "ser", ":x"], news: &["a ", "", ""], stop: Some("User:"), text: "a " },
            Case { tokens: &["a U", "se", "d"], news: &["a ", "", "Used"], stop: None, text: "a Used" },
            Case { tokens: &["a\n", "\nb"], news: &["a", ""], stop: Some("\n\n"), text: "a" },
            Case { tokens: &["x\n\nUser:"], news: &[""], stop: Some("\n\n"), text: "x" },
        ];
        for case in cases {
            let mut stream = Stream::new(&stops);
            let (mut news, mut stop) = (Vec::new(), None);
            for token in case.tokens {
                stop = stream.push(token.as_bytes());
                if stop.is_none() {
                    news.push(stream.news().to_owned());
                } else {
                    news.push(String::new());
                }
            }
            assert_eq!(
                (&news[..], stop),
                (&case.news.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], case.stop)
            );
            let rest = stream.finish().to_owned();
            let all = news.concat() + &rest;
            assert_eq!((all.as_str(), stream.into_text().as_str()), (case.text, case.text));
        }
    }
}
