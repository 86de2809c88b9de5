//! Hand-made pictures of 2 x 2 pixels, and hostile ones.

use super::*;

fn marker(code: u8, body: &[u8]) -> Vec<u8> {
    [&[0xFF, code][..], &(body.len() as u16 + 2).to_be_bytes(), body].concat()
}

/// 2 x 2 pixels of 8 bits, one component.
fn frame() -> Vec<u8> {
    marker(0xC3, &[8, 0, 2, 0, 2, 1, 1, 0x11, 0])
}

/// Codes 0, 10, 110 for differences of 0, 1 and 2 bits.
fn table() -> Vec<u8> {
    marker(0xC4, &[&[0, 1, 1, 1][..], &[0; 13], &[0, 1, 2]].concat())
}

fn scan(selection: u8) -> Vec<u8> {
    marker(0xDA, &[1, 1, 0, selection, 0, 0])
}

fn file(parts: &[&[u8]]) -> Vec<u8> {
    [&[0xFF, 0xD8], &parts.concat()[..], &[0xFF, 0xD9]].concat()
}

#[test]
fn differences_are_added_to_predictions() {
    // Differences 0, +1 (10 1), -3 (110 00), 0: 128 129 / 125 125.
    let data = [0b0101_1100, 0b0011_1111];
    let decoded = decode(&file(&[&frame(), &table(), &scan(1), &data])).unwrap();
    assert_eq!(decoded.samples, [128, 129, 125, 125]);
    assert_eq!((decoded.columns, decoded.rows, decoded.components, decoded.precision), (2, 2, 1, 8));
    // From above: 128 129 / 125 129.
    let decoded = decode(&file(&[&frame(), &table(), &scan(2), &data])).unwrap();
    assert_eq!(decoded.samples, [128, 129, 125, 129]);
}

#[test]
fn hostile_pictures_are_refused() {
    let huge = marker(0xC3, &[16, 0x40, 0, 0x40, 0, 1, 1, 0x11, 0]);
    let large = marker(0xC3, &[16, 0x10, 0, 0x10, 0, 1, 1, 0x11, 0]);
    let many_codes = marker(0xC4, &[&[0, 3][..], &[0; 15], &[0, 1, 2]].concat());
    let wide_code = marker(0xC4, &[&[0, 1][..], &[0; 15], &[17]].concat());
    let cases: [(Vec<u8>, &str); 14] = [
        (vec![], "start marker"),
        (file(&[]), "a scan of every component is missing"),
        (file(&[&scan(1)]), "the frame before the scan is missing"),
        (file(&[&frame(), &scan(1)]), "a Huffman table is missing"),
        (file(&[&frame(), &table(), &scan(0)]), "selection value"),
        (file(&[&frame(), &table(), &scan(8)]), "selection value"),
        (file(&[&frame(), &frame()]), "expected one, got a second"),
        (file(&[&huge]), "picture pixels: at most"),
        (file(&[&large]), "JPEG Lossless data: expected at least 2097152 bytes"),
        (file(&[&many_codes]), "codes that fit"),
        (file(&[&wide_code]), "differences of 0 to 16 bits"),
        (file(&[&marker(0xC0, &[])]), "another process (SOF0)"),
        (file(&[&frame(), &table(), &scan(1), &[0xDE]]), "compressed data"),
        (file(&[&frame(), &table(), &scan(1), &[0xEE, 0xEE]]), "bits that are no code"),
    ];
    for (bytes, message) in cases {
        let error = decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(message), "{message}: {error}");
    }
}
