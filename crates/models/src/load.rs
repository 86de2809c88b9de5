//! From a description to networks ready to load: graphs, their weights, their plans.

use std::num::NonZeroUsize;
use std::time::Instant;

use bedside_compute::gpu::doctor::{self, Report};
use bedside_compute::gpu::{self, Device, Tuning};
use bedside_compute::plan::{Budget, Plan, PlanSettings, Totals};
use bedside_compute::rewrite::{Rewritten, rewrite};
use bedside_compute::{
    ComputeError, Element, Graph, HostTensor, KvFormat, Node, Numerics, Overlay, Player, Sizes, Symbol,
    Target,
};
use bedside_weights::{Model, Progress};

use crate::ModelsError;
use crate::description::Description;
use crate::named_weights::{NamedWeights, asked_by};
use crate::towers::ImageInput;

/// Which towers are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towers {
    /// Both.
    Both,
    /// Images only.
    Image,
    /// Texts only.
    Text,
}

/// How a model is loaded.
#[derive(Debug, Clone, Copy)]
pub struct LoadSettings {
    /// Threads of each tower's executor.
    pub threads: NonZeroUsize,
    /// How quantized weights are multiplied. Encoders that decide findings run `Exact`.
    pub numerics: Numerics,
    /// Most bytes the load may take, all in; it is refused beyond. `None`: no limit.
    pub memory_budget: Option<u64>,
    /// Which towers.
    pub towers: Towers,
    /// Most images that run at once; more are run in turns.
    pub image_batch: u64,
    /// Most texts that run at once.
    pub text_batch: u64,
}

impl Default for LoadSettings {
    /// One thread, exact, no limit, both towers, one image, eight texts.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            numerics: Numerics::Exact,
            memory_budget: None,
            towers: Towers::Both,
            image_batch: 1,
            text_batch: 8,
        }
    }
}

/// What a load will cost, tower by tower.
#[derive(Debug)]
pub struct LoadPlan {
    /// Name of the architecture.
    pub architecture: String,
    /// The image tower's plan.
    pub image: Option<Plan>,
    /// The text tower's plan.
    pub text: Option<Plan>,
}

impl LoadPlan {
    /// Both towers together: they stay loaded side by side.
    pub fn totals(&self) -> Totals {
        let plans = self.image.iter().chain(&self.text);
        plans.map(Plan::totals).fold(Totals::default(), Totals::beside)
    }
}

/// What the towers give beside features and embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Results,
    /// Every block's result.
    States,
    /// What the image tower makes of each place.
    Places,
}

/// A tower before it is loaded.
pub(crate) struct Side<'a> {
    weights: NamedWeights<'a>,
    rewritten: Rewritten,
    pub(crate) plan: Plan,
}

impl Side<'_> {
    /// Take the memory that the plan states. Errors: those of the executor.
    pub(crate) fn load(&self, target: &Target) -> Result<Player, ModelsError> {
        let overlay = Overlay::new(&self.weights, &self.rewritten.weights);
        Ok(Player::new(&self.rewritten.graph, &self.plan, &overlay, target)?)
    }

    /// Seconds of a run at the bounds on inputs of zeros, the second of two. Errors: those of the executor.
    fn seconds(&self, target: &Target) -> Result<f64, ModelsError> {
        let mut player = self.load(target)?;
        let sizes = self.plan.settings().bounds;
        let zeros = |node: &Node| -> Result<(String, HostTensor), ComputeError> {
            let dims: Vec<usize> = node.value.at(&sizes)?.iter().map(|&d| d as usize).collect();
            let count = dims.iter().product();
            let zeros = match node.value.element {
                Element::F32 => HostTensor::f32(&dims, vec![0.0; count])?,
                Element::U32 => HostTensor::u32(&dims, vec![0; count])?,
            };
            Ok((node.name.clone(), zeros))
        };
        let inputs = self.rewritten.graph.inputs().map(zeros).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<(&str, HostTensor)> =
            inputs.iter().map(|(name, x)| (name.as_str(), x.clone())).collect();
        player.run(&sizes, &inputs)?;
        let begin = Instant::now();
        player.run(&sizes, &inputs)?;
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Known answers for its operations on a device. Errors: weights that cannot be read.
    fn examine(&self, device: &Device, tuning: Option<&Tuning>) -> Result<Report, ModelsError> {
        let overlay = Overlay::new(&self.weights, &self.rewritten.weights);
        Ok(doctor::examine_plan(&self.rewritten.graph, &self.plan, &overlay, device, tuning)?)
    }

    /// The fastest kernels for its operations on a device. Errors: weights that cannot be read; a lost device.
    fn tune(&self, device: &Device, known: Option<&Tuning>) -> Result<Tuning, ModelsError> {
        let overlay = Overlay::new(&self.weights, &self.rewritten.weights);
        Ok(gpu::tune(&self.rewritten.graph, &self.plan, &overlay, device, known)?)
    }
}

/// Both towers before they are loaded, within the budget.
pub(crate) struct Sides<'a> {
    pub(crate) image: Option<Side<'a>>,
    pub(crate) text: Option<Side<'a>>,
}

impl<'a> Sides<'a> {
    /// Errors: `NotFinite`.
    pub(crate) fn check_values(&self) -> Result<(), ModelsError> {
        self.image.iter().chain(&self.text).try_for_each(|side| check_values(&side.weights))
    }

    /// Build, find the weights, plan, and hold the sum against the budget. Nothing is loaded yet.
    /// Errors: weights that are missing or of other dimensions, values that are not finite, the budget.
    pub(crate) fn prepare(
        model: &'a Model,
        description: &Description,
        settings: &LoadSettings,
        keep: Keep,
    ) -> Result<Self, ModelsError> {
        let image = description.vision.as_ref().filter(|_| settings.towers != Towers::Text);
        let image = image.map(|vision| {
            let mut bounds = Sizes::new().with(Symbol::Images, settings.image_batch.max(1));
            if let ImageInput::Patches { max_patches, .. } = vision.tower.tower().input() {
                bounds = bounds.with(Symbol::Patches, max_patches);
            }
            let graph = match keep {
                Keep::Places => vision.places_graph()?.graph,
                Keep::Results | Keep::States => vision.graph(keep == Keep::States)?,
            };
            side(model, description, graph, bounds, settings)
        });
        let text = description.text.as_ref().filter(|_| settings.towers != Towers::Image);
        let text = text.map(|text| {
            let bounds = Sizes::new()
                .with(Symbol::Texts, settings.text_batch.max(1))
                .with(Symbol::Tokens, text.tokenizer.context_length.into());
            side(model, description, text.graph(keep == Keep::States)?, bounds, settings)
        });
        let sides = Self { image: image.transpose()?, text: text.transpose()? };
        if let Some(bytes) = settings.memory_budget {
            let plans = sides.image.iter().chain(&sides.text).map(|side| side.plan.totals());
            Budget { bytes }.check(&plans.fold(Totals::default(), Totals::beside))?;
        }
        Ok(sides)
    }
}

fn side<'a>(
    model: &'a Model,
    description: &Description,
    graph: Graph,
    bounds: Sizes,
    settings: &LoadSettings,
) -> Result<Side<'a>, ModelsError> {
    let weights = NamedWeights::find(model, &description.names, asked_by(&graph)?)?;
    let rewritten = rewrite(&graph, &weights)?;
    let overlay = Overlay::new(&weights, &rewritten.weights);
    let settings = PlanSettings { bounds, numerics: settings.numerics, kv: KvFormat::F32 };
    let plan = Plan::for_weights(&rewritten.graph, &settings, &overlay)?;
    Ok(Side { weights, rewritten, plan })
}

/// Every value of every weight is a finite number: one that is not would make every result meaningless.
/// Errors: `NotFinite` with the tensor's name in the file.
pub(crate) fn check_values(weights: &NamedWeights<'_>) -> Result<(), ModelsError> {
    for (name, view) in weights.views() {
        if let Some((count, row)) = bedside_weights::not_finite(&view, Progress::silent())? {
            return Err(ModelsError::NotFinite { name: name.to_owned(), count, row });
        }
    }
    Ok(())
}

/// What loading this model will cost. Errors: as for loading, the budget aside.
pub fn plan(model: &Model, settings: &LoadSettings) -> Result<LoadPlan, ModelsError> {
    let description = crate::registry::describe(model)?;
    let unlimited = LoadSettings { memory_budget: None, ..*settings };
    let Sides { image, text } = Sides::prepare(model, &description, &unlimited, Keep::Results)?;
    Ok(LoadPlan {
        architecture: description.architecture,
        image: image.map(|side| side.plan),
        text: text.map(|side| side.plan),
    })
}

/// Whether a device computes the operations of this model rightly, in the formats of its weights: a report for each
/// tower that `settings` name. Errors: as for loading.
pub fn examine(
    model: &Model,
    settings: &LoadSettings,
    device: &Device,
    tuning: Option<&Tuning>,
) -> Result<Vec<Report>, ModelsError> {
    let description = crate::registry::describe(model)?;
    let Sides { image, text } = Sides::prepare(model, &description, settings, Keep::Results)?;
    image.iter().chain(&text).map(|side| side.examine(device, tuning)).collect()
}

/// Seconds that one batch of each tower that `settings` name takes on the device of `target`; for comparing devices.
/// Errors: as for loading, and what the device refuses.
pub fn seconds(model: &Model, settings: &LoadSettings, target: &Target) -> Result<f64, ModelsError> {
    let description = crate::registry::describe(model)?;
    let Sides { image, text } = Sides::prepare(model, &description, settings, Keep::Results)?;
    image.iter().chain(&text).map(|side| side.seconds(target)).sum()
}

/// The fastest kernels of a device for the towers of this model that `settings` name. `known`: earlier choices.
/// Errors: as for loading; a lost device.
pub fn tune(
    model: &Model,
    settings: &LoadSettings,
    device: &Device,
    known: Option<&Tuning>,
) -> Result<Tuning, ModelsError> {
    let description = crate::registry::describe(model)?;
    let Sides { image, text } = Sides::prepare(model, &description, settings, Keep::Results)?;
    let mut tuning = known.cloned();
    for side in image.iter().chain(&text) {
        tuning = Some(side.tune(device, tuning.as_ref())?);
    }
    Ok(tuning.unwrap_or_default())
}
