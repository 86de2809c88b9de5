//! What `model inspect` shows: everything a model says about itself, as data. Unknown is `None`.

mod description;
mod licence;
mod metadata_entry;
mod tokenizer;

use bedside_tensor::DType;
use serde::{Serialize, Serializer};

use crate::model::{Layout, Model, Role};
use crate::structure::{NotChecked, StructureNote, structure_notes};

pub use description::Description;
pub use licence::Licence;
pub use metadata_entry::MetadataEntry;
pub use tokenizer::TokenizerSummary;

/// A model in one page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How it is stored.
    pub layout: Layout,
    /// Version of GGUF; `None` for other layouts.
    pub gguf_version: Option<u32>,
    /// Alignment of GGUF tensor data in bytes; `None` for other layouts.
    pub alignment: Option<u64>,
    /// Its files.
    pub files: Vec<FileSummary>,
    /// Architecture, name, sizes.
    #[serde(flatten)]
    pub description: Description,
    /// Terms of use, where the files say any.
    pub licence: Option<Licence>,
    /// Kind and size of the tokenizer, where there is one.
    pub tokenizer: Option<TokenizerSummary>,
    /// Number of tensors.
    pub tensors: usize,
    /// Elements of all tensors.
    pub parameters: u64,
    /// Bytes of all tensors, without padding.
    pub tensor_bytes: u64,
    /// 8 × bytes / parameters; `None` without parameters.
    pub bits_per_weight: Option<f64>,
    /// Tensors by type, the most bytes first.
    pub by_dtype: Vec<DtypeSummary>,
    /// Types this build can compute with.
    #[serde(serialize_with = "names")]
    pub supported_dtypes: Vec<DType>,
    /// Tensors that it cannot compute with.
    pub unsupported: Vec<NotChecked>,
    /// GGUF key/value pairs, or safetensors' `__metadata__`, long ones shortened.
    pub metadata: Vec<MetadataEntry>,
    /// Oddities that do no harm.
    pub notes: Vec<StructureNote>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// File name without its folder.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its size.
    pub bytes: u64,
}

/// All tensors of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DtypeSummary {
    /// The type.
    #[serde(serialize_with = "name")]
    pub dtype: DType,
    /// Number of tensors.
    pub tensors: usize,
    /// Their elements.
    pub parameters: u64,
    /// Their bytes.
    pub bytes: u64,
    /// This build can compute with them.
    pub supported: bool,
}

impl Summary {
    /// Reads headers, configurations and the tokenizer; no tensor.
    pub fn of(model: &Model) -> Self {
        let by_dtype = by_dtype(model);
        // No overflow: a tensor has at most 8 elements a byte, and the files exist.
        let parameters = by_dtype.iter().map(|d| d.parameters).sum();
        let tensor_bytes = by_dtype.iter().map(|d| d.bytes).sum::<u64>();
        let unsupported = model.tensors().iter().filter(|t| !t.dtype.is_supported());
        let files = model.files().iter().map(|file| FileSummary {
            name: file.name.clone(),
            role: file.role,
            bytes: file.source.bytes().len() as u64,
        });
        Self {
            layout: model.layout(),
            gguf_version: model.sections().first().map(|s| s.version),
            alignment: model.sections().first().map(|s| s.alignment),
            files: files.collect(),
            description: Description::of(model),
            licence: Licence::of(model),
            tokenizer: TokenizerSummary::of(model),
            tensors: model.tensors().len(),
            parameters,
            tensor_bytes,
            bits_per_weight: (parameters > 0).then(|| 8.0 * tensor_bytes as f64 / parameters as f64),
            by_dtype,
            supported_dtypes: DType::ALL.iter().copied().filter(|t| t.is_supported()).collect(),
            unsupported: unsupported.map(NotChecked::of).collect(),
            metadata: metadata_entry::entries(model),
            notes: structure_notes(model),
        }
    }
}

fn by_dtype(model: &Model) -> Vec<DtypeSummary> {
    let mut all: Vec<DtypeSummary> = Vec::new();
    for tensor in model.tensors() {
        let (dtype, parameters, bytes) = (tensor.dtype, tensor.shape.elements(), tensor.bytes());
        match all.iter_mut().find(|d| d.dtype == dtype) {
            Some(d) => {
                d.tensors += 1;
                d.parameters += parameters;
                d.bytes += bytes;
            }
            None => {
                let supported = dtype.is_supported();
                all.push(DtypeSummary { dtype, tensors: 1, parameters, bytes, supported });
            }
        }
    }
    all.sort_by_key(|d| (std::cmp::Reverse(d.bytes), d.dtype.name()));
    all
}

fn name<S: Serializer>(dtype: &DType, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(dtype.name())
}

fn names<S: Serializer>(dtypes: &[DType], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(dtypes.iter().map(|t| t.name()))
}
