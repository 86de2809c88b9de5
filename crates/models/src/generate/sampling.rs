//! Which token follows: the most probable one, or one drawn by a seed.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use crate::ModelsError;

/// Most stop texts.
const MAX_STOPS: usize = 64;
/// Tokens back that a repeat penalty looks, where nothing else is said (llama.cpp's default).
const REPEAT_WINDOW: usize = 64;

/// How an answer is made. The default is greedy: the most probable token each time.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// Most tokens of the answer, the one that ends it not counted.
    pub max_tokens: u32,
    /// Logits are divided by this before one is drawn. 0: greedy.
    pub temperature: f32,
    /// What draws; needed with a temperature. The same seed gives the same answer.
    pub seed: Option<u64>,
    /// Only the so many most probable.
    pub top_k: Option<NonZeroU32>,
    /// Only the most probable whose probabilities add up to this; above 0, at most 1.
    pub top_p: Option<f32>,
    /// Only those at least this times as probable as the first; from 0 to 1.
    pub min_p: Option<f32>,
    /// Logits of recent tokens are divided by this, or multiplied where they are negative; above 0.
    pub repeat_penalty: Option<f32>,
    /// How many tokens back that looks, the prompt's included.
    pub repeat_window: usize,
    /// The answer ends before the first of these texts.
    pub stop: Vec<String>,
    /// Tokens that end an answer do. Only measurements go on behind them.
    pub stop_at_end: bool,
    /// The answer is JSON that this schema allows.
    pub schema: Option<Value>,
    /// Give each token's log-probability, before penalties, temperature and schema, and those of the so many
    /// most probable tokens. `None`: none.
    pub log_probabilities: Option<usize>,
    /// Give up then, with what there is.
    pub deadline: Option<Instant>,
}

impl Default for Sampling {
    /// Greedy, at most 256 tokens.
    fn default() -> Self {
        Self {
            max_tokens: 256,
            temperature: 0.0,
            seed: None,
            top_k: None,
            top_p: None,
            min_p: None,
            repeat_penalty: None,
            repeat_window: REPEAT_WINDOW,
            stop: Vec::new(),
            stop_at_end: true,
            schema: None,
            log_probabilities: None,
            deadline: None,
        }
    }
}

impl Sampling {
    /// Errors: `Request` for a number out of its range, a temperature without a seed, an empty stop text.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        let wrong = |what: &'static str, expected: &str, got: String| {
            Err(ModelsError::Request { what, expected: expected.to_owned(), got })
        };
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return wrong("temperature", "a number from 0", self.temperature.to_string());
        }
        if self.temperature > 0.0 && self.seed.is_none() {
            return wrong("seed", "a number, with a temperature above 0", "none".to_owned());
        }
        if let Some(p) = self.top_p.filter(|p| !(*p > 0.0 && *p <= 1.0)) {
            return wrong("top_p", "above 0, at most 1", p.to_string());
        }
        if let Some(p) = self.min_p.filter(|p| !(0.0..=1.0).contains(p)) {
            return wrong("min_p", "from 0 to 1", p.to_string());
        }
        if let Some(penalty) = self.repeat_penalty.filter(|p| !(*p > 0.0 && p.is_finite())) {
            return wrong("repeat_penalty", "a number above 0", penalty.to_string());
        }
        if self.stop.len() > MAX_STOPS || self.stop.iter().any(String::is_empty) {
            let expected = format!("at most {MAX_STOPS} texts, none empty");
            return wrong("stop texts", &expected, format!("{:?}", self.stop));
        }
        Ok(())
    }
}

/// Draws token after token.
pub(crate) struct Sampler<'a> {
    sampling: &'a Sampling,
    random: ChaCha8Rng,
    /// Newest last.
    recent: VecDeque<u32>,
}

/// A token that may follow.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: u32,
    /// Its logit, later its probability.
    weight: f64,
}

impl<'a> Sampler<'a> {
    /// `before`: ids of the prompt, newest first.
    pub(crate) fn new(sampling: &'a Sampling, before: impl Iterator<Item = u32>) -> Self {
        let mut recent: VecDeque<u32> = before.take(sampling.repeat_window).collect();
        recent.make_contiguous().reverse();
        let random = ChaCha8Rng::seed_from_u64(sampling.seed.unwrap_or(0));
        Self { sampling, random, recent }
    }

    /// The token that follows. `allowed`: of the tokens that have a text. `None`: none is allowed.
    pub(crate) fn next(&mut self, logits: &[f32], allowed: impl Fn(u32) -> bool) -> Option<u32> {
        let penalised = self.penalised(logits);
        let logits = penalised.as_deref().unwrap_or(logits);
        let all = (0u32..).zip(logits).filter(|(id, _)| allowed(*id));
        if self.sampling.temperature == 0.0 {
            let mut best: Option<(u32, f32)> = None;
            for (id, &logit) in all {
                // Of equal ones, the first.
                if best.is_none_or(|(_, most)| logit > most) {
                    best = Some((id, logit));
                }
            }
            return best.map(|(id, _)| id);
        }
        let temperature = f64::from(self.sampling.temperature);
        let candidate = |(id, logit): (u32, &f32)| Candidate { id, weight: f64::from(*logit) / temperature };
        let candidates = all.map(candidate).collect();
        self.draw(candidates)
    }

    /// With recent tokens made less probable, each once. `None`: no penalty is asked for.
    fn penalised(&self, logits: &[f32]) -> Option<Vec<f32>> {
        let penalty = self.sampling.repeat_penalty?;
        let mut penalised = logits.to_vec();
        for id in &self.recent {
            let id = *id as usize;
            if let (Some(own), Some(new)) = (logits.get(id), penalised.get_mut(id)) {
                *new = if *own > 0.0 { own / penalty } else { own * penalty };
            }
        }
        Some(penalised)
    }

    /// The token was chosen.
    pub(crate) fn remember(&mut self, id: u32) {
        self.recent.push_back(id);
        while self.recent.len() > self.sampling.repeat_window {
            self.recent.pop_front();
        }
    }

    fn draw(&mut self, mut candidates: Vec<Candidate>) -> Option<u32> {
        let order = |a: &Candidate, b: &Candidate| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id));
        let keep = self.sampling.top_k.map_or(usize::MAX, |k| k.get() as usize);
        if keep < candidates.len() {
            candidates.select_nth_unstable_by(keep - 1, order);
            candidates.truncate(keep);
        }
        candidates.sort_unstable_by(order);
        let most = candidates.first()?.weight;
        candidates.iter_mut().for_each(|candidate| candidate.weight = (candidate.weight - most).exp());
        let sum: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        candidates.iter_mut().for_each(|candidate| candidate.weight /= sum);
        if let Some(p) = self.sampling.top_p {
            let mut before = 0.0;
            let kept = candidates.iter().take_while(|candidate| {
                let take = before < f64::from(p);
                before += candidate.weight;
                take
            });
            let kept = kept.count().max(1);
            candidates.truncate(kept);
        }
        if let Some(p) = self.sampling.min_p {
            let least = candidates[0].weight * f64::from(p);
            candidates.retain(|candidate| candidate.weight >= least);
        }
        let sum: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        // 53 bits: a number from 0, below 1.
        let mut left = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * sum;
        for candidate in &candidates {
            left -= candidate.weight;
            if left < 0.0 {
                return Some(candidate.id);
            }
        }
        candidates.last().map(|candidate| candidate.id)
    }
}

/// Natural logarithm of the sum of e^logit.
pub(crate) fn log_sum(logits: &[f32]) -> f64 {
    let most = logits.iter().fold(f32::NEG_INFINITY, |most, logit| most.max(*logit));
    let most = f64::from(most);
    logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum::<f64>().ln() + most
}

/// The so many greatest logits with their ids, the greatest first.
pub(crate) fn greatest(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut all: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let count = count.min(all.len());
    if count == 0 {
        return Vec::new();
    }
    if count < all.len() {
        all.select_nth_unstable_by(count - 1, order);
        all.truncate(count);
    }
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [1.0, 4.0, -2.0, 4.0, 3.0, 0.0];

    fn drawn(sampling: &Sampling, seed: u64) -> Vec<u32> {
        let sampling = Sampling { temperature: 1.0, seed: Some(seed), ..sampling.clone() };
        let mut sampler = Sampler::new(&sampling, std::iter::empty());
        (0..400).map(|_| sampler.next(&LOGITS, |_| true).unwrap()).collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_greatest() {
        let sampling = Sampling { repeat_penalty: Some(2.0), ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling, [3, 9].into_iter());
        assert_eq!(sampler.next(&LOGITS, |_| true), Some(1));
        sampler.remember(1);
        assert_eq!(sampler.next(&LOGITS, |_| true), Some(4));
        assert_eq!(sampler.next(&LOGITS, |id| id == 2), Some(2));
        assert_eq!(sampler.next(&LOGITS, |_| false), None);
        let plain = Sampling::default();
        assert_eq!(Sampler::new(&plain, [1].into_iter()).next(&LOGITS, |_| true), Some(1));
    }

    #[test]
    fn a_penalty_looks_back_so_far() {
        let sampling = Sampling { repeat_penalty: Some(2.0), repeat_window: 2, ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling, [4, 3, 1].into_iter());
        assert_eq!(sampler.next(&LOGITS, |_| true), Some(1), "1 is too far back");
        sampler.remember(1);
        assert_eq!(sampler.next(&LOGITS, |_| true), Some(3));
    }

    #[test]
    fn a_seed_draws_the_same_and_another_something_else() {
        let plain = Sampling::default();
        assert_eq!(drawn(&plain, 7), drawn(&plain, 7));
        assert_ne!(drawn(&plain, 7), drawn(&plain, 8));
        let ids = drawn(&plain, 7);
        let share = |id: u32| ids.iter().filter(|drawn| **drawn == id).count() as f64 / 400.0;
        // Of e^4 : e^4 : e^3 : e^1 : …; 400 draws lie within 4 standard deviations of 0.025.
        assert!(
            (share(1) - 0.41).abs() < 0.1 && (share(4) - 0.15).abs() < 0.075,
            "{} {}",
            share(1),
            share(4)
        );
    }

    #[test]
    fn improbable_tokens_are_left_out() {
        let only = |sampling: Sampling| -> Vec<u32> {
            let mut ids = drawn(&sampling, 3);
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        assert_eq!(only(Sampling { top_k: NonZeroU32::new(1), ..Sampling::default() }), [1]);
        assert_eq!(only(Sampling { top_k: NonZeroU32::new(3), ..Sampling::default() }), [1, 3, 4]);
        assert_eq!(only(Sampling { top_p: Some(0.3), ..Sampling::default() }), [1]);
        assert_eq!(only(Sampling { top_p: Some(0.5), ..Sampling::default() }), [1, 3]);
        assert_eq!(only(Sampling { min_p: Some(1.0), ..Sampling::default() }), [1, 3]);
        assert_eq!(only(Sampling { min_p: Some(0.3), ..Sampling::default() }), [1, 3, 4]);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let sampling = Sampling::default;
        for (sampling, message) in [
            (Sampling { temperature: -1.0, ..sampling() }, "temperature"),
            (Sampling { temperature: f32::NAN, ..sampling() }, "temperature"),
            (Sampling { temperature: 0.5, ..sampling() }, "seed: expected a number"),
            (Sampling { top_p: Some(0.0), ..sampling() }, "top_p"),
            (Sampling { min_p: Some(1.5), ..sampling() }, "min_p"),
            (Sampling { repeat_penalty: Some(0.0), ..sampling() }, "repeat_penalty"),
            (Sampling { stop: vec![String::new()], ..sampling() }, "stop texts"),
        ] {
            let error = sampling.check().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        assert!(sampling().check().is_ok());
    }

    #[test]
    fn log_probabilities_add_up_to_one() {
        let sum: f64 = LOGITS.iter().map(|logit| (f64::from(*logit) - log_sum(&LOGITS)).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(greatest(&LOGITS, 3), [(1, 4.0), (3, 4.0), (4, 3.0)]);
        assert_eq!((greatest(&LOGITS, 99).len(), greatest(&LOGITS, 0).len()), (6, 0));
    }
}
