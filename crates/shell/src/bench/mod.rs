//! `bedside bench …`

mod cases;
mod machine;
mod ops;

use crate::cli::BenchCommand;
use crate::exit::{Code, Failure};

pub(crate) fn run(command: &BenchCommand) -> Result<Code, Failure> {
    match command {
        BenchCommand::Ops(arguments) => ops::run(arguments),
    }
}

/// Middle of some durations, in seconds; `None` of none.
fn median(mut seconds: Vec<f64>) -> Option<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
