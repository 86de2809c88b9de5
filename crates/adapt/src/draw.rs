//! Random numbers of a run: one stream for each purpose and step, so that a run that was stopped goes on with the
//! numbers it would have had.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What is drawn. The numbers are part of what "same seed, same model" means: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Weights before training.
    Weights = 1,
    /// Scenes of the training set, and how their machine shows them.
    Scenes = 2,
    /// Order of the frames in an epoch.
    Order = 3,
    /// Changes to a frame.
    Changes = 4,
    /// Words of a step.
    Words = 5,
}

/// One stream of random numbers.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a purpose; `index` tells steps, frames or weights apart (below 2^48).
    pub(crate) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = *b"bedside-adapt/1 training run....";
        key[24..].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream((purpose as u64) << 48 | index);
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

    /// One of these. `choices`: at least one.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.index(choices.len())]
    }

    /// Normal, mean 0, variance 1, by Box and Muller's transform.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// The numbers below `count` in random order.
    pub(crate) fn order(&mut self, count: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count as u32).collect();
        for last in (1..count).rev() {
            order.swap(last, self.index(last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_repeat() {
        let first = |seed, purpose, index| Draw::new(seed, purpose, index).0.next_u64();
        assert_eq!(first(1, Purpose::Order, 0), first(1, Purpose::Order, 0));
        for other in [(2, Purpose::Order, 0), (1, Purpose::Words, 0), (1, Purpose::Order, 1)] {
            assert_ne!(first(1, Purpose::Order, 0), first(other.0, other.1, other.2), "{other:?}");
        }
    }

    #[test]
    fn orders_hold_each_number_once() {
        for count in [0, 1, 2, 97] {
            let mut order = Draw::new(3, Purpose::Order, 0).order(count);
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..count as u32), "{count}");
        }
    }

    #[test]
    fn normal_numbers_are_normal() {
        let mut draw = Draw::new(5, Purpose::Weights, 0);
        let numbers: Vec<f64> = (0..20_000).map(|_| draw.normal()).collect();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / 20_000.0;
        // Standard errors: 0.007 of the mean, 0.01 of the variance.
        assert!(moment(1).abs() < 0.03 && (moment(2) - 1.0).abs() < 0.04, "{} {}", moment(1), moment(2));
    }
}
