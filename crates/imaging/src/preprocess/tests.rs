//! Stable names, refusals by field, and the order of the steps.

use super::*;

/// All steps, as a model file would carry them.
fn everything() -> Preprocessing {
    Preprocessing {
        pad_to_square: Some([1, 2, 3]),
        resize: Some(Resize { rule: ResizeRule::ShortestEdge { edge: 6 }, filter: Filter::Bicubic }),
        crop: Some(Crop { height: 4, width: 5, rule: CropRule::Torchvision { fill: 7 } }),
        rescale: Some(0.5),
        normalize: Some(Normalize { mean: [0.5; 3], std: [0.25; 3] }),
        layout: Layout::Planes,
    }
}

#[test]
fn serialised_names_are_stable() {
    let text = serde_json::to_string(&everything()).unwrap();
    let expected = concat!(
        r#"{"pad_to_square":[1,2,3],"resize":{"rule":{"shortest_edge":{"edge":6}},"filter":"bicubic"},"#,
        r#""crop":{"height":4,"width":5,"rule":{"torchvision":{"fill":7}}},"rescale":0.5,"#,
        r#""normalize":{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]},"layout":"planes"}"#
    );
    assert_eq!(text, expected);
    let naflex = Preprocessing {
        pad_to_square: None,
        resize: Some(Resize { rule: ResizeRule::Naflex, filter: Filter::Bilinear }),
        crop: None,
        rescale: None,
        normalize: None,
        layout: Layout::NaflexPatches { patch_size: 16, max_num_patches: 256 },
    };
    let text = serde_json::to_string(&naflex).unwrap();
    let expected = concat!(
        r#"{"resize":{"rule":"naflex","filter":"bilinear"},"#,
        r#""layout":{"naflex_patches":{"patch_size":16,"max_num_patches":256}}}"#
    );
    assert_eq!(text, expected);
    for (rule, expected) in [
        (ResizeRule::Exact { height: 1, width: 2 }, r#"{"exact":{"height":1,"width":2}}"#),
        (ResizeRule::Cover { height: 1, width: 2 }, r#"{"cover":{"height":1,"width":2}}"#),
        (ResizeRule::Fit { height: 1, width: 2 }, r#"{"fit":{"height":1,"width":2}}"#),
    ] {
        assert_eq!(serde_json::to_string(&rule).unwrap(), expected);
        assert_eq!(serde_json::from_str::<ResizeRule>(expected).unwrap(), rule);
    }
    assert_eq!(serde_json::to_string(&CropRule::HuggingFace).unwrap(), r#""hugging_face""#);
    assert!(serde_json::from_str::<Preprocessing>(r#"{"layout":"planes","sharpen":1}"#).is_err());
}

#[test]
fn numbers_that_cannot_be_meant_are_refused_by_field() {
    type Change = fn(&mut Preprocessing);
    let cases: [(Change, &str); 9] = [
        (|p| p.rescale = Some(f64::NAN), "preprocessing rescale_factor: expected a number"),
        (|p| p.rescale = Some(1e300), "preprocessing rescale_factor: expected a number"),
        (
            |p| p.normalize.as_mut().unwrap().mean[1] = f64::INFINITY,
            "preprocessing image_mean: expected a num",
        ),
        (|p| p.normalize.as_mut().unwrap().std[2] = f64::NAN, "preprocessing image_std: expected a number"),
        (
            |p| p.normalize.as_mut().unwrap().std[0] = 0.0,
            "preprocessing image_std: expected a number above 0",
        ),
        (
            |p| p.normalize.as_mut().unwrap().std[0] = 1e-60,
            "preprocessing image_std: expected a number above 0",
        ),
        (|p| p.crop.as_mut().unwrap().width = 0, "preprocessing crop_size width: expected at least 1, got 0"),
        (
            |p| p.crop.as_mut().unwrap().height = 9000,
            "crop_size height: at most 8192 are supported, got 9000",
        ),
        (
            |p| p.resize.as_mut().unwrap().rule = ResizeRule::Naflex,
            "preprocessing layout naflex_patches is m",
        ),
    ];
    let picture = Pixels::new(5, 3, 1, vec![100; 15]).unwrap();
    assert_eq!(everything().check(), Ok(()));
    for (change, message) in cases {
        let mut preprocessing = everything();
        change(&mut preprocessing);
        let error = preprocessing.check().unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(preprocessing.apply(&picture), Err(error));
    }
    let naflex = |patch_size, max_num_patches| Preprocessing {
        layout: Layout::NaflexPatches { patch_size, max_num_patches },
        ..everything()
    };
    for (patch_size, max_num_patches) in [(0, 1), (129, 1), (1, 0), (1, 16385)] {
        assert!(naflex(patch_size, max_num_patches).check().is_err());
    }
}

#[test]
fn the_steps_run_in_their_order() {
    let picture = Pixels::new(3, 1, 1, vec![100; 3]).unwrap();
    let Prepared::Pixels(tensor) = everything().apply(&picture).unwrap() else { panic!("planes") };
    assert_eq!(tensor.dims, [3, 4, 5]);
    assert_eq!(everything().output_size(), Some((4, 5)));
    let plain = Preprocessing { pad_to_square: None, resize: None, crop: None, ..everything() };
    let Prepared::Pixels(tensor) = plain.apply(&picture).unwrap() else { panic!("planes") };
    assert_eq!((tensor.dims, plain.output_size()), ([3, 1, 3], None));
    assert_eq!(tensor.values, [(100.0 * 0.5 - 0.5) / 0.25; 9]);
    let padded = Preprocessing { resize: None, crop: None, ..everything() };
    let bytes = padded.apply_u8(&picture).unwrap();
    assert_eq!(bytes.bytes(), [[1, 2, 3].repeat(3), vec![100; 9], [1, 2, 3].repeat(3)].concat());
}
