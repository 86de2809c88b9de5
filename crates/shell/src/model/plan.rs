//! `bedside model plan`: what a load will cost, before it is made.

use bedside_compute::Numerics;
use bedside_compute::plan::{Plan, Totals};
use bedside_models::{LoadPlan, LoadSettings, is_text_model, plan};
use bedside_weights::Model;
use serde::Serialize;

use super::plan_text;
use crate::cli::PlanArguments;
use crate::exit::{Code, Failure};
use crate::{output, text};

/// The JSON document `bedside.model-plan/1`.
#[derive(Serialize)]
struct Document<'a> {
    path: String,
    architecture: &'a str,
    numerics: Numerics,
    /// Images that run at once.
    images: u64,
    /// Texts that run at once.
    texts: u64,
    /// `None`: the model has no such tower.
    image: Option<Cost>,
    text: Option<Cost>,
    sum: Cost,
    memory_budget_bytes: Option<u64>,
    /// Within the budget. `None`: there is none.
    fits: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plans: Option<Vec<&'a Plan>>,
}

#[derive(Serialize)]
pub(super) struct Cost {
    #[serde(flatten)]
    totals: Totals,
    total_bytes: u64,
}

impl From<Totals> for Cost {
    fn from(totals: Totals) -> Self {
        Self { totals, total_bytes: totals.total_bytes() }
    }
}

pub(super) fn run(arguments: &PlanArguments) -> Result<Code, Failure> {
    let model = Model::open(&arguments.model)?;
    if is_text_model(&model) {
        return plan_text::run(arguments, &model);
    }
    let settings = LoadSettings {
        numerics: arguments.cost.numerics(Numerics::Exact),
        image_batch: u64::from(arguments.images.get()),
        text_batch: u64::from(arguments.texts.get()),
        ..LoadSettings::default()
    };
    let plan = plan(&model, &settings).map_err(|error| Failure::of_model(&arguments.model, error))?;
    let (sum, budget) = (plan.totals(), arguments.cost.memory_budget);
    let fits = budget.map(|budget| sum.total_bytes() <= budget);
    let path = arguments.model.display().to_string();
    if arguments.json {
        let document = Document {
            path,
            architecture: &plan.architecture,
            numerics: settings.numerics,
            images: settings.image_batch,
            texts: settings.text_batch,
            image: plan.image.as_ref().map(|plan| (*plan.totals()).into()),
            text: plan.text.as_ref().map(|plan| (*plan.totals()).into()),
            sum: sum.into(),
            memory_budget_bytes: budget,
            fits,
            plans: arguments.nodes.then(|| plan.image.iter().chain(&plan.text).collect()),
        };
        output::document("model-plan", &document)?;
    } else {
        let mut out = report(&path, &plan, &settings);
        out.push_str(&budget_line(&sum, budget));
        if arguments.nodes {
            plan.image.iter().chain(&plan.text).for_each(|plan| out.push_str(&format!("\n{plan}")));
        }
        output::print(&out)?;
    }
    Ok(if fits == Some(false) { Code::Model } else { Code::Done })
}

fn report(path: &str, plan: &LoadPlan, settings: &LoadSettings) -> String {
    let sum = plan.totals();
    let towers = plan.image.iter().map(|plan| ("image tower", *plan.totals()));
    let towers = towers.chain(plan.text.iter().map(|plan| ("text tower", *plan.totals())));
    let rows = towers.chain([("sum", sum)]).map(|(name, totals)| {
        let parts = [totals.weights_bytes, totals.activations_bytes, totals.staging_bytes];
        let mut row = vec![name.to_owned()];
        row.extend(parts.into_iter().chain([totals.total_bytes()]).map(text::bytes));
        row.push(format!("{:.3}", totals.flops as f64 / 1e9));
        row
    });
    let header = ["", "weights", "activations", "staging", "total", "GFLOP"];
    let table = text::table(&header, &[1, 2, 3, 4, 5], rows);
    let LoadSettings { image_batch, text_batch, numerics, .. } = settings;
    let (name, architecture) = (text::name(path), text::name(&plan.architecture));
    format!(
        "{name}: {architecture}, images at once {image_batch}, texts {text_batch}, {numerics}\n\n{table}\n\n\
         {} bytes in all\n",
        text::count(sum.total_bytes())
    )
}

pub(super) fn budget_line(sum: &Totals, budget: Option<u64>) -> String {
    let (total, [shown, budget_shown]) =
        (sum.total_bytes(), [sum.total_bytes(), budget.unwrap_or(0)].map(text::count));
    match budget {
        None => String::new(),
        Some(budget) if total <= budget => format!("fits the budget of {budget_shown} bytes\n"),
        Some(budget) => format!(
            "OVER BUDGET: {shown} bytes are needed, the budget is {budget_shown}: {} too many\n",
            text::count(total - budget)
        ),
    }
}
