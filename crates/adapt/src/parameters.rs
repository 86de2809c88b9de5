//! Everything that training changes, by the name of the file: weights, factor and bias of the logits, their moments.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bedside_compute::OwnedWeight;
use bedside_compute::train::Differentiator;
use bedside_tensor::{DType, Shape};
use bedside_weights::gguf::{Metadata, TensorSpec, Value, Writer};
use bedside_weights::{Model, Overwrite, WeightsError};

use crate::AdaptError;
use crate::adamw::{AdamW, Moments};

/// Keys of the two numbers that are no tensors.
pub(crate) const LOG_SCALE: &str = "clip.logit_scale";
pub(crate) const BIAS: &str = "clip.logit_bias";
/// Prefixes of moments in a checkpoint.
const FIRST: &str = "m.";
const SECOND: &str = "s.";
const STEP: &str = "bedside.adapt.step";
const SETTINGS: &str = "bedside.adapt.settings";

/// One of them.
#[derive(Debug, Clone, PartialEq)]
struct Parameter {
    dims: Vec<u64>,
    values: Vec<f32>,
    moments: Moments,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Those of a model file, before the first step. Errors: formats that are not f32 numbers in any way.
    pub(crate) fn of(model: &Model) -> Result<Self, AdaptError> {
        let mut all = BTreeMap::new();
        for info in model.tensors() {
            let view = model.view(info)?;
            let values = view.to_f32().map_err(WeightsError::from)?;
            all.insert(info.name.to_string(), Parameter::new(info.shape.dims().to_vec(), values));
        }
        for key in [LOG_SCALE, BIAS] {
            let value = model.metadata().float(key)?.unwrap_or(0.0) as f32;
            all.insert(key.to_owned(), Parameter::new(vec![1], vec![value]));
        }
        Ok(Self(all))
    }

    /// The first number of a parameter; 0 for one that is not there.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.0.get(name).and_then(|p| p.values.first()).map_or(0.0, |x| f64::from(*x))
    }

    /// Take `mean` from the numbers of a bias. A name that is not there stays so.
    pub(crate) fn subtract(&mut self, name: &str, mean: &[f32]) {
        if let Some(p) = self.0.get_mut(name) {
            p.values.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
        }
    }

    /// Weights for a graph. Errors: none for what came out of a file.
    pub(crate) fn source(&self) -> Result<HashMap<String, OwnedWeight>, AdaptError> {
        let owned = |(name, p): (&String, &Parameter)| {
            Ok((name.clone(), OwnedWeight::new(name, DType::F32, &p.dims, &p.values)?))
        };
        self.0.iter().map(owned).collect()
    }

    /// Length of a gradient, over all parameters.
    pub(crate) fn length(gradients: &BTreeMap<String, Vec<f32>>) -> f64 {
        let squares = gradients.values().flatten().map(|x| f64::from(*x) * f64::from(*x));
        squares.sum::<f64>().sqrt()
    }

    /// One step of the optimiser, `at`: as [`AdamW::step`] takes it.
    pub(crate) fn step(
        &mut self,
        optimiser: &AdamW,
        at: (u64, f64, f64),
        gradients: &BTreeMap<String, Vec<f32>>,
    ) {
        for (name, gradient) in gradients {
            let Some(p) = self.0.get_mut(name) else { continue };
            let decayed = p.dims.len() > 1 && !name.contains("_embd") && !name.contains("token_types");
            optimiser.step(at, decayed, &mut p.values, gradient, &mut p.moments);
        }
    }

    /// Bring the weights to where they are used.
    pub(crate) fn load_into(&self, network: &mut Differentiator) {
        for (name, p) in &self.0 {
            if let Some(weight) = network.weight_mut(name) {
                weight.copy_from_slice(&p.values);
            }
        }
    }

    /// Write the model: `description` with the numbers as they are now. Errors: those of the writer.
    pub(crate) fn write_model(&self, description: &Metadata, path: &Path) -> Result<(), AdaptError> {
        let mut metadata = description.clone();
        for key in [LOG_SCALE, BIAS] {
            metadata.remove(key);
            metadata.insert(key, Value::F32(self.number(key) as f32))?;
        }
        let tensors = self.0.iter().filter(|(name, _)| ![LOG_SCALE, BIAS].contains(&name.as_str()));
        let tensors: Vec<_> = tensors.map(|(name, p)| (name.clone(), &p.dims, &p.values)).collect();
        write(path, &metadata, &tensors)
    }

    /// Write everything that the next step depends on, whole or not at all. `settings`: what a run that goes on has
    /// to have too. Errors: those of the writer.
    pub(crate) fn write_checkpoint(&self, path: &Path, step: u64, settings: &str) -> Result<(), AdaptError> {
        let mut metadata = Metadata::default();
        metadata.insert("general.architecture", Value::String("bedside-checkpoint".into()))?;
        metadata.insert(STEP, Value::U64(step))?;
        metadata.insert(SETTINGS, Value::String(settings.into()))?;
        let mut tensors = Vec::new();
        for (name, p) in &self.0 {
            tensors.push((name.clone(), &p.dims, &p.values));
            tensors.push((format!("{FIRST}{name}"), &p.dims, &p.moments.first));
            tensors.push((format!("{SECOND}{name}"), &p.dims, &p.moments.second));
        }
        write(path, &metadata, &tensors)
    }

    /// Go on from a checkpoint: the number of steps done. Errors: `File` for one of other settings or sizes.
    pub(crate) fn read_checkpoint(&mut self, path: &Path, settings: &str) -> Result<u64, AdaptError> {
        let model = Model::open(path)?;
        let wrong = |what, expected: &str, got: &str| AdaptError::File {
            path: path.to_owned(),
            what,
            expected: expected.to_owned(),
            got: got.to_owned(),
        };
        let found = model.metadata().str(SETTINGS)?.unwrap_or("none");
        if found != settings {
            return Err(wrong("settings of the run", settings, found));
        }
        let step = model.metadata().unsigned(STEP)?.ok_or_else(|| wrong("step", "a number", "none"))?;
        for (name, p) in &mut self.0 {
            for (prefix, into) in
                [("", &mut p.values), (FIRST, &mut p.moments.first), (SECOND, &mut p.moments.second)]
            {
                let values =
                    model.tensor(&format!("{prefix}{name}"))?.to_f32().map_err(WeightsError::from)?;
                if values.len() != into.len() {
                    return Err(wrong(
                        "numbers of a weight",
                        &into.len().to_string(),
                        &values.len().to_string(),
                    ));
                }
                *into = values;
            }
        }
        Ok(step)
    }
}

impl Parameter {
    fn new(dims: Vec<u64>, values: Vec<f32>) -> Self {
        let moments = Moments::new(values.len());
        Self { dims, values, moments }
    }
}

fn write(
    path: &Path,
    metadata: &Metadata,
    tensors: &[(String, &Vec<u64>, &Vec<f32>)],
) -> Result<(), AdaptError> {
    let spec = |(name, dims, _): &(String, &Vec<u64>, &Vec<f32>)| {
        let shape = Shape::new(dims).map_err(WeightsError::from)?;
        Ok::<_, AdaptError>(TensorSpec { name: name.clone(), dtype: DType::F32, shape })
    };
    let specs = tensors.iter().map(spec).collect::<Result<Vec<_>, _>>()?;
    let mut writer = Writer::create(path, Overwrite::Replace, metadata, &specs)?;
    for (name, _, values) in tensors {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        writer.write(name, &bytes)?;
    }
    Ok(writer.finish()?)
}
