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
/// Pairs of bytes compared for a suggestion: 10,000 names of 50 bytes, which take 50 ms.
const MAX_SUGGESTION_COST: usize = 25_000_000;
/// Bytes of the longest name that is compared for a suggestion.
const LONGEST_COMPARED: usize = 256;
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

    pub(crate) fn get(&self, name: &str) -> Option<&TensorInfo> {
        let at = self.by_name.binary_search_by_key(&name, |&i| &*self.tensors[i as usize].name).ok()?;
        Some(&self.tensors[self.by_name[at] as usize])
    }

    /// Errors: `NoTensor` with the nearest names. Looking for those takes a while: [`Directory::get`] is for
    /// names that may be missing.
    pub(crate) fn find(&self, name: &str) -> Result<&TensorInfo, WeightsError> {
        self.get(name).ok_or_else(|| WeightsError::NoTensor {
            name: excerpt(name.as_bytes()),
            suggestions: self.nearest(name),
        })
    }

    /// Names that may lie within `far` edits of `name`, as many as may be compared with it.
    fn comparable(&self, name: &str, far: usize) -> impl Iterator<Item = &str> {
        let length = name.len();
        let names = self.tensors.iter().take(SUGGESTION_CANDIDATES).map(|t| &*t.name);
        let names = names.filter(move |n| n.len().max(length) <= LONGEST_COMPARED);
        let names = names.filter(move |n| n.len().abs_diff(length) <= far);
        let mut cost = 0;
        names.take_while(move |n| {
            cost += n.len() * length;
            cost <= MAX_SUGGESTION_COST
        })
    }

    fn nearest(&self, name: &str) -> String {
        let far = name.len() / 2;
        let compared = self.comparable(name, far);
        let mut near: Vec<(usize, &str)> = compared.map(|n| (edits(name, n), n)).collect();
        near.retain(|(distance, _)| *distance <= far);
        near.sort_unstable();
        let names: Vec<String> = near.iter().take(SUGGESTIONS).map(|(_, n)| excerpt(n.as_bytes())).collect();
        if names.is_empty() { String::new() } else { format!("; nearest: {}", names.join(", ")) }
    }
}

/// Letters to change, add or drop (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
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
    fn a_suggestion_costs_no_more_than_its_limit() {
        let names: Vec<String> = (0..SUGGESTION_CANDIDATES).map(|i| format!("{i:0>256}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let directory = directory(&names).unwrap();
        let compared = directory.comparable(&"x".repeat(256), 128).count();
        assert_eq!(compared, MAX_SUGGESTION_COST / (256 * 256));
        assert_eq!(directory.comparable(&"x".repeat(257), 128).count(), 0);
        assert_eq!(directory.comparable("x", 0).count(), 0);
        assert!(directory.get(names[9_999]).is_some() && directory.get("x").is_none());
    }

    #[test]
    fn shapes_are_held_to_the_limits() {
        assert_eq!(checked_shape(&[2, 64], DType::Q8_0).unwrap().1, 136);
        assert!(matches!(checked_shape(&[0, 1 << 41], DType::F32), Err(WeightsError::Limit { .. })));
        assert!(matches!(checked_shape(&[2, 48], DType::Q8_0), Err(WeightsError::Data(_))));
    }
}
