//! WGSL text put together from files: constants, shared functions, conditional lines.
//!
//! A line `//# if NAME` begins lines that stay only where the flag NAME was given, up to `//# else` or `//# end`;
//! conditions nest. As a plain WGSL file the text keeps all its lines.

use std::fmt::{Display, Write};

/// `group_index`: the number of a workgroup, however its dispatch was folded or cut.
pub(crate) const PRELUDE: &str = include_str!("wgsl/prelude.wgsl");

/// `exp_f32`, `tanh_f32`, `erf_f32`: as exact as f32 allows, whatever the driver's own functions are.
pub(crate) const MATH: &str = include_str!("wgsl/math.wgsl");

/// `activate(kind, x)`; needs [`MATH`]. `kind` is [`activation_code`](super::activation_code).
pub(crate) const ACTIVATION: &str = include_str!("wgsl/activation.wgsl");

/// A shader's text in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    text: String,
    flags: Vec<&'static str>,
}

impl Source {
    /// With the prelude.
    pub(crate) fn new() -> Self {
        Self { text: PRELUDE.to_owned(), flags: Vec::new() }
    }

    /// `const NAME = value;`. Write `64u` for a u32: `.constant("TILE", "64u")`.
    #[must_use]
    pub(crate) fn constant(mut self, name: &str, value: impl Display) -> Self {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "const {name} = {value};");
        self
    }

    /// Lines under `//# if NAME` stay, in what is included from here on.
    #[must_use]
    pub(crate) fn flag(mut self, name: &'static str, on: bool) -> Self {
        if on {
            self.flags.push(name);
        }
        self
    }

    /// The text of a file.
    #[must_use]
    pub(crate) fn include(mut self, text: &str) -> Self {
        self.text.push_str(&conditional(text, &self.flags));
        self.text.push('\n');
        self
    }

    /// The text of a file in which the word `from`, also as a part of longer names (`row_WEIGHT`), becomes `to`.
    #[must_use]
    pub(crate) fn include_for(self, text: &str, from: &str, to: &str) -> Self {
        let text = text.replace(from, to);
        self.include(&text)
    }

    /// The shader.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Lines whose conditions hold.
fn conditional(text: &str, flags: &[&str]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut open: Vec<bool> = Vec::new();
    for line in text.lines() {
        let directive = line.trim().strip_prefix("//#").map(str::trim);
        match directive {
            Some("else") => {
                if let Some(last) = open.last_mut() {
                    *last = !*last;
                }
            }
            Some("end") => {
                open.pop();
            }
            Some(condition) => {
                let on = condition.strip_prefix("if ").is_some_and(|name| flags.contains(&name));
                open.push(on);
            }
            None if open.iter().all(|&on| on) => {
                kept.push_str(line);
                kept.push('\n');
            }
            None => {}
        }
    }
    kept
}

/// The same text for the memory a kernel is bound to: `names` whose memory is in the arena become writable, since
/// WebGPU knows one use per buffer and the result lies there too; the `alias` (operand, result) becomes one
/// variable when the result takes the operand's place.
pub(crate) fn bound(text: &str, writable: &[&str], alias: Option<(&str, &str)>) -> String {
    let mut bound = String::with_capacity(text.len());
    for line in text.lines() {
        let declared = declared(line);
        if alias.is_some_and(|(operand, _)| declared == Some(operand)) {
            continue;
        }
        let is_writable = declared.is_some_and(|name| writable.contains(&name));
        let line = match is_writable {
            true => line.replacen("var<storage, read>", "var<storage, read_write>", 1),
            false => line.to_owned(),
        };
        match alias {
            Some((operand, result)) => bound.push_str(&renamed(&line, operand, result)),
            None => bound.push_str(&line),
        }
        bound.push('\n');
    }
    bound
}

/// Names of the storage variables that the shader writes.
pub(crate) fn writes(text: &str) -> Vec<&str> {
    let writable = text.lines().filter(|line| line.contains("var<storage, read_write>"));
    writable.filter_map(declared).collect()
}

/// Name of the storage variable that a line declares.
fn declared(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("var<storage")?;
    let (_, rest) = rest.split_once('>')?;
    rest.split_once(':').map(|(name, _)| name.trim())
}

/// Whole words `from` that are no member (`v.x`) become `to`; comments stay as they are.
fn renamed(line: &str, from: &str, to: &str) -> String {
    let code = line.find("//").map_or(line, |at| &line[..at]);
    let comment = &line[code.len()..];
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut result = String::with_capacity(line.len());
    let mut rest = code;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let previous = result.chars().last().filter(|_| before.is_empty()).or_else(|| before.chars().last());
        let whole =
            !previous.is_some_and(|c| is_word(c) || c == '.') && !after.chars().next().is_some_and(is_word);
        result.push_str(before);
        result.push_str(if whole { to } else { from });
        rest = after;
    }
    result + rest + comment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_nest() {
        let text = "a\n//# if BIAS\nb\n//# if RELU\nc\n//# else\nd\n//# end\n//# else\ne\n//# end\nf\n";
        assert_eq!(conditional(text, &["BIAS"]), "a\nb\nd\nf\n");
        assert_eq!(conditional(text, &["BIAS", "RELU"]), "a\nb\nc\nf\n");
        assert_eq!(conditional(text, &["RELU"]), "a\ne\nf\n");
    }

    #[test]
    fn an_operand_in_the_results_place_becomes_the_result() {
        let text = "@group(0) @binding(1) var<storage, read> x: array<f32>; // (n)\n\
                    @group(0) @binding(2) var<storage, read> w: array<f32>;\n\
                    @group(0) @binding(3) var<storage, read_write> y: array<f32>;\n\
                    y[i] = x[i] + w[v.x] + max(x[0], xx); // x stays\n";
        let expected = "@group(0) @binding(2) var<storage, read> w: array<f32>;\n\
                        @group(0) @binding(3) var<storage, read_write> y: array<f32>;\n\
                        y[i] = y[i] + w[v.x] + max(y[0], xx); // x stays\n";
        assert_eq!(bound(text, &[], Some(("x", "y"))), expected);
        assert!(bound(text, &["w"], None).contains("@binding(2) var<storage, read_write> w"));
    }
}
