//! `bedside scan` and what lives on it: the cache, the log, the proof, the page, and everything that goes wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::Bench;

/// A patient's simulated scans as DICOM files: `exam/scene-000011.dcm` and so on.
fn phantoms(bench: &Bench, count: &str) -> String {
    let folder = bench.path("exam");
    let out = folder.to_str().unwrap();
    bench.expect(0, &["phantom", "--out", out, "--count", count, "--seed", "11", "--dicom"]);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "dcm") {
            fs::remove_file(path).unwrap();
        }
    }
    out.to_owned()
}

fn reports(document: &Json) -> Vec<String> {
    document["scans"].as_array().unwrap().iter().map(|scan| scan["report"].to_string()).collect()
}

#[test]
fn the_same_scan_again_comes_out_of_the_cache_byte_for_byte() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    let first = bench.json(0, &["scan", &exam, "--json"]);
    assert_eq!(first["schema"], "bedside.scan/1");
    let scan = &first["scans"][0];
    assert_eq!((&scan["cached"], &scan["not_saved"]), (&Json::from(false), &Json::Null), "{first}");
    assert_eq!(scan["report"]["schema"], "bedside.report/1");
    assert_eq!(scan["report"]["domain"], "phantom");
    let second = bench.json(0, &["scan", &exam, "--json"]);
    assert_eq!(second["scans"][0]["cached"], true);
    assert_eq!(reports(&first), reports(&second));
    assert_eq!(first["scans"][0]["id"], second["scans"][0]["id"]);
    let (text, _) = bench.expect(0, &["scan", &exam]);
    assert!(
        text.contains("cached")
            && text.contains("Not assessed")
            && text.contains("nothing here is a diagnosis"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("normal"), "{text}");

    let (list, _) = bench.expect(0, &["cache", "list"]);
    assert!(list.contains("not exported") && list.contains("1 entries"), "{list}");
    let id = scan["id"].as_str().unwrap();
    let (shown, _) = bench.expect(0, &["cache", "show", &id[..12], "--json"]);
    assert_eq!(serde_json::from_str::<Json>(&shown).unwrap(), scan["report"]);
    let proof = bench.json(0, &["prove", &id[..12], "--json"]);
    assert_eq!(proof["same"], true, "{proof}");
    assert_eq!(bench.json(0, &["audit", "verify", "--json"])["ok"], true);
    assert_eq!(bench.json(0, &["cache", "verify", "--json"])["ok"], true);

    let out = bench.path("exported");
    let exported = bench.json(0, &["cache", "export", id, "--out", out.to_str().unwrap(), "--json"]);
    let file = out.join(exported["files"][0].as_str().unwrap());
    assert_eq!(fs::read_to_string(&file).unwrap(), shown);
    assert_eq!(exported["files"].as_array().unwrap().len(), 1, "the scan itself only when asked");
    let (said, _) = bench.expect(0, &["prove", file.to_str().unwrap()]);
    assert!(said.starts_with("the same"), "{said}");
    let altered = shown.replacen("\"summary\"", "\"summary\" ", 1);
    fs::write(&file, altered).unwrap();
    let scan = format!("{exam}/scene-000011.dcm");
    let (said, _) = bench.expect(1, &["prove", file.to_str().unwrap(), "--scan", &scan]);
    assert!(said.contains("they differ, first in line"), "{said}");
    let (list, _) = bench.expect(0, &["cache", "list"]);
    assert!(list.contains("  exported") && !list.contains("not exported\n"), "{list}");
}

#[test]
fn results_are_written_and_no_name_of_a_file_or_log_holds_the_patient() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "2");
    let out = bench.path("results");
    let arguments = ["scan", &exam, "--out", out.to_str().unwrap(), "-vv", "--language", "ja"];
    let (text, log) = bench.expect(0, &arguments);
    assert!(text.contains("患者"), "{text}");
    let names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for end in [".report.json", ".html"] {
        assert_eq!(names.iter().filter(|name| name.ends_with(end)).count(), 2, "{names:?}");
    }
    let html = fs::read_to_string(out.join("scan-00001.html")).unwrap();
    assert!(html.contains("lang=\"ja\"") && html.contains("所見"), "{html}");
    assert!(!html.contains("http://") && !html.contains("https://"), "a page has nothing outside of it");
    // The patient is SIMULATED^NOBODY, SIMULATED-11: on the screen, in the page and the capture, nowhere else.
    let holds = |bytes: &[u8]| bytes.windows(9).any(|window| window == b"SIMULATED");
    assert!(!holds(log.as_bytes()), "{log}");
    assert!(names.iter().all(|name| !holds(name.as_bytes())));
    for name in names.iter().filter(|name| name.ends_with(".json") || name.ends_with(".png")) {
        assert!(!holds(&fs::read(out.join(name)).unwrap()), "{name}");
    }
    fn walk(folder: &Path, look: &mut impl FnMut(&Path)) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            look(&path);
            if path.is_dir() {
                walk(&path, look);
            }
        }
    }
    let mut files = 0;
    walk(&bench.path("store"), &mut |path| {
        assert!(!holds(path.as_os_str().as_encoded_bytes()), "{path:?}");
        if path.is_file() {
            files += 1;
            assert!(!holds(&fs::read(path).unwrap()), "{path:?}");
        }
    });
    assert!(files > 3, "there is a store to look at");
    let (_, error) = bench.expect(2, &arguments[..4]);
    assert!(error.contains("exists; give --force"), "{error}");
}

#[test]
fn a_store_that_cannot_keep_says_not_saved_and_shows_the_findings_all_the_same() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    // A file where the store's folder belongs: not to be opened, whoever runs the tests.
    fs::write(bench.path("file"), "").unwrap();
    let store = bench.path("file");
    let run = |arguments: &[&str], code: i32| {
        let mut command = bench.command(arguments);
        command.env("BEDSIDE_STORE", &store);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&["scan", &exam], 6);
    assert!(text.contains("*** NOT SAVED: ") && text.contains("A-lines"), "{text}");
    let document: Json = serde_json::from_str(&run(&["scan", &exam, "--json"], 6)).unwrap();
    assert!(document["scans"][0]["not_saved"].is_string());
    assert!(document["scans"][0]["report"]["findings"].is_array());
}

#[test]
fn a_key_that_others_can_read_or_that_is_another_opens_nothing_and_loses_nothing() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    bench.expect(0, &["scan", &exam]);
    let vault = bench.path("store/vault");
    let key = fs::read_dir(&vault)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().contains("key"))
        .unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (text, _) = bench.expect(6, &["scan", &exam]);
    assert!(text.contains("NOT SAVED") && text.contains("others can read it"), "{text}");
    let (_, error) = bench.expect(6, &["cache", "list"]);
    assert!(error.contains("expected 600"), "{error}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let whole = fs::read(&key).unwrap();
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&key, other).unwrap();
    bench.expect(6, &["scan", &exam]);
    fs::write(&key, whole).unwrap();
    let document = bench.json(0, &["scan", &exam, "--json"]);
    assert_eq!(document["scans"][0]["cached"], true, "nothing was lost");
}

#[test]
fn what_is_no_scan_is_refused_by_name_and_the_others_are_judged() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    let whole = fs::read(format!("{exam}/scene-000011.dcm")).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(format!("{exam}/{name}"), bytes).unwrap();
    put("empty.dcm", b"");
    put("text.dcm", b"this is a letter, not a scan");
    put("cut.dcm", &whole[..whole.len() / 2]);
    let document = bench.json(1, &["scan", &exam, "--json"]);
    assert_eq!(document["scans"].as_array().unwrap().len(), 1);
    assert_eq!(document["failed"].as_array().unwrap().len(), 3);
    let (_, error) = bench.expect(3, &["scan", &format!("{exam}/empty.dcm")]);
    assert!(error.contains("empty.dcm"), "{error}");
    bench.expect(3, &["scan", "no-such-file.dcm"]);
    // A grey square is no scan; a report says so, and nobody calls it an error.
    let grey = bedside_imaging::Pixels::new(200, 200, 1, vec![127; 40_000]).unwrap();
    put("grey.png", &bedside_imaging::encode_png(&grey).unwrap());
    let document = bench.json(0, &["scan", &format!("{exam}/grey.png"), "--json"]);
    let report = &document["scans"][0]["report"];
    assert_eq!((&report["summary"], &report["why"]), (&"not_assessable".into(), &"pixels_withheld".into()));
    assert_eq!(document["scans"][0]["id"], Json::Null, "it names no patient and was not asked to be kept");
}

#[test]
fn two_patients_in_one_folder_are_two_exams_with_a_warning() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "2");
    let document = bench.json(0, &["scan", &exam, "--json"]);
    assert_eq!(document["exam"]["exams"].as_array().unwrap().len(), 2, "{}", document["exam"]);
    assert_eq!(document["exam"]["warnings"][0], "several_patients");
    assert!(document["exam"]["exams"][0]["missing"].as_array().unwrap().len() == 8);
}

#[test]
fn a_page_shows_the_newest_scan_of_a_watched_folder() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    let out = bench.path("screen");
    let arguments = ["watch", &exam, "--out", out.to_str().unwrap(), "--scans", "1"];
    let (text, _) = bench.expect(0, &arguments);
    assert!(!text.is_empty());
    let page = out.join("latest.html");
    let html = fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("SIMULATED NOBODY") && html.contains("id=\"age\"") && html.contains("location.reload")
    );
    assert_eq!(fs::metadata(page).unwrap().permissions().mode() & 0o777, 0o600, "it names a patient");
}

#[test]
fn scanning_works_where_there_is_no_network() {
    let bench = Bench::new();
    let exam = phantoms(&bench, "1");
    let probe = Command::new("unshare").args(["-r", "-n", "true"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        bedside_tests::skip("namespace", "no network namespace can be made here");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["-r", "-n", env!("CARGO_BIN_EXE_bedside"), "scan", &exam]);
    let output = command.env("BEDSIDE_STORE", bench.path("store")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
