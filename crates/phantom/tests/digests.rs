//! Same seed, same bytes: digests of frames, labels and masks, which must agree on every machine.
//!
//! A change of the simulation changes them; then, and only then, they are written anew (the failing test prints
//! them). They were made on x86-64 Linux with rustc 1.95, optimised and not.

use bedside_phantom::{Finding, Ranges, Scene, Simulator, Structure, captions};
use sha2::{Digest, Sha256};

/// Digest of pixels, labels, masks, captions and the scene's record.
fn digest(scene: &Scene, frame: u32) -> String {
    let frame = Simulator::new(scene).unwrap().frame(frame).unwrap();
    let mut hash = Sha256::new();
    hash.update(frame.pixels.bytes());
    hash.update(serde_json::to_vec(&frame.labels).unwrap());
    for structure in Structure::ALL {
        hash.update(frame.truth.mask(structure).unwrap().bytes());
    }
    hash.update(captions(&frame.labels, scene.seed, 5).unwrap().join("\n"));
    hash.update(serde_json::to_vec(scene).unwrap());
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frames_are_the_same_on_every_machine() {
    let training = Ranges::training();
    let mut cine = training.only(Finding::BLinesSeveral);
    cine.set("motion.frames", 20.0, 20.0).unwrap();
    let mut base = training.only(Finding::PleuralEffusion);
    base.rates.base_view = 1.0;
    base.rates.probes = [0.0, 1.0, 1.0];
    let cases = [
        ("training 1", training.clone(), 1, 0, "1c7c0bc266e2a6bf"),
        ("training 2", training.clone(), 2, 0, "079e8320e1fd6266"),
        ("training 3", training.clone(), 3, 0, "bd3ee87761c72116"),
        ("confluent", training.only(Finding::BLinesConfluent), 4, 0, "522d76232e65f651"),
        ("consolidation", training.only(Finding::AirBronchograms), 5, 0, "faf777105573ce14"),
        ("base effusion", base, 6, 0, "6b9d834ee158b5cc"),
        ("cine", cine, 7, 13, "cd93918747f34b80"),
        ("outside", Ranges::outside(), 8, 0, "30e39c8b60c8d3d8"),
    ];
    let found: Vec<String> = cases
        .iter()
        .map(|(name, ranges, seed, frame, _)| {
            format!("{name} {}", digest(&Scene::draw(ranges, *seed).unwrap(), *frame))
        })
        .collect();
    let expected: Vec<String> = cases.iter().map(|(name, .., digest)| format!("{name} {digest}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_scene_read_back_from_json_is_the_same_scene() {
    for seed in 0..60 {
        let scene = Scene::draw(&Ranges::training(), seed).unwrap();
        let text = serde_json::to_string(&scene).unwrap();
        assert_eq!(serde_json::from_str::<Scene>(&text).unwrap(), scene, "{seed}");
    }
    let ranges = Ranges::outside();
    let text = serde_json::to_string(&ranges).unwrap();
    assert_eq!(serde_json::from_str::<Ranges>(&text).unwrap(), ranges);
}
