//! Shape checks that several operations share.

use crate::error::Mismatch;
use crate::graph::{Dim, Element, ValueType};

/// Exactly `N` operands. Graphs read from a file can have any number.
pub(super) fn operands<const N: usize>(inputs: &[ValueType]) -> Result<&[ValueType; N], Mismatch> {
    inputs.try_into().map_err(|_| Mismatch::new("number of operands", N, inputs.len()))
}

/// Exactly `expected` operands, some of them optional.
pub(super) fn count(inputs: &[ValueType], expected: usize) -> Result<(), Mismatch> {
    if inputs.len() == expected {
        return Ok(());
    }
    Err(Mismatch::new("number of operands", expected, inputs.len()))
}

/// f32 with exactly `rank` dimensions.
pub(super) fn rank(value: &ValueType, what: &'static str, rank: usize) -> Result<(), Mismatch> {
    element(value, what, Element::F32)?;
    if value.dims.len() == rank {
        return Ok(());
    }
    Err(Mismatch::new(what, format!("{rank} dimensions"), value))
}

/// f32 with at least `rank` dimensions.
pub(super) fn rank_from(value: &ValueType, what: &'static str, rank: usize) -> Result<(), Mismatch> {
    element(value, what, Element::F32)?;
    if value.dims.len() >= rank {
        return Ok(());
    }
    Err(Mismatch::new(what, format!("at least {rank} dimensions"), value))
}

pub(super) fn element(value: &ValueType, what: &'static str, expected: Element) -> Result<(), Mismatch> {
    if value.element == expected {
        return Ok(());
    }
    Err(Mismatch::new(what, expected, value))
}

/// f32 of exactly these dimensions.
pub(super) fn shape(value: &ValueType, what: &'static str, dims: &[Dim]) -> Result<(), Mismatch> {
    typed_shape(value, what, Element::F32, dims)
}

/// Exactly this element type and these dimensions.
pub(super) fn typed_shape(
    value: &ValueType,
    what: &'static str,
    element: Element,
    dims: &[Dim],
) -> Result<(), Mismatch> {
    let expected = ValueType { dims: dims.to_vec(), element };
    if *value == expected { Ok(()) } else { Err(Mismatch::new(what, expected, value)) }
}

/// Two sizes that must be the same.
pub(super) fn same(what: &'static str, expected: Dim, got: Dim) -> Result<(), Mismatch> {
    if expected == got { Ok(()) } else { Err(Mismatch::new(what, expected, got)) }
}

/// Last dimension of a value known to have one.
pub(super) fn last(value: &ValueType) -> Dim {
    *value.dims.last().expect("the rank was checked")
}

/// A size that must be a positive constant.
pub(super) fn constant(what: &'static str, dim: Dim) -> Result<u64, Mismatch> {
    let value = dim.as_constant().and_then(|d| u64::try_from(d).ok()).filter(|&d| d > 0);
    value.ok_or_else(|| Mismatch::new(what, "a positive constant", dim))
}

/// `value` repeats over `onto`: from the last dimension on, each of its dimensions is the same or 1.
pub(super) fn repeats(value: &ValueType, what: &'static str, onto: &[Dim]) -> Result<(), Mismatch> {
    let pairs = value.dims.iter().rev().zip(onto.iter().rev());
    let fits = value.dims.len() <= onto.len();
    if fits && pairs.into_iter().all(|(mine, theirs)| mine == theirs || *mine == Dim::constant(1)) {
        return Ok(());
    }
    let onto = ValueType { dims: onto.to_vec(), element: value.element };
    Err(Mismatch::new(what, format!("something that repeats over {onto}"), value))
}

/// Position in a repeated operand of `dims` for position `at` of the result.
pub(crate) fn repeated_index(dims: &[usize], at: &[usize]) -> usize {
    let at = &at[at.len() - dims.len()..];
    dims.iter().zip(at).fold(0, |index, (&d, &i)| index * d + if d == 1 { 0 } else { i })
}
