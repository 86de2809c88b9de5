//! `bedside model convert` and `bedside model plan`.

use std::process::{Command, Stdio};

use bedside_tensor::DType;
use bedside_weights::Model;
use serde_json::json;

use crate::tiny::{Tiny, numbers};

#[test]
fn a_converted_model_gives_the_same_numbers() {
    let Some(tiny) = Tiny::new() else { return };
    let before = tiny.bench.names();
    let document = tiny.bench.json(0, &["model", "convert", "model", "tiny.gguf", "--json"]);
    assert_eq!(
        (&document["schema"], &document["to"], &document["quantized"]),
        (&json!("bedside.model-convert/1"), &json!(null), &json!(null))
    );
    assert!(document["tensors"].as_u64().unwrap() > 50 && document["left_out"].is_array(), "{document}");
    let mut after = tiny.bench.names();
    after.retain(|name| name != "tiny.gguf");
    assert_eq!(after, before);
    for (kind, inputs) in [("--image", tiny.images()), ("--text", tiny.prompts())] {
        let [folder, file] =
            ["model", "tiny.gguf"].map(|model| tiny.embed(model, kind, &inputs)["embeddings"].clone());
        assert_eq!(numbers(&folder, "embedding"), numbers(&file, "embedding"));
    }
    let runs = &tiny.bench.json(0, &["model", "inspect", "tiny.gguf", "--json"])["runs"];
    assert_eq!(runs, &json!({ "runs": true, "reason": "embeds images and texts (CLIP)" }));
}

#[test]
fn a_converted_model_is_quantized_on_the_way() {
    let Some(tiny) = Tiny::new() else { return };
    let before = tiny.bench.names();
    let arguments = ["model", "convert", "model", "small.gguf", "--to", "q8_0"];
    let (out, _) = tiny.bench.expect(0, &[&arguments[..], &["--keep", "attn_q=f32"]].concat());
    assert!(
        out.contains("tensors converted")
            && out.contains("F16 instead of Q8_0")
            && out.contains("small.gguf"),
        "{out}"
    );
    let mut after = tiny.bench.names();
    after.retain(|name| name != "small.gguf");
    assert_eq!(after, before, "no temporary file stays");
    let model = Model::open(&tiny.bench.path("small.gguf")).unwrap();
    let of =
        |ending: &str, dtype| model.tensors().iter().any(|t| t.name.ends_with(ending) && t.dtype == dtype);
    assert!(of("attn_q.weight", DType::F32) && of("ffn_down.weight", DType::F16));
    tiny.embed("small.gguf", "--image", &tiny.images());
    let fast = ["embed", "--model", "small.gguf", "--text", "b-lines", "--numerics", "fast", "--json"];
    assert_eq!(tiny.bench.json(0, &fast)["executor"]["numerics"], "fast");
}

#[test]
fn a_conversion_loses_nothing() {
    let Some(tiny) = Tiny::new() else { return };
    std::fs::write(tiny.bench.path("taken.gguf"), "mine").unwrap();
    let before = tiny.bench.names();
    let cases: &[(i32, &[&str], &str)] = &[
        (2, &["model", "taken.gguf"], "taken.gguf: exists already; give --force"),
        (2, &["model", "taken.gguf", "--to", "q8_0"], "--force"),
        (2, &["model", "out.gguf", "--to", "q9_k"], "Q4_K"),
        (2, &["model", "out.gguf", "--to", "q8_0", "--keep", "nothing=f16"], "no tensor matches"),
        (2, &["model", "out.gguf", "--keep", "a=f16"], "--to"),
        (2, &["model", "model/model.safetensors", "--force"], "the model that is read"),
        (2, &["model", "out-00001-of-00002.gguf"], "part of a split model"),
        (6, &["model", "no/such/folder/out.gguf"], "temporary file"),
        (6, &["model", "no/such/folder/out.gguf", "--to", "q8_0"], "temporary folder"),
        (4, &["in.gguf", "out.gguf"], "in.gguf: is no dual encoder this build knows"),
        (4, &["none", "out.gguf", "--to", "q8_0"], "none"),
    ];
    for (code, arguments, message) in cases {
        let (_, err) = tiny.bench.expect(*code, &[&["model", "convert"], *arguments].concat());
        assert!(err.contains(message), "{arguments:?}: {err}");
        assert_eq!(tiny.bench.names(), before, "{arguments:?}");
    }
    assert_eq!(std::fs::read(tiny.bench.path("taken.gguf")).unwrap(), b"mine");
    tiny.bench.expect(0, &["model", "convert", "model", "taken.gguf", "--force"]);
}

/// Whenever the signal arrives, the folder holds what was there before, or the whole output besides.
#[test]
fn a_stopped_conversion_leaves_no_temporary_file() {
    let Some(tiny) = Tiny::new() else { return };
    let before = tiny.bench.names();
    for wait_ms in [0, 5, 10, 20, 40, 80, 160] {
        let arguments = ["model", "convert", "model", "out.gguf", "--to", "q2_k", "--force"];
        let mut command = tiny.bench.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        // It may have ended already.
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        let mut after = tiny.bench.names();
        after.retain(|name| name != "out.gguf");
        assert_eq!(after, before, "after {wait_ms} ms");
    }
}

#[test]
fn a_plan_says_what_a_load_costs() {
    let Some(tiny) = Tiny::new() else { return };
    let plan = |more: &[&str]| tiny.bench.json(0, &[&["model", "plan", "model", "--json"], more].concat());
    let document = plan(&[]);
    assert_eq!((&document["schema"], &document["fits"]), (&json!("bedside.model-plan/1"), &json!(null)));
    let bytes = |tower: &str| document[tower]["total_bytes"].as_u64().unwrap();
    assert_eq!(bytes("image") + bytes("text"), bytes("sum"));
    assert!(document["image"]["flops"].as_u64().unwrap() > 0 && document.get("plans").is_none());
    let more = plan(&["--images", "4", "--nodes", "--memory-budget", "1GiB"]);
    assert!(more["image"]["activations_bytes"].as_u64() > document["image"]["activations_bytes"].as_u64());
    assert_eq!((&more["fits"], more["plans"].as_array().unwrap().len()), (&json!(true), 2));

    let (out, _) = tiny.bench.expect(0, &["model", "plan", "model", "--nodes"]);
    for part in ["image tower", "text tower", "sum", "GFLOP", "plan of image tower", "step"] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
    let sum = bytes("sum").to_string();
    for (budget, code) in [(sum.as_str(), 0), ("100kB", 4)] {
        tiny.bench.expect(code, &["model", "plan", "model", "--memory-budget", budget]);
    }
    let (out, _) = tiny.bench.expect(4, &["model", "plan", "model", "--memory-budget", "100kB"]);
    assert!(out.contains("OVER BUDGET: ") && out.contains("the budget is 100,000"), "{out}");
    let document = tiny.bench.json(4, &["model", "plan", "model", "--memory-budget", "100kB", "--json"]);
    assert_eq!((&document["fits"], &document["memory_budget_bytes"]), (&json!(false), &json!(100_000)));
}
