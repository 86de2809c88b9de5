//! What open_clip does to a text before its tokenizer sees it.

use serde::{Deserialize, Serialize};

use super::fix_text::fix_text;
use super::{ModelsError, html};

/// How a text is cleaned. Stored in GGUF keys by its snake_case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cleaning {
    /// Not at all: tokenizer.json does all there is, as Hugging Face's tokenizers do.
    None,
    /// open_clip's own tokenizer: mended, whitespace collapsed, lower case. With it the text is also
    /// split into pieces as that tokenizer splits it, and only the merges of tokenizer.json are used.
    OpenClip,
    /// open_clip with a Hugging Face tokenizer: mended, whitespace collapsed.
    Whitespace,
    /// open_clip with `clean = "canonicalize"`: mended, ASCII punctuation removed, lower case.
    Canonicalize,
}

impl Cleaning {
    /// `text` as the tokenizer is to see it.
    /// Errors: `ModelsError::Tokenizer` where mending does not come to an end.
    /// Source: open_clip 3.3.0, `tokenizer.py`.
    pub(super) fn clean(self, text: &str) -> Result<String, ModelsError> {
        Ok(match self {
            Self::None => text.to_owned(),
            Self::OpenClip => collapsed(&mended(text)?).to_lowercase(),
            Self::Whitespace => collapsed(&mended(text)?),
            Self::Canonicalize => {
                let words = mended(text)?.replace('_', " ").replace(|c: char| c.is_ascii_punctuation(), "");
                collapsed(&words.to_lowercase())
            }
        })
    }
}

/// Broken text mended, HTML references read: twice, for those that were escaped twice.
fn mended(text: &str) -> Result<String, ModelsError> {
    Ok(html::unescape(&html::unescape(&fix_text(text)?)))
}

/// Runs of whitespace as one space, none at the ends.
fn collapsed(text: &str) -> String {
    let words = text.split(is_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Whitespace as Python sees it: four separators of ASCII beside Unicode's.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::super::MAX_ROUNDS;
    use super::*;

    /// The expected texts are what open_clip 3.3.0 with ftfy 6.3.1 gives.
    fn check(cleaning: Cleaning, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(cleaning.clean(text).unwrap(), *expected, "{cleaning:?} of {text:?}");
        }
    }

    #[test]
    fn broken_text_is_mended() {
        let cases = [
            ("", ""),
            (" \t\n\u{a0} ", ""),
            ("free  fluid\n in\tMorison’s\u{a0}pouch", "free fluid in Morison's pouch"),
            ("e\u{301}cho café nai\u{308}ve", "écho café naïve"),
            (
                "ﬁbrosis, ﬂow, eﬀusion, diﬃcult, aﬄicted, ﬆ",
                "fibrosis, flow, effusion, difficult, afflicted, st",
            ),
            ("Ｂ-lines １２３％\u{3000}ｶﾀｶﾅ", "B-lines 123% カタカナ"),
            ("“quoted” ‘single’ ‚low‛ ʼt", "\"quoted\" 'single' 'low' 't"),
            ("10² µm ± 5 °C, ½, ≥ 3 — …", "10² µm ± 5 °C, ½, ≥ 3 — …"),
            ("one\r\ntwo\rthree\u{2028}four\u{2029}five\u{85}six", "one two three four five…six"),
            (
                "bell\u{7} null\u{0} del\u{7f} \u{feff}bom\u{fffc} \u{200b}zero\u{200d} width",
                "bell null del bom \u{200b}zero\u{200d} width",
            ),
            ("\u{1b}[31;1mred\u{1b}[0m \u{1b}[K", "red"),
            ("a\u{b}b\u{c}c\u{1c}d", "ab cd"),
            ("Ĳssel, ŉ, ǆ, ǋ", "IJssel, 'n, dž, Nj"),
            ("\u{2126} \u{212b} ﷺ", "Ω Å ﷺ"),
            ("🫁 肺部 рентген", "🫁 肺部 рентген"),
            ("cafÃ© Ã la mode, voilÃ\u{a0}", "café à la mode, voilà"),
            ("lâ€™hÃ©matome", "l'hématome"),
            ("â€œlungâ€\u{9d} â€” â€“", "\"lung\" — –"),
            ("5 Âµm Â± 2 Â°C", "5 µm ± 2 °C"),
            ("ÃƒÂ©", "é"),
            ("вЂњquotedвЂќ", "\"quoted\""),
            ("Î±Î²Î³", "αβγ"),
            ("‚Äútext‚Äù", "\"text\""),
            ("â€\u{fffd}lost", "\u{fffd}lost"),
            ("GrÃ¶ÃŸe and “real” quotes", "Größe and \"real\" quotes"),
            ("Ã©À\n", "é"),
            ("í\u{a0}½í²© Ã©", "💩 é"),
            ("pÃ©rÃ\u{ad}odo α", "péríodo α"),
            ("α â€™s", "α 's"),
            ("\u{91}single\u{92} \u{96}", "'single' –"),
            ("Ã© 中", "é 中"),
            ("Å¾ Å la", "ž Šla"),
            ("╜é╜é", "╜é╜é"),
            ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
            ("ðŸ˜€", "😀"),
            ("Ä° Ä°", "İ İ"),
            ("x × 10³, ×2", "x × 10³, ×2"),
            ("Ă©Ă¨ ă", "éè ă"),
            ("±© °C™", "±© °C™"),
        ];
        check(Cleaning::Whitespace, &cases);
    }

    #[test]
    fn references_are_read() {
        let cases = [
            ("&amp;", "&"),
            ("&lt;b&gt;", "<b>"),
            ("&amp;amp;", "&"),
            ("&amp;amp;amp;amp;", "&"),
            ("&#39;&#x27;&#X27;", "'''"),
            ("a&nbsp;b", "a b"),
            ("R&D, AT&T, H&E", "R&D, AT&T, H&E"),
            ("&copy 2026 &notit; &notin; &noti", "© 2026 ¬it; ∉ ¬i"),
            ("&EACUTE;&SZLIG;&eACUTE;", "ÉSS&eACUTE;"),
            ("<b>&amp;</b>", "<b>&</b>"),
            ("<b>\n&amp;amp;amp;", "<b> &amp;"),
            (
                "&#0;|&#128;|&#129;|&#xd800;|&#x110000;|&#99999999999;",
                "\u{fffd}|€|\u{81}|\u{fffd}|\u{fffd}|\u{fffd}",
            ),
            ("&#1;|&#xfdd0;|&#xffff;|&#11;", "|||"),
            ("&#;&#x;&;& &#xg;", "&#;&#x;&;& &#xg;"),
            ("&#x3b;&#x26;amp;", ";&"),
            ("&LeftTriangleEqual;&CounterClockwiseContourIntegral;", "⊴∳"),
            ("&nosuchname; &ampx; &lt", "&nosuchname; &x; <"),
            ("&eé; &éacute;", "&eé; &éacute;"),
            ("&#12x;", "x;"),
            ("&fjlig; &NotEqualTilde;", "fj ≂\u{338}"),
            ("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"),
        ];
        check(Cleaning::Whitespace, &cases);
    }

    #[test]
    fn case_and_punctuation_follow_the_rule() {
        let lower = [
            ("Chest_X-ray: (PA/LAT), 55%!", "chest_x-ray: (pa/lat), 55%!"),
            ("café — “quoted”", "café — \"quoted\""),
            ("  A.B.C.  &lt;tag&gt; ", "a.b.c. <tag>"),
            ("İstanbul ΟΔΟΣ", "i\u{307}stanbul οδος"),
        ];
        check(Cleaning::OpenClip, &lower);
        let canonical = [
            ("Chest_X-ray: (PA/LAT), 55%!", "chest xray palat 55"),
            ("café — “quoted”", "café — quoted"),
            ("  A.B.C.  &lt;tag&gt; ", "abc tag"),
            ("İstanbul ΟΔΟΣ", "i\u{307}stanbul οδος"),
        ];
        check(Cleaning::Canonicalize, &canonical);
        let untouched = " \u{201c}A &amp; B\u{201d} ";
        check(Cleaning::None, &[(untouched, untouched)]);
    }

    #[test]
    fn references_nested_without_end_are_refused() {
        let nested = |levels: usize| format!("&{}", "amp;".repeat(levels));
        assert_eq!(Cleaning::Whitespace.clean(&nested(MAX_ROUNDS - 1)).unwrap(), "&");
        let error = Cleaning::Whitespace.clean(&nested(2 * MAX_ROUNDS)).unwrap_err();
        assert!(error.to_string().contains("still changes after 64 rounds"), "{error}");
    }
}
