//! Rotations against worked numbers and what they must preserve.

use super::*;
use crate::ops::proof::{assert_close, f32s, noise, run, try_run, u32s};
use proptest::prelude::*;

#[test]
fn by_hand() {
    // theta 100, rotary 4: frequencies 1 and 0.1. Pairs (1, 0) become (cos, sin).
    let op = Rope::neox(4, 100.0);
    let x = f32s(&[2, 1, 4], &[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let (c, s) = (|a: f32| a.cos(), |a: f32| a.sin());
    let expected = f32s(&[2, 1, 4], &[1.0, 1.0, 0.0, 0.0, c(3.0), c(0.3), s(3.0), s(0.3)]);
    assert_close(&run(op.clone(), &[&x, &u32s(&[2], &[0, 3])]), &expected, 1e-7);

    let interleaved = Rope::interleaved(4, 100.0);
    let x = f32s(&[1, 1, 4], &[1.0, 0.0, 1.0, 0.0]);
    let expected = f32s(&[1, 1, 4], &[c(3.0), s(3.0), c(0.3), s(0.3)]);
    assert_close(&run(interleaved, &[&x, &u32s(&[1], &[3])]), &expected, 1e-7);

    // Positions halved, the second frequency divided by 3 more; the last two features pass.
    let scaled = Rope { position_scale: 2.0, factors: true, ..op };
    let x = f32s(&[1, 1, 6], &[1.0, 1.0, 0.0, 0.0, 7.0, 8.0]);
    let expected = f32s(&[1, 1, 6], &[c(3.0), c(0.2), s(3.0), s(0.2), 7.0, 8.0]);
    assert_close(&run(scaled, &[&x, &u32s(&[1], &[6]), &f32s(&[2], &[1.0, 1.5])]), &expected, 1e-7);
}

#[test]
fn rows_and_columns_start_their_frequencies_again() {
    // rotary 8, theta 100: per half frequencies 1 and 100^(-4/8) = 0.1.
    let op = Rope { axes: RopeAxes::RowColumn, ..Rope::neox(8, 100.0) };
    let x = f32s(&[1, 1, 8], &[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let angles = [2.0f32, 0.2, 5.0, 0.5];
    let expected: Vec<f32> = angles.iter().map(|a| a.cos()).chain(angles.iter().map(|a| a.sin())).collect();
    assert_close(&run(op, &[&x, &u32s(&[2, 1], &[2, 5])]), &f32s(&[1, 1, 8], &expected), 1e-7);
}

#[test]
fn multimodal_sections_choose_the_position() {
    // rotary 8, theta 10000: frequencies 1, 0.1, 0.01, 0.001; sections of 1, 2, 1 pairs.
    let op = Rope { axes: RopeAxes::Multimodal { sections: [1, 2, 1] }, ..Rope::neox(8, 10_000.0) };
    let x = f32s(&[1, 1, 8], &[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let angles = [4.0f32, 0.7, 0.07, 0.009];
    let expected: Vec<f32> = angles.iter().map(|a| a.cos()).chain(angles.iter().map(|a| a.sin())).collect();
    assert_close(&run(op, &[&x, &u32s(&[3, 1], &[4, 7, 9])]), &f32s(&[1, 1, 8], &expected), 1e-7);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (x, p) = (noise(&[2, 1, 6], 1), u32s(&[2], &[0, 1]));
    let op = Rope::neox(6, 100.0);
    let bad = [
        Rope { rotary: 8, ..op.clone() },
        Rope { rotary: 3, ..op.clone() },
        Rope { rotary: 0, ..op.clone() },
        Rope { theta: f32::NAN, ..op.clone() },
        Rope { position_scale: 0.0, ..op.clone() },
        Rope { axes: RopeAxes::RowColumn, ..op.clone() },
        Rope { axes: RopeAxes::Multimodal { sections: [1, 1, 2] }, ..op.clone() },
    ];
    for op in bad {
        assert!(try_run(op.clone(), &[&x, &p]).is_err(), "{op:?}");
    }
    assert!(try_run(op.clone(), &[&x, &u32s(&[3], &[0; 3])]).is_err());
    assert!(try_run(op, &[&x, &f32s(&[2], &[0.0; 2])]).is_err());
}

proptest! {
    #[test]
    fn lengths_are_kept(
        tokens in 1usize..5, heads in 1usize..4, quarter in 1u32..5, rest in 0usize..3, seed: u64, start in 0u32..5000,
        pairing in prop::sample::select(vec![Pairing::Neox, Pairing::Interleaved]), axes in 0usize..3,
    ) {
        let rotary = quarter * 4;
        let axes = match axes {
            0 => RopeAxes::One,
            1 => RopeAxes::RowColumn,
            _ => RopeAxes::Multimodal { sections: [quarter, quarter - 1, 1] },
        };
        let rows = axes.positions().unwrap_or(1) as usize;
        let numbers: Vec<u32> = (0..(rows * tokens) as u32).map(|i| start + 3 * i).collect();
        let dims = if rows == 1 { vec![tokens] } else { vec![rows, tokens] };
        let op = Rope { pairing, axes, ..Rope::neox(rotary, 10_000.0) };
        let x = noise(&[tokens, heads, rotary as usize + rest], seed);
        let y = run(op, &[&x, &u32s(&dims, &numbers)]);
        for (x, y) in x.f32s().chunks(x.row_len()).zip(y.f32s().chunks(y.row_len())) {
            let length = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
            // Each result is rounded once to f32.
            prop_assert!((length(x) - length(y)).abs() <= 1e-6 * (1.0 + length(x)));
        }
    }

    #[test]
    fn equal_positions_make_multimodal_one_dimensional(tokens in 1usize..5, pairs in 3u32..9, seed: u64) {
        let one = Rope::neox(pairs * 2, 1e6);
        let multi = Rope { axes: RopeAxes::Multimodal { sections: [pairs - 2, 1, 1] }, ..one.clone() };
        let x = noise(&[tokens, 2, pairs as usize * 2], seed);
        let p: Vec<u32> = (0..tokens as u32).map(|i| i * 7).collect();
        let (flat, three) = (u32s(&[tokens], &p), u32s(&[3, tokens], &p.repeat(3)));
        prop_assert_eq!(run(one, &[&x, &flat]), run(multi, &[&x, &three]));
    }

    #[test]
    fn only_the_distance_counts(a in 0u32..50, b in 0u32..50, shift in 1u32..1000, seed: u64) {
        let op = Rope::neox(8, 10_000.0);
        let (q, k) = (noise(&[1, 1, 8], seed), noise(&[1, 1, 8], seed ^ 1));
        let product = |i: u32, j: u32| -> f64 {
            let (q, k) = (run(op.clone(), &[&q, &u32s(&[1], &[i])]), run(op.clone(), &[&k, &u32s(&[1], &[j])]));
            q.f32s().iter().zip(k.f32s()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        // 8 products of numbers below 1.5, each rounded once to f32.
        prop_assert!((product(a, b) - product(a + shift, b + shift)).abs() < 4e-6);
    }
}
