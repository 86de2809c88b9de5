//! Which variant of a kernel an adapter gets: the one that was fastest there, else the first that fits; never one
//! that the driver refused. The choice is data, given and taken by the caller.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::capabilities::Capabilities;
use super::device::Device;

/// Layout of a serialised [`Tuning`].
pub(crate) const TUNING_VERSION: u32 = 1;

/// Measured choices of one adapter: family of kernels → variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// `TUNING_VERSION`; another one is ignored.
    pub version: u32,
    /// Adapter, driver and kernel digest it was measured with; for another one it is ignored.
    pub key: String,
    /// Family (`linear/rows`, `linear/tile/q8_0`) → variant (`64x64`, `registers`).
    pub fastest: BTreeMap<String, String>,
}

impl Tuning {
    /// It was measured on this device, with these kernels.
    pub fn is_for(&self, device: &Device) -> bool {
        self.version == TUNING_VERSION && self.key == device.key()
    }
}

/// One way to compute the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Name, unique in its family.
    pub(crate) name: &'static str,
    /// Of the kernel.
    pub(crate) workgroup: [u32; 3],
    /// Of the kernel.
    pub(crate) workgroup_bytes: u32,
    /// It uses subgroup operations.
    pub(crate) subgroup: bool,
    /// It uses f16 arithmetic.
    pub(crate) f16: bool,
}

impl Candidate {
    /// Needs neither subgroups nor f16.
    pub(crate) const fn plain(name: &'static str, workgroup: [u32; 3], workgroup_bytes: u32) -> Self {
        Self { name, workgroup, workgroup_bytes, subgroup: false, f16: false }
    }

    /// The adapter can run it.
    pub(crate) fn fits(&self, capabilities: &Capabilities) -> bool {
        capabilities.holds(self.workgroup, self.workgroup_bytes)
            && (!self.subgroup || capabilities.subgroup.is_some())
            && (!self.f16 || capabilities.f16)
    }
}

/// Chooses among variants while dispatches are made, and remembers what was asked.
#[derive(Debug, Default, Clone)]
pub(crate) struct Variants {
    tuning: Tuning,
    refused: BTreeSet<(String, &'static str)>,
    asked: RefCell<BTreeMap<String, Vec<&'static str>>>,
}

impl Variants {
    /// Choices by measurement.
    pub(crate) fn of(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// Never again this variant of the family: the driver refuses it, or it computes wrongly there.
    pub(crate) fn refuse(&mut self, family: &str, name: &'static str) {
        self.refused.insert((family.to_owned(), name));
    }

    /// Take this variant of the family, whatever was measured.
    pub(crate) fn force(&mut self, family: &str, name: &str) {
        self.tuning.fastest.insert(family.to_owned(), name.to_owned());
    }

    /// Families that were asked about since it was made, with the variants that fit.
    pub(crate) fn asked(&self) -> BTreeMap<String, Vec<&'static str>> {
        self.asked.borrow().clone()
    }

    /// One of the candidates; they are ordered by preference, and the last one is the smallest. `None` if none
    /// fits or all that do were refused.
    pub(crate) fn choose(
        &self,
        family: &str,
        capabilities: &Capabilities,
        candidates: &[Candidate],
    ) -> Option<usize> {
        let usable = |candidate: &Candidate| {
            candidate.fits(capabilities) && !self.refused.contains(&(family.to_owned(), candidate.name))
        };
        let names = candidates.iter().filter(|c| usable(c)).map(|c| c.name).collect();
        self.asked.borrow_mut().insert(family.to_owned(), names);
        let fastest = self.tuning.fastest.get(family);
        let measured =
            candidates.iter().position(|c| Some(c.name) == fastest.map(String::as_str) && usable(c));
        measured.or_else(|| candidates.iter().position(usable))
    }
}
