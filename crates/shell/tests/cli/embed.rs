//! `bedside embed`: the reference's numbers by every way out, and what becomes of inputs that are refused.

use std::fs;

use serde_json::json;

use crate::tiny::{Tiny, assert_close, assert_error, numbers};

/// Width of the tiny model's embeddings.
const WIDTH: usize = 36;

#[test]
fn embeddings_are_the_references() {
    let Some(tiny) = Tiny::new() else { return };
    for (kind, inputs, embeds, features) in [
        ("--image", tiny.images(), "image_embeds", "image_features"),
        ("--text", tiny.prompts(), "text_embeds", "text_features"),
    ] {
        let document = tiny.embed("model", kind, &inputs);
        assert_eq!((&document["schema"], &document["kind"]), (&json!("bedside.embed/1"), &json!(&kind[2..])));
        assert_eq!(document["model"]["identity"].as_str().unwrap().len(), 64);
        let executor = &document["executor"];
        assert_eq!((&executor["device"], &executor["numerics"]), (&json!("cpu"), &json!("exact")));
        assert!(executor["threads"].as_u64().unwrap() >= 1 && executor["tier"].is_string());
        assert_eq!((&document["failed"], &document["architecture"]), (&json!([]), &json!("CLIP")));
        assert!(document["note"].as_str().unwrap().starts_with("for demonstration"));
        let names = document["embeddings"].as_array().unwrap().iter().map(|line| &line["input"]);
        assert!(names.eq(inputs.iter()), "{document}");
        assert_close(&numbers(&document["embeddings"], "embedding"), &tiny.expected(embeds));
        assert!(document["embeddings"][0].get("features").is_none());

        let mut arguments = vec!["embed", "--model", "model", "--json", "--features", kind];
        arguments.extend(inputs.iter().map(String::as_str));
        let document = tiny.bench.json(0, &arguments);
        let largest = tiny.expected(features).iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scaled = |v: Vec<f32>| v.iter().map(|v| v / largest).collect::<Vec<_>>();
        let got = numbers(&document["embeddings"], "features");
        assert_close(&scaled(got), &scaled(tiny.expected(features)));
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    let Some(tiny) = Tiny::new() else { return };
    let prompts = tiny.prompts();
    let together = numbers(&tiny.embed("model", "--text", &prompts)["embeddings"], "embedding");
    let alone =
        tiny.bench.json(0, &["embed", "--model", "model", "--text", &prompts[3], "--json", "--threads", "3"]);
    assert_eq!(alone["executor"]["threads"], 3);
    assert_eq!(numbers(&alone["embeddings"], "embedding"), together[3 * WIDTH..4 * WIDTH]);
}

#[test]
fn an_array_is_numpys_on_standard_output_and_in_a_file() {
    let Some(tiny) = Tiny::new() else { return };
    let images = tiny.images();
    let mut arguments = vec!["embed", "--model", "model", "--npy", "--image"];
    arguments.extend(images.iter().map(String::as_str));
    let output = tiny.bench.run(&arguments);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let array = output.stdout;
    let (header, data) = array.split_at(128);
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {WIDTH}), }}");
    assert!(header[10..].starts_with(shape.as_bytes()));
    let values: Vec<f32> =
        data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_close(&values, &tiny.expected("image_embeds"));

    arguments.extend(["--out", "images.npy"]);
    let (out, _) = tiny.bench.expect(0, &arguments);
    assert!(out.starts_with("images.npy: 3 rows of 36 f32\nfor demonstration"), "{out}");
    assert_eq!(fs::read(tiny.bench.path("images.npy")).unwrap(), array);
    let (_, err) = tiny.bench.expect(2, &arguments);
    assert!(err.contains("images.npy exists already; give --force"), "{err}");
    arguments.push("--force");
    tiny.bench.expect(0, &arguments);
}

#[test]
fn a_person_reads_a_table() {
    let Some(tiny) = Tiny::new() else { return };
    let (out, err) = tiny.bench.expect(0, &["embed", "--model", "model", "--text", "a \u{1b}[31mred text"]);
    assert!(out.starts_with("CLIP on cpu, ") && err.is_empty(), "{out}{err}");
    assert!(out.contains("a \\u{1b}[31mred text") && !out.contains('\u{1b}'), "{out}");
    assert!(out.ends_with("for demonstration and engineering only: nothing here is a diagnosis\n"), "{out}");
    assert!(!tiny.bench.path("store").exists(), "nobody asked for an identity");
}

#[test]
fn refused_inputs_are_named_and_the_others_embedded() {
    let Some(tiny) = Tiny::new() else { return };
    let bench = &tiny.bench;
    fs::write(bench.path("bad\u{1b}.png"), "no picture").unwrap();
    let [us, odd] = ["us", "odd"].map(|name| tiny.image(name));
    let arguments =
        ["embed", "--model", "model", "--image", &us, "bad\u{1b}.png", "--image", "none.png", &odd, "--json"];
    let (out, err) = bench.expect(1, &arguments);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = tiny.expected("image_embeds");
    let expected = [&expected[..WIDTH], &expected[2 * WIDTH..]].concat();
    assert_close(&numbers(&document["embeddings"], "embedding"), &expected);
    let failed = document["failed"].as_array().unwrap();
    assert_eq!((&failed[0]["input"], &failed[1]["input"]), (&json!("bad\u{1b}.png"), &json!("none.png")));
    assert!(failed[0]["error"].as_str().unwrap().contains("PNG or JPEG is expected"), "{document}");
    assert!(err.contains("bedside: bad\\u{1b}.png: is no picture") && err.contains("none.png: cannot read"));

    let all = ["embed", "--model", "model", "--image", "none.png", "bad\u{1b}.png", "--json"];
    assert_error(&bench.json(3, &all), 3, "all 2 inputs were refused: none.png: cannot read");
}
