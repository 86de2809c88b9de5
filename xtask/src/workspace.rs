//! Where the workspace lies, and how another program is run in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The folder of the workspace's `Cargo.toml`, asked of cargo when it is needed: a path compiled in would
/// be wrong where two clones share a target folder.
pub(crate) fn root() -> Result<PathBuf> {
    let asked = cargo()
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(asked.status.success(), "this is not inside the Bedside workspace: no Cargo.toml was found");
    let manifest = String::from_utf8(asked.stdout).context("the workspace's path is not UTF-8")?;
    let folder = Path::new(manifest.trim()).parent().context("cargo named no workspace")?;
    Ok(folder.to_path_buf())
}

/// The cargo that started this program, else the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The program can be started and answers with success; its output is thrown away.
pub(crate) fn answers(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The command as a person would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let program =
        Path::new(&program).file_name().map_or(program.clone(), |n| n.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
