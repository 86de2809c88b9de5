//! `bedside embed`: images or texts to vectors of one space.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;

use anyhow::{Context, anyhow};
use bedside_models::{LoadSettings, Towers};
use bedside_weights::Model;
use serde::Serialize;
use tempfile::Builder;

use crate::cli::EmbedArguments;
use crate::exit::{Code, Failure};
use crate::identity::{ExecutorIdentity, ModelIdentity};
use crate::inputs::{Refused, Worked, each};
use crate::{device, encoder, npy, output, text};

/// Numbers of a vector that the table shows.
const SHOWN: usize = 4;

/// The JSON document `bedside.embed/1`.
#[derive(Serialize)]
struct Document<'a> {
    note: &'static str,
    model: ModelIdentity,
    executor: ExecutorIdentity,
    architecture: &'a str,
    /// `image` or `text`.
    kind: &'static str,
    embeddings: Vec<Line<'a>>,
    failed: &'a [Refused],
}

#[derive(Serialize)]
struct Line<'a> {
    input: &'a str,
    embedding: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a [f32]>,
}

/// A vector of length 1, and the same before it was brought to that length.
type Vectors = [Vec<f32>; 2];

pub(crate) fn run(arguments: &EmbedArguments, store: Option<&Path>) -> Result<Code, Failure> {
    check_target(arguments)?;
    let images = !arguments.image.is_empty();
    let (kind, towers) = if images { ("image", Towers::Image) } else { ("text", Towers::Text) };
    // One text at a time, as images: none has influence on another's numbers.
    let settings = LoadSettings { text_batch: 1, ..encoder::settings(&arguments.load, towers) };
    let model = Model::open(&arguments.model)?;
    let identity = arguments.json.then(|| ModelIdentity::of(&arguments.model, &model, store)).transpose()?;
    let (mut encoder, on) = device::load(&arguments.on, (&arguments.model, &model), &settings, store)?;
    let worked = if images {
        let inputs = arguments.image.iter().map(|path| (path.display().to_string(), path));
        each(inputs, |path| encoder::embed_image(&mut encoder, path))?
    } else {
        let inputs = arguments.text.iter().map(|text| (text.clone(), text));
        each(inputs, |text| encoder::embed_text(&mut encoder, text))?
    };
    let executor = ExecutorIdentity::of(&settings, &on);
    match identity {
        Some(model) => {
            let embeddings = worked.done.iter().map(|done| line(done, arguments.features)).collect();
            let (architecture, failed) = (encoder.architecture(), &worked.refused[..]);
            let note = output::DEMONSTRATION;
            let document = Document { note, model, executor, architecture, kind, embeddings, failed };
            output::document("embed", &document)?;
        }
        None if arguments.npy => write_array(arguments, &worked)?,
        None => output::print(&report(encoder.architecture(), kind, &executor, &worked))?,
    }
    Ok(worked.code())
}

/// Errors (code 2): an array on a terminal; a file that exists and is not to be replaced.
fn check_target(arguments: &EmbedArguments) -> Result<(), Failure> {
    let usage = |error| Err(Failure::new(Code::Usage, error));
    match &arguments.out {
        None if arguments.npy && io::stdout().is_terminal() => usage(anyhow!(
            "an array is not for a terminal; give --out FILE, or send standard output elsewhere"
        )),
        Some(out) if !arguments.force && out.symlink_metadata().is_ok() => {
            usage(anyhow!("{} exists already; give --force to replace it", shown(out)))
        }
        _ => Ok(()),
    }
}

fn shown(path: &Path) -> String {
    text::name(&path.display().to_string())
}

fn line((input, [embedding, features]): &(String, Vectors), with_features: bool) -> Line<'_> {
    Line { input, embedding, features: with_features.then_some(&features[..]) }
}

fn write_array(arguments: &EmbedArguments, worked: &Worked<Vectors>) -> Result<(), Failure> {
    let width = worked.done.first().map_or(0, |(_, [embedding, _])| embedding.len());
    let array = npy::array(worked.done.iter().map(|(_, [embedding, _])| &embedding[..]), width);
    let Some(out) = &arguments.out else { return output::print_bytes(&array) };
    write_whole(out, &array, arguments.force)
        .with_context(|| format!("cannot write {}", shown(out)))
        .map_err(|error| Failure::new(Code::Store, error))?;
    let rows = text::count(worked.done.len() as u64);
    output::print(&format!("{}: {rows} rows of {width} f32\n{}\n", shown(out), output::DEMONSTRATION))
}

/// The whole file or the one that was there before.
fn write_whole(out: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Opened here, not by tempfile: rw for all, less the umask, as a plain create would give.
    let open = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
    let mut file = Builder::new().make_in(folder.unwrap_or(Path::new(".")), open)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    if replace {
        file.persist(out)?
    } else {
        file.persist_noclobber(out)?
    };
    Ok(())
}

fn report(architecture: &str, kind: &str, executor: &ExecutorIdentity, worked: &Worked<Vectors>) -> String {
    let rows = worked.done.iter().map(|(input, [embedding, features])| {
        let first: Vec<String> = embedding.iter().take(SHOWN).map(|value| format!("{value:.5}")).collect();
        let more = if embedding.len() > SHOWN { " …" } else { "" };
        let squares: f64 = features.iter().map(|value| f64::from(*value).powi(2)).sum();
        vec![
            text::name(input),
            text::count(embedding.len() as u64),
            format!("{:.4}", squares.sqrt()),
            format!("{}{more}", first.join(" ")),
        ]
    });
    let header = [kind, "width", "length before", "embedding, at length 1"];
    let mut out = format!("{} on {}\n\n", text::name(architecture), executor.line());
    out.push_str(&text::table(&header, &[1, 2], rows));
    writeln!(out, "\n\n{}", output::DEMONSTRATION).expect("writing to a String cannot fail");
    out
}
