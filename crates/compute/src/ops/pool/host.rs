//! One sweep over the axis per outer position, all columns side by side.

use super::{Pool, PoolKind};
use crate::host::call::Call;
use crate::host::rows::each_row;

pub(super) fn run(op: &Pool, call: &mut Call<'_>) {
    let (x, dims) = (call.numbers(0), call.inputs[0].dims);
    let mask = op.masked.then(|| call.indices(1));
    let length = dims[op.axis];
    let inner: usize = dims[op.axis + 1..].iter().product();
    each_row(call.out, inner, |outer, out| {
        let seen = |j: &usize| mask.is_none_or(|mask| mask[outer * length + j] != 0);
        let rows = (0..length).filter(seen).map(|j| &x[(outer * length + j) * inner..][..inner]);
        match op.kind {
            PoolKind::Max => {
                out.fill(f32::NEG_INFINITY);
                rows.for_each(|row| out.iter_mut().zip(row).for_each(|(m, &v)| *m = m.max(v)));
            }
            PoolKind::Mean => {
                let (mut sums, mut count) = (vec![0.0f64; inner], 0.0f64);
                for row in rows {
                    count += 1.0;
                    sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v));
                }
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum / count.max(1.0)) as f32);
            }
        }
    });
}
