//! Against Pillow, transformers and open_clip: reference pictures, resized bytes, and the tensors of whole
//! processors.

use std::fs;
use std::path::PathBuf;

use bedside_imaging::{
    Filter, HfPreprocessorConfig, OpenClipPreprocess, Pixels, Prepared, Preprocessing, decode, resize,
};
use bedside_tests::golden;
use safetensors::SafeTensors;
use serde_json::Value;

/// What the references state for themselves: a recomputation in numpy gives 0.0.
const TOLERANCE: f32 = 1e-6;

const IMAGES: [&str; 3] = ["us", "grey", "odd"];

fn picture(folder: &std::path::Path, name: &str) -> Pixels {
    decode(&fs::read(folder.join(format!("{name}.png"))).unwrap()).unwrap().pixels
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn integers(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
}

/// Largest difference; panics where the lengths differ.
fn difference(name: &str, got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len(), "{name}");
    got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn pictures_decode_to_the_bytes_that_pillow_reads() {
    let Some(folder) = golden("images") else { return };
    let index: Value = serde_json::from_slice(&fs::read(folder.join("images.json")).unwrap()).unwrap();
    for name in IMAGES {
        let pixels = picture(&folder, name);
        let entry = &index[name];
        assert_eq!(entry["width"], pixels.width(), "{name}");
        assert_eq!(entry["height"], pixels.height(), "{name}");
        let mode = if pixels.channels() == 1 { "L" } else { "RGB" };
        assert_eq!(entry["mode"], mode, "{name}");
        assert_eq!(entry["pixel_sha256"], sha256(pixels.bytes()), "{name}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn resized_bytes_are_pillows() {
    let Some((folder, file)) = files("preprocess/resize_u8.safetensors") else { return };
    let file = fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let mut cases = 0;
    for (key, expected) in tensors.iter() {
        let [name, size, filter] = key.split('.').collect::<Vec<_>>()[..] else { panic!("{key}") };
        let (width, height) = size.split_once('x').unwrap();
        let filter = Filter::ALL.into_iter().find(|f| f.name() == filter).unwrap();
        let source = picture(&folder, name);
        let got = resize(&source, width.parse().unwrap(), height.parse().unwrap(), filter).unwrap();
        assert!(got.bytes() == expected.data(), "{key}");
        cases += 1;
    }
    assert_eq!(cases, 72);
}

/// The folder of pictures and one more file.
fn files(name: &str) -> Option<(PathBuf, PathBuf)> {
    Some((golden("images")?, golden(name)?))
}

#[test]
fn processors_give_their_tensors() {
    let Some((folder, file)) = files("preprocess/processors.safetensors") else { return };
    let Some(index) = golden("preprocess/index.json") else { return };
    let file = fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let index: Value = serde_json::from_slice(&fs::read(index).unwrap()).unwrap();
    let mut counted = std::collections::BTreeMap::new();
    for case in index["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let Some(preprocessing) = described(case) else { continue };
        // What is stored in a model file and read again is the same.
        let text = serde_json::to_string(&preprocessing).unwrap();
        assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), preprocessing, "{text}");
        let source = picture(&folder, case["call"]["image"].as_str().unwrap());
        let prepared = preprocessing.apply(&source).unwrap();
        let worst = match prepared {
            Prepared::Pixels(tensor) => {
                let size =
                    preprocessing.output_size().map(|(height, width)| [3, height as usize, width as usize]);
                assert_eq!(size, Some(tensor.dims), "{name}");
                check_planes(name, &tensors, &tensor)
            }
            Prepared::Patches(patches) => check_patches(name, &tensors, &patches),
            Prepared::Tiles(tiles) => check_tiles(name, &tensors, &tiles),
            Prepared::Grid(grid) => {
                let expected = |field: &str| tensors.tensor(&format!("{name}.{field}")).unwrap();
                assert_eq!(
                    integers(expected("image_grid_thw").data()),
                    grid.grid.map(|n| n as i64),
                    "{name}"
                );
                assert_eq!(expected("pixel_values").shape(), grid.dims, "{name}");
                difference(name, &grid.values, &floats(expected("pixel_values").data()))
            }
            Prepared::Crops(crops) => {
                let expected = tensors.tensor(&format!("{name}.pixel_values")).unwrap();
                assert_eq!(expected.shape(), crops.dims, "{name}");
                difference(name, &crops.values, &floats(expected.data()))
            }
            other => panic!("{name}: {other:?}"),
        };
        assert!(worst <= TOLERANCE, "{name}: {worst}");
        let kind = name.split('.').next().unwrap();
        let entry = counted.entry(kind.to_owned()).or_insert((0, 0.0));
        *entry = (entry.0 + 1, f32::max(entry.1, worst));
    }
    println!("cases and largest difference: {counted:?}");
    let cases: i32 = counted.values().map(|(count, _)| count).sum();
    assert_eq!(cases, 58);
}

/// The preprocessing of a case, `None` for processors that are not written yet.
fn described(case: &Value) -> Option<Preprocessing> {
    let config = case["config"].clone();
    match case["processor"].as_str().unwrap() {
        "open_clip image_transform_v2" => {
            let config: OpenClipPreprocess = serde_json::from_value(config).unwrap();
            Some(config.preprocessing(None).unwrap())
        }
        // Two pictures at once, and grey that is resized as a palette, with the nearest pixel.
        _ if ["smolvlm_batch2x1", "smolvlm_from_L.grey"].contains(&case["name"].as_str().unwrap()) => None,
        _ => {
            let config: HfPreprocessorConfig = serde_json::from_value(config).unwrap();
            Some(config.preprocessing().unwrap())
        }
    }
}

fn check_planes(name: &str, tensors: &SafeTensors, got: &bedside_imaging::PixelTensor) -> f32 {
    if let Ok(expected) = tensors.tensor(&format!("{name}.pixel_values")) {
        let dims = expected.shape();
        assert_eq!(&dims[dims.len() - 3..], got.dims, "{name}");
        return difference(name, &got.values, &floats(expected.data()));
    }
    check_digest(name, tensors, &got.values)
}

fn check_tiles(name: &str, tensors: &SafeTensors, got: &bedside_imaging::ImageTiles) -> f32 {
    let tensor = |field: &str| tensors.tensor(&format!("{name}.{field}"));
    assert_eq!(integers(tensor("rows").unwrap().data()), [got.rows as i64], "{name}");
    assert_eq!(integers(tensor("cols").unwrap().data()), [got.cols as i64], "{name}");
    if let Ok(expected) = tensor("pixel_values") {
        assert_eq!(&expected.shape()[1..], got.dims, "{name}");
        return difference(name, &got.values, &floats(expected.data()));
    }
    check_digest(name, tensors, &got.values)
}

fn check_digest(name: &str, tensors: &SafeTensors, values: &[f32]) -> f32 {
    // A large case: a digest of all bytes before normalising, with mean and deviation 0.5.
    let bytes: Vec<u8> = values.iter().map(|v| ((v * 0.5 + 0.5) * 255.0).round() as u8).collect();
    let digest = tensors.tensor(&format!("{name}.u8_sha256")).unwrap();
    let expected: String = digest.data().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sha256(&bytes), expected, "{name}");
    0.0
}

fn check_patches(name: &str, tensors: &SafeTensors, got: &bedside_imaging::NaflexPatches) -> f32 {
    let tensor = |field: &str| tensors.tensor(&format!("{name}.{field}")).unwrap();
    assert_eq!(tensor("pixel_values").shape(), [1, got.dims[0], got.dims[1]], "{name}");
    let shapes = integers(tensor("spatial_shapes").data());
    assert_eq!(shapes, [got.rows as i64, got.cols as i64], "{name}");
    let mask: Vec<bool> = tensor("pixel_attention_mask").data().iter().map(|m| *m != 0).collect();
    assert_eq!(mask, got.mask, "{name}");
    difference(name, &got.values, &floats(tensor("pixel_values").data()))
}
