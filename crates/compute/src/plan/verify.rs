//! Whether a plan may be trusted: it is played with owners instead of numbers.

use super::{ALIGNMENT, Place, Plan, Region, aligned};
use crate::ComputeError;
use crate::graph::{Graph, Node, Value};

/// Largest arena that can be played: 1 TiB.
const MAX_ARENA: u64 = 1 << 40;

/// Who wrote each piece of the arena last.
struct Owners<'a> {
    plan: &'a Plan,
    blocks: Vec<Option<Value>>,
}

impl Plan {
    /// Every value is still in its place whenever it is read, and no step destroys what it reads itself
    /// unless its operation may work in place. For plans read from a file, and for tests.
    /// Errors: [`ComputeError::Plan`] with the value.
    pub fn verify(&self, graph: &Graph) -> Result<(), ComputeError> {
        let same = |(a, b): (&Node, &super::Placement)| {
            a.name == b.name && a.value == b.value && a.op.name() == b.op
        };
        let all = graph.nodes().len() == self.placements.len();
        if !all || !graph.nodes().iter().zip(&self.placements).all(same) {
            return Err(self.wrong(graph.name(), "the plan was made for another graph"));
        }
        if self.totals.activations_bytes > MAX_ARENA {
            return Err(self.wrong("arena", "larger than any device"));
        }
        let blocks = vec![None; (self.totals.activations_bytes / ALIGNMENT) as usize];
        let mut owners = Owners { plan: self, blocks };
        for (value, _) in graph.values().filter(|(_, node)| node.op.operation().is_none()) {
            owners.write(value)?;
        }
        for (value, node) in graph.values().filter(|(_, node)| node.op.operation().is_some()) {
            owners.step(value, node)?;
        }
        graph.outputs().iter().try_for_each(|output| owners.read(output.value))
    }

    fn wrong(&self, value: &str, reason: &'static str) -> ComputeError {
        ComputeError::Plan { graph: self.graph.clone(), value: value.to_owned(), reason }
    }
}

impl Owners<'_> {
    /// The value whose memory this one is, and where that lies in the arena if it does.
    fn root(&self, value: Value) -> Result<(Value, Option<Region>), ComputeError> {
        let placement = &self.plan.placements[value.index()];
        match placement.place {
            Place::View { of, .. } if of < value => self.root(of),
            Place::View { .. } => Err(self.plan.wrong(&placement.name, "a view of a later value")),
            Place::Arena { offset } => Ok((value, Some(Region { offset, bytes: aligned(placement.bytes) }))),
            _ => Ok((value, None)),
        }
    }

    fn range(&self, region: Region, name: &str) -> Result<std::ops::Range<usize>, ComputeError> {
        let end = region.offset.saturating_add(aligned(region.bytes));
        if !region.offset.is_multiple_of(ALIGNMENT) || end / ALIGNMENT > self.blocks.len() as u64 {
            return Err(self.plan.wrong(name, "outside the arena or not aligned"));
        }
        Ok((region.offset / ALIGNMENT) as usize..(end / ALIGNMENT) as usize)
    }

    fn write(&mut self, value: Value) -> Result<(), ComputeError> {
        let name = &self.plan.placements[value.index()].name;
        if let (root, Some(region)) = self.root(value)?
            && root == value
        {
            let range = self.range(region, name)?;
            self.blocks[range].fill(Some(value));
        }
        Ok(())
    }

    fn read(&self, value: Value) -> Result<(), ComputeError> {
        let name = &self.plan.placements[value.index()].name;
        let (root, Some(region)) = self.root(value)? else { return Ok(()) };
        if self.blocks[self.range(region, name)?].iter().all(|owner| *owner == Some(root)) {
            return Ok(());
        }
        Err(self.plan.wrong(name, "overwritten, or never written, before it is read"))
    }

    fn step(&mut self, value: Value, node: &Node) -> Result<(), ComputeError> {
        let placement = &self.plan.placements[value.index()];
        if let Some(scratch) = placement.scratch {
            let range = self.range(scratch, &node.name)?;
            self.blocks[range].fill(None);
        }
        node.inputs.iter().try_for_each(|&input| self.read(input))?;
        let (root, Some(result)) = self.root(value)? else { return Ok(()) };
        if root != value {
            return Ok(()); // a view writes nothing
        }
        if placement.scratch.is_some_and(|scratch| scratch.overlaps(&result)) {
            return Err(self.plan.wrong(&node.name, "its scratch is its result"));
        }
        let allowed = match node.op.operation() {
            Some(operation) => operation.in_place(),
            None => Vec::new(),
        };
        for (i, &input) in node.inputs.iter().enumerate() {
            let (_, Some(region)) = self.root(input)? else { continue };
            let takes_place = allowed.contains(&i) && region == result;
            if region.overlaps(&result) && !takes_place {
                return Err(self.plan.wrong(&node.name, "it destroys what it reads"));
            }
        }
        self.write(value)
    }
}
