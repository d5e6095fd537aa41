//! PodTopologySpread: pods that a selector matches are spread over the domains of a topology key, as a condition
//! (`DoNotSchedule`) or as a preference (`ScheduleAnyway`).
//!
//! Pods without constraints of their own are spread over hosts and zones as a preference, where a Service or their
//! controller says which pods belong together.

use crate::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Labels, Name};
use crate::model::node::{LABEL_HOSTNAME, LABEL_ZONE};
use crate::model::pod::Pod;
use crate::model::profile::{Feature, Profile};
use crate::model::scheduling::{NodeInclusion, TopologySpreadConstraint, WhenUnsatisfiable};
use crate::scheduler::framework::{Code, CycleContext, Filter, MAX_NODE_SCORE, PreFilter, Reason, Score};
use crate::scheduler::plugins::node_affinity::NodeMatcher;
use crate::scheduler::plugins::taint_toleration;
use crate::scheduler::snapshot::{LabelValue, Row, Snapshot};

/// A constraint, compiled for one pod.
#[derive(Debug)]
struct Constraint {
    max_skew: i64,
    min_domains: i64,
    is_hostname: bool,
    column: usize,
    counted: Counted,
    /// By row: whether the pods there count.
    is_included: Vec<bool>,
}

/// Which pods a constraint counts.
#[derive(Debug)]
enum Counted {
    /// None at all: there is no selector.
    Nothing,
    /// None but the pod itself: the selector is empty.
    OnlyItself,
    /// Those that the selector matches.
    Matching(LabelSelector),
}

/// The conditions: how many pods each domain has.
#[derive(Debug)]
struct SpreadFilter {
    namespace: Name,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    constraint: Constraint,
    /// By value of the topology key: the pods there; `None` for a value of no included node.
    counts: Vec<Option<i64>>,
    /// The pods in the emptiest domain; `None` where no domain is known, and the condition is void.
    min: Option<i64>,
    /// 1 if the pod is one of those that it counts.
    itself: i64,
}

/// The preferences.
#[derive(Debug)]
struct SpreadScore {
    preferences: Vec<Preference>,
    /// By row: the node lacks a key and scores 0.
    is_ignored: Vec<bool>,
}

#[derive(Debug)]
struct Preference {
    constraint: Constraint,
    weight: f64,
    /// By value of the topology key; by row for the hostname.
    counts: Vec<i64>,
}

/// Whether a constraint of a pod with labels `owner` counts a pod with labels `other`.
pub fn counts(
    constraint: &TopologySpreadConstraint,
    owner: &Labels,
    other: &Labels,
    profile: &Profile,
) -> bool {
    Counted::of(constraint, owner, profile).matches_itself(other)
}

/// Counts the pods in each domain of the conditions.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/filtering.go, calPreFilterState.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    let own = cx.pod.spec.placement.spread.iter();
    let hard: Vec<_> = own.filter(|c| c.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule).collect();
    if hard.is_empty() {
        return PreFilter::Skip;
    }
    let constraints = compile(&hard, LackingKeys::Excluded, cx, snapshot);
    let conditions = constraints.into_iter().map(|constraint| Condition::count(constraint, cx, snapshot));
    let (namespace, conditions) = (cx.pod.meta.namespace.clone(), conditions.collect());
    PreFilter::Filter(Box::new(SpreadFilter { namespace, conditions }))
}

/// Counts the pods in each domain of the preferences.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/scoring.go, PreScore.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, rows: &[Row]) -> Option<Box<dyn Score>> {
    let own = &cx.pod.spec.placement.spread;
    let defaults = if own.is_empty() { default_constraints(cx) } else { Vec::new() };
    let (all, lacking) =
        if own.is_empty() { (&defaults, LackingKeys::Included) } else { (own, LackingKeys::Excluded) };
    let soft: Vec<_> =
        all.iter().filter(|c| c.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway).collect();
    if soft.is_empty() {
        return None;
    }
    let constraints = compile(&soft, lacking, cx, snapshot);
    let mut is_ignored = vec![false; snapshot.len()];
    if lacking == LackingKeys::Excluded {
        for row in rows {
            is_ignored[row.index()] = !has_all_keys(&constraints, snapshot, *row);
        }
    }
    let scored: Vec<_> = rows.iter().copied().filter(|row| !is_ignored[row.index()]).collect();
    let count = |constraint| Preference::count(constraint, &scored, cx, snapshot);
    Some(Box::new(SpreadScore { preferences: constraints.into_iter().map(count).collect(), is_ignored }))
}

/// What spreads pods that have no constraints of their own.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/plugin.go, systemDefaultConstraints.
fn default_constraints(cx: &CycleContext<'_>) -> Vec<TopologySpreadConstraint> {
    let Some(selector) = cx.listers.spread_selector(cx.pod, cx.cluster) else { return Vec::new() };
    let constraint = |topology_key: &str, max_skew| TopologySpreadConstraint {
        max_skew,
        topology_key: topology_key.into(),
        when_unsatisfiable: WhenUnsatisfiable::ScheduleAnyway,
        selector: Some(selector.clone()),
        min_domains: None,
        node_affinity_policy: NodeInclusion::Honor,
        node_taints_policy: NodeInclusion::Ignore,
        match_label_keys: Vec::new(),
    };
    vec![constraint(LABEL_HOSTNAME, 3), constraint(LABEL_ZONE, 5)]
}

/// What becomes of nodes that lack one of the topology keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LackingKeys {
    /// Their pods do not count.
    Excluded,
    /// They form a domain of their own.
    Included,
}

fn compile(
    constraints: &[&TopologySpreadConstraint],
    lacking: LackingKeys,
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
) -> Vec<Constraint> {
    snapshot.need_groups(cx.cluster);
    let column = |constraint: &&TopologySpreadConstraint, snapshot: &mut Snapshot| Constraint {
        max_skew: i64::from(constraint.max_skew),
        min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
        is_hostname: &*constraint.topology_key == LABEL_HOSTNAME,
        column: snapshot.label_column(cx.cluster, &constraint.topology_key),
        counted: Counted::of(constraint, &cx.pod.meta.labels, cx.profile),
        is_included: Vec::new(),
    };
    let mut compiled: Vec<_> = constraints.iter().map(|constraint| column(constraint, snapshot)).collect();
    let placement = &cx.pod.spec.placement;
    let accepted = NodeMatcher::compile(placement, cx, snapshot);
    let tolerated = |row| taint_toleration::first_untolerated(placement, snapshot.taints.at(row)).is_none();
    let honors = |policy: NodeInclusion| policy == NodeInclusion::Honor;
    let included: Vec<Vec<bool>> = constraints
        .iter()
        .map(|constraint| {
            let is_included = |row| {
                (lacking == LackingKeys::Included || has_all_keys(&compiled, snapshot, row))
                    && (!honors(constraint.node_affinity_policy) || accepted.matches(snapshot, row))
                    && (!honors(constraint.node_taints_policy) || tolerated(row))
            };
            snapshot.rows().map(is_included).collect()
        })
        .collect();
    for (constraint, is_included) in compiled.iter_mut().zip(included) {
        constraint.is_included = is_included;
    }
    compiled
}

fn has_all_keys(constraints: &[Constraint], snapshot: &Snapshot, row: Row) -> bool {
    constraints.iter().all(|c| snapshot.labels.at(c.column).values[row.index()].is_present())
}

impl Counted {
    fn of(constraint: &TopologySpreadConstraint, labels: &Labels, profile: &Profile) -> Self {
        let Some(selector) = &constraint.selector else { return Self::Nothing };
        let has_keys = profile.has(Feature::MatchLabelKeysInPodTopologySpread);
        let keys = constraint.match_label_keys.iter().filter(|_| has_keys);
        let equal = |key: &Name| {
            let values = vec![labels.get(key)?.clone()];
            Some(LabelRequirement { key: key.clone(), operator: LabelOperator::In(values) })
        };
        let mut requirements: Vec<_> = keys.filter_map(equal).collect();
        requirements.extend(selector.requirements.iter().cloned());
        if requirements.is_empty() {
            Self::OnlyItself
        } else {
            Self::Matching(LabelSelector { requirements })
        }
    }

    /// Whether the pod that is placed counts itself.
    fn matches_itself(&self, labels: &Labels) -> bool {
        match self {
            Self::Nothing => false,
            Self::OnlyItself => true,
            Self::Matching(selector) => selector.matches(labels),
        }
    }
}

impl Constraint {
    /// Shows each included row with the number of pods there that count.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/common.go, countPodsMatchSelector.
    fn for_each_count(&self, namespace: &Name, snapshot: &Snapshot, mut on_count: impl FnMut(Row, i64)) {
        let Counted::Matching(selector) = &self.counted else { return };
        for group in snapshot.groups.iter() {
            let key = &group.key;
            if key.is_terminating || key.namespace != *namespace || !selector.matches(&key.labels) {
                continue;
            }
            for (row, count) in &group.rows {
                on_count(*row, i64::from(*count));
            }
        }
    }
}

impl Condition {
    fn count(constraint: Constraint, cx: &CycleContext<'_>, snapshot: &Snapshot) -> Self {
        let column = snapshot.labels.at(constraint.column);
        let mut counts = vec![None; column.n_values()];
        for (value, is_included) in column.values.iter().zip(&constraint.is_included) {
            if *is_included {
                counts[value.index()] = Some(0);
            }
        }
        constraint.for_each_count(&cx.pod.meta.namespace, snapshot, |row, n_pods| {
            if constraint.is_included[row.index()] {
                *counts[column.values[row.index()].index()].get_or_insert(0) += n_pods;
            }
        });
        let itself = i64::from(constraint.counted.matches_itself(&cx.pod.meta.labels));
        let mut condition = Self { constraint, counts, min: None, itself };
        condition.find_min();
        condition
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/filtering.go, minMatchNum.
    fn find_min(&mut self) {
        let n_domains = self.counts.iter().flatten().count() as i64;
        let min = self.counts.iter().flatten().copied().min();
        self.min = min.map(|min| if n_domains < self.constraint.min_domains { 0 } else { min });
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/filtering.go, Filter.
    fn check(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        let value = snapshot.labels.at(self.constraint.column).values[row.index()];
        if !value.is_present() {
            return Err(Code::UnschedulableAndUnresolvable);
        }
        let Some(min) = self.min else { return Ok(()) };
        let count = self.counts[value.index()].unwrap_or(0);
        if count + self.itself - min > self.constraint.max_skew { Err(Code::Unschedulable) } else { Ok(()) }
    }
}

impl Condition {
    /// `zone=a has 3 of these pods, zone=b only 1, maxSkew 1`
    fn detail(&self, snapshot: &Snapshot, row: Row) -> String {
        let column = snapshot.labels.at(self.constraint.column);
        let value = column.values[row.index()];
        let key = column.key();
        let Some(text) = column.text(value) else { return format!("the node has no label {key}") };
        let count = self.counts[value.index()].unwrap_or(0);
        let (min, max_skew) = (self.min.unwrap_or(0), self.constraint.max_skew);
        let n_domains = self.counts.iter().flatten().count() as i64;
        if n_domains < self.constraint.min_domains {
            let wanted = self.constraint.min_domains;
            return format!(
                "{key}={text} has {count} of these pods, and with {n_domains} of {wanted} domains the emptiest \
                 counts 0, maxSkew {max_skew}"
            );
        }
        let is_emptiest = |(value, _): &(LabelValue, &Name)| self.counts[value.index()] == Some(min);
        let emptiest = column.texts().find(is_emptiest).map_or("", |(_, text)| text);
        format!("{key}={text} has {count} of these pods, {key}={emptiest} only {min}, maxSkew {max_skew}")
    }
}

impl SpreadFilter {
    /// Terminating pods and empty selectors, left out where pods are counted, are not left out here.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/filtering.go, updateWithPod.
    fn update(&mut self, snapshot: &Snapshot, row: Row, pod: &Pod, delta: i64) {
        if pod.meta.namespace != self.namespace {
            return;
        }
        for condition in &mut self.conditions {
            let constraint = &condition.constraint;
            if constraint.is_included[row.index()] && constraint.counted.matches_itself(&pod.meta.labels) {
                let value = snapshot.labels.at(constraint.column).values[row.index()];
                *condition.counts[value.index()].get_or_insert(0) += delta;
                condition.find_min();
            }
        }
    }
}

impl Filter for SpreadFilter {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        self.conditions.iter().try_for_each(|condition| condition.check(snapshot, row))
    }

    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        reasons.push(match self.filter(snapshot, row) {
            Err(Code::UnschedulableAndUnresolvable) => Reason::SpreadMissingLabel,
            Err(Code::Unschedulable) => Reason::SpreadSkew,
            Ok(()) => return,
        });
    }

    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        for condition in self.conditions.iter().filter(|condition| condition.check(snapshot, row).is_err()) {
            details.push(condition.detail(snapshot, row));
        }
    }

    fn add_pod(&mut self, _: &CycleContext<'_>, snapshot: &mut Snapshot, row: Row, pod: &Pod) {
        self.update(snapshot, row, pod, 1);
    }

    fn remove_pod(&mut self, _: &CycleContext<'_>, snapshot: &mut Snapshot, row: Row, pod: &Pod) {
        self.update(snapshot, row, pod, -1);
    }
}

impl Preference {
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/scoring.go, initPreScoreState.
    fn count(constraint: Constraint, scored: &[Row], cx: &CycleContext<'_>, snapshot: &Snapshot) -> Self {
        let column = snapshot.labels.at(constraint.column);
        let namespace = &cx.pod.meta.namespace;
        let mut counts;
        let n_domains;
        if constraint.is_hostname {
            n_domains = scored.len();
            counts = vec![0; snapshot.len()];
            constraint.for_each_count(namespace, snapshot, |row, n_pods| counts[row.index()] += n_pods);
        } else {
            let mut is_domain = vec![false; column.n_values()];
            for row in scored {
                is_domain[column.values[row.index()].index()] = true;
            }
            n_domains = is_domain.iter().filter(|is_domain| **is_domain).count();
            counts = vec![0; column.n_values()];
            constraint.for_each_count(namespace, snapshot, |row, n_pods| {
                if constraint.is_included[row.index()] {
                    counts[column.values[row.index()].index()] += n_pods;
                }
            });
        }
        Self { constraint, weight: libm::log((n_domains + 2) as f64), counts }
    }

    /// What the constraint adds to the score of a node; `None` where the node lacks the key.
    fn score(&self, snapshot: &Snapshot, row: Row) -> Option<f64> {
        let value = snapshot.labels.at(self.constraint.column).values[row.index()];
        let at = if self.constraint.is_hostname { row.index() } else { value.index() };
        let max_skew = (self.constraint.max_skew - 1) as f64;
        value.is_present().then(|| self.counts[at] as f64 * self.weight + max_skew)
    }
}

impl Score for SpreadScore {
    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        let score_at = |row: &Row| {
            if self.is_ignored[row.index()] {
                return 0;
            }
            let parts = self.preferences.iter().filter_map(|preference| preference.score(snapshot, *row));
            parts.fold(0.0, |sum: f64, part| sum + part).round() as i64
        };
        scores.extend(rows.iter().map(score_at));
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/scoring.go, NormalizeScore.
    fn normalize(&self, _: &Snapshot, rows: &[Row], scores: &mut [i64]) {
        let counted = || rows.iter().zip(scores.iter()).filter(|(row, _)| !self.is_ignored[row.index()]);
        let min = counted().map(|(_, score)| *score).min().unwrap_or(0);
        let max = counted().map(|(_, score)| *score).max().unwrap_or(0);
        for (row, score) in rows.iter().zip(scores) {
            *score = match (self.is_ignored[row.index()], max) {
                (true, _) => 0,
                (false, 0) => MAX_NODE_SCORE,
                (false, _) => MAX_NODE_SCORE * (max + min - *score) / max,
            };
        }
    }
}
