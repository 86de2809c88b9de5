//! No bare `unwrap` outside tests, also not inside a macro's arguments.

use super::Finding;
use super::rust::RustFile;

pub(super) fn check(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let mut lines = file.lines_with(&[".", "unwrap", "(", ")"]);
        // As a function: `.map(Option::unwrap)`.
        lines.extend(file.lines_with(&[":", ":", "unwrap"]));
        for line in lines.into_iter().filter(|line| !file.is_test_line(*line)) {
            let what =
                "bare unwrap outside tests; return the error, or use expect(\"why this cannot happen\")";
            findings.push(Finding::new(&file.path, line, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::rust::example;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&[example(path, text)]).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unwrap_outside_tests_is_found() {
        assert_eq!(lines("src/a.rs", "fn a() {\n x.unwrap();\n}"), [2]);
        assert_eq!(lines("src/a.rs", "fn a() {\n println!(\"{}\",\n [x\n.unwrap()]);\n}"), [4]);
        assert_eq!(lines("src/a.rs", "fn a() {\n x.map(Option::unwrap);\n}"), [2]);
        assert_eq!(lines("src/a.rs", "macro_rules! m { () => {\n x.unwrap() } }"), [2]);
    }

    #[test]
    fn unwrap_in_tests_and_its_kin_elsewhere_pass() {
        for text in [
            "#[cfg(test)] mod tests { fn a() { x.unwrap(); } }",
            "#[test] fn a() { x.unwrap(); }",
            "/// `x.unwrap()`\nfn a() { x.unwrap_or(1).expect(\"x.unwrap()\").unwrap_or_default(); }",
            "// x.unwrap()\nfn unwrap() {}",
        ] {
            assert_eq!(lines("src/a.rs", text), [0; 0], "{text}");
        }
        let text = "fn a() { x.unwrap(); }";
        for path in
            ["tests/crossing/main.rs", "crates/a/benches/b.rs", "tests/fuzz/gguf.rs", "src/a/tests.rs"]
        {
            assert_eq!(lines(path, text), [0; 0], "{path}");
        }
    }
}
