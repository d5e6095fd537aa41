//! InterPodAffinity: pods are drawn to other pods or kept apart from them, by what they want and by what the pods
//! already there want.

use crate::model::meta::{Labels, Name};
use crate::model::pod::Pod;
use crate::model::scheduling::{PodAffinityTerm, WeightedPodAffinityTerm};
use crate::scheduler::config::ExistingPreferences;
use crate::scheduler::framework::{Code, CycleContext, Filter, MAX_NODE_SCORE, PreFilter, Reason, Score};
use crate::scheduler::listers::Listers;
use crate::scheduler::snapshot::{Row, Snapshot};

/// What affinity terms look at of a pod.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// The namespace.
    pub namespace: &'a Name,
    /// The labels.
    pub labels: &'a Labels,
}

impl<'a> Party<'a> {
    /// What affinity terms look at of a pod.
    pub const fn of(pod: &'a Pod) -> Self {
        Self { namespace: &pod.meta.namespace, labels: &pod.meta.labels }
    }
}

/// Numbers by topology key and value.
#[derive(Debug, Default)]
struct TopologyCounts {
    columns: Vec<(usize, Vec<i64>)>,
}

/// What the conditions of the pod and of those already there come to.
#[derive(Debug)]
struct AffinityFilter {
    /// The keys of the pod's affinity terms.
    affinity_keys: Vec<usize>,
    /// Pods that match all affinity terms of the pod.
    affinity: TopologyCounts,
    /// Pods that match an anti-affinity term of the pod.
    anti_affinity: TopologyCounts,
    /// Pods of which an anti-affinity term matches the pod.
    existing_anti_affinity: TopologyCounts,
    /// The pod matches all its own affinity terms.
    matches_itself: bool,
}

/// The sum of the weights of all preferences.
#[derive(Debug)]
struct AffinityScore {
    weights: TopologyCounts,
}

/// Whether a term of `owner` selects another pod.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/types.go, newAffinityTerm and AffinityTerm.Matches.
///
/// Deviation: the keys of `matchLabelKeys` and `mismatchLabelKeys` are looked up in the labels that the owner has now;
/// upstream adds them to the selector when the pod is created.
pub fn selects(term: &PodAffinityTerm, owner: Party<'_>, other: Party<'_>, listers: &Listers) -> bool {
    let is_own_namespace = term.namespaces.is_empty() && term.namespace_selector.is_none();
    let is_in_namespaces = if is_own_namespace {
        owner.namespace == other.namespace
    } else {
        term.namespaces.contains(other.namespace)
    };
    let is_selected_namespace = || {
        let selector = term.namespace_selector.as_ref();
        selector.is_some_and(|selector| selector.matches(&listers.namespace_labels(other.namespace)))
    };
    let agrees = |key: &Name| owner.labels.get(key).is_none_or(|value| other.labels.get(key) == Some(value));
    let differs = |key: &Name| owner.labels.get(key).is_none_or(|value| other.labels.get(key) != Some(value));
    term.selector.as_ref().is_some_and(|selector| selector.matches(other.labels))
        && term.match_label_keys.iter().all(agrees)
        && term.mismatch_label_keys.iter().all(differs)
        && (is_in_namespaces || is_selected_namespace())
}

impl TopologyCounts {
    /// Adds numbers to the value of a key that each node has; nothing where it lacks the key.
    fn add(&mut self, snapshot: &Snapshot, column: usize, amounts: impl Iterator<Item = (Row, i64)>) {
        let values = &snapshot.labels.at(column).values;
        for (row, amount) in amounts {
            let value = values[row.index()];
            if value.is_present() {
                self.of_column(column, snapshot)[value.index()] += amount;
            }
        }
    }

    fn of_column(&mut self, column: usize, snapshot: &Snapshot) -> &mut Vec<i64> {
        let at = self.columns.iter().position(|(other, _)| *other == column).unwrap_or_else(|| {
            self.columns.push((column, vec![0; snapshot.labels.at(column).n_values()]));
            self.columns.len() - 1
        });
        &mut self.columns[at].1
    }

    fn at(&self, column: usize, snapshot: &Snapshot, row: Row) -> i64 {
        let value = snapshot.labels.at(column).values[row.index()];
        let counts = self.columns.iter().find(|(other, _)| *other == column);
        counts.map_or(0, |(_, counts)| counts[value.index()])
    }

    /// The number of each key of a node.
    fn all_at<'a>(&'a self, snapshot: &'a Snapshot, row: Row) -> impl Iterator<Item = i64> + 'a {
        self.columns
            .iter()
            .map(move |(column, counts)| counts[snapshot.labels.at(*column).values[row.index()].index()])
    }

    fn is_zero(&self) -> bool {
        self.columns.iter().all(|(_, counts)| counts.iter().all(|count| *count == 0))
    }
}

/// Finds where pods are that the pod wants near or far, and that want it far.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/interpodaffinity/filtering.go, PreFilter.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    let wanted = &cx.pod.spec.placement.pod_affinity;
    if wanted.required.is_empty() && wanted.anti_required.is_empty() && !snapshot.groups.have_affinity() {
        return PreFilter::Skip;
    }
    snapshot.need_groups(cx.cluster);
    let keys = wanted.required.iter().map(|term| snapshot.label_column(cx.cluster, &term.topology_key));
    let mut filter = AffinityFilter {
        affinity_keys: keys.collect(),
        affinity: TopologyCounts::default(),
        anti_affinity: TopologyCounts::default(),
        existing_anti_affinity: TopologyCounts::default(),
        matches_itself: matches_all(&wanted.required, cx, Party::of(cx.pod)),
    };
    let asks_all = !wanted.required.is_empty() || !wanted.anti_required.is_empty();
    let groups = std::mem::take(&mut snapshot.groups);
    for group in groups.iter().filter(|group| asks_all || !group.key.affinity.is_empty()) {
        let other = Party { namespace: &group.key.namespace, labels: &group.key.labels };
        let amounts = group.rows.iter().map(|(row, count)| (*row, i64::from(*count)));
        filter.update(cx, snapshot, other, &group.key.affinity.anti_required, amounts);
    }
    snapshot.groups = groups;
    let is_idle = filter.existing_anti_affinity.columns.is_empty() && !asks_all;
    if is_idle { PreFilter::Skip } else { PreFilter::Filter(Box::new(filter)) }
}

fn matches_all(terms: &[PodAffinityTerm], cx: &CycleContext<'_>, other: Party<'_>) -> bool {
    let owner = Party::of(cx.pod);
    !terms.is_empty() && terms.iter().all(|term| selects(term, owner, other, cx.listers))
}

impl AffinityFilter {
    /// Takes pods that are alike into account: so many on each of these nodes. `terms` are their anti-affinity
    /// terms.
    fn update(
        &mut self,
        cx: &CycleContext<'_>,
        snapshot: &mut Snapshot,
        other: Party<'_>,
        terms: &[PodAffinityTerm],
        amounts: impl Iterator<Item = (Row, i64)> + Clone,
    ) {
        let owner = Party::of(cx.pod);
        let wanted = &cx.pod.spec.placement.pod_affinity;
        for term in terms.iter().filter(|term| selects(term, other, owner, cx.listers)) {
            let column = snapshot.label_column(cx.cluster, &term.topology_key);
            self.existing_anti_affinity.add(snapshot, column, amounts.clone());
        }
        if matches_all(&wanted.required, cx, other) {
            for column in &self.affinity_keys {
                self.affinity.add(snapshot, *column, amounts.clone());
            }
        }
        for term in wanted.anti_required.iter().filter(|term| selects(term, owner, other, cx.listers)) {
            let column = snapshot.label_column(cx.cluster, &term.topology_key);
            self.anti_affinity.add(snapshot, column, amounts.clone());
        }
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/interpodaffinity/filtering.go, satisfyPodAffinity.
    fn is_near(&self, snapshot: &Snapshot, row: Row) -> bool {
        let has_key = |column: &usize| snapshot.labels.at(*column).values[row.index()].is_present();
        let has_pod = |column: &usize| self.affinity.at(*column, snapshot, row) > 0;
        self.affinity_keys.iter().all(has_key)
            && (self.affinity_keys.iter().all(has_pod) || self.affinity.is_zero() && self.matches_itself)
    }

    /// The first reason against a node.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/interpodaffinity/filtering.go, Filter.
    fn check(&self, snapshot: &Snapshot, row: Row) -> Result<(), (Code, Reason)> {
        if !self.is_near(snapshot, row) {
            return Err((Code::UnschedulableAndUnresolvable, Reason::PodAffinity));
        }
        if self.anti_affinity.all_at(snapshot, row).any(|count| count > 0) {
            return Err((Code::Unschedulable, Reason::PodAntiAffinity));
        }
        if self.existing_anti_affinity.all_at(snapshot, row).any(|count| count > 0) {
            return Err((Code::Unschedulable, Reason::ExistingPodsAntiAffinity));
        }
        Ok(())
    }
}

impl Filter for AffinityFilter {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        self.check(snapshot, row).map_err(|(code, _)| code)
    }

    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        reasons.extend(self.check(snapshot, row).err().map(|(_, reason)| reason));
    }

    /// In which domain a pod is missing or in the way.
    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        let Err((_, reason)) = self.check(snapshot, row) else { return };
        let domain = |column: usize| {
            let column = snapshot.labels.at(column);
            column.text(column.values[row.index()]).map(|text| format!("{}={text}", column.key()))
        };
        if reason == Reason::PodAffinity {
            let lacks = |column: &&usize| self.affinity.at(**column, snapshot, row) == 0;
            details.extend(self.affinity_keys.iter().filter(lacks).map(|column| match domain(*column) {
                Some(domain) => format!("{domain} has no such pod"),
                None => format!("no label {}", snapshot.labels.at(*column).key()),
            }));
            return;
        }
        let is_own = reason == Reason::PodAntiAffinity;
        let counts = if is_own { &self.anti_affinity } else { &self.existing_anti_affinity };
        let full = counts.columns.iter().filter(|(column, _)| counts.at(*column, snapshot, row) > 0);
        let mut domains: Vec<_> = full.filter_map(|(column, _)| domain(*column)).collect();
        // In which order the keys came up depends on which pods asked before.
        domains.sort_unstable();
        details.extend(domains.into_iter().map(|domain| format!("{domain} has such a pod")));
    }

    fn add_pod(&mut self, cx: &CycleContext<'_>, snapshot: &mut Snapshot, row: Row, pod: &Pod) {
        let terms = &pod.spec.placement.pod_affinity.anti_required;
        self.update(cx, snapshot, Party::of(pod), terms, std::iter::once((row, 1)));
    }

    fn remove_pod(&mut self, cx: &CycleContext<'_>, snapshot: &mut Snapshot, row: Row, pod: &Pod) {
        let terms = &pod.spec.placement.pod_affinity.anti_required;
        self.update(cx, snapshot, Party::of(pod), terms, std::iter::once((row, -1)));
    }
}

/// Sums up the preferences of the pod and of those already there.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/interpodaffinity/scoring.go, PreScore and
/// processExistingPod.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let wanted = &cx.pod.spec.placement.pod_affinity;
    let asks_all = !wanted.preferred.is_empty() || !wanted.anti_preferred.is_empty();
    let is_indifferent = cx.config.existing_preferences == ExistingPreferences::Ignored;
    if !asks_all && (is_indifferent || !snapshot.groups.have_affinity()) {
        return None;
    }
    snapshot.need_groups(cx.cluster);
    let itself = Party::of(cx.pod);
    let mut weights = TopologyCounts::default();
    let groups = std::mem::take(&mut snapshot.groups);
    for group in groups.iter().filter(|group| asks_all || !group.key.affinity.is_empty()) {
        let other = Party { namespace: &group.key.namespace, labels: &group.key.labels };
        let theirs = &group.key.affinity;
        let hard_weight = cx.config.hard_pod_affinity_weight;
        let hard = theirs.required.iter().map(|term| (term, hard_weight)).filter(|_| hard_weight > 0);
        let of_them = hard.chain(signed(&theirs.preferred, 1)).chain(signed(&theirs.anti_preferred, -1));
        let of_them = of_them.filter(|(term, _)| selects(term, other, itself, cx.listers));
        let own = signed(&wanted.preferred, 1).chain(signed(&wanted.anti_preferred, -1));
        let own = own.filter(|(term, _)| selects(term, itself, other, cx.listers));
        for (term, weight) in own.chain(of_them) {
            let column = snapshot.label_column(cx.cluster, &term.topology_key);
            let amounts = group.rows.iter().map(|(row, count)| (*row, weight * i64::from(*count)));
            weights.add(snapshot, column, amounts);
        }
    }
    snapshot.groups = groups;
    if weights.columns.is_empty() { None } else { Some(Box::new(AffinityScore { weights })) }
}

fn signed(terms: &[WeightedPodAffinityTerm], sign: i64) -> impl Iterator<Item = (&PodAffinityTerm, i64)> {
    terms.iter().map(move |weighted| (&weighted.term, sign * weighted.weight))
}

impl Score for AffinityScore {
    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        scores.extend(rows.iter().map(|row| self.weights.all_at(snapshot, *row).sum::<i64>()));
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/interpodaffinity/scoring.go, NormalizeScore.
    fn normalize(&self, _: &Snapshot, _: &[Row], scores: &mut [i64]) {
        let min = scores.iter().copied().min().unwrap_or(0);
        let range = scores.iter().copied().max().unwrap_or(0) - min;
        for score in scores {
            *score = if range > 0 {
                (MAX_NODE_SCORE as f64 * ((*score - min) as f64 / range as f64)) as i64
            } else {
                0
            };
        }
    }
}
