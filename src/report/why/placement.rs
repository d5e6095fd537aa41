//! What the scheduler made of each node for a pod: at the instant when it chose one, or now for a pod that waits.
//!
//! For a pod that runs, the scenario is played again up to the event that bound it: a run is the same each time.

use std::fmt;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::experiment::trial::Trial;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::pod::Pod;
use crate::model::profile::Profile;
use crate::model::resources::{Bytes, Millicores};
use crate::observe::run::RunObserver;
use crate::observe::story::Story;
use crate::report::table::Table;
use crate::report::why::{NodeVerdictRow, Scores};
use crate::scheduler::explain::{Explanation, NodeScore, NodeVerdict, Refusal, Scope};
use crate::scheduler::framework::{Code, Plugin};
use crate::scheduler::plugins::default_preemption::Preemption;
use crate::scheduler::queue::Place;
use crate::sim::Simulation;

/// At most so many nodes of each sort are shown as text.
const ROWS_MAX: usize = 20;

/// What the scheduler made of the nodes.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// What came of it, in a line or a few.
    pub lines: Vec<String>,
    /// Node by node: the best first, then those that refuse the pod.
    pub nodes: Vec<NodeVerdictRow>,
}

/// Why a bound pod is on its node.
pub(super) fn of_bound(trial: &Trial<Story>, id: PodId, pod: &Pod) -> Placement {
    let story = &trial.simulation.observer().1;
    let cluster = trial.simulation.cluster();
    let (Some(node), Some(seq)) = (pod.node, story.bound_by) else { return Placement::default() };
    let node_name = cluster.name_of(ObjectId::Node(node));
    if pod.spec.node_name.is_some() {
        let line = format!("It names its node in spec.nodeName: the scheduler did not choose {node_name}.");
        return Placement { lines: vec![line], ..Placement::default() };
    }
    let mut replay = Simulation::new(Arc::clone(trial.simulation.scenario()), RunObserver::default());
    while replay.n_events() + 1 < seq && replay.step(trial.end) {}
    let Some(then) = replay.cluster().pod(id) else { return Placement::default() };
    let scheduler = replay.scheduler();
    let scope = Scope::SearchFrom(scheduler.next_start());
    let explanation = scheduler.explain(replay.context(), replay.cluster(), then, scope);
    let is_nominated = then.status.nominated_node.as_ref() == Some(&node_name);
    let line = if is_nominated {
        format!("Placed on {node_name}, to which preemption had nominated it: no other node was compared.")
    } else {
        choice_line(&explanation, node, &node_name)
    };
    let profile = &replay.context().profile;
    let nodes = rows(&explanation, Some(node), replay.cluster(), profile);
    Placement { lines: vec![line], nodes: if is_nominated { Vec::new() } else { nodes } }
}

fn choice_line(explanation: &Explanation, node: NodeId, name: &str) -> String {
    let n_scored = scored(explanation).count();
    let best = scored(explanation).map(|(_, score)| score.total).max().unwrap_or(0);
    match (n_scored, explanation.best.len()) {
        (0 | 1, _) => format!("Placed on {name}: the only node that takes it, so none was scored."),
        (_, 1) => format!("Placed on {name}: the highest score, {best}, of {n_scored} nodes that take it."),
        (_, n_best) => {
            let others = n_best - usize::from(explanation.best.contains(&node));
            format!(
                "Placed on {name}: it and {others} more have the highest score, {best}, of {n_scored} nodes that \
                 take it; the lot fell on it."
            )
        }
    }
}

/// Why a pod waits, and what would have to change.
pub(super) fn of_pending(trial: &Trial<Story>, id: PodId, pod: &Pod) -> Placement {
    let simulation = &trial.simulation;
    let profile = &simulation.context().profile;
    let explanation =
        simulation.scheduler().explain(simulation.context(), simulation.cluster(), pod, Scope::AllNodes);
    let cluster = simulation.cluster();
    let mut lines = vec![queue_line(trial, id)];
    lines.extend(preemption_line(&explanation, pod, cluster));
    if let Some(name) = explanation.best.first().map(|node| cluster.name_of(ObjectId::Node(*node))) {
        lines.push(format!("As things are it would go to {name} at the next try."));
    } else {
        lines.extend(closest_line(&explanation, pod, cluster));
    }
    Placement { lines, nodes: rows(&explanation, None, cluster, profile) }
}

/// Where in the scheduler's queue the pod is.
fn queue_line(trial: &Trial<Story>, id: PodId) -> String {
    let Some(queued) = trial.simulation.scheduler().queue().get(id) else {
        return "The scheduler does not know it: it is another scheduler's, or the scheduler is down."
            .to_owned();
    };
    let tried = match queued.attempts {
        0 => String::new(),
        1 => "Tried once; ".to_owned(),
        n => format!("Tried {n} times; "),
    };
    let waits = match queued.place {
        Place::Active | Place::InFlight => "it can be tried now.",
        Place::Backoff => "it is tried again when its back-off is over.",
        Place::Unschedulable => {
            "it is tried again when something happens that could help, and after 5 min in any case."
        }
        Place::Gated => "it is not tried before its scheduling gates are removed.",
    };
    capitalized(&format!("{tried}{waits}"))
}

fn capitalized(line: &str) -> String {
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn preemption_line(explanation: &Explanation, pod: &Pod, cluster: &Cluster) -> Option<String> {
    if let Some(node) = &pod.status.nominated_node {
        return Some(format!("Preemption has nominated it to {node}, where its victims have to end first."));
    }
    let Preemption::Plan(plan) = &explanation.fit_error.as_ref()?.preemption else { return None };
    let victims = plan.best.victims.iter().filter_map(|victim| cluster.pod(*victim));
    let victims: Vec<_> =
        victims.map(|victim| format!("{} (priority {})", victim.meta.name, victim.spec.priority)).collect();
    let node = cluster.name_of(ObjectId::Node(plan.best.node));
    let budgets = match plan.best.n_violations {
        0 => String::new(),
        n => format!(", {n} of them against a PodDisruptionBudget"),
    };
    Some(format!("Preemption would make room on {node} by removing {}{budgets}.", victims.join(", ")))
}

/// The node on which the least is missing, among those that refuse the pod for want of room only.
fn closest_line(explanation: &Explanation, pod: &Pod, cluster: &Cluster) -> Option<String> {
    let is_short_only = |verdict: &NodeVerdict| {
        matches!(verdict, NodeVerdict::Refused(refusal)
            if refusal.plugin == Plugin::NodeResourcesFit && refusal.also.is_empty())
    };
    let short = explanation.nodes.iter().filter(|(_, verdict)| is_short_only(verdict));
    let shortfalls = short.filter_map(|(node, _)| Some((*node, shortfall(*node, pod, cluster)?)));
    let (node, missing) = shortfalls.min_by(|(_, a), (_, b)| a.share.total_cmp(&b.share))?;
    let name = cluster.name_of(ObjectId::Node(node));
    Some(format!("The least is missing on {name}: {}.", missing.text))
}

/// What a node is short of.
struct Shortfall {
    /// The largest of the missing amounts, as a share of what the pod asks for.
    share: f64,
    text: String,
}

fn shortfall(node: NodeId, pod: &Pod, cluster: &Cluster) -> Option<Shortfall> {
    let (spec, usage) = (&cluster.node(node)?.spec, cluster.usage(node));
    let (asked, offered, used) = (&pod.spec.derived.requests, &spec.allocatable, &usage.requested);
    let mut parts = Vec::new();
    let mut share: f64 = 0.0;
    let mut add = |asked: i64, left: i64, show: &dyn Fn(i64) -> String| {
        if asked > 0 && asked > left {
            share = share.max((asked - left) as f64 / asked as f64);
            parts.push(show(asked - left));
        }
    };
    add(asked.cpu.0, offered.cpu.0 - used.cpu.0, &|n| format!("{} cpu", Millicores(n)));
    add(asked.memory.0, offered.memory.0 - used.memory.0, &|n| format!("{} memory", Bytes(n)));
    let storage = offered.ephemeral_storage.0 - used.ephemeral_storage.0;
    add(asked.ephemeral_storage.0, storage, &|n| format!("{} ephemeral-storage", Bytes(n)));
    for (name, amount) in &asked.extended {
        add(*amount, offered.extended(name) - used.extended(name), &|n| format!("{n} {name}"));
    }
    if parts.is_empty() {
        parts.push("a place for one more pod".to_owned());
    }
    Some(Shortfall { share, text: parts.join(", ") })
}

fn scored(explanation: &Explanation) -> impl Iterator<Item = (NodeId, &NodeScore)> {
    explanation.nodes.iter().filter_map(|(node, verdict)| match verdict {
        NodeVerdict::Scored(score) => Some((*node, score)),
        NodeVerdict::Refused(_) | NodeVerdict::NotAskedFor | NodeVerdict::NotReached => None,
    })
}

/// The nodes as rows: those that take the pod by score, the chosen one before its equals; then the others.
fn rows(
    explanation: &Explanation,
    chosen: Option<NodeId>,
    cluster: &Cluster,
    profile: &Profile,
) -> Vec<NodeVerdictRow> {
    let mut by_score: Vec<_> = scored(explanation).collect();
    by_score.sort_by_key(|(node, score)| (std::cmp::Reverse(score.total), Some(*node) != chosen));
    let best = by_score.first().map_or(0, |(_, score)| score.total);
    let name = |node: NodeId| cluster.name_of(ObjectId::Node(node)).to_string();
    let scored_rows = by_score.into_iter().map(|(node, score)| {
        let verdict = match best - score.total {
            _ if Some(node) == chosen => "chosen".to_owned(),
            0 if chosen.is_some() => "as good".to_owned(),
            0 => "best".to_owned(),
            less => format!("{less} less"),
        };
        let plugins = explanation.score_plugins.iter().map(|plugin| plugin.as_str());
        let scores =
            Scores { plugins: plugins.zip(score.weighted.iter().copied()).collect(), total: score.total };
        NodeVerdictRow { node: name(node), refused_by: String::new(), verdict, scores: Some(scores) }
    });
    let others = explanation.nodes.iter().filter_map(|(node, verdict)| {
        let (refused_by, verdict) = match verdict {
            NodeVerdict::Scored(_) => return None,
            NodeVerdict::Refused(refusal) => {
                (refusal.plugin.as_str().to_owned(), refusal_text(refusal, profile))
            }
            NodeVerdict::NotAskedFor => (String::new(), "the pod names other nodes".to_owned()),
            NodeVerdict::NotReached => (String::new(), "not looked at: enough nodes were found".to_owned()),
        };
        Some(NodeVerdictRow { node: name(*node), refused_by, verdict, scores: None })
    });
    scored_rows.chain(others).collect()
}

/// `Insufficient cpu (cpu: asks 2, 500m of 4 left); also TaintToleration`
fn refusal_text(refusal: &Refusal, profile: &Profile) -> String {
    let mut text = refusal.words(profile).join(", ");
    if !refusal.details.is_empty() {
        text += &format!(" ({})", refusal.details.join("; "));
    }
    if !refusal.also.is_empty() {
        let also: Vec<_> = refusal.also.iter().map(|also| also.plugin.as_str()).collect();
        text += &format!("; also {}", also.join(", "));
    }
    let is_too_small = refusal.plugin == Plugin::NodeResourcesFit && refusal.code != Code::Unschedulable;
    if is_too_small { text + "; too small even when empty" } else { text }
}

/// Writes the rows as a table. Plugins that give all nodes the same stand below it.
pub(super) fn write_nodes(f: &mut fmt::Formatter<'_>, rows: &[NodeVerdictRow]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let scores: Vec<&Scores> = rows.iter().filter_map(|row| row.scores.as_ref()).collect();
    let n_plugins = scores.first().map_or(0, |scores| scores.plugins.len());
    let differs = |at: &usize| scores.windows(2).any(|pair| pair[0].plugins[*at].1 != pair[1].plugins[*at].1);
    let (shown, same): (Vec<usize>, Vec<usize>) = (0..n_plugins).partition(differs);
    let plugin = |at: &usize| scores[0].plugins[*at];
    let mut heads = vec!["NODE"];
    heads.extend(shown.iter().map(|at| plugin(at).0));
    heads.extend(["TOTAL", "REFUSED BY", "WHY"]);
    let mut table = Table::new(&heads);
    let (taking, others) = rows.split_at(scores.len());
    let n_hidden: usize = [taking, others].iter().map(|rows| rows.len().saturating_sub(ROWS_MAX)).sum();
    for row in taking.iter().take(ROWS_MAX).chain(others.iter().take(ROWS_MAX)) {
        let mut cells = vec![row.node.clone()];
        let of_plugin = |at: &usize| row.scores.as_ref().map(|scores| scores.plugins[*at].1.to_string());
        cells.extend(shown.iter().map(|at| of_plugin(at).unwrap_or_default()));
        cells.push(row.scores.as_ref().map(|scores| scores.total.to_string()).unwrap_or_default());
        cells.extend([row.refused_by.clone(), row.verdict.clone()]);
        table.cells(cells);
    }
    write!(f, "\n{}", table.without_empty_columns())?;
    if n_hidden > 0 {
        writeln!(f, "… {n_hidden} more nodes (-o json lists all)")?;
    }
    if !same.is_empty() {
        let same: Vec<_> = same.iter().map(plugin).map(|(name, score)| format!("{name} {score}")).collect();
        writeln!(f, "the same for all: {}", same.join(", "))?;
    }
    Ok(())
}
