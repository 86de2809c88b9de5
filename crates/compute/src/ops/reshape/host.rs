//! A copy, where the plan could make no view.

use crate::host::call::Call;

pub(super) fn run(call: &mut Call<'_>) {
    let from = call.bits(0);
    call.out_bits().copy_from_slice(from);
}
