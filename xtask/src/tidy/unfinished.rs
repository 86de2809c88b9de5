//! Nothing half done: no `todo!`, no `unimplemented!`, no `#[ignore]` without a reason.

use super::Finding;
use super::rust::RustFile;

pub(super) fn check(files: &[RustFile]) -> Vec<Finding> {
    let cases: [(&[&str], &str); 3] = [
        (&["todo", "!"], "todo!; write it or leave the item out"),
        (&["unimplemented", "!"], "unimplemented!; return a typed error or leave the item out"),
        (&["#", "[", "ignore", "]"], "ignored test without a reason; write #[ignore = \"why\"]"),
    ];
    let mut findings = Vec::new();
    for file in files {
        for (pattern, what) in cases {
            findings.extend(
                file.lines_with(pattern).into_iter().map(|line| Finding::new(&file.path, line, what)),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::rust::example;
    use super::*;

    #[test]
    fn half_done_things_are_found_and_others_pass() {
        let count = |text: &str| check(&[example("src/a.rs", text)]).len();
        assert_eq!(count("fn a() { todo!() }"), 1);
        assert_eq!(count("fn a() { unimplemented!(\"later\") }"), 1);
        assert_eq!(count("#[test]\n#[ignore]\nfn a() {}"), 1);
        assert_eq!(count("m! { #[test] #[ignore] fn a() {} }"), 1);
        assert_eq!(count("#[test]\n#[ignore = \"takes an hour\"]\nfn todo() { x(\"todo!\") }"), 0);
    }
}
