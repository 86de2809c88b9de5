//! Small DICOM files of every kind against what pydicom makes of them (`tests/golden/dicom/gen_dicom.py`), and the
//! same files changed at random. `conformance.rs` has the samples of other people.

use std::fs;
use std::num::NonZeroU32;

use bedside_imaging::{
    Anatomy, BodyPart, ImagingError, Laterality, RegionProblem, Sampling, Scan, ScanKind, TimingSource,
};
use bedside_tests::golden;
use proptest::prelude::*;
use safetensors::SafeTensors;

struct Small {
    name: String,
    file: Vec<u8>,
    shown: Vec<u8>,
    /// Frames, rows, columns, channels.
    shape: Vec<usize>,
}

fn small() -> Option<Vec<Small>> {
    let bytes = fs::read(golden("dicom/dicom.safetensors")?).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<String> =
        tensors.names().iter().filter_map(|name| name.strip_suffix(".file")).map(str::to_owned).collect();
    names.sort_unstable();
    let case = |name: String| {
        let tensor = |field: &str| tensors.tensor(&format!("{name}.{field}")).unwrap();
        let (file, shown) = (tensor("file").data().to_vec(), tensor("shown"));
        Small { file, shown: shown.data().to_vec(), shape: shown.shape().to_vec(), name }
    };
    Some(names.into_iter().map(case).collect())
}

fn file(name: &str) -> Option<Vec<u8>> {
    Some(small()?.into_iter().find(|case| case.name == name).unwrap().file)
}

/// All frames, one behind the other, and their shape.
fn decoded(scan: &Scan) -> Result<(Vec<u8>, Vec<usize>), ImagingError> {
    let (mut bytes, mut channels) = (Vec::new(), 0);
    for index in 0..scan.frames() {
        let frame = scan.frame(index)?;
        channels = frame.pixels.channels().into();
        bytes.extend_from_slice(frame.pixels.bytes());
    }
    let (columns, rows) = scan.size();
    Ok((bytes, vec![scan.frames() as usize, rows as usize, columns as usize, channels]))
}

#[test]
fn every_kind_is_shown_as_pydicom_reads_it() {
    let Some(cases) = small() else { return };
    for Small { name, file, shown, shape } in &cases {
        let scan = Scan::from_bytes(file.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (got, got_shape) = decoded(&scan).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&got_shape, shape, "{name}");
        let largest = got.iter().zip(shown).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(&got == shown, "{name}: other bytes than pydicom's, by {largest:?}");
    }
    assert_eq!(cases.len(), 54);
}

#[test]
fn what_was_planted_is_nowhere() {
    let Some(cases) = small() else { return };
    for Small { name, file, .. } in cases {
        let planted = file.windows(7).any(|bytes| bytes == b"PLANTED");
        assert!(planted || name == "grey8_deflated", "{name}");
        let scan = Scan::from_bytes(file.clone()).unwrap();
        let frame = scan.frame(0).unwrap();
        let told =
            format!("{frame:?} {} {:?}", serde_json::to_string(&frame.lineage).unwrap(), scan.timing());
        assert!(!told.contains("PLANTED"), "{name}");
        for cut in (0..file.len()).step_by(7) {
            if let Err(error) = Scan::from_bytes(file[..cut].to_vec()).and_then(|scan| decoded(&scan)) {
                assert!(!format!("{error:?} {error}").contains("PLANTED"), "{name} cut to {cut}");
            }
        }
    }
}

#[test]
fn the_description_is_read_and_checked() {
    let Some(bytes) = file("regions") else { return };
    let scan = Scan::from_bytes(bytes).unwrap();
    assert_eq!((scan.kind(), scan.frames(), scan.size()), (ScanKind::UltrasoundMultiFrame, 2, (12, 10)));
    assert_eq!(scan.burned_in_annotation(), Some(true));
    let frame = scan.frame(1).unwrap();
    assert_eq!((frame.index, frame.time_ms), (1, Some(40.0)));
    assert_eq!(scan.timing().map(|timing| timing.source), Some(TimingSource::CineRate));
    assert_eq!(
        (frame.laterality, frame.anatomy),
        (Some(Laterality::Left), Some(Anatomy::BodyPart(BodyPart::Lung)))
    );
    assert_eq!(frame.spacing.map(|spacing| (spacing.row_mm, spacing.column_mm)), Some((0.5, 0.5)));
    assert_eq!(frame.depth_mm, Some(5.0));
    assert!(frame.patient_orientation.is_some() && frame.image_orientation.is_none());
    let problems: Vec<_> = frame.region_notes.iter().map(|note| (note.item, &note.problem)).collect();
    let clipped = |declared| RegionProblem::Clipped { declared };
    let (first, second) = (clipped([0, 0, 12, 9]), clipped([0, 0, 90, 3]));
    assert_eq!(problems, [(0, &first), (1, &second), (1, &RegionProblem::ScaleDoubtful)]);
    assert_eq!(scan.sample(Sampling::Sharpest(NonZeroU32::MIN)).unwrap().len(), 1);
    assert!(matches!(scan.frame(2), Err(ImagingError::Frame { index: 2, frames: 2 })));
}

#[test]
fn a_file_on_disk_is_read_frame_by_frame() {
    let Some(cases) = small() else { return };
    let folder = std::env::temp_dir().join(format!("bedside-dicom-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for Small { name, file, .. } in cases {
        let path = folder.join(&name);
        fs::write(&path, &file).unwrap();
        let expected = decoded(&Scan::from_bytes(file).unwrap()).unwrap();
        assert_eq!(decoded(&Scan::open(&path).unwrap()).unwrap(), expected, "{name}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn elements_that_lie_are_refused_by_name() {
    let Some(bytes) = file("grey8_explicit") else { return };
    struct Case {
        /// Header of the element in explicit VR, and what its value becomes.
        element: &'static [u8],
        value: [u8; 2],
        error: &'static str,
    }
    let cases = [
        Case { element: b"\x28\0\x10\0US\x02\0", value: [0, 0], error: "got 12 x 0" },
        Case { element: b"\x28\0\x10\0US\x02\0", value: [0xFF, 0xFF], error: "picture rows: at most 16384" },
        Case {
            element: b"\x28\0\x10\0US\x02\0",
            value: [11, 0],
            error: "PixelData (7FE0,0010): expected at least 132 bytes, got 120",
        },
        Case { element: b"\x28\0\x02\0US\x02\0", value: [3, 0], error: "SamplesPerPixel (0028,0002)" },
        Case { element: b"\x28\0\0\x01US\x02\0", value: [32, 0], error: "BitsAllocated 32 is not read" },
        Case { element: b"\x28\0\0\x01US\x02\0", value: [9, 0], error: "BitsAllocated (0028,0100)" },
        Case { element: b"\x28\0\x01\x01US\x02\0", value: [9, 0], error: "BitsStored (0028,0101)" },
        Case { element: b"\x28\0\x02\x01US\x02\0", value: [6, 0], error: "HighBit (0028,0102)" },
        Case { element: b"\x28\0\x03\x01US\x02\0", value: [2, 0], error: "PixelRepresentation (0028,0103)" },
    ];
    for Case { element, value, error } in cases {
        let at = bytes.windows(element.len()).position(|window| window == element).unwrap() + element.len();
        let mut changed = bytes.clone();
        changed[at..at + 2].copy_from_slice(&value);
        let got = Scan::from_bytes(changed).unwrap_err().to_string();
        assert!(got.contains(error), "{got}");
    }
}

/// Nothing that is opened or refused takes more than a small multiple of the file, or panics.
fn survive(bytes: Vec<u8>) {
    let Ok(scan) = Scan::from_bytes(bytes) else { return };
    for index in 0..scan.frames().min(4) {
        let _ = scan.frame(index);
    }
}

#[test]
fn sequences_without_end_are_refused() {
    let meta = b"\x08\0\x05\0\0\0\0\0".to_vec();
    let sequence = b"\x08\0\x18\x22\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(100_000);
    let error = Scan::from_bytes([meta.clone(), sequence].concat()).unwrap_err().to_string();
    assert_eq!(error, "depth of DICOM sequences: at most 32 are supported, got 33");
    let many = b"\x08\0\x16\x22\0\0\0\0".repeat(1 << 20);
    let error = Scan::from_bytes([meta, many].concat()).unwrap_err().to_string();
    assert_eq!(error, "DICOM elements: at most 1048576 are supported, got 1048577");
}

/// An element in explicit VR little endian, with a short length.
fn element(group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let length = value.len() as u16;
    [&group.to_le_bytes()[..], &element.to_le_bytes(), vr, &length.to_le_bytes(), value].concat()
}

fn meta(transfer_syntax: &[u8]) -> Vec<u8> {
    [&[0; 128][..], b"DICM", &element(2, 0x10, b"UI", transfer_syntax)].concat()
}

#[test]
fn a_deflate_bomb_is_refused() {
    // A last block of fixed codes: the literal 0, then matches of 258 bytes at distance 1, 13 bits each.
    let bits = "110".chars().chain("00110000".chars());
    let bits = bits.chain("1100010100000".chars().cycle().take(13 * 1_100_000));
    let mut deflated = vec![0_u8; 2 << 20];
    for (at, bit) in bits.enumerate() {
        deflated[at / 8] |= u8::from(bit == '1') << (at % 8);
    }
    let error =
        Scan::from_bytes([meta(b"1.2.840.10008.1.2.1.99"), deflated].concat()).unwrap_err().to_string();
    assert_eq!(error, "bytes of an inflated data set: at most 268435456 are supported, got 268435457");
}

#[test]
fn a_cine_of_two_thousand_frames_is_read_where_it_lies() {
    let (rows, columns, frames) = (480_u16, 640_u16, 2000_u64);
    let number = |tag, value: u16| element(0x28, tag, b"US", &value.to_le_bytes());
    let header = [
        meta(b"1.2.840.10008.1.2.1\0"),
        [number(2, 3), element(0x28, 4, b"CS", b"RGB "), number(6, 0), element(0x28, 8, b"IS", b"2000")]
            .concat(),
        [number(0x10, rows), number(0x11, columns), number(0x100, 8), number(0x101, 8)].concat(),
        [number(0x102, 7), number(0x103, 0), b"\xe0\x7f\x10\0OW\0\0".to_vec()].concat(),
    ];
    let length = u64::from(rows) * u64::from(columns) * 3 * frames;
    let header = [header.concat(), (length as u32).to_le_bytes().to_vec()].concat();
    let path = std::env::temp_dir().join(format!("bedside-cine-{}", std::process::id()));
    fs::write(&path, &header).unwrap();
    // The pixels are a hole in the file.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(header.len() as u64 + length).unwrap();
    let scan = Scan::open(&path).unwrap();
    assert_eq!(scan.frames(), 2000);
    for index in scan.sample(Sampling::Evenly(NonZeroU32::new(40).unwrap())).unwrap() {
        assert_eq!(scan.frame(index).unwrap().pixels.bytes(), [0; 480 * 640 * 3]);
    }
    fs::remove_file(&path).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn changed_files_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        static CASES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        let cases = CASES.get_or_init(|| small().unwrap_or_default().into_iter().map(|case| case.file).collect());
        if cases.is_empty() {
            return Ok(());
        }
        let mut bytes = which.get(cases).clone();
        // The preamble says nothing.
        let headers = 128.min(bytes.len() - 1);
        for (at, value) in changes {
            let at = headers + at.index(bytes.len() - headers);
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survive(bytes);
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survive([&[0; 128][..], b"DICM", &bytes].concat());
        survive([&b"\x08\0\x05\0CS\x02\0IR"[..], &bytes].concat());
    }
}
