//! Why a pod is where it is, or nowhere: for each node the filter that refuses it, or its scores by plugin.

use crate::model::ids::NodeId;
use crate::model::profile::Profile;
use crate::scheduler::cycle::{self, Filters, FitError, Refused, Rejection, ScoreObserver};
use crate::scheduler::diagnosis;
use crate::scheduler::framework::{Code, CycleContext, Plugin, Reason};
use crate::scheduler::nominations::{Nominations, Rivals};
use crate::scheduler::snapshot::{Row, Snapshot};

/// What the scheduler thinks of every node for one pod.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The nodes, in the order of the snapshot.
    pub nodes: Vec<(NodeId, NodeVerdict)>,
    /// The filter plugins that may refuse nodes for this pod, in order.
    pub filter_plugins: Vec<Plugin>,
    /// The score plugins that rank nodes for this pod, in order.
    pub score_plugins: Vec<Plugin>,
    /// The nodes with the highest total; all equal to the scheduler.
    pub best: Vec<NodeId>,
    /// Why no node takes the pod, where none does.
    pub fit_error: Option<FitError>,
    /// The plugin that refuses all nodes at once, where one does.
    pub rejection: Option<Rejection>,
}

/// What the scheduler thinks of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeVerdict {
    /// A plugin refuses it.
    Refused(Refusal),
    /// The pod names other nodes.
    NotAskedFor,
    /// Enough others were found before it.
    NotReached,
    /// It could take the pod.
    Scored(NodeScore),
}

/// Why a node is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The first plugin that refuses it.
    pub plugin: Plugin,
    /// Whether removing pods could help.
    pub code: Code,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What exactly is in the way, in our own words.
    pub details: Vec<String>,
    /// What later plugins would say against it as well.
    pub also: Vec<Self>,
}

impl Refusal {
    /// The reasons in the words of the version.
    pub fn words(&self, profile: &Profile) -> Vec<String> {
        self.reasons.iter().map(|reason| diagnosis::words(reason, profile)).collect()
    }
}

/// The scores of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeScore {
    /// By score plugin, before normalisation.
    pub raw: Vec<i64>,
    /// By score plugin: normalised and weighted.
    pub weighted: Vec<i64>,
    /// The sum of the weighted scores.
    pub total: i64,
}

/// The scores by node and plugin.
struct ScoreTable {
    plugins: Vec<Plugin>,
    scores: Vec<NodeScore>,
}

impl ScoreTable {
    fn of(n_nodes: usize) -> Self {
        Self { plugins: Vec::new(), scores: vec![NodeScore::default(); n_nodes] }
    }
}

impl ScoreObserver for ScoreTable {
    fn see(&mut self, plugin: Plugin, raw: &[i64], weighted: &[i64]) {
        self.plugins.push(plugin);
        for (score, (raw, weighted)) in self.scores.iter_mut().zip(raw.iter().zip(weighted)) {
            score.raw.push(*raw);
            score.weighted.push(*weighted);
        }
    }
}

/// Which nodes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    AllNodes,
    /// As many as the scheduler looks at, from this position of its list on.
    SearchFrom(usize),
}

/// Explains what a scheduler with these settings thinks of every node for a pod.
pub fn explain(cx: &CycleContext<'_>) -> Explanation {
    let mut snapshot = Snapshot::of(cx.cluster);
    let rivals = Nominations::of(cx.cluster).rivals(cx.pod, cx.cluster, &snapshot);
    explain_on(cx, &mut snapshot, rivals, Scope::AllNodes)
}

/// The same on a given snapshot. Nodes are scored also where a single one is feasible.
pub fn explain_on<'a>(
    cx: &CycleContext<'a>,
    snapshot: &mut Snapshot,
    rivals: Rivals<'a>,
    scope: Scope,
) -> Explanation {
    let mut filters = match Filters::prepare(cx, snapshot, rivals) {
        Ok(filters) => filters,
        Err(rejection) => return explain_rejection(cx, snapshot, rejection),
    };
    let rows = match cycle::named_rows(cx, snapshot, &filters) {
        Some(rows) => rows,
        None => snapshot.rows().collect(),
    };
    let found = match scope {
        Scope::AllNodes => filters.search_all(snapshot, &rows),
        Scope::SearchFrom(start) => {
            cycle::search_from(cx, snapshot, &mut filters, start).map(|(found, _)| found).unwrap_or_default()
        }
    };
    let mut verdicts = vec![NodeVerdict::NotAskedFor; snapshot.len()];
    for row in rows {
        verdicts[row.index()] = NodeVerdict::NotReached;
    }
    for refused in &found.refused {
        verdicts[refused.row.index()] = NodeVerdict::Refused(refusal(&mut filters, snapshot, *refused));
    }
    let mut table = ScoreTable::of(found.feasible.len());
    let totals = cycle::score(cx, snapshot, &found.feasible, Some(&mut table));
    let best = cycle::best_of(snapshot, &found.feasible, &totals);
    for ((row, score), total) in found.feasible.iter().zip(table.scores).zip(totals) {
        verdicts[row.index()] = NodeVerdict::Scored(NodeScore { total, ..score });
    }
    let fails = found.feasible.is_empty() && !snapshot.is_empty();
    let fit_error = fails.then(|| cycle::refuse_all(cx, snapshot, &mut filters, &found));
    let nodes = snapshot.rows().map(|row| snapshot.node(row)).zip(verdicts).collect();
    let filter_plugins = filters.active.iter().map(|(plugin, _)| *plugin).collect();
    Explanation { nodes, filter_plugins, score_plugins: table.plugins, best, fit_error, rejection: None }
}

fn refusal(filters: &mut Filters<'_>, snapshot: &mut Snapshot, refused: Refused) -> Refusal {
    let mut reasons = Vec::new();
    filters.explain(snapshot, refused.row, &mut reasons);
    let also = filters.later_refusals(snapshot, refused);
    let details = filters.detail(snapshot, refused);
    Refusal { plugin: refused.plugin, code: refused.code, reasons, details, also }
}

fn explain_rejection(cx: &CycleContext<'_>, snapshot: &mut Snapshot, rejection: Rejection) -> Explanation {
    let refusal = Refusal {
        plugin: rejection.plugin,
        code: rejection.code,
        reasons: vec![rejection.reason.clone()],
        details: Vec::new(),
        also: Vec::new(),
    };
    let verdict = |row: Row| (snapshot.node(row), NodeVerdict::Refused(refusal.clone()));
    let nodes = snapshot.rows().map(verdict).collect();
    let fit_error = (!snapshot.is_empty()).then(|| cycle::reject_all(cx, snapshot, &rejection));
    Explanation {
        nodes,
        filter_plugins: Vec::new(),
        score_plugins: Vec::new(),
        best: Vec::new(),
        fit_error,
        rejection: Some(rejection),
    }
}
