//! The contrastive loss: for every image and every text, whether the text is true of the image.
//!
//! SigLIP's sigmoid loss (Zhai et al. 2023, arXiv 2303.15343) with truth in place of the diagonal: what another
//! image's caption says is often true of this one too, and one-hot targets would punish the model for knowing it.
//! Pairs that nobody can judge count nothing. Of each text the images it is true of weigh as much together as those
//! it is false of, however rare the finding.

use crate::AdaptError;

/// The loss and its gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastiveLoss {
    /// Mean over the texts.
    pub value: f64,
    /// With respect to the images' vectors, (images, width).
    pub images: Vec<f32>,
    /// With respect to the texts' vectors, (texts, width).
    pub texts: Vec<f32>,
    /// With respect to the logarithm of the factor on the cosine.
    pub log_scale: f64,
    /// With respect to the bias.
    pub bias: f64,
}

/// `images` (images, width), `texts` (texts, width): of length 1. `truth` (texts, images); `None`: not to be told.
/// `log_scale`, `bias`: logit = exp(log_scale) · cosine + bias.
/// Errors: `Setting` where the lengths do not fit.
pub fn contrastive_loss(
    (images, texts): (&[f32], &[f32]),
    width: usize,
    truth: &[Option<bool>],
    (log_scale, bias): (f64, f64),
) -> Result<ContrastiveLoss, AdaptError> {
    let (n, m) = (images.len() / width.max(1), texts.len() / width.max(1));
    if width == 0 || n * width != images.len() || m * width != texts.len() || n * m != truth.len() {
        let got = format!("{}, {}, {} of width {width}", images.len(), texts.len(), truth.len());
        return Err(AdaptError::Setting {
            what: "vectors and truths",
            expected: "whole rows, one truth a pair",
            got,
        });
    }
    let scale = log_scale.exp();
    let mut loss = ContrastiveLoss {
        value: 0.0,
        images: vec![0.0; images.len()],
        texts: vec![0.0; texts.len()],
        log_scale: 0.0,
        bias: 0.0,
    };
    for (t, truths) in truth.chunks_exact(n.max(1)).enumerate() {
        let text = &texts[t * width..][..width];
        let count = |wanted| truths.iter().filter(|truth| **truth == Some(wanted)).count();
        let weight = |count: usize| if count == 0 { 0.0 } else { 0.5 / (count * m) as f64 };
        let weights = [weight(count(false)), weight(count(true))];
        for (i, truth) in truths.iter().enumerate() {
            let Some(truth) = truth else { continue };
            let image = &images[i * width..][..width];
            let cosine: f64 = image.iter().zip(text).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let sign = if *truth { 1.0 } else { -1.0 };
            let z = -sign * (scale * cosine + bias);
            let weight = weights[usize::from(*truth)];
            loss.value += weight * softplus(z);
            let slope = -sign * weight / (1.0 + (-z).exp()); // of the loss along the logit
            loss.log_scale += slope * scale * cosine;
            loss.bias += slope;
            let slope = (slope * scale) as f32;
            for (j, (a, b)) in image.iter().zip(text).enumerate() {
                loss.images[i * width + j] += slope * b;
                loss.texts[t * width + j] += slope * a;
            }
        }
    }
    Ok(loss)
}

/// ln(1 + exp(x)) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draw, Purpose};

    fn vectors(count: usize, width: usize, seed: u64) -> Vec<f32> {
        let mut draw = Draw::new(seed, Purpose::Weights, 0);
        (0..count * width).map(|_| draw.normal() as f32 * 0.5).collect()
    }

    #[test]
    fn one_true_and_one_false_pair_as_worked_by_hand() {
        // Cosines 1 and -1, scale 2, bias 1: logits 3 and -1. Weights 1/2 each, one text:
        // (ln(1 + e^-3) + ln(1 + e^-1)) / 2.
        let loss =
            contrastive_loss((&[1.0, -1.0], &[1.0]), 1, &[Some(true), Some(false)], (2.0_f64.ln(), 1.0))
                .unwrap();
        let expected = ((-3.0_f64).exp().ln_1p() + (-1.0_f64).exp().ln_1p()) / 2.0;
        assert!((loss.value - expected).abs() < 1e-12);
    }

    #[test]
    fn gradients_agree_with_differences() {
        let (n, m, width) = (5, 4, 3);
        let (images, texts) = (vectors(n, width, 1), vectors(m, width, 2));
        let mut draw = Draw::new(3, Purpose::Words, 0);
        let truth: Vec<_> = (0..n * m).map(|_| [Some(true), Some(false), None][draw.index(3)]).collect();
        let at = |images: &[f32], texts: &[f32], s: f64, b: f64| {
            contrastive_loss((images, texts), width, &truth, (s, b)).unwrap()
        };
        let loss = at(&images, &texts, 1.2, -0.3);
        let h = 1e-3;
        let moved = |x: &[f32], i: usize, by: f32| {
            let mut x = x.to_vec();
            x[i] += by;
            x
        };
        // Central differences of step 1e-3 in f32: an error of about 1e-6 from the third derivative and from rounding.
        for i in 0..images.len() {
            let slope = (at(&moved(&images, i, h), &texts, 1.2, -0.3).value
                - at(&moved(&images, i, -h), &texts, 1.2, -0.3).value)
                / f64::from(2.0 * h);
            assert!(
                (slope - f64::from(loss.images[i])).abs() < 1e-4,
                "image {i}: {slope} {}",
                loss.images[i]
            );
        }
        for i in 0..texts.len() {
            let slope = (at(&images, &moved(&texts, i, h), 1.2, -0.3).value
                - at(&images, &moved(&texts, i, -h), 1.2, -0.3).value)
                / f64::from(2.0 * h);
            assert!((slope - f64::from(loss.texts[i])).abs() < 1e-4, "text {i}: {slope} {}", loss.texts[i]);
        }
        let h = 1e-5;
        let scale =
            (at(&images, &texts, 1.2 + h, -0.3).value - at(&images, &texts, 1.2 - h, -0.3).value) / (2.0 * h);
        let bias =
            (at(&images, &texts, 1.2, -0.3 + h).value - at(&images, &texts, 1.2, -0.3 - h).value) / (2.0 * h);
        assert!((scale - loss.log_scale).abs() < 1e-7 && (bias - loss.bias).abs() < 1e-7);
    }

    #[test]
    fn pairs_that_cannot_be_told_count_nothing() {
        let (images, texts) = (vectors(2, 2, 1), vectors(1, 2, 2));
        let loss = contrastive_loss((&images, &texts), 2, &[None, None], (1.0, 0.0)).unwrap();
        assert_eq!((loss.value, loss.bias), (0.0, 0.0));
        assert!(loss.images.iter().all(|x| *x == 0.0));
        assert!(contrastive_loss((&images, &texts), 2, &[None], (1.0, 0.0)).is_err());
    }
}
