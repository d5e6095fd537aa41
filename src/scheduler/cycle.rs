//! One attempt to place one pod: filter, score, select.
//!
//! Reads the cluster and the snapshot, writes nothing. The same code answers what the scheduler does and what
//! `sim why` shows.

use rand_chacha::rand_core::Rng;

use crate::engine::{Purpose, Streams};
use crate::model::ids::NodeId;
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::profile::Feature;
use crate::scheduler::config::TieBreak;
use crate::scheduler::diagnosis::{self, Tally};
use crate::scheduler::explain::Refusal;
use crate::scheduler::framework::{Code, CycleContext, Filter, Plugin, PluginSet, PreFilter, Reason};
use crate::scheduler::nominations::Rivals;
use crate::scheduler::plugins::default_preemption::{self, Preemption};
use crate::scheduler::plugins::{FILTERS, SCORES};
use crate::scheduler::snapshot::{Row, Snapshot};

/// Fewer nodes than this are all looked at, and no fewer feasible ones are ever looked for.
const MIN_FEASIBLE_NODES: usize = 100;

/// What an attempt to place a pod came to.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What is to be done with the pod.
    pub outcome: Outcome,
    /// Where the search for feasible nodes begins the next time.
    pub next_start: usize,
}

/// What is to be done with a pod.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It goes to a node.
    Scheduled(Choice),
    /// No node takes it.
    Unschedulable(FitError),
    /// There is no node at all.
    NoNodes,
    /// The attempt went wrong, in upstream's words; the pod is tried again after its back-off.
    Error(String),
}

/// The node that was chosen for a pod.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The node.
    pub node: NodeId,
    /// All nodes with the highest score, by row; only the one where nothing was scored.
    pub best: Vec<NodeId>,
    /// How many nodes were found feasible.
    pub n_feasible: usize,
}

/// Why no node takes a pod.
#[derive(Debug, Clone)]
pub struct FitError {
    /// The message without what preemption says.
    pub filter_message: String,
    /// The plugins that refused nodes: events that they wait for retry the pod.
    pub rejectors: PluginSet,
    /// What preemption came to.
    pub preemption: Preemption,
}

impl FitError {
    /// The message, with what preemption says.
    pub fn message(&self, profile: &crate::model::profile::Profile) -> String {
        diagnosis::with_preemption(&self.filter_message, self.preemption.message(), profile)
    }
}

/// A pod's filters, ready to be asked about nodes.
#[derive(Debug)]
pub struct Filters<'a> {
    cx: CycleContext<'a>,
    /// Those that have something to do with the pod, in order.
    pub active: Vec<(Plugin, Box<dyn Filter>)>,
    /// The only nodes to look at, where the pod names them.
    pub only: Option<Vec<Name>>,
    /// Nominated pods that count as running.
    rivals: Rivals<'a>,
}

/// A plugin's refusal of all nodes at once.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The plugin.
    pub plugin: Plugin,
    /// Whether removing pods could help.
    pub code: Code,
    /// Why.
    pub reason: Reason,
}

/// A refused node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The node.
    pub row: Row,
    /// The first plugin that refuses it.
    pub plugin: Plugin,
    /// Whether removing pods could help.
    pub code: Code,
}

/// What a search for feasible nodes found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The feasible nodes, in the order of the search.
    pub feasible: Vec<Row>,
    /// The refused nodes.
    pub refused: Vec<Refused>,
}

/// The nodes that a search goes through.
enum Candidates {
    All(usize),
    Only(Vec<Row>),
}

impl Candidates {
    fn len(&self) -> usize {
        match self {
            Self::All(n) => *n,
            Self::Only(rows) => rows.len(),
        }
    }

    fn at(&self, position: usize) -> Row {
        match self {
            Self::All(_) => Row(position as u32),
            Self::Only(rows) => rows[position],
        }
    }

    /// How many steps after `start` the row comes.
    fn step_of(&self, row: Row, start: usize) -> usize {
        let position = match self {
            Self::All(_) => row.index(),
            Self::Only(rows) => rows.iter().position(|other| *other == row).unwrap_or(rows.len()),
        };
        (position + self.len() - start) % self.len()
    }
}

impl<'a> Filters<'a> {
    /// Compiles what the pod asks for.
    ///
    /// # Errors
    /// When a plugin refuses all nodes at once.
    pub fn prepare(
        cx: &CycleContext<'a>,
        snapshot: &mut Snapshot,
        rivals: Rivals<'a>,
    ) -> Result<Self, Rejection> {
        let mut filters = Self { cx: *cx, active: Vec::with_capacity(FILTERS.len()), only: None, rivals };
        for entry in FILTERS {
            match (entry.pre_filter)(cx, snapshot) {
                PreFilter::Skip => {}
                PreFilter::Filter(filter) => filters.active.push((entry.plugin, filter)),
                PreFilter::FilterOnly(names, filter) => {
                    filters.only = Some(names);
                    filters.active.push((entry.plugin, filter));
                }
                PreFilter::Reject(code, reason) => {
                    return Err(Rejection { plugin: entry.plugin, code, reason });
                }
            }
        }
        Ok(filters)
    }

    /// Whether the pod may run on a node: with the nominated pods there, and without them.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/runtime/framework.go, RunFilterPluginsWithNominatedPods.
    ///
    /// # Errors
    /// When a plugin refuses the node.
    pub fn check(&mut self, snapshot: &mut Snapshot, row: Row) -> Result<(), (Plugin, Code)> {
        let rivals = self.rivals_at(row);
        if !rivals.is_empty() {
            self.add_pods(snapshot, row, &rivals);
            let verdict = self.check_plain(snapshot, row);
            self.remove_pods(snapshot, row, &rivals);
            verdict?;
        }
        self.check_plain(snapshot, row)
    }

    /// The reasons why a refused node is refused.
    pub fn explain(&mut self, snapshot: &mut Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        let rivals = self.rivals_at(row);
        self.add_pods(snapshot, row, &rivals);
        self.explain_plain(snapshot, row, reasons);
        self.remove_pods(snapshot, row, &rivals);
        if reasons.is_empty() {
            self.explain_plain(snapshot, row, reasons);
        }
    }

    /// Takes pods into account that do not run on the node.
    pub fn add_pods(&mut self, snapshot: &mut Snapshot, row: Row, pods: &[&Pod]) {
        for pod in pods {
            snapshot.add_pod(row, pod);
            for (_, filter) in &mut self.active {
                filter.add_pod(&self.cx, snapshot, row, pod);
            }
        }
    }

    /// Takes pods out of account.
    pub fn remove_pods(&mut self, snapshot: &mut Snapshot, row: Row, pods: &[&Pod]) {
        for pod in pods {
            snapshot.remove_pod(row, pod);
            for (_, filter) in &mut self.active {
                filter.remove_pod(&self.cx, snapshot, row, pod);
            }
        }
    }

    fn rivals_at(&self, row: Row) -> Vec<&'a Pod> {
        let rivals = self.rivals.iter().find(|(other, _)| *other == row);
        rivals.map_or_else(Vec::new, |(_, pods)| pods.clone())
    }

    fn check_plain(&self, snapshot: &Snapshot, row: Row) -> Result<(), (Plugin, Code)> {
        self.active
            .iter()
            .try_for_each(|(plugin, filter)| filter.filter(snapshot, row).map_err(|code| (*plugin, code)))
    }

    fn explain_plain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        let refuses = |(_, filter): &&(Plugin, Box<dyn Filter>)| filter.filter(snapshot, row).is_err();
        if let Some((_, filter)) = self.active.iter().find(refuses) {
            filter.explain(snapshot, row, reasons);
        }
    }

    /// Looks for feasible nodes from `start` on, round the list of candidates, until `n_wanted` are found and one
    /// more or the list is through. Nodes refused on the way count as looked at.
    /// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, findNodesThatPassFilters.
    fn search(
        &mut self,
        snapshot: &mut Snapshot,
        candidates: &Candidates,
        start: usize,
        n_wanted: usize,
    ) -> Found {
        let mut found = Found::default();
        let n = candidates.len();
        let mut n_seen = 0;
        let mut rows = Vec::new();
        while n_seen < n && found.feasible.len() <= n_wanted {
            let n_missing = n_wanted + 1 - found.feasible.len();
            let n_next = (n_seen + n_missing.max(64)).min(n);
            rows.clear();
            let wrapped = |at: usize| if at < n { at } else { at - n };
            rows.extend((n_seen..n_next).map(|step| candidates.at(wrapped(start + step))));
            self.sift(snapshot, &mut rows, &mut found.refused);
            found.feasible.append(&mut rows);
            n_seen = n_next;
        }
        if let Some(last) = found.feasible.get(n_wanted) {
            let last = candidates.step_of(*last, start);
            found.feasible.truncate(n_wanted);
            found.refused.retain(|refused| candidates.step_of(refused.row, start) < last);
        }
        found
    }

    /// Asks about each of the rows.
    pub fn search_all(&mut self, snapshot: &mut Snapshot, rows: &[Row]) -> Found {
        let mut found = Found { feasible: rows.to_vec(), refused: Vec::new() };
        self.sift(snapshot, &mut found.feasible, &mut found.refused);
        found
    }

    /// What the plugins after the one that refuses a node would say against it as well.
    pub fn later_refusals(&self, snapshot: &Snapshot, refused: Refused) -> Vec<Refusal> {
        let later = self.active.iter().skip_while(|(plugin, _)| *plugin != refused.plugin).skip(1);
        let refusal = |(plugin, filter): &(Plugin, Box<dyn Filter>)| {
            let code = filter.filter(snapshot, refused.row).err()?;
            let (mut reasons, mut details) = (Vec::new(), Vec::new());
            filter.explain(snapshot, refused.row, &mut reasons);
            filter.detail(snapshot, refused.row, &mut details);
            Some(Refusal { plugin: *plugin, code, reasons, details, also: Vec::new() })
        };
        later.filter_map(refusal).collect()
    }

    /// What exactly is in the way on a refused node, as far as pods that run there are.
    pub fn detail(&self, snapshot: &Snapshot, refused: Refused) -> Vec<String> {
        let mut details = Vec::new();
        if let Some((_, filter)) = self.active.iter().find(|(plugin, _)| *plugin == refused.plugin)
            && filter.filter(snapshot, refused.row).is_err()
        {
            filter.detail(snapshot, refused.row, &mut details);
        }
        details
    }

    fn sift(&mut self, snapshot: &mut Snapshot, rows: &mut Vec<Row>, refused: &mut Vec<Refused>) {
        if self.rivals.is_empty() {
            for (plugin, filter) in &self.active {
                let plugin = *plugin;
                filter.sift(snapshot, rows, &mut |row, code| refused.push(Refused { row, plugin, code }));
            }
        } else {
            rows.retain(|row| match self.check(snapshot, *row) {
                Ok(()) => true,
                Err((plugin, code)) => {
                    refused.push(Refused { row: *row, plugin, code });
                    false
                }
            });
        }
    }
}

/// Tries to place a pod. `start` is where the search begins.
/// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, schedulePod and findNodesThatFitPod.
pub fn attempt<'a>(
    cx: &CycleContext<'a>,
    snapshot: &mut Snapshot,
    rivals: Rivals<'a>,
    start: usize,
    streams: &Streams,
) -> Attempt {
    let fail = |outcome| Attempt { outcome, next_start: start };
    if snapshot.is_empty() {
        return fail(Outcome::NoNodes);
    }
    let mut filters = match Filters::prepare(cx, snapshot, rivals) {
        Ok(filters) => filters,
        Err(rejection) => return fail(Outcome::Unschedulable(reject_all(cx, snapshot, &rejection))),
    };
    let nominated = cx.pod.status.nominated_node.as_ref().and_then(|name| snapshot.find(cx.cluster, name));
    let nominated = nominated.map(|row| (row, filters.check(snapshot, row)));
    if let Some((row, Ok(()))) = nominated {
        let node = snapshot.node(row);
        return fail(Outcome::Scheduled(Choice { node, best: vec![node], n_feasible: 1 }));
    }
    let (found, n_candidates) = match search_from(cx, snapshot, &mut filters, start) {
        Ok(outcome) => outcome,
        Err(message) => return fail(Outcome::Error(message)),
    };
    let is_apart =
        |(row, _)| !found.refused.iter().any(|other| other.row == row) && !found.feasible.contains(&row);
    let n_seen = found.feasible.len() + found.refused.len() + usize::from(nominated.is_some_and(is_apart));
    let modulus =
        if cx.profile.has(Feature::SchedulerOtherNodesCount) { snapshot.len() } else { n_candidates };
    let next_start = (start + n_seen) % modulus;
    let outcome = if found.feasible.is_empty() {
        Outcome::Unschedulable(refuse_all(cx, snapshot, &mut filters, &found))
    } else {
        Outcome::Scheduled(choose(cx, snapshot, &found.feasible, streams))
    };
    Attempt { outcome, next_start }
}

/// Looks for as many feasible nodes as the scheduler wants, from `start` on; says among how many, too.
///
/// # Errors
/// When the pod names a node that does not exist, in versions that mind.
pub fn search_from(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    filters: &mut Filters<'_>,
    start: usize,
) -> Result<(Found, usize), String> {
    let candidates = candidates(cx, snapshot, filters)?;
    let n_candidates = candidates.len();
    let n_wanted = n_feasible_to_find(cx.config.percentage_of_nodes_to_score, n_candidates);
    let first = if n_candidates == 0 { 0 } else { start % n_candidates };
    Ok((filters.search(snapshot, &candidates, first, n_wanted), n_candidates))
}

/// The nodes to look at.
///
/// # Errors
/// When the pod names a node that does not exist; in versions that do not mind this one is left out.
fn candidates(
    cx: &CycleContext<'_>,
    snapshot: &Snapshot,
    filters: &Filters<'_>,
) -> Result<Candidates, String> {
    let Some(rows) = named_rows(cx, snapshot, filters) else { return Ok(Candidates::All(snapshot.len())) };
    let missing = |name: &&Name| snapshot.find(cx.cluster, name).is_none();
    match filters.only.iter().flatten().find(missing) {
        Some(name) if !cx.profile.has(Feature::SchedulerOtherNodesCount) => {
            Err(format!("nodeinfo not found for node name {name:?}"))
        }
        _ => Ok(Candidates::Only(rows)),
    }
}

/// The existing nodes that the pod names; `None` where it names none and all are open.
pub fn named_rows(cx: &CycleContext<'_>, snapshot: &Snapshot, filters: &Filters<'_>) -> Option<Vec<Row>> {
    let names = filters.only.as_ref()?;
    let mut rows: Vec<_> = names.iter().filter_map(|name| snapshot.find(cx.cluster, name)).collect();
    rows.sort_unstable();
    Some(rows)
}

/// How many feasible nodes are looked for among `n_nodes`.
/// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, numFeasibleNodesToFind.
pub fn n_feasible_to_find(percentage: Option<u32>, n_nodes: usize) -> usize {
    if n_nodes < MIN_FEASIBLE_NODES {
        return n_nodes;
    }
    let adaptive = || 50_usize.saturating_sub(n_nodes / 125).max(5);
    let percentage = percentage.map_or_else(adaptive, |percentage| percentage as usize);
    (n_nodes * percentage / 100).max(MIN_FEASIBLE_NODES)
}

/// What is said of a pod for which a plugin refuses all nodes at once.
pub fn reject_all(cx: &CycleContext<'_>, snapshot: &mut Snapshot, rejection: &Rejection) -> FitError {
    let refuse = |row| Refused { row, plugin: rejection.plugin, code: rejection.code };
    let refused: Vec<_> = snapshot.rows().map(refuse).collect();
    FitError {
        filter_message: diagnosis::pre_filter_message(snapshot.len(), &rejection.reason),
        rejectors: PluginSet::of(&[rejection.plugin]),
        preemption: default_preemption::post_filter(cx, snapshot, None, &refused),
    }
}

/// What is said of a pod that every node refuses.
pub fn refuse_all(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    filters: &mut Filters<'_>,
    found: &Found,
) -> FitError {
    let mut tally = Tally::default();
    let mut reasons = Vec::new();
    for refused in &found.refused {
        filters.explain(snapshot, refused.row, &mut reasons);
        for reason in reasons.drain(..) {
            tally.add(reason, 1);
        }
    }
    let mut rejectors: PluginSet = found.refused.iter().map(|refused| refused.plugin).collect();
    if filters.only.is_some() && cx.profile.has(Feature::SchedulerOtherNodesCount) {
        let n_others = snapshot.len() - found.refused.len();
        rejectors.insert(Plugin::NodeAffinity);
        if n_others > 0 {
            tally.add(Reason::OtherNodes(PluginSet::of(&[Plugin::NodeAffinity])), n_others);
        }
    }
    FitError {
        filter_message: diagnosis::filter_message(snapshot.len(), &tally, cx.profile),
        rejectors,
        preemption: default_preemption::post_filter(cx, snapshot, Some(filters), &found.refused),
    }
}

/// Chooses one of the feasible nodes with the highest score.
fn choose(cx: &CycleContext<'_>, snapshot: &mut Snapshot, feasible: &[Row], streams: &Streams) -> Choice {
    let n_feasible = feasible.len();
    if let [row] = feasible {
        let node = snapshot.node(*row);
        return Choice { node, best: vec![node], n_feasible };
    }
    let totals = score(cx, snapshot, feasible, None);
    let best = best_of(snapshot, feasible, &totals);
    let node = match cx.config.tie_break {
        TieBreak::Random => best[draw(best.len(), cx.pod, streams)],
        TieBreak::Oldest => {
            let age = |node: &&NodeId| cx.cluster.node(**node).map(|node| node.meta.uid.serial);
            *best.iter().min_by_key(age).expect("one of the feasible nodes has the highest score")
        }
    };
    Choice { node, best, n_feasible }
}

/// Is shown the scores by plugin.
pub trait ScoreObserver {
    /// Takes note of the raw and the weighted scores that a plugin gives, in the order of the nodes.
    fn see(&mut self, plugin: Plugin, raw: &[i64], weighted: &[i64]);
}

/// The total scores of nodes, in their order.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/runtime/framework.go, RunScorePlugins.
pub fn score(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    rows: &[Row],
    mut observer: Option<&mut dyn ScoreObserver>,
) -> Vec<i64> {
    let mut totals = vec![0; rows.len()];
    let mut same_for_all = 0;
    let mut scores = Vec::with_capacity(rows.len());
    for entry in SCORES {
        let Some(plugin) = (entry.pre_score)(cx, snapshot, rows) else { continue };
        if let Some(constant) = plugin.constant() {
            let weighted = constant.normalized * entry.weight;
            same_for_all += weighted;
            if let Some(observer) = &mut observer {
                observer.see(entry.plugin, &vec![constant.raw; rows.len()], &vec![weighted; rows.len()]);
            }
            continue;
        }
        scores.clear();
        plugin.score(snapshot, rows, &mut scores);
        let raw = observer.is_some().then(|| scores.clone());
        plugin.normalize(snapshot, rows, &mut scores);
        for (total, score) in totals.iter_mut().zip(&mut scores) {
            *score *= entry.weight;
            *total += *score;
        }
        if let (Some(observer), Some(raw)) = (&mut observer, raw) {
            observer.see(entry.plugin, &raw, &scores);
        }
    }
    totals.iter_mut().for_each(|total| *total += same_for_all);
    totals
}

/// The nodes with the highest total, by row.
pub fn best_of(snapshot: &Snapshot, rows: &[Row], totals: &[i64]) -> Vec<NodeId> {
    let max = totals.iter().max();
    let best = rows.iter().zip(totals).filter(|(_, total)| Some(*total) == max);
    let mut best: Vec<_> = best.map(|(row, _)| *row).collect();
    best.sort_unstable();
    best.into_iter().map(|row| snapshot.node(row)).collect()
}

/// A position below `n`, uniform and a pure function of seed and pod.
fn draw(n: usize, pod: &Pod, streams: &Streams) -> usize {
    if n == 1 {
        return 0;
    }
    let mut rng = streams.stream(Purpose::SchedulerTie, pod.meta.uid.key);
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}
