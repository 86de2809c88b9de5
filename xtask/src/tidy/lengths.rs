//! File lengths: 800 lines at most, tables exempt; a crate's `lib.rs` 100 before its tests.

use super::Finding;
use super::files::TextFile;

const MAX_LINES: usize = 800;
const MAX_LIB_LINES: usize = 100;

/// Files that people write line by line.
const WRITTEN: &[&str] = &[".rs", ".wgsl", ".py", ".sh", ".js", ".html", ".css"];

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let lines = file.text.lines().count();
        let written = WRITTEN.iter().any(|extension| file.path.ends_with(extension));
        if written && lines > MAX_LINES && !file.is_table() {
            let what = format!("{lines} lines, the limit is {MAX_LINES}; split the file by its ideas");
            findings.push(Finding::new(&file.path, MAX_LINES + 1, what));
        }
        let before_tests = file.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        if file.path.ends_with("src/lib.rs") && before_tests > MAX_LIB_LINES {
            let what = format!(
                "{before_tests} lines before the tests, the limit for lib.rs is {MAX_LIB_LINES}; \
                                move what is not docs or pub use to a module"
            );
            findings.push(Finding::new(&file.path, MAX_LIB_LINES + 1, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found_and_files_at_the_limit_pass() {
        let count = |path: &str, text: String| check(&[TextFile::new(path, &text)]).len();
        assert_eq!(count("src/a.rs", "x\n".repeat(801)), 1);
        assert_eq!(count("src/a.wgsl", "x\n".repeat(801)), 1);
        assert_eq!(count("src/a.rs", "x\n".repeat(800)), 0);
        assert_eq!(count("src/a.rs", format!("//! TABLE: x\n{}", "x\n".repeat(801))), 0);
        assert_eq!(count("Cargo.lock", "x\n".repeat(5000)), 0);
    }

    #[test]
    fn a_long_lib_is_found_and_its_tests_do_not_count() {
        let count = |text: String| check(&[TextFile::new("crates/a/src/lib.rs", &text)]).len();
        assert_eq!(count("x\n".repeat(101)), 1);
        assert_eq!(count(format!("{}#[cfg(test)]\n{}", "x\n".repeat(100), "x\n".repeat(100))), 0);
    }
}
