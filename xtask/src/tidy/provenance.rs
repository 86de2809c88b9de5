//! Every golden file has its line in `PROVENANCE.toml` (source, script, licence, sha256), every line its
//! file, and all together stay small.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;
use crate::fetch::digest;

const MAX_TOTAL_BYTES: u64 = 15_000_000;
const FIELDS: [&str; 4] = ["sha256", "source", "script", "licence"];

/// Files about the goldens, not goldens.
const ABOUT: &[&str] = &["PROVENANCE.toml", "README.md"];

/// One file under the golden folder; `path` relative to it.
struct Golden {
    path: String,
    sha256: String,
    bytes: u64,
}

/// Check the folder on disk. A folder that is not there, or empty, has nothing to account for.
pub(super) fn check_folder(root: &Path, folder: &str) -> Result<Vec<Finding>> {
    let mut goldens = Vec::new();
    gather(&root.join(folder), "", &mut goldens)?;
    let table = format!("{folder}/PROVENANCE.toml");
    let text = match fs::read_to_string(root.join(&table)) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("cannot read {table}"))?,
    };
    Ok(check(&table, &text, &goldens))
}

fn gather(folder: &Path, inside: &str, goldens: &mut Vec<Golden>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.with_context(|| format!("cannot list {}", folder.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &path, goldens)?;
        } else if !ABOUT.contains(&path.as_str()) {
            let sha256 = digest::of_file(&entry.path(), |_| Ok(()))?;
            goldens.push(Golden { path, sha256, bytes: entry.metadata()?.len() });
        }
    }
    Ok(())
}

/// `table`: the path of the provenance file, for findings; `text`: what it says.
fn check(table: &str, text: &str, goldens: &[Golden]) -> Vec<Finding> {
    let folder = table.trim_end_matches("/PROVENANCE.toml");
    let parsed = match text.parse::<toml::Table>() {
        Ok(parsed) => parsed,
        Err(error) => return vec![Finding::new(table, 1, format!("is not TOML: {}", error.message()))],
    };
    let empty = toml::Table::new();
    let lines = parsed.get("golden").and_then(toml::Value::as_table).unwrap_or(&empty);
    let mut findings = Vec::new();
    for golden in goldens {
        let Some(entry) = lines.get(&golden.path) else {
            let what = format!("no line in {table}; say its source, script, sha256 and licence there");
            findings.push(Finding::new(&format!("{folder}/{}", golden.path), 0, what));
            continue;
        };
        let line = line_of(text, &golden.path);
        let field = |name: &str| entry.get(name).and_then(toml::Value::as_str).unwrap_or("").trim();
        for name in FIELDS.into_iter().filter(|name| field(name).is_empty()) {
            findings.push(Finding::new(table, line, format!("{} has no {name}; add it", golden.path)));
        }
        if !field("sha256").is_empty() && field("sha256") != golden.sha256 {
            let (path, got, expected) = (&golden.path, &golden.sha256, field("sha256"));
            let what =
                format!("{path} has sha256 {got}, expected {expected}; restore the file or correct the line");
            findings.push(Finding::new(table, line, what));
        }
    }
    for path in lines.keys().filter(|path| !goldens.iter().any(|golden| golden.path == **path)) {
        let what = format!("{path} is not in {folder}; add the file or remove the line");
        findings.push(Finding::new(table, line_of(text, path), what));
    }
    let total: u64 = goldens.iter().map(|golden| golden.bytes).sum();
    if total > MAX_TOTAL_BYTES {
        let what = format!(
            "{total} bytes of goldens, the limit is {MAX_TOTAL_BYTES}; move large ones out of the tree"
        );
        findings.push(Finding::new(folder, 0, what));
    }
    findings
}

fn line_of(text: &str, path: &str) -> usize {
    let key = format!("\"{path}\"");
    text.lines().position(|line| line.trim_start().starts_with(&key)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "tests/golden/PROVENANCE.toml";
    const LINE: &str =
        "[golden]\n\"a/b.bin\" = { sha256 = \"12\", source = \"s\", script = \"p\", licence = \"MIT\" }";

    fn golden(path: &str, sha256: &str, bytes: u64) -> Golden {
        Golden { path: path.to_owned(), sha256: sha256.to_owned(), bytes }
    }

    fn found(text: &str, goldens: &[Golden]) -> Vec<String> {
        check(TABLE, text, goldens).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_full_account_passes() {
        assert_eq!(found(LINE, &[golden("a/b.bin", "12", 5)]), [""; 0]);
        assert_eq!(found("", &[]), [""; 0]);
    }

    #[test]
    fn every_gap_is_found() {
        let one = |text: &str, goldens: &[Golden], expected: &str| {
            let found = found(text, goldens);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        };
        let file = || golden("a/b.bin", "12", 5);
        one(LINE, &[file(), golden("c.bin", "34", 5)], "tests/golden/c.bin:1: no line");
        one(LINE, &[], "PROVENANCE.toml:2: a/b.bin is not in tests/golden");
        one(LINE, &[golden("a/b.bin", "13", 5)], "PROVENANCE.toml:2: a/b.bin has sha256 13, expected 12");
        one(&LINE.replace("\"p\"", "\"\""), &[file()], "no script");
        one(&LINE.replace("licence", "license"), &[file()], "no licence");
        one(LINE, &[golden("a/b.bin", "12", MAX_TOTAL_BYTES + 1)], "bytes of goldens");
        one("[golden", &[file()], "is not TOML");
    }

    #[test]
    fn the_folder_is_read_with_its_subfolders() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("golden/a")).unwrap();
        fs::write(root.path().join("golden/a/b.bin"), "x").unwrap();
        fs::write(root.path().join("golden/README.md"), "x").unwrap();
        assert_eq!(check_folder(root.path(), "golden").unwrap().len(), 1);
        let sha256 = digest::of_file(&root.path().join("golden/a/b.bin"), |_| Ok(())).unwrap();
        let text = LINE.replace("\"12\"", &format!("\"{sha256}\""));
        fs::write(root.path().join("golden/PROVENANCE.toml"), text).unwrap();
        assert!(check_folder(root.path(), "golden").unwrap().is_empty());
        assert!(check_folder(root.path(), "absent").unwrap().is_empty());
    }
}
