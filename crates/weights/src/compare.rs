//! How far the tensors of two models lie apart, for example full precision and quantized.

use bedside_tensor::{DType, TensorView};
use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::WeightsError;
use crate::model::Model;
use crate::progress::Progress;

/// Elements a thread compares at once: a multiple of every block length.
const PIECE_ELEMENTS: usize = 1 << 16;

/// Two models side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Tensors that both hold in the same shape, in the order of the first model.
    pub tensors: Vec<TensorComparison>,
    /// Tensors that could not be compared, and why.
    pub not_compared: Vec<NotCompared>,
}

/// Error of one tensor of B against A. All figures are over the finite values of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorComparison {
    /// Its name.
    pub tensor: String,
    /// Type in A.
    #[serde(serialize_with = "name")]
    pub a: DType,
    /// Type in B.
    #[serde(serialize_with = "name")]
    pub b: DType,
    /// Elements.
    pub elements: u64,
    /// Greatest absolute difference.
    pub max: f64,
    /// Root of the mean squared difference.
    pub rms: f64,
    /// `rms` over the root mean square of A; `None` where A is all zeros.
    pub relative_rms: Option<f64>,
    /// Cosine of the angle between A and B as vectors; `None` where either is all zeros.
    pub cosine: Option<f64>,
    /// Elements that are NaN or infinite in A or B.
    pub not_finite: u64,
}

/// A tensor that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// Its name.
    pub tensor: String,
    /// Why.
    pub reason: String,
}

fn name<S: Serializer>(dtype: &DType, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(dtype.name())
}

/// Compare all tensors by name. `progress` counts bytes of A's tensor data.
/// Errors: `Cancelled`; `Changed` when a file was written to meanwhile.
pub fn compare(a: &Model, b: &Model, progress: Progress<'_>) -> Result<Comparison, WeightsError> {
    let mut result = Comparison { tensors: vec![], not_compared: vec![] };
    for info in a.tensors() {
        let compared = match b.find(&info.name) {
            Some(other) => comparable(&a.view(info)?, &b.view(other)?),
            None => Err("only in the first model".to_owned()),
        };
        match compared {
            Ok((left, right)) => {
                let sums = sums_of(&left, &right, progress)?;
                result.tensors.push(sums.into_comparison(&info.name, left.dtype(), right.dtype()));
            }
            Err(reason) => {
                progress.advance(info.bytes())?;
                result.not_compared.push(NotCompared { tensor: info.name.to_string(), reason });
            }
        }
    }
    for info in b.tensors() {
        progress.advance(0)?;
        if a.find(&info.name).is_some() {
            continue;
        }
        let reason = "only in the second model".to_owned();
        result.not_compared.push(NotCompared { tensor: info.name.to_string(), reason });
    }
    a.ensure_unchanged()?;
    b.ensure_unchanged()?;
    Ok(result)
}

fn comparable<'a>(
    a: &TensorView<'a>,
    b: &TensorView<'a>,
) -> Result<(TensorView<'a>, TensorView<'a>), String> {
    if a.shape() != b.shape() {
        return Err(format!("shapes differ: {} and {}", a.shape(), b.shape()));
    }
    for view in [a, b] {
        view.dtype().codec().map_err(|e| e.to_string())?;
    }
    Ok((*a, *b))
}

/// Sums over pieces of a tensor.
#[derive(Default)]
struct Sums {
    elements: u64,
    not_finite: u64,
    max: f64,
    difference: f64,
    aa: f64,
    bb: f64,
    ab: f64,
}

impl Sums {
    fn of(a: &[f32], b: &[f32]) -> Self {
        let mut sums = Self { elements: a.len() as u64, ..Self::default() };
        for (&a, &b) in a.iter().zip(b) {
            if !(a.is_finite() && b.is_finite()) {
                sums.not_finite += 1;
                continue;
            }
            let (a, b) = (f64::from(a), f64::from(b));
            sums.max = sums.max.max((a - b).abs());
            sums.difference += (a - b) * (a - b);
            sums.aa += a * a;
            sums.bb += b * b;
            sums.ab += a * b;
        }
        sums
    }

    fn add(mut self, other: Self) -> Self {
        self.elements += other.elements;
        self.not_finite += other.not_finite;
        self.max = self.max.max(other.max);
        self.difference += other.difference;
        self.aa += other.aa;
        self.bb += other.bb;
        self.ab += other.ab;
        self
    }

    fn into_comparison(self, name: &str, a: DType, b: DType) -> TensorComparison {
        // Of no elements the mean difference is 0: there is none.
        let finite = (self.elements - self.not_finite).max(1) as f64;
        TensorComparison {
            tensor: name.to_owned(),
            a,
            b,
            elements: self.elements,
            max: self.max,
            rms: (self.difference / finite).sqrt(),
            relative_rms: (self.aa > 0.0).then(|| (self.difference / self.aa).sqrt()),
            cosine: (self.aa > 0.0 && self.bb > 0.0).then(|| self.ab / (self.aa.sqrt() * self.bb.sqrt())),
            not_finite: self.not_finite,
        }
    }
}

/// Sums of both tensors, added in the order of the pieces: the result does not depend on threads.
fn sums_of(a: &TensorView<'_>, b: &TensorView<'_>, progress: Progress<'_>) -> Result<Sums, WeightsError> {
    let piece_bytes = |dtype: DType| PIECE_ELEMENTS / dtype.block_len() * dtype.block_bytes();
    let restore = |dtype: DType, blocks: &[u8]| {
        let mut values = vec![0.0; blocks.len() / dtype.block_bytes() * dtype.block_len()];
        dtype.dequantize(blocks, &mut values).map(|()| values)
    };
    let a_pieces = a.bytes().par_chunks(piece_bytes(a.dtype()));
    let b_pieces = b.bytes().par_chunks(piece_bytes(b.dtype()));
    let pieces = a_pieces.zip(b_pieces).map(|(left, right)| {
        progress.advance(left.len() as u64)?;
        Ok(Sums::of(&restore(a.dtype(), left)?, &restore(b.dtype(), right)?))
    });
    let pieces = pieces.collect::<Result<Vec<Sums>, WeightsError>>()?;
    Ok(pieces.into_iter().fold(Sums::default(), Sums::add))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Source;

    /// Empty tensors of these names in a safetensors file.
    fn model(names: impl Iterator<Item = String>) -> Model {
        let entry = |name: String| format!(r#""{name}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#);
        let json = format!("{{{}}}", names.map(entry).collect::<Vec<_>>().join(","));
        let file = [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
        Model::from_source(Source::from_bytes("bytes", file)).unwrap()
    }

    #[test]
    fn names_that_only_one_model_has_cost_nothing_and_can_be_cancelled() {
        const N: usize = 10_000;
        let of = |letter: &'static str| move |i: usize| format!("{i:0>200}{letter}");
        let (a, b) = (model((0..N).map(of("a"))), model((0..N).map(of("b"))));
        let start = Instant::now();
        let result = compare(&a, &b, Progress::silent()).unwrap();
        // Near names for each of them would take an hour.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert_eq!((result.tensors.len(), result.not_compared.len()), (0, 2 * N));
        assert_eq!(result.not_compared[N].reason, "only in the second model");
        let cancelled = AtomicBool::new(true);
        let none = model(std::iter::empty());
        let error = compare(&none, &b, Progress::new(&cancelled, &|_| {})).unwrap_err();
        assert!(matches!(error, WeightsError::Cancelled));
    }

    fn error_of(a: &[f32], b: &[f32]) -> TensorComparison {
        Sums::of(a, b).into_comparison("w", DType::F32, DType::F32)
    }

    #[test]
    fn figures_of_small_tensors() {
        let error = error_of(&[3.0, 4.0], &[4.0, 3.0]);
        assert_eq!((error.max, error.rms), (1.0, 1.0));
        assert_eq!(error.relative_rms, Some((2.0f64 / 25.0).sqrt()));
        assert_eq!(error.cosine, Some(24.0 / 25.0));
        let error = error_of(&[0.0, 0.0], &[1.0, 0.0]);
        assert_eq!((error.relative_rms, error.cosine), (None, None));
        let error = error_of(&[f32::NAN, 1.0], &[1.0, 1.0]);
        assert_eq!((error.not_finite, error.max, error.cosine), (1, 0.0, Some(1.0)));
        assert_eq!(error_of(&[], &[]).rms, 0.0);
    }
}
