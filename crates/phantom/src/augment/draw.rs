//! Drawing effects at random, within bounds that leave a lung frame a lung frame.

use super::{Effect, Orientation};
use crate::machine::TGC_SLIDERS;
use crate::random::{Part, Stream};

/// Effects for one picture: brightness, speckle, shadow, zoom and depth, each with a chance of its own; a flip only
/// where `orientation` allows it. Lesions are never drawn: they change the labels, so the caller asks for them.
pub fn draw_effects(orientation: Orientation, seed: u64) -> Vec<Effect> {
    let mut random = Stream::new(seed, Part::Augmentation, u32::MAX);
    let mut effects = Vec::new();
    if random.chance(0.7) {
        effects.push(Effect::Gain { db: random.between(-5.0, 4.0) });
    }
    if random.chance(0.4) {
        let mut db = [0.0; TGC_SLIDERS];
        db.iter_mut().for_each(|db| *db = random.between(-3.0, 3.0));
        effects.push(Effect::Tgc { db });
    }
    if random.chance(0.4) {
        effects.push(Effect::DynamicRange { from_db: 60.0, to_db: random.between(50.0, 75.0) });
    }
    if random.chance(0.3) {
        effects.push(Effect::Speckle { db: random.between(0.5, 3.0), grain_px: random.between(1.0, 4.0) });
    }
    if random.chance(0.3) {
        effects.push(Effect::Noise { level: random.between(0.02, 0.12) });
    }
    if random.chance(0.2) {
        let (across, width) = (random.between(0.0, 1.0), random.between(0.08, 0.25));
        effects.push(Effect::Shadow { across, width, from: 0.0, db: random.between(6.0, 20.0) });
    }
    if random.chance(0.3) {
        let (across, down) = (random.between(0.35, 0.65), random.between(0.0, 0.5));
        effects.push(Effect::Zoom { factor: random.between(0.9, 1.25), across, down });
    }
    if random.chance(0.3) {
        effects.push(Effect::Depth { factor: random.between(0.85, 1.2) });
    }
    if random.chance(0.5) && orientation == Orientation::MayFlip {
        effects.push(Effect::Flip);
    }
    effects
}
