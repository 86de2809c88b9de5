//! The documents that a reader looks for first are there.

use super::Finding;

const DOCUMENTS: &[(&str, &str)] = &[
    ("README.md", "what it is and how to run and test it"),
    ("ARCHITECTURE.md", "the code map, the invariants, the unsafe modules"),
    ("CHANGELOG.md", "one line per change a user sees"),
    ("LICENSE-APACHE", "the licence's text"),
    ("LICENSE-MIT", "the licence's text"),
];

pub(super) fn check(paths: &[String]) -> Vec<Finding> {
    let missing = DOCUMENTS.iter().filter(|(name, _)| !paths.iter().any(|path| path == name));
    missing.map(|(name, holds)| Finding::new(name, 0, format!("missing; write it: {holds}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_document_is_found() {
        let mut paths: Vec<String> = DOCUMENTS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert!(check(&paths).is_empty());
        paths[0] = "docs/README.md".to_owned();
        assert_eq!(check(&paths).len(), 1);
    }
}
