//! TABLE: every number of a scene: its hard limits, the range it is drawn from for training, and a range outside.
//!
//! Limits are what the simulation is defined for; a scene beyond them is refused. `training` is what the demo model
//! may see. `outside` lies wholly beyond `training` where a number is to change for tests out of distribution, and
//! equals it where not. Values are chosen to look like real frames beside them, not measured on patients.

use crate::error::PhantomError;

/// One number of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// Its name, with its unit.
    pub name: &'static str,
    /// Smallest and largest value that is defined.
    pub limits: (f64, f64),
    /// What training draws from.
    pub training: (f64, f64),
    /// What tests out of distribution draw from.
    pub outside: (f64, f64),
}

const fn moved(
    name: &'static str,
    limits: (f64, f64),
    training: (f64, f64),
    outside: (f64, f64),
) -> Quantity {
    Quantity { name, limits, training, outside }
}

const fn same(name: &'static str, limits: (f64, f64), training: (f64, f64)) -> Quantity {
    Quantity { name, limits, training, outside: training }
}

/// All of them.
pub const QUANTITIES: &[Quantity] = &[
    moved("linear.aperture_mm", (15.0, 80.0), (36.0, 50.0), (25.0, 34.0)),
    moved("linear.frequency_mhz", (3.0, 18.0), (6.0, 11.0), (4.0, 5.5)),
    moved("linear.depth_mm", (20.0, 150.0), (45.0, 75.0), (78.0, 95.0)),
    moved("convex.radius_mm", (20.0, 90.0), (45.0, 65.0), (30.0, 42.0)),
    moved("convex.angle_deg", (20.0, 110.0), (55.0, 75.0), (77.0, 90.0)),
    moved("convex.frequency_mhz", (1.0, 10.0), (2.5, 5.0), (5.2, 6.5)),
    moved("convex.depth_mm", (40.0, 300.0), (100.0, 170.0), (175.0, 210.0)),
    moved("phased.angle_deg", (30.0, 110.0), (70.0, 90.0), (92.0, 105.0)),
    moved("phased.frequency_mhz", (1.0, 8.0), (1.8, 3.5), (3.6, 4.5)),
    moved("phased.depth_mm", (40.0, 300.0), (110.0, 170.0), (175.0, 210.0)),
    same("machine.width_px", (32.0, 1024.0), (256.0, 256.0)),
    same("machine.height_px", (32.0, 1024.0), (256.0, 256.0)),
    same("machine.beams", (16.0, 512.0), (128.0, 160.0)),
    same("machine.samples", (64.0, 2048.0), (448.0, 448.0)),
    same("machine.looks", (1.0, 4.0), (1.0, 2.0)),
    same("machine.smoothing", (0.0, 1.0), (0.1, 0.9)),
    moved("machine.dynamic_range_db", (30.0, 100.0), (54.0, 72.0), (44.0, 52.0)),
    moved("machine.gain_db", (-30.0, 30.0), (-6.0, 5.0), (6.0, 10.0)),
    moved("machine.grey_gamma", (0.4, 2.5), (0.85, 1.3), (1.35, 1.7)),
    moved("machine.noise_db", (-160.0, 20.0), (-42.0, -14.0), (-13.0, -5.0)),
    moved("machine.tgc_db", (-20.0, 20.0), (-2.5, 2.5), (-5.0, -2.6)),
    same("machine.focus_fraction", (0.1, 1.0), (0.3, 0.7)),
    moved("machine.f_number", (1.0, 8.0), (2.0, 3.5), (3.6, 5.0)),
    moved("machine.pulse_cycles", (0.8, 6.0), (1.3, 2.4), (2.5, 3.5)),
    same("wall.skin_mm", (0.5, 5.0), (1.2, 2.4)),
    moved("wall.fat_fraction", (0.05, 0.8), (0.12, 0.5), (0.52, 0.65)),
    same("wall.fat_db", (-30.0, 10.0), (-17.0, -7.0)),
    same("wall.fibre_db", (0.0, 40.0), (14.0, 28.0)),
    same("wall.fibre_mm", (0.2, 5.0), (0.7, 1.5)),
    same("wall.fasciae", (0.0, 12.0), (3.0, 7.0)),
    same("wall.fascia_db", (-10.0, 40.0), (8.0, 18.0)),
    same("wall.waviness_mm", (0.0, 8.0), (0.4, 2.0)),
    moved("wall.attenuation_db_cm_mhz", (0.1, 2.0), (0.5, 0.72), (0.75, 0.95)),
    moved("pleura.depth_mm", (5.0, 120.0), (14.0, 36.0), (37.0, 50.0)),
    moved("pleura.tilt_deg", (-30.0, 30.0), (-7.0, 7.0), (7.5, 13.0)),
    same("pleura.bow_per_m", (-15.0, 20.0), (-3.0, 7.0)),
    moved("pleura.echo_db", (0.0, 60.0), (23.0, 31.0), (18.0, 22.0)),
    same("pleura.thickness_mm", (0.2, 8.0), (0.5, 3.2)),
    same("pleura.roughness_mm", (0.0, 4.0), (0.0, 1.4)),
    same("ribs.first_x_mm", (-60.0, 60.0), (-18.0, 18.0)),
    moved("ribs.spacing_mm", (10.0, 60.0), (26.0, 38.0), (20.0, 25.0)),
    same("ribs.width_mm", (4.0, 25.0), (9.0, 14.0)),
    same("ribs.height_mm", (2.0, 15.0), (4.5, 7.5)),
    same("ribs.standoff_mm", (0.0, 15.0), (1.5, 4.5)),
    same("ribs.echo_db", (0.0, 45.0), (18.0, 27.0)),
    same("ribs.shadow_db", (5.0, 90.0), (22.0, 40.0)),
    moved("lung.haze_db", (-60.0, 20.0), (-17.0, -7.0), (-6.5, -4.0)),
    same("lung.haze_decay_db_cm", (0.0, 15.0), (0.6, 3.4)),
    moved("lung.a_line_db", (-40.0, -0.5), (-13.0, -6.0), (-17.0, -13.5)),
    same("lung.wall_copy_db", (-60.0, -3.0), (-27.0, -17.0)),
    same("b_line.x_mm", (-150.0, 150.0), (-80.0, 80.0)),
    same("b_line.width_mm", (0.5, 60.0), (1.6, 14.0)),
    moved("b_line.level_db", (-20.0, 30.0), (-1.0, 8.5), (-4.0, -1.5)),
    same("b_line.band_mm", (0.3, 20.0), (0.8, 2.2)),
    same("b_line.band_contrast", (0.0, 1.0), (0.0, 0.3)),
    same("comet_tail.x_mm", (-150.0, 150.0), (-80.0, 80.0)),
    same("comet_tail.width_mm", (0.3, 10.0), (0.8, 2.5)),
    same("comet_tail.level_db", (-20.0, 25.0), (-2.0, 8.0)),
    same("comet_tail.length_mm", (1.0, 60.0), (6.0, 16.0)),
    same("consolidation.x_mm", (-150.0, 150.0), (-80.0, 80.0)),
    moved("consolidation.width_mm", (4.0, 200.0), (16.0, 70.0), (9.0, 15.0)),
    moved("consolidation.depth_mm", (2.0, 150.0), (9.0, 50.0), (5.0, 8.5)),
    same("consolidation.echo_db", (-30.0, 10.0), (-22.0, -13.0)),
    same("consolidation.shred_mm", (0.0, 15.0), (1.5, 5.0)),
    same("bronchogram.across", (-1.0, 1.0), (-0.8, 0.8)),
    same("bronchogram.down", (0.0, 1.0), (0.2, 0.8)),
    same("bronchogram.length_mm", (0.2, 40.0), (1.0, 7.0)),
    same("bronchogram.angle_deg", (-180.0, 180.0), (-60.0, 60.0)),
    same("bronchogram.echo_db", (0.0, 40.0), (10.0, 18.0)),
    same("effusion.x_mm", (-200.0, 200.0), (-100.0, 60.0)),
    same("effusion.width_mm", (10.0, 500.0), (80.0, 220.0)),
    moved("effusion.depth_mm", (2.0, 150.0), (10.0, 40.0), (5.0, 9.0)),
    moved("effusion.echo_db", (-80.0, 5.0), (-48.0, -24.0), (-22.0, -16.0)),
    same("effusion.sinusoid", (0.0, 0.9), (0.1, 0.4)),
    same("flap.length_mm", (5.0, 150.0), (15.0, 36.0)),
    same("flap.thickness_mm", (3.0, 80.0), (10.0, 22.0)),
    same("flap.echo_db", (-30.0, 10.0), (-9.0, -2.0)),
    same("base.dome_x_mm", (-60.0, 60.0), (-30.0, 8.0)),
    same("base.dome_radius_mm", (25.0, 150.0), (55.0, 80.0)),
    same("base.dome_down", (0.1, 0.95), (0.3, 0.8)),
    same("base.organ_db", (-30.0, 10.0), (-9.0, -3.0)),
    same("base.diaphragm_db", (0.0, 45.0), (18.0, 26.0)),
    same("base.spine_depth_mm", (30.0, 290.0), (78.0, 110.0)),
    same("base.mirror_db", (-60.0, 0.0), (-12.0, -3.0)),
    same("motion.frames", (1.0, 2000.0), (1.0, 1.0)),
    same("motion.frame_time_ms", (1.0, 1000.0), (25.0, 60.0)),
    same("motion.breath_ms", (500.0, 20000.0), (2500.0, 5000.0)),
    same("motion.sliding_mm", (0.0, 20.0), (0.0, 6.0)),
    same("motion.rise_mm", (0.0, 5.0), (0.1, 0.6)),
    same("motion.beat_ms", (200.0, 3000.0), (500.0, 1100.0)),
    same("motion.pulse_mm", (0.0, 5.0), (0.0, 0.8)),
    same("contact.centre", (0.0, 1.0), (0.0, 1.0)),
    moved("contact.width", (0.02, 1.0), (0.1, 0.25), (0.27, 0.35)),
    same("contact.loss_db", (0.0, 80.0), (12.0, 30.0)),
    moved("artefacts.clutter_db", (-80.0, 30.0), (-12.0, 4.0), (5.0, 10.0)),
    same("artefacts.clutter_depth_mm", (1.0, 80.0), (4.0, 12.0)),
];

/// The row with that name.
pub(crate) fn quantity(name: &str) -> Result<&'static Quantity, PhantomError> {
    QUANTITIES
        .iter()
        .find(|quantity| quantity.name == name)
        .ok_or_else(|| PhantomError::UnknownQuantity { name: name.into() })
}

/// Refuse a value outside its limits, NaN included.
pub(crate) fn hold(name: &'static str, got: f64) -> Result<(), PhantomError> {
    let (low, high) = quantity(name)?.limits;
    if (low..=high).contains(&got) { Ok(()) } else { Err(PhantomError::Limit { name, low, high, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (n, row) in QUANTITIES.iter().enumerate() {
            assert!(QUANTITIES[..n].iter().all(|other| other.name != row.name), "{} twice", row.name);
            for (low, high) in [row.training, row.outside] {
                assert!(low <= high && row.limits.0 <= low && high <= row.limits.1, "{}", row.name);
            }
            let apart = row.outside.0 > row.training.1 || row.outside.1 < row.training.0;
            assert!(apart || row.outside == row.training, "{}: outside overlaps training", row.name);
        }
    }

    #[test]
    fn values_outside_and_nan_are_refused() {
        let error = hold("machine.gain_db", 31.0).unwrap_err();
        assert_eq!(error.to_string(), "machine.gain_db: expected -30 to 30, got 31");
        assert!(hold("machine.gain_db", f64::NAN).is_err());
        assert!(hold("machine.gain_db", f64::INFINITY).is_err());
        assert_eq!(hold("machine.gain_db", -30.0), Ok(()));
        assert!(hold("no.such", 0.0).is_err());
    }
}
