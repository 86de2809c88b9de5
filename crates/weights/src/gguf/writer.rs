//! Writing GGUF version 3: the header at once, then tensor data in pieces, in order.
//!
//! What it writes is refused where the reader would refuse it. Same input, same bytes.

use std::io::{BufWriter, Write};
use std::path::Path;

use bedside_tensor::{DType, Shape};

use super::header::{MAGIC, alignment_of};
use super::metadata::Metadata;
use super::text::write_string;
use crate::WeightsError;
use crate::atomic::{AtomicFile, Overwrite};
use crate::directory::{Directory, TensorInfo, checked_shape};
use crate::excerpt::excerpt;
use crate::limits::{MAX_GGUF_DIMS, MAX_GGUF_TENSORS, MAX_TENSOR_NAME_BYTES};

const VERSION: u32 = 3;

/// Bytes collected before the disk is asked.
const BUFFER_BYTES: usize = 1 << 20;

/// A tensor that will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name: 1 to 65,536 bytes.
    pub name: String,
    /// Type; one with a GGML id.
    pub dtype: DType,
    /// Dimensions, outermost first; at most 4.
    pub shape: Shape,
}

/// A GGUF file being written. Nothing is seen under its name before [`Writer::finish`]; dropped earlier,
/// it leaves nothing.
///
/// ```
/// use bedside_tensor::{DType, Shape};
/// use bedside_weights::gguf::{Metadata, TensorSpec, Value, Writer};
/// use bedside_weights::{Model, Overwrite};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("tiny.gguf");
/// let mut metadata = Metadata::default();
/// metadata.insert("general.architecture", Value::String("demo".into()))?;
/// let spec = TensorSpec { name: "w".into(), dtype: DType::F32, shape: Shape::new(&[2, 2])? };
///
/// let mut writer = Writer::create(&path, Overwrite::Refuse, &metadata, &[spec])?;
/// writer.write("w", &[0; 8])?; // in as many pieces as you like
/// writer.write("w", &[0; 8])?;
/// writer.finish()?;
///
/// assert_eq!(Model::open(&path)?.tensor("w")?.to_f32()?, [0.0; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    out: BufWriter<AtomicFile>,
    alignment: u64,
    /// Name and bytes of every tensor.
    tensors: Vec<(String, u64)>,
    /// The tensor being written, and how many of its bytes are.
    current: usize,
    written: u64,
}

impl Writer {
    /// Check everything, and write the header to a temporary file beside `path`.
    /// Errors: what the reader would refuse (by key or tensor), `NoGgmlId`, `Exists`, `Io`.
    pub fn create(
        path: &Path,
        overwrite: Overwrite,
        metadata: &Metadata,
        tensors: &[TensorSpec],
    ) -> Result<Self, WeightsError> {
        let alignment = alignment_of(metadata).map_err(|e| e.in_file(path))?;
        let header = header_bytes(metadata, tensors, alignment).map_err(|e| e.in_file(path))?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, AtomicFile::create(path, overwrite)?);
        out.write_all(&header).map_err(WeightsError::io("write", path))?;
        let sizes = tensors.iter().map(|t| Ok((t.name.clone(), t.shape.bytes(t.dtype)?)));
        let tensors = sizes.collect::<Result<_, WeightsError>>()?;
        let mut writer = Self { out, alignment, tensors, current: 0, written: 0 };
        writer.pad(header.len() as u64)?;
        Ok(writer)
    }

    /// Append `piece` to the data of tensor `name`, which must be the first whose data is not complete.
    /// Errors: `Value` for another tensor, `Length` for more bytes than its shape asks for, `Io`.
    pub fn write(&mut self, name: &str, piece: &[u8]) -> Result<(), WeightsError> {
        self.skip_empty();
        let Some((current, bytes)) = self.tensors.get(self.current) else {
            let (expected, got) = ("no more tensor data", excerpt(name.as_bytes()));
            return Err(WeightsError::Value { expected, got }.in_file(self.path()));
        };
        if current != name {
            let (expected, got) = ("data of the tensor in turn", excerpt(name.as_bytes()));
            let error = WeightsError::Value { expected, got }.in_tensor(current.as_bytes());
            return Err(error.in_file(self.path()));
        }
        let (bytes, got) = (*bytes, self.written + piece.len() as u64);
        if got > bytes {
            let error = WeightsError::Length { what: "tensor data", expected: bytes, got };
            return Err(error.in_tensor(name.as_bytes()).in_file(self.path()));
        }
        self.put(piece)?;
        self.written = got;
        if got == bytes {
            self.current += 1;
            self.written = 0;
            self.pad(bytes)?;
        }
        Ok(())
    }

    /// Sync, rename into place, sync the folder. Errors: `Length` with the tensor that lacks data, `Io`.
    pub fn finish(mut self) -> Result<(), WeightsError> {
        self.skip_empty();
        if let Some((name, bytes)) = self.tensors.get(self.current) {
            let error = WeightsError::Length { what: "tensor data", expected: *bytes, got: self.written };
            return Err(error.in_tensor(name.as_bytes()).in_file(self.path()));
        }
        let path = self.path().to_owned();
        let file = self.out.into_inner().map_err(|e| WeightsError::io("write", &path)(e.into_error()))?;
        file.commit()
    }

    fn path(&self) -> &Path {
        self.out.get_ref().path()
    }

    fn skip_empty(&mut self) {
        while self.tensors.get(self.current).is_some_and(|(_, bytes)| *bytes == 0) {
            self.current += 1;
        }
    }

    /// Zeros after `length` bytes that began aligned.
    fn pad(&mut self, length: u64) -> Result<(), WeightsError> {
        let missing = length.next_multiple_of(self.alignment) - length;
        self.put(&vec![0; missing as usize]) // below MAX_GGUF_ALIGNMENT
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WeightsError> {
        let written = self.out.write_all(bytes);
        written.map_err(|e| WeightsError::io("write", self.path())(e))
    }
}

fn header_bytes(
    metadata: &Metadata,
    tensors: &[TensorSpec],
    alignment: u64,
) -> Result<Vec<u8>, WeightsError> {
    let count = tensors.len() as u64;
    if count > MAX_GGUF_TENSORS {
        return Err(WeightsError::Limit { what: "tensors", limit: MAX_GGUF_TENSORS, got: count });
    }
    let mut out = MAGIC.to_vec();
    out.extend(VERSION.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((metadata.len() as u64).to_le_bytes());
    metadata.write(&mut out);
    let mut offset = 0;
    let mut infos = Vec::with_capacity(tensors.len());
    for spec in tensors {
        let bytes = write_spec(&mut out, spec, offset).map_err(|e| e.in_tensor(spec.name.as_bytes()))?;
        let range = offset..offset + bytes;
        offset = range.end.next_multiple_of(alignment);
        infos.push(TensorInfo {
            name: (*spec.name).into(),
            dtype: spec.dtype,
            shape: spec.shape,
            file: 0,
            range,
        });
    }
    Directory::new(infos)?; // names are unique
    Ok(out)
}

/// One line of the tensor table. Returns the bytes of its data.
fn write_spec(out: &mut Vec<u8>, spec: &TensorSpec, offset: u64) -> Result<u64, WeightsError> {
    /// Data of one file, so that sums of sizes and paddings cannot overflow.
    const MAX_DATA_BYTES: u64 = 1 << 62;
    let name_bytes = spec.name.len() as u64;
    if name_bytes == 0 {
        return Err(WeightsError::Empty { what: "a tensor name" });
    }
    if name_bytes > MAX_TENSOR_NAME_BYTES {
        let (what, limit) = ("tensor name bytes", MAX_TENSOR_NAME_BYTES);
        return Err(WeightsError::Limit { what, limit, got: name_bytes });
    }
    let dims = spec.shape.dims();
    if dims.len() > MAX_GGUF_DIMS as usize {
        let (limit, got) = (MAX_GGUF_DIMS.into(), dims.len() as u64);
        return Err(WeightsError::Limit { what: "dimensions", limit, got });
    }
    let dtype = spec.dtype;
    let id = dtype.ggml_id().ok_or(WeightsError::NoGgmlId { dtype: dtype.name() })?;
    let (_, bytes) = checked_shape(dims, dtype)?;
    let got = offset.saturating_add(bytes);
    if got > MAX_DATA_BYTES {
        return Err(WeightsError::Limit { what: "bytes of tensor data", limit: MAX_DATA_BYTES, got });
    }
    write_string(out, spec.name.as_bytes());
    out.extend((dims.len() as u32).to_le_bytes());
    dims.iter().rev().for_each(|d| out.extend(d.to_le_bytes()));
    out.extend(id.to_le_bytes());
    out.extend(offset.to_le_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, dtype: DType, dims: &[u64]) -> TensorSpec {
        TensorSpec { name: name.into(), dtype, shape: Shape::new(dims).unwrap() }
    }

    fn create(path: &Path, tensors: &[TensorSpec]) -> Result<Writer, WeightsError> {
        Writer::create(path, Overwrite::Refuse, &Metadata::default(), tensors)
    }

    #[test]
    fn each_tensor_gets_exactly_its_bytes_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        let tensors =
            [spec("a", DType::F32, &[3]), spec("none", DType::F32, &[0, 3]), spec("b", DType::Q8_0, &[32])];
        let mut writer = create(&path, &tensors).unwrap();
        assert!(writer.write("b", &[0; 34]).unwrap_err().to_string().contains("tensor \"a\": expected data"));
        writer.write("a", &[1; 5]).unwrap();
        let error = writer.write("a", &[1; 8]).unwrap_err();
        assert!(matches!(error.root(), WeightsError::Length { expected: 12, got: 13, .. }), "{error}");
        writer.write("a", &[1; 7]).unwrap();
        writer.write("b", &[2; 33]).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error.root(), WeightsError::Length { expected: 34, got: 33, .. }), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_the_reader_refuses_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        let refused = [
            vec![spec("", DType::F32, &[1])],
            vec![spec("a", DType::F32, &[1]), spec("a", DType::F16, &[1])],
            vec![spec("a", DType::U8, &[1])],
            vec![spec("a", DType::F32, &[1; 5])],
            vec![spec("a", DType::Q8_0, &[33])],
            vec![spec(&"n".repeat(65_537), DType::F32, &[1])],
            vec![spec("a", DType::F32, &[1 << 30, 1 << 30]), spec("b", DType::F32, &[1 << 30, 1 << 30])],
        ];
        for tensors in refused {
            let shown = format!("{:?}", tensors[0].shape);
            assert!(create(&path, &tensors).is_err(), "{shown}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
