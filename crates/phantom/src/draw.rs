//! Drawing a scene from ranges: the same seed and ranges give the same scene.

use crate::artefacts::{Artefacts, PoorContact};
use crate::b_lines::{BLine, CometTail};
use crate::chest_wall::ChestWall;
use crate::consolidation::{Bronchogram, Consolidation};
use crate::diaphragm::Base;
use crate::effusion::{Effusion, Flap};
use crate::error::PhantomError;
use crate::findings::{SMOOTH_PLEURA_MM, THIN_PLEURA_MM};
use crate::lung::Lung;
use crate::machine::{Machine, TGC_SLIDERS};
use crate::motion::Motion;
use crate::pleura::Pleura;
use crate::probe::{Probe, ProbeShape};
use crate::random::{Part, Stream};
use crate::ranges::{Interval, Ranges};
use crate::ribs::Ribs;
use crate::scene::{Scene, Zone};

/// The pleura is looked for in the upper part of the image.
const DEEPEST_PLEURA: f64 = 0.42;
/// A sliding lung travels at least this far.
const LEAST_SLIDING_MM: f64 = 1.5;
/// A lung pulse jerks at least this far.
const LEAST_PULSE_MM: f64 = 0.3;

/// A stream and the ranges it draws from.
struct Draw<'a> {
    ranges: &'a Ranges,
    random: Stream,
}

impl Scene {
    /// Draw the scene of `seed`.
    /// Errors: `UnknownQuantity`, `Interval`, `Rate`, `Weights` for ranges that cannot be drawn from; `Limit` or
    /// `Scene` where ranges allow what a scene may not be.
    pub fn draw(ranges: &Ranges, seed: u64) -> Result<Scene, PhantomError> {
        ranges.validate()?;
        let mut pattern = Draw { ranges, random: Stream::new(seed, Part::Pattern, 0) };
        let mut body = Draw { ranges, random: Stream::new(seed, Part::Parameters, 0) };
        let mut lesions = Draw { ranges, random: Stream::new(seed, Part::Lesions, 0) };
        let mut machine = Draw { ranges, random: Stream::new(seed, Part::Machine, 0) };
        let rates = &ranges.rates;
        let shape = pattern.weighted(&rates.probes);
        let base_view = pattern.random.chance(rates.base_view) && shape != 0;
        let b_pattern = pattern.weighted(&rates.b_lines);
        let consolidated = pattern.random.chance(rates.consolidation);
        let effused = pattern.random.chance(rates.effusion);
        let irregular = pattern.random.chance(rates.irregular_pleura);
        let zone = zone(&mut pattern, base_view);
        let probe = body.probe(shape)?;
        let pleura = body.pleura(&probe, irregular)?;
        let (half_mm, ribs) = (half_view_mm(&probe, &pleura), body.ribs(base_view)?);
        let open = open_spaces(ribs.as_ref(), half_mm);
        let mut scene = Scene {
            seed,
            zone,
            machine: machine.machine()?,
            wall: body.wall()?,
            lung: body.lung(half_mm)?,
            ribs,
            pleura,
            consolidations: Vec::new(),
            effusion: None,
            base: if base_view { Some(body.base(&probe, effused)?) } else { None },
            motion: body.motion()?,
            artefacts: machine.artefacts()?,
            probe,
        };
        if effused {
            scene.effusion = Some(lesions.effusion(&scene)?);
        }
        if !base_view {
            if consolidated {
                scene.consolidations.push(lesions.consolidation(&scene, half_mm, &open)?);
            }
            scene.lung.b_lines = lesions.b_lines(b_pattern, half_mm, &open)?;
        }
        scene.validate()?;
        Ok(scene)
    }
}

impl Draw<'_> {
    fn value(&mut self, name: &str) -> Result<f64, PhantomError> {
        let Interval { low, high } = self.ranges.interval(name)?;
        Ok(short(self.random.between(low, high)).clamp(low, high))
    }

    /// Draw from the part of the interval between `low` and `high`; from its nearest end where they do not meet.
    fn within(&mut self, name: &str, low: f64, high: f64) -> Result<f64, PhantomError> {
        let interval = self.ranges.interval(name)?;
        let low = low.clamp(interval.low, interval.high);
        let high = high.clamp(low, interval.high.max(low));
        Ok(short(self.random.between(low, high)).clamp(interval.low, interval.high))
    }

    fn count(&mut self, name: &str) -> Result<u32, PhantomError> {
        let Interval { low, high } = self.ranges.interval(name)?;
        Ok(self.random.whole(low.ceil() as u32, high.floor().max(low.ceil()) as u32))
    }

    fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.random.unit() * weights.iter().sum::<f64>();
        for (n, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return n;
            }
        }
        weights.iter().rposition(|weight| *weight > 0.0).unwrap_or_default()
    }

    fn probe(&mut self, shape: usize) -> Result<Probe, PhantomError> {
        let (shape, kind) = match shape {
            0 => (ProbeShape::Linear { aperture_mm: self.value("linear.aperture_mm")? }, "linear"),
            1 => {
                let radius_mm = self.value("convex.radius_mm")?;
                (ProbeShape::Convex { radius_mm, angle_deg: self.value("convex.angle_deg")? }, "convex")
            }
            _ => (ProbeShape::Phased { angle_deg: self.value("phased.angle_deg")? }, "phased"),
        };
        let frequency_mhz = self.value(&format!("{kind}.frequency_mhz"))?;
        Ok(Probe { shape, frequency_mhz, depth_mm: self.value(&format!("{kind}.depth_mm"))? })
    }

    fn machine(&mut self) -> Result<Machine, PhantomError> {
        let mut tgc_db = [0.0; TGC_SLIDERS];
        for db in &mut tgc_db {
            *db = self.value("machine.tgc_db")?;
        }
        Ok(Machine {
            width_px: self.count("machine.width_px")?,
            height_px: self.count("machine.height_px")?,
            beams: self.count("machine.beams")?,
            samples: self.count("machine.samples")?,
            looks: self.count("machine.looks")?,
            smoothing: self.value("machine.smoothing")?,
            dynamic_range_db: self.value("machine.dynamic_range_db")?,
            gain_db: self.value("machine.gain_db")?,
            grey_gamma: self.value("machine.grey_gamma")?,
            noise_db: self.value("machine.noise_db")?,
            tgc_db,
            focus_fraction: self.value("machine.focus_fraction")?,
            f_number: self.value("machine.f_number")?,
            pulse_cycles: self.value("machine.pulse_cycles")?,
        })
    }

    fn artefacts(&mut self) -> Result<Artefacts, PhantomError> {
        let poor = self.random.chance(self.ranges.rates.poor_contact);
        let poor_contact = PoorContact {
            centre: self.value("contact.centre")?,
            width: self.value("contact.width")?,
            loss_db: self.value("contact.loss_db")?,
        };
        Ok(Artefacts {
            poor_contact: poor.then_some(poor_contact),
            clutter_db: self.value("artefacts.clutter_db")?,
            clutter_depth_mm: self.value("artefacts.clutter_depth_mm")?,
        })
    }

    fn wall(&mut self) -> Result<ChestWall, PhantomError> {
        Ok(ChestWall {
            skin_mm: self.value("wall.skin_mm")?,
            fat_fraction: self.value("wall.fat_fraction")?,
            fat_db: self.value("wall.fat_db")?,
            fibre_db: self.value("wall.fibre_db")?,
            fibre_mm: self.value("wall.fibre_mm")?,
            fasciae: self.count("wall.fasciae")?,
            fascia_db: self.value("wall.fascia_db")?,
            waviness_mm: self.value("wall.waviness_mm")?,
            attenuation_db_cm_mhz: self.value("wall.attenuation_db_cm_mhz")?,
        })
    }

    fn pleura(&mut self, probe: &Probe, irregular: bool) -> Result<Pleura, PhantomError> {
        let thin = self.within("pleura.thickness_mm", 0.5, 1.2)?;
        let smooth = self.within("pleura.roughness_mm", 0.0, 0.15)?;
        let thick = self.within("pleura.thickness_mm", THIN_PLEURA_MM + 0.2, 3.2)?;
        let rough = self.within("pleura.roughness_mm", SMOOTH_PLEURA_MM + 0.3, 1.4)?;
        Ok(Pleura {
            depth_mm: self.within("pleura.depth_mm", 0.0, DEEPEST_PLEURA * probe.depth_mm)?,
            tilt_deg: self.value("pleura.tilt_deg")?,
            bow_per_m: self.value("pleura.bow_per_m")?,
            echo_db: self.value("pleura.echo_db")?,
            thickness_mm: if irregular { thick } else { thin },
            roughness_mm: if irregular { rough } else { smooth },
        })
    }

    fn ribs(&mut self, base_view: bool) -> Result<Option<Ribs>, PhantomError> {
        let there = self.random.chance(self.ranges.rates.ribs) && !base_view;
        let ribs = Ribs {
            first_x_mm: self.value("ribs.first_x_mm")?,
            spacing_mm: self.value("ribs.spacing_mm")?,
            width_mm: self.value("ribs.width_mm")?,
            height_mm: self.value("ribs.height_mm")?,
            standoff_mm: self.value("ribs.standoff_mm")?,
            echo_db: self.value("ribs.echo_db")?,
            shadow_db: self.value("ribs.shadow_db")?,
        };
        Ok(there.then_some(ribs))
    }

    fn lung(&mut self, half_mm: f64) -> Result<Lung, PhantomError> {
        let rates = &self.ranges.rates;
        let a_line_db = self.value("lung.a_line_db")?;
        let a_lines = self.random.chance(rates.a_lines);
        let mut lung = Lung {
            haze_db: self.value("lung.haze_db")?,
            haze_decay_db_cm: self.value("lung.haze_decay_db_cm")?,
            a_line_db: a_lines.then_some(a_line_db),
            wall_copy_db: self.value("lung.wall_copy_db")?,
            b_lines: Vec::new(),
            comet_tails: Vec::new(),
        };
        if self.random.chance(rates.comet_tails) {
            for _ in 0..self.random.whole(1, 3) {
                lung.comet_tails.push(CometTail {
                    x_mm: self.within("comet_tail.x_mm", -half_mm, half_mm)?,
                    width_mm: self.value("comet_tail.width_mm")?,
                    level_db: self.value("comet_tail.level_db")?,
                    length_mm: self.value("comet_tail.length_mm")?,
                });
            }
        }
        Ok(lung)
    }

    fn base(&mut self, probe: &Probe, effused: bool) -> Result<Base, PhantomError> {
        // Fluid needs room on the left; without it the dome shows best from further left.
        let near = self.within("base.dome_x_mm", -8.0, 8.0)?;
        let far = self.within("base.dome_x_mm", -30.0, -10.0)?;
        Ok(Base {
            dome_x_mm: if effused { near } else { far },
            dome_radius_mm: self.value("base.dome_radius_mm")?,
            dome_down: self.value("base.dome_down")?,
            organ_db: self.value("base.organ_db")?,
            diaphragm_db: self.value("base.diaphragm_db")?,
            spine_depth_mm: self.within("base.spine_depth_mm", 0.0, 0.85 * probe.depth_mm)?,
            mirror_db: self.value("base.mirror_db")?,
        })
    }

    fn motion(&mut self) -> Result<Motion, PhantomError> {
        let rates = &self.ranges.rates;
        let absent = self.random.chance(rates.absent_sliding);
        let pulse = self.random.chance(rates.lung_pulse);
        let sliding_mm = self.within("motion.sliding_mm", LEAST_SLIDING_MM, 20.0)?;
        let pulse_mm = self.within("motion.pulse_mm", LEAST_PULSE_MM, 5.0)?;
        Ok(Motion {
            frames: self.count("motion.frames")?,
            frame_time_ms: self.value("motion.frame_time_ms")?,
            breath_ms: self.value("motion.breath_ms")?,
            sliding_mm: if absent { 0.0 } else { sliding_mm },
            rise_mm: self.value("motion.rise_mm")?,
            beat_ms: self.value("motion.beat_ms")?,
            pulse_mm: if absent && pulse { pulse_mm } else { 0.0 },
        })
    }
}

/// Lesions; drawn from a stream of their own, so that a scene with and without them agrees in all else.
impl Draw<'_> {
    fn b_lines(
        &mut self,
        pattern: usize,
        half_mm: f64,
        open: &[(f64, f64)],
    ) -> Result<Vec<BLine>, PhantomError> {
        let count = match pattern {
            0 => return Ok(Vec::new()),
            1 => self.random.whole(1, 2),
            2 => self.random.whole(3, 6),
            _ => ((2.0 * half_mm / 10.0).ceil() as u32).clamp(4, 14),
        };
        let total: f64 = open.iter().map(|(left, right)| right - left).sum();
        let mut lines = Vec::new();
        for n in 0..count {
            // Evenly spread with a jitter, so that the lines of "several" can be told apart.
            let share = (f64::from(n) + self.random.between(0.1, 0.9)) / f64::from(count);
            let gap = total / f64::from(count);
            let width_mm = if pattern == 3 {
                self.within("b_line.width_mm", 0.75 * gap, 1.1 * gap)?
            } else {
                self.within("b_line.width_mm", 0.0, (0.35 * gap).clamp(1.8, 5.0))?
            };
            lines.push(BLine {
                x_mm: short(place_in(open, share * total)),
                width_mm,
                level_db: self.value("b_line.level_db")?,
                band_mm: self.value("b_line.band_mm")?,
                band_contrast: self.value("b_line.band_contrast")?,
            });
        }
        Ok(lines)
    }

    fn consolidation(
        &mut self,
        scene: &Scene,
        half_mm: f64,
        open: &[(f64, f64)],
    ) -> Result<Consolidation, PhantomError> {
        let room = scene.probe.depth_mm - scene.pleura.depth_mm;
        let total: f64 = open.iter().map(|(left, right)| right - left).sum();
        let share = self.random.between(0.25, 0.75);
        let width_mm = self.within("consolidation.width_mm", 0.0, 1.6 * half_mm)?;
        let depth_mm = self.within("consolidation.depth_mm", 0.0, (0.6 * room).min(0.9 * width_mm))?;
        let mut consolidation = Consolidation {
            x_mm: short(place_in(open, share * total)),
            width_mm,
            depth_mm,
            echo_db: self.value("consolidation.echo_db")?,
            shred_mm: self.within("consolidation.shred_mm", 0.0, 0.35 * depth_mm)?,
            bronchograms: Vec::new(),
        };
        if self.random.chance(self.ranges.rates.air_bronchograms) {
            // Branches run roughly one way.
            let main = self.value("bronchogram.angle_deg")?;
            for _ in 0..self.random.whole(4, 9) {
                consolidation.bronchograms.push(Bronchogram {
                    across: self.within("bronchogram.across", -0.65, 0.65)?,
                    down: self.value("bronchogram.down")?,
                    length_mm: self.within("bronchogram.length_mm", 0.0, 0.5 * depth_mm)?,
                    angle_deg: self.within("bronchogram.angle_deg", main - 20.0, main + 20.0)?,
                    echo_db: self.value("bronchogram.echo_db")?,
                });
            }
        }
        Ok(consolidation)
    }

    fn effusion(&mut self, scene: &Scene) -> Result<Effusion, PhantomError> {
        let room = scene.probe.depth_mm - scene.pleura.depth_mm;
        let mut effusion = Effusion {
            x_mm: self.within("effusion.x_mm", -15.0, 15.0)?,
            width_mm: self.value("effusion.width_mm")?,
            depth_mm: self.within("effusion.depth_mm", 0.0, 0.45 * room)?,
            echo_db: self.value("effusion.echo_db")?,
            sinusoid: self.value("effusion.sinusoid")?,
            flap: None,
        };
        let flap = Flap {
            length_mm: self.value("flap.length_mm")?,
            thickness_mm: self.value("flap.thickness_mm")?,
            echo_db: self.value("flap.echo_db")?,
        };
        if let Some(base) = &scene.base {
            // The fluid reaches from the curtain of lung, left of the dome, to the diaphragm.
            let curtain = base.dome_x_mm - self.random.between(22.0, 45.0);
            effusion.x_mm = short((curtain + 0.5 * effusion.width_mm).min(60.0));
            effusion.flap = self.random.chance(0.75).then_some(flap);
        }
        Ok(effusion)
    }
}

fn zone(pattern: &mut Draw<'_>, base_view: bool) -> Zone {
    let choices: Vec<Zone> =
        Zone::ALL.into_iter().filter(|zone| zone.shows_diaphragm() == base_view).collect();
    choices[pattern.random.index(choices.len())]
}

/// Half of the pleura's visible length.
fn half_view_mm(probe: &Probe, pleura: &Pleura) -> f64 {
    0.92 * probe.beam(1.0).at(pleura.depth_mm).0
}

/// Stretches of the pleura between the ribs, from left to right.
fn open_spaces(ribs: Option<&Ribs>, half_mm: f64) -> Vec<(f64, f64)> {
    let whole = vec![(-half_mm, half_mm)];
    let Some(ribs) = ribs else { return whole };
    let blocked = 0.5 * ribs.width_mm + 1.5;
    let mut spaces = Vec::new();
    let first = ((-half_mm - ribs.first_x_mm) / ribs.spacing_mm).floor() as i32 - 1;
    for n in first..first + 40 {
        let rib = ribs.first_x_mm + f64::from(n) * ribs.spacing_mm;
        let (left, right) = ((rib + blocked).max(-half_mm), (rib + ribs.spacing_mm - blocked).min(half_mm));
        if right - left > 3.0 {
            spaces.push((left, right));
        }
    }
    if spaces.is_empty() { whole } else { spaces }
}

/// Six decimals: enough for every quantity, and few enough that text and number are the same in both directions.
fn short(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// The place that lies `along` millimetres into the open stretches.
fn place_in(open: &[(f64, f64)], mut along: f64) -> f64 {
    for (left, right) in open {
        if along <= right - left {
            return left + along;
        }
        along -= right - left;
    }
    open.last().map_or(0.0, |(_, right)| *right)
}
