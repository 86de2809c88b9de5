//! Random numbers: ChaCha8 with one stream for each part of a scene.
//!
//! Each part draws from a stream of its own, so taking one part out of a scene leaves all others as they were.

use std::sync::OnceLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::portable::exp;

/// 1 / sqrt(pi).
const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// Which part of a scene draws. The numbers are part of what "same seed, same bytes" means: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Parameters = 1,
    Pattern = 2,
    WallTexture = 3,
    WallSpeckle = 4,
    LungSpeckle = 5,
    Noise = 6,
    Captions = 7,
    Augmentation = 8,
    Lesions = 9,
    Machine = 10,
}

/// One stream of random numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `part` for `seed`; `index` tells frames, looks or items apart.
    pub(crate) fn new(seed: u64, part: Part, index: u32) -> Self {
        let mut key = *b"bedside-phantom/1 ultrasound....";
        key[24..].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream((part as u64) << 32 | u64::from(index));
        Self(generator)
    }

    /// Uniform in 0…1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0 // 2^53
    }

    /// Uniform between `low` and `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `rate`.
    pub(crate) fn chance(&mut self, rate: f64) -> bool {
        self.unit() < rate
    }

    /// A number in `0..count`; 0 for a count of 0.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: u32, high: u32) -> u32 {
        low + self.index((high.saturating_sub(low) + 1) as usize) as u32
    }

    /// Fill with pairs of independent normal numbers of mean 0 and variance 1/2 each: one unit of complex power.
    pub(crate) fn fill_complex(&mut self, re: &mut [f32], im: &mut [f32]) {
        let normal = NORMAL.get_or_init(normal_quantiles);
        let mut bytes = [0_u8; 1024];
        for (re, im) in re.chunks_mut(256).zip(im.chunks_mut(256)) {
            self.0.fill_bytes(&mut bytes);
            for ((re, im), four) in re.iter_mut().zip(im).zip(bytes.chunks_exact(4)) {
                *re = normal[usize::from(u16::from_le_bytes([four[0], four[1]]) >> 4)];
                *im = normal[usize::from(u16::from_le_bytes([four[2], four[3]]) >> 4)];
            }
        }
    }
}

/// Entries of the table of the normal distribution: the largest is 3.7 standard deviations.
const QUANTILES: usize = 4096;

/// Made once; the same on every machine.
static NORMAL: OnceLock<[f32; QUANTILES]> = OnceLock::new();

/// Quantiles of the normal distribution of variance 1/2 at the middles of equal parts of probability, found by
/// adding up the density from the middle outward.
fn normal_quantiles() -> [f32; QUANTILES] {
    const STEP: f64 = 1.0 / 2048.0;
    // Density of variance 1/2: exp(-x^2) / sqrt(pi).
    let density = |x: f64| exp(-x * x) * FRAC_1_SQRT_PI;
    let mut table = [0.0; QUANTILES];
    let (mut x, mut below) = (0.0, 0.5);
    for n in QUANTILES / 2..QUANTILES {
        let wanted = (n as f64 + 0.5) / QUANTILES as f64;
        let mut slice = STEP * density(x + 0.5 * STEP);
        while below + slice < wanted {
            below += slice;
            x += STEP;
            slice = STEP * density(x + 0.5 * STEP);
        }
        let quantile = (x + STEP * (wanted - below) / slice) as f32;
        table[n] = quantile;
        table[QUANTILES - 1 - n] = -quantile;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_repeat() {
        let first = |seed, part, index| Stream::new(seed, part, index).unit();
        assert_eq!(first(1, Part::Noise, 0), first(1, Part::Noise, 0));
        assert_ne!(first(1, Part::Noise, 0), first(2, Part::Noise, 0));
        assert_ne!(first(1, Part::Noise, 0), first(1, Part::Captions, 0));
        assert_ne!(first(1, Part::Noise, 0), first(1, Part::Noise, 1));
    }

    #[test]
    fn complex_numbers_have_unit_power() {
        let (mut re, mut im) = (vec![0.0; 100_000], vec![0.0; 100_000]);
        Stream::new(3, Part::LungSpeckle, 0).fill_complex(&mut re, &mut im);
        let power = re.iter().zip(&im).map(|(a, b)| f64::from(a * a + b * b)).sum::<f64>() / 1e5;
        assert!((power - 1.0).abs() < 0.01, "{power}");
        let mean = re.iter().map(|a| f64::from(*a)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn the_table_is_normal() {
        let table = normal_quantiles();
        let moment =
            |power: i32| table.iter().map(|x| f64::from(*x).powi(power)).sum::<f64>() / QUANTILES as f64;
        assert!(table.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((moment(2) - 0.5).abs() < 2e-3, "{}", moment(2));
        // The fourth moment is three times the square of the variance; the cut tails take a little.
        assert!((moment(4) - 0.75).abs() < 0.02, "{}", moment(4));
    }

    #[test]
    fn numbers_stay_within_their_ends() {
        let mut stream = Stream::new(9, Part::Parameters, 0);
        for _ in 0..1000 {
            assert!((2..=5).contains(&stream.whole(2, 5)));
            assert!(stream.index(3) < 3);
            let x = stream.between(-2.0, 3.0);
            assert!((-2.0..3.0).contains(&x));
        }
        assert_eq!(stream.index(0), 0);
        assert!(!stream.chance(0.0) && stream.chance(1.0));
    }
}
