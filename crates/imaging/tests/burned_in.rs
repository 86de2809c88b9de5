//! Real screens with names on them: none of the text that a person sees there is left by the mask.
//!
//! The boxes were placed by eye over the text of the files that `cargo xtask fetch` brings: `deid-data` 0.0.20 and
//! `pydicom-data` 1.0.0. The names in them are the packages' own, made for tests. No pixel of them is kept here.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedside_imaging::{Frame, PhiMask, Quality, Sampling, Scan};
use bedside_tests::{archive_files, fetched, golden};
use safetensors::SafeTensors;

/// What a scan shows between its echoes and beside letters that are gone. The dimmest letters have 100.
const BACKGROUND: u8 = 4;

/// First column, first row, one past the last column, one past the last row.
type Box = [u32; 4];

struct Screen {
    file: &'static str,
    /// Frames that have this text. Sampled evenly for the mask; the text must go from others too.
    frames: std::ops::Range<u32>,
    text: &'static [Box],
}

/// The five ultrasound files of `deid-data`: names, numbers, dates, settings, labels.
const DEID: [Screen; 5] = [
    Screen {
        file: "GREYSCALE_IMAGE.dcm",
        frames: 0..1,
        text: &[
            [0, 0, 1024, 24],
            [0, 24, 120, 260],
            [815, 24, 1024, 46],
            [955, 72, 992, 100],
            [900, 306, 930, 344],
            [852, 696, 926, 720],
        ],
    },
    Screen {
        file: "GREYSCALE_CINE.dcm",
        frames: 0..26,
        text: &[
            [0, 0, 800, 18],
            [0, 18, 94, 204],
            [636, 18, 800, 37],
            [745, 56, 776, 80],
            [707, 250, 723, 263],
            [666, 543, 724, 563],
        ],
    },
    Screen {
        file: "RGB_IMAGE.dcm",
        frames: 0..1,
        text: &[[0, 0, 1024, 60], [920, 60, 1024, 360], [510, 732, 724, 768], [792, 740, 854, 768]],
    },
    Screen {
        file: "RGB_CINE.dcm",
        frames: 0..50,
        text: &[[0, 0, 1016, 50], [836, 56, 1016, 310], [166, 618, 538, 648]],
    },
    Screen {
        file: "ultrasound-multiframe.dcm",
        frames: 0..30,
        text: &[[0, 40, 95, 280], [742, 50, 800, 300], [730, 560, 800, 592]],
    },
];

/// Ultrasound of `pydicom-data`, the lettering that lies on the scan or touches it.
const PYDICOM: [Screen; 3] = [
    Screen {
        file: "US1_UNCI.dcm",
        frames: 0..1,
        text: &[
            [0, 20, 640, 106],
            [6, 136, 44, 153],
            [594, 136, 632, 153],
            [6, 216, 44, 234],
            [594, 216, 632, 234],
        ],
    },
    Screen {
        file: "gdcm-US-ALOKA-16.dcm",
        frames: 0..1,
        text: &[
            [0, 0, 640, 22],
            [252, 34, 332, 60],
            [80, 60, 106, 76],
            [564, 34, 640, 60],
            [0, 424, 640, 480],
        ],
    },
    Screen {
        file: "OBXXXX1A_2frame.dcm",
        frames: 0..1,
        text: &[[0, 0, 800, 60], [0, 62, 90, 264], [123, 84, 310, 106], [138, 482, 194, 520]],
    },
];

/// The files of an archive and of the archives in it.
fn files(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = archive_files(archive).unwrap();
    // Tests run beside each other in one process: each its own folder.
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("bedside-burned-in-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let inner: Vec<_> = files.iter().filter(|(name, _)| name.ends_with("_CINE.zip")).cloned().collect();
    for (name, bytes) in inner {
        let path = folder.join(name.rsplit('/').next().unwrap());
        fs::write(&path, bytes).unwrap();
        files.extend(archive_files(&path).unwrap());
    }
    fs::remove_dir_all(&folder).unwrap();
    files
}

/// Check the screens that an archive holds, and count them.
fn check(archive: &Path, screens: &[Screen]) -> usize {
    let mut checked = 0;
    for (name, bytes) in files(archive) {
        let Some(screen) = screens.iter().find(|screen| name.ends_with(screen.file)) else { continue };
        let scan = Scan::from_bytes(bytes).unwrap();
        let frames: Vec<u32> = screen.frames.clone().filter(|frame| *frame < scan.frames()).collect();
        let looked_at: Vec<_> = frames
            .iter()
            .step_by(frames.len().div_ceil(8))
            .map(|index| scan.frame(*index).unwrap())
            .collect();
        let looked_at: Vec<&Frame> = looked_at.iter().map(|frame| &**frame).collect();
        let mask = PhiMask::of_frames(&looked_at).map_err(|error| format!("{name}: {error}")).unwrap();
        for index in [frames[0], frames[frames.len() / 3], frames[frames.len() - 1]] {
            let frame = scan.frame(index).unwrap();
            let shown = mask.apply_to_frame(&frame).unwrap();
            for text in screen.text {
                let brightest = |frame: &Frame| {
                    let (from, to) = (text[0] as usize, text[2] as usize);
                    let channels = usize::from(frame.pixels.channels());
                    let width = frame.pixels.width() as usize * channels;
                    let rows =
                        frame.pixels.bytes().chunks(width).take(text[3] as usize).skip(text[1] as usize);
                    rows.flat_map(|row| &row[from * channels..to * channels]).copied().max().unwrap()
                };
                assert!(brightest(&frame) >= 100, "{name}: nothing is written at {text:?}");
                let left = brightest(&shown);
                assert!(left <= BACKGROUND, "{name}, frame {index}: {left} is left at {text:?}");
            }
        }
        checked += 1;
    }
    checked
}

#[test]
fn no_text_of_the_deid_files_is_left() {
    let Some(archive) = fetched("deid-data-0.0.20.tar.gz") else { return };
    assert_eq!(check(&archive, &DEID), DEID.len());
}

#[test]
fn no_text_on_the_scans_of_pydicom_data_is_left() {
    let Some(archive) = fetched("pydicom_data-1.0.0-py3-none-any.whl") else { return };
    assert_eq!(check(&archive, &PYDICOM), PYDICOM.len());
}

#[test]
fn what_a_mask_and_a_verdict_say_names_nobody() {
    let Some(path) = golden("dicom/dicom.safetensors") else { return };
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let (mut masked, mut withheld) = (0, 0);
    for name in tensors.names().into_iter().filter(|name| name.ends_with(".file")) {
        let scan = Scan::from_bytes(tensors.tensor(name).unwrap().data().to_vec()).unwrap();
        let frames: Vec<_> = scan.sample(Sampling::Evenly(NonZeroU32::new(4).unwrap())).unwrap();
        let frames: Vec<_> = frames.into_iter().map(|index| scan.frame(index).unwrap()).collect();
        let frames: Vec<&Frame> = frames.iter().map(|frame| &**frame).collect();
        let told = match PhiMask::of_frames(&frames) {
            Ok(mask) => {
                masked += 1;
                let quality = Quality::of_frame(frames[0], &mask).unwrap();
                let shown = mask.apply_to_frame(frames[0]).unwrap();
                let json = [
                    serde_json::to_string(mask.lineage()).unwrap(),
                    serde_json::to_string(&quality).unwrap(),
                    serde_json::to_string(&shown.lineage).unwrap(),
                ];
                format!("{shown:?} {:?} {quality:?} {json:?}", mask.lineage())
            }
            Err(error) => {
                withheld += 1;
                format!("{error} {error:?}")
            }
        };
        assert!(!told.contains("PLANTED"), "{name}: {told}");
    }
    assert!(masked > 0 && withheld > 0, "{masked} {withheld}");
}
