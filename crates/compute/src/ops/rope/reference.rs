//! Pair by pair; angles, sines and cosines in f64.

use super::{Pairing, Rope, RopeAxes};
use crate::tensor::HostTensor;

pub(super) fn run(op: &Rope, inputs: &[&HostTensor], output: &[usize]) -> HostTensor {
    let positions = inputs[1].u32s();
    let factors = op.factors.then(|| inputs[2].f32s());
    let [tokens, heads, head_dim] = output[output.len() - 3..] else { return inputs[0].clone() };
    let half = op.rotary as usize / 2;
    let mut y = inputs[0].f32s().to_vec();
    for (row, features) in y.chunks_exact_mut(head_dim).enumerate() {
        let token = row / heads % tokens;
        for i in 0..half {
            let (axis, frequency) = frequency(op, i);
            let position = f64::from(positions[axis * tokens + token]) / f64::from(op.position_scale);
            let angle = position * frequency / factors.map_or(1.0, |f| f64::from(f[i]));
            let (a, b) = match op.pairing {
                Pairing::Neox => (i, i + half),
                Pairing::Interleaved => (2 * i, 2 * i + 1),
            };
            let (x, z) = (f64::from(features[a]), f64::from(features[b]));
            features[a] = (x * angle.cos() - z * angle.sin()) as f32;
            features[b] = (x * angle.sin() + z * angle.cos()) as f32;
        }
    }
    HostTensor::filled(output, y)
}

/// Axis of the position and frequency of pair `i`.
fn frequency(op: &Rope, i: usize) -> (usize, f64) {
    let (theta, rotary) = (f64::from(op.theta), f64::from(op.rotary));
    let power = |i: usize, width: f64| theta.powf(-2.0 * i as f64 / width);
    match op.axes {
        RopeAxes::One => (0, power(i, rotary)),
        RopeAxes::RowColumn => {
            let quarter = op.rotary as usize / 4;
            (i / quarter, power(i % quarter, rotary / 2.0))
        }
        RopeAxes::Multimodal { sections } => {
            let (time, row) = (sections[0] as usize, sections[1] as usize);
            (usize::from(i >= time) + usize::from(i >= time + row), power(i, rotary))
        }
    }
}
