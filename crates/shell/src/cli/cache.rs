//! `bedside cache …` and `bedside audit …`, as clap shows them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List what is kept, most recently used first
    List(CacheListArguments),
    /// Show a report
    Show(CacheShowArguments),
    /// Write a report and what belongs to it; only then may the store forget it
    Export(CacheExportArguments),
    /// Take out what was not used for longest; reports that were not exported stay
    Prune(CachePruneArguments),
    /// Read everything that is kept
    Verify(JsonArguments),
}

impl CacheCommand {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.json,
            Self::Show(arguments) => arguments.json,
            Self::Export(arguments) => arguments.json,
            Self::Prune(arguments) => arguments.json,
            Self::Verify(arguments) => arguments.json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Hold the log of what happened against its chain and its signatures
    Verify(JsonArguments),
}

impl AuditCommand {
    pub(super) fn json(&self) -> bool {
        let Self::Verify(arguments) = self;
        arguments.json
    }
}

#[derive(Debug, Args)]
pub(crate) struct JsonArguments {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CacheListArguments {
    /// Entries, at most
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) limit: usize,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CacheShowArguments {
    /// The report's id, or how it begins
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Print the report's JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CacheExportArguments {
    /// The report's id, or how it begins
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The folder to write to; it is created
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Also write the scan itself, with the patient's name
    #[arg(long)]
    pub(crate) with_scan: bool,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CachePruneArguments {
    /// Bytes that may stay
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub(crate) to: u64,

    /// Take out what depends on something revoked instead
    #[arg(long, conflicts_with = "to")]
    pub(crate) revoked: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
