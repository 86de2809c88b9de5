//! Bootstrap over patients: what is drawn again is whole patients, with all their scans.

use crate::scored::share;
use crate::{EvaluationError, Interval};

/// Most replicates.
pub const MAX_REPLICATES: usize = 100_000;

/// What the replicates gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap<T> {
    /// One per replicate in which the statistic was defined, in the order drawn.
    pub values: Vec<T>,
    /// Replicates in which it was not: they held one class only, for instance.
    pub undefined: usize,
}

/// `replicates` times as many clusters as there are, drawn with replacement; `statistic` gets the places in
/// `clusters` of everything drawn and may decline. `clusters`: for each case the number of its cluster, any numbers.
/// The same seed gives the same draws on every machine.
/// Errors: `Empty`; `Value` for no replicates or more than [`MAX_REPLICATES`].
/// Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
pub fn cluster_bootstrap<T>(
    clusters: &[u64],
    replicates: usize,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> Option<T>,
) -> Result<Bootstrap<T>, EvaluationError> {
    if clusters.is_empty() {
        return Err(EvaluationError::Empty { what: "bootstrap" });
    }
    if !(1..=MAX_REPLICATES).contains(&replicates) {
        let (what, expected) = ("replicates", "1 to 100000");
        return Err(EvaluationError::Value { what, expected, got: replicates as f64 });
    }
    let mut order: Vec<usize> = (0..clusters.len()).collect();
    order.sort_by_key(|case| (clusters[*case], *case));
    let groups: Vec<&[usize]> = order.chunk_by(|a, b| clusters[*a] == clusters[*b]).collect();
    let mut draws = SplitMix64(seed);
    let mut all = Bootstrap { values: Vec::new(), undefined: 0 };
    let mut drawn = Vec::new();
    for _ in 0..replicates {
        drawn.clear();
        for _ in 0..groups.len() {
            drawn.extend_from_slice(groups[draws.below(groups.len())]);
        }
        match statistic(&drawn) {
            Some(value) => all.values.push(value),
            None => all.undefined += 1,
        }
    }
    Ok(all)
}

/// The middle `level` of values: linear between order statistics. `None`: there are no values, or one is not finite.
/// Errors: `Value` for a level that is not between 0 and 1.
/// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3; quantiles by Hyndman and Fan,
/// The American Statistician 50 (1996) 361, type 7.
pub fn percentile_interval(values: &[f64], level: f64) -> Result<Option<Interval>, EvaluationError> {
    let tail = (1.0 - share("confidence level", level)?) / 2.0;
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Ok(Some(Interval { low: at(tail), high: at(1.0 - tail) }))
}

/// SplitMix64. Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators (2014), figure 17.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// 0 to n − 1; the excess of the likeliest is n / 2⁶⁴.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the test vector of Rosetta Code, "Pseudo-random numbers/Splitmix64", seed 1234567.
    #[test]
    fn draws_are_splitmix64() {
        let mut draws = SplitMix64(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!([(); 5].map(|()| draws.next()), expected);
    }

    /// Survival of seven treated mice. Source: Efron and Tibshirani 1993, tables 2.1 and 2.2: mean 86.86; the bootstrap's
    /// standard error of the mean tends to 23.36 with the number of replicates.
    #[test]
    fn efron_and_tibshiranis_mice() {
        let days = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];
        let clusters: Vec<u64> = (0..7).collect();
        let mean = |drawn: &[usize]| Some(drawn.iter().map(|i| days[*i]).sum::<f64>() / drawn.len() as f64);
        let means = cluster_bootstrap(&clusters, 20_000, 7, mean).unwrap().values;
        let middle = means.iter().sum::<f64>() / 20_000.0;
        let error = (means.iter().map(|m| (m - middle).powi(2)).sum::<f64>() / 19_999.0).sqrt();
        // Four standard errors of 20,000 draws: 23.4 · 4 / √20000 = 0.66, and half of that for the deviation.
        assert!((middle - 86.86).abs() < 0.66, "{middle}");
        assert!((error - 23.36).abs() < 0.5, "{error}");
    }

    #[test]
    fn patients_are_drawn_whole_and_repeatably() {
        let clusters = [5, 9, 5, 9, 5, 1];
        let draw = |seed| cluster_bootstrap(&clusters, 50, seed, |drawn| Some(drawn.to_vec())).unwrap();
        let drawn = draw(3);
        for drawn in &drawn.values {
            let count = |case: usize| drawn.iter().filter(|i| **i == case).count();
            assert!(count(0) == count(2) && count(2) == count(4) && count(1) == count(3), "{drawn:?}");
            assert_eq!(count(0) + count(1) + count(5), 3);
        }
        assert_eq!(drawn, draw(3));
        assert_ne!(drawn, draw(4));
        let declined = cluster_bootstrap(&clusters, 50, 3, |_| None::<f64>).unwrap();
        assert_eq!((declined.values.len(), declined.undefined), (0, 50));
        assert!(cluster_bootstrap(&[], 1, 0, |_| Some(0.0)).is_err());
        assert!(cluster_bootstrap(&clusters, 0, 0, |_| Some(0.0)).is_err());
    }

    #[test]
    fn percentiles_are_linear_between_values() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        // The tail of 0.9 is 0.05 up to a rounding.
        let Interval { low, high } = percentile_interval(&values, 0.9).unwrap().unwrap();
        assert!((low - 5.0).abs() < 1e-12 && (high - 95.0).abs() < 1e-12, "{low} {high}");
        assert_eq!(percentile_interval(&[2.0], 0.9).unwrap(), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(percentile_interval(&[], 0.9).unwrap(), None);
        assert_eq!(percentile_interval(&[1.0, f64::NAN], 0.9).unwrap(), None);
        assert!(percentile_interval(&[1.0], 1.0).is_err());
    }
}
