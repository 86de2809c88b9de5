//! Figures: what is drawn, and what never is.

use proptest::prelude::*;

use super::*;
use crate::overlay::DEMONSTRATION;

#[test]
fn nothing_outside_the_mask_is_drawn() {
    let frame = Pixels::new(500, 450, 1, vec![255; 500 * 450]).unwrap();
    let mask = Mask::by(500, 450, |x, _| x < 100);
    let heatmap = Heatmap::new(2, 2, vec![1.0; 4], [0.0, 0.0, 500.0, 450.0]).unwrap();
    let figure = Figure {
        frame: &frame,
        mask: &mask,
        heatmap: Some((&heatmap, "B-lines")),
        caption: &[],
        watermark: None,
    };
    let drawn = figure.render().unwrap();
    let whole = Figure { mask: &Mask::all(500, 450), ..figure }.render().unwrap();
    let black = |pixels: &Pixels| pixels.bytes().chunks_exact(3).filter(|rgb| *rgb == [0, 0, 0]).count();
    // Two panels, 400 of 500 columns each.
    assert_eq!(black(&drawn) - black(&whole), 2 * 400 * 450);
    assert_eq!(drawn, figure.render().unwrap());
    let other = Mask::all(7, 7);
    assert!(Figure { mask: &other, ..figure }.render().is_err());
}

#[test]
fn the_watermark_shows_and_hides_nothing() {
    for tone in [0_u8, 128, 255] {
        let frame = Pixels::new(640, 480, 1, vec![tone; 640 * 480]).unwrap();
        let mask = Mask::all(640, 480);
        let plain = Figure { frame: &frame, mask: &mask, heatmap: None, caption: &["a"], watermark: None };
        let marked = Figure { watermark: Some(DEMONSTRATION), ..plain }.render().unwrap();
        let plain = plain.render().unwrap();
        let steps = || plain.bytes().iter().zip(marked.bytes()).map(|(a, b)| a.abs_diff(*b));
        assert!(steps().max().unwrap() <= 110);
        let changed = steps().filter(|step| *step >= 20).count() as f64 / plain.bytes().len() as f64;
        assert!((0.01..0.25).contains(&changed), "{tone}: {changed}");
    }
}

#[test]
fn captions_are_wrapped_between_words_and_bounded() {
    let style = Style::plain(10.0, TEXT);
    let lines = wrapped(&["one two three", "four"], style.length("one two") + 1.0, &style);
    let expected = [("one two", true), ("three", true), ("four", false)];
    assert_eq!(lines, expected.map(|(line, first)| (line.to_owned(), first)));
    assert_eq!(wrapped(&["word"; 99], 500.0, &style).len(), LINES);
}

/// Found by the property below: a panel lower than a letter had no row for the numbers of its scale.
#[test]
fn frames_of_a_few_rows_or_columns_give_a_figure() {
    for (width, height) in [(1, 1), (300, 1), (300, 6), (299, 11), (1, 300), (1200, 2)] {
        let frame = Pixels::new(width, height, 1, vec![99; (width * height) as usize]).unwrap();
        let mask = Mask::by(width, height, |_, _| true);
        let heatmap = Heatmap::new(1, 1, vec![1.0], [0.0, 0.0, 1.0, 1.0]).unwrap();
        let figure = Figure {
            frame: &frame,
            mask: &mask,
            heatmap: Some((&heatmap, "h")),
            caption: &["one"],
            watermark: Some("X"),
        };
        assert!(figure.render().is_ok(), "{width} by {height}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_frame_gives_a_figure(width in 1_u32..300, height in 1_u32..300, tone: u8, words: String) {
        let frame = Pixels::new(width, height, 1, vec![tone; (width * height) as usize]).unwrap();
        let mask = Mask::by(width, height, |x, y| (x + y) % 3 > 0);
        let heatmap = Heatmap::new(3, 2, vec![0.1, 0.5, 1.0, 0.0, 0.2, 0.9], [0.0, 0.0, 50.0, 50.0]).unwrap();
        let caption = [words.as_str(), "second"];
        let figure =
            Figure { frame: &frame, mask: &mask, heatmap: Some((&heatmap, &words)), caption: &caption, watermark: Some("X") };
        prop_assert!(figure.render().unwrap().width() > 2 * width);
    }
}
