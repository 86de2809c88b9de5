//! Models in several GGUF files, `NAME-00001-of-00003.gguf`, as llama.cpp's `gguf-split` writes them.
//! Source: llama.cpp `tools/gguf-split`, `src/llama-model-loader.cpp`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::header::Header;
use super::metadata::Metadata;
use crate::WeightsError;
use crate::directory::TensorInfo;
use crate::excerpt::excerpt;
use crate::limits::MAX_GGUF_PARTS;
use crate::source::Source;

const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// The headers and files of one model, in the order of their parts.
pub(crate) struct Parts {
    pub(crate) sources: Vec<Source>,
    /// What is left of the header of each part.
    pub(crate) sections: Vec<DataSection>,
    /// Key/value pairs of the first part: the others hold only `split.*`.
    pub(crate) metadata: Metadata,
    pub(crate) tensors: Vec<TensorInfo>,
}

/// What is left of a header when its metadata and tensors are the model's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataSection {
    pub(crate) version: u32,
    pub(crate) alignment: u64,
    pub(crate) begin: u64,
}

/// A file name of the pattern.
#[derive(Debug, PartialEq, Eq)]
struct PartName<'a> {
    prefix: &'a [u8],
    /// From 1.
    number: u64,
    count: u64,
}

impl<'a> PartName<'a> {
    fn parse(name: &'a [u8]) -> Option<Self> {
        let (rest, count) = name.strip_suffix(b".gguf")?.split_last_chunk()?;
        let (rest, number) = rest.strip_suffix(b"-of-")?.split_last_chunk()?;
        let prefix = rest.strip_suffix(b"-")?;
        let (number, count) = (digits(number)?, digits(count)?);
        (1..=count).contains(&number).then_some(Self { prefix, number, count })
    }

    fn of(path: &'a Path) -> Option<Self> {
        Self::parse(path.file_name()?.as_bytes())
    }

    fn sibling(&self, path: &Path, number: u64) -> PathBuf {
        path.with_file_name(OsString::from_vec(self.name_of(number)))
    }

    fn name_of(&self, number: u64) -> Vec<u8> {
        [self.prefix, format!("-{number:05}-of-{:05}.gguf", self.count).as_bytes()].concat()
    }
}

/// A number of five digits.
fn digits(text: &[u8; 5]) -> Option<u64> {
    let digit = |b: &u8| b.is_ascii_digit().then(|| u64::from(b - b'0'));
    text.iter().try_fold(0, |number, b| Some(10 * number + digit(b)?))
}

/// The file's name claims a part of a split model, `NAME-00002-of-00003.gguf`, so a file of this name that
/// holds a whole model is refused when it is opened. Looks at the name only.
pub fn is_part_name(path: &Path) -> bool {
    PartName::of(path).is_some_and(|name| name.count > 1)
}

/// The name of part 1 of the set that `name` belongs to; the name itself where it belongs to none.
pub(crate) fn first_part(name: &[u8]) -> Vec<u8> {
    PartName::parse(name).map_or_else(|| name.to_owned(), |part| part.name_of(1))
}

/// Open the model that `source` holds or is a part of.
/// Errors: those of each header, `Split`, `NotAPart`, `MissingFile`, `Io`, each with its file. Tensors that occur in two
/// parts are found where the model's directory is built.
pub(crate) fn open(source: Source) -> Result<Parts, WeightsError> {
    let path = source.path().to_owned();
    let header = Header::parse(source.bytes()).map_err(|e| e.in_file(&path))?;
    let count = header.metadata().unsigned(COUNT).map_err(|e| e.in_file(&path))?;
    let name = PartName::of(&path);
    let mut parts =
        Parts { sources: vec![], sections: vec![], metadata: Metadata::default(), tensors: vec![] };
    if matches!(count, None | Some(0 | 1)) && name.as_ref().is_none_or(|name| name.count == 1) {
        parts.add(source, header);
        return Ok(parts);
    }
    let name = name.ok_or_else(|| split_error("file name", "NAME-00001-of-0000N.gguf", &path))?;
    check_part(header.metadata(), name.number, name.count).map_err(|e| e.in_file(&path))?;
    if name.count > MAX_GGUF_PARTS {
        let error = WeightsError::Limit { what: "files of a model", limit: MAX_GGUF_PARTS, got: name.count };
        return Err(error.in_file(&path));
    }
    let mut given = Some((source, header));
    for number in 1..=name.count {
        let (source, header) = match given.take_if(|_| number == name.number) {
            Some(given) => given,
            None => open_part(&name.sibling(&path, number), number, name.count)?,
        };
        parts.add(source, header);
    }
    check_total(&parts)?;
    Ok(parts)
}

impl Parts {
    fn add(&mut self, source: Source, header: Header) {
        let file = self.sources.len();
        let (version, alignment, begin) = (header.version(), header.alignment(), header.data_begin());
        self.sections.push(DataSection { version, alignment, begin });
        let (metadata, tensors) = header.into_parts();
        if file == 0 {
            (self.metadata, self.tensors) = (metadata, tensors);
        } else {
            self.tensors.extend(tensors.into_iter().map(|t| TensorInfo { file, ..t }));
        }
        self.sources.push(source);
    }
}

fn open_part(path: &Path, number: u64, count: u64) -> Result<(Source, Header), WeightsError> {
    if !path.try_exists().map_err(WeightsError::io("read", path))? {
        let name = excerpt(path.file_name().unwrap_or_default().as_encoded_bytes());
        return Err(WeightsError::MissingFile { name }.in_file(path.parent().unwrap_or(path)));
    }
    let source = Source::open(path)?;
    let header = Header::parse(source.bytes()).map_err(|e| e.in_file(path))?;
    check_part(header.metadata(), number, count).map_err(|e| e.in_file(path))?;
    Ok((source, header))
}

/// `number` from 1, as in the file name; `split.no` counts from 0.
fn check_part(metadata: &Metadata, number: u64, count: u64) -> Result<(), WeightsError> {
    if metadata.get(NO).is_none() && metadata.get(COUNT).is_none() {
        return Err(WeightsError::NotAPart { number, count });
    }
    for (field, expected) in [(NO, number - 1), (COUNT, count)] {
        let got = metadata.unsigned(field)?;
        if got != Some(expected) {
            let got = got.map_or_else(|| "nothing".to_owned(), |got| got.to_string());
            return Err(WeightsError::Split { field, expected: expected.to_string(), got });
        }
    }
    Ok(())
}

fn check_total(parts: &Parts) -> Result<(), WeightsError> {
    let path = parts.sources[0].path();
    let expected = parts.metadata.unsigned(TENSORS).map_err(|e| e.in_file(path))?;
    let got = parts.tensors.len() as u64;
    match expected {
        Some(expected) if expected != got => {
            let error =
                WeightsError::Split { field: TENSORS, expected: expected.to_string(), got: got.to_string() };
            Err(error.in_file(path))
        }
        _ => Ok(()),
    }
}

fn split_error(field: &'static str, expected: &str, path: &Path) -> WeightsError {
    let got = excerpt(path.file_name().unwrap_or_default().as_encoded_bytes());
    WeightsError::Split { field, expected: expected.to_owned(), got }.in_file(path)
}

#[cfg(test)]
mod tests {
    use bedside_tensor::{DType, Shape};

    use super::*;
    use crate::gguf::{TensorSpec, Value, Writer};
    use crate::{Layout, Model, Overwrite};

    #[test]
    fn part_names() {
        let part = PartName::parse(b"a-b-of-c-00002-of-00010.gguf").unwrap();
        assert_eq!(part, PartName { prefix: b"a-b-of-c", number: 2, count: 10 });
        let path = Path::new("/m/a-00002-of-00010.gguf");
        assert_eq!(PartName::of(path).unwrap().sibling(path, 9), Path::new("/m/a-00009-of-00010.gguf"));
        for name in [
            "a.gguf",
            "a-00000-of-00002.gguf",
            "a-00003-of-00002.gguf",
            "a-1-of-2.gguf",
            "a-0000+-of-00002.gguf",
        ] {
            assert_eq!(PartName::parse(name.as_bytes()), None, "{name}");
            assert!(!is_part_name(Path::new(name)), "{name}");
        }
        assert_eq!(first_part(b"a-00002-of-00010.gguf"), b"a-00001-of-00010.gguf");
        assert_eq!(first_part(b"a.gguf"), b"a.gguf");
        assert!(is_part_name(path) && is_part_name(Path::new("-00001-of-00002.gguf")));
        assert!(!is_part_name(Path::new("a-00001-of-00001.gguf")) && !is_part_name(Path::new("/")));
    }

    /// Part `number` of `count` with one tensor.
    fn part(folder: &Path, number: u64, count: u64, tensor: &str, total: i32) -> PathBuf {
        let path = folder.join(format!("m-{number:05}-of-{count:05}.gguf"));
        let mut metadata = Metadata::default();
        let mut set = |key, value| metadata.insert(key, value).unwrap();
        set("general.name", Value::U64(number));
        set(NO, Value::U16(number as u16 - 1));
        set(COUNT, Value::U16(count as u16));
        set(TENSORS, Value::I32(total));
        let shape = Shape::new(&[1]).unwrap();
        let spec = TensorSpec { name: tensor.into(), dtype: DType::F32, shape };
        let mut writer = Writer::create(&path, Overwrite::Replace, &metadata, &[spec]).unwrap();
        writer.write(tensor, &(number as f32).to_le_bytes()).unwrap();
        writer.finish().unwrap();
        path
    }

    #[test]
    fn any_part_opens_all() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].iter().zip(1..).map(|(name, i)| part(folder.path(), i, 3, name, 3));
        let paths: Vec<PathBuf> = paths.collect();
        for path in paths.iter().map(PathBuf::as_path).chain([folder.path()]) {
            let model = Model::open(path).unwrap();
            assert_eq!((model.layout(), model.files().len()), (Layout::GgufSplit, 3));
            assert_eq!(model.tensor("c").unwrap().to_f32().unwrap(), [3.0]);
            assert_eq!(model.metadata().unsigned("general.name").unwrap(), Some(1));
        }
        std::fs::remove_file(&paths[1]).unwrap();
        let error = Model::open(&paths[2]).unwrap_err().to_string();
        assert!(error.ends_with("\"m-00002-of-00003.gguf\" is missing"), "{error}");
    }

    #[test]
    fn names_need_not_be_utf8() {
        let folder = tempfile::tempdir().unwrap();
        let names = [1, 2].map(|i| {
            let name = [b"\xff", format!("-0000{i}-of-00002.gguf").as_bytes()].concat();
            folder.path().join(OsString::from_vec(name))
        });
        for ((tensor, number), name) in ["a", "b"].iter().zip(1..).zip(&names) {
            std::fs::rename(part(folder.path(), number, 2, tensor, 2), name).unwrap();
        }
        assert!(is_part_name(&names[0]));
        let model = Model::open(&names[1]).unwrap();
        assert_eq!((model.layout(), model.tensors().len()), (Layout::GgufSplit, 2));
    }

    #[test]
    fn a_part_that_cannot_be_looked_at_is_not_called_missing() {
        let folder = tempfile::tempdir().unwrap();
        let first = part(folder.path(), 1, 2, "a", 2);
        let second = folder.path().join("m-00002-of-00002.gguf");
        std::os::unix::fs::symlink(&second, &second).unwrap();
        let error = Model::open(&first).unwrap_err();
        assert!(matches!(error.root(), WeightsError::Io { .. }), "{error}");
        std::fs::remove_file(&second).unwrap();
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &second).unwrap();
        let error = Model::open(&first).unwrap_err();
        assert!(matches!(error.root(), WeightsError::MissingFile { .. }), "{error}");
    }

    #[test]
    fn a_whole_model_under_the_name_of_a_part_is_called_that() {
        let folder = tempfile::tempdir().unwrap();
        for (count, opens) in [(1, true), (2, false), (99_999, false)] {
            let path = folder.path().join(format!("m-00001-of-{count:05}.gguf"));
            Writer::create(&path, Overwrite::Refuse, &Metadata::default(), &[]).unwrap().finish().unwrap();
            let opened = Model::open(&path).map_err(|e| e.to_string());
            assert_eq!(opened.is_ok(), opens);
            if let Err(error) = opened {
                let end =
                    format!("its name claims part 1 of {count} of a split model, but it has no split.* keys");
                assert!(error.ends_with(&end), "{error}");
            }
        }
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        struct Case {
            parts: [(u64, u64, &'static str, i32); 2],
            error: &'static str,
        }
        let cases = [
            Case { parts: [(1, 2, "a", 3), (2, 2, "b", 3)], error: "split.tensors.count: expected 3, got 2" },
            Case { parts: [(1, 2, "a", 2), (2, 2, "a", 2)], error: "tensor \"a\" occurs twice" },
            Case { parts: [(1, 2, "a", 2), (2, 3, "b", 2)], error: "split.count: expected 2, got 3" },
            Case { parts: [(1, 2, "a", 2), (1, 2, "b", 2)], error: "split.no: expected 1, got 0" },
        ];
        for case in cases {
            let folder = tempfile::tempdir().unwrap();
            let names =
                ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"].map(|name| folder.path().join(name));
            for ((number, count, tensor, total), name) in case.parts.into_iter().zip(&names).rev() {
                let other = tempfile::tempdir().unwrap();
                std::fs::rename(part(other.path(), number, count, tensor, total), name).unwrap();
            }
            let error = Model::open(&names[0]).unwrap_err().to_string();
            assert!(error.contains(case.error), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let renamed = folder.path().join("renamed.gguf");
        std::fs::rename(part(folder.path(), 1, 2, "a", 2), &renamed).unwrap();
        let error = Model::open(&renamed).unwrap_err().to_string();
        assert!(error.contains("file name: expected NAME-00001-of-0000N.gguf"), "{error}");
    }
}
