//! The product, one element to a thread.

use crate::error::Mismatch;
use crate::gpu::{Call, Dispatch, join};

pub(super) fn run(call: &Call<'_>) -> Result<Vec<Dispatch>, Mismatch> {
    join::run(call, "mul", "*")
}
