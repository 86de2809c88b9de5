//! Matrix products by burn, over slices of the arena.

use burn::tensor::{Device, Tensor, TensorData};

/// `numbers` as a matrix; nothing is copied. Their count is the product of `dims`.
pub(crate) fn matrix(numbers: Vec<f32>, dims: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers, dims), device)
}

/// a b for a (m, k) and b (k, n), row-major: (m, n). Nothing is copied.
pub(crate) fn product(a: Tensor<2>, b: Tensor<2>) -> Vec<f32> {
    a.matmul(b).into_data().try_into_vec().expect("the product of f32 matrices is f32")
}
