//! `bedside phantom` and `bedside image …`: scans are simulated, then read again.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::Bench;

#[test]
fn a_phantom_is_written_with_its_truth_and_the_same_seed_gives_the_same_bytes() {
    let bench = Bench::new();
    let arguments =
        ["--count", "2", "--seed", "7", "--finding", "consolidation", "--without-lesion", "--json"];
    let run = |out: &str| bench.json(0, &[&["phantom", "--out", out], &arguments[..]].concat());
    let document = run(bench.path("a").to_str().unwrap());
    assert_eq!((&document["schema"], &document["frames"]), (&"bedside.phantom-run/1".into(), &4.into()));
    let records = fs::read_to_string(bench.path("a/frames.jsonl")).unwrap();
    let records: Vec<Json> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 4);
    let present = |record: &Json| {
        let findings = record["labels"]["findings"].as_array().unwrap();
        findings.iter().any(|f| f["finding"] == "consolidation" && f["presence"] == "present")
    };
    assert!(present(&records[0]) && !present(&records[1]), "with its lesion and without");
    for record in &records {
        assert!(record["captions"].as_array().unwrap().len() == 3);
        assert!(bench.path("a").join(record["file"].as_str().unwrap()).is_file());
    }
    run(bench.path("b").to_str().unwrap());
    for name in ["frames.jsonl", "contact-sheet.png", "scene-000007.png"] {
        assert_eq!(
            fs::read(bench.path("a").join(name)).unwrap(),
            fs::read(bench.path("b").join(name)).unwrap()
        );
    }
    let out = bench.path("a");
    let (_, error) = bench.expect(2, &["phantom", "--out", out.to_str().unwrap()]);
    assert!(error.contains("frames.jsonl: exists; give --force"), "{error}");
    let (_, error) = bench.expect(2, &["phantom", "--out", "x", "--finding", "pneumothorax"]);
    assert!(error.contains("one of a_lines, b_lines"), "{error}");
}

#[test]
fn frames_are_masked_unless_unmasked_is_typed_out() {
    let bench = Bench::new();
    let out = bench.path("p");
    let out = out.to_str().unwrap();
    bench.expect(0, &["phantom", "--out", out, "--count", "1", "--seed", "3", "--screen"]);
    let scan = format!("{out}/scene-000003.png");
    let facts = bench.json(0, &["image", "inspect", &scan, "--json"]);
    assert_eq!(facts["scan"]["kind"], "Png");
    assert!(facts["mask"]["kept"]["kept_share"].as_f64().unwrap() < 0.8, "{facts}");
    assert_eq!(facts["frames"][0]["laterality"], Json::Null, "what a PNG does not say is unknown");
    let (text, _) = bench.expect(0, &["image", "inspect", &scan]);
    assert!(text.contains("side of the body") && text.contains("unknown"), "{text}");

    let folder = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    bench.expect(0, &["image", "convert", &scan, "--out", &folder("masked")]);
    bench.expect(0, &["image", "convert", &scan, "--out", &folder("whole"), "--unmasked"]);
    let read = |name: &str| {
        let bytes = fs::read(bench.path(name).join("frame-00001.png")).unwrap();
        bedside_imaging::decode(&bytes).unwrap().pixels
    };
    let (masked, whole) = (read("masked"), read("whole"));
    // The first rows hold the invented name.
    let bright = |pixels: &bedside_imaging::Pixels| {
        let rows = 40 * pixels.width() as usize * pixels.channels() as usize;
        pixels.bytes()[..rows].iter().filter(|value| **value > 100).count()
    };
    assert!(bright(&whole) > 50);
    assert_eq!(bright(&masked), 0, "{scan}");

    let (_, error) = bench.expect(3, &["image", "convert", &scan, "--out", &folder("x"), "--frames", "2"]);
    assert!(error.contains("frame 2 was asked for; there is one frame"), "{error}");
    let (_, error) = bench.expect(2, &["image", "convert", &scan, "--out", &folder("masked")]);
    assert!(error.contains("exists; give --force"), "{error}");
}

#[test]
fn a_scan_is_exported_without_identifiers() {
    let bench = Bench::new();
    let out = bench.path("p");
    bench.expect(0, &["phantom", "--out", out.to_str().unwrap(), "--count", "1", "--seed", "3", "--dicom"]);
    let scan = out.join("scene-000003.dcm");
    let holds = |bytes: &[u8]| bytes.windows(9).any(|window| window == b"SIMULATED");
    assert!(holds(&fs::read(&scan).unwrap()), "there is a name to be taken out");
    let folder = bench.path("out");
    let arguments =
        ["image", "convert", scan.to_str().unwrap(), "--out", folder.to_str().unwrap(), "--dicom"];
    bench.expect(0, &arguments);
    let exported = folder.join("deidentified.dcm");
    assert!(!holds(&fs::read(&exported).unwrap()));
    let facts = bench.json(0, &["image", "inspect", exported.to_str().unwrap(), "--json"]);
    assert_eq!(facts["scan"]["modality"], "US");
    bench.expect(2, &[&arguments[..], &["--unmasked"]].concat());
}

#[test]
fn a_tensor_is_written_as_the_model_would_get_it() {
    let bench = Bench::new();
    let out = bench.path("p");
    bench.expect(0, &["phantom", "--out", out.to_str().unwrap(), "--count", "1", "--seed", "3"]);
    let scan = out.join("scene-000003.png");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/dual/clip-gelu-tiny/model");
    let file = bench.path("x.npy");
    let arguments = ["image", "preprocess", scan.to_str().unwrap(), "--like", model.to_str().unwrap()];
    let arguments = [&arguments[..], &["--out", file.to_str().unwrap(), "--unmasked", "--json"]].concat();
    let document = bench.json(0, &arguments);
    let shape: Vec<usize> =
        document["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    assert_eq!(shape[0], 3);
    let bytes = fs::read(&file).unwrap();
    assert_eq!(bytes.len(), 128 + 4 * shape.iter().product::<usize>());
    let (_, error) = bench.expect(2, &arguments);
    assert!(error.contains("exists"), "{error}");
}

#[test]
fn what_shows_no_scan_is_withheld_and_inspect_says_why() {
    let bench = Bench::new();
    let path = bench.path("grey.png");
    let grey = bedside_imaging::Pixels::new(64, 64, 1, vec![128; 64 * 64]).unwrap();
    fs::write(&path, bedside_imaging::encode_png(&grey).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    let facts = bench.json(0, &["image", "inspect", path, "--json"]);
    assert!(facts["mask"]["withheld"].is_string(), "{facts}");
    let out = bench.path("out");
    bench.expect(3, &["image", "convert", path, "--out", out.to_str().unwrap()]);
    assert!(!out.exists(), "nothing is made for a refused scan");
    let text = bench.path("text.dcm");
    fs::write(&text, "not a scan").unwrap();
    bench.expect(3, &["image", "inspect", text.to_str().unwrap()]);
}
