//! Real folder layouts and GGUF files of `golden/dual` and `golden/vlm`: they open, and say what they are.

use std::fs;

use bedside_tests::golden;
use bedside_weights::{
    DigestCache, Layout, Model, Progress, Role, Summary, check_data, file_digests, model_identity,
    structure_notes,
};
use safetensors::SafeTensors;

/// Folder, layout, architecture, tokenizer, and the words that Python counts in its `tokenizer.json`.
type FolderCase = (&'static str, Layout, Option<&'static str>, &'static str, u64);

const FOLDERS: &[FolderCase] = &[
    ("dual/clip-tiny/model", Layout::HuggingFace, Some("clip"), "BPE", 2014),
    ("dual/siglip-tiny/model", Layout::HuggingFace, Some("siglip"), "Unigram", 900),
    ("dual/siglip2-naflex-tiny/model", Layout::HuggingFace, Some("siglip2"), "Unigram", 900),
    ("dual/openclip-tiny-gelu/model", Layout::OpenClip, None, "BPE", 2014),
    ("dual/openclip-tiny-quickgelu/model", Layout::OpenClip, None, "BPE", 2014),
    ("dual/biomedclip-tiny/model", Layout::OpenClip, None, "WordPiece", 4200),
    ("dual/biomedclip-tiny-mean/model", Layout::OpenClip, None, "WordPiece", 4200),
    ("vlm/llava-tiny/model", Layout::HuggingFace, Some("llava"), "BPE", 2154),
    ("vlm/gemma3-tiny/model", Layout::HuggingFace, Some("gemma3"), "BPE", 1401),
    ("vlm/qwen2.5vl-tiny/model", Layout::HuggingFace, Some("qwen2_5_vl"), "BPE", 2059),
    ("vlm/smolvlm-tiny/model", Layout::HuggingFace, Some("smolvlm"), "BPE", 2796),
];

#[test]
fn folders_open_and_say_what_they_are() {
    for &(folder, layout, architecture, kind, words) in FOLDERS {
        let Some(path) = golden(folder) else { return };
        let model = Model::open(&path).unwrap();
        let summary = Summary::of(&model);
        assert_eq!(summary.layout, layout, "{folder}");
        assert_eq!(summary.description.architecture.as_deref(), architecture, "{folder}");
        let tokenizer = summary.tokenizer.unwrap();
        assert_eq!(
            (tokenizer.kind.as_deref(), tokenizer.vocabulary_length),
            (Some(kind), Some(words)),
            "{folder}"
        );
        assert_eq!((structure_notes(&model).len(), summary.unsupported.len()), (0, 0), "{folder}");
        let check = check_data(&model, Progress::silent()).unwrap();
        assert_eq!((check.checked, check.not_finite.len()), (model.tensors().len(), 0), "{folder}");
    }
}

#[test]
fn shards_hold_what_the_crate_reads_from_them() {
    let Some(path) = golden("vlm/llava-tiny/model") else { return };
    let model = Model::open(&path).unwrap();
    let weights = model.files().iter().filter(|file| file.role == Role::Weights);
    let mut seen = 0;
    for file in weights {
        let bytes = fs::read(path.join(&file.name)).unwrap();
        for (name, theirs) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let ours = model.tensor(&name).unwrap();
            let dims: Vec<u64> = theirs.shape().iter().map(|d| *d as u64).collect();
            assert_eq!((ours.shape().dims(), ours.bytes()), (&dims[..], theirs.data()), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, model.tensors().len());
    assert_eq!(model.config("config.json").unwrap()["model_type"], "llava");
    assert_eq!(model.config("preprocessor_config.json").unwrap()["do_resize"], true);
}

#[test]
fn gguf_pairs_open() {
    struct Case {
        file: &'static str,
        architecture: &'static str,
        blocks: u64,
    }
    let cases = [
        Case { file: "vlm/smolvlm-tiny/gguf/text-q4_k_m.gguf", architecture: "llama", blocks: 3 },
        Case { file: "vlm/smolvlm-tiny/gguf/mmproj-q8_0.gguf", architecture: "clip", blocks: 3 },
        Case { file: "vlm/gemma3-tiny/gguf/text-q5_0.gguf", architecture: "gemma3", blocks: 7 },
        Case { file: "vlm/qwen2.5vl-tiny/gguf/mmproj-f16.gguf", architecture: "clip", blocks: 4 },
        Case { file: "vlm/llava-tiny/gguf/text-q5_1.gguf", architecture: "llama", blocks: 2 },
    ];
    for case in cases {
        let Some(path) = golden(case.file) else { return };
        let model = Model::open(&path).unwrap();
        let summary = Summary::of(&model);
        assert_eq!(summary.description.architecture.as_deref(), Some(case.architecture), "{}", case.file);
        assert_eq!(summary.description.block_count, Some(case.blocks), "{}", case.file);
        assert_eq!(structure_notes(&model), [], "{}", case.file);
        assert_eq!(check_data(&model, Progress::silent()).unwrap().not_finite, [], "{}", case.file);
    }
    let Some(folder) = golden("vlm/smolvlm-tiny/gguf") else { return };
    let error = Model::open(&folder).unwrap_err().to_string();
    assert!(error.contains("several models") && error.contains("\"text-q8_0.gguf\""), "{error}");
}

#[test]
fn the_identity_depends_on_every_file_that_matters() {
    let Some(path) = golden("dual/clip-tiny/model") else { return };
    let folder = tempfile::tempdir().unwrap();
    let identity = || {
        let model = Model::open(folder.path()).unwrap();
        let digests = file_digests(&model, &DigestCache::none(), Progress::silent()).unwrap();
        model_identity(digests.iter().map(|d| (d.role, d.digest)))
    };
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    let first = identity();
    fs::write(folder.path().join("README.md"), "---\nlicense: mit\n---\n").unwrap();
    assert_eq!(identity(), first);
    for name in ["config.json", "preprocessor_config.json", "tokenizer.json", "merges.txt"] {
        let path = folder.path().join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, [&before[..], b"\n"].concat()).unwrap();
        assert_ne!(identity(), first, "{name}");
        fs::write(&path, before).unwrap();
        assert_eq!(identity(), first, "{name}");
    }
}
