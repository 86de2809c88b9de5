//! Places against the goldens' embeddings, and where they lie.

use std::path::{Path, PathBuf};

use bedside_imaging::{Crop, CropRule, Filter, Layout, decode};
use bedside_tests::golden;

use super::*;

/// Of sums, relative to the largest: the same products added in another order.
const SUMS: f64 = 1e-5;

struct Case {
    name: &'static str,
    additive: bool,
    /// Rows and columns; `None`: as the picture has it.
    grid: Option<[usize; 2]>,
}

const CASES: [Case; 8] = [
    Case { name: "clip-gelu-tiny", additive: false, grid: Some([4, 4]) },
    Case { name: "biomedclip-tiny-mean", additive: false, grid: Some([4, 4]) },
    Case { name: "biomedclip-shapes-tiny", additive: false, grid: None },
    Case { name: "echoclip-tiny", additive: true, grid: Some([1, 1]) },
    Case { name: "openclip-siglip-tiny", additive: false, grid: None },
    // A norm behind the mean.
    Case { name: "openclip-options-tiny", additive: true, grid: Some([4, 7]) },
    Case { name: "siglip2-naflex-tiny", additive: false, grid: None },
    Case { name: "openclip-tiny-gelu", additive: false, grid: None },
];

fn pictures(folder: &Path) -> Vec<Pixels> {
    let notes = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let notes: serde_json::Value = serde_json::from_str(&notes).unwrap();
    let names: Vec<String> = serde_json::from_value(notes["images"].clone()).unwrap();
    let images = golden("images").unwrap();
    let read = |name: &String| std::fs::read(images.join(format!("{name}.png"))).unwrap();
    names.iter().map(|name| decode(&read(name)).unwrap().pixels).collect()
}

fn open(model: &Path) -> DualEncoder {
    DualEncoder::open_with_patches(&Model::open(model).unwrap(), &LoadSettings::default()).unwrap()
}

#[test]
fn places_belong_to_the_embedding() {
    for case in &CASES {
        let Some(folder) = golden(&format!("dual/{}", case.name)) else { continue };
        let mut encoder = open(&folder.join("model"));
        let plain = Model::open(&folder.join("model")).unwrap();
        let mut plain = DualEncoder::open(&plain, &LoadSettings::default()).unwrap();
        for pixels in pictures(&folder) {
            let got = encoder.embed_patches(&pixels).unwrap();
            let whole = plain.embed_images(&[plain.prepare(&pixels).unwrap()]).unwrap();
            let features = whole.features().next().unwrap();
            let largest = features.iter().fold(0.0f64, |m, v| m.max(f64::from(v.abs())));
            let differ = |a: f64, b: f32| (a - f64::from(b)).abs() / largest;
            let ours = got.features().iter().map(|v| f64::from(*v));
            assert!(ours.zip(features).all(|(a, b)| differ(a, *b) < SUMS), "{}", case.name);
            assert_eq!(got.attribution() == Attribution::Additive, case.additive, "{}", case.name);
            let [rows, columns] = got.grid();
            assert_eq!(got.patches().len(), rows * columns, "{}", case.name);
            assert!(case.grid.is_none_or(|grid| grid == [rows, columns]), "{}: {rows} {columns}", case.name);
            if case.additive {
                let count = (rows * columns) as f64;
                let mean = |i: usize| got.patches().map(|patch| patch[i]).sum::<f64>() / count;
                let worst = features.iter().enumerate().map(|(i, v)| differ(mean(i), *v)).fold(0.0, f64::max);
                assert!(worst < SUMS, "{}: {worst:e}", case.name);
                println!("{}: mean of {rows} x {columns} places off by {worst:.1e}", case.name);
            } else {
                let lengths = got.patches().map(|patch| length(patch.iter().copied()));
                assert!(lengths.into_iter().all(|l| (l - 1.0).abs() < 1e-9), "{}", case.name);
            }
            check_direction(case, &got);
        }
    }
}

/// The parts along a text's direction have its cosine as their mean.
fn check_direction(case: &Case, got: &PatchEmbeddings) {
    let direction: Vec<f64> = (0..got.embed().len()).map(|i| f64::from(i as u32 % 3) - 1.0).collect();
    let parts = got.along(&direction);
    assert_eq!(parts.len(), got.patches().len());
    if case.additive {
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        let whole: f64 = got.embed().iter().zip(&direction).map(|(a, b)| f64::from(*a) * b).sum();
        assert!((mean - whole).abs() < 1e-4, "{}: {mean} {whole}", case.name);
    }
}

/// The same values in another order, tensor by tensor, in the image tower only.
fn shuffled(model: &Path, into: &Path) -> PathBuf {
    for entry in std::fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, into.join(path.file_name().unwrap())).unwrap();
    }
    let weights = into.join("open_clip_model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let entries: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    for (name, entry) in entries.as_object().unwrap() {
        if !name.starts_with("visual.") || entry["dtype"] != "F16" {
            continue;
        }
        let at = |i: usize| 8 + header + entry["data_offsets"][i].as_u64().unwrap() as usize;
        let values: Vec<[u8; 2]> =
            bytes[at(0)..at(1)].chunks_exact(2).map(|b| b.try_into().unwrap()).collect();
        let reversed: Vec<u8> = values.into_iter().rev().flatten().collect();
        bytes[at(0)..at(1)].copy_from_slice(&reversed);
    }
    std::fs::write(&weights, bytes).unwrap();
    into.to_owned()
}

#[test]
fn other_weights_give_another_map() {
    let Some(folder) = golden("dual/openclip-options-tiny") else { return };
    let other = tempfile::tempdir().unwrap();
    let pixels = &pictures(&folder)[0];
    let direction = |n: usize| (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<f64>>();
    let map = |model: &Path| {
        let places = open(model).embed_patches(pixels).unwrap();
        places.along(&direction(places.embed().len()))
    };
    let (own, others) = (map(&folder.join("model")), map(&shuffled(&folder.join("model"), other.path())));
    let largest = own.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(own.iter().zip(&others).any(|(a, b)| (a - b).abs() > 0.1 * largest), "{own:?} {others:?}");
    assert_eq!(own, map(&folder.join("model")));
}

#[test]
fn an_encoder_without_places_says_so() {
    let Some(folder) = golden("dual/clip-gelu-tiny") else { return };
    let model = Model::open(&folder.join("model")).unwrap();
    let mut encoder = DualEncoder::open(&model, &LoadSettings::default()).unwrap();
    let error = encoder.embed_patches(&pictures(&folder)[0]).unwrap_err().to_string();
    assert!(error.contains("open_with_patches"), "{error}");
}

#[test]
fn what_is_shown_follows_the_preprocessing() {
    let exact = ResizeRule::Exact { height: 10, width: 10 };
    let steps = |rule, crop: Option<u32>, pad: bool| Preprocessing {
        pad_to_square: pad.then_some([0; 3]),
        resize: Some(Resize { rule, filter: Filter::Bicubic }),
        crop: crop.map(|side| Crop { height: side, width: side, rule: CropRule::HuggingFace }),
        rescale: None,
        normalize: None,
        layout: Layout::Planes,
    };
    let shortest = ResizeRule::ShortestEdge { edge: 10 };
    let fit = ResizeRule::Fit { height: 10, width: 10 };
    let cases = [
        (steps(exact, None, false), [10.0; 2], [0.0, 0.0, 40.0, 20.0]),
        // Patches that leave the last two rows and columns of ten over.
        (steps(exact, None, false), [8.0; 2], [0.0, 0.0, 32.0, 16.0]),
        (steps(shortest, Some(10), false), [10.0; 2], [10.0, 0.0, 30.0, 20.0]),
        (steps(exact, None, true), [10.0; 2], [0.0, -10.0, 40.0, 30.0]),
        // 40 x 20 becomes 10 x 5 and gets 2.5 rows of padding on each side.
        (steps(fit, Some(10), false), [10.0; 2], [0.0, -10.0, 40.0, 30.0]),
    ];
    for (steps, pixels, area) in cases {
        assert_eq!(shown(&steps, [40.0, 20.0], pixels), area, "{steps:?}");
    }
    let of = PatchEmbeddings {
        rows: 2,
        columns: 4,
        attribution: Attribution::Additive,
        area: [0.0, -10.0, 40.0, 30.0],
        features: vec![1.0],
        embed: vec![1.0],
        values: vec![0.0; 8],
    };
    assert_eq!(of.cell(1, 3), Some([30.0, 10.0, 40.0, 30.0]));
    assert_eq!((of.cell(2, 0), of.cell(0, 4)), (None, None));
}
