//! Physics of the whole chain: places, speckle, attenuation, reverberation.

use super::*;
use crate::findings::{Finding, Presence};
use crate::probe::{Probe, ProbeShape};
use crate::ranges::Ranges;
use crate::truth::Structure;

const STILL: Moment = Moment { slide_mm: 0.0, rise_mm: 0.0, breath: 0.0 };

/// A quiet machine with one look on `shape`, nothing in front of it.
fn quiet(shape: ProbeShape, depth_mm: f64, frequency_mhz: f64) -> Simulator {
    let mut scene = Scene::draw(&Ranges::training().only(Finding::ALines), 5).unwrap();
    scene.probe = Probe { shape, depth_mm, frequency_mhz };
    scene.pleura.depth_mm = 20.0;
    scene.machine.looks = 1;
    scene.machine.smoothing = 0.0;
    scene.machine.tgc_db = [0.0; 8];
    scene.machine.noise_db = -160.0;
    scene.artefacts.poor_contact = None;
    scene.artefacts.clutter_db = -80.0;
    Simulator::new(&scene).unwrap()
}

fn shapes() -> [(ProbeShape, f64, f64); 3] {
    [
        (ProbeShape::Linear { aperture_mm: 40.0 }, 60.0, 8.0),
        (ProbeShape::Convex { radius_mm: 55.0, angle_deg: 64.0 }, 140.0, 3.5),
        (ProbeShape::Phased { angle_deg: 84.0 }, 150.0, 2.5),
    ]
}

/// Grid of the simulator's size with soft tissue that scatters `diffuse`.
fn grid(simulator: &Simulator, diffuse: f32) -> EchoGrid {
    let (probe, machine) = (&simulator.scene.probe, &simulator.scene.machine);
    let (beams, samples) = (machine.beams as usize, machine.samples as usize);
    let mut grid = EchoGrid::new(beams, samples, probe.depth_mm, probe.frequency_mhz);
    grid.diffuse.fill(diffuse);
    grid
}

fn power(simulator: &Simulator, grid: &EchoGrid) -> Vec<f32> {
    let silent: Vec<Echoes> = (0..grid.beams).map(|_| Echoes::NONE).collect();
    simulator.power(grid, &silent, STILL, 0)
}

#[test]
fn a_point_appears_at_its_place_within_a_pixel() {
    for (shape, depth, frequency) in shapes() {
        let simulator = quiet(shape, depth, frequency);
        for (fraction, share) in [(0.5, 0.3), (0.25, 0.6), (0.75, 0.6), (0.5, 0.85)] {
            let mut grid = grid(&simulator, 0.0);
            let beam = (fraction * (grid.beams - 1) as f64).round();
            let range = share * depth;
            grid.reflect(beam as usize, range, 1.0);
            let mut level = power(&simulator, &grid);
            let peak = level.iter().copied().fold(0.0, f32::max);
            level.iter_mut().for_each(|power| *power = (*power / peak).sqrt());
            let grey = simulator.conversion.grey(&level, &simulator.map);
            let width = simulator.scene.machine.width_px as usize;
            // Centre of the brightness: the peak of a flat top is not one pixel.
            let (mut sum, mut columns, mut rows) = (0.0, 0.0, 0.0);
            for (n, grey) in grey.iter().enumerate().filter(|(_, grey)| **grey > 100) {
                sum += f64::from(*grey);
                columns += f64::from(*grey) * (n % width) as f64;
                rows += f64::from(*grey) * (n / width) as f64;
            }
            let (x, z) = simulator.scene.probe.beam(beam / (grid.beams - 1) as f64).at(range);
            let (column, row) = simulator.geometry.pixel_of(x, z);
            let off = (columns / sum - column, rows / sum - row);
            assert!(off.0.abs() <= 1.0 && off.1.abs() <= 1.0, "{shape:?} {fraction} {share}: {off:?}");
        }
    }
}

/// Fully developed speckle has a Rayleigh amplitude: mean over standard deviation is sqrt(pi / (4 - pi)) = 1.913.
/// The tolerance is that of the estimate: some thousand independent cells give the ratio to about 2 %.
#[test]
fn speckle_is_rayleigh() {
    for (shape, depth, frequency) in shapes() {
        let simulator = quiet(shape, depth, frequency);
        let grid = grid(&simulator, 1.0);
        let power = power(&simulator, &grid);
        let rows = grid.samples / 4..grid.samples * 3 / 4;
        let amplitudes: Vec<f64> = power[rows.start * grid.beams..rows.end * grid.beams]
            .iter()
            .map(|p| f64::from(*p).sqrt())
            .collect();
        let count = amplitudes.len() as f64;
        let mean = amplitudes.iter().sum::<f64>() / count;
        let deviation = (amplitudes.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / count).sqrt();
        let snr = mean / deviation;
        println!("{shape:?}: amplitude SNR {snr:.3}");
        assert!((snr - 1.913).abs() < 0.06, "{shape:?}: {snr}");
        // Unit power: the point spread function changes the grain, not the level.
        let level = amplitudes.iter().map(|a| a * a).sum::<f64>() / count;
        assert!((10.0 * level.log10()).abs() < 0.5, "{shape:?}: {level}");
    }
}

#[test]
fn tissue_darker_than_the_preset_falls_by_its_excess() {
    let (depth, frequency) = (140.0, 3.5);
    let simulator = quiet(ProbeShape::Convex { radius_mm: 55.0, angle_deg: 64.0 }, depth, frequency);
    let mut grid = grid(&simulator, 1.0);
    for beam in 0..grid.beams {
        grid.tissue(beam, (0.0, depth), 0.9, None, |_| 1.0);
    }
    let power = power(&simulator, &grid);
    let mean_db = |range: f64| {
        let (from, to) = (grid.sample(range - 8.0) * grid.beams, grid.sample(range + 8.0) * grid.beams);
        let sum: f64 = power[from..to].iter().map(|p| f64::from(*p)).sum();
        10.0 * (sum / (to - from) as f64).log10()
    };
    let slope_db_cm = (mean_db(100.0) - mean_db(40.0)) / 6.0;
    println!("slope {slope_db_cm:.3} dB/cm");
    // Two ways, 0.3 dB/cm/MHz above the preset. Speckle in two bands of 16 mm leaves about 0.2 dB each.
    assert!((slope_db_cm + 2.0 * 0.3 * 3.5).abs() < 0.1, "{slope_db_cm}");
}

#[test]
fn a_lines_lie_at_multiples_of_the_pleura() {
    let mut ranges = Ranges::training().only(Finding::ALines);
    ranges.rates.ribs = 0.0;
    ranges.rates.poor_contact = 0.0;
    for (shape, depth, frequency) in shapes() {
        let mut scene = Scene::draw(&ranges, 3).unwrap();
        scene.probe = Probe { shape, depth_mm: depth, frequency_mhz: frequency };
        scene.pleura.depth_mm = 0.27 * depth;
        (scene.pleura.tilt_deg, scene.pleura.bow_per_m) = (0.0, 0.0);
        (scene.pleura.roughness_mm, scene.pleura.thickness_mm) = (0.0, 0.3);
        scene.lung.a_line_db = Some(-6.0);
        // A quiet background, so that speckle does not decide which row is the brightest.
        (scene.lung.wall_copy_db, scene.lung.haze_db) = (-40.0, -40.0);
        scene.lung.comet_tails.clear();
        (scene.wall.fasciae, scene.machine.gain_db) = (0, -12.0);
        let simulator = Simulator::new(&scene).unwrap();
        let frame = simulator.frame(0).unwrap();
        assert_eq!(frame.labels.presence(Finding::ALines), Presence::Present);
        let width = frame.pixels.width() as usize;
        let column = width / 2;
        for n in 1..=3 {
            let (_, row) = frame.geometry.pixel_of(0.0, f64::from(n) * scene.pleura.depth_mm);
            let around = (row as usize).saturating_sub(6)..=(row as usize + 6);
            let mean = |row: usize| -> u32 {
                (column - 2..=column + 2).map(|c| u32::from(frame.pixels.bytes()[row * width + c])).sum()
            };
            let top = around.clone().map(mean).max().unwrap();
            let brightest: Vec<usize> = around.filter(|row| mean(*row) == top).collect();
            let found = brightest.iter().sum::<usize>() as f64 / brightest.len() as f64;
            assert!((found - row).abs() <= 1.0, "{shape:?} A-line {n}: row {found}, expected {row}");
            if n > 1 {
                assert!(frame.truth.shows(Structure::ALine, column as u32, row.round() as u32));
            }
        }
    }
}

#[test]
fn without_its_lesion_only_the_lesion_changes() {
    let mut ranges = Ranges::training().only(Finding::Consolidation);
    ranges.rates.probes = [1.0, 0.0, 0.0];
    let scene = Scene::draw(&ranges, 11).unwrap();
    let sick = Simulator::new(&scene).unwrap().frame(0).unwrap();
    let healthy = Simulator::new(&scene.without_lesions()).unwrap().frame(0).unwrap();
    assert_eq!(sick.labels.presence(Finding::Consolidation), Presence::Present);
    assert_eq!(healthy.labels.presence(Finding::Consolidation), Presence::Absent);
    // The wall well above the pleura is the same to the byte.
    let (_, row) = sick.geometry.pixel_of(0.0, 0.6 * scene.pleura.depth_mm);
    let end = row as usize * sick.pixels.width() as usize;
    assert_eq!(sick.pixels.bytes()[..end], healthy.pixels.bytes()[..end]);
    assert_ne!(sick.pixels, healthy.pixels);
}

#[test]
fn a_sliding_lung_moves_under_a_wall_that_does_not() {
    let mut ranges = Ranges::training().only(Finding::BLines);
    ranges.rates.probes = [1.0, 0.0, 0.0];
    ranges.set("motion.frames", 8.0, 8.0).unwrap();
    let change = |sliding: bool| {
        let mut scene = Scene::draw(&ranges, 21).unwrap();
        scene.motion.rise_mm = 0.0;
        scene.motion.sliding_mm = if sliding { 4.0 } else { 0.0 };
        scene.motion.frame_time_ms = 250.0;
        let cine = Simulator::new(&scene).unwrap().cine().unwrap();
        assert_eq!(cine.frames.len(), 8);
        let expected = if sliding { Presence::Absent } else { Presence::Present };
        assert_eq!(cine.frames[0].labels.presence(Finding::AbsentSliding), expected);
        let (a, b) = (&cine.frames[0], &cine.frames[4]);
        let (_, row) = a.geometry.pixel_of(0.0, scene.pleura.depth_mm);
        let differ = |from: usize, to: usize| {
            let width = a.pixels.width() as usize;
            let pairs =
                a.pixels.bytes()[from * width..to * width].iter().zip(&b.pixels.bytes()[from * width..]);
            pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / ((to - from) * width) as f64
        };
        (differ(0, row as usize - 6), differ(row as usize + 4, row as usize + 40))
    };
    let (wall, lung) = change(true);
    let (still_wall, still_lung) = change(false);
    assert!(lung > 2.0 * still_lung.max(0.5), "{lung} {still_lung}");
    assert!(wall < 2.0 && still_wall < 2.0, "{wall} {still_wall}");
}
