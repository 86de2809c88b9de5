//! How a layout calls the tensors that an architecture asks for: rows of two patterns.
//!
//! Graphs ask for the names of the GGUF layout (`v.blk.3.attn_q.weight`); a table says where each lies in a
//! Hugging Face or OpenCLIP folder.

/// Which part of a stored tensor is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it; dimensions of 1 may be missing or too many.
    Whole,
    /// The i-th of n equal groups of rows: q, k and v of a fused matrix.
    Rows(u64, u64),
    /// Stored (in, out), asked for as (out, in).
    Transposed,
}

/// One row: the pattern asked for, the pattern in the file, the part. A segment `{x}` stands for any text
/// between two dots, the same in both patterns.
pub(crate) type Row = (&'static str, &'static str, Part);

/// A layout.
#[derive(Debug, Clone)]
pub(crate) struct NameTable {
    /// Its name in errors.
    pub(crate) layout: &'static str,
    /// Searched in order; none: names in the file are those the graph asks for.
    pub(crate) rows: Vec<&'static [Row]>,
}

impl NameTable {
    /// Names in the file as the graph asks for them.
    pub(crate) fn gguf() -> Self {
        Self { layout: "GGUF", rows: Vec::new() }
    }

    /// Where `name` lies. `None`: the layout has no such tensor.
    pub(crate) fn locate(&self, name: &str) -> Option<(String, Part)> {
        if self.rows.is_empty() {
            return Some((name.to_owned(), Part::Whole));
        }
        let mut rows = self.rows.iter().copied().flatten();
        rows.find_map(|(pattern, stored, part)| filled(pattern, stored, name).map(|found| (found, *part)))
    }
}

/// `stored` with its `{x}` replaced by what they are in `name`; `None` where `name` does not match `pattern`.
fn filled(pattern: &str, stored: &str, name: &str) -> Option<String> {
    let (mut left, mut right) = (pattern.split('.'), name.split('.'));
    let mut found = stored.to_owned();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Some(found),
            (Some(hole), Some(text)) if hole.starts_with('{') => found = found.replace(hole, text),
            (Some(literal), Some(text)) if literal == text => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_carry_their_holes_over() {
        const ROWS: &[Row] = &[
            ("v.blk.{n}.attn_k.{p}", "visual.transformer.resblocks.{n}.attn.in_proj_{p}", Part::Rows(1, 3)),
            ("v.class_embd", "visual.class_embedding", Part::Whole),
        ];
        let table = NameTable { layout: "test", rows: vec![ROWS] };
        let found = table.locate("v.blk.11.attn_k.bias");
        let expected = ("visual.transformer.resblocks.11.attn.in_proj_bias".to_owned(), Part::Rows(1, 3));
        assert_eq!(found, Some(expected));
        assert_eq!(
            table.locate("v.class_embd").map(|(name, _)| name).as_deref(),
            Some("visual.class_embedding")
        );
        for unknown in ["v.blk.11.attn_k", "v.blk.attn_k.bias", "v.class_embd.weight", ""] {
            assert_eq!(table.locate(unknown), None, "{unknown}");
        }
        assert_eq!(NameTable::gguf().locate("x.y"), Some(("x.y".to_owned(), Part::Whole)));
    }
}
