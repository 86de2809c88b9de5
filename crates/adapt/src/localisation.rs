//! Where in the picture: the patches of an image are asked which of them a text speaks of.
//!
//! With mean pooling the image's vector before it is brought to length 1 is the mean of its patches' vectors, so a
//! patch's product with a text is its exact share of the score. For a finding that is there, the softmax of these
//! products over the patches is held against where the finding lies (cross-entropy): patches on it have to stand out,
//! while how high all of them are is left to the contrastive loss.

use crate::AdaptError;

/// A finding of an image: which image, which direction, and the share of each patch, which add up to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Row of the images.
    pub image: usize,
    /// Row of the directions.
    pub direction: usize,
    /// (patches,), each at least 0, of sum 1.
    pub shares: Vec<f32>,
}

/// The loss and its gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalisationLoss {
    /// Mean over the places; 0 where there are none.
    pub value: f64,
    /// With respect to the patches' vectors, (images, patches, width).
    pub patches: Vec<f32>,
    /// With respect to the directions, (directions, width).
    pub directions: Vec<f32>,
}

/// `patches` (images, patches, width), `directions` (directions, width): vectors of texts, or differences of them.
/// `sharpness`: factor on the products before the softmax.
/// Errors: `Setting` where the lengths do not fit.
pub fn localisation_loss(
    (patches, directions): (&[f32], &[f32]),
    (count, width): (usize, usize),
    places: &[Place],
    sharpness: f64,
) -> Result<LocalisationLoss, AdaptError> {
    let mut loss = LocalisationLoss {
        value: 0.0,
        patches: vec![0.0; patches.len()],
        directions: vec![0.0; directions.len()],
    };
    let (image, all) = (count * width, places.len() as f64);
    for place in places {
        let (first, at) = (place.image * image, place.direction * width);
        let (Some(vectors), Some(text)) = (patches.get(first..first + image), directions.get(at..at + width))
        else {
            let got = format!("image {}, direction {}", place.image, place.direction);
            return Err(AdaptError::Setting { what: "place", expected: "one in the batch", got });
        };
        if place.shares.len() != count {
            let got = place.shares.len().to_string();
            return Err(AdaptError::Setting {
                what: "shares of a place",
                expected: "one for each patch",
                got,
            });
        }
        let product = |vector: &[f32]| -> f64 {
            sharpness * vector.iter().zip(text).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let logits: Vec<f64> = vectors.chunks_exact(width).map(product).collect();
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|x| (x - largest).exp()).sum();
        let log_sum = largest + sum.ln();
        for (patch, (logit, share)) in logits.iter().zip(&place.shares).enumerate() {
            let share = f64::from(*share);
            loss.value += share * (log_sum - logit) / all;
            let slope = (((logit - log_sum).exp() - share) * sharpness / all) as f32;
            let vector = &vectors[patch * width..][..width];
            for (j, (a, b)) in vector.iter().zip(text).enumerate() {
                loss.patches[first + patch * width + j] += slope * b;
                loss.directions[at + j] += slope * a;
            }
        }
    }
    Ok(loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draw, Purpose};

    fn vectors(count: usize, seed: u64) -> Vec<f32> {
        let mut draw = Draw::new(seed, Purpose::Weights, 0);
        (0..count).map(|_| draw.normal() as f32).collect()
    }

    #[test]
    fn one_patch_of_two_as_worked_by_hand() {
        // Products 2 and 0 of one direction: -ln(e^2 / (e^2 + 1)).
        let place = Place { image: 0, direction: 0, shares: vec![1.0, 0.0] };
        let loss = localisation_loss((&[1.0, 0.0], &[1.0]), (2, 1), &[place], 2.0).unwrap();
        assert!((loss.value - (-2.0_f64).exp().ln_1p()).abs() < 1e-12);
    }

    #[test]
    fn gradients_agree_with_differences() {
        let (images, count, width) = (2, 4, 3);
        let (patches, directions) = (vectors(images * count * width, 1), vectors(2 * width, 2));
        let places = [
            Place { image: 0, direction: 1, shares: vec![0.5, 0.25, 0.25, 0.0] },
            Place { image: 1, direction: 0, shares: vec![0.0, 0.0, 0.0, 1.0] },
            Place { image: 1, direction: 1, shares: vec![0.0, 1.0, 0.0, 0.0] },
        ];
        let at = |patches: &[f32], directions: &[f32]| {
            localisation_loss((patches, directions), (count, width), &places, 0.7).unwrap()
        };
        let loss = at(&patches, &directions);
        let h = 1e-3_f32;
        let moved = |x: &[f32], i: usize, by: f32| {
            let mut x = x.to_vec();
            x[i] += by;
            x
        };
        // As for the contrastive loss: differences in f32.
        for i in 0..patches.len() {
            let slope = (at(&moved(&patches, i, h), &directions).value
                - at(&moved(&patches, i, -h), &directions).value)
                / f64::from(2.0 * h);
            assert!((slope - f64::from(loss.patches[i])).abs() < 1e-4, "{i}: {slope} {}", loss.patches[i]);
        }
        for i in 0..directions.len() {
            let slope = (at(&patches, &moved(&directions, i, h)).value
                - at(&patches, &moved(&directions, i, -h)).value)
                / f64::from(2.0 * h);
            assert!(
                (slope - f64::from(loss.directions[i])).abs() < 1e-4,
                "{i}: {slope} {}",
                loss.directions[i]
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let place = |image, direction, shares: &[f32]| Place { image, direction, shares: shares.to_vec() };
        for place in [place(1, 0, &[1.0, 0.0]), place(0, 1, &[1.0, 0.0]), place(0, 0, &[1.0])] {
            assert!(localisation_loss((&[1.0, 0.0], &[1.0]), (2, 1), &[place], 1.0).is_err());
        }
        let none = localisation_loss((&[1.0, 0.0], &[1.0]), (2, 1), &[], 1.0).unwrap();
        assert_eq!(none.value, 0.0);
    }
}
