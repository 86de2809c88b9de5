//! Tests of the effects on a picture made here.

use super::*;

fn picture() -> Pixels {
    let bytes = (0..64 * 96).map(|n| 40 + ((n * 7919) % 97) as u8 + (n / 64) as u8 / 2).collect();
    Pixels::new(64, 96, 1, bytes).unwrap()
}

const PARALLEL: BeamLines = BeamLines::Parallel { face_row: 0.0 };
const FAN: BeamLines =
    BeamLines::Fan { apex_column: 32.0, apex_row: -30.0, face_px: 30.0, half_angle_deg: 35.0 };

fn every_effect() -> Vec<Effect> {
    vec![
        Effect::Gain { db: -4.0 },
        Effect::Tgc { db: [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, -3.0] },
        Effect::DynamicRange { from_db: 60.0, to_db: 50.0 },
        Effect::Speckle { db: 3.0, grain_px: 2.0 },
        Effect::Noise { level: 0.1 },
        Effect::Shadow { across: 0.2, width: 0.2, from: 0.1, db: 20.0 },
        Effect::BLine { across: 0.6, width: 0.1, from: 0.3, db: 6.0 },
        Effect::Consolidation { across: 0.4, width: 0.4, from: 0.3, depth: 0.3, db: -12.0 },
        Effect::Effusion { across: 0.5, width: 0.9, from: 0.3, depth: 0.2, db: -25.0 },
        Effect::Zoom { factor: 1.2, across: 0.5, down: 0.3 },
        Effect::Depth { factor: 1.3 },
        Effect::ProbeGeometry { to: PARALLEL },
        Effect::Reverberation { period: 0.3, db: -10.0 },
        Effect::Flip,
    ]
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    let run = |seed| augment(&picture(), FAN, &every_effect(), Orientation::MayFlip, seed).unwrap();
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).pixels, run(4).pixels);
    assert_eq!(run(3).pasted.len(), 3);
}

#[test]
fn a_flip_needs_permission() {
    let effects = [Effect::Flip];
    let refused = augment(&picture(), PARALLEL, &effects, Orientation::Keep, 1);
    assert_eq!(refused, Err(PhantomError::Orientation));
    let flipped = augment(&picture(), PARALLEL, &effects, Orientation::MayFlip, 1).unwrap();
    assert_eq!(flipped.pixels.bytes()[0], picture().bytes()[63]);
}

#[test]
fn gain_moves_grey_by_decibels() {
    let lifted = augment(&picture(), PARALLEL, &[Effect::Gain { db: 6.0 }], Orientation::Keep, 1).unwrap();
    // 6 dB of 60 dB in 255 levels are 25.5.
    for (after, before) in lifted.pixels.bytes().iter().zip(picture().bytes()) {
        assert!((f64::from(*after) - f64::from(*before) - 25.5).abs() <= 0.5);
    }
}

#[test]
fn a_pasted_lesion_is_where_its_mask_is() {
    let effect = Effect::Effusion { across: 0.5, width: 0.6, from: 0.3, depth: 0.3, db: -30.0 };
    let pasted = augment(&picture(), PARALLEL, &[effect], Orientation::Keep, 5).unwrap();
    let mask = &pasted.pasted[0].1;
    let mean = |inside: bool| {
        let greys = pasted.pixels.bytes().iter().zip(mask.bytes()).filter(|(_, m)| (**m == 255) == inside);
        let greys: Vec<f64> = greys.map(|(grey, _)| f64::from(*grey)).collect();
        greys.iter().sum::<f64>() / greys.len() as f64
    };
    assert!(mean(true) < 30.0 && mean(false) > 80.0, "{} {}", mean(true), mean(false));
}

#[test]
fn numbers_out_of_bounds_are_refused() {
    for effect in [
        Effect::Gain { db: f64::NAN },
        Effect::Zoom { factor: 0.0, across: 0.5, down: 0.5 },
        Effect::Speckle { db: 1.0, grain_px: 0.0 },
        Effect::Shadow { across: 2.0, width: 0.1, from: 0.0, db: 3.0 },
        Effect::ProbeGeometry { to: BeamLines::Parallel { face_row: 96.0 } },
    ] {
        let refused = augment(&picture(), PARALLEL, &[effect], Orientation::Keep, 1);
        assert!(matches!(refused, Err(PhantomError::Limit { .. })), "{refused:?}");
    }
    let many = vec![Effect::Gain { db: 0.0 }; MAX_EFFECTS + 1];
    assert!(matches!(
        augment(&picture(), PARALLEL, &many, Orientation::Keep, 1),
        Err(PhantomError::Count { .. })
    ));
    let colour = Pixels::new(1, 1, 3, vec![0; 3]).unwrap();
    assert!(augment(&colour, PARALLEL, &[], Orientation::Keep, 1).is_err());
}

#[test]
fn drawn_effects_can_be_made_and_flip_only_when_allowed() {
    for seed in 0..100 {
        let kept = draw_effects(Orientation::Keep, seed);
        assert!(!kept.contains(&Effect::Flip));
        augment(&picture(), FAN, &kept, Orientation::Keep, seed).unwrap();
        assert_eq!(draw_effects(Orientation::MayFlip, seed)[..kept.len()], kept[..]);
    }
    assert!((0..100).any(|seed| draw_effects(Orientation::MayFlip, seed).contains(&Effect::Flip)));
}
