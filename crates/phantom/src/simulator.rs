//! From a scene to frames: anatomy on the polar grid, scatterers, point spread function, grey, screen.

use bedside_imaging::Pixels;

use crate::a_lines::{Echoes, echoes, reverberate};
use crate::attenuation::{preset_gain, transmission};
use crate::b_lines::count_visible;
use crate::compression::{add_power, compress, gains, grey_map, smooth};
use crate::echo_grid::{EchoGrid, Sightline};
use crate::error::PhantomError;
use crate::findings::{Labels, Seen};
use crate::frame::{Cine, Frame};
use crate::motion::Moment;
use crate::point_spread::PointSpread;
use crate::portable::amplitude;
use crate::random::{Part, Stream};
use crate::scan_conversion::{FrameGeometry, ScanConversion};
use crate::scene::Scene;
use crate::speckle::{Scatterers, scatter};
use crate::truth::TruthMap;

/// A scene made ready: everything that does not change from frame to frame.
pub struct Simulator {
    scene: Scene,
    geometry: FrameGeometry,
    conversion: ScanConversion,
    spread: PointSpread,
    /// `(samples,)`
    gains: Vec<f32>,
    /// `(samples,)`
    clutter: Vec<f32>,
    map: Vec<u8>,
    /// Wall and lung, one pair for each look.
    fields: Vec<(Scatterers, Scatterers)>,
}

impl Simulator {
    /// Prepare a scene.
    /// Errors: those of [`Scene::validate`].
    pub fn new(scene: &Scene) -> Result<Self, PhantomError> {
        scene.validate()?;
        let (probe, machine) = (&scene.probe, &scene.machine);
        let (width, height) = (machine.width_px, machine.height_px);
        let (beams, samples) = (machine.beams as usize, machine.samples as usize);
        let geometry = FrameGeometry::fit(probe, width, height);
        let step = probe.depth_mm / samples as f64;
        let field = |part, look| Scatterers::new(scene.seed, part, look, samples, beams);
        Ok(Self {
            conversion: ScanConversion::new(probe, &geometry, (width, height), (beams, samples)),
            geometry,
            spread: PointSpread::new(probe, machine),
            gains: gains(probe, machine),
            clutter: (0..samples).map(|s| scene.artefacts.clutter(s as f64 * step) as f32).collect(),
            map: grey_map(machine.grey_gamma),
            fields: (0..machine.looks)
                .map(|look| (field(Part::WallSpeckle, look), field(Part::LungSpeckle, look)))
                .collect(),
            scene: scene.clone(),
        })
    }

    /// The scene.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// One frame of the cine; 0 is the still. Any index is a moment of the same motion.
    /// Errors: `Imaging`, which limits that hold make impossible.
    pub fn frame(&self, index: u32) -> Result<Frame, PhantomError> {
        let machine = &self.scene.machine;
        let time_ms = self.scene.motion.time_ms(index);
        let moment = self.scene.motion.at(time_ms);
        let mut anatomy = Anatomy::paint(&self.scene, moment);
        let mut level = self.receive(&mut anatomy, moment, index);
        smooth(&mut level, anatomy.grid.beams, machine.smoothing as f32);
        let grey = self.conversion.grey(&level, &self.map);
        let bits = self.conversion.nearest(&anatomy.grid.truth);
        let truth = TruthMap::new(machine.width_px, machine.height_px, bits);
        let assessable = anatomy.sight.iter().filter(|line| line.air_mm.is_some() && line.open > 0.5).count();
        let (b_lines, b_line_share) = count_visible(&anatomy.covered, assessable);
        let labels = Labels::of(&self.scene, &truth, Seen { b_lines, b_line_share });
        Ok(Frame {
            pixels: Pixels::new(machine.width_px, machine.height_px, 1, grey)?,
            labels,
            truth,
            geometry: self.geometry,
            time_ms,
        })
    }

    /// All frames of the scene's motion.
    /// Errors: those of [`Simulator::frame`].
    pub fn cine(&self) -> Result<Cine, PhantomError> {
        let frames: Result<Vec<_>, _> = (0..self.scene.motion.frames).map(|n| self.frame(n)).collect();
        Ok(Cine { frames: frames?, frame_time_ms: self.scene.motion.frame_time_ms })
    }

    /// What the machine shows of an anatomy: `(samples, beams)` display levels.
    fn receive(&self, anatomy: &mut Anatomy, moment: Moment, index: u32) -> Vec<f32> {
        let echoes = echoes(&mut anatomy.grid, &anatomy.sight, &self.scene.lung, &self.scene.pleura);
        hide_behind_ribs(&mut anatomy.grid, &anatomy.sight);
        let mut power = self.power(&anatomy.grid, &echoes, moment, index);
        compress(&mut power, &self.scene.machine);
        power
    }

    /// Power of the echoes of a grid after TGC, all looks added: `(samples, beams)`. `echoes`: `(beams,)`.
    fn power(&self, grid: &EchoGrid, echoes: &[Echoes], moment: Moment, index: u32) -> Vec<f32> {
        let scene = &self.scene;
        let beams = grid.beams;
        let left = transmission(grid, &scene.artefacts.contact(beams));
        let spacing = scene.probe.beam_spacing_mm(beams, scene.pleura.depth_mm);
        let scale = self.spread.diffuse_scale();
        let mut power = vec![0.0; left.len()];
        for (look, (wall, lung)) in self.fields.iter().enumerate() {
            let shift = moment.slide_mm / spacing;
            let (mut re, mut im) = scatter(grid, (wall, lung), shift, &left, (&scale, &self.clutter));
            reverberate(&mut re, &mut im, echoes);
            self.spread.blur_across(&mut re, beams);
            self.spread.blur_across(&mut im, beams);
            self.add_noise(&mut re, &mut im, (index, look as u32));
            let re = self.spread.blur_along(&re, beams);
            let im = self.spread.blur_along(&im, beams);
            add_power(&mut power, &re, &im, &self.gains, beams);
        }
        power
    }

    /// Electronic noise: new in every frame, the same at every range before TGC, so that it grows with depth after.
    fn add_noise(&self, re: &mut [f32], im: &mut [f32], (index, look): (u32, u32)) {
        let probe = &self.scene.probe;
        let gain = preset_gain(probe.frequency_mhz, probe.depth_mm);
        let level = (amplitude(self.scene.machine.noise_db) / gain) as f32 * self.spread.noise_scale();
        let (mut a, mut b) = (vec![0.0; re.len()], vec![0.0; im.len()]);
        let stream = index.wrapping_mul(8).wrapping_add(look);
        Stream::new(self.scene.seed, Part::Noise, stream).fill_complex(&mut a, &mut b);
        re.iter_mut().zip(&a).for_each(|(x, noise)| *x += level * noise);
        im.iter_mut().zip(&b).for_each(|(x, noise)| *x += level * noise);
    }
}

/// The painted grid of one moment.
struct Anatomy {
    grid: EchoGrid,
    sight: Vec<Sightline>,
    /// For each beam, the B-line it shows.
    covered: Vec<Option<usize>>,
}

impl Anatomy {
    fn paint(scene: &Scene, moment: Moment) -> Self {
        let (probe, machine) = (&scene.probe, &scene.machine);
        let beams = machine.beams as usize;
        let mut grid = EchoGrid::new(beams, machine.samples as usize, probe.depth_mm, probe.frequency_mhz);
        let mut sight: Vec<Sightline> = (0..beams)
            .map(|b| scene.pleura.meet(probe.beam(b as f64 / (beams - 1) as f64), moment))
            .collect();
        scene.wall.paint(&mut grid, &sight, scene.seed);
        if let Some(ribs) = &scene.ribs {
            ribs.paint(&mut grid, &mut sight, &scene.pleura);
        }
        if scene.base.is_some() {
            paint_base(scene, &mut grid, &mut sight, moment);
        } else {
            paint_intercostal(scene, &mut grid, &mut sight, moment);
        }
        for (b, line) in sight.iter().enumerate() {
            grid.moves_with_lung(b, line.lung_mm);
        }
        let covered = scene.lung.paint(&mut grid, &mut sight, moment, scene.seed);
        for part in &scene.consolidations {
            part.paint_bronchograms(&mut grid, &sight, probe, moment);
        }
        let weight: Vec<f64> = sight.iter().map(pleura_weight).collect();
        scene.pleura.paint(&mut grid, &sight, &weight, moment, scene.seed);
        Self { grid, sight, covered }
    }
}

fn paint_intercostal(scene: &Scene, grid: &mut EchoGrid, sight: &mut [Sightline], moment: Moment) {
    if let Some(effusion) = &scene.effusion {
        effusion.paint(grid, sight, &scene.pleura, moment, scene.seed);
    }
    let attenuation = scene.wall.attenuation_db_cm_mhz;
    for (number, part) in scene.consolidations.iter().enumerate() {
        part.paint(grid, sight, moment, (scene.seed, number as u32), attenuation);
    }
}

fn paint_base(scene: &Scene, grid: &mut EchoGrid, sight: &mut [Sightline], moment: Moment) {
    let Some(base) = &scene.base else { return };
    let wall_z = scene.pleura.smooth_z(base.dome_x_mm);
    let tissue = (scene.seed, scene.wall.attenuation_db_cm_mhz);
    base.paint(grid, sight, scene.effusion.as_ref(), (wall_z, moment), tissue);
}

/// How bright the pleural line is: full over air, less where no air follows it.
fn pleura_weight(line: &Sightline) -> f64 {
    match line.air_mm {
        Some(air) if air <= line.pleura_mm + 0.5 => 1.0,
        Some(_) => 0.3,
        None => 0.2,
    }
}

/// Nothing is seen in the shadow of a rib.
fn hide_behind_ribs(grid: &mut EchoGrid, sight: &[Sightline]) {
    for (b, line) in sight.iter().enumerate() {
        if line.open < 0.3 {
            grid.hide(b, 0.0);
        }
    }
}

#[cfg(test)]
mod tests;
