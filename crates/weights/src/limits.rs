//! TABLE: every limit that a number out of a file is held against before it is believed.
//!
//! Real files stay far below each of them; what is above is refused by name.

/// GGUF: bytes from the magic to the end of the tensor table. The largest known ones (vocabularies of
/// 260,000 tokens with their merges) take 20 MB; a verbatim `tokenizer.json` adds up to 35 MB.
pub const MAX_GGUF_HEADER_BYTES: u64 = 256 << 20;
/// GGUF: key/value pairs. Real files have about 30.
pub const MAX_GGUF_KEYS: u64 = 1 << 16;
/// GGUF: bytes of a key (the format text's own limit).
pub const MAX_GGUF_KEY_BYTES: u64 = (1 << 16) - 1;
/// GGUF: bytes of one string value.
pub const MAX_GGUF_STRING_BYTES: u64 = 128 << 20;
/// GGUF: elements of one array. Real vocabularies reach 262,144, their merges 514,906.
pub const MAX_GGUF_ARRAY_LEN: u64 = 1 << 24;
/// GGUF: arrays inside arrays. ggml's own reader accepts one level, the format text any number.
pub const MAX_GGUF_ARRAY_DEPTH: usize = 4;
/// GGUF: tensors of one file. Real files have at most a few thousand.
pub const MAX_GGUF_TENSORS: u64 = 1 << 18;
/// GGUF: dimensions of a tensor (ggml's `GGML_MAX_DIMS`).
pub const MAX_GGUF_DIMS: u32 = 4;
/// GGUF: `general.alignment` in bytes. Real files use 32.
pub const MAX_GGUF_ALIGNMENT: u64 = 1 << 16;
/// GGUF: files of one split model; each is one open file and one map.
pub const MAX_GGUF_PARTS: u64 = 256;
/// Bytes of a tensor name. ggml stops at 63, others do not.
pub const MAX_TENSOR_NAME_BYTES: u64 = 1 << 16;
/// One dimension of a tensor. Holds tensors of zero elements to sane shapes; the file's length bounds others.
pub const MAX_DIMENSION: u64 = 1 << 40;
/// safetensors: bytes of the JSON header (the format's own limit).
pub const MAX_SAFETENSORS_HEADER_BYTES: u64 = 100_000_000;
/// safetensors: entries of `__metadata__`. Real files have one or two.
pub const MAX_SAFETENSORS_METADATA: u64 = 4096;
/// Folder: entries looked at.
pub const MAX_FOLDER_ENTRIES: u64 = 4096;
/// Folder: shards of one model; each is one open file and one map.
pub const MAX_SHARDS: u64 = 256;
/// Folder: bytes of a configuration file (`config.json` and its like). Real ones stay below 100 kB.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Folder: JSON values of all configuration files of a model: objects, lists and what they hold. Each takes
/// up to 512 bytes of memory. Real models have at most a few thousand.
pub const MAX_CONFIG_VALUES: u64 = 1 << 16;
/// Folder: bytes of `model.safetensors.index.json`. The largest known ones take 15 MB.
pub const MAX_INDEX_BYTES: u64 = 64 << 20;
/// Folder: bytes of a tokenizer file. The largest known `tokenizer.json` takes 35 MB.
pub const MAX_TOKENIZER_BYTES: u64 = 128 << 20;
/// Digest cache: bytes of one entry.
pub const MAX_DIGEST_ENTRY_BYTES: u64 = 4096;
/// Digest cache: entries kept; the oldest go first.
pub const MAX_DIGEST_ENTRIES: usize = 1024;
