//! Every code has a text in every language, and pictures can draw every English letter.

use std::collections::BTreeSet;

use bedside_imaging::{Figure, Mask, Pixels};

use super::*;
use crate::codes::*;

const LANGUAGES: [Language; 2] = [Language::English, Language::Japanese];

/// Texts of sentences, which no report holds as codes.
const LINES: [&str; 12] = [
    "finding",
    "because",
    "probability",
    "probability_alone",
    "score",
    "spread",
    "also_indeterminate",
    "not_assessed",
    "quality",
    "key_frame",
    "no_zone",
    "between",
];

fn keys() -> BTreeSet<(&'static str, &'static str)> {
    fn of<C: Code>() -> Vec<(&'static str, &'static str)> {
        C::ALL.iter().map(|code| (C::GROUP, code.as_str())).collect()
    }
    let mut all = [
        of::<FindingCode>(),
        of::<NotAssessed>(),
        of::<Zone>(),
        of::<IntendedUse>(),
        of::<State>(),
        of::<Why>(),
        of::<Localisation>(),
        of::<IntervalKind>(),
        of::<SpreadKind>(),
        of::<Summary>(),
        of::<QualityCode>(),
        of::<Notice>(),
        of::<Warning>(),
    ]
    .concat();
    all.extend(QualityCode::ALL.iter().map(|code| ("hint", code.as_str())));
    all.extend(LINES.map(|line| ("line", line)));
    all.into_iter().collect()
}

fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
}

#[test]
fn every_code_has_one_text_in_every_language_and_no_text_is_left_over() {
    for language in LANGUAGES {
        let rows: Vec<_> = language.table().iter().map(|row| (row.0, row.1)).collect();
        let set: BTreeSet<_> = rows.iter().copied().collect();
        assert_eq!(set.len(), rows.len(), "{language:?}: a row twice");
        let missing: Vec<_> = keys().difference(&set).copied().collect();
        let left_over: Vec<_> = set.difference(&keys()).copied().collect();
        assert!(missing.is_empty() && left_over.is_empty(), "{language:?}: {missing:?} {left_over:?}");
        assert!(language.table().iter().all(|row| !row.2.trim().is_empty()));
    }
}

#[test]
fn languages_fill_the_same_places() {
    for (group, code) in keys() {
        let [english, japanese] = LANGUAGES.map(|language| places(language.text(group, code)));
        assert_eq!(english, japanese, "{group} {code}");
    }
}

#[test]
fn nothing_is_ever_called_normal() {
    for language in LANGUAGES {
        for (.., text) in language.table() {
            let text = text.to_lowercase();
            let said = ["normal", "healthy", "no disease", "正常", "異常なし", "健康"];
            assert!(said.iter().all(|word| !text.contains(word)), "{text}");
        }
    }
}

/// A caption of a letter without a glyph looks like one of the letter that stands for all of them.
#[test]
fn pictures_have_a_glyph_for_every_letter_of_their_captions() {
    let (frame, mask) = (Pixels::new(420, 16, 1, vec![0; 420 * 16]).unwrap(), Mask::all(420, 16));
    let drawn = |letter: char| {
        let text = letter.to_string();
        let figure =
            Figure { frame: &frame, mask: &mask, heatmap: None, caption: &[text.as_str()], watermark: None };
        figure.render().unwrap()
    };
    let missing = drawn('\u{fffd}');
    assert_eq!(drawn('気'), missing, "Japanese is not drawn into pictures");
    let mut letters: BTreeSet<char> =
        Language::English.table().iter().flat_map(|row| row.2.chars()).collect();
    letters.extend("0123456789.-· ".chars());
    for letter in letters.into_iter().filter(|letter| !letter.is_whitespace()) {
        assert_ne!(drawn(letter), missing, "no glyph for {letter:?}");
    }
}

#[test]
fn probabilities_are_never_shown_as_certain() {
    let cases = [
        (0.0, "0.1"),
        (0.001, "0.1"),
        (0.004, "0.4"),
        (0.5, "50"),
        (0.994, "99"),
        (0.9999, "99.9"),
        (1.0, "99.9"),
    ];
    for (share, shown) in cases {
        assert_eq!(percent(share), shown);
    }
}
