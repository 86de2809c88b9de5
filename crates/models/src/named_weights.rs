//! The weights of a model file under the names its architecture asks for.

use std::collections::BTreeMap;

use bedside_compute::{ComputeError, Graph, OwnedWeight, Sizes, WeightSource};
use bedside_tensor::TensorView;
use bedside_weights::{Model, TensorInfo};

use crate::ModelsError;
use crate::name_table::{NameTable, Part};

/// Where one weight lies.
#[derive(Debug)]
enum Place<'a> {
    /// In the mapped file; the dimensions are the architecture's.
    File(TensorView<'a>, Vec<u64>),
    /// Turned over, in memory.
    Memory(OwnedWeight),
}

/// All weights that some graphs ask for, found and checked.
#[derive(Debug, Default)]
pub(crate) struct NamedWeights<'a> {
    places: BTreeMap<String, Place<'a>>,
}

impl<'a> NamedWeights<'a> {
    /// Find what `asked` names (with dimensions). Errors: a name the layout does not have, a tensor that is
    /// missing (with the nearest names) or of other dimensions.
    pub(crate) fn find(
        model: &'a Model,
        names: &NameTable,
        asked: impl IntoIterator<Item = (String, Vec<u64>)>,
    ) -> Result<Self, ModelsError> {
        let mut places = BTreeMap::new();
        for (name, dims) in asked {
            let Some((stored, part)) = names.locate(&name) else {
                return Err(ModelsError::NameUnknown { name, layout: names.layout });
            };
            let info = model.info(&stored)?;
            let place = place(model, info, part, &name, &dims)?;
            places.insert(name, place);
        }
        Ok(Self { places })
    }

    /// Names and views, sorted by name.
    pub(crate) fn views(&self) -> impl Iterator<Item = (&str, TensorView<'_>)> {
        self.places.iter().map(|(name, place)| (name.as_str(), place.view()))
    }

    /// The weight of this name, if it was asked for.
    pub(crate) fn get(&self, name: &str) -> Option<TensorView<'_>> {
        self.places.get(name).map(Place::view)
    }
}

impl Place<'_> {
    fn view(&self) -> TensorView<'_> {
        match self {
            Place::File(view, dims) => TensorView::new(view.dtype(), dims, view.bytes())
                .expect("the same view was made when the weight was found"),
            Place::Memory(weight) => weight.view(),
        }
    }
}

impl WeightSource for NamedWeights<'_> {
    fn weight(&self, name: &str) -> Result<TensorView<'_>, ComputeError> {
        self.get(name).ok_or_else(|| ComputeError::WeightMissing { name: name.to_owned() })
    }
}

/// Names and dimensions of the weights of a graph. Errors: none for towers, whose weights have no symbols.
pub(crate) fn asked_by(graph: &Graph) -> Result<Vec<(String, Vec<u64>)>, ComputeError> {
    graph.weights().map(|node| Ok((node.name.clone(), node.value.at(&Sizes::new())?))).collect()
}

fn place<'a>(
    model: &'a Model,
    info: &TensorInfo,
    part: Part,
    name: &str,
    dims: &[u64],
) -> Result<Place<'a>, ModelsError> {
    let view = model.view(info)?;
    let stored = info.shape.dims();
    let wrong = || {
        let expected = match part {
            Part::Whole => format!("{dims:?}"),
            Part::Rows(_, n) => format!("{n} times the rows of {dims:?}"),
            Part::Transposed => format!("{dims:?} turned over"),
        };
        let name = crate::config::shown(&info.name);
        ModelsError::Tensor { name, expected, got: info.shape.to_string() }
    };
    match part {
        Part::Whole => {
            // Blocks run along the last dimension, so that must stay; 1s in front may come and go.
            let same = significant(stored) == significant(dims);
            let rows = stored.last() == dims.last() || info.dtype.block_len() == 1;
            if same && rows { Ok(Place::File(view, dims.to_vec())) } else { Err(wrong()) }
        }
        Part::Rows(i, n) => {
            let (Some(rows), Some(all)) = (dims.first(), stored.first()) else { return Err(wrong()) };
            if rows.checked_mul(n) != Some(*all) || dims[1..] != stored[1..] {
                return Err(wrong());
            }
            // A matrix is n equal pieces; of a vector that must not cut a block.
            let bytes = view.bytes();
            let piece = bytes.len() / n as usize;
            let piece = &bytes[piece * i as usize..][..piece];
            // `view` borrows the model; a new view keeps that lifetime.
            let view = TensorView::new(info.dtype, dims, piece).map_err(|_| wrong())?;
            Ok(Place::File(view, dims.to_vec()))
        }
        Part::Transposed => {
            let ([out, inner], [first, second]) = (dims, stored) else { return Err(wrong()) };
            if (out, inner) != (second, first) || info.dtype.block_len() != 1 {
                return Err(wrong());
            }
            let source = |source| ComputeError::WeightFormat { name: name.to_owned(), source };
            let numbers = view.to_f32().map_err(source)?;
            let (out, inner) = (*out as usize, *inner as usize);
            let turned: Vec<f32> = (0..out * inner).map(|i| numbers[i % inner * out + i / inner]).collect();
            Ok(Place::Memory(OwnedWeight::new(name, info.dtype, dims, &turned)?))
        }
    }
}

fn significant(dims: &[u64]) -> Vec<u64> {
    dims.iter().copied().filter(|d| *d != 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name_table::Row;
    use bedside_weights::Source;

    /// A safetensors file of `fused` (6, 2) = 0, 1, … and `turned` (2, 3) = 0, 1, ….
    fn model() -> Model {
        let fused: Vec<u8> = (0..12u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
        let header = r#"{"fused":{"dtype":"F32","shape":[6,2],"data_offsets":[0,48]},"turned":{"dtype":"F32","shape":[2,3],"data_offsets":[48,72]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(&fused);
        bytes.extend(&fused[..24]);
        Model::from_source(Source::from_bytes("m.safetensors", bytes)).unwrap()
    }

    const ROWS: &[Row] = &[
        ("q", "fused", Part::Rows(0, 3)),
        ("v", "fused", Part::Rows(2, 3)),
        ("whole", "fused", Part::Whole),
        ("projection", "turned", Part::Transposed),
        ("gone", "nowhere", Part::Whole),
    ];

    fn find(name: &str, dims: &[u64]) -> Result<Vec<f32>, ModelsError> {
        let model = model();
        let names = NameTable { layout: "test", rows: vec![ROWS] };
        let found = NamedWeights::find(&model, &names, [(name.to_owned(), dims.to_vec())])?;
        let view = found.get(name).unwrap();
        assert_eq!(view.shape().dims(), dims);
        Ok(view.to_f32().unwrap())
    }

    #[test]
    fn parts_of_tensors_are_found() {
        assert_eq!(find("q", &[2, 2]).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(find("v", &[2, 2]).unwrap(), [8.0, 9.0, 10.0, 11.0]);
        assert_eq!(find("whole", &[1, 6, 1, 2]).unwrap().len(), 12);
        assert_eq!(find("projection", &[3, 2]).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let refused = [
            ("q", vec![3, 2], "tensor fused: expected 3 times the rows of [3, 2], got"),
            ("whole", vec![2, 6], "tensor fused: expected [2, 6], got"),
            ("projection", vec![2, 3], "tensor turned: expected [2, 3] turned over, got"),
            ("gone", vec![1], "nowhere"),
            ("other", vec![1], "weight other has no name in the layout test"),
        ];
        for (name, dims, message) in refused {
            let error = find(name, &dims).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
