//! Every file of `golden/quant/malformed`: the verdict of its table, no panic, and for safetensors the
//! verdict of the `safetensors` crate.

use std::fs;
use std::path::Path;

use bedside_tests::golden;
use bedside_weights::{Model, Progress, StructureNote, Summary, WeightsError, check_data, structure_notes};
use safetensors::SafeTensors;
use serde_json::Value;

/// Looks at everything an accepted file offers.
fn open_and_use(path: &Path) -> Result<(), WeightsError> {
    let model = Model::open(path)?;
    for info in model.tensors() {
        model.view(info)?;
    }
    Summary::of(&model);
    check_data(&model, Progress::silent())?;
    Ok(())
}

#[test]
fn every_verdict_is_right() {
    let Some(folder) = golden("quant/malformed") else { return };
    let table: Value = serde_json::from_slice(&fs::read(folder.join("table.json")).unwrap()).unwrap();
    let (mut accepted, mut refused, mut wrong) = (0, 0, vec![]);
    let files = table["files"].as_array().unwrap();
    for line in files {
        let (name, expected) = (line["file"].as_str().unwrap(), line["expected"].as_str().unwrap());
        let path = folder.join(name);
        let verdict = open_and_use(&path);
        let right = match expected {
            "accept" => verdict.is_ok(),
            "reject" => verdict.is_err(),
            _ => true,
        };
        let text = verdict.as_ref().map_or_else(ToString::to_string, |()| "accepted".to_owned());
        println!("{name}: {text}");
        if !right {
            wrong.push(format!("{name}: expected {expected}, got {text}"));
        }
        if name.ends_with(".safetensors") {
            let theirs = SafeTensors::deserialize(&fs::read(&path).unwrap()).is_ok();
            if theirs != verdict.is_ok() {
                wrong.push(format!("{name}: the safetensors crate accepts: {theirs}, we: {text}"));
            }
        }
        match verdict {
            Ok(()) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    println!("{} files: {accepted} accepted, {refused} refused, {} wrong", files.len(), wrong.len());
    assert_eq!(files.len(), 147);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refusals_say_what_is_wrong() {
    struct Case {
        file: &'static str,
        message: &'static str,
    }
    let cases = [
        Case { file: "bad_magic_ggjt.gguf", message: "is in the legacy format GGJT" },
        Case { file: "bad_version_1.gguf", message: "is GGUF version 1; versions 2 and 3 are read" },
        Case { file: "bad_big_endian.gguf", message: "is a big-endian GGUF file" },
        Case {
            file: "bad_tensor_count_huge.gguf",
            message: "tensors: at most 262144 are supported, got 1099511627776",
        },
        Case {
            file: "bad_kv_type_13.gguf",
            message: "key \"golden.q\": expected a value type from 0 to 12, got 13",
        },
        Case {
            file: "bad_array_nested_deep.gguf",
            message: "key \"golden.z\": arrays inside each other: at most 4",
        },
        Case { file: "bad_key_duplicate.gguf", message: "key \"golden.n\" occurs twice" },
        Case {
            file: "bad_alignment_3.gguf",
            message: "key \"general.alignment\": expected a u32 that is a power of two",
        },
        Case {
            file: "bad_type_removed_31.gguf",
            message: "tensor \"b\": type 31 is Q4_0_4_4, a format GGML has removed",
        },
        Case { file: "bad_type_200.gguf", message: "tensor \"b\": type 200 is unknown to this build" },
        Case { file: "bad_offset_overlap.gguf", message: "inside tensor " },
        Case {
            file: "bad_offset_misaligned.gguf",
            message: "tensor \"b\": expected an offset that is a multiple of 32",
        },
        Case {
            file: "bad_trunc_data.gguf",
            message: "tensor \"b\": 136 bytes at offset 640 do not lie within",
        },
        Case {
            file: "bad_row_not_block_multiple.gguf",
            message: "tensor \"b\": rows of 48 elements are no multiple",
        },
        Case { file: "bad_tensor_duplicate.gguf", message: "tensor \"a\" occurs twice" },
        Case { file: "bad_header_len_200MB.safetensors", message: "bytes of header: at most 100000000" },
        Case { file: "bad_dtype_unknown.safetensors", message: "dtype \"F7\" is unknown to this build" },
        Case {
            file: "bad_offsets_hole.safetensors",
            message: "tensor \"b\": expected the tensor data to continue at 24, got 28",
        },
        Case { file: "bad_duplicate_key.safetensors", message: "tensor \"a\" occurs twice" },
    ];
    let Some(folder) = golden("quant/malformed") else { return };
    for case in cases {
        let error = Model::open(&folder.join(case.file)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(case.message) && error.contains(case.file), "{error}");
    }
}

#[test]
fn oddities_are_noted() {
    let Some(folder) = golden("quant/malformed") else { return };
    let cases = [
        ("ok_base.gguf", vec![]),
        ("ok_no_tensors.gguf", vec![]),
        ("ok_trailing_bytes.gguf", vec![StructureNote::TrailingBytes { file: 0, bytes: 77 }]),
        ("ok_unpadded_tail.gguf", vec![StructureNote::UnpaddedTail { file: 0, bytes: 24 }]),
        ("bad_offset_gap.gguf", vec![StructureNote::Hole { file: 0, begin: 928, bytes: 64 }]),
    ];
    for (file, notes) in cases {
        assert_eq!(structure_notes(&Model::open(&folder.join(file)).unwrap()), notes, "{file}");
    }
    let check = check_data(&Model::open(&folder.join("bad_q8_scale_nan.gguf")).unwrap(), Progress::silent());
    let check = check.unwrap();
    assert_eq!((check.checked, check.not_checked.len(), check.not_finite.len()), (2, 0, 1));
    let found = &check.not_finite[0];
    // Two of the four blocks have such a scale; a zero times infinity is NaN, so every value counts.
    assert_eq!((found.tensor.as_str(), found.count, found.row), ("b", 64, 0));
}
