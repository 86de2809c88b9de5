//! Defaults of the classes, files as libraries write them, and refusals by field.

use super::*;
use crate::preprocess::OpenClipPreprocess;

fn read(json: &str) -> Result<Preprocessing, ImagingError> {
    serde_json::from_str::<HfPreprocessorConfig>(json).unwrap().preprocessing()
}

fn planes(rule: ResizeRule, filter: Filter, crop: Option<(u32, u32)>, normalize: Normalize) -> Preprocessing {
    Preprocessing {
        pad_to_square: None,
        resize: Some(Resize { rule, filter }),
        crop: crop.map(|(height, width)| Crop { height, width, rule: CropRule::HuggingFace }),
        rescale: Some(1.0 / 255.0),
        normalize: Some(normalize),
        layout: Layout::Planes,
    }
}

#[test]
fn absent_fields_take_the_defaults_of_the_class() {
    let shortest = |edge| ResizeRule::ShortestEdge { edge };
    let exact = |side| ResizeRule::Exact { height: side, width: side };
    let clip = planes(shortest(224), Filter::Bicubic, Some((224, 224)), CLIP_STATISTICS);
    let cases = [
        (r#"{"image_processor_type": "CLIPImageProcessor"}"#, clip.clone()),
        (r#"{"image_processor_type": "CLIPImageProcessorFast"}"#, clip.clone()),
        (r#"{"feature_extractor_type": "CLIPFeatureExtractor"}"#, clip.clone()),
        (r#"{"image_processor_type": "BitImageProcessor"}"#, clip.clone()),
        (r#"{"image_processor_type": "LlavaImageProcessor"}"#, clip),
        (
            r#"{"image_processor_type": "SiglipImageProcessor"}"#,
            planes(exact(224), Filter::Bicubic, None, HALF_STATISTICS),
        ),
        (
            r#"{"feature_extractor_type": "ViTFeatureExtractor", "size": 96}"#,
            planes(exact(96), Filter::Bilinear, None, HALF_STATISTICS),
        ),
        (
            r#"{"image_processor_type": "ConvNextImageProcessor"}"#,
            planes(exact(384), Filter::Bilinear, None, HALF_STATISTICS),
        ),
        (
            r#"{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}}"#,
            planes(shortest(256), Filter::Bilinear, Some((224, 224)), HALF_STATISTICS),
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(read(json).unwrap(), expected, "{json}");
    }
    let naflex =
        read(r#"{"image_processor_type": "Siglip2ImageProcessorFast", "do_center_crop": null}"#).unwrap();
    assert_eq!(naflex.layout, Layout::NaflexPatches { patch_size: 16, max_num_patches: 256 });
    assert_eq!(naflex.resize, Some(Resize { rule: ResizeRule::Naflex, filter: Filter::Bilinear }));
}

/// As openai/clip-vit-base-patch32 and llava-hf/llava-1.5-7b-hf have it, and a file of a fast processor.
#[test]
fn files_of_old_and_new_libraries_are_read() {
    let old = r#"{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}"#;
    let clip =
        planes(ResizeRule::ShortestEdge { edge: 224 }, Filter::Bicubic, Some((224, 224)), CLIP_STATISTICS);
    assert_eq!(read(old).unwrap(), clip);
    let fast = r#"{"crop_size": null, "data_format": "channels_first", "default_to_square": true,
        "device": null, "do_center_crop": null, "do_convert_rgb": null, "do_normalize": true,
        "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessorFast", "image_std": 0.5, "resample": 2,
        "rescale_factor": 0.00392156862745098, "size": {"height": 256, "width": 384, "shortest_edge": null}}"#;
    let exact = ResizeRule::Exact { height: 256, width: 384 };
    assert_eq!(read(fast).unwrap(), planes(exact, Filter::Bilinear, None, HALF_STATISTICS));
    let llava = r#"{"image_processor_type": "LlavaImageProcessor", "do_pad": true, "do_normalize": false,
        "do_rescale": false, "crop_size": [30, 40], "size": {"height": 30, "width": 40}}"#;
    let llava = read(llava).unwrap();
    assert_eq!(llava.pad_to_square, Some([122, 116, 104]));
    assert_eq!((llava.rescale, llava.normalize, llava.output_size()), (None, None, Some((30, 40))));
    let bare =
        r#"{"image_processor_type": "CLIPImageProcessor", "do_resize": false, "do_center_crop": false}"#;
    let bare = read(bare).unwrap();
    assert_eq!((bare.resize, bare.crop), (None, None));
}

#[test]
fn hostile_values_are_refused_by_field() {
    let cases = [
        ("CLIP", r#""size": 0"#, "preprocessing size shortest_edge: expected a whole number from 1"),
        ("CLIP", r#""size": {"shortest_edge": -5}"#, "preprocessing size shortest_edge: expected a whole"),
        ("CLIP", r#""size": 1000000"#, "size shortest_edge: at most 8192 are supported, got 1000000"),
        ("CLIP", r#""size": 99999999999999"#, "preprocessing size shortest_edge: expected a whole number"),
        ("CLIP", r#""size": {"longest_edge": 5}"#, "preprocessing size: expected height and width"),
        ("CLIP", r#""size": [5]"#, "preprocessing size: expected height and width, got List([5])"),
        ("CLIP", r#""size": [5, 6, 7]"#, "preprocessing size: expected height and width"),
        ("CLIP", r#""size": {"height": 5}"#, "preprocessing size: expected height and width"),
        ("CLIP", r#""crop_size": {"height": 0, "width": 5}"#, "preprocessing crop_size: expected a whole"),
        ("CLIP", r#""resample": 6"#, "preprocessing resample: expected a Pillow filter from 0 to 5, got 6"),
        ("CLIP", r#""image_std": [0.5, 0.0, 0.5]"#, "preprocessing image_std: expected a number above 0"),
        ("CLIP", r#""image_std": -1"#, "preprocessing image_std: expected a number above 0, got -1"),
        ("CLIP", r#""image_mean": [0.5]"#, "preprocessing image_mean: expected one number or three, got 1"),
        ("CLIP", r#""rescale_factor": 1e300"#, "preprocessing rescale_factor: expected a number from"),
        ("CLIP", r#""use_square_size": true"#, "preprocessing use_square_size: expected false, got true"),
        ("Llava", r#""do_pad": true, "image_mean": 2"#, "preprocessing image_mean: expected a mean from 0"),
        ("Siglip", r#""size": 384"#, "preprocessing size: expected height and width"),
        ("Siglip2", r#""patch_size": 0"#, "preprocessing patch_size: expected a whole number"),
        ("Siglip2", r#""max_num_patches": 70000"#, "max_num_patches: at most 16384 are supported, got 70000"),
        ("ConvNext", r#""size": 224, "crop_pct": 0"#, "preprocessing crop_pct: expected a part of the edge"),
        ("ConvNext", r#""size": 224, "crop_pct": 1e-9"#, "preprocessing crop_pct: expected a part of the"),
        ("ConvNext", r#""size": {"height": 1, "width": 1}"#, "preprocessing size: expected a shortest_edge"),
        ("SmolVLM", r#""size": {"height": 5, "width": 5}"#, "preprocessing size: expected a longest_edge"),
        (
            "Idefics3",
            r#""max_image_size": {"longest_edge": 0}"#,
            "preprocessing max_image_size: expected a whole",
        ),
        (
            "Qwen2VL",
            r#""size": {"shortest_edge": 9}"#,
            "preprocessing size: expected a shortest_edge and a long",
        ),
        ("Qwen2VL", r#""min_pixels": 99999999"#, "min_pixels: at most 67108864 are supported, got 99999999"),
        (
            "Qwen2VL",
            r#""max_pixels": 3000"#,
            "preprocessing min_pixels: expected at most max_pixels, got 3136",
        ),
        ("Qwen2VL", r#""merge_size": 9"#, "merge_size: at most 8 are supported, got 9"),
        ("Donut", r#""size": 224"#, "image processor DonutImageProcessor is unknown to this build"),
    ];
    for (class, fields, message) in cases {
        let json = format!(r#"{{"image_processor_type": "{class}ImageProcessor", {fields}}}"#);
        let error = read(&json).unwrap_err();
        assert!(error.to_string().starts_with(message), "{json}: {error}");
    }
    let error = read(r#"{"size": 224}"#).unwrap_err();
    assert!(error.to_string().starts_with("preprocessing image_processor_type is missing"), "{error}");
    for json in [
        r#"{"resample": null}"#,
        r#"{"rescale_factor": "x"}"#,
        r#"{"do_resize": 1}"#,
        r#"{"size": {"height": 1, "wdith": 2}}"#,
    ] {
        assert!(serde_json::from_str::<HfPreprocessorConfig>(json).is_err(), "{json}");
    }
}

#[test]
fn both_libraries_agree_on_clip_but_for_the_crop() {
    let clip = read(r#"{"image_processor_type": "CLIPImageProcessor"}"#).unwrap();
    let open_clip = OpenClipPreprocess::default().preprocessing(None).unwrap();
    let crop = Some(Crop { height: 224, width: 224, rule: CropRule::Torchvision { fill: 0 } });
    assert_eq!(Preprocessing { crop, ..clip }, open_clip);
}
