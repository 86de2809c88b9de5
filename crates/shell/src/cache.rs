//! `bedside cache …` and `bedside audit …`: what the store keeps, and whether it was touched.

use std::path::Path;

use anyhow::anyhow;
use bedside_pipeline::{Language, Report, report_text};
use bedside_vault::{CacheEntry, CachedReport, Digest, Lookup, Miss, Prune, Vault, VaultError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{
    AuditCommand, CacheCommand, CacheExportArguments, CacheListArguments, CachePruneArguments,
    CacheShowArguments,
};
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::scan::keep::{self, SOURCE};
use crate::{clock, output, text};

/// Entries that a short id is looked for among.
const MOST_LISTED: usize = 1_000_000;

/// `store`: from `--store`.
pub(crate) fn run(command: &CacheCommand, store: Option<&Path>) -> Result<Code, Failure> {
    let mut vault = keep::open(store)?;
    let code = match command {
        CacheCommand::List(arguments) => list(arguments, &mut vault),
        CacheCommand::Show(arguments) => show(arguments, &mut vault),
        CacheCommand::Export(arguments) => export(arguments, &mut vault),
        CacheCommand::Prune(arguments) => prune(arguments, &mut vault),
        CacheCommand::Verify(arguments) => verify(arguments.json, &mut vault),
    }?;
    vault.close(clock::read()).map_err(of_vault)?;
    Ok(code)
}

/// `store`: from `--store`.
pub(crate) fn audit(command: &AuditCommand, store: Option<&Path>) -> Result<Code, Failure> {
    let AuditCommand::Verify(arguments) = command;
    let mut vault = keep::open(store)?;
    let found = vault.audit_verify(clock::read()).map_err(of_vault)?;
    if arguments.json {
        output::document("audit-verify", &found)?;
    } else {
        let mut out = format!(
            "{} records, {} signed checkpoints\n",
            text::count(found.records),
            text::count(found.checkpoints)
        );
        for problem in &found.problems {
            let line = problem.line.map_or_else(String::new, |line| format!("line {line}: "));
            out.push_str(&format!("{line}{}\n", told(&problem.trouble)));
        }
        if found.unverified_times > 0 {
            out.push_str(&format!("{} times are unverified; their order is known\n", found.unverified_times));
        }
        found
            .set_aside
            .iter()
            .for_each(|name| out.push_str(&format!("set aside before: {}\n", text::name(name))));
        out.push_str(if found.ok {
            "nothing was changed, removed or reordered\n"
        } else {
            "the log does not hold\n"
        });
        output::print(&out)?;
    }
    vault.close(clock::read()).map_err(of_vault)?;
    Ok(if found.ok { Code::Done } else { Code::Store })
}

fn list(arguments: &CacheListArguments, vault: &mut Vault) -> Result<Code, Failure> {
    let list = vault.list(arguments.limit, clock::read()).map_err(of_vault)?;
    if arguments.json {
        output::document("cache-list", &list)?;
        return Ok(Code::Done);
    }
    let row = |entry: &CacheEntry| {
        let state = match (entry.damaged, entry.revoked.is_some(), entry.exported) {
            (true, ..) => "damaged",
            (_, true, _) => "revoked",
            (.., Some(true)) => "exported",
            (.., Some(false)) => "not exported",
            (.., None) => "",
        };
        let at = entry.computed_at.map_or_else(|| "unknown".to_owned(), clock::shown);
        let id = entry.id.to_string()[..16].to_owned();
        vec![id, entry.level.to_owned(), text::bytes(entry.bytes), at, state.to_owned()]
    };
    let table = text::table(&["id", "what", "size", "computed", "state"], &[2], list.entries.iter().map(row));
    let mut out = if list.entries.is_empty() { String::new() } else { format!("{table}\n") };
    out.push_str(&format!(
        "{} entries, {} of {}; not exported: {}\n",
        text::count(list.entry_count),
        text::bytes(list.bytes),
        text::bytes(list.max_bytes),
        text::bytes(list.pinned_bytes)
    ));
    list.warnings.iter().for_each(|warning| out.push_str(&format!("{}\n", keep::warning(warning))));
    output::print(&out)?;
    Ok(Code::Done)
}

fn show(arguments: &CacheShowArguments, vault: &mut Vault) -> Result<Code, Failure> {
    let found = find(vault, &arguments.id)?;
    let document = String::from_utf8_lossy(&found.bytes).into_owned();
    if arguments.json {
        output::print(&document)?;
        return Ok(Code::Done);
    }
    let report = Report::from_json(&document).map_err(|error| Failure::new(Code::Store, error))?;
    let said = report_text(&report, Language::English);
    let mut out = format!("{}\n{}\n", found.id, said.headline);
    said.findings.iter().for_each(|f| out.push_str(&format!("  {}\n", f.line(Language::English))));
    said.notices.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    out.push_str(&format!(
        "computed at {}, cached\n{}\n",
        clock::shown(found.computed_at),
        output::DEMONSTRATION
    ));
    output::print(&out)?;
    Ok(Code::Done)
}

fn export(arguments: &CacheExportArguments, vault: &mut Vault) -> Result<Code, Failure> {
    #[derive(Serialize)]
    struct Document {
        id: Digest,
        out: String,
        files: Vec<String>,
    }
    let id = find(vault, &arguments.id)?.id;
    let exported = match vault.export(&id, clock::read()).map_err(of_vault)? {
        Lookup::Hit(exported) => exported,
        Lookup::Miss(miss) => return Err(missing(&arguments.id, miss)),
    };
    let folder = Folder::create(&arguments.out, arguments.force)?;
    let stem = id.to_string()[..16].to_owned();
    let mut files = vec![(format!("{stem}.report.json"), exported.report.bytes)];
    for (name, bytes) in exported.attachments {
        if name != SOURCE || arguments.with_scan {
            files.push((format!("{stem}.{name}"), bytes));
        }
    }
    folder.ensure_free(files.iter().map(|(name, _)| name.clone()))?;
    for (name, bytes) in &files {
        folder.write(name, bytes)?;
    }
    // Only now may the store forget it.
    vault.mark_exported(&id, clock::read()).map_err(of_vault)?;
    let files: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
    if arguments.json {
        let out = arguments.out.display().to_string();
        output::document("cache-export", &Document { id, out, files })?;
    } else {
        let out = text::name(&arguments.out.display().to_string());
        output::print(&format!("{out}: {}\n", files.join(", ")))?;
    }
    Ok(Code::Done)
}

fn prune(arguments: &CachePruneArguments, vault: &mut Vault) -> Result<Code, Failure> {
    let what = if arguments.revoked { Prune::Revoked } else { Prune::ToBytes(arguments.to) };
    let result = vault.prune(what, clock::read()).map_err(of_vault)?;
    if arguments.json {
        output::document("cache-prune", &result)?;
    } else {
        let (left, pinned) = (text::bytes(result.bytes), text::bytes(result.pinned_bytes));
        output::print(&format!(
            "{} taken out; {left} left, of which {pinned} not exported\n",
            result.removed
        ))?;
    }
    Ok(Code::Done)
}

fn verify(json: bool, vault: &mut Vault) -> Result<Code, Failure> {
    let found = vault.verify(clock::read()).map_err(of_vault)?;
    if json {
        output::document("cache-verify", &found)?;
    } else {
        let mut out = format!("{} entries read\n", text::count(found.entries));
        found.damaged.iter().for_each(|d| out.push_str(&format!("{}: {}: set aside\n", d.id, d.what)));
        out.push_str(if found.ok { "every one is as it was written\n" } else { "damage was found\n" });
        output::print(&out)?;
    }
    Ok(if found.ok { Code::Done } else { Code::Store })
}

/// A report by its id or how that begins. Errors: none or several (code 2); one that cannot be served (code 6).
pub(crate) fn find(vault: &mut Vault, id: &str) -> Result<CachedReport, Failure> {
    let list = vault.list(MOST_LISTED, clock::read()).map_err(of_vault)?;
    let like = |entry: &&CacheEntry| entry.level == "report" && entry.id.to_string().starts_with(id);
    let found: Vec<Digest> = list.entries.iter().filter(like).map(|entry| entry.id).collect();
    let usage = |what: String| Err(Failure::new(Code::Usage, anyhow!(what)));
    let shown = text::name(id);
    match found[..] {
        [] => usage(format!("{shown}: there is no such report; `bedside cache list` shows them")),
        [only] => match vault.show(&only, clock::read()).map_err(of_vault)? {
            Lookup::Hit(report) => Ok(report),
            Lookup::Miss(miss) => Err(missing(id, miss)),
        },
        _ => usage(format!("{shown}: {} reports begin so; give more of the id", found.len())),
    }
}

fn missing(id: &str, miss: Miss) -> Failure {
    let why = match miss {
        Miss::Absent => "is not there any more".to_owned(),
        Miss::Revoked { digest } => format!("depends on something revoked: {digest}"),
        Miss::Damaged { what } => format!("was damaged ({what}) and set aside"),
        Miss::StoreRebuilt => "was lost: the store was damaged and set aside".to_owned(),
    };
    Failure::new(Code::Store, anyhow!("{}: {why}", text::name(id)))
}

fn of_vault(error: VaultError) -> Failure {
    Failure::new(Code::Store, error)
}

/// A trouble in its own words.
fn told(trouble: &impl Serialize) -> String {
    let value = serde_json::to_value(trouble).unwrap_or(Value::Null);
    let kind = value.get("trouble").or_else(|| value.get("kind")).unwrap_or(&value).clone();
    let words = kind.as_str().map_or_else(|| json!(kind).to_string(), |kind| kind.replace('_', " "));
    text::name(&words)
}
