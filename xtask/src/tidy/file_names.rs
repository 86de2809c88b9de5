//! A file is named by what it is about: names that say nothing are refused.

use super::Finding;

const SAY_NOTHING: &[&str] = &["utils", "helpers", "common", "manager", "v2"];
const BAD_ENDS: &[&str] = &["_new", "_slow"];
const BAD_STARTS: &[&str] = &["quantized_"];

/// Written by other programs, named by them.
const EXEMPT: &[&str] = &["tests/golden/"];

pub(super) fn check(paths: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in paths.iter().filter(|path| !EXEMPT.iter().any(|start| path.starts_with(start))) {
        let stems = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        for stem in stems.filter(|stem| is_forbidden(stem)) {
            let what = format!(
                "the name \"{stem}\" says nothing about the content; name it by the field's own noun"
            );
            findings.push(Finding::new(path, 0, what));
        }
    }
    findings
}

fn is_forbidden(stem: &str) -> bool {
    SAY_NOTHING.contains(&stem)
        || BAD_ENDS.iter().any(|end| stem.ends_with(end))
        || BAD_STARTS.iter().any(|start| stem.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_names_are_found_in_files_and_folders() {
        for path in
            ["src/utils.rs", "src/common/a.rs", "src/linear_new.rs", "src/quantized_linear.rs", "a/v2.wgsl"]
        {
            assert_eq!(check(&[path.to_owned()]).len(), 1, "{path}");
        }
        for path in
            ["src/q4_k.rs", "src/commonness.rs", "src/renew.rs", "tests/golden/quantized_x.bin", ".ci/run"]
        {
            assert!(check(&[path.to_owned()]).is_empty(), "{path}");
        }
    }
}
