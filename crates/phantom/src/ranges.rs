//! Named distributions: the interval of each number, the rate of each finding. What training may see, and what lies
//! outside of it, are two of these.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::PhantomError;
use crate::findings::Finding;
use crate::quantities::{QUANTITIES, quantity};
use crate::scene::Scene;

/// Ends of a uniform distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
}

/// How often each thing is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Weights of linear, convex and phased probes.
    pub probes: [f64; 3],
    /// The view of the lung base instead of an intercostal one (never with a linear probe).
    pub base_view: f64,
    /// Ribs in the image.
    pub ribs: f64,
    /// A-lines, where no lesion takes their place.
    pub a_lines: f64,
    /// Weights of no B-lines, one or two, several (three or more), confluent.
    pub b_lines: [f64; 4],
    /// Consolidation.
    pub consolidation: f64,
    /// Air bronchograms, given a consolidation.
    pub air_bronchograms: f64,
    /// Effusion.
    pub effusion: f64,
    /// Irregular or thickened pleura.
    pub irregular_pleura: f64,
    /// Absent sliding.
    pub absent_sliding: f64,
    /// Lung pulse, given absent sliding.
    pub lung_pulse: f64,
    /// A stretch without gel.
    pub poor_contact: f64,
    /// Short comet tails.
    pub comet_tails: f64,
}

/// Where scenes are drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// Its name, kept with every data set.
    pub name: String,
    /// One interval for each row of [`QUANTITIES`].
    pub intervals: BTreeMap<String, Interval>,
    /// How often.
    pub rates: Rates,
}

/// A number of a scene that lies outside ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutsideRange {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The interval it is not in.
    pub interval: Interval,
}

impl Ranges {
    /// What the demo model is trained on.
    pub fn training() -> Self {
        Self::of_table("training", |row| row.training)
    }

    /// Beyond what training sees: every quantity that has a range of its own outside is drawn from there.
    pub fn outside() -> Self {
        Self::of_table("outside", |row| row.outside)
    }

    fn of_table(name: &str, pick: impl Fn(&crate::Quantity) -> (f64, f64)) -> Self {
        let interval = |row: &crate::Quantity| {
            let (low, high) = pick(row);
            (row.name.to_owned(), Interval { low, high })
        };
        let rates = Rates {
            probes: [0.35, 0.5, 0.15],
            base_view: 0.15,
            ribs: 0.65,
            a_lines: 0.75,
            b_lines: [0.5, 0.15, 0.2, 0.15],
            consolidation: 0.25,
            air_bronchograms: 0.5,
            effusion: 0.2,
            irregular_pleura: 0.2,
            absent_sliding: 0.15,
            lung_pulse: 0.4,
            poor_contact: 0.15,
            comet_tails: 0.35,
        };
        Self { name: name.into(), intervals: QUANTITIES.iter().map(interval).collect(), rates }
    }

    /// The same ranges with one finding (and what it needs) always there and the lesions that would hide or
    /// resemble it never: for sheets, and for asking for a rare finding.
    #[must_use]
    pub fn only(&self, finding: Finding) -> Self {
        let mut ranges = self.clone();
        let rates = &mut ranges.rates;
        rates.b_lines = [1.0, 0.0, 0.0, 0.0];
        (rates.consolidation, rates.effusion, rates.irregular_pleura) = (0.0, 0.0, 0.0);
        (rates.absent_sliding, rates.lung_pulse, rates.base_view) = (0.0, 0.0, 0.0);
        match finding {
            Finding::ALines => rates.a_lines = 1.0,
            Finding::BLines => rates.b_lines = [0.0, 1.0, 0.0, 0.0],
            Finding::BLinesSeveral => rates.b_lines = [0.0, 0.0, 1.0, 0.0],
            Finding::BLinesConfluent => rates.b_lines = [0.0, 0.0, 0.0, 1.0],
            Finding::Consolidation => rates.consolidation = 1.0,
            Finding::AirBronchograms => (rates.consolidation, rates.air_bronchograms) = (1.0, 1.0),
            Finding::PleuralEffusion => rates.effusion = 1.0,
            Finding::IrregularPleura => rates.irregular_pleura = 1.0,
            Finding::AbsentSliding => rates.absent_sliding = 1.0,
            Finding::LungPulse => (rates.absent_sliding, rates.lung_pulse) = (1.0, 1.0),
        }
        ranges
    }

    /// Set one interval.
    /// Errors: `UnknownQuantity`, `Interval` when it is not in order or leaves the quantity's limits.
    pub fn set(&mut self, name: &str, low: f64, high: f64) -> Result<(), PhantomError> {
        check_interval(name, Interval { low, high })?;
        self.intervals.insert(name.to_owned(), Interval { low, high });
        Ok(())
    }

    /// The interval of a quantity.
    /// Errors: `UnknownQuantity`.
    pub fn interval(&self, name: &str) -> Result<Interval, PhantomError> {
        self.intervals
            .get(name)
            .copied()
            .ok_or_else(|| PhantomError::UnknownQuantity { name: name.to_owned() })
    }

    /// The numbers of a scene that lie outside these ranges: empty for a scene within.
    pub fn violations(&self, scene: &Scene) -> Vec<OutsideRange> {
        let outside = |(name, value): (&'static str, f64)| {
            let interval = self.intervals.get(name).copied()?;
            let inside = (interval.low..=interval.high).contains(&value);
            (!inside).then(|| OutsideRange { name: name.into(), value, interval })
        };
        scene.quantities().into_iter().filter_map(outside).collect()
    }

    /// Hold intervals and rates against their limits, as needed after reading them from a file.
    /// Errors: `UnknownQuantity`, `Interval`, `Rate`, `Weights`.
    pub fn validate(&self) -> Result<(), PhantomError> {
        for row in QUANTITIES {
            check_interval(row.name, self.interval(row.name)?)?;
        }
        if let Some(name) = self.intervals.keys().find(|name| quantity(name).is_err()) {
            return Err(PhantomError::UnknownQuantity { name: name.clone() });
        }
        let r = &self.rates;
        for (name, got) in [
            ("base_view", r.base_view),
            ("ribs", r.ribs),
            ("a_lines", r.a_lines),
            ("consolidation", r.consolidation),
            ("air_bronchograms", r.air_bronchograms),
            ("effusion", r.effusion),
            ("irregular_pleura", r.irregular_pleura),
            ("absent_sliding", r.absent_sliding),
            ("lung_pulse", r.lung_pulse),
            ("poor_contact", r.poor_contact),
            ("comet_tails", r.comet_tails),
        ] {
            if !(0.0..=1.0).contains(&got) {
                return Err(PhantomError::Rate { name, got });
            }
        }
        check_weights("probes", &r.probes)?;
        check_weights("b_lines", &r.b_lines)
    }
}

fn check_interval(name: &str, got: Interval) -> Result<(), PhantomError> {
    let (low, high) = quantity(name)?.limits;
    if low <= got.low && got.low <= got.high && got.high <= high {
        return Ok(());
    }
    Err(PhantomError::Interval { name: name.into(), low, high, got_low: got.low, got_high: got.high })
}

fn check_weights(name: &'static str, weights: &[f64]) -> Result<(), PhantomError> {
    let got: f64 = weights.iter().sum();
    let fine = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) && got > 0.0;
    if fine { Ok(()) } else { Err(PhantomError::Weights { name, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ranges_are_valid_and_differ() {
        Ranges::training().validate().unwrap();
        Ranges::outside().validate().unwrap();
        assert_ne!(Ranges::training().intervals, Ranges::outside().intervals);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let mut ranges = Ranges::training();
        assert!(ranges.set("machine.gain_db", 2.0, 1.0).is_err());
        assert!(ranges.set("machine.gain_db", f64::NAN, 1.0).is_err());
        assert!(ranges.set("machine.gain_db", 0.0, 99.0).is_err());
        assert!(ranges.set("no.such", 0.0, 1.0).is_err());
        ranges.set("machine.gain_db", 0.0, 1.0).unwrap();
        ranges.rates.ribs = 1.5;
        assert_eq!(ranges.validate(), Err(PhantomError::Rate { name: "ribs", got: 1.5 }));
        ranges.rates.ribs = 0.5;
        ranges.rates.probes = [0.0; 3];
        assert!(matches!(ranges.validate(), Err(PhantomError::Weights { name: "probes", .. })));
        ranges.rates.probes = [1.0; 3];
        ranges.intervals.remove("machine.gain_db");
        assert!(matches!(ranges.validate(), Err(PhantomError::UnknownQuantity { .. })));
    }
}
