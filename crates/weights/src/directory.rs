//! The list of a model's tensors, by name and in file order.

use std::ops::Range;

use bedside_tensor::{DType, Shape};

use crate::WeightsError;
use crate::excerpt::excerpt;
use crate::limits::MAX_DIMENSION;

/// One tensor: what it is called, what it is, and where its bytes lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name, as in the file.
    pub name: Box<str>,
    /// Type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Shape,
    /// Which of [`Model::files`](crate::Model::files) holds it.
    pub file: usize,
    /// Its bytes in that file, counted from the file's beginning. Known to lie within the file.
    pub range: Range<u64>,
}

impl TensorInfo {
    /// Size of the data in bytes.
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Tensors with unique names.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    tensors: Vec<TensorInfo>,
    /// Positions in `tensors`, sorted by name.
    by_name: Vec<u32>,
}

/// Names looked at for a suggestion.
const SUGGESTION_CANDIDATES: usize = 10_000;
/// Names suggested.
const SUGGESTIONS: usize = 3;

impl Directory {
    /// Errors: `Duplicate` with the name. At most 2^32 tensors, which the limits of each format ensure.
    pub(crate) fn new(tensors: Vec<TensorInfo>) -> Result<Self, WeightsError> {
        let mut by_name: Vec<u32> = (0..tensors.len() as u32).collect();
        by_name.sort_unstable_by_key(|&i| &tensors[i as usize].name);
        let twice = by_name.windows(2).find(|w| tensors[w[0] as usize].name == tensors[w[1] as usize].name);
        if let Some(pair) = twice {
            let name = excerpt(tensors[pair[0] as usize].name.as_bytes());
            return Err(WeightsError::Duplicate { what: "tensor", name });
        }
        Ok(Self { tensors, by_name })
    }

    pub(crate) fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Count ranges from a point `by` bytes earlier. The caller has held them against the file's length.
    pub(crate) fn shift(&mut self, by: u64) {
        for range in self.tensors.iter_mut().map(|t| &mut t.range) {
            *range = by + range.start..by + range.end;
        }
    }

    pub(crate) fn into_tensors(self) -> Vec<TensorInfo> {
        self.tensors
    }

    /// Errors: `NoTensor` with the nearest names.
    pub(crate) fn find(&self, name: &str) -> Result<&TensorInfo, WeightsError> {
        let found = self.by_name.binary_search_by_key(&name, |&i| &*self.tensors[i as usize].name);
        match found {
            Ok(at) => Ok(&self.tensors[self.by_name[at] as usize]),
            Err(_) => Err(WeightsError::NoTensor {
                name: excerpt(name.as_bytes()),
                suggestions: self.nearest(name),
            }),
        }
    }

    fn nearest(&self, name: &str) -> String {
        let far = name.len() / 2;
        let names = self.tensors.iter().take(SUGGESTION_CANDIDATES).map(|t| &*t.name);
        let mut near: Vec<(usize, &str)> = names.map(|n| (edits(name, n, far), n)).collect();
        near.retain(|(distance, _)| *distance <= far);
        near.sort_unstable();
        let names: Vec<String> = near.iter().take(SUGGESTIONS).map(|(_, n)| excerpt(n.as_bytes())).collect();
        if names.is_empty() { String::new() } else { format!("; nearest: {}", names.join(", ")) }
    }
}

/// Letters to change, add or drop (Levenshtein), or more than `far` where that is certain early.
fn edits(a: &str, b: &str, far: usize) -> usize {
    const LONGEST: usize = 256;
    if a.len().abs_diff(b.len()) > far || a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A shape out of a file, with the size of its data in `dtype`.
/// `dims`: outermost first. Errors: `Limit`, or what [`Shape`] refuses.
pub(crate) fn checked_shape(dims: &[u64], dtype: DType) -> Result<(Shape, u64), WeightsError> {
    if let Some(&got) = dims.iter().find(|d| **d > MAX_DIMENSION) {
        return Err(WeightsError::Limit { what: "elements of one dimension", limit: MAX_DIMENSION, got });
    }
    let shape = Shape::new(dims)?;
    Ok((shape, shape.bytes(dtype)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(names: &[&str]) -> Result<Directory, WeightsError> {
        let shape = Shape::new(&[1]).unwrap();
        let info =
            |n: &&str| TensorInfo { name: (*n).into(), dtype: DType::F32, shape, file: 0, range: 0..4 };
        Directory::new(names.iter().map(info).collect())
    }

    #[test]
    fn names_are_found_suggested_and_unique() {
        let directory = directory(&["blk.1.ffn_up.weight", "blk.0.ffn_up.weight", "output.weight"]).unwrap();
        assert_eq!(&*directory.tensors()[0].name, "blk.1.ffn_up.weight");
        assert_eq!(&*directory.find("output.weight").unwrap().name, "output.weight");
        let error = directory.find("blk.0.ffn_up.weigth").unwrap_err().to_string();
        assert!(error.ends_with("; nearest: \"blk.0.ffn_up.weight\", \"blk.1.ffn_up.weight\""), "{error}");
        assert_eq!(directory.find("zzz").unwrap_err().to_string(), "no tensor is called \"zzz\"");
        let twice = self::directory(&["a", "b", "a"]).unwrap_err();
        assert_eq!(twice.to_string(), "tensor \"a\" occurs twice");
    }

    #[test]
    fn shapes_are_held_to_the_limits() {
        assert_eq!(checked_shape(&[2, 64], DType::Q8_0).unwrap().1, 136);
        assert!(matches!(checked_shape(&[0, 1 << 41], DType::F32), Err(WeightsError::Limit { .. })));
        assert!(matches!(checked_shape(&[2, 48], DType::Q8_0), Err(WeightsError::Data(_))));
    }
}
