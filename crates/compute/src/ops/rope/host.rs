//! Sines and cosines of a token once, then all its heads.

use super::{Pairing, Rope, RopeAxes};
use crate::host::call::Call;
use crate::host::rows::each_row;

/// Axis of the position, and angle per position.
pub(super) type Turn = (usize, f64);

pub(super) fn run(op: &Rope, call: &mut Call<'_>) {
    turn(op, call, 1.0);
}

/// `sign` -1 turns back.
pub(super) fn turn(op: &Rope, call: &mut Call<'_>, sign: f32) {
    let positions = call.indices(1);
    let factors = op.factors.then(|| call.numbers(2));
    call.begin_with(0);
    let [tokens, heads, head_dim] = call.dims[call.dims.len() - 3..] else {
        unreachable!("the shape check asks for three dimensions")
    };
    let turns = turns(op, factors);
    each_row(call.out, heads * head_dim, |row, features| {
        let turned = turned(&turns, positions, (row % tokens, tokens), sign);
        features.chunks_exact_mut(head_dim).for_each(|head| apply(op.pairing, &turned, head));
    });
}

/// Sine and cosine of each pair at one of `tokens` tokens.
fn turned(turns: &[Turn], positions: &[u32], (token, tokens): (usize, usize), sign: f32) -> Vec<(f32, f32)> {
    let turn = |&(axis, angle): &Turn| {
        let (sin, cos) = (f64::from(positions[axis * tokens + token]) * angle).sin_cos();
        (sin as f32 * sign, cos as f32)
    };
    turns.iter().map(turn).collect()
}

/// Sines, then cosines, of all pairs at all tokens: (tokens, rotary / 2) each.
pub(super) fn table(
    op: &Rope,
    positions: &[u32],
    factors: Option<&[f32]>,
    tokens: usize,
) -> (Vec<f32>, Vec<f32>) {
    let turns = turns(op, factors);
    (0..tokens).flat_map(|token| turned(&turns, positions, (token, tokens), 1.0)).unzip()
}

fn apply(pairing: Pairing, turned: &[(f32, f32)], head: &mut [f32]) {
    let half = turned.len();
    match pairing {
        Pairing::Neox => {
            let (low, high) = head[..2 * half].split_at_mut(half);
            for ((x, z), (sin, cos)) in low.iter_mut().zip(high).zip(turned) {
                (*x, *z) = (*x * cos - *z * sin, *x * sin + *z * cos);
            }
        }
        Pairing::Interleaved => {
            for (pair, (sin, cos)) in head.chunks_exact_mut(2).zip(turned) {
                (pair[0], pair[1]) = (pair[0] * cos - pair[1] * sin, pair[0] * sin + pair[1] * cos);
            }
        }
    }
}

/// For each pair of features.
pub(super) fn turns(op: &Rope, factors: Option<&[f32]>) -> Vec<Turn> {
    let (rotary, theta) = (op.rotary as usize, f64::from(op.theta));
    let turn = |i: usize| {
        let (axis, exponent) = match op.axes {
            RopeAxes::One => (0, 2.0 * i as f64 / rotary as f64),
            RopeAxes::RowColumn => {
                (i / (rotary / 4), 4.0 * (i % (rotary / 4)) as f64 / rotary as f64)
            }
            RopeAxes::Multimodal { sections: [time, row, _] } => {
                let axis = usize::from(i >= time as usize) + usize::from(i >= (time + row) as usize);
                (axis, 2.0 * i as f64 / rotary as f64)
            }
        };
        let factor = factors.map_or(1.0, |factors| f64::from(factors[i]));
        (axis, theta.powf(-exponent) / f64::from(op.position_scale) / factor)
    };
    (0..rotary / 2).map(turn).collect()
}
