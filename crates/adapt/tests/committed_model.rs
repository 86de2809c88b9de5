//! The demo model in the repository: it opens, its card tells of this very file, and it still knows its findings.

use std::fs;
use std::path::PathBuf;

use bedside_adapt::{FrameSource, ImageSizes, NOTICE, Sizes, judge};
use bedside_models::{DualEncoder, LoadSettings};
use bedside_phantom::{Finding, Ranges};
use bedside_weights::{DigestCache, Model, Progress, file_digests, model_identity};

/// Bytes of the committed file, at most.
const MOST_BYTES: u64 = 8 << 20;
/// Frames of the quick look; seeds that neither training nor the evaluation of the card uses.
const FRAMES: usize = 160;
const SEEDS: u64 = 1 << 43;
/// Area under the curve, at least: three standard errors of 160 frames below what the card tells.
const LEAST_AREA: [(Finding, f64); 6] = [
    (Finding::ALines, 0.78),
    (Finding::BLines, 0.95),
    (Finding::BLinesSeveral, 0.93),
    (Finding::BLinesConfluent, 0.95),
    (Finding::Consolidation, 0.88),
    (Finding::PleuralEffusion, 0.95),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../calibration/models/demo-lung")
}

fn model() -> Model {
    Model::open(&folder().join("demo-lung.gguf")).unwrap()
}

#[test]
fn the_card_tells_of_this_file() {
    let path = folder().join("demo-lung.gguf");
    assert!(fs::metadata(&path).unwrap().len() <= MOST_BYTES);
    let digests = file_digests(&model(), &DigestCache::none(), Progress::silent()).unwrap();
    let identity = model_identity(digests.iter().map(|file| (file.role, file.digest))).to_string();
    let card = fs::read_to_string(folder().join("MODEL_CARD.md")).unwrap();
    for words in [identity.as_str(), digests[0].digest.to_string().as_str(), NOTICE] {
        assert!(card.contains(words), "the card lacks {words}");
    }
}

#[test]
fn the_committed_model_knows_its_findings() {
    let mut encoder = DualEncoder::open_with_patches(&model(), &LoadSettings::default()).unwrap();
    let preprocessing = encoder.preprocessing().unwrap().clone();
    let ImageSizes { side, patch, .. } = Sizes::demo().image;
    let source = FrameSource {
        ranges: Ranges::training(),
        first_seed: SEEDS,
        seed: SEEDS,
        preprocessing,
        side: side as usize,
    };
    let found = judge(&mut encoder, &source, patch as usize, FRAMES, &mut |_| {}).unwrap();
    for of in found.known.iter().chain(&found.held_out) {
        let auroc = of.auroc.expect("both classes are among the frames").area;
        let (_, least) = LEAST_AREA.into_iter().find(|(finding, _)| *finding == of.finding).unwrap();
        assert!(auroc >= least, "{:?}: {auroc}, at least {least}", of.finding);
    }
}
