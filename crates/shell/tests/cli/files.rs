//! `bedside model inspect`, `verify`, `compare`, `quantize`: model files as such.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bedside_tensor::DType;
use bedside_weights::Model;
use serde_json::Value as Json;

use crate::Bench;

#[test]
fn inspect_says_what_is_known_and_commands_no_terminal() {
    let bench = Bench::new();
    let (out, err) = bench.expect(0, &["model", "inspect", "in.gguf", "--tensors"]);
    assert!(err.is_empty(), "{err}");
    assert!(!out.contains('\u{1b}') && out.contains(r"a \u{1b}[31mred name"), "{out}");
    for part in ["architecture    demo", "licence         not stated", "blk.0.ffn_up.weight", "[4, 512]"] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
    let document = bench.json(0, &["model", "inspect", "in.gguf", "--json", "--digest"]);
    assert_eq!(document["schema"], "bedside.model-inspect/1");
    assert_eq!((&document["licence"], &document["runs"]["runs"]), (&Json::Null, &Json::Bool(false)));
    assert_eq!(document["identity"].as_str().unwrap().len(), 64);
    assert!(document.get("tensor_list").is_none());
}

#[test]
fn the_store_remembers_a_digest_once_the_file_has_settled() {
    let bench = Bench::new();
    let first = bench.json(0, &["model", "inspect", "in.gguf", "--json"]);
    assert_eq!(first["identity"], Json::Null);
    // Digests of files younger than two seconds are not kept: they may still change unseen.
    let settled =
        fs::metadata(bench.path("in.gguf")).unwrap().modified().unwrap() + Duration::from_millis(2_100);
    while std::time::SystemTime::now() < settled {
        thread::sleep(Duration::from_millis(50));
    }
    let computed = bench.json(0, &["model", "inspect", "in.gguf", "--json", "--digest"]);
    let remembered = bench.json(0, &["model", "inspect", "in.gguf", "--json"]);
    assert_eq!(remembered["identity"], computed["identity"]);
    assert_eq!(fs::read_to_string(bench.path("store/version")).unwrap(), "1\n");
}

#[test]
fn verify_reads_everything() {
    let bench = Bench::new();
    let document = bench.json(0, &["model", "verify", "in.gguf", "--json"]);
    assert_eq!((&document["sound"], &document["data"]["checked"]), (&true.into(), &3.into()));
    let identity = document["identity"].as_str().unwrap();
    bench.expect(0, &["model", "verify", "in.gguf", "--expect", identity]);
    let (out, _) = bench.expect(4, &["model", "verify", "in.gguf", "--expect", &"0".repeat(64)]);
    assert!(out.ends_with("NOT verified\n"), "{out}");
    bench.expect(2, &["model", "verify", "in.gguf", "--expect", "abc"]);

    bench.write_model("nan.gguf", 4, |i| if i == 700 { f32::NAN } else { 0.5 });
    let (out, _) = bench.expect(4, &["model", "verify", "nan.gguf"]);
    assert!(
        out.contains("PROBLEM: tensor blk.0.ffn_up.weight: 1 values are NaN or infinite, first in row 1"),
        "{out}"
    );
}

#[test]
fn quantize_then_compare() {
    let bench = Bench::new();
    let (out, _) = bench.expect(0, &["model", "quantize", "in.gguf", "out.gguf", "--to", "q4_k"]);
    assert!(
        out.contains(
            "Q5_0 instead of Q4_K, whose blocks of 256 do not fit rows of 96: blk.0.ffn_down.weight"
        ),
        "{out}"
    );
    let model = Model::open(&bench.path("out.gguf")).unwrap();
    let types: Vec<DType> = model.tensors().iter().map(|info| info.dtype).collect();
    assert_eq!(types, [DType::Q4_K, DType::Q5_0, DType::F32]);

    let document = bench.json(0, &["model", "compare", "in.gguf", "out.gguf", "--json"]);
    let cosine = document["tensors"][0]["cosine"].as_f64().unwrap();
    assert!((0.99..1.0).contains(&cosine), "{cosine}");
    assert_eq!(document["tensors"][2]["max"], 0.0);
    bench.expect(0, &["model", "compare", "in.gguf", "out.gguf"]);
    bench.write_model("other.gguf", 5, |_| 1.0);
    let (out, _) = bench.expect(1, &["model", "compare", "in.gguf", "other.gguf"]);
    assert!(out.contains("not compared: blk.0.ffn_up.weight: shapes differ: [4, 512] and [5, 512]"), "{out}");
}

#[test]
fn quantize_loses_nothing() {
    let bench = Bench::new();
    fs::write(bench.path("taken.gguf"), "mine").unwrap();
    let before = bench.names();
    let cases: &[(i32, &[&str], &str)] = &[
        (2, &["in.gguf", "taken.gguf", "--to", "q8_0"], "--force"),
        (2, &["in.gguf", "in.gguf", "--to", "q8_0", "--force"], "the model that is read"),
        (2, &["in.gguf", "out.gguf", "--to", "q9_k"], "Q4_K"),
        (2, &["in.gguf", "out.gguf", "--to", "iq2_s"], "no codec"),
        (2, &["in.gguf", "out.gguf", "--to", "q8_0", "--keep", "ffn"], "REGEX=TYPE"),
        (2, &["in.gguf", "out.gguf", "--to", "q8_0", "--keep", "nothing=f16"], "no tensor matches"),
        (2, &["in.gguf", "out-00001-of-00002.gguf", "--to", "q8_0"], "part of a split model"),
        (6, &["in.gguf", "no/such/folder/out.gguf", "--to", "q8_0"], "temporary file"),
        (4, &["taken.gguf", "out.gguf", "--to", "q8_0"], "no model file"),
        (4, &["missing.gguf", "out.gguf", "--to", "q8_0"], "missing.gguf"),
    ];
    for (code, arguments, message) in cases {
        let (_, err) = bench.expect(*code, &[&["model", "quantize"], *arguments].concat());
        assert!(err.contains(message), "{arguments:?}: {err}");
        assert_eq!(bench.names(), before, "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(bench.path("taken.gguf")).unwrap(), "mine");
    bench.expect(0, &["model", "quantize", "in.gguf", "taken.gguf", "--to", "q8_0", "--force"]);
}

#[test]
fn failures_are_one_json_document_too() {
    let bench = Bench::new();
    fs::write(bench.path("text.gguf"), "hello").unwrap();
    let document = bench.json(4, &["model", "inspect", "text.gguf", "--json"]);
    assert_eq!((&document["schema"], &document["exit_code"]), (&"bedside.error/1".into(), &4.into()));
    assert!(document["error"].as_str().unwrap().contains("text.gguf"));
    for arguments in [&["model", "inspect"][..], &["model", "bogus"], &["bogus"]] {
        bench.expect(2, arguments);
        let document = bench.json(2, &[arguments, &["--json"]].concat());
        assert_eq!((&document["schema"], &document["exit_code"]), (&"bedside.error/1".into(), &2.into()));
    }
    bench.expect(0, &["--help"]);
}

/// Nobody reads standard error, or it is full: the document and the code must still be right.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_error_that_cannot_be_written_changes_nothing() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = bench.command(&["model", "inspect", "none.gguf", "--json"]);
    let output = command.stderr(full).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["exit_code"], 4);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let bench = Bench::new();
    fs::create_dir(bench.path("store")).unwrap();
    fs::write(bench.path("store/version"), "9\n").unwrap();
    let (_, err) = bench.expect(6, &["model", "inspect", "in.gguf", "--digest"]);
    assert!(err.contains("has version 9"), "{err}");
    // Without need of it, a warning is enough.
    let (_, err) = bench.expect(0, &["model", "inspect", "in.gguf"]);
    assert!(err.contains("has version 9"), "{err}");
}

/// Wait for a file whose name ends so; `false` if the child ends first.
fn wait_for(folder: &Path, ending: &str, child: &mut std::process::Child) -> bool {
    let begin = Instant::now();
    // A limit for a machine that has stopped, not a measure.
    while begin.elapsed() < Duration::from_secs(60) {
        let there = |e: &fs::DirEntry| e.file_name().to_string_lossy().ends_with(ending);
        if fs::read_dir(folder).unwrap().flatten().any(|entry| there(&entry)) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Start a quantization that takes seconds, send `signal` once it writes, and return its exit code.
fn stop_quantizing(bench: &Bench, signal: &str) -> Option<i32> {
    let mut command = bench.command(&["model", "quantize", "large.gguf", "out.gguf", "--to", "q2_k"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_for(bench.folder.path(), ".partial", &mut child), "it was done before it could be stopped");
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn a_stopped_quantization_leaves_no_half_model() {
    let bench = Bench::new();
    // Large enough that the slowest quantizer is still at work when the signal arrives.
    bench.write_model("large.gguf", 20_000, |i| (i as f32 * 0.01).sin());
    let before = bench.names();
    assert_eq!(stop_quantizing(&bench, "-INT"), Some(130));
    assert_eq!(bench.names(), before);
    // A kill leaves the temporary file, as a power cut would, and nothing under the final name.
    assert_eq!(stop_quantizing(&bench, "-KILL"), None);
    assert!(!bench.names().contains(&"out.gguf".to_owned()));
    assert!(bench.names().iter().any(|name| name.starts_with("out.gguf.") && name.ends_with(".partial")));
}
