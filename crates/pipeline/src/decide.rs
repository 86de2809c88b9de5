//! From a score to what is said: probability, conformal set, threshold, and findings that include each other.

use bedside_evaluation::{ConformalSet, Interval, percentile_interval};

use crate::codes::{IntervalKind, State, Why};
use crate::limits::LEAST_REPLICATES;
use crate::protocol::{FittedFinding, Protocol};
use crate::report::{FindingReport, Probability, rounded};

/// Of intervals.
const LEVEL: f64 = 0.95;

/// What a calibration says about one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decision {
    pub(crate) state: State,
    pub(crate) why: Option<Why>,
    pub(crate) set: ConformalSet,
    pub(crate) probability: Probability,
}

/// Present and absent are said only where the set of classes and the threshold of the finding's role agree.
pub(crate) fn decide(fitted: &FittedFinding, score: f64) -> Decision {
    let set = fitted.bounds.set(score);
    let called = score >= fitted.operating_point.threshold;
    let (state, why) = match (set, called) {
        (ConformalSet::Present, true) => (State::Present, None),
        (ConformalSet::Absent, false) => (State::Absent, None),
        (ConformalSet::Both, _) => (State::Indeterminate, Some(Why::LikeBoth)),
        (ConformalSet::Neither, _) => (State::Indeterminate, Some(Why::LikeNeither)),
        _ => (State::Indeterminate, Some(Why::ThresholdDisagrees)),
    };
    let probability = Probability {
        value: rounded(fitted.curve.probability(score)),
        threshold: rounded(fitted.curve.probability(fitted.operating_point.threshold)),
        interval: interval(fitted, score),
        interval_kind: IntervalKind::CalibrationBootstrap95,
    };
    Decision { state, why, set, probability }
}

/// Middle 95 % of the probability over the replicates of the fit.
fn interval(fitted: &FittedFinding, score: f64) -> Option<Interval> {
    if fitted.replicates.len() < LEAST_REPLICATES {
        return None;
    }
    let probability = |[slope, offset]: &[f64; 2]| 1.0 / (1.0 + (-(slope * score + offset)).exp());
    let values: Vec<f64> = fitted.replicates.iter().map(probability).collect();
    // The level is a number between 0 and 1, and probabilities of finite numbers are finite.
    let interval = percentile_interval(&values, LEVEL).ok().flatten()?;
    Some(Interval { low: rounded(interval.low), high: rounded(interval.high) })
}

/// Where one finding includes another and the two say the opposite, neither is said.
pub(crate) fn hold_against_each_other(protocol: &Protocol, findings: &mut [FindingReport]) {
    let state = |code, findings: &[FindingReport]| {
        findings.iter().find(|finding| finding.code == code).map(|finding| finding.state)
    };
    let mut opposed = Vec::new();
    for finding in &protocol.findings {
        if state(finding.code, findings) != Some(State::Present) {
            continue;
        }
        let implied = protocol.implied_by(finding.code).into_iter().skip(1);
        for code in implied.filter(|code| state(*code, findings) == Some(State::Absent)) {
            opposed.extend([finding.code, code]);
        }
    }
    for finding in findings.iter_mut().filter(|finding| opposed.contains(&finding.code)) {
        finding.state = State::Indeterminate;
        finding.why = Some(Why::Contradiction);
    }
}
