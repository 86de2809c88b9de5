//! A golden model on phantom frames: the same bytes over repeats and threads, and heatmaps that follow the prompts.

use std::num::NonZeroUsize;

use bedside_models::{DualEncoder, LoadSettings};
use bedside_tests::golden;
use bedside_weights::Model;

use super::*;

/// A tower whose places add up to the embedding.
fn model(threads: usize) -> Option<DualEncoder> {
    let folder = golden("dual/openclip-options-tiny")?;
    let settings = LoadSettings { threads: NonZeroUsize::new(threads)?, ..LoadSettings::default() };
    Some(DualEncoder::open_with_patches(&Model::open(&folder.join("model")).unwrap(), &settings).unwrap())
}

const PROMPTS: &str = "positive = [\"lung ultrasound with a_lines\", \"horizontal lines\"]";

fn with_prompts(prompts: &str) -> String {
    PROTOCOL.replacen("positive = [\"dark\"]", prompts, 1)
}

fn run(encoder: &mut DualEncoder, frames: &[Frame], prompts: &str) -> (Report, Vec<crate::Heat>) {
    let exam = Exam::new(Protocol::parse(&with_prompts(prompts)).unwrap(), encoder, MODEL).unwrap();
    let heats = exam.heat_of(encoder, &frames[0]).unwrap();
    let frames: Vec<&Frame> = frames.iter().collect();
    let given = given(Domain::Phantom);
    let input = ScanInput { frames: &frames, frames_in_scan: frames.len() as u32, given: &given };
    (exam.report(encoder, &input).unwrap(), heats)
}

#[test]
fn repeats_and_threads_give_the_same_bytes() {
    let frames = phantom_frames(Finding::Consolidation, 11, 2);
    let Some(mut one) = model(1) else { return };
    let (first, heats) = run(&mut one, &frames, PROMPTS);
    assert!(first.findings.iter().all(|finding| finding.score.is_some()));
    for threads in [1, 2, 3] {
        let Some(mut encoder) = model(threads) else { return };
        let (report, again) = run(&mut encoder, &frames, PROMPTS);
        assert_eq!(report.to_json(), first.to_json(), "{threads} threads");
        assert_eq!(again, heats, "{threads} threads");
    }
}

#[test]
fn heatmaps_are_the_parts_of_the_score_and_follow_the_prompts() {
    let frames = phantom_frames(Finding::PleuralEffusion, 12, 1);
    let Some(mut encoder) = model(1) else { return };
    let (report, heats) = run(&mut encoder, &frames, PROMPTS);
    let size = report.scan.size.map(f64::from);
    for (heat, finding) in heats.iter().zip(&report.findings) {
        let [rows, columns] = heat.grid;
        assert_eq!(heat.values.len(), rows * columns);
        let [left, top, right, bottom] = heat.area;
        assert!(
            left < right && top < bottom && right <= 1.5 * size[0] && bottom <= 1.5 * size[1],
            "{heat:?}"
        );
        assert!(heat.values.iter().any(Option::is_some));
        // Places off the scan count in the mean too, and are not shown: only where all are shown they add up.
        if let Some(values) = heat.values.iter().copied().collect::<Option<Vec<f64>>>() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let score = finding.score.unwrap();
            assert!((mean - score).abs() < 1e-3 * score.abs().max(1.0), "{mean} {score}");
        }
    }
    let other = "positive = [\"a photograph of a garden in spring\", \"seven\"]";
    let (changed, others) = run(&mut encoder, &frames, other);
    assert_eq!(report.findings[0].score, changed.findings[0].score, "whose prompts are the same");
    assert_ne!(report.findings[1].score, changed.findings[1].score);
    let [own, others] = [&heats[1], &others[1]];
    assert_ne!(own.values, others.values, "randomised prompts change the map");
    let alike = own.rank_correlation(own);
    assert!(alike.is_none_or(|rho| rho > 0.999));
}
