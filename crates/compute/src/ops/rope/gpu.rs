//! One pair to a thread. Angles are counted in turns as fractions of 64 bits, so that a position of thousands loses
//! no digit; whole turns fall away by themselves.

use super::host::turns;
use super::{Pairing, Rope};
use crate::error::Mismatch;
use crate::gpu::strided::count;
use crate::gpu::{Binding, Call, Dispatch, Resource, Source, Work, params, simple};

params! {
    /// Twin of the shader's struct.
    struct RopeParams {
        elements: u32,
        tokens: u32,
        heads: u32,
        head_dim: u32,
        rotary: u32,
        interleaved: u32,
    }
}

pub(super) fn run(op: &Rope, call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    let factors = match op.factors {
        false => None,
        true => Some((call.numbers)(2).ok_or_else(|| {
            Mismatch::new("factors", "a weight, on a GPU", "a computed value")
        })?),
    };
    let table = turns(op, factors.as_deref()).into_iter().flat_map(|(axis, angle)| {
        let turn = (angle / std::f64::consts::TAU).rem_euclid(1.0);
        // f64 has 53 digits, the fraction 64: the last eleven are 0.
        let bits = (turn * 18_446_744_073_709_551_616.0) as u64;
        [axis as u32, (bits >> 32) as u32, bits as u32]
    });
    let kernel = simple::kernel(call, "rope", Source::new(), include_str!("rope.wgsl"))?;
    let bindings = vec![
        Binding::new(1, "operand", Resource::Input(0)),
        Binding::new(2, "positions", Resource::Input(1)),
        Binding::new(3, "turns", Resource::Table),
        Binding::new(4, "result", Resource::Output),
    ];
    let (rotary, interleaved) = (op.rotary, u32::from(op.pairing == Pairing::Interleaved));
    let dispatch = Dispatch::new(kernel, bindings, move |shapes| {
        count(shapes.output.iter().product())?;
        let [tokens, heads, head_dim] = shapes.output[shapes.output.len() - 3..] else {
            return Err(Mismatch::new("x", "3 dimensions", shapes.output.len()));
        };
        let places = head_dim - rotary as usize / 2;
        let elements = shapes.output.iter().product::<usize>() / head_dim * places;
        let params = RopeParams {
            first_group: 0,
            elements: count(elements)?,
            tokens: count(tokens)?,
            heads: count(heads)?,
            head_dim: count(head_dim)?,
            rotary,
            interleaved,
        };
        Ok(Work::new(&params, simple::groups(elements)))
    });
    Ok(vec![dispatch.with_table(table.collect()).twin(RopeParams::MEMBERS)])
}
