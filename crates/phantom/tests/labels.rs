//! Labels, masks, ranges and refusals, over many scenes.

use bedside_phantom::{
    Finding, FrameRecord, MarkerSide, PhantomError, Presence, QUANTITIES, Ranges, Scene, Screen, Simulator,
    Structure, captions,
};
use proptest::prelude::*;

/// Labels and masks of one frame agree.
fn check_labels(scene: &Scene) {
    let frame = Simulator::new(scene).unwrap().frame(0).unwrap();
    for label in &frame.labels.findings {
        let Some(structure) = label.finding.structure() else {
            assert_eq!(label.presence, Presence::NotAssessable, "motion is not seen in a still");
            continue;
        };
        assert_eq!(label.pixels, frame.truth.count(structure));
        assert_eq!(label.region, frame.truth.bounds(structure));
        let white = frame.truth.mask(structure).unwrap().bytes().iter().filter(|grey| **grey == 255).count();
        assert_eq!(white as u32, label.pixels);
        match label.presence {
            Presence::Present => assert!(label.pixels > 0 && label.region.is_some(), "{label:?}"),
            Presence::Absent | Presence::NotAssessable => assert_eq!(label.severity, None),
        }
        if label.finding == Finding::Consolidation && label.presence == Presence::Present {
            let flap = scene.effusion.as_ref().is_some_and(|effusion| effusion.flap.is_some());
            assert!(!scene.consolidations.is_empty() || flap);
        }
    }
    let has = |finding| frame.labels.presence(finding) == Presence::Present;
    assert!(!has(Finding::BLinesConfluent) || has(Finding::BLinesSeveral));
    assert!(!has(Finding::BLinesSeveral) || has(Finding::BLines));
    assert!(frame.labels.b_line_count as usize <= scene.lung.b_lines.len());
    assert!(!(scene.lung.b_lines.is_empty() && has(Finding::BLines)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn labels_agree_with_masks(seed in any::<u64>(), outside in any::<bool>()) {
        let ranges = if outside { Ranges::outside() } else { Ranges::training() };
        check_labels(&Scene::draw(&ranges, seed).unwrap());
    }

    /// Every interval as wide as its limits: anything a scene may be. It is drawn or refused, and never panics.
    #[test]
    fn any_parameters_within_limits_give_a_frame(seed in any::<u64>()) {
        let mut ranges = Ranges::training();
        for row in QUANTITIES {
            ranges.set(row.name, row.limits.0, row.limits.1).unwrap();
        }
        for (name, low, high) in [
            ("machine.width_px", 32.0, 96.0),
            ("machine.height_px", 32.0, 96.0),
            ("machine.beams", 16.0, 64.0),
            ("machine.samples", 64.0, 160.0),
        ] {
            ranges.set(name, low, high).unwrap();
        }
        match Scene::draw(&ranges, seed) {
            Ok(scene) => {
                let simulator = Simulator::new(&scene).unwrap();
                for frame in [0, 1, 77] {
                    simulator.frame(frame).unwrap();
                }
            }
            Err(error) => {
                let named = matches!(error, PhantomError::Scene { .. } | PhantomError::Limit { .. });
                prop_assert!(named, "{error}");
            }
        }
    }
}

#[test]
fn scenes_keep_to_their_ranges() {
    let (training, outside) = (Ranges::training(), Ranges::outside());
    for seed in 0..300 {
        let scene = Scene::draw(&training, seed).unwrap();
        assert_eq!(training.violations(&scene), [], "{seed}");
        let strange = Scene::draw(&outside, seed).unwrap();
        assert_eq!(outside.violations(&strange), [], "{seed}");
        assert!(training.violations(&strange).len() >= 10, "{seed}");
    }
}

#[test]
fn what_is_asked_for_is_there() {
    for finding in &Finding::ALL[..8] {
        let ranges = Ranges::training().only(*finding);
        let present = (0..40)
            .filter(|seed| {
                let scene = Scene::draw(&ranges, *seed).unwrap();
                let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
                frame.labels.presence(*finding) == Presence::Present
            })
            .count();
        println!("{}: {present} of 40", finding.code());
        assert!(present >= 34, "{finding:?}: {present} of 40");
    }
}

#[test]
fn rates_are_kept() {
    let ranges = Ranges::training();
    let scenes: Vec<Scene> = (0..600).map(|seed| Scene::draw(&ranges, seed).unwrap()).collect();
    let share = |is: fn(&Scene) -> bool| scenes.iter().filter(|scene| is(scene)).count() as f64 / 600.0;
    // Four standard errors of 600 draws are at most 0.08.
    assert!((share(|scene| scene.effusion.is_some()) - ranges.rates.effusion).abs() < 0.08);
    let intercostal = 1.0 - share(|scene| scene.base.is_some());
    let b_lines = share(|scene| !scene.lung.b_lines.is_empty());
    assert!((b_lines - 0.5 * intercostal).abs() < 0.08, "{b_lines}");
    let single = share(|scene| scene.lung.b_lines.len() == 1);
    let double = share(|scene| scene.lung.b_lines.len() == 2);
    assert!(single > 0.03 && double > 0.03, "{single} {double}");
}

#[test]
fn captions_name_what_is_there_in_several_ways() {
    let scene = Scene::draw(&Ranges::training().only(Finding::BLinesConfluent), 3).unwrap();
    let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
    let texts = captions(&frame.labels, 1, 24).unwrap();
    let words = ["confluent", "coalescent", "white lung", "running together"];
    assert!(texts.iter().all(|text| words.iter().any(|word| text.contains(word))), "{texts:#?}");
    let mut different = texts.clone();
    different.sort();
    different.dedup();
    assert!(different.len() >= 12, "{texts:#?}");
    assert_eq!(captions(&frame.labels, 1, 3).unwrap(), texts[..3]);
    assert!(captions(&frame.labels, 1, 1000).is_err());
}

#[test]
fn a_scene_that_cannot_be_is_refused() {
    let good = Scene::draw(&Ranges::training(), 1).unwrap();
    let refused = |change: fn(&mut Scene)| {
        let mut scene = good.clone();
        change(&mut scene);
        Simulator::new(&scene).err().unwrap()
    };
    assert!(matches!(refused(|s| s.machine.gain_db = f64::NAN), PhantomError::Limit { .. }));
    assert!(matches!(refused(|s| s.machine.beams = 1), PhantomError::Limit { .. }));
    assert!(matches!(refused(|s| s.machine.width_px = 5000), PhantomError::Limit { .. }));
    assert!(matches!(refused(|s| s.motion.frames = 5000), PhantomError::Limit { .. }));
    assert!(matches!(refused(|s| s.pleura.depth_mm = 119.0), PhantomError::Scene { .. }));
    let many = refused(|s| {
        let mut ranges = Ranges::training().only(Finding::BLines);
        ranges.rates.b_lines = [0.0, 1.0, 0.0, 0.0];
        let line = Scene::draw(&ranges, 1).unwrap().lung.b_lines[0].clone();
        s.lung.b_lines = vec![line; 33];
    });
    assert_eq!(many.to_string(), "B-lines: at most 32 are supported, got 33");
}

#[test]
fn a_screen_keeps_its_scan_and_says_where_text_is() {
    let scene = Scene::draw(&Ranges::training(), 4).unwrap();
    let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
    let mut screen = Screen {
        width_px: 640,
        height_px: 480,
        header: vec!["NOBODY, JOHN".into(), "1970-01-01".into()],
        marker: MarkerSide::Left,
    };
    let shot = screen.draw(&scene, &frame).unwrap();
    assert_eq!((shot.pixels.width(), shot.pixels.height()), (640, 480));
    let region = shot.region;
    assert!(region.region_location_max_x1 < 640 && region.region_location_max_y1 < 480);
    assert!((region.physical_delta_x * 10.0 - frame.geometry.mm_per_pixel).abs() < 1e-12);
    for text in &shot.text {
        let outside = text.bottom < region.region_location_min_y0
            || text.top > region.region_location_max_y1
            || text.left > region.region_location_max_x1;
        assert!(outside, "{text:?} {region:?}");
    }
    screen.width_px = 300;
    assert!(matches!(screen.draw(&scene, &frame), Err(PhantomError::Screen { .. })));
    screen.header = vec![String::new(); 33];
    assert!(matches!(screen.draw(&scene, &frame), Err(PhantomError::Count { .. })));
}

#[test]
fn a_record_is_one_line_of_json() {
    let scene = Scene::draw(&Ranges::training(), 9).unwrap();
    let frame = Simulator::new(&scene).unwrap().frame(0).unwrap();
    let record = FrameRecord::new(&scene, &frame, 0, "000009.png", 4).unwrap();
    let line = serde_json::to_string(&record).unwrap();
    assert!(!line.contains('\n'));
    let back: FrameRecord = serde_json::from_str(&line).unwrap();
    assert_eq!((back.scene, back.captions.len()), (scene, 4));
    assert!(frame.truth.count(Structure::PleuralLine) > 0);
}
