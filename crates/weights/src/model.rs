//! One model, however it is stored: its tensors, metadata, configurations and files.

use std::fs;
use std::path::{Path, PathBuf};

use bedside_tensor::TensorView;
use serde::Serialize;

use crate::WeightsError;
use crate::directory::{Directory, TensorInfo};
use crate::excerpt::excerpt;
use crate::folder;
use crate::gguf::split::{self, DataSection};
use crate::gguf::{Metadata, legacy_name};
use crate::safetensors::{SafetensorsHeader, TextPairs, is_safetensors};
use crate::source::Source;
use crate::structure::StructureNote;

/// How a model is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One GGUF file.
    Gguf,
    /// Several GGUF files.
    GgufSplit,
    /// One safetensors file on its own.
    Safetensors,
    /// `config.json` with safetensors.
    HuggingFace,
    /// `open_clip_config.json` with safetensors.
    OpenClip,
}

/// What a file is to its model. All but `Document` are part of the model's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Tensors (and, in GGUF, all the rest).
    Weights,
    /// Architecture, preprocessing, generation; the index of shards.
    Config,
    /// Vocabulary, merges, special tokens, chat template.
    Tokenizer,
    /// The vision half of a GGUF pair. A file opened on its own is `Weights`; who pairs them says this.
    Projector,
    /// Licence and description: no result depends on it.
    Document,
}

impl Role {
    /// The role's name in the model identity and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Config => "config",
            Self::Tokenizer => "tokenizer",
            Self::Projector => "projector",
            Self::Document => "document",
        }
    }
}

/// A file of a model.
#[derive(Debug)]
pub struct ModelFile {
    /// What it is to the model.
    pub role: Role,
    /// File name without its folder.
    pub name: String,
    /// Its bytes.
    pub source: Source,
}

/// What a layout's reader has gathered. Files with tensors come first, in the order that `tensors` count.
#[derive(Debug)]
pub(crate) struct Contents {
    path: PathBuf,
    layout: Layout,
    pub(crate) files: Vec<ModelFile>,
    pub(crate) tensors: Vec<TensorInfo>,
    pub(crate) configs: Vec<(String, serde_json::Value)>,
    pub(crate) notes: Vec<StructureNote>,
    metadata: Metadata,
    /// One for each GGUF file.
    sections: Vec<DataSection>,
    /// safetensors' `__metadata__` of the first file that has any.
    strings: TextPairs,
}

impl Contents {
    pub(crate) fn new(path: &Path, layout: Layout) -> Self {
        Self {
            path: path.to_owned(),
            layout,
            files: vec![],
            tensors: vec![],
            configs: vec![],
            notes: vec![],
            metadata: Metadata::default(),
            sections: vec![],
            strings: vec![],
        }
    }

    /// A GGUF file and, where it is a part of a set, all the others.
    pub(crate) fn of_gguf(source: Source) -> Result<Self, WeightsError> {
        let mut contents = Self::new(source.path(), Layout::Gguf);
        let parts = split::open(source)?;
        if parts.sources.len() > 1 {
            contents.layout = Layout::GgufSplit;
        }
        contents.files = parts.sources.into_iter().map(|source| file_of(source, Role::Weights)).collect();
        (contents.metadata, contents.tensors) = (parts.metadata, parts.tensors);
        contents.sections = parts.sections;
        Ok(contents)
    }

    /// Add a safetensors file. Errors: what it is instead, where it is none; those of its header.
    pub(crate) fn add_safetensors(&mut self, file: ModelFile) -> Result<(), WeightsError> {
        let path = file.source.path();
        ensure_safetensors(file.source.bytes()).map_err(|e| e.in_file(path))?;
        let header = SafetensorsHeader::parse(file.source.bytes()).map_err(|e| e.in_file(path))?;
        let (strings, tensors) = header.into_parts();
        let position = self.files.len();
        if position == 0 {
            self.tensors = tensors;
        } else {
            self.tensors.extend(tensors.into_iter().map(|t| TensorInfo { file: position, ..t }));
        }
        if self.strings.is_empty() {
            self.strings = strings;
        }
        self.files.push(file);
        Ok(())
    }

    /// Errors: `Duplicate` for a tensor that lies in two files.
    pub(crate) fn check_unique(&mut self) -> Result<(), WeightsError> {
        let directory =
            Directory::new(std::mem::take(&mut self.tensors)).map_err(|e| e.in_file(&self.path))?;
        self.tensors = directory.into_tensors();
        Ok(())
    }
}

fn file_of(source: Source, role: Role) -> ModelFile {
    let name = source.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    ModelFile { role, name, source }
}

/// An opened model. Opening maps the files and reads their headers; no tensor is touched.
///
/// What is guaranteed when a file changes meanwhile: see [`Source`].
#[derive(Debug)]
pub struct Model {
    contents: Contents,
    directory: Directory,
}

impl Model {
    /// Open a GGUF file (any part of a split one), a safetensors file, or a folder: Hugging Face, OpenCLIP,
    /// or one that holds exactly one GGUF model. Files are known by content, not by ending.
    /// Errors: what was refused and why, with the file.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let found = fs::metadata(path).map_err(WeightsError::io("read", path))?;
        if found.is_dir() { Self::build(folder::open(path)?) } else { Self::from_source(Source::open(path)?) }
    }

    /// Open one file, or bytes in memory. Errors: as [`Model::open`].
    pub fn from_source(source: Source) -> Result<Self, WeightsError> {
        if source.bytes().starts_with(b"GGUF") {
            return Self::build(Contents::of_gguf(source)?);
        }
        let mut contents = Contents::new(source.path(), Layout::Safetensors);
        contents.add_safetensors(file_of(source, Role::Weights))?;
        Self::build(contents)
    }

    fn build(mut contents: Contents) -> Result<Self, WeightsError> {
        let tensors = std::mem::take(&mut contents.tensors);
        let directory = Directory::new(tensors).map_err(|e| e.in_file(&contents.path))?;
        Ok(Self { contents, directory })
    }

    /// The path it was opened under.
    pub fn path(&self) -> &Path {
        &self.contents.path
    }

    /// How it is stored.
    pub fn layout(&self) -> Layout {
        self.contents.layout
    }

    /// Its files; those with tensors first.
    pub fn files(&self) -> &[ModelFile] {
        &self.contents.files
    }

    /// The file of this name (without folder).
    pub fn file(&self, name: &str) -> Option<&ModelFile> {
        self.contents.files.iter().find(|file| file.name == name)
    }

    /// All tensors in file order.
    pub fn tensors(&self) -> &[TensorInfo] {
        self.directory.tensors()
    }

    /// One tensor's description, where there is one of this name.
    pub fn find(&self, name: &str) -> Option<&TensorInfo> {
        self.directory.get(name)
    }

    /// One tensor's description. To ask for names that may be missing, use [`Model::find`]: the search for
    /// near names takes a while. Errors: `NoTensor` with the nearest names.
    pub fn info(&self, name: &str) -> Result<&TensorInfo, WeightsError> {
        self.directory.find(name).map_err(|e| e.in_file(self.path()))
    }

    /// One tensor's data, not copied. Errors: `NoTensor` with the nearest names.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, WeightsError> {
        self.view(self.info(name)?)
    }

    /// The data of a tensor of this model. Errors: `OutOfFile` where `info` is another model's.
    pub fn view(&self, info: &TensorInfo) -> Result<TensorView<'_>, WeightsError> {
        let whole = self.contents.files.get(info.file).map_or(&[][..], |file| file.source.bytes());
        let range = usize::try_from(info.range.start).ok().zip(usize::try_from(info.range.end).ok());
        let bytes = range.and_then(|(begin, end)| whole.get(begin..end));
        let bytes = bytes.ok_or_else(|| {
            let (offset, length) = (info.range.start, whole.len() as u64);
            WeightsError::OutOfFile { offset, bytes: info.bytes(), length }.in_tensor(info.name.as_bytes())
        })?;
        TensorView::new(info.dtype, info.shape.dims(), bytes)
            .map_err(|e| WeightsError::from(e).in_tensor(info.name.as_bytes()))
    }

    /// GGUF key/value pairs; empty for the other layouts.
    pub fn metadata(&self) -> &Metadata {
        &self.contents.metadata
    }

    /// The strings of safetensors' `__metadata__`; none for GGUF.
    pub fn strings(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.contents.strings.iter().map(|(key, text)| (&**key, &**text))
    }

    /// A configuration file of the folder by name: `config.json`, `preprocessor_config.json`, ….
    pub fn config(&self, name: &str) -> Option<&serde_json::Value> {
        self.contents.configs.iter().find(|(file, _)| file == name).map(|(_, value)| value)
    }

    /// Ask for every file whether it is still what it was at opening. Errors: `Changed` with the file.
    pub fn ensure_unchanged(&self) -> Result<(), WeightsError> {
        self.contents.files.iter().try_for_each(|file| file.source.ensure_unchanged())
    }

    pub(crate) fn sections(&self) -> &[DataSection] {
        &self.contents.sections
    }

    pub(crate) fn notes(&self) -> &[StructureNote] {
        &self.contents.notes
    }
}

/// Errors: what the file is instead.
fn ensure_safetensors(bytes: &[u8]) -> Result<(), WeightsError> {
    /// Bytes shown of a file that is no model.
    const SHOWN: usize = 8;
    /// A zip archive (torch.save since 1.6) and the first bytes of a bare pickle of protocol 2 to 5.
    const PICKLE_BEGINNINGS: [&[u8]; 5] = [b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];
    if is_safetensors(bytes) {
        return Ok(());
    }
    if let Some(name) = legacy_name(bytes) {
        return Err(WeightsError::LegacyFormat { name });
    }
    if PICKLE_BEGINNINGS.iter().any(|begin| bytes.starts_with(begin)) {
        return Err(WeightsError::PickleFile);
    }
    Err(WeightsError::UnknownFormat { found: excerpt(&bytes[..bytes.len().min(SHOWN)]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_instead_of_a_model_is_said() {
        let pickle = "bytes: is a Python pickle (or a zip archive of one): refused because loading one runs \
                      code; convert to safetensors";
        let cases: [(&[u8], &str); 4] = [
            (b"PK\x03\x04rest of it", pickle),
            (b"\x80\x02}q\x00.rest", pickle),
            (b"lmggrest of it", "bytes: is in the legacy format GGML;"),
            (b"hello, world", "bytes: is no model file: it begins with \"hello, w\";"),
        ];
        for (bytes, begin) in cases {
            let error = Model::from_source(Source::from_bytes("bytes", bytes.to_vec())).unwrap_err();
            assert!(error.to_string().starts_with(begin), "{error}");
        }
    }
}
