//! Every Rust file begins with `//!`: what it is, in the reader's words.

use super::Finding;
use super::files::TextFile;

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    let bare = rust.filter(|file| !begins_with_docs(&file.text));
    bare.map(|file| Finding::new(&file.path, 1, "no module docs; begin the file with //! and what it is"))
        .collect()
}

/// The first line that is no inner attribute (`#![no_main]`) and not blank says something after `//!`.
fn begins_with_docs(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("#!["));
    lines.next().and_then(|line| line.strip_prefix("//!")).is_some_and(|words| !words.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_module_docs_is_found_and_others_pass() {
        let found = |text: &str| !check(&[TextFile::new("src/a.rs", text)]).is_empty();
        for bad in ["", "fn a() {}", "// not docs\n//! docs", "//!\nfn a() {}", "/// item docs\nfn a() {}"] {
            assert!(found(bad), "{bad}");
        }
        for good in ["//! A thing.\n", "#![no_main]\n//! A fuzz target.\n", "\n//! A thing."] {
            assert!(!found(good), "{good}");
        }
        assert!(check(&[TextFile::new("a.md", "no docs")]).is_empty());
    }
}
