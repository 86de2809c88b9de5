//! Runs of a tiny model: stopped and gone on, written and opened, downhill.

use super::*;
use crate::frames::FrameSource;
use bedside_phantom::Ranges;

fn begin(folder: &Path, steps: u64) -> (Trainer, Frames) {
    let threads = NonZeroUsize::MIN;
    let trainer = Trainer::new(TrainSettings::tiny(3, steps), &folder.join("blank.gguf"), threads).unwrap();
    let preprocessing = trainer.encoder().preprocessing().unwrap().clone();
    let side = Sizes::tiny().image.side as usize;
    let source = FrameSource { ranges: Ranges::training(), first_seed: 50, seed: 3, preprocessing, side };
    let frames = source.make(0, 12).unwrap();
    (trainer, frames)
}

#[test]
fn a_run_that_goes_on_gives_the_same_bits_as_one_that_was_not_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (mut whole, frames) = begin(folder.path(), 5);
    let records: Vec<StepRecord> = (0..5).map(|_| whole.step(&frames).unwrap()).collect();
    assert!(whole.is_done());

    let (mut first, frames) = begin(folder.path(), 5);
    let mut again: Vec<StepRecord> = (0..2).map(|_| first.step(&frames).unwrap()).collect();
    let checkpoint = folder.path().join("checkpoint.gguf");
    first.checkpoint(&checkpoint).unwrap();
    drop(first);
    let (mut second, frames) = begin(folder.path(), 5);
    second.resume(&checkpoint).unwrap();
    assert_eq!(second.steps_done(), 2);
    again.extend((0..3).map(|_| second.step(&frames).unwrap()));
    assert_eq!(again, records);
    assert!(second.parameters == whole.parameters);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (trainer, _) = begin(folder.path(), 5);
    let checkpoint = folder.path().join("checkpoint.gguf");
    trainer.checkpoint(&checkpoint).unwrap();
    let (mut other, _) = begin(folder.path(), 6);
    let error = other.resume(&checkpoint).unwrap_err();
    assert!(matches!(error, AdaptError::File { what: "settings of the run", .. }), "{error}");
    assert!(other.resume(&folder.path().join("none.gguf")).is_err());
}

#[test]
fn the_written_model_gives_the_vectors_of_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let (mut trainer, frames) = begin(folder.path(), 3);
    for _ in 0..3 {
        trainer.step(&frames).unwrap();
    }
    let path = folder.path().join("model.gguf");
    trainer.write_model(&path).unwrap();
    let mut encoder = DualEncoder::open(&Model::open(&path).unwrap(), &LoadSettings::default()).unwrap();
    let texts = ["no B-lines", "lung ultrasound with confluent B-lines"];
    let (expected, got) = (trainer.embed_texts(&texts).unwrap(), encoder.embed_texts(&texts).unwrap());
    let got: Vec<f32> = got.embeds().flatten().copied().collect();
    // Texts of different lengths run together in one and padded in the other; rewrites fold constants.
    assert!(expected.iter().zip(&got).all(|(a, b)| (a - b).abs() < 1e-4), "{expected:?} {got:?}");
    let preprocessing = encoder.preprocessing().unwrap().clone();
    let side = frames.side;
    let source = FrameSource { ranges: Ranges::training(), first_seed: 50, seed: 3, preprocessing, side };
    let shown = source.show(0).unwrap();
    let prepared = encoder.prepare(&shown.pixels).unwrap();
    let got = encoder.embed_images(&[prepared]).unwrap();
    let (expected, _) = trainer.embed_frames(&frames, &[0]).unwrap();
    let got = got.embeds().next().unwrap();
    assert!(expected.iter().zip(got).all(|(a, b)| (a - b).abs() < 1e-4), "{expected:?} {got:?}");
    let scale = encoder.scores().log_scale;
    assert!((f64::from(scale) - trainer.parameters.number(LOG_SCALE)).abs() < 1e-9);
}

#[test]
fn steps_lower_the_loss_on_frames_that_are_seen_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut trainer, frames) = begin(folder.path(), 60);
    let records: Vec<StepRecord> = (0..60).map(|_| trainer.step(&frames).unwrap()).collect();
    let mean = |records: &[StepRecord], of: fn(&StepRecord) -> f64| {
        records.iter().map(of).sum::<f64>() / records.len() as f64
    };
    for of in [|r: &StepRecord| r.contrastive, |r: &StepRecord| r.localisation] {
        let (first, last) = (mean(&records[..10], of), mean(&records[50..], of));
        assert!(last < first, "{first} {last}");
    }
}

#[test]
fn settings_that_make_no_run_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let blank = folder.path().join("blank.gguf");
    for batch in [0, 5000] {
        let settings = TrainSettings { batch, ..TrainSettings::tiny(1, 2) };
        assert!(Trainer::new(settings, &blank, NonZeroUsize::MIN).is_err());
    }
    let (mut trainer, frames) = begin(folder.path(), 2);
    let none = Frames::none(frames.side);
    assert!(matches!(trainer.step(&none), Err(AdaptError::Setting { what: "frames", .. })));
}
