//! No function of more than 70 lines. Tables are exempt.

use super::Finding;
use super::rust::RustFile;

const MAX_LINES: usize = 70;

pub(super) fn check(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.is_table) {
        for function in file.functions.iter().filter(|function| function.lines > MAX_LINES) {
            let (name, lines) = (&function.name, function.lines);
            let what = format!("function {name} has {lines} lines, the limit is {MAX_LINES}; split it");
            findings.push(Finding::new(&file.path, function.line, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::rust::example;
    use super::*;

    fn function(lines: usize) -> String {
        format!("impl X {{\n/// x\nfn long(\n) {{\n{}}}\n}}", "x();\n".repeat(lines - 3))
    }

    #[test]
    fn a_long_function_is_found_at_its_line() {
        let findings = check(&[example("src/a.rs", &function(71))]);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].to_string().starts_with("src/a.rs:3: function long has 71 lines"),
            "{}",
            findings[0]
        );
    }

    #[test]
    fn a_function_at_the_limit_and_a_table_pass() {
        assert!(check(&[example("src/a.rs", &function(70))]).is_empty());
        assert!(check(&[example("src/a.rs", &format!("//! TABLE: x\n{}", function(99)))]).is_empty());
    }
}
