//! Which files belong to the project, and their text.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Larger files are data, not text that a person wrote.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// A text file; `path` relative to the workspace, with `/`.
pub(super) struct TextFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl TextFile {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// A table: exempt from the limits of length.
    pub(super) fn is_table(&self) -> bool {
        self.text.starts_with("//! TABLE:") || self.text.starts_with("// TABLE:")
    }
}

/// Files that git tracks or would track; without git, all but target folders and dot folders other than
/// the project's own.
pub(super) fn list(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-co", "--exclude-standard", "-z"]).current_dir(root);
    let mut paths = match git.output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
            text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root, "", &mut found)?;
            found
        }
    };
    // git also lists what was deleted and not yet committed.
    paths.retain(|path| root.join(path).is_file());
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn walk(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    let place = root.join(folder);
    for entry in fs::read_dir(&place).with_context(|| format!("cannot list {}", place.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        let ours = !name.starts_with('.') || name == ".ci" || name == ".cargo";
        let built = name == "target" || path == "tests/fuzz/corpus" || path == "tests/fuzz/artifacts";
        if kind.is_dir() && ours && !built {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// The text files among `paths`; what is large or not UTF-8 is left out.
pub(super) fn read(root: &Path, paths: &[String]) -> Result<Vec<TextFile>> {
    let mut texts = Vec::new();
    for path in paths {
        let place = root.join(path);
        let problem = || format!("cannot read {}", place.display());
        if fs::metadata(&place).with_context(problem)?.len() > MAX_TEXT_BYTES {
            continue;
        }
        let bytes = fs::read(&place).with_context(problem)?;
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            texts.push(TextFile { path: path.clone(), text });
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_folders_are_walked_and_built_things_left_out() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/b.rs", "target/c.rs", ".ci/run", ".git/config", "d.bin", "tests/fuzz/corpus/x"] {
            let place = root.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, if path == "d.bin" { &[0xff, 0xfe][..] } else { b"text" }).unwrap();
        }
        let mut found = Vec::new();
        walk(root.path(), "", &mut found).unwrap();
        found.sort();
        assert_eq!(found, [".ci/run", "a/b.rs", "d.bin"]);
        let texts = read(root.path(), &found).unwrap();
        assert_eq!(texts.iter().map(|t| t.path.as_str()).collect::<Vec<_>>(), [".ci/run", "a/b.rs"]);
    }
}
