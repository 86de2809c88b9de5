//! `bedside model verify`: reads every byte.

use bedside_weights::{
    DataCheck, Digest, DigestCache, FileDigest, Model, StructureNote, Summary, check_data, file_digests,
    model_identity,
};
use serde::Serialize;

use super::inspect;
use crate::cli::VerifyArguments;
use crate::exit::{Code, Failure};
use crate::{output, progress, text};

/// The JSON document `bedside.model-verify/1`.
#[derive(Serialize)]
struct Document<'a> {
    path: String,
    /// All that was asked for holds.
    sound: bool,
    /// The values of every tensor were looked at.
    complete: bool,
    /// Why not, in words.
    problems: Vec<String>,
    identity: Digest,
    files: &'a [FileDigest],
    data: &'a DataCheck,
    notes: &'a [StructureNote],
}

pub(super) fn run(arguments: &VerifyArguments) -> Result<Code, Failure> {
    let expected = arguments.expect.as_deref().map(str::parse::<Digest>).transpose();
    let expected = expected.map_err(|error| Failure::new(Code::Usage, error))?;
    // Opening checks the structure.
    let model = Model::open(&arguments.model)?;
    let summary = Summary::of(&model);
    let size = summary.files.iter().map(|file| file.bytes).sum();
    let none = DigestCache::none();
    let files = progress::with_bar("digest", size, |progress| file_digests(&model, &none, progress))?;
    let identity = model_identity(files.iter().map(|file| (file.role, file.digest)));
    let data = progress::with_bar("values", summary.tensor_bytes, |progress| check_data(&model, progress))?;
    let problems = problems(&data, &files, identity, expected);
    let (sound, complete) = (problems.is_empty(), data.not_checked.is_empty());
    if arguments.json {
        let path = arguments.model.display().to_string();
        let notes = &summary.notes;
        let document =
            Document { path, sound, complete, problems, identity, files: &files, data: &data, notes };
        output::document("model-verify", &document)?;
    } else {
        output::print(&report(&summary, &files, identity, &data, &problems))?;
    }
    Ok(if sound { Code::Done } else { Code::Model })
}

fn problems(
    data: &DataCheck,
    files: &[FileDigest],
    identity: Digest,
    expected: Option<Digest>,
) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    for tensor in &data.not_finite {
        let (name, count) = (text::name(&tensor.tensor), text::count(tensor.count));
        problems
            .push(format!("tensor {name}: {count} values are NaN or infinite, first in row {}", tensor.row));
    }
    if let Some(expected) = expected
        && identity != expected
        && files.iter().all(|file| file.digest != expected)
    {
        problems.push(format!("expected digest {expected}: neither the identity nor a file has it"));
    }
    problems
}

fn report(
    summary: &Summary,
    files: &[FileDigest],
    identity: Digest,
    data: &DataCheck,
    problems: &[String],
) -> String {
    let rows = files.iter().map(|file| {
        let name = text::name(&file.name);
        vec![name, file.role.name().to_owned(), text::bytes(file.bytes), file.digest.to_string()]
    });
    let mut out = text::table(&["file", "role", "size", "BLAKE3"], &[2], rows);
    out.push_str(&format!("\n\nidentity   {identity}\nstructure  sound\n"));
    let (checked, all) = (text::count(data.checked as u64), text::count(summary.tensors as u64));
    out.push_str(&format!("values     {checked} of {all} tensors looked at\n"));
    for tensor in &data.not_checked {
        let name = text::name(&tensor.tensor);
        out.push_str(&format!("not looked at: {name} is {}, which has no codec\n", tensor.dtype));
    }
    for note in inspect::notes(summary) {
        out.push_str(&format!("note: {note}\n"));
    }
    for problem in problems {
        out.push_str(&format!("PROBLEM: {problem}\n"));
    }
    out.push_str(&match (problems.len(), data.not_checked.len()) {
        (0, 0) => "verified\n".to_owned(),
        (0, n) => format!("verified, except the values of {} tensors\n", text::count(n as u64)),
        _ => "NOT verified\n".to_owned(),
    });
    out
}
