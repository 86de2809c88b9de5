//! GGUF → GGUF with other tensor types: a [`Recipe`] says which, [`choose`] applies it to a model (nothing
//! is read but the directory), [`quantize`] writes the file.
//!
//! Output is bit-stable: pieces are of fixed size and written in order, whatever the number of threads.

mod recipe;

use std::path::Path;

use bedside_tensor::{DType, TensorError};
use rayon::prelude::*;
use serde::Serialize;

pub use recipe::{Choice, Reason, Recipe, Rule, choose};

use crate::WeightsError;
use crate::atomic::Overwrite;
use crate::directory::TensorInfo;
use crate::gguf::{Metadata, TensorSpec, Value, Writer};
use crate::model::{Layout, Model};
use crate::progress::Progress;

/// Elements a thread converts at once: a multiple of every block length, and small enough that the matrices
/// of small models keep several threads busy.
const PIECE_ELEMENTS: usize = 1 << 14;

/// Pieces between two writes, 16 MiB of f32. Fixed, so that memory does not grow with the number of threads.
const PIECES_AT_ONCE: usize = 256;

/// What [`quantize`] wrote.
#[derive(Debug, Clone, Serialize)]
pub struct Quantized {
    /// Bytes of tensor data in the source, without padding.
    pub source_bytes: u64,
    /// Bytes of tensor data written, without padding.
    pub bytes: u64,
    /// What became of each tensor, in file order.
    pub tensors: Vec<Choice>,
}

/// Write `model` to `out` as one GGUF file with the types of `choices` (from [`choose`]).
///
/// `to`: what the file says it is (`general.file_type`). `progress` counts bytes of source tensor data.
/// Errors: no GGUF model; a tensor to be converted that is of a format without codec, not finite, or beyond
/// what the target holds (named, with the element); `Exists`; `Cancelled`; `Changed`; `Io`. After any of
/// them nothing lies under the final name that did not lie there before.
pub fn quantize(
    model: &Model,
    out: &Path,
    overwrite: Overwrite,
    to: DType,
    choices: Vec<Choice>,
    progress: Progress<'_>,
) -> Result<Quantized, WeightsError> {
    let metadata = metadata_for(model, to, &choices)?;
    let specs = model.tensors().iter().zip(&choices).map(|(info, choice)| TensorSpec {
        name: info.name.to_string(),
        dtype: choice.to,
        shape: info.shape,
    });
    let specs: Vec<TensorSpec> = specs.collect();
    let mut writer = Writer::create(out, overwrite, &metadata, &specs)?;
    for (info, spec) in model.tensors().iter().zip(&specs) {
        let view = model.view(info)?;
        let converted =
            convert(info.dtype, spec.dtype, view.bytes(), progress, |piece| writer.write(&spec.name, piece));
        converted.map_err(|e| match e {
            e @ WeightsError::Data(_) => e.in_tensor(info.name.as_bytes()).in_file(model.path()),
            other => other,
        })?;
    }
    model.ensure_unchanged()?;
    writer.finish()?;
    let bytes = specs.iter().map(|spec| Ok(spec.shape.bytes(spec.dtype)?));
    Ok(Quantized {
        source_bytes: model.tensors().iter().map(TensorInfo::bytes).sum(),
        bytes: bytes.sum::<Result<u64, WeightsError>>()?,
        tensors: choices,
    })
}

/// The source's pairs, told apart from the source by type and version of quantization, without those that
/// describe a split. Errors: `Value` where the model is no GGUF model.
fn metadata_for(model: &Model, to: DType, choices: &[Choice]) -> Result<Metadata, WeightsError> {
    /// Version of GGML's block layouts since 2023. Source: GGUF specification, `general.quantization_version`.
    const QUANTIZATION_VERSION: u32 = 2;
    if !matches!(model.layout(), Layout::Gguf | Layout::GgufSplit) {
        let (expected, got) = ("a GGUF model to quantize", format!("{:?}", model.layout()));
        return Err(WeightsError::Value { expected, got }.in_file(model.path()));
    }
    let mut metadata = model.metadata().clone();
    for key in ["split.no", "split.count", "split.tensors.count"] {
        metadata.remove(key);
    }
    match file_type(to) {
        Some(id) => metadata.insert("general.file_type", Value::U32(id))?,
        // Better none than that of the source.
        None => drop(metadata.remove("general.file_type")),
    }
    if choices.iter().any(|choice| choice.to.is_quantized()) {
        metadata.insert("general.quantization_version", Value::U32(QUANTIZATION_VERSION))?;
    }
    Ok(metadata)
}

/// `general.file_type` of a file whose matrices are mostly of this type.
/// Source: llama.cpp's `enum llama_ftype`; for K-quants the ids of the pure ("small") mixes.
fn file_type(to: DType) -> Option<u32> {
    const IDS: [(DType, u32); 15] = [
        (DType::F32, 0),
        (DType::F16, 1),
        (DType::Q4_0, 2),
        (DType::Q4_1, 3),
        (DType::Q8_0, 7),
        (DType::Q5_0, 8),
        (DType::Q5_1, 9),
        (DType::Q2_K, 10),
        (DType::Q3_K, 11),
        (DType::Q4_K, 14),
        (DType::Q5_K, 16),
        (DType::Q6_K, 18),
        (DType::IQ4_NL, 25),
        (DType::IQ4_XS, 30),
        (DType::BF16, 32),
    ];
    IDS.iter().find(|(dtype, _)| *dtype == to).map(|(_, id)| *id)
}

/// Hand `blocks` to `write` as type `to`, in order, in pieces. Equal types are copied as they are.
fn convert(
    from: DType,
    to: DType,
    blocks: &[u8],
    progress: Progress<'_>,
    mut write: impl FnMut(&[u8]) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    let piece_bytes = PIECE_ELEMENTS / from.block_len() * from.block_bytes();
    if from == to {
        return blocks.chunks(piece_bytes).try_for_each(|piece| {
            write(piece)?;
            progress.advance(piece.len() as u64)
        });
    }
    for (batch_index, batch) in blocks.chunks(piece_bytes * PIECES_AT_ONCE).enumerate() {
        let piece = |(i, piece): (usize, &[u8])| {
            let mut values = vec![0.0; piece.len() / from.block_bytes() * from.block_len()];
            from.dequantize(piece, &mut values)?;
            let first = (batch_index * PIECES_AT_ONCE + i) * PIECE_ELEMENTS;
            let blocks = to.quantize(&values).map_err(|e| counted_from(first, e))?;
            progress.advance(piece.len() as u64)?;
            Ok(blocks)
        };
        let pieces = batch.par_chunks(piece_bytes).enumerate().map(piece);
        for piece in pieces.collect::<Result<Vec<_>, WeightsError>>()? {
            write(&piece)?;
        }
    }
    Ok(())
}

/// The error with its element counted from the tensor's beginning, not the piece's.
fn counted_from(first: usize, error: TensorError) -> WeightsError {
    WeightsError::Data(match error {
        TensorError::NotFinite { index, value, dtype } => {
            TensorError::NotFinite { index: first + index, value, dtype }
        }
        TensorError::OutOfRange { index, value, largest, dtype } => {
            TensorError::OutOfRange { index: first + index, value, largest, dtype }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests;
