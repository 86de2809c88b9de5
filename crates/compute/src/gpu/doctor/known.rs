//! A cheap known answer for long service: the whole plan on one input that is always the same. What a device gave once
//! it must give again in every bit.

use std::collections::BTreeMap;

use super::super::Executor;
use super::case::operand;
use crate::ComputeError;
use crate::graph::{Sizes, Symbol};
use crate::tensor::HostTensor;

/// Inputs and what came of them.
pub struct KnownAnswer {
    sizes: Sizes,
    inputs: Vec<(String, HostTensor)>,
    answer: BTreeMap<String, HostTensor>,
}

impl KnownAnswer {
    /// Play the plan once at the smallest sizes. `None` for plans with KV caches, whose contents it would destroy.
    /// Errors: as [`Executor::run`]'s.
    pub fn of(executor: &mut Executor) -> Result<Option<Self>, ComputeError> {
        if executor.graph().states().next().is_some() {
            return Ok(None);
        }
        let bounds = executor.plan().settings().bounds;
        let sizes = Symbol::ALL.iter().fold(Sizes::new(), |sizes, &symbol| match bounds.get(symbol) {
            Some(bound) => sizes.with(symbol, bound.min(1)),
            None => sizes,
        });
        let graph = executor.graph().clone();
        let named = |node: &crate::Node| Ok((node.name.clone(), operand(&node.value, 1, &sizes, 11)?));
        let inputs = graph.inputs().map(named).collect::<Result<Vec<_>, ComputeError>>()?;
        let answer = executor.run(&sizes, &borrowed(&inputs))?;
        Ok(Some(Self { sizes, inputs, answer }))
    }

    /// Whether the device still gives the same bits. Errors: as [`Executor::run`]'s.
    pub fn repeats(&self, executor: &mut Executor) -> Result<bool, ComputeError> {
        let again = executor.run(&self.sizes, &borrowed(&self.inputs))?;
        let same = |a: &HostTensor, b: &HostTensor| match (a.as_f32(), b.as_f32()) {
            (Some(a), Some(b)) => a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits())),
            _ => a == b,
        };
        Ok(self.answer.iter().all(|(name, answer)| again.get(name).is_some_and(|again| same(again, answer))))
    }
}

fn borrowed(inputs: &[(String, HostTensor)]) -> Vec<(&str, HostTensor)> {
    inputs.iter().map(|(name, x)| (name.as_str(), x.clone())).collect()
}
