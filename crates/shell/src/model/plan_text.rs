//! `bedside model plan` of a text model: its two plans, one for a piece of a prompt and one for a token, run
//! one at a time on the same weights and caches.

use bedside_compute::plan::Plan;
use bedside_compute::{KvFormat, Numerics};
use bedside_models::{GeneratePlan, GenerateSettings, generate_plan};
use bedside_weights::Model;
use serde::Serialize;

use super::plan::{Cost, budget_line};
use crate::cli::PlanArguments;
use crate::exit::{Code, Failure};
use crate::{output, text};

/// The JSON document `bedside.model-plan/1` of a text model.
#[derive(Serialize)]
struct Document<'a> {
    path: String,
    architecture: &'a str,
    numerics: Numerics,
    kv: KvFormat,
    /// Tokens of prompt and answer together, at most.
    context: u64,
    /// A piece of a prompt.
    piece: Cost,
    token: Cost,
    /// Weights and caches once, the larger of the rest.
    sum: Cost,
    memory_budget_bytes: Option<u64>,
    fits: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plans: Option<[&'a Plan; 2]>,
}

pub(super) fn run(arguments: &PlanArguments, model: &Model) -> Result<Code, Failure> {
    let settings = GenerateSettings {
        numerics: arguments.cost.numerics(Numerics::Fast),
        kv: arguments.kv.format(),
        context: arguments.kv.context.map(Into::into),
        ..GenerateSettings::default()
    };
    let plan = generate_plan(model, &settings).map_err(|error| Failure::of_model(&arguments.model, error))?;
    let (sum, budget) = (plan.totals(), arguments.cost.memory_budget);
    let fits = budget.map(|budget| sum.total_bytes() <= budget);
    let path = arguments.model.display().to_string();
    let plans = [&plan.piece, &plan.token];
    if arguments.json {
        let document = Document {
            path,
            architecture: &plan.architecture,
            numerics: settings.numerics,
            kv: settings.kv,
            context: plan.context,
            piece: (*plan.piece.totals()).into(),
            token: (*plan.token.totals()).into(),
            sum: sum.into(),
            memory_budget_bytes: budget,
            fits,
            plans: arguments.nodes.then_some(plans),
        };
        output::document("model-plan", &document)?;
    } else {
        let mut out = report(&path, &plan, &settings);
        out.push_str(&budget_line(&sum, budget));
        if arguments.nodes {
            plans.iter().for_each(|plan| out.push_str(&format!("\n{plan}")));
        }
        output::print(&out)?;
    }
    Ok(if fits == Some(false) { Code::Model } else { Code::Done })
}

fn report(path: &str, plan: &GeneratePlan, settings: &GenerateSettings) -> String {
    let sum = plan.totals();
    let rows =
        [("piece of a prompt", *plan.piece.totals()), ("one token", *plan.token.totals()), ("together", sum)];
    let rows = rows.map(|(name, totals)| {
        let parts =
            [totals.weights_bytes, totals.activations_bytes, totals.kv_cache_bytes, totals.staging_bytes];
        let mut row = vec![name.to_owned()];
        row.extend(parts.into_iter().chain([totals.total_bytes()]).map(text::bytes));
        row.push(format!("{:.3}", totals.flops as f64 / 1e9));
        row
    });
    let header = ["", "weights", "activations", "KV cache", "staging", "total", "GFLOP"];
    let table = text::table(&header, &[1, 2, 3, 4, 5, 6], rows);
    let GenerateSettings { numerics, kv, .. } = settings;
    let (name, architecture) = (text::name(path), text::name(&plan.architecture));
    format!(
        "{name}: {architecture}, context {}, KV cache {kv}, {numerics}\n\n{table}\n\n{} bytes in all\n",
        text::count(plan.context),
        text::count(sum.total_bytes())
    )
}
