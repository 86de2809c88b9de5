//! What can be wrong with a model file, a folder of them, or the writing of one.

use std::io;
use std::path::{Path, PathBuf};

use bedside_tensor::TensorError;
use thiserror::Error;

use crate::excerpt::{excerpt, excerpt_path};

/// Everything this crate refuses. `File`, `Key` and `Tensor` say where, and wrap what is wrong there;
/// [`WeightsError::root`] takes them off. Names are already escaped and shortened.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// Where: the file.
    #[error("{}: {reason}", excerpt_path(path))]
    File {
        /// The file that was read.
        path: PathBuf,
        /// What is wrong in it.
        reason: Box<WeightsError>,
    },
    /// Where: the metadata key.
    #[error("key {key}: {reason}")]
    Key {
        /// Key, escaped.
        key: String,
        /// What is wrong with it.
        reason: Box<WeightsError>,
    },
    /// Where: the tensor.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// Name, escaped.
        name: String,
        /// What is wrong with it.
        reason: Box<WeightsError>,
    },
    /// The operating system refused.
    #[error("cannot {operation}: {error}")]
    Io {
        /// What was tried: `open`, `map`, `rename`, …
        operation: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// A folder, pipe, socket or device where a file is needed.
    #[error("is a {kind}, not a regular file")]
    NotARegularFile {
        /// What it is.
        kind: &'static str,
    },
    /// The file is not what it was when it was opened: results drawn from it are void.
    #[error("changed while it was in use")]
    Changed,
    /// The operation was cancelled by its caller.
    #[error("cancelled")]
    Cancelled,
    /// Content that is no model.
    #[error("is no model file: it begins with {found}; GGUF, safetensors, or a folder of them is expected")]
    UnknownFormat {
        /// First bytes, escaped.
        found: String,
    },
    /// A format that came before GGUF.
    #[error("is in the legacy format {name}; convert it to GGUF with llama.cpp's scripts")]
    LegacyFormat {
        /// Name of the format.
        name: &'static str,
    },
    /// A folder with Python pickles instead of a model: loading one runs whatever code is in it.
    #[error("only {files}: pickles are refused because loading one runs code; convert to safetensors")]
    Pickle {
        /// The files, escaped.
        files: String,
    },
    /// A single file that is a Python pickle.
    #[error(
        "is a Python pickle (or a zip archive of one): refused because loading one runs code; \
         convert to safetensors"
    )]
    PickleFile,
    /// GGUF in big-endian byte order.
    #[error("is a big-endian GGUF file; only little-endian ones are read")]
    BigEndian,
    /// A version of GGUF that this build does not read.
    #[error("is GGUF version {found}; versions 2 and 3 are read")]
    Version {
        /// Version found.
        found: u32,
    },
    /// The file ends early.
    #[error("ends inside {what}: expected at least {expected} more bytes, got {got}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes needed, at least.
        expected: u64,
        /// Bytes left.
        got: u64,
    },
    /// A number above a named limit.
    #[error("{what}: at most {limit} are supported, got {got}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// The limit, from `limits.rs`.
        limit: u64,
        /// The number found.
        got: u64,
    },
    /// Text that is not UTF-8.
    #[error("{what} is not UTF-8: {found}")]
    Utf8 {
        /// What was read as text.
        what: &'static str,
        /// The bytes, escaped.
        found: String,
    },
    /// An empty key, name or map.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// The same name twice.
    #[error("{what} {name} occurs twice")]
    Duplicate {
        /// `key`, `tensor` or `shard`.
        what: &'static str,
        /// The name, escaped.
        name: String,
    },
    /// A value of another type or range than its key asks for.
    #[error("expected {expected}, got {got}")]
    Value {
        /// What the key asks for.
        expected: &'static str,
        /// What was found.
        got: String,
    },
    /// A required key or field is missing.
    #[error("is missing: expected {expected}")]
    Missing {
        /// What was looked for.
        expected: String,
    },
    /// A GGML type that GGML itself has removed.
    #[error("type {id} is {name}, a format GGML has removed; convert the model again")]
    RemovedType {
        /// GGML id.
        id: u32,
        /// Name it had.
        name: &'static str,
    },
    /// A type that nobody has told this build about.
    #[error("type {found} is unknown to this build")]
    UnknownType {
        /// GGML id, or escaped safetensors name.
        found: String,
    },
    /// A type that cannot be written to GGUF.
    #[error("{dtype} has no GGML id: it cannot be written to GGUF")]
    NoGgmlId {
        /// Name of the type.
        dtype: &'static str,
    },
    /// Shape, type and bytes do not fit each other, or the type has no codec.
    #[error(transparent)]
    Data(#[from] TensorError),
    /// An offset off the alignment.
    #[error("expected an offset that is a multiple of {alignment}, got {offset}")]
    Misaligned {
        /// Offset found.
        offset: u64,
        /// Bytes.
        alignment: u64,
    },
    /// Data past the end of the file.
    #[error("{bytes} bytes at offset {offset} do not lie within the {length} bytes of data")]
    OutOfFile {
        /// First byte, in the data section.
        offset: u64,
        /// Bytes the shape asks for.
        bytes: u64,
        /// Bytes of the data section.
        length: u64,
    },
    /// Two tensors share bytes.
    #[error("begins at {begin}, inside tensor {other}, which ends at {end}")]
    Overlap {
        /// Where this one begins, in the data section.
        begin: u64,
        /// Name of the other one, escaped.
        other: String,
        /// Where that one ends.
        end: u64,
    },
    /// Bytes that no tensor owns, where the format forbids it (safetensors).
    #[error("expected the tensor data to continue at {expected}, got {got}")]
    Hole {
        /// End of the data so far.
        expected: u64,
        /// Where the next tensor begins, or where the file ends.
        got: u64,
    },
    /// A number of bytes that is not the one asked for.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// What was measured.
        what: &'static str,
        /// Bytes expected.
        expected: u64,
        /// Bytes found.
        got: u64,
    },
    /// JSON that cannot be read, or has another structure.
    #[error("{what}: {problem}")]
    Json {
        /// What was read.
        what: &'static str,
        /// The parser's words, with line and column.
        problem: String,
    },
    /// The parts of a split model do not fit together.
    #[error("{field}: expected {expected}, got {got}")]
    Split {
        /// `split.no`, `split.count`, `split.tensors.count` or the file name.
        field: &'static str,
        /// What the set asks for.
        expected: String,
        /// What the part says.
        got: String,
    },
    /// A file name that claims a part of a split model, on a file that is none.
    #[error("its name claims part {number} of {count} of a split model, but it has no split.* keys")]
    NotAPart {
        /// Number in the name, from 1.
        number: u64,
        /// Count in the name.
        count: u64,
    },
    /// A part or shard of a model is not there.
    #[error("{name} is missing")]
    MissingFile {
        /// File name, escaped.
        name: String,
    },
    /// A shard name that is more than a plain file name.
    #[error("the index names shard {name}; only plain file names are followed")]
    ShardName {
        /// Name, escaped.
        name: String,
    },
    /// A folder with several models in it.
    #[error("holds several models; name one of them: {candidates}")]
    Ambiguous {
        /// File names, escaped.
        candidates: String,
    },
    /// A folder without a model in it.
    #[error(
        "holds no model: expected config.json with model.safetensors, open_clip_config.json, or a GGUF file"
    )]
    NoModel,
    /// No tensor of that name.
    #[error("no tensor is called {name}{suggestions}")]
    NoTensor {
        /// Name asked for, escaped.
        name: String,
        /// `; nearest: …`, or empty.
        suggestions: String,
    },
    /// A quantization rule that no tensor's name matches: most likely a slip.
    #[error("no tensor matches the rule {rule}")]
    RuleUnused {
        /// The rule, escaped.
        rule: String,
    },
    /// The file exists and was not to be replaced.
    #[error("exists already")]
    Exists,
}

impl WeightsError {
    /// The error without the `File`, `Key` and `Tensor` that say where.
    pub fn root(&self) -> &WeightsError {
        match self {
            Self::File { reason, .. } | Self::Key { reason, .. } | Self::Tensor { reason, .. } => {
                reason.root()
            }
            other => other,
        }
    }

    /// Say which file. A file that is named already stays the one named.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            named @ Self::File { .. } => named,
            reason => Self::File { path: path.to_owned(), reason: Box::new(reason) },
        }
    }

    pub(crate) fn in_key(self, key: &[u8]) -> Self {
        Self::Key { key: excerpt(key), reason: Box::new(self) }
    }

    pub(crate) fn in_tensor(self, name: &[u8]) -> Self {
        Self::Tensor { name: excerpt(name), reason: Box::new(self) }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { operation, error }.in_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_what_was_expected_and_what_was_found() {
        let error = WeightsError::Misaligned { offset: 4, alignment: 32 };
        let error = error.in_tensor(b"blk.\x1b0").in_file(Path::new("/m/a.gguf")).in_file(Path::new("/m"));
        assert_eq!(
            error.to_string(),
            r#"/m/a.gguf: tensor "blk.\u{1b}0": expected an offset that is a multiple of 32, got 4"#
        );
        assert!(matches!(error.root(), WeightsError::Misaligned { offset: 4, .. }));
        assert!(size_of::<WeightsError>() <= 96, "{}", size_of::<WeightsError>());
    }
}
