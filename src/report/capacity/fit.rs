//! How many more copies of a workload's pod fit, as data and as text.

use serde::Serialize;

use crate::experiment::capacity::fit::{Fit, NodeFit};
use crate::experiment::measures::Unit;
use crate::model::resources::Millicores;
use crate::report::comparison::amount;
use crate::report::summary::seconds;
use crate::report::table::Table;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/fit/v1";

/// How many more copies fit, as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FitSummary {
    /// The version of this format.
    pub format: &'static str,
    /// The version of the program.
    pub sim_version: &'static str,
    /// The answer.
    pub verdict: String,
    /// The workload.
    pub workload: String,
    /// The instant [s].
    pub at: f64,
    /// How many more fit.
    pub copies: u32,
    /// Why the next does not, in the scheduler's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The nodes.
    pub nodes: Vec<NodeFitRow>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// How many more copies fit on a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFitRow {
    /// Its name.
    pub node: String,
    /// Its pods before.
    pub pods: usize,
    /// How many more copies it takes.
    pub copies: u32,
    /// The room for cpu requests that is left then [millicores].
    pub cpu_left: i64,
    /// The room for memory requests [bytes].
    pub memory_left: i64,
    /// The room for pods.
    pub pods_left: i64,
    /// Why it refuses the next copy, in the scheduler's words.
    pub refuses: Vec<String>,
}

/// The answer as data.
pub fn summarise(fit: &Fit, workload: &str, assumptions: &[String], reproduce: String) -> FitSummary {
    FitSummary {
        format: FORMAT,
        sim_version: env!("CARGO_PKG_VERSION"),
        verdict: verdict(fit, workload),
        workload: workload.to_owned(),
        at: seconds(fit.at),
        copies: fit.n_copies,
        message: fit.message.clone(),
        nodes: fit.nodes.iter().map(row).collect(),
        assumptions: assumptions.to_vec(),
        reproduce,
    }
}

fn row(node: &NodeFit) -> NodeFitRow {
    NodeFitRow {
        node: node.node.clone(),
        pods: node.n_pods,
        copies: node.n_copies,
        cpu_left: node.room.cpu.0,
        memory_left: node.room.memory.0,
        pods_left: node.room.pods,
        refuses: node.refuses.clone(),
    }
}

fn verdict(fit: &Fit, workload: &str) -> String {
    let (at, n) = (fit.at, fit.n_copies);
    let copies = match n {
        0 => "no more copy".to_owned(),
        1 => "1 more copy".to_owned(),
        n => format!("{n} more copies"),
    };
    let verb = if n > 1 { "fit" } else { "fits" };
    match &fit.message {
        Some(message) => {
            let message = message.trim_end_matches('.');
            format!("At {at} {copies} of {workload} {verb}; the next is refused: {message}.")
        }
        None => format!("At {at} {copies} of {workload} {verb}, and perhaps more: it was given up there."),
    }
}

/// The answer as text.
pub fn text(summary: &FitSummary) -> String {
    let heads = ["NODE", "PODS", "MORE", "CPU LEFT", "MEMORY LEFT", "PODS LEFT", "REFUSES THE NEXT FOR"];
    let mut table = Table::new(&heads);
    for node in &summary.nodes {
        table.row([
            node.node.clone(),
            node.pods.to_string(),
            node.copies.to_string(),
            Millicores(node.cpu_left).to_string(),
            amount(Unit::Bytes, node.memory_left as f64),
            node.pods_left.to_string(),
            node.refuses.join(", "),
        ]);
    }
    let assumed: String = summary.assumptions.iter().map(|line| format!("assumed {line}\n")).collect();
    format!(
        "{}\n\n{table}\n{assumed}again   {}   (sim {})\n",
        summary.verdict, summary.reproduce, summary.sim_version
    )
}
