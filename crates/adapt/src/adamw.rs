//! AdamW: Adam with weight decay apart from the gradient; warm-up, cosine, and a limit on the gradient's length.
//! Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019 (arXiv 1711.05101), algorithm 2.

use serde::{Deserialize, Serialize};

/// Settings that do not change during a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root.
    pub epsilon: f64,
    /// Share of a weight that a step at rate 1 takes away.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.05 }
    }
}

/// Means of a weight's gradients and of their squares, as many as it has numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Of gradients.
    pub first: Vec<f32>,
    /// Of squares.
    pub second: Vec<f32>,
}

impl Moments {
    /// Before the first step.
    pub fn new(count: usize) -> Self {
        Self { first: vec![0.0; count], second: vec![0.0; count] }
    }
}

impl AdamW {
    /// One step. `step`: counted from 1. `rate`: the learning rate now. `decayed`: whether the weight decays;
    /// biases, norms and positions do not. `gradient` is multiplied by `factor` first.
    pub fn step(
        &self,
        (step, rate, factor): (u64, f64, f64),
        decayed: bool,
        weights: &mut [f32],
        gradient: &[f32],
        moments: &mut Moments,
    ) {
        let power = |beta: f64| 1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX));
        let (first, second) = (power(self.beta1), power(self.beta2));
        let kept = if decayed { 1.0 - rate * self.weight_decay } else { 1.0 };
        let moments = moments.first.iter_mut().zip(&mut moments.second);
        for ((weight, gradient), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
            let gradient = f64::from(*gradient) * factor;
            *m = (self.beta1 * f64::from(*m) + (1.0 - self.beta1) * gradient) as f32;
            *v = (self.beta2 * f64::from(*v) + (1.0 - self.beta2) * gradient * gradient) as f32;
            let step = f64::from(*m) / first / ((f64::from(*v) / second).sqrt() + self.epsilon);
            *weight = (f64::from(*weight) * kept - rate * step) as f32;
        }
    }
}

/// The learning rate over a run: up in a straight line, then down along half a cosine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps until it is reached.
    pub warm_up: u64,
    /// Steps of the whole run.
    pub steps: u64,
}

impl Schedule {
    /// The rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f64 / self.warm_up as f64;
        }
        let left = self.steps.saturating_sub(self.warm_up).max(1) as f64;
        let done = ((step - self.warm_up) as f64 / left).min(1.0);
        self.peak * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}

/// The factor that brings a gradient of this length down to `most`; 1 where it is shorter.
pub fn clipping(length: f64, most: f64) -> f64 {
    if length > most { most / length } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, for weight 1, gradients 0.5 then -0.25, rate 0.1, betas 0.9 and 0.99, decay 0.1, epsilon 0:
    /// the first step is 0.99 - 0.1 · sign = 0.89; then m = 0.9·0.05 - 0.1·0.25 = 0.02, m̂ = 0.02 / 0.19;
    /// v = 0.99·0.0025 + 0.01·0.0625 = 0.0031, v̂ = 0.0031 / 0.0199;
    /// 0.89·0.99 - 0.1 · (0.02 / 0.19) / √(0.0031 / 0.0199) = 0.8544296…
    #[test]
    fn two_steps_as_worked_by_hand() {
        let settings = AdamW { beta1: 0.9, beta2: 0.99, epsilon: 0.0, weight_decay: 0.1 };
        let (mut weights, mut moments) = (vec![1.0_f32], Moments::new(1));
        settings.step((1, 0.1, 1.0), true, &mut weights, &[0.5], &mut moments);
        assert!((weights[0] - 0.89).abs() < 1e-6, "{}", weights[0]);
        assert!((moments.first[0] - 0.05).abs() < 1e-8 && (moments.second[0] - 0.0025).abs() < 1e-9);
        settings.step((2, 0.1, 1.0), true, &mut weights, &[-0.25], &mut moments);
        let expected = 0.8811 - 0.1 * (0.02 / 0.19) / (0.0031_f64 / 0.0199).sqrt();
        assert!((f64::from(weights[0]) - expected).abs() < 1e-6, "{} {expected}", weights[0]);
    }

    #[test]
    fn a_weight_that_does_not_decay_stays_without_gradient() {
        let (mut weights, mut moments) = (vec![2.0_f32; 2], Moments::new(2));
        AdamW::default().step((1, 0.1, 1.0), false, &mut weights, &[0.0, 0.0], &mut moments);
        assert_eq!(weights, [2.0, 2.0]);
        AdamW::default().step((2, 0.1, 1.0), true, &mut weights, &[0.0, 0.0], &mut moments);
        assert_eq!(weights, [1.99, 1.99]);
    }

    #[test]
    fn the_factor_is_that_of_the_gradient() {
        let run = |factor: f64, gradient: f32| {
            let (mut weights, mut moments) = (vec![1.0_f32], Moments::new(1));
            AdamW::default().step((1, 0.1, factor), true, &mut weights, &[gradient], &mut moments);
            (weights, moments)
        };
        assert_eq!(run(0.5, 2.0), run(1.0, 1.0));
    }

    #[test]
    fn the_rate_goes_up_and_down() {
        let schedule = Schedule { peak: 2.0, warm_up: 4, steps: 104 };
        for (step, expected) in [(0, 0.5), (3, 2.0), (4, 2.0), (54, 1.0), (104, 0.0), (200, 0.0)] {
            assert!((schedule.rate(step) - expected).abs() < 1e-12, "{step}: {}", schedule.rate(step));
        }
        let none = Schedule { peak: 1.0, warm_up: 0, steps: 0 };
        assert!((none.rate(0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn long_gradients_are_cut() {
        assert!((clipping(4.0, 1.0) - 0.25).abs() < 1e-15);
        assert!((clipping(1.0, 1.0) - 1.0).abs() < 1e-15);
        assert!((clipping(0.0, 1.0) - 1.0).abs() < 1e-15);
    }
}
