//! A plan as text: one line per value outside the weights, then the sums.

use std::collections::BTreeMap;
use std::fmt;

use super::{Place, Placement, Plan, Totals};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let super::PlanSettings { bounds, numerics, kv } = &self.settings;
        writeln!(f, "plan of {}: {bounds}; numerics {numerics}, KV cache {kv}", self.graph)?;
        let rows: Vec<[String; 7]> = std::iter::once(HEADER.map(str::to_owned))
            .chain(self.placements.iter().enumerate().filter_map(|(i, p)| row(i, p)))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        for row in &rows {
            let [step, name, op, value, bytes, place, live] = row;
            let [a, b, c, d, e, g, h] = widths;
            let line =
                format!("{step:>a$}  {name:b$}  {op:c$}  {value:d$}  {bytes:>e$}  {place:g$}  {live:h$}");
            writeln!(f, "{}", line.trim_end())?;
        }
        for (format, (tensors, bytes)) in weights(&self.placements) {
            writeln!(f, "weights in {format}: {tensors} tensors, {bytes} bytes")?;
        }
        write!(f, "{}", self.totals)
    }
}

const HEADER: [&str; 7] = ["step", "name", "op", "value", "bytes", "place", "live"];

fn row(step: usize, placement: &Placement) -> Option<[String; 7]> {
    let mut place = match &placement.place {
        Place::Weight { .. } => return None,
        Place::Arena { offset } => format!("@{offset}"),
        Place::View { of, offset } => format!("view of {} +{offset}", of.index()),
        Place::State { offset } => format!("cache @{offset}"),
    };
    if let Some(scratch) = placement.scratch {
        place.push_str(&format!(", scratch {} @{}", scratch.bytes, scratch.offset));
    }
    Some([
        step.to_string(),
        placement.name.clone(),
        placement.op.clone(),
        placement.value.to_string(),
        placement.bytes.to_string(),
        place,
        format!("{}..{}", placement.first, placement.last),
    ])
}

/// Number and bytes of the weights by format.
fn weights(placements: &[Placement]) -> BTreeMap<&str, (usize, u64)> {
    let mut formats = BTreeMap::new();
    for placement in placements {
        if let Place::Weight { format } = &placement.place {
            let (tensors, bytes) = formats.entry(format.as_str()).or_insert((0, 0u64));
            *tensors += 1;
            *bytes = bytes.saturating_add(placement.bytes);
        }
    }
    formats
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("weights", self.weights_bytes),
            ("activations", self.activations_bytes),
            ("KV cache", self.kv_cache_bytes),
            ("staging", self.staging_bytes),
            ("total", self.total_bytes()),
        ];
        for (name, bytes) in rows {
            writeln!(f, "{name:<12}{bytes:>16} bytes")?;
        }
        writeln!(f, "activations at least {} bytes", self.activations_least_bytes)?;
        writeln!(f, "work {} operations, {} bytes read and written", self.flops, self.traffic_bytes)
    }
}
