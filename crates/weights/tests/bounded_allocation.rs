//! Parsing a header allocates at most a small multiple of the file, whatever the file says of itself.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;

use bedside_weights::gguf::Header;
use bedside_weights::limits::{MAX_CONFIG_BYTES, MAX_CONFIG_VALUES};
use bedside_weights::{HfIndex, Model, SafetensorsHeader, WeightsError};

/// Counts what this thread holds, and the most it held.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // A thread that ends frees memory after its counters are gone.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + change);
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

// SAFETY: every call goes to the system's allocator with the arguments it came with; the counters
// allocate nothing (const-initialised thread locals without destructors).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps `dealloc`'s contract, and `alloc` gave the pointer from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    // `realloc` is the default: allocate, copy, free. So growth counts old and new at once.
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a parser may hold at once: this many times its input, and a little.
const TIMES: usize = 8;
const BESIDES: usize = 64 << 10;

/// Most bytes held while `parse` ran and its result lived.
fn most_held<T>(parse: impl FnOnce() -> T) -> usize {
    let before = NOW.get();
    MOST.set(before);
    let result = parse();
    let most = MOST.get() - before;
    drop(result);
    assert_eq!(NOW.get(), before, "something leaked");
    most as usize
}

fn check(name: &str, bytes: &[u8]) {
    let allowed = TIMES * bytes.len() + BESIDES;
    for (parser, held) in [
        ("gguf", most_held(|| Header::parse(bytes))),
        ("safetensors", most_held(|| SafetensorsHeader::parse(bytes))),
        ("index", most_held(|| HfIndex::parse(bytes))),
    ] {
        assert!(held <= allowed, "{name}: {parser} held {held} bytes for a file of {}", bytes.len());
    }
}

fn gguf(tensors: u64, keys: u64, body: &[u8]) -> Vec<u8> {
    [&b"GGUF\x03\0\0\0"[..], &tensors.to_le_bytes(), &keys.to_le_bytes(), body].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text].concat()
}

/// An array value under the key `a`.
fn array(element: u32, count: u64, elements: &[u8]) -> Vec<u8> {
    let value = [&9u32.to_le_bytes()[..], &element.to_le_bytes(), &count.to_le_bytes(), elements].concat();
    gguf(0, 1, &[string(b"a"), value].concat())
}

fn safetensors(json: &str) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat()
}

/// Valid files made of as many of the smallest items as fit.
fn dense_files() -> Vec<(&'static str, Vec<u8>)> {
    const N: u64 = 20_000;
    let numbered = |item: &dyn Fn(u64) -> Vec<u8>| (0..N).flat_map(item).collect::<Vec<u8>>();
    let key = |i: u64| [string(format!("{i:x}").as_bytes()), vec![0, 0, 0, 0, 7]].concat();
    let tensor = |i: u64| {
        let zeros_then_type = [[0; 4], 24u32.to_le_bytes()].concat(); // an I8 scalar
        [string(format!("{i:x}").as_bytes()), zeros_then_type, (32 * i).to_le_bytes().to_vec()].concat()
    };
    let empty_array = [&0u32.to_le_bytes()[..], &0u64.to_le_bytes()].concat();
    let mut tensors = gguf(N, 0, &numbered(&tensor));
    tensors.resize(tensors.len() + 64 + 32 * N as usize, 0);
    let entry = |i: u64| format!(r#""{i}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#);
    let entries: Vec<String> = (0..N).map(entry).collect();
    let texts: Vec<String> = (0..4096).map(|i| format!(r#""{i}":"""#)).collect();
    let mapped: Vec<String> = (0..N).map(|i| format!(r#""{i}":"x""#)).collect();
    vec![
        ("keys", gguf(0, N, &numbered(&key))),
        ("tensors", tensors),
        ("strings", array(8, N, &vec![0; 8 * N as usize])),
        ("arrays", array(9, N, &empty_array.repeat(N as usize))),
        ("bools", array(7, N, &vec![1; N as usize])),
        ("entries", safetensors(&format!("{{{}}}", entries.join(",")))),
        ("texts", safetensors(&format!(r#"{{"__metadata__":{{{}}}}}"#, texts.join(",")))),
        ("index", format!(r#"{{"weight_map":{{{}}}}}"#, mapped.join(",")).into_bytes()),
    ]
}

/// Counts and lengths that promise far more than there is.
fn promising_files() -> Vec<(&'static str, Vec<u8>)> {
    let big = (1u64 << 24).to_le_bytes();
    vec![
        ("tensor count", gguf(1 << 18, 0, &[])),
        ("key count", gguf(0, 1 << 16, &[])),
        ("string length", gguf(0, 1, &[&string(b"a")[..], &8u32.to_le_bytes(), &big].concat())),
        ("strings", array(8, 1 << 24, &[0; 100])),
        ("arrays", array(9, 1 << 24, &[0; 100])),
        ("numbers", array(12, 1 << 24, &[0; 100])),
        ("name length", gguf(1, 0, &(1u64 << 16).to_le_bytes())),
        ("header length", [&100_000_000u64.to_le_bytes()[..], b"{}"].concat()),
        ("shape", safetensors(&format!(r#"{{"a":{{"dtype":"U8","shape":[{}1]"#, "1,".repeat(9999)))),
        ("deep", safetensors(&"[".repeat(100_000))),
    ]
}

/// xorshift64: reproducible changes without a dependency.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_parser_holds_at_most_a_small_multiple_of_its_input() {
    for (name, bytes) in dense_files().into_iter().chain(promising_files()) {
        check(name, &bytes);
    }
    let dense = dense_files();
    for (name, bytes) in &dense[..5] {
        assert!(Header::parse(bytes).is_ok(), "{name}: {:?}", Header::parse(bytes).err());
    }
    assert!(dense[5..7].iter().all(|(_, bytes)| SafetensorsHeader::parse(bytes).is_ok()));
    assert!(HfIndex::parse(&dense[7].1).is_ok());
}

/// A Hugging Face folder whose five configurations hold as many copies of `item` in a list as `bytes`
/// allow; what the most memory was that opening it took, and what came of it.
fn open_folder(item: &str, bytes: u64) -> (usize, Result<Model, WeightsError>) {
    const CONFIGS: [&str; 5] = [
        "config.json",
        "preprocessor_config.json",
        "processor_config.json",
        "video_preprocessor_config.json",
        "generation_config.json",
    ];
    let folder = tempfile::tempdir().unwrap();
    let copies = (bytes as usize - r#"{"a":[]}"#.len()) / (item.len() + 1);
    let json = format!(r#"{{"a":[{}]}}"#, vec![item; copies].join(","));
    for name in CONFIGS {
        fs::write(folder.path().join(name), &json).unwrap();
    }
    fs::write(folder.path().join("model.safetensors"), safetensors("{}")).unwrap();
    (most_held(|| Model::open(folder.path())), Model::open(folder.path()))
}

#[test]
fn configurations_hold_at_most_a_small_multiple_of_their_bytes_and_values() {
    /// What serde_json's tree takes for each value, at most.
    const VALUE_BYTES: u64 = 512;
    for item in ["0", "[0]", "[[0]]", r#"{"":0}"#, r#"{"":{"":0}}"#, r#"[{}]"#, r#""text""#] {
        for bytes in [1_000, 50_000, MAX_CONFIG_BYTES] {
            let (held, opened) = open_folder(item, bytes);
            let values = MAX_CONFIG_VALUES.min(5 * bytes);
            let allowed = TIMES * 5 * bytes as usize + (values * VALUE_BYTES) as usize + BESIDES;
            assert!(held <= allowed, "{item}: held {held} bytes for five files of {bytes}");
            match opened {
                Ok(_) => assert!(bytes < MAX_CONFIG_BYTES, "{item}"),
                Err(error) => assert!(matches!(error.root(), WeightsError::Limit { .. }), "{item}: {error}"),
            }
        }
    }
}

#[test]
fn malformed_files_and_mutations_stay_within_it_too() {
    let Some(folder) = bedside_tests::golden("quant/malformed") else { return };
    let mut state = 0x2545_f491_4f6c_dd1d;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        check(&path.display().to_string(), &bytes);
        if bytes.is_empty() || bytes.len() > 10_000 {
            continue;
        }
        for _ in 0..200 {
            let mut mutated = bytes.clone();
            for _ in 0..1 + next(&mut state) % 4 {
                let at = next(&mut state) as usize % mutated.len();
                mutated[at] = next(&mut state) as u8;
            }
            check(&format!("{} mutated", path.display()), &mutated);
        }
    }
}
