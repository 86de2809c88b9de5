//! An operand that repeats over a larger value, with as few dimensions as that takes: tensors have a fixed
//! number of dimensions, the values of a graph any.

use burn::tensor::Tensor;

/// Neighbouring axes along which an operand either follows the value or repeats.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axes {
    size: usize,
    repeats: bool,
}

/// Two tensors that burn broadcasts: the value of `onto` and the operand of `dims`, which repeats over it.
/// Neither is copied but where the operand repeats in more than one place.
pub(crate) fn pair(
    value: Tensor<1>,
    operand: Tensor<1>,
    dims: &[usize],
    onto: &[usize],
) -> (Tensor<3>, Tensor<3>) {
    let mut axes = merged(dims, onto);
    let mut operand = operand;
    while axes.len() > 3 {
        operand = expand_first(operand, &mut axes);
    }
    axes.resize(3, Axes { size: 1, repeats: false });
    let whole = [0, 1, 2].map(|i| axes[i].size);
    (value.reshape(whole), operand.reshape([0, 1, 2].map(|i| own(axes[i]))))
}

/// Every element of `onto`, which has some, from an operand of `dims` that repeats over it.
pub(crate) fn whole(operand: Tensor<1>, dims: &[usize], onto: &[usize]) -> Tensor<1> {
    let mut axes = merged(dims, onto);
    let mut operand = operand;
    while axes.iter().any(|axes| axes.repeats) {
        operand = expand_first(operand, &mut axes);
    }
    operand
}

/// The axes of `onto`, neighbours of a kind as one, those of size 1 left out.
fn merged(dims: &[usize], onto: &[usize]) -> Vec<Axes> {
    let missing = onto.len() - dims.len();
    let mut axes: Vec<Axes> = Vec::new();
    for (axis, &size) in onto.iter().enumerate().filter(|(_, size)| **size != 1) {
        let repeats = axis < missing || dims[axis - missing] == 1;
        match axes.last_mut() {
            Some(last) if last.repeats == repeats => last.size *= size,
            _ => axes.push(Axes { size, repeats }),
        }
    }
    axes
}

fn own(axes: Axes) -> usize {
    if axes.repeats { 1 } else { axes.size }
}

/// The operand repeated along the first axes where it does.
fn expand_first(operand: Tensor<1>, axes: &mut Vec<Axes>) -> Tensor<1> {
    let Some(at) = axes.iter().position(|axes| axes.repeats) else { return operand };
    let own_size = |part: &[Axes]| part.iter().map(|axes| own(*axes)).product::<usize>();
    let (outer, inner, size) = (own_size(&axes[..at]), own_size(&axes[at + 1..]), axes[at].size);
    let operand: Tensor<3> = operand.reshape([outer, 1, inner]).expand([outer, size, inner]);
    axes[at].repeats = false;
    // Neither neighbour repeats: the one before since this was the first, the one after since kinds alternate.
    let end = (at + 2).min(axes.len());
    let start = at.saturating_sub(1);
    let together = axes[start..end].iter().map(|axes| axes.size).product();
    axes.splice(start..end, [Axes { size: together, repeats: false }]);
    operand.reshape([outer * size * inner])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(dims: &[usize]) -> Tensor<1> {
        let n = dims.iter().product::<usize>();
        let numbers: Vec<f32> = (0..n).map(|i| i as f32).collect();
        Tensor::from_data(burn::tensor::TensorData::new(numbers, [n]), &burn::tensor::Device::flex())
    }

    #[test]
    fn operands_repeat_wherever_they_are_thin() {
        let onto = [2, 3, 2, 3, 2, 3];
        for ones in 0..64u32 {
            for rank in 0..=6 {
                let dims: Vec<usize> =
                    (6 - rank..6).map(|axis| if ones >> axis & 1 == 1 { 1 } else { onto[axis] }).collect();
                let expected: Vec<f32> = crate::tensor::positions(&onto)
                    .map(|at| crate::ops::repeated_index(&dims, &at) as f32)
                    .collect();
                let got: Vec<f32> = whole(numbers(&dims), &dims, &onto).into_data().try_into_vec().unwrap();
                assert_eq!(got, expected, "{dims:?}");
                let (zeros, thin) = pair(numbers(&onto) * 0.0, numbers(&dims), &dims, &onto);
                let sum: Vec<f32> = (zeros + thin).into_data().try_into_vec().unwrap();
                assert_eq!(sum, expected, "{dims:?}");
            }
        }
    }
}
