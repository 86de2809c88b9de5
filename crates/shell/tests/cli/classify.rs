//! `bedside classify` and `bedside bench --model`.

use serde_json::json;

use crate::tiny::Tiny;

#[test]
fn scores_are_the_references_and_say_what_they_are_not() {
    let Some(tiny) = Tiny::new() else { return };
    let (images, prompts) = (tiny.images(), tiny.prompts());
    let mut arguments = vec!["classify", "--model", "model", "--json", "--label"];
    arguments.extend(prompts.iter().map(String::as_str));
    arguments.push("--image");
    arguments.extend(images.iter().map(String::as_str));
    let document = tiny.bench.json(0, &arguments);
    assert_eq!(
        (&document["schema"], &document["calibrated"], &document["activation"]),
        (&json!("bedside.classify/1"), &json!(false), &json!("softmax"))
    );
    let note = document["note"].as_str().unwrap();
    assert!(note.starts_with("uncalibrated: a model's own probabilities, for demonstration only"), "{note}");
    assert_eq!(document["labels"], json!(prompts));
    let (probs, logits) = (tiny.expected("probs"), tiny.expected("logits_per_image"));
    for (row, image) in document["images"].as_array().unwrap().iter().enumerate() {
        assert_eq!(image["input"], json!(images[row]));
        for (column, score) in image["scores"].as_array().unwrap().iter().enumerate() {
            let at = row * prompts.len() + column;
            let number = |key: &str| score[key].as_f64().unwrap() as f32;
            assert_eq!(score["label"], json!(prompts[column]));
            assert!((number("probability") - probs[at]).abs() < 1e-4, "{score}");
            assert!((number("logit") - logits[at]).abs() < 1e-3, "{score}");
        }
    }
}

#[test]
fn wordings_are_averaged_and_a_refused_image_stops_no_other() {
    let Some(tiny) = Tiny::new() else { return };
    let us = tiny.image("us");
    let images = ["--image", &us, "none.png"];
    let arguments = ["classify", "--model", "model", "--label", "b-lines", "a cat", "--template", "{}"];
    let (out, err) = tiny.bench.expect(1, &[&arguments[..], &["a photo of {}"], &images].concat());
    for part in ["b-lines", "a cat", "softmax", "the mean of 2 wordings", "for demonstration only\n"] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
    assert!(err.contains("none.png: cannot read"), "{err}");
}

#[test]
fn bench_measures_each_phase() {
    let Some(tiny) = Tiny::new() else { return };
    let us = tiny.image("us");
    let arguments = ["bench", "--model", "model", "--image", &us, "--runs", "5", "--threads", "1"];
    let document = tiny.bench.json(0, &[&arguments[..], &["--json"]].concat());
    assert_eq!(document["schema"], "bedside.bench/1");
    let phases = document["phases"].as_array().unwrap().iter();
    let phases: Vec<(&str, u64)> =
        phases.map(|p| (p["name"].as_str().unwrap(), p["runs"].as_u64().unwrap())).collect();
    let expected = [
        ("open", 3),
        ("plan", 3),
        ("load", 3),
        ("decode", 5),
        ("preprocess", 5),
        ("encode", 5),
        ("first result", 3),
    ];
    assert_eq!(phases, expected);
    for phase in document["phases"].as_array().unwrap() {
        let (median, p95) = (phase["median_ms"].as_f64().unwrap(), phase["p95_ms"].as_f64().unwrap());
        assert!(median > 0.0 && median <= p95, "{phase}");
    }
    assert!(document["planned_bytes"].as_u64().unwrap() > 0);
    assert_eq!(document["peak_bytes"].is_u64(), cfg!(target_os = "linux"));
    let (out, _) = tiny.bench.expect(0, &arguments);
    assert!(out.contains("first result") && out.contains("peak memory"), "{out}");
}
