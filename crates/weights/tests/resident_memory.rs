//! Opening a large file costs neither its size in memory nor a second.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use bedside_weights::Model;

/// Resident bytes of this process, from Linux's `/proc`; elsewhere `None`.
fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4096; // at least; larger pages only make the measure too small by a factor
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE_BYTES)
}

#[test]
fn a_sparse_file_of_4_gib_opens_at_once() {
    let elements = 1u64 << 30;
    let mut header = b"GGUF\x03\0\0\0".to_vec();
    header.extend(1u64.to_le_bytes()); // tensors
    header.extend(0u64.to_le_bytes()); // keys
    header.extend(1u64.to_le_bytes()); // length of the name
    header.push(b'w');
    header.extend(1u32.to_le_bytes()); // dimensions
    header.extend(elements.to_le_bytes());
    header.extend(0u32.to_le_bytes()); // F32
    header.extend(0u64.to_le_bytes()); // offset
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.gguf");
    let mut file = File::create(&path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len().next_multiple_of(32) as u64 + 4 * elements).unwrap();

    let before = resident_bytes();
    let start = Instant::now();
    let model = Model::open(&path).unwrap();
    let took = start.elapsed();
    assert_eq!(model.tensor("w").unwrap().bytes().len() as u64, 4 * elements);
    println!("opened in {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    if let Some((before, after)) = before.zip(resident_bytes()) {
        println!("resident: {before} bytes before, {after} after");
        assert!(after.saturating_sub(before) < 16 << 20, "{before} to {after}");
    }
}
