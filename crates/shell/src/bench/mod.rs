//! `bedside bench …`

mod cases;
mod encoder;
mod machine;
mod memory;
mod ops;
mod scan;

use std::path::Path;

use crate::cli::{BenchArguments, BenchCommand};
use crate::exit::{Code, Failure};

/// `store`: from `--store`.
pub(crate) fn run(arguments: &BenchArguments, store: Option<&Path>) -> Result<Code, Failure> {
    match &arguments.command {
        Some(BenchCommand::Ops(arguments)) => ops::run(arguments),
        None => match &arguments.scan {
            Some(path) => scan::run(arguments, path, store),
            None => encoder::run(arguments, store),
        },
    }
}

/// Middle of some durations, in seconds; `None` of none.
fn median(mut seconds: Vec<f64>) -> Option<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

/// The duration that 95 of 100 do not exceed (nearest rank), in seconds; `None` of none.
fn p95(mut seconds: Vec<f64>) -> Option<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get((seconds.len() * 95).div_ceil(100).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn the_95th_percentile_is_the_nearest_rank() {
        let seconds: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(p95(seconds), Some(19.0));
        assert_eq!((p95(vec![2.0, 1.0, 3.0]), p95(vec![7.0]), p95(vec![])), (Some(3.0), Some(7.0), None));
    }
}
