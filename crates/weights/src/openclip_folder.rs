//! An OpenCLIP model folder: `open_clip_config.json` and `open_clip_model.safetensors`, tokenizer files.
//! Source: open_clip 3.3 `push_to_hf_hub.py` and `factory.py`.

use crate::WeightsError;
use crate::folder::{Folder, add_configs, add_tokenizer_and_documents};
use crate::model::{Contents, Layout, Role};

pub(crate) const CONFIG: &str = "open_clip_config.json";
pub(crate) const WEIGHTS: &str = "open_clip_model.safetensors";

/// The first is required; the second describes a text tower that is a transformers model (BiomedCLIP).
const CONFIGS: &[&str] = &[CONFIG, "text_config.json"];

/// Errors: those of every file.
pub(crate) fn open(folder: &Folder) -> Result<Contents, WeightsError> {
    let mut contents = Contents::new(folder.path(), Layout::OpenClip);
    contents.add_safetensors(folder.open(WEIGHTS, Role::Weights)?)?;
    add_configs(&mut contents, folder, CONFIGS)?;
    add_tokenizer_and_documents(&mut contents, folder)?;
    Ok(contents)
}
