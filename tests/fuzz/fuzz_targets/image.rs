//! Any bytes as a PNG or JPEG: no panic, and what is accepted has the size it says.
#![no_main]

use bedside_imaging::decode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for signature in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b""] {
        let Ok(decoded) = decode(&[signature, bytes].concat()) else { continue };
        let pixels = decoded.pixels;
        let bytes = u64::from(pixels.width()) * u64::from(pixels.height()) * u64::from(pixels.channels());
        assert_eq!(pixels.bytes().len() as u64, bytes);
    }
});
