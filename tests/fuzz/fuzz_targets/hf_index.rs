//! Any bytes as an index of shards: no panic, and every shard is a plain file name.
#![no_main]

use bedside_weights::HfIndex;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(index) = HfIndex::parse(bytes) else { return };
    let shards: Vec<&str> = index.shards().collect();
    assert!(shards.iter().all(|name| !name.contains(['/', '\\']) && !matches!(*name, "" | "." | "..")));
    assert!(index.tensors().all(|(_, shard)| shard < shards.len()));
});
