//! The program from outside: what it prints, where, and the code it ends with.

mod classify;
mod convert;
mod embed;
mod files;
mod generate;
mod phantom;
mod refusals;
mod scan;
mod tiny;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bedside_tensor::{DType, Shape};
use bedside_weights::Overwrite;
use bedside_weights::gguf::{Metadata, TensorSpec, Value, Writer};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A folder with a store and a model in it: three F32 tensors, one with rows of 96, and a name that a
/// terminal would act upon.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.write_model("in.gguf", 4, |i| (i as f32 * 0.3).sin());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_model(&self, name: &str, rows: u64, value: impl Fn(u64) -> f32) {
        let mut metadata = Metadata::default();
        metadata.insert("general.architecture", Value::String("demo".into())).unwrap();
        metadata.insert("general.name", Value::String("a \u{1b}[31mred name".into())).unwrap();
        let spec = |name: &str, dims: &[u64]| TensorSpec {
            name: name.into(),
            dtype: DType::F32,
            shape: Shape::new(dims).unwrap(),
        };
        let specs = [
            spec("blk.0.ffn_up.weight", &[rows, 512]),
            spec("blk.0.ffn_down.weight", &[rows, 96]),
            spec("blk.0.attn_norm.weight", &[512]),
        ];
        let mut writer = Writer::create(&self.path(name), Overwrite::Replace, &metadata, &specs).unwrap();
        for spec in &specs {
            let bytes: Vec<u8> = (0..spec.shape.elements()).flat_map(|i| value(i).to_le_bytes()).collect();
            writer.write(&spec.name, &bytes).unwrap();
        }
        writer.finish().unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bedside"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("BEDSIDE_STORE", self.path("store")).env_remove("BEDSIDE_LOG");
        // Mesa's Vulkan layer for choosing a device asks the desktop, and complains on standard error where there is
        // none. It is not ours to silence, and these tests look at what we write there.
        command.env("NODEVICE_SELECT", "1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Run, expect an exit code, and return standard output and standard error.
    fn expect(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Json {
        let (out, _) = self.expect(code, arguments);
        serde_json::from_str(&out).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
