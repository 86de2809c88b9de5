//! Any bytes as a scan: no panic, and frames of what is accepted are decoded or refused.
#![no_main]

use bedside_imaging::Scan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(scan) = Scan::from_bytes(bytes.to_vec()) else { return };
    for index in 0..scan.frames().min(4) {
        if let Ok(frame) = scan.frame(index) {
            assert_eq!((frame.pixels.width(), frame.pixels.height()), scan.size());
        }
    }
});
