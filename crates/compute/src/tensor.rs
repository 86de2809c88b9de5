//! Values on the host, as the reference executor sees them: f32 numbers or u32 indices, row-major.

use crate::ComputeError;
use crate::graph::Element;

/// A dense row-major tensor that owns its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    dims: Vec<usize>,
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    F32(Vec<f32>),
    U32(Vec<u32>),
}

impl HostTensor {
    /// `dims`: outermost first. Errors: [`ComputeError::Elements`].
    pub fn f32(dims: &[usize], numbers: Vec<f32>) -> Result<Self, ComputeError> {
        check(dims, numbers.len())?;
        Ok(Self { dims: dims.to_vec(), numbers: Numbers::F32(numbers) })
    }

    /// `dims`: outermost first. Errors: [`ComputeError::Elements`].
    pub fn u32(dims: &[usize], numbers: Vec<u32>) -> Result<Self, ComputeError> {
        check(dims, numbers.len())?;
        Ok(Self { dims: dims.to_vec(), numbers: Numbers::U32(numbers) })
    }

    /// Dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// What the numbers are.
    pub fn element(&self) -> Element {
        match self.numbers {
            Numbers::F32(_) => Element::F32,
            Numbers::U32(_) => Element::U32,
        }
    }

    /// The numbers, if they are f32.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.numbers {
            Numbers::F32(numbers) => Some(numbers),
            Numbers::U32(_) => None,
        }
    }

    /// The numbers, if they are u32.
    pub fn as_u32(&self) -> Option<&[u32]> {
        match &self.numbers {
            Numbers::U32(numbers) => Some(numbers),
            Numbers::F32(_) => None,
        }
    }

    /// The numbers themselves, if they are f32.
    pub(crate) fn into_f32(self) -> Option<Vec<f32>> {
        match self.numbers {
            Numbers::F32(numbers) => Some(numbers),
            Numbers::U32(_) => None,
        }
    }

    /// The numbers of an operand whose element type the shape check has fixed.
    pub(crate) fn f32s(&self) -> &[f32] {
        self.as_f32().expect("the shape check fixed the element type when the node was added")
    }

    /// The indices of an operand whose element type the shape check has fixed.
    pub(crate) fn u32s(&self) -> &[u32] {
        self.as_u32().expect("the shape check fixed the element type when the node was added")
    }

    /// An operation's result: `numbers` fill `dims` by construction.
    pub(crate) fn filled(dims: &[usize], numbers: Vec<f32>) -> Self {
        Self::f32(dims, numbers).expect("an operation fills its output")
    }

    /// The same numbers under other dimensions with as many elements.
    pub(crate) fn reshaped(&self, dims: &[usize]) -> Self {
        check(dims, self.len()).expect("the shape check compared the element counts");
        Self { dims: dims.to_vec(), numbers: self.numbers.clone() }
    }

    /// The numbers picked by position, in order.
    pub(crate) fn picked(&self, dims: &[usize], from: impl Iterator<Item = usize>) -> Self {
        let numbers = match &self.numbers {
            Numbers::F32(numbers) => Numbers::F32(from.map(|i| numbers[i]).collect()),
            Numbers::U32(numbers) => Numbers::U32(from.map(|i| numbers[i]).collect()),
        };
        Self { dims: dims.to_vec(), numbers }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &self.numbers {
            Numbers::F32(numbers) => numbers.len(),
            Numbers::U32(numbers) => numbers.len(),
        }
    }

    /// Length of the last dimension; 1 for a scalar.
    pub(crate) fn row_len(&self) -> usize {
        self.dims.last().copied().unwrap_or(1)
    }
}

fn check(dims: &[usize], got: usize) -> Result<(), ComputeError> {
    let expected = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if expected == Some(got) {
        return Ok(());
    }
    let expected = expected.map_or_else(|| "fewer than 2^64".to_owned(), |n| n.to_string());
    Err(ComputeError::Elements { dims: dims.to_vec(), expected, got })
}

/// Row-major strides in elements.
pub(crate) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// Every position of a tensor, in row-major order, as coordinates.
pub(crate) fn positions(dims: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let (dims, strides) = (dims.to_vec(), strides(dims));
    let total = dims.iter().product();
    (0..total).map(move |i: usize| strides.iter().zip(&dims).map(|(s, d)| i / s % d).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked() {
        assert!(HostTensor::f32(&[2, 3], vec![0.0; 6]).is_ok());
        assert!(matches!(HostTensor::u32(&[2, 3], vec![0; 5]), Err(ComputeError::Elements { .. })));
        let overflow = HostTensor::f32(&[usize::MAX, 3], vec![]);
        assert!(matches!(overflow, Err(ComputeError::Elements { .. })));
    }

    #[test]
    fn positions_run_row_major() {
        let all: Vec<Vec<usize>> = positions(&[2, 3]).collect();
        assert_eq!(all[4], [1, 1]);
        assert_eq!(positions(&[]).count(), 1);
        assert_eq!(positions(&[0, 3]).count(), 0);
    }
}
