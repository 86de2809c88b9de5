//! Plain loops, compiled once more for each instruction set: the crate itself is built for the plainest
//! processor. Nothing is fused or reordered, so the results are the same in every bit.

#![allow(unsafe_code, reason = "calls the instantiation for instructions that were found at run time")]

use crate::ops::Tier;

/// A loop. `run` and all it calls are to be `#[inline(always)]`, or they stay plain code.
pub(crate) trait Loop {
    /// What it leaves.
    type Output;

    /// The loop itself.
    fn run(self) -> Self::Output;
}

/// Runs it with the best instructions of this processor.
#[inline]
pub(crate) fn vectorized<L: Loop>(work: L) -> L::Output {
    match Tier::best() {
        Tier::Portable => work.run(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the tier exists only where AVX2 was detected.
        Tier::Avx2 => unsafe { avx2(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the tier exists only where AVX-512 F and BW were detected.
        Tier::Avx512Vnni => unsafe { avx512(work) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<L: Loop>(work: L) -> L::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn avx512<L: Loop>(work: L) -> L::Output {
    work.run()
}
