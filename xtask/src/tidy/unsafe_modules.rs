//! `unsafe` only in files that ARCHITECTURE.md names by path under a heading that says "unsafe".

use super::Finding;
use super::rust::RustFile;

/// The paths in backticks between a heading that contains "unsafe" and the next heading, with their lines.
pub(super) fn listed(architecture: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    let mut inside = false;
    for (number, line) in architecture.lines().enumerate() {
        if line.starts_with('#') {
            inside = line.to_lowercase().contains("unsafe");
        } else if inside {
            let quoted = line.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs"));
            paths.extend(quoted.map(|path| (number + 1, path.to_owned())));
        }
    }
    paths
}

pub(super) fn check(files: &[RustFile], listed: &[(usize, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !listed.iter().any(|(_, path)| *path == file.path)) {
        for line in lines_that_allow(file) {
            let what = "allows unsafe code; do without it, or name this file by its path in ARCHITECTURE.md under \
                        the heading of the unsafe modules";
            findings.push(Finding::new(&file.path, line, what));
        }
    }
    for (line, path) in listed {
        let allows = files.iter().any(|file| file.path == *path && !lines_that_allow(file).is_empty());
        if !allows {
            let what = format!("{path} is listed as unsafe and allows no unsafe code; take it off the list");
            findings.push(Finding::new("ARCHITECTURE.md", *line, what));
        }
    }
    findings
}

/// Lines of `unsafe_code` inside the brackets of an `allow`, `warn` or `expect`.
fn lines_that_allow(file: &RustFile) -> Vec<usize> {
    let mut lines = Vec::new();
    for (start, token) in file.tokens.iter().enumerate() {
        let opens = file.tokens.get(start + 1).is_some_and(|next| next.text == "(");
        if !opens || !matches!(token.text.as_str(), "allow" | "warn" | "expect") {
            continue;
        }
        let within = file.tokens[start..].iter().take_while(|token| token.text != ")");
        lines.extend(within.filter(|token| token.text == "unsafe_code").map(|token| token.line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::rust::example;
    use super::*;

    const ARCHITECTURE: &str =
        "# Map\n`src/no.rs`\n## Unsafe modules\n- `src/a.rs`: the map\n# Else\n`src/no.rs`\n";

    #[test]
    fn unsafe_outside_the_list_is_found() {
        let listed = listed(ARCHITECTURE);
        assert_eq!(listed, [(4, "src/a.rs".to_owned())]);
        let good = || example("src/a.rs", "#![allow(dead_code, unsafe_code)]\nfn a() {}");
        assert!(check(&[good(), example("src/b.rs", "#[allow(dead_code)] fn b() {}")], &listed).is_empty());
        for bad in [
            "#[allow(unsafe_code)]",
            "#[expect(unsafe_code, reason = \"x\")]",
            "#[cfg_attr(a, allow(unsafe_code))]",
        ] {
            let findings = check(&[good(), example("src/b.rs", &format!("{bad} fn b() {{}}"))], &listed);
            assert_eq!(findings.len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_stale_line_of_the_list_is_found() {
        assert_eq!(check(&[example("src/a.rs", "fn a() {}")], &listed(ARCHITECTURE)).len(), 1);
    }
}
