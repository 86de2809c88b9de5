//! A folder that holds a model: which kind it is, and its files.
//!
//! Looked for in this order: a Hugging Face folder (`config.json` with `model.safetensors` or its index),
//! an OpenCLIP folder, exactly one GGUF model. A folder that is several of these opens as the first.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::WeightsError;
use crate::atomic::PARTIAL;
use crate::config_tree::ConfigTrees;
use crate::excerpt::excerpt;
use crate::gguf;
use crate::limits::{MAX_CONFIG_BYTES, MAX_FOLDER_ENTRIES, MAX_TOKENIZER_BYTES};
use crate::model::{Contents, ModelFile, Role};
use crate::source::Source;
use crate::{hf_folder, openclip_folder};

/// Endings of Python pickles.
const PICKLES: &[&str] = &[".bin", ".pt", ".pth", ".ckpt", ".pkl"];

/// Files that belong to a tokenizer, as transformers and open_clip name them.
const TOKENIZER_FILES: &[&str] = &[
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.jinja",
    "chat_template.json",
];

/// Files that say under which terms a model may be used.
const DOCUMENTS: &[&str] = &["README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "NOTICE"];

/// Names of the regular files in a folder, sorted; links to files count as files.
pub(crate) struct Folder {
    path: PathBuf,
    names: Vec<OsString>,
}

impl Folder {
    /// Errors: `Io`, `Limit`.
    pub(crate) fn read(path: &Path) -> Result<Self, WeightsError> {
        let mut names = Vec::new();
        let entries = fs::read_dir(path).map_err(WeightsError::io("list", path))?;
        for (seen, entry) in (1..).zip(entries) {
            if seen > MAX_FOLDER_ENTRIES {
                let error =
                    WeightsError::Limit { what: "entries of a folder", limit: MAX_FOLDER_ENTRIES, got: seen };
                return Err(error.in_file(path));
            }
            let entry = entry.map_err(WeightsError::io("list", path))?;
            if fs::metadata(entry.path()).is_ok_and(|found| found.is_file()) {
                names.push(entry.file_name());
            }
        }
        names.sort_unstable();
        Ok(Self { path: path.to_owned(), names })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.binary_search_by_key(&OsStr::new(name), |found| found).is_ok()
    }

    /// Open a file of the folder. Errors: `MissingFile` with the folder, those of [`Source::open`].
    pub(crate) fn open(&self, name: &str, role: Role) -> Result<ModelFile, WeightsError> {
        if !self.has(name) {
            return Err(WeightsError::MissingFile { name: excerpt(name.as_bytes()) }.in_file(&self.path));
        }
        Ok(ModelFile { role, name: name.to_owned(), source: Source::open(&self.path.join(name))? })
    }

    fn pickles(&self) -> Vec<String> {
        let is_pickle = |name: &&OsString| PICKLES.iter().any(|ending| ends_with(name, ending));
        self.names.iter().filter(is_pickle).map(|name| excerpt(name.as_bytes())).collect()
    }

    /// One file of each GGUF model in the folder, by content; never one whose writing was cut short.
    fn gguf_models(&self) -> Vec<&OsStr> {
        let starts_as_gguf = |name: &OsStr| {
            let mut magic = [0; 4];
            let read = fs::File::open(self.path.join(name)).and_then(|mut file| file.read_exact(&mut magic));
            read.is_ok() && &magic == b"GGUF"
        };
        let mut models = BTreeMap::new();
        for name in self.names.iter().filter(|name| !ends_with(name, PARTIAL) && starts_as_gguf(name)) {
            models.entry(gguf::split::first_part(name.as_bytes())).or_insert(name.as_os_str());
        }
        models.into_values().collect()
    }
}

fn ends_with(name: &OsStr, ending: &str) -> bool {
    name.as_bytes().ends_with(ending.as_bytes())
}

/// Open the model in a folder. Errors: those of the kind of folder; `Ambiguous`, `Pickle`, `NoModel`.
pub(crate) fn open(path: &Path) -> Result<Contents, WeightsError> {
    let folder = Folder::read(path)?;
    let has_weights = hf_folder::WEIGHTS.iter().any(|name| folder.has(name));
    if has_weights && folder.has(hf_folder::CONFIG) {
        return hf_folder::open(&folder);
    }
    if folder.has(openclip_folder::CONFIG) && folder.has(openclip_folder::WEIGHTS) {
        return openclip_folder::open(&folder);
    }
    match folder.gguf_models()[..] {
        [] => {}
        [name] => return Contents::of_gguf(Source::open(&path.join(name))?),
        ref several => {
            let candidates: Vec<String> = several.iter().map(|name| excerpt(name.as_bytes())).collect();
            return Err(WeightsError::Ambiguous { candidates: candidates.join(", ") }.in_file(path));
        }
    }
    let pickles = folder.pickles();
    let missing = |name: &str| WeightsError::MissingFile { name: excerpt(name.as_bytes()) };
    Err(match () {
        () if !pickles.is_empty() => WeightsError::Pickle { files: pickles.join(", ") },
        () if folder.has(openclip_folder::CONFIG) => missing(openclip_folder::WEIGHTS),
        () if folder.has(hf_folder::CONFIG) => missing(hf_folder::WEIGHTS[0]),
        () if has_weights => missing(hf_folder::CONFIG),
        () => WeightsError::NoModel,
    }
    .in_file(path))
}

/// Read the configurations that are there; the first is required. Errors: `MissingFile`, `Limit`, `Json`,
/// `Duplicate`.
pub(crate) fn add_configs(
    contents: &mut Contents,
    folder: &Folder,
    names: &[&str],
) -> Result<(), WeightsError> {
    let mut trees = ConfigTrees::default();
    for (i, name) in names.iter().enumerate() {
        if i > 0 && !folder.has(name) {
            continue;
        }
        let file = folder.open(name, Role::Config)?;
        let bytes = bounded(&file.source, "bytes of configuration", MAX_CONFIG_BYTES)?;
        let value = trees.read(bytes).map_err(|e| e.in_file(file.source.path()))?;
        contents.configs.push((file.name.clone(), value));
        contents.files.push(file);
    }
    Ok(())
}

/// Open the tokenizer's files and the documents that are there. Errors: `Limit`, those of [`Source::open`].
pub(crate) fn add_tokenizer_and_documents(
    contents: &mut Contents,
    folder: &Folder,
) -> Result<(), WeightsError> {
    for name in TOKENIZER_FILES.iter().filter(|name| folder.has(name)) {
        let file = folder.open(name, Role::Tokenizer)?;
        bounded(&file.source, "bytes of a tokenizer file", MAX_TOKENIZER_BYTES)?;
        contents.files.push(file);
    }
    for name in DOCUMENTS.iter().filter(|name| folder.has(name)) {
        contents.files.push(folder.open(name, Role::Document)?);
    }
    Ok(())
}

/// All bytes of a small file. Errors: `Limit`.
pub(crate) fn bounded<'a>(
    source: &'a Source,
    what: &'static str,
    limit: u64,
) -> Result<&'a [u8], WeightsError> {
    let got = source.bytes().len() as u64;
    if got > limit {
        return Err(WeightsError::Limit { what, limit, got }.in_file(source.path()));
    }
    Ok(source.bytes())
}

#[cfg(test)]
mod tests;
