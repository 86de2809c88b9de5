//! Names that must not stand in the project's text: hosts of package registries, and folders of the machine
//! that it was written on. Both are the business of the machine's own configuration.

use std::env;
use std::path::Path;

use super::Finding;
use super::files::TextFile;

/// Hosts in two pieces, so that this file does not hold what it looks for.
const HOSTS: &[(&str, &str)] = &[
    ("crates", ".io"),
    ("pypi", ".org"),
    ("python", "hosted.org"),
    ("registry", ".npmjs.org"),
    ("registry.yarnpkg", ".com"),
    ("proxy.golang", ".org"),
    ("repo.maven.apache", ".org"),
    ("deb.debian", ".org"),
    ("archive.ubuntu", ".com"),
    ("conda.anaconda", ".org"),
];

/// Folders too general to tell anything: a test may well speak of them.
const GENERAL: &[&str] = &["/", "/tmp", "/var/tmp", "/home", "/usr", "/opt", "/mnt", "/srv"];

/// What to look for, and what to do about it.
pub(super) struct Needle {
    text: String,
    advice: &'static str,
}

/// The hosts, this checkout's folder and the one it lies in, and the user's home.
pub(super) fn needles(root: &Path) -> Vec<Needle> {
    let hosts = HOSTS.iter().map(|(start, end)| format!("{start}{end}"));
    let advice = "is a registry's host; leave it to the client's own configuration";
    let mut needles: Vec<Needle> = hosts.map(|text| Needle { text, advice }).collect();
    let folders = [Some(root.to_path_buf()), root.parent().map(Path::to_path_buf), env::home_dir()];
    for folder in folders.into_iter().flatten() {
        let text = folder.to_string_lossy().into_owned();
        if folder.is_absolute() && !GENERAL.contains(&text.as_str()) && folder != env::temp_dir() {
            needles.push(Needle {
                text,
                advice: "is a folder of this machine; use a relative path or a variable",
            });
        }
    }
    needles
}

/// Lock files are cargo's own and name its registry.
pub(super) fn check(files: &[TextFile], needles: &[Needle]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for needle in needles.iter().filter(|needle| file.text.contains(&needle.text)) {
            for (number, _) in file.text.lines().enumerate().filter(|(_, line)| stands_in(line, &needle.text))
            {
                let what = format!("\"{}\" {}", needle.text, needle.advice);
                findings.push(Finding::new(&file.path, number + 1, what));
            }
        }
    }
    findings
}

/// The needle stands in the line as a whole name: no letter or digit goes on before or after it.
fn stands_in(line: &str, needle: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(needle).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + needle.len()..].chars().next();
        let folder = needle.starts_with('/');
        // `a/b` and `$HOME/b` are other folders than `/b`.
        let part =
            folder && before.is_some_and(|c| goes_on(c) || matches!(c, '.' | '}' | ')' | '~' | '/' | '*'));
        !part && !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&[TextFile::new("a.md", text)], &needles(Path::new("/srv/built/bedside"))).len()
    }

    #[test]
    fn hosts_and_folders_of_the_machine_are_found() {
        assert_eq!(count(&format!("see https://files.{}{}/x", HOSTS[2].0, HOSTS[2].1)), 1);
        assert_eq!(count(&format!("from {}{}", HOSTS[0].0, HOSTS[0].1)), 1);
        assert_eq!(count("open /srv/built/other"), 1);
        assert_eq!(count("open \"/srv/built\""), 1);
        // The checkout's own folder lies in its parent: two reasons.
        assert_eq!(count("open /srv/built/bedside/a"), 2);
    }

    #[test]
    fn other_names_pass() {
        for text in
            ["[patch.crates-io]", "target/srv/built", "/srv/built2", "$HOME/srv/built", "/tmp/x", "a\nb"]
        {
            assert_eq!(count(text), 0, "{text}");
        }
        let host = format!("{}{}", HOSTS[0].0, HOSTS[0].1);
        assert!(check(&[TextFile::new("Cargo.lock", &host)], &needles(Path::new("/srv/b"))).is_empty());
    }

    #[test]
    fn general_folders_are_not_looked_for() {
        let texts: Vec<String> = needles(Path::new("/tmp/bedside")).into_iter().map(|n| n.text).collect();
        assert!(texts.contains(&"/tmp/bedside".to_owned()) && !texts.contains(&"/tmp".to_owned()));
    }
}
