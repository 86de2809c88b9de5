//! What is refused, with which code, by which words.

use std::fs;

use serde_json::json;

use crate::tiny::{Tiny, assert_error, edit, edit_tensors, png_header};

#[test]
fn broken_models_are_refused_by_name() {
    let Some(tiny) = Tiny::new() else { return };
    let missing = "vision_model.encoder.layers.1.self_attn.q_proj.weight";
    edit_tensors(&tiny.copy("missing"), |header, _| {
        let entry = header.as_object_mut().unwrap().remove(missing).unwrap();
        header["something.else"] = entry;
    });
    let spoilt = "text_model.encoder.layers.0.mlp.fc1.weight";
    edit_tensors(&tiny.copy("nan"), |header, data| {
        let begin = header[spoilt]["data_offsets"][0].as_u64().unwrap() as usize;
        data[begin..begin + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    edit(&tiny.copy("tokenizer").join("tokenizer.json"), |tokenizer| {
        let added = json!({ "id": 2014, "content": "<more>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true });
        tokenizer["added_tokens"].as_array_mut().unwrap().push(added);
    });
    edit(&tiny.copy("config").join("config.json"), |config| {
        config["vision_config"]["hidden_size"] = json!(0);
    });
    fs::remove_file(tiny.copy("untold").join("preprocessor_config.json")).unwrap();
    edit(&tiny.copy("other").join("config.json"), |config| config["model_type"] = json!("llama"));
    fs::create_dir(tiny.bench.path("empty")).unwrap();
    let us = tiny.image("us");
    for (model, message) in [
        ("missing", missing),
        ("nan", "tensor t.blk.0.ffn_up.weight: 1 values are NaN or infinite"),
        ("tokenizer", "the tokenizer has 2015 ids"),
        ("config", "hidden_size"),
        ("untold", "preprocessor_config.json is missing"),
        ("other", "is no dual encoder this build knows: model_type llama"),
        ("in.gguf", "is no dual encoder this build knows: general.architecture demo"),
        ("empty", "empty"),
        ("none", "none"),
    ] {
        let classify = ["classify", "--model", model, "--image", &us, "--label", "a", "b"];
        let (out, err) = tiny.bench.expect(4, &classify);
        assert!(out.is_empty() && err.contains(message) && err.contains(model), "{model}: {err}");
        assert_error(&tiny.bench.json(4, &[&classify[..], &["--json"]].concat()), 4, message);
    }
    // What the plan looks at, it refuses too; a tower that is not loaded is not looked at.
    tiny.bench.expect(4, &["model", "plan", "missing"]);
    tiny.bench.expect(4, &["bench", "--model", "missing", "--image", &us]);
    tiny.bench.expect(0, &["embed", "--model", "nan", "--image", &us]);
    tiny.bench.expect(4, &["embed", "--model", "nan", "--text", "a"]);
}

#[test]
fn a_load_beyond_the_budget_is_refused_with_the_numbers() {
    let Some(tiny) = Tiny::new() else { return };
    let us = tiny.image("us");
    let budget = ["--memory-budget", "64KiB", "--json"];
    let commands: [&[&str]; 3] = [
        &["embed", "--model", "model", "--image", &us],
        &["classify", "--model", "model", "--image", &us, "--label", "a"],
        &["bench", "--model", "model", "--image", &us],
    ];
    for command in commands {
        let document = tiny.bench.json(4, &[command, &budget].concat());
        assert_error(&document, 4, "bytes are needed, the budget is 65536: weights ");
    }
}

#[test]
fn broken_images_are_refused_by_name() {
    let Some(tiny) = Tiny::new() else { return };
    let us = fs::read(tiny.image("us")).unwrap();
    for (name, bytes) in [
        ("zero.png", png_header(0, 5)),
        ("garbage.png", b"\x89PNG\r\n\x1a\ngarbage".to_vec()),
        ("text.png", b"hello".to_vec()),
        ("nothing.png", Vec::new()),
        ("half.png", us[..us.len() / 2].to_vec()),
        ("huge.png", png_header(1 << 20, 1 << 20)),
    ] {
        fs::write(tiny.bench.path(name), bytes).unwrap();
    }
    for (image, message) in [
        ("zero.png", "at least one column and one row, got 0 x 5"),
        ("garbage.png", "PNG"),
        ("text.png", "it begins with 68 65 6c 6c 6f"),
        ("nothing.png", "it begins with nothing"),
        ("half.png", "PNG"),
        ("huge.png", "at most"),
        ("none.png", "cannot read"),
        ("model", "is no regular file"),
    ] {
        let commands: [&[&str]; 3] = [
            &["embed", "--model", "model", "--image", image],
            &["classify", "--model", "model", "--label", "a", "--image", image],
            &["bench", "--model", "model", "--runs", "1", "--image", image],
        ];
        for command in commands {
            let document = tiny.bench.json(3, &[command, &["--json"]].concat());
            assert_error(&document, 3, message);
            assert!(document["error"].as_str().unwrap().starts_with(&format!("{image}: ")), "{document}");
        }
    }
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let Some(tiny) = Tiny::new() else { return };
    let cases: &[(&[&str], &str)] = &[
        (&["embed", "--model", "model"], "--image"),
        (&["embed", "--model", "model", "--image", "a.png", "--text", "a"], "cannot be used with"),
        (&["embed", "--model", "model", "--text", "a", "--npy", "--json"], "cannot be used with"),
        (&["embed", "--model", "model", "--text", "a", "--features"], "--json"),
        (&["embed", "--model", "model", "--text", "a", "--features", "--npy"], "cannot be used with"),
        (&["embed", "--model", "model", "--text", "a", "--out", "a.npy"], "--npy"),
        (&["embed", "--model", "model", "--text", "a", "--numerics", "rough"], "exact, fast"),
        (&["embed", "--model", "model", "--text", "a", "--memory-budget", "much"], "GiB is expected"),
        (&["embed", "--model", "model", "--text", "a", "--threads", "0"], "--threads"),
        (&["classify", "--model", "model", "--image", "a.png"], "--label"),
        (&["classify", "--model", "model", "--label", "a"], "--image"),
        (&["classify", "--model", "model", "--image", "a.png", "--label", " "], "a label with letters"),
        (
            &["classify", "--model", "model", "--image", "a.png", "--label", "a", "--template", "a photo"],
            "a text with {} for the label",
        ),
        (&["bench"], "--model"),
        (&["bench", "--model", "model"], "--image"),
        (&["bench", "--model", "model", "--image", "a.png", "--runs", "0"], "--runs"),
        (&["bench", "ops", "--op", "none"], "no such operation"),
        (&["model", "plan", "model", "--images", "0"], "--images"),
    ];
    for (arguments, message) in cases {
        let (_, err) = tiny.bench.expect(2, arguments);
        assert!(err.contains(message), "{arguments:?}: {err}");
        // With --json, --features is right.
        if !arguments.iter().any(|argument| ["--json", "--features"].contains(argument)) {
            assert_error(&tiny.bench.json(2, &[*arguments, &["--json"]].concat()), 2, "");
        }
    }
}
