//! Which instructions the kernels use: found once, when a weight is loaded.

use std::sync::OnceLock;

/// A set of kernels. Later ones are faster; all of one binary give the same bytes where `host` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Plain Rust.
    Portable,
    /// AVX2, FMA, F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW and VNNI, besides all of `Avx2`.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
}

impl Tier {
    /// The fastest this processor has.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(detect)
    }

    /// Every tier this processor has, plainest first.
    #[allow(dead_code, reason = "asked for by the tests and the benchmark only, so far")]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        let all = [
            Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni,
        ];
        all.into_iter().filter(|tier| *tier <= Self::best())
    }

    /// Name in the executor identity.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => "avx512vnni",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Tier {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    match (avx2, avx512) {
        (true, true) => Tier::Avx512Vnni,
        (true, false) => Tier::Avx2,
        _ => Tier::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Tier {
    Tier::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_tier_is_always_there_and_the_best_comes_last() {
        let all: Vec<Tier> = Tier::available().collect();
        assert_eq!(all.first(), Some(&Tier::Portable));
        assert_eq!(all.last(), Some(&Tier::best()));
        eprintln!("tiers here: {:?}", all.iter().map(|t| t.name()).collect::<Vec<_>>());
    }
}
