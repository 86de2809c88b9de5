//! `cargo xtask test`: all tests, then what was skipped and why, then one closing line.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::metadata::Metadata;
use crate::workspace;

/// Run the tests of the whole workspace.
///
/// A test that lacks its material returns early and says so; it is counted as skipped, not as passed. The
/// last line reads: N passed, N failed, N skipped. The command fails when a test failed, when no test ran,
/// or when a test was skipped whose kind is required.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail when a test of one of these kinds was skipped.
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    require: Vec<Kind>,
    /// Handed to `cargo test`; after a second "--", to the test programs.
    #[arg(last = true, value_name = "ARGS")]
    more: Vec<String>,
}

/// What a test can lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Reference data, from tests/golden or the folder that BEDSIDE_GOLDEN names.
    Golden,
    /// Material that `cargo xtask fetch` brings.
    Fetched,
    /// A graphics processor.
    Gpu,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Golden => "golden",
            Kind::Fetched => "fetched",
            Kind::Gpu => "gpu",
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let passed = test(&workspace::root()?, &arguments.require, &arguments.more)?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Run the tests; `true` when they passed and nothing required was skipped. The closing line is the last.
pub(crate) fn test(root: &Path, require: &[Kind], more: &[String]) -> Result<bool> {
    let list = SkipList::fresh(root)?;
    let mut command = workspace::cargo();
    command.args(["test", "--release", "--locked", "--no-fail-fast"]);
    if !more.iter().any(|word| word == "-p" || word.starts_with("--package")) {
        command.arg("--workspace");
    }
    command.args(more).env("BEDSIDE_SKIPS", &list.path).current_dir(root).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo test")?;
    let output = child.stdout.take().context("cargo test has no output to read")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what cargo test prints")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if tally.line(&line) {
            tally.end_program(&list.read()?);
        }
    }
    let succeeded = child.wait().context("cannot wait for cargo test")?.success();
    tally.end_program(&list.read()?);
    let faults = tally.faults(succeeded, require);
    print!("{}", tally.report());
    for fault in &faults {
        println!("FAILED: {fault}");
    }
    println!("{}", tally.closing_line());
    Ok(faults.is_empty())
}

/// The file that tests append their skips to; a fresh one for each run, so that two runs do not mix.
struct SkipList {
    path: PathBuf,
}

impl SkipList {
    fn fresh(root: &Path) -> Result<Self> {
        let folder = Metadata::read(root)?.target_directory;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("skips-{}.tsv", std::process::id()));
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(SkipList { path })
    }

    fn read(&self) -> Result<String> {
        fs::read_to_string(&self.path).with_context(|| format!("cannot read {}", self.path.display()))
    }
}

impl Drop for SkipList {
    fn drop(&mut self) {
        // Left behind it costs some bytes in the target folder and nothing else.
        let _ = fs::remove_file(&self.path);
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Skip {
    kind: String,
    test: String,
    reason: String,
}

/// What the tests printed and wrote so far.
#[derive(Default)]
struct Tally {
    returned_ok: usize,
    failed: usize,
    skips: Vec<Skip>,
    /// Lines of the skip list already counted: test programs run one after another, so what is new at the
    /// end of one is its own.
    skip_lines_seen: usize,
    /// Of the test program that runs now.
    failed_names: BTreeSet<String>,
    ignored: Vec<Skip>,
}

impl Tally {
    /// Take one line of output; `true` when it ends a test program.
    fn line(&mut self, line: &str) -> bool {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.returned_ok += count_before(counts, " passed");
            self.failed += count_before(counts, " failed");
            return true;
        }
        let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return false;
        };
        let name = name.trim_end_matches(" - should panic");
        if outcome.starts_with("FAILED") {
            self.failed_names.insert(name.to_owned());
        } else if let Some(reason) = outcome.strip_prefix("ignored") {
            let reason = reason.trim_start_matches([',', ' ']).to_owned();
            self.ignored.push(Skip { kind: "ignored".to_owned(), test: name.to_owned(), reason });
        }
        false
    }

    /// A test program has ended: count its skips, each test once, and not one that failed as well.
    fn end_program(&mut self, skip_list: &str) {
        let mut names = BTreeSet::new();
        for line in skip_list.lines().skip(self.skip_lines_seen) {
            self.skip_lines_seen += 1;
            let mut columns = line.splitn(3, '\t').map(str::to_owned);
            let (Some(kind), Some(test), Some(reason)) = (columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            if !self.failed_names.contains(&test) && names.insert(test.clone()) {
                self.returned_ok = self.returned_ok.saturating_sub(1);
                self.skips.push(Skip { kind, test, reason });
            }
        }
        self.skips.append(&mut self.ignored);
        self.failed_names.clear();
    }

    fn faults(&self, succeeded: bool, require: &[Kind]) -> Vec<String> {
        let mut faults = Vec::new();
        if !succeeded && self.failed == 0 {
            faults.push("cargo test did not end well; see above".to_owned());
        }
        if self.failed > 0 {
            faults.push(format!("{} tests failed; see above", self.failed));
        }
        if self.returned_ok + self.failed == 0 {
            faults.push("no test ran".to_owned());
        }
        for kind in require {
            let count = self.skips.iter().filter(|skip| skip.kind == kind.name()).count();
            if count > 0 {
                let name = kind.name();
                faults
                    .push(format!("{count} tests without {name} material, which --require {name} asks for"));
            }
        }
        faults
    }

    /// The skipped tests, grouped by kind and reason.
    fn report(&self) -> String {
        let mut text = String::new();
        let groups: BTreeSet<(&str, &str)> =
            self.skips.iter().map(|s| (s.kind.as_str(), s.reason.as_str())).collect();
        if !groups.is_empty() {
            text.push_str("\nSkipped:\n");
        }
        for (kind, reason) in groups {
            let why = if reason.is_empty() { "no reason given" } else { reason };
            text.push_str(&format!("  {kind}: {why}\n"));
            for skip in self.skips.iter().filter(|s| s.kind == kind && s.reason == reason) {
                text.push_str(&format!("    {}\n", skip.test));
            }
        }
        text.push('\n');
        text
    }

    fn closing_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.returned_ok, self.failed, self.skips.len())
    }
}

/// The number before a word: 12 for `ok. 12 passed; …` and ` passed`; 0 where the word is missing.
fn count_before(text: &str, word: &str) -> usize {
    let number = text.split(word).next().and_then(|before| before.rsplit(' ').next());
    number.filter(|_| text.contains(word)).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str =
        "test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";

    fn tally() -> Tally {
        let mut tally = Tally::default();
        let lines =
            ["running 5 tests", "test a::one ... ok", "test b ... FAILED", "test c ... ignored, slow"];
        assert!(lines.iter().all(|line| !tally.line(line)));
        assert!(tally.line(RESULT));
        tally.end_program("golden\ta::one\tx is missing\ngolden\ta::one\ty is missing\ngpu\tb\tnone\n");
        tally
    }

    #[test]
    fn a_skipped_test_is_counted_once_and_not_as_passed() {
        let mut tally = tally();
        assert_eq!(tally.closing_line(), "2 passed, 1 failed, 2 skipped");
        assert_eq!(tally.skips[0].reason, "x is missing");
        assert_eq!((tally.skips[1].kind.as_str(), tally.skips[1].reason.as_str()), ("ignored", "slow"));
        // The next program may have a test of the same name.
        let more = "golden\ta::one\tx\ngolden\ta::one\ty\ngpu\tb\tnone\nfetched\ta::one\tz is missing\n";
        assert!(tally.line("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"));
        tally.end_program(more);
        assert_eq!(tally.closing_line(), "2 passed, 1 failed, 3 skipped");
        assert!(tally.report().contains("  fetched: z is missing\n    a::one\n"));
    }

    #[test]
    fn faults_are_failures_required_skips_and_an_empty_run() {
        let tally = tally();
        assert_eq!(tally.faults(false, &[]).len(), 1);
        assert!(tally.faults(false, &[Kind::Golden]).iter().any(|f| f.contains("--require golden")));
        assert!(!tally.faults(false, &[Kind::Fetched]).iter().any(|f| f.contains("--require")));
        assert_eq!(Tally::default().faults(true, &[]), ["no test ran"]);
        assert_eq!(Tally::default().faults(false, &[]).len(), 2);
        let good = Tally { returned_ok: 1, ..Tally::default() };
        assert!(good.faults(true, &[Kind::Golden, Kind::Fetched, Kind::Gpu]).is_empty());
    }

    #[test]
    fn numbers_are_read_before_their_word() {
        assert_eq!(count_before("ok. 12 passed; 3 failed", " passed"), 12);
        assert_eq!(count_before("ok. 12 passed; 3 failed", " failed"), 3);
        assert_eq!(count_before("ok.", " failed"), 0);
    }
}
