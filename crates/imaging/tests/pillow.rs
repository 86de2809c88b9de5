//! Small PNG and JPEG files of every kind, against what Pillow makes of them (`pillow/gen_pillow.py`).

use bedside_imaging::{Format, ImagingError, Orientation, decode};
use proptest::prelude::*;
use safetensors::SafeTensors;

const FILE: &[u8] = include_bytes!("pillow/pillow.safetensors");

/// Kinds that are refused by name: Pillow clips 16-bit grey, and guesses inks.
const REFUSED: [&str; 3] = ["png_grey16", "png_greyalpha16", "jpeg_cmyk"];

struct Case {
    name: String,
    file: Vec<u8>,
    rgb: Vec<u8>,
    size: (u32, u32),
    grey: bool,
}

fn cases() -> Vec<Case> {
    let tensors = SafeTensors::deserialize(FILE).unwrap();
    let names = tensors.names();
    let mut names: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".file")).collect();
    names.sort_unstable();
    let case = |name: &str| {
        let tensor = |field: &str| tensors.tensor(&format!("{name}.{field}")).unwrap();
        let rgb = tensor("rgb");
        Case {
            name: name.to_owned(),
            file: tensor("file").data().to_vec(),
            rgb: rgb.data().to_vec(),
            size: (rgb.shape()[1] as u32, rgb.shape()[0] as u32),
            grey: matches!(tensor("mode").data(), b"1" | b"L" | b"LA"),
        }
    };
    names.into_iter().map(case).collect()
}

#[test]
fn pictures_are_pillows() {
    let mut decoded = 0;
    for case in cases().iter().filter(|case| !REFUSED.contains(&case.name.as_str())) {
        let name = &case.name;
        let got = decode(&case.file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((got.pixels.width(), got.pixels.height()), case.size, "{name}");
        assert_eq!(got.pixels.channels(), if case.grey { 1 } else { 3 }, "{name}");
        let rgb = got.pixels.to_rgb();
        let png = name.starts_with("png");
        assert_eq!(got.format, if png { Format::Png } else { Format::Jpeg }, "{name}");
        assert!(rgb.bytes() == case.rgb, "{name}: other bytes than Pillow's");
        decoded += 1;
    }
    assert_eq!(decoded, 40);
}

#[test]
fn orientations_are_reported() {
    let expected = [
        Orientation::Upright,
        Orientation::FlipHorizontal,
        Orientation::Rotate180,
        Orientation::FlipVertical,
        Orientation::Transpose,
        Orientation::Rotate90,
        Orientation::Transverse,
        Orientation::Rotate270,
    ];
    let cases = cases();
    let found: Vec<Orientation> = cases
        .iter()
        .filter(|case| case.name.starts_with("jpeg_exif"))
        .filter_map(|case| decode(&case.file).unwrap().orientation)
        .collect();
    assert_eq!(found, expected);
    let plain = cases.iter().find(|case| case.name == "jpeg_444").unwrap();
    assert_eq!(decode(&plain.file).unwrap().orientation, None);
}

#[test]
fn what_cannot_be_read_exactly_is_refused_by_name() {
    for case in cases().iter().filter(|case| REFUSED.contains(&case.name.as_str())) {
        let error = decode(&case.file).unwrap_err();
        if case.name.starts_with("png") {
            assert_eq!(error, ImagingError::SixteenBitGrey, "{}", case.name);
        } else {
            assert!(error.to_string().starts_with("JPEG: CMYK is not read"), "{error}");
        }
    }
}

#[test]
fn files_cut_anywhere_are_refused() {
    for case in cases() {
        for length in 0..case.file.len() {
            assert!(decode(&case.file[..length]).is_err(), "{} cut to {length} bytes", case.name);
        }
    }
}

/// Give each whole chunk of a PNG the checksum it needs, so that its decoder looks at the body.
fn repair_checksums(file: &mut [u8]) {
    let mut at = 8;
    while let Some(length) =
        file.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
    {
        let (start, end) = (at + 4, at + 8 + length);
        if file.len() < end + 4 {
            return;
        }
        let mut crc = u32::MAX;
        for byte in &file[start..end] {
            crc ^= u32::from(*byte);
            (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)));
        }
        file[end..end + 4].copy_from_slice(&(!crc).to_be_bytes());
        at = end + 4;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever happens to a file, it is decoded or refused, and a decoded picture is what its header says.
    #[test]
    fn hostile_bytes_never_panic(
        case in 0..43_usize,
        repaired: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        insert in prop::option::of((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..9))),
    ) {
        let mut file = cases().swap_remove(case).file;
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some((at, bytes)) = insert {
            let at = at.index(file.len());
            file.splice(at..at, bytes);
        }
        if repaired {
            repair_checksums(&mut file);
        }
        if let Ok(decoded) = decode(&file) {
            let pixels = decoded.pixels;
            let length = pixels.width() as usize * pixels.height() as usize * usize::from(pixels.channels());
            prop_assert_eq!(pixels.bytes().len(), length);
        }
    }
}
