//! Row by row in place.

use crate::host::call::Call;
use crate::host::math::{exp, largest, sum};
use crate::host::rows::each_row;
use crate::host::vector::{Loop, vectorized};

pub(super) fn run(call: &mut Call<'_>) {
    call.begin_with(0);
    let width = call.dims[call.dims.len() - 1];
    each_row(call.out, width, |_, row| vectorized(Row(row)));
}

struct Row<'x>(&'x mut [f32]);

impl Loop for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let largest = largest(self.0);
        self.0.iter_mut().for_each(|v| *v = exp(*v - largest));
        let factor = (1.0 / sum(self.0, |v| v)) as f32;
        self.0.iter_mut().for_each(|v| *v *= factor);
    }
}
