//! Model files, read safely and written whole.
//!
//! Opens GGUF v2 and v3 (split files too), safetensors, Hugging Face and OpenCLIP folders as one [`Model`]:
//! a directory of named tensors over memory-mapped files. Every number in a file is held against a limit
//! in [`limits`] and against the bytes that are there before anything is allocated; what is refused is
//! refused by name, in a [`WeightsError`]. Also here: the GGUF [`Writer`](gguf::Writer), which never leaves
//! half a file under the final name; file digests and the model identity; what `bedside model inspect` and
//! `verify` show.
//!
//! What it deliberately does not do: run any code out of a model (pickles are refused), know what the
//! tensors of an architecture mean (`models` does), multiply anything (`compute` does), download, or load
//! tokenizers. Names and texts out of files reach a message only escaped and shortened; those in returned
//! data are as the file has them.
//!
//! ```
//! use bedside_tensor::{DType, Shape};
//! use bedside_weights::gguf::{Metadata, TensorSpec, Value, Writer};
//! use bedside_weights::{Model, Overwrite, Summary};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("tiny.gguf");
//! let mut metadata = Metadata::default();
//! metadata.insert("general.architecture", Value::String("demo".into()))?;
//! let spec = TensorSpec { name: "blk.0.weight".into(), dtype: DType::Q8_0, shape: Shape::new(&[2, 32])? };
//! let mut writer = Writer::create(&path, Overwrite::Refuse, &metadata, &[spec])?;
//! writer.write("blk.0.weight", &DType::Q8_0.quantize(&[0.5; 64])?)?;
//! writer.finish()?;
//!
//! let model = Model::open(&path)?;
//! let weight = model.tensor("blk.0.weight")?;
//! assert_eq!((weight.dtype(), weight.shape().dims()), (DType::Q8_0, &[2, 32][..]));
//! assert_eq!(Summary::of(&model).bits_per_weight, Some(8.5));
//! let error = model.tensor("blk.0.wieght").unwrap_err();
//! assert!(error.to_string().ends_with("nearest: \"blk.0.weight\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod compare;
mod config_tree;
mod digest;
mod digest_cache;
mod directory;
mod error;
mod excerpt;
mod folder;
pub mod gguf;
mod hf_folder;
mod hf_index;
pub mod limits;
mod model;
mod openclip_folder;
mod progress;
mod quantizer;
mod safetensors;
mod source;
mod structure;
mod summary;

pub use atomic::Overwrite;
pub use compare::{Comparison, NotCompared, TensorComparison, compare};
pub use digest::{Digest, FileDigest, file_digest, file_digests, model_identity};
pub use digest_cache::DigestCache;
pub use directory::TensorInfo;
pub use error::WeightsError;
pub use hf_index::HfIndex;
pub use model::{Layout, Model, ModelFile, Role};
pub use progress::Progress;
pub use quantizer::{Choice, Quantized, Reason, Recipe, Rule, choose, quantize};
pub use safetensors::SafetensorsHeader;
pub use source::{FileIdentity, Source};
pub use structure::{
    DataCheck, NotChecked, NotFinite, StructureNote, check_data, not_finite, structure_notes,
};
pub use summary::{
    Description, DtypeSummary, FileSummary, Licence, MetadataEntry, Summary, TokenizerSummary,
};
