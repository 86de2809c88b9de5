//! Where weights come from: the loader's directory, or owned numbers in memory.

use std::collections::{BTreeMap, HashMap};

use bedside_tensor::{DType, TensorView};

use crate::ComputeError;

/// Weights by name. The model directory implements it; so does a map of [`OwnedWeight`]s.
pub trait WeightSource {
    /// The weight of this name. Errors: [`ComputeError::WeightMissing`] and whatever is wrong with it.
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError>;
}

/// A weight in memory: dtype, dimensions and blocks that fit each other.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedWeight {
    dtype: DType,
    dims: Vec<u64>,
    bytes: Vec<u8>,
}

impl OwnedWeight {
    /// `values`, row-major, as `dtype` blocks. Errors: [`ComputeError::WeightFormat`].
    pub fn new(name: &str, dtype: DType, dims: &[u64], values: &[f32]) -> Result<Self, ComputeError> {
        let wrong = |source| ComputeError::WeightFormat { name: name.to_owned(), source };
        let bytes = dtype.quantize(values).map_err(wrong)?;
        TensorView::new(dtype, dims, &bytes).map_err(wrong)?;
        Ok(Self { dtype, dims: dims.to_vec(), bytes })
    }

    /// Raw blocks.
    pub fn view(&self) -> TensorView<'_> {
        TensorView::new(self.dtype, &self.dims, &self.bytes).expect("checked when it was made")
    }
}

impl WeightSource for HashMap<String, OwnedWeight> {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        let weight = self.get(name).ok_or_else(|| ComputeError::WeightMissing { name: name.to_owned() })?;
        Ok(weight.view())
    }
}

/// A source with some weights replaced or added: what the rewrites folded lies over the model file.
pub struct Overlay<'a> {
    base: &'a dyn WeightSource,
    over: &'a BTreeMap<String, OwnedWeight>,
}

impl<'a> Overlay<'a> {
    /// `over` wins.
    pub fn new(base: &'a dyn WeightSource, over: &'a BTreeMap<String, OwnedWeight>) -> Self {
        Self { base, over }
    }
}

impl WeightSource for Overlay<'_> {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        self.over.get(name).map_or_else(|| self.base.weight(name), |weight| Ok(weight.view()))
    }
}
